"""A thousand instances on one Redis: what they cost at rest, and that what only a few of them look for is found all the same.

A few real pods live beside instances that are only registered: with the very script that pods register with, as MONITOR has seen it. What Redis
does is counted in commands, which no other process on the machine changes.
"""

import contextlib
import os
import re
import socket
import threading
import time

import pytest

from support.pod import ROOT
from support.waiting import wait_until

MANY = 1000
BEAT = os.path.join(ROOT, "sidecar/redis/lua/beat.lua")
with open(BEAT, encoding="utf-8") as f:  # EVALSHA, the sum, 1 and the key come first; the names of other instances last
    FIXED = 4 + len(re.search("-- arguments: (.*)", f.read())[1].split())
WORDS = re.compile(rb'"((?:[^"\\]|\\.)*)"')


class Monitor:
    """What clients of this Redis say: (address, words) each."""

    def __init__(self, server):
        self.sock = socket.create_connection(("127.0.0.1", server.port))
        self.sock.sendall(b"MONITOR\r\n")
        self.said, self.rest = [], b""
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        with contextlib.suppress(OSError):
            while data := self.sock.recv(65536):
                *lines, self.rest = (self.rest + data).split(b"\r\n")
                for line in lines:
                    if (source := re.search(rb"\[\d+ ([^\]]*)\]", line)) and source[1] != b"lua":
                        words = [re.sub(rb'\\(["\\])', rb"\1", w) for w in WORDS.findall(line)]
                        self.said.append((source[1].decode(), words))

    def close(self):
        self.sock.close()


@pytest.fixture
def monitor(own_redis, world):
    server = own_redis()
    world.redis_server = server
    m = Monitor(server)
    yield m
    m.close()


def beat_of(monitor, pod):
    """The command by which this pod has renewed its lease last."""
    def beats():
        return [w for _, w in list(monitor.said) if w[0] == b"EVALSHA" and w[3].endswith(b":config") and w[5] == pod.instance.encode()]
    before = len(beats())
    return wait_until(lambda: beats()[before:], 12, "a beat")[-1]


def register(world, beat, count):
    """Instances that are registered, and do nothing. Returns their beats."""
    words = beat[:FIXED]
    words[-1] = b"1"  # it says whom it has seen: nobody
    pipe = world.redis.pipeline(transaction=False)
    all_beats = []
    for k in range(count):
        one = list(words)
        one[5] = b"other-%04d" % k
        all_beats.append(one)
        pipe.execute_command(*one)
    assert all(r[0] == b"ok" for r in pipe.execute())
    return all_beats


@contextlib.contextmanager
def others_on_duty(world):
    """What those on duty do for all, as long as this lasts."""
    over = threading.Event()

    def work():
        n = 0
        while not over.wait(0.5):
            world.redis.set(world.key("watched"), 1, px=4000)
            if n % 4 == 0:
                world.redis.publish(world.key("canary"), "1")
            if n % 6 == 0:
                world.push({"to": {"connection": "canary:*"}, "text": ""})
            n += 1
    t = threading.Thread(target=work)
    t.start()
    try:
        yield
    finally:
        over.set()
        t.join()


def calls(world, work):
    """How many commands Redis carries out while `work` is done, scripts' own included."""
    world.redis.config_resetstat()
    work()
    return sum(s["calls"] for name, s in world.redis.info("commandstats").items() if not name.startswith(("cmdstat_config", "cmdstat_info")))


def test_a_beat_costs_the_same_however_many_there_are(monitor, world):
    pod = world.pod(lease="15s")
    beat = beat_of(monitor, pod)
    register(world, beat, 1)

    def beats():
        """The pod's own commands come between some of them."""
        def work():
            pipe = world.redis.pipeline(transaction=False)
            for _ in range(20):
                pipe.execute_command(*beat)
            pipe.execute()
        return min(calls(world, work) for _ in range(5))
    with_two = beats()
    register(world, beat, MANY - 1)
    assert world.redis.hlen(world.key("instances")) == MANY
    assert beats() <= 1.1 * with_two + 60  # what the pod does meanwhile; one command for each of them would be 20,000 more
    with others_on_duty(world):
        wait_until(lambda: len(beat_of(monitor, pod)) == FIXED, 20,
                   "a beat that does not name all instances")


def test_a_push_to_a_user_costs_the_same_however_many_there_are(monitor, world):
    """Also what the pods do at rest meanwhile is counted: less of it is within the bound."""
    pod = world.pod(lease="15s")
    client = world.connect(pod, user="alice")
    beat = beat_of(monitor, pod)

    def pushes():
        def work():
            for k in range(4):
                world.push(*[{"to": {"user": "alice"}, "text": "x"}] * 100)
                for _ in range(100):
                    client.recv(5)
        return calls(world, work)
    pushes()
    with_one = pushes()
    register(world, beat, MANY - 1)
    with others_on_duty(world):
        wait_until(lambda: len(beat_of(monitor, pod)) == FIXED, 20, "the pod knows of the others")
        with_many = pushes()
    assert with_many <= 1.2 * with_one + 60, (with_one, with_many)


def test_an_instance_at_rest_says_hardly_more_than_its_beats(monitor, world):
    pods = [world.pod(lease="15s") for _ in range(2)]
    register(world, beat_of(monitor, pods[0]), MANY - 2)
    with others_on_duty(world):
        for pod in pods:
            wait_until(lambda of=pod: len(beat_of(monitor, of)) == FIXED, 20, "the pods know of the others")
        time.sleep(2)
        begin, started = len(monitor.said), time.monotonic()
        time.sleep(15)
        took = time.monotonic() - started
        said = monitor.said[begin:]
        for pod in pods:
            name = pod.instance.encode()
            addresses = {a for a, words in said if any(name in w for w in words)}
            mine = [words[0] for a, words in said if a in addresses]
            if b"BLMOVE" in {w[0] for a, w in said if a in addresses}:
                continue  # it routes
            assert len(mine) / took <= 1.3, mine  # before there were those on duty: 7.8
        assert [p.readyz()[1]["redis"] for p in pods] == ["ok", "ok"]
    # Nobody speaks for all any more: each proves its own ways within 6 s.
    end = time.monotonic() + 9
    while time.monotonic() < end:
        assert [p.readyz()[1]["redis"] for p in pods] == ["ok", "ok"]
        time.sleep(0.3)
    own = {w[2] for _, w in monitor.said if w[0] == b"RPUSH" and b'"canary:' in w[2] and b"canary:*" not in w[2]}
    assert len([x for x in own if any(p.instance.encode() in x for p in pods)]) >= 2


def test_the_dead_are_found_when_nobody_on_duty_lives(monitor, world):
    """All but two of 42 have died at once: those that were on duty, too."""
    pods = [world.pod(lease="2s") for _ in range(2)]
    client = world.connect(pods[0], user="alice")
    register(world, beat_of(monitor, pods[0]), 40)
    wait_until(lambda: world.redis.hlen(world.key("instances")) == 2, 40, "40 dead instances are taken over")
    world.push({"to": {"user": "alice"}, "text": "still here"})
    assert client.recv(10) == "still here"
