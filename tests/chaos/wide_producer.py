"""Pushes by all doors, to all kinds of addresses. What one MULTI writes is a batch; its number is written with it, so that any Redis
that has it says how far its history goes: up to there it had all, behind it nothing."""

import dataclasses
import json
import random
import threading
import time

import redis

from chaos.wide_app import GROUPS, alias_of


@dataclasses.dataclass
class Push:
    number: int
    door: str  # list, source, channel
    kind: str  # user, alias, group, all, connection, topic, queue, away
    name: str
    envelope: object
    batch: int = -1
    when: float = 0.0
    receipt: bool = False
    excluded: tuple = ()

    @property
    def target(self):
        """Order holds within it."""
        return self.door, self.kind, self.name


KINDS = {"user": 34, "alias": 10, "group": 12, "all": 0.5, "connection": 8, "topic": 8, "queue": 8, "away": 4, "source": 10, "channel": 6}


class Gate:
    """A lock whose owner lets others in: threading.Lock may starve them for seconds."""

    def __init__(self):
        self.lock, self.waiting = threading.Lock(), 0

    def __enter__(self):
        self.waiting += 1
        self.lock.acquire()
        self.waiting -= 1

    def __exit__(self, *_):
        self.lock.release()


class WideProducer(threading.Thread):
    def __init__(self, ledger, masters, prefix, notices, fleet, rate, seed):
        super().__init__(daemon=True)
        self.ledger, self.masters, self.prefix, self.notices, self.fleet, self.rate = \
            ledger, masters, prefix, notices, fleet, rate
        self.random = random.Random(seed)
        self.stopping = threading.Event()
        self.gate = Gate()  # held while a batch is on its way; who holds it reads the mark of a Redis that came back
        self.count = self.batches = 0
        self.users = {k: fleet.users(k) for k in "uxs"}

    def run(self):
        client, port = None, 0
        started, sent = time.monotonic(), 0
        while not self.stopping.is_set():
            due = min(int((time.monotonic() - started) * self.rate) - sent, 100)
            if due <= 0 or self.gate.waiting:
                time.sleep(0.004)
                continue
            sent += due
            with self.gate:
                if port != self.masters.port:
                    port = self.masters.port
                    client = redis.Redis(port=port, socket_timeout=2, socket_connect_timeout=1, retry=None)
                self.batch(client, [self.make() for _ in range(due)])
            if self.failed:
                time.sleep(0.05)

    def batch(self, client, pushes):
        self.failed = False
        lasting = [p for p in pushes if p.door != "channel"]
        self.batches += 1
        for p in pushes:
            p.batch, p.when = self.batches, time.monotonic()
        try:
            with client.pipeline(transaction=True) as t:
                for p in lasting:
                    t.rpush(self.prefix + "outbox" if p.door == "list" else self.notices, json.dumps(p.envelope))
                t.set(self.prefix + "mark", self.batches)
                t.execute()
            self.ledger.accept(lasting)
        except redis.exceptions.RedisError as e:
            self.failed = True
            # An error reply is a refusal; silence can be either.
            if not isinstance(e, redis.exceptions.ResponseError):
                self.ledger.unsure(lasting)
            return
        for p in pushes:
            if p.door == "channel":
                try:
                    client.publish(self.prefix + f"{p.kind}:{p.name}", p.envelope)
                    self.ledger.accept([p])
                except redis.exceptions.RedisError:
                    self.ledger.unsure([p])

    def make(self):
        number, self.count = self.count, self.count + 1
        text = f"p{number}"
        what = self.random.choices(list(KINDS), KINDS.values())[0]
        choice = self.random.choice
        if what == "channel":
            kind = choice(("user", "group"))
            name = choice(self.users["u"]) if kind == "user" else f"table-{self.random.randrange(GROUPS)}"
            return Push(number, "channel", kind, name, text)
        if what == "source":
            name = choice(self.users["u"])
            return Push(number, "source", "user", name, {"for": name, "what": text})
        e = {"id": text, "text": text}
        p = Push(number, "list", what, "", e)
        if what in ("user", "away"):
            p.name = choice(self.users["u"]) if what == "user" else choice(self.fleet.away).user
            e["to"] = {"user": p.name}
            if what == "away" or self.random.random() < 0.3:
                e["mailbox"] = True
        elif what == "alias":
            p.name = choice(self.users["u"])
            e["to"] = {"alias": alias_of(p.name)}
        elif what == "group":
            p.name = choice(list(self.fleet.members)) if self.random.random() < 0.3 else f"table-{self.random.randrange(GROUPS)}"
            e["to"] = {"group": p.name}
            if p.name[0] != "a" and self.random.random() < 0.2:  # nobody's connections have no name to except
                p.excluded = (choice(self.fleet.members[p.name]),)
                e["except"] = {"user": p.excluded[0]}
        elif what == "all":
            e["to"] = {"all": True}
        elif what == "connection":
            c = None
            while not (c and c.connection and c.connection.id):
                c = choice(self.fleet.clients)
                if self.stopping.is_set():
                    break
            x = c.connection
            p.name = x.id if x else "gone"
            e["to"] = {"connection": p.name or "gone"}
        elif what == "topic":
            p.name = f"/topic/t{self.random.randrange(5)}"
            e["to"] = {"destination": p.name}
        elif what == "queue":
            p.name = choice(self.users["s"])
            e["to"] = {"user": p.name, "destination": "/queue/notices"}
        if self.random.random() < 0.6:
            p.receipt = True
            e["receipt"] = f"{self.prefix}receipts:{number // 1000}"
        return p

    def stop(self):
        self.stopping.set()
        self.join(15)
