"""Redis in trouble: clients stay, what is wrong is told, and within seconds of its end everything works; nothing is lost.

The troubles mostly wait, so the scenes of the first part are played at the same time, each with a Redis of its own.
"""

import json
import os
import random
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
import redis as redis_client

from support.fault_proxy import FaultProxy
from support.redis_server import Redis, free_port
from support.waiting import stays, wait_until
from support.world import World

RECOVERY = 3.5  # a dial that hangs is given up after 2 s, and the next is at most 1 s later
LOGIN = "sidecar:secret@"


def push(world, user, text, **more):
    world.push({"to": {"user": user}, "text": text, **more})


def collect(client, count, timeout=8.0):
    return [client.recv(timeout) for _ in range(count)]


def cpu_seconds(process):
    with open(f"/proc/{process.pid}/stat", encoding="ascii") as f:
        fields = f.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


# --------------------------------------------------------------------------------- what can befall Redis, as `with`

@contextmanager
def down(s):
    s.server.kill()
    yield
    s.server.start()


@contextmanager
def restarted_empty(s):
    s.server.kill()
    yield
    s.server.restart(empty=True)


@contextmanager
def frozen(s):
    s.server.pause()
    yield
    s.server.resume()


@contextmanager
def half_open(s):
    s.proxy.blackhole()
    yield
    s.proxy.blackhole(False)


@contextmanager
def refusing_20_dials(s):
    s.proxy.reset(refuse=20)
    yield
    wait_until(lambda: s.proxy.refuse == 0, 15, "20 refused dials")


@contextmanager
def readonly(s):
    s.client.execute_command("REPLICAOF", "127.0.0.1", free_port())
    yield
    s.client.execute_command("REPLICAOF", "NO", "ONE")


@contextmanager
def loading(s):
    s.client.mset({f"{s.prefix}filler:{n}": n for n in range(2000)})
    s.server.options.update({"key-load-delay": "2000", "loading-process-events-interval-bytes": "1024"})
    s.client.save()
    s.server.kill()
    start = threading.Thread(target=s.server.start)
    start.start()
    yield
    start.join()


@contextmanager
def out_of_memory(s):
    s.client.config_set("maxmemory", 1)
    yield
    s.client.config_set("maxmemory", 0)


def forbidden(*commands):
    @contextmanager
    def noperm(s):
        s.client.execute_command("ACL", "SETUSER", "sidecar", *[f"-{c}" for c in commands])
        yield
        s.client.execute_command("ACL", "SETUSER", "sidecar", *[f"+{c}" for c in commands])
    return noperm


@contextmanager
def busy(s):
    def run():
        with pytest.raises(redis_client.RedisError):
            redis_client.Redis(port=s.server.port).eval("while true do end", 0)
    script = threading.Thread(target=run)
    script.start()
    yield
    s.client.script_kill()
    script.join()


@contextmanager
def misconf(s):
    """A snapshot that can't be saved stops all writes."""
    s.client.config_set("save", "3600 1000000")
    os.makedirs(f"{s.server.directory}/dump.rdb/in the way")
    s.client.bgsave()
    wait_until(lambda: s.client.info("persistence")["rdb_last_bgsave_status"] == "err", 5, "a snapshot that fails")
    yield
    os.removedirs(f"{s.server.directory}/dump.rdb/in the way")  # not the directory, which holds more
    s.client.bgsave()
    wait_until(lambda: s.client.info("persistence")["rdb_last_bgsave_status"] == "ok", 5, "a snapshot")


#                      name of the scene: trouble, what readyz or the kinds of errors must name
TROUBLES = {
    "down": (down, "refused|reset|closed|answer"),
    "restarted_empty": (restarted_empty, "refused|reset|closed|answer"),
    "frozen": (frozen, "answer|canary"),
    "half_open": (half_open, "answer|canary"),
    "refusing": (refusing_20_dials, "refused|reset|closed|answer"),
    "readonly": (readonly, "READONLY"),
    "loading": (loading, "LOADING"),
    "oom": (out_of_memory, "OOM"),
    "noperm_scripts": (forbidden("@scripting"), "NOPERM"),
    "noperm_publish": (forbidden("publish"), "NOPERM"),
    "noperm_subscribe": (forbidden("publish", "subscribe"), "NOPERM"),
    "noperm_reading": (forbidden("xread"), "NOPERM"),
    "noperm_all": (forbidden("@all"), "NOPERM"),
    "busy": (busy, "BUSY"),
    "misconf": (misconf, "MISCONF"),
}


def try_to_push(s, text):
    """Whether Redis has it: yes, no, or nobody knows."""
    direct = redis_client.Redis(port=s.server.port, socket_timeout=0.3)
    try:
        direct.rpush(s.world.key("outbox"), json.dumps({"to": {"user": "alice"}, "text": text}))
        s.taken.append(text)
    except redis_client.TimeoutError:
        s.maybe.append(text)
    except redis_client.RedisError:
        pass


def words_of(pod):
    """What readyz says, and the kinds of errors that are counted."""
    errors = [labels["kind"] for name, labels, n in pod.samples() if name == "wsidecar_redis_errors_total" and n]
    return pod.readyz()[1]["redis"], *errors


def play(s, trouble, word):
    """One trouble from before its start to behind its end."""
    world, pod = s.world, s.pod
    c = world.connect(pod, user="alice", auto_pong=True)
    push(world, "alice", "before")
    assert c.recv() == "before"
    if trouble not in (restarted_empty, loading):  # which keep no push of the last moment, or have it twice
        push(world, "alice", "just before")
        s.taken.append("just before")
    used = cpu_seconds(pod.process)
    started = time.monotonic()
    with trouble(s):
        try_to_push(s, "during")
        wait_until(lambda: pod.readyz()[1]["redis"] != "ok", 6.5, "readyz to tell", step=0.05)
        assert pod.metric("wsidecar_redis_up") == 0
        wait_until(lambda: any(re.search(word, text) for text in words_of(pod)), 2, f"{word}, not {words_of(pod)}", step=0.05)
        assert pod.readyz()[0] == 200  # a blip must not empty a Service
        before = time.monotonic()
        d = world.connect(pod, user="bob")
        assert time.monotonic() - before < 1.8
        try_to_push(s, "late")
        if trouble not in (loading, refusing_20_dials):  # which end by themselves
            stays(lambda: pod.readyz()[1]["redis"] != "ok", 1.5, "told as long as it lasts")
        assert cpu_seconds(pod.process) - used < 0.35 * (time.monotonic() - started) + 0.3, "it spins"
    ended = time.monotonic()
    wait_until(lambda: pod.readyz()[1]["redis"] == "ok", 12, "the recovery", step=0.05)
    s.recovery = time.monotonic() - ended
    world._redis = None
    push(world, "alice", "after")
    push(world, "bob", "after")
    got = []
    while not got or got[-1] != "after":
        got.append(c.recv(8))
    got.pop()
    assert [g for g in got if g not in s.maybe] == s.taken, f"lost or out of order: {got}, taken {s.taken}"
    assert len(set(got)) == len(got) and set(got) <= {*s.taken, *s.maybe}
    assert d.recv() == "after"
    for name, client in (("alice", c), ("bob", d)):
        assert world.publish(f"user:{name}", "channel") == 1
        assert client.recv() == "channel"
        assert len(world.presence(name)) == 1
    assert pod.metric("wsidecar_redis_up") == 1
    assert not pod.app.events("disconnect")
    assert s.recovery < RECOVERY, f"took {s.recovery:.1f} s"


class Scene:
    """A Redis, a proxy in front of it, and a pod."""

    def __init__(self, lease="2s", **options):
        self.server = Redis(acl=["sidecar on >secret ~* &* +@all", "default on nopass ~* &* +@all"], busy_reply_threshold="100",
                            **options)
        self.proxy = FaultProxy(self.server.port)
        self.world = World(self.server)
        self.world.config = {"lease": lease, "ping": "5m", "redis": {"url": self.proxy.url(LOGIN)}}
        self.prefix = self.world.prefix
        self.taken, self.maybe, self.recovery = [], [], None
        self.pod = self.world.pod()

    @property
    def client(self):
        return self.server.client()

    def close(self):
        try:
            self.world.close()
        finally:
            self.proxy.close()
            self.server.close()


@pytest.fixture(scope="module")
def scenes(request):
    made = {}
    mine = f"{request.node.nodeid}::test_clients_stay"
    wanted = [item.callspec.params["name"] for item in request.session.items if item.nodeid.startswith(mine)]

    def start(name, trouble, word):
        durable = {} if name in ("restarted_empty", "loading", "misconf") else {"appendonly": "yes", "appendfsync": "always"}
        s = made[name] = Scene(**durable)
        play(s, trouble, word)

    with ThreadPoolExecutor(len(TROUBLES)) as pool:
        yield {name: pool.submit(start, name, *TROUBLES[name]) for name in wanted}, made
        list(pool.map(lambda s: s.close(), made.values()))


@pytest.mark.parametrize("name", TROUBLES)
def test_clients_stay_it_is_told_and_afterwards_nothing_is_missing(scenes, name):
    played, made = scenes
    played[name].result(40)
    print(f"recovered after {made[name].recovery:.1f} s")


def all_at_once(play_one, whats):
    with ThreadPoolExecutor(len(whats)) as pool:
        played = {what: pool.submit(play_one, what) for what in whats}
    failures = {getattr(what, "__name__", what): e for what, p in played.items() if (e := p.exception())}
    assert not failures, failures


# ------------------------------------------------------------------------------------------------- one link alone

LINKS = ("commands", "subscriber", "router", "inbox")


@pytest.mark.slow
def test_a_link_that_dies_silently_is_replaced_and_the_others_lose_nothing():
    """A NAT box forgets one connection: nothing more comes or goes on it, and nobody says so."""
    def play_link(name):
        s = Scene()
        try:
            c = s.world.connect(s.pod, user="alice")
            s.proxy.half_open(name)
            for n in range(40):
                push(s.world, "alice", str(n))
            assert collect(c, 40, 8) == [str(n) for n in range(40)]
            wait_until(lambda: s.pod.metric("wsidecar_redis_reconnects_total", link=name) == 1, 9, f"a new {name} link")
            s.pod.wait_ready(3)
            subscribers = 2 if name == "subscriber" else 1  # Redis has not heard of the end of the first
            wait_until(lambda: s.world.publish("user:alice", "channel") == subscribers, 1, "the subscription")
            assert c.recv() == "channel"
            c.hears_nothing(0.2)
            assert sum(s.pod.metric("wsidecar_redis_reconnects_total", link=other) for other in LINKS) == 1
        finally:
            s.close()

    all_at_once(play_link, LINKS)


# ------------------------------------------------------------------------------------------------------ slow ways

@pytest.fixture
def scene():
    s = Scene()
    yield s
    s.close()


def test_200_ms_of_latency_slow_it_down_and_nothing_else(scene):
    scene.proxy.up.latency = scene.proxy.down.latency = 0.1
    started = time.monotonic()
    c = scene.world.connect(scene.pod, user="alice")
    assert 0.2 < time.monotonic() - started < 1.5
    for n in range(300):
        push(scene.world, "alice", str(n))
    assert collect(c, 300) == [str(n) for n in range(300)]
    assert scene.pod.readyz()[1]["redis"] == "ok"
    c.hears_nothing(0.3)


def test_bytes_that_come_one_by_one(scene):
    scene.proxy.up.slices = scene.proxy.down.slices = 3
    c = scene.world.connect(scene.pod, user="alice")
    for n in range(50):
        push(scene.world, "alice", f"{n} 张三")
    assert collect(c, 50) == [f"{n} 张三" for n in range(50)]
    assert scene.world.publish("user:alice", "channel") == 1
    assert c.recv() == "channel"


@pytest.mark.slow
def test_64_kib_a_second_are_slow_and_no_wedge(scene):
    """Answers that take longer than a dead connection is given: what still moves is not dead."""
    c = scene.world.connect(scene.pod, user="alice")
    scene.proxy.down.bandwidth = 64 << 10
    scene.world.push(*[{"to": {"user": "alice"}, "text": f"{n} " + "x" * 64_000} for n in range(5)])
    assert [g[:2] for g in collect(c, 5, 16)] == [f"{n} " for n in range(5)]
    c.hears_nothing(0.2)


# ---------------------------------------------------------------------------------------------------- never a wedge

def test_resets_and_refused_dials_again_and_again_end_in_no_wedge(scene):
    seed = random.randrange(1 << 30)
    print("seed", seed)
    dice = random.Random(seed)
    c = scene.world.connect(scene.pod, user="alice")
    for n in range(100):
        scene.proxy.reset(refuse=dice.randint(1, 3))
        push(scene.world, "alice", str(n))
        time.sleep(dice.random() * 0.15)
    assert collect(c, 100) == [str(n) for n in range(100)]
    scene.pod.wait_ready(4)
    wait_until(lambda: scene.world.publish("user:alice", "channel") == 1, 3, "the subscription")
    assert c.recv() == "channel"


@pytest.mark.parametrize("trouble", [busy, forbidden("subscribe", "eval", "evalsha")])
def test_a_connection_made_while_redis_refuses_for_a_moment_is_subscribed_when_it_no_longer_does(scene, trouble):
    with trouble(scene):
        time.sleep(0.3)
        c = scene.world.connect(scene.pod, user="bob")
    wait_until(lambda: scene.world.presence("bob"), 2, "bob's registration")
    push(scene.world, "bob", "list")
    assert c.recv() == "list"
    wait_until(lambda: scene.world.publish("user:bob", "channel") == 1, 4, "bob's subscription", step=0.1)
    assert c.recv() == "channel"


# ------------------------------------------------------------------------------------------------------------- gaps

def test_on_gap_close_ends_connections_once_the_subscription_is_back(world, own_redis):
    server = world.redis_server = own_redis()
    world.config = {"on_gap": "close", "drain": {"period": "300ms"}}
    pod = world.pod()
    clients = [world.connect(pod, user=f"u{n}") for n in range(5)]
    server.kill()
    clients[0].hears_nothing(0.5)  # a client that fetches anew now would fall into the gap
    server.start()
    for c in clients:
        assert c.closed()[0] == 4010
    assert pod.metric("wsidecar_pubsub_gaps_total") == 1


def test_what_overflows_for_a_frozen_pod_is_a_gap_on_channels_and_no_loss_on_the_list(world, own_redis):
    server = world.redis_server = own_redis()
    pod = world.pod()
    c = world.connect(pod, user="alice")
    world.connect(pod, user="bob", join=["flood"])  # does not read: closed with 1013, after all
    server.client().config_set("client-output-buffer-limit", "pubsub 1mb 1mb 0")
    pod.pause()
    world.push(*[{"to": {"user": "alice"}, "json": n} for n in range(200)])
    for _ in range(40):
        pipe = world.redis.pipeline(transaction=False)
        for _ in range(100):
            pipe.publish(world.key("group:flood"), "x" * 8000)
        if pipe.execute()[-1] == 0:
            break
    assert world.redis.pubsub_numsub(world.key("user:alice"))[0][1] == 0, "Redis was to drop the subscriber"
    pod.resume()
    resumed = time.monotonic()
    wait_until(lambda: pod.metric("wsidecar_pubsub_gaps_total") == 1, 3, "the gap")
    wait_until(lambda: world.redis.pubsub_numsub(world.key("user:alice"))[0][1] == 1, 3, "the subscription")
    assert time.monotonic() - resumed < 2.5
    assert collect(c, 200) == [str(n) for n in range(200)]


# ----------------------------------------------------------------------------------------------------- frozen pods

@pytest.mark.slow
def test_a_pod_that_was_frozen_delivers_nothing_that_another_has_delivered(world):
    world.config = {"lease": "1s"}
    a, b = world.pod(), world.pod()
    c = world.connect(a, user="alice", join=["g"])
    push(world, "alice", "before")
    assert c.recv() == "before"
    c.hears_nothing(0.1)  # but answers the ping
    wait_until(lambda: world.redis.xlen(world.key(f"inbox:{a.instance}")) == 0, 3, "its confirmation")
    old = a.instance
    a.pause()  # it waits in XREAD: what Redis answers now lies in its socket
    for n in range(10):
        push(world, "alice", str(n))
    world.push({"to": {"group": "g"}, "text": "to g"}, {"to": {"all": True}, "text": "to all"})
    d = world.connect(b, user="alice", join=["g"])
    live = collect(d, 12, 10)
    assert sorted(live) == sorted([*map(str, range(10)), "to g", "to all"])
    b.app.wait_event("disconnect", timeout=8, ws=c.id)
    a.resume()
    assert c.closed()[0] == 1012  # and not a push more
    d.hears_nothing(0.5)
    a.wait_ready()
    instances = [i.decode() for i in world.redis.hkeys(world.key("instances"))]
    assert sorted(instances) == sorted([a.instance, b.instance]) and old not in instances
    assert list(world.presence("alice")) == [d.id]
    assert world.redis.hgetall(world.key("where:user:alice")) == {b.instance.encode(): b"1"}
    assert not world.redis.exists(world.key(f"inbox:{old}"), world.key(f"conns:{old}"), world.key(f"lease:{old}"))
    push(world, "alice", "after")
    assert d.recv() == "after"


# ------------------------------------------------------------------------------------- leases end, and nobody is dead

def after_a_beat(s):
    """The most unlucky moment: one of them has just said that it lives, and will again in 3.5 s."""
    s.proxy.hold("commands", '{"since":', answer=True)
    s.proxy.wait_held()
    time.sleep(0.1)
    s.proxy.release()


def deleted(s):
    time.sleep(12.6)  # lease + 2 s: all may reap
    after_a_beat(s)
    s.client.delete(*s.client.keys(s.world.key("lease:*")))


def refused(s):
    with forbidden("eval", "evalsha")(s):
        time.sleep(12.6)
        after_a_beat(s)


@pytest.mark.slow
@pytest.mark.parametrize("end_leases", [deleted, refused])
def test_leases_that_end_while_redis_is_there_make_nobody_dead(end_leases):
    """With a lease of 10.5 s an instance says every 3.5 s that it lives: two looks 2 s apart can both fall in between."""
    s = Scene(lease="10500ms")
    try:
        pods = [s.pod, s.world.pod(), s.world.pod()]
        clients = [s.world.connect(p, user=f"u{n}") for n, p in enumerate(pods)]
        end_leases(s)
        time.sleep(4)
        assert sum(p.metric("wsidecar_reaped_instances_total") for p in pods) == 0
        for n, c in enumerate(clients):
            c.round_trip()
            push(s.world, f"u{n}", "x")
            assert c.recv() == "x"
    finally:
        s.close()
