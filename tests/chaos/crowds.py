"""Groups of ten, topics and all, at a high rate, to people who dial anew at random while pods are killed: whoever belonged to a group when a
push to it was accepted has it, at once or after he has come back."""

import asyncio
import collections
import dataclasses
import json
import random
import threading
import time

import redis

from chaos.wide_app import CROWDS
from chaos.wide_fleet import Member, WideFleet
from chaos.wide_stage import WideStage

TOPICS = 20
STOMP_SHARE = 10  # one of so many clients subscribes to a topic
FOR_ALL = 2.0  # seconds between two pushes to all: each is as many messages as there are clients


class Person(Member):
    """Goes and comes again within a second or so, with a close frame or without one, more often than not while pushes are under way."""

    def is_ready(self):
        super().is_ready()
        self.stay()

    def stay(self):
        if self.ready and self.fleet.moving and not self.fleet.settling:
            asyncio.get_running_loop().call_later(self.fleet.random.expovariate(1 / self.fleet.stays), self.leave, self.transport)


class CrowdFleet(WideFleet):
    def __init__(self, ports, count, seed, stays=30.0):
        super().__init__(ports, 0, seed)
        self.stays = stays  # seconds, on average
        self.moving = False  # once all have been there
        self.clients = [Person(self, f"s{n}", 0, topics=(f"/topic/t{n % TOPICS}",)) if n % STOMP_SHARE == 0 else Person(self, f"m{n}", 0)
                        for n in range(count)]
        self.away = []
        self.by_user = {c.user: [c] for c in self.clients}

    def move(self):
        self.moving = True
        for c in self.clients:
            c.stay()

    @staticmethod
    def crowd_of(client):
        return client.topics[0] if client.topics else f"crowd-{int(client.user[1:]) % CROWDS}"


class CrowdProducer(threading.Thread):
    def __init__(self, masters, prefix, rate, seed):
        super().__init__(daemon=True)
        self.masters, self.prefix, self.rate = masters, prefix, rate
        self.random = random.Random(seed)
        self.stopping = threading.Event()
        self.count = 0
        self.accepted = collections.defaultdict(list)  # name -> numbers

    def run(self):
        client = redis.Redis(port=self.masters.port)
        started, for_all = time.monotonic(), 0.0
        while not self.stopping.is_set():
            due = min(int((time.monotonic() - started) * self.rate) - self.count, 500)
            if due <= 0:
                time.sleep(0.004)
                continue
            batch = []
            for n in range(self.count, self.count + due):
                name = f"crowd-{self.random.randrange(CROWDS)}" if self.random.random() < 0.9 else f"/topic/t{self.random.randrange(TOPICS)}"
                if time.monotonic() - for_all > FOR_ALL:
                    for_all, name = time.monotonic(), "all"
                to = {"all": True} if name == "all" else {"destination" if name[0] == "/" else "group": name}
                batch.append((name, n, json.dumps({"to": to, "id": f"p{n}", "text": f"p{n}"})))
            client.rpush(self.prefix + "outbox", *(e for _, _, e in batch))
            for name, n, _ in batch:
                self.accepted[name].append(n)
            self.count += due

    def stop(self):
        self.stopping.set()
        self.join(15)


class CrowdStage(WideStage):
    def take_part(self, clients, rate, seed):
        return CrowdFleet(self.ports, clients, seed), CrowdProducer(self.masters, self.prefix, rate, seed)


@dataclasses.dataclass
class Account:
    seconds: float
    pushes: int = 0
    due: int = 0  # what all clients together were to have
    had: int = 0
    repeated: int = 0
    connections: int = 0
    away: float = 0  # seconds between two connections, on average
    lost: list = dataclasses.field(default_factory=list)
    foreign: list = dataclasses.field(default_factory=list)
    left: dict = dataclasses.field(default_factory=dict)
    WORDS = {"lost": "lost", "foreign": "foreign"}

    def __str__(self):
        lines = [f"{self.pushes} pushes, {self.pushes / self.seconds:.0f}/s; {self.connections} connections, {self.away:.1f} s between two on average",
                 f"{self.due} messages were due, {self.had} came, lost {len(self.lost)}, foreign {len(self.foreign)}, repeated {self.repeated}"]
        lines += [f"LOST: {x}" for x in self.lost[:20]] + [f"FOREIGN: {x}" for x in self.foreign[:20]]
        lines += [f"still in Redis: {k}: {n}" for k, n in self.left.items()]
        return "\n".join(lines)


def close(stage, seconds):
    """STOMP clients take of `all` nothing: it names no destination."""
    accepted, a = stage.producer.accepted, Account(seconds, pushes=stage.producer.count)
    gaps = []
    for c in stage.fleet.clients:
        had = collections.Counter(n for x in c.past for n in x.order)
        due = set(accepted[stage.fleet.crowd_of(c)]) | (set() if c.topics else set(accepted["all"]))
        a.due += len(due)
        a.had += len(due & had.keys())
        a.repeated += sum(had.values()) - len(had)
        a.connections += len(c.past)
        a.lost += [f"{c.user}: p{n}" for n in sorted(due - had.keys())]
        a.foreign += [f"{c.user}: p{n}" for n in sorted(had.keys() - due)]
        gaps += [y.opened - x.ended for x, y in zip(c.past, c.past[1:]) if x.ended]
    a.foreign += [f"{u}: {m!r}" for u, m in stage.fleet.strange]
    a.away = sum(gaps) / len(gaps) if gaps else 0
    return a


async def play_crowds(stage, seconds, every, settle=120):
    """Kills a pod each `every` seconds, and cuts off some clients in between."""
    await stage.fleet.start(at_once=20)
    await asyncio.sleep(3 * stage.lease + 1)  # the pods may reap from here on
    stage.ledger.started = started = time.monotonic()
    stage.fleet.move()
    stage.producer.start()
    for turn in range(1, int((seconds - 1) / every * 2) + 1):
        await asyncio.sleep(max(0.0, turn * every / 2 - (time.monotonic() - started)))
        if turn % 2:
            stage.cut_clients()
        else:
            await asyncio.to_thread(stage.kill_pod)
    await asyncio.sleep(max(0.0, seconds - (time.monotonic() - started)))
    await asyncio.to_thread(stage.producer.stop)
    left = await stage.settle(settle, False)
    account = close(stage, seconds)
    account.left = left
    await stage.fleet.end()
    return account
