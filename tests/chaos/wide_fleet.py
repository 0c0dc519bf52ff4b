"""Clients of all kinds: users with several connections, nobody's connections, STOMP subscribers, users who come and go, and users who
are away until the end. Each connection is remembered with its pod, its id, its begin, its end and what it got."""

import asyncio
import base64
import dataclasses
import os
import random
import time
import typing

from chaos.fleet import Client, Fleet
from chaos.wide_app import groups_of


NOTICED_IN = 8  # seconds: ping and pong_timeout of the stage, on a busy machine


@dataclasses.dataclass(eq=False)
class Connection:
    user: str
    slot: int
    pod: int
    opened: float
    topics: tuple = ()
    ended: typing.Optional[float] = None
    lingers: float = 0  # so much longer its pod may take it for open: its client has gone without a word
    id: str = ""
    close: bytes = b""
    got: dict = dataclasses.field(default_factory=dict)  # number of the push -> when, the first time
    order: list = dataclasses.field(default_factory=list)  # numbers, as they came

    def was_there(self, begin, end):
        return self.opened <= end and (self.ended is None or self.ended + self.lingers >= begin)


class Member(Client):
    """One of a user's clients; `topics`: a STOMP client's, of the broker."""

    def __init__(self, fleet, user, slot, topics=(), restless=False):
        super().__init__(fleet, user)
        self.slot, self.topics, self.restless = slot, topics, restless
        self.connection = None
        self.past = []
        self.port = 0
        self.stays_away = False
        self.ready = False

    @property
    def stomp(self):
        return bool(self.topics)

    def dial(self):
        if not self.stays_away:
            super().dial()

    def connection_made(self, transport):
        self.transport, self.ready = transport, False
        peer = transport.get_extra_info("peername")
        if peer is None:  # it has ended already, as its pod has
            transport.abort()
            return
        self.port = peer[1]
        key = base64.b64encode(os.urandom(16)).decode()
        path = f"/{'stomp' if self.stomp else 'ws'}/{self.user}/{self.slot}"
        offer = "Sec-WebSocket-Protocol: v12.stomp\r\n" if self.stomp else ""
        transport.write(f"GET {path} HTTP/1.1\r\nHost: shop.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{offer}"
                        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode())
        asyncio.get_running_loop().call_later(8, self._give_up, transport)

    def _give_up(self, transport):
        if transport is self.transport and not self.ready:
            transport.abort()

    def on_open(self):
        if self.stomp:
            self.say("CONNECT\naccept-version:1.2\nhost:shop\n\n\0")
        else:
            self.is_ready()

    def is_ready(self):
        self.ready = True
        self.connection = Connection(self.user, self.slot, self.fleet.ports.index(self.port), time.monotonic(), self.topics)
        self.past.append(self.connection)
        self.fleet.ready += 1
        if self.restless and not self.fleet.ending:
            asyncio.get_running_loop().call_later(self.fleet.random.uniform(2, 8), self.leave, self.transport)

    def say(self, text):
        payload = text.encode()
        size = bytes([0x80 | len(payload)]) if len(payload) < 126 else bytes([0xFE]) + len(payload).to_bytes(2, "big")
        self.transport.write(b"\x81" + size + b"\0\0\0\0" + payload)

    def leave(self, transport):
        """With a close frame or without one; it comes again after the jitter of all."""
        if transport is self.transport and not self.fleet.settling:
            if self.fleet.random.random() < 0.5:
                transport.write(b"\x88\x82\0\0\0\0" + (1000).to_bytes(2, "big"))
                asyncio.get_running_loop().call_later(1, transport.abort)
            else:
                transport.abort()

    def on_message(self, payload):
        if self.stomp:
            self.on_frame(payload)
        elif payload.startswith(b"id "):
            self.connection.id = payload[3:].decode()
        else:
            self.take(payload)

    def on_frame(self, payload):
        command, _, rest = payload.partition(b"\n")
        if command == b"CONNECTED":
            for n, d in enumerate(self.topics + ("/user/queue/notices",)):
                self.say(f"SUBSCRIBE\nid:{n}\ndestination:{d}\nreceipt:{n}\n\n\0")
        elif command == b"RECEIPT" and b"receipt-id:%d\n" % len(self.topics) in rest:
            if not self.ready:
                self.is_ready()
        elif command == b"MESSAGE":
            # What waits for the user comes right behind the first subscription that may have it.
            self.take(rest.partition(b"\n\n")[2].rstrip(b"\0"))

    def take(self, payload):
        now = time.monotonic()
        try:
            number = int(payload.strip(b'"')[1:])
        except ValueError:
            self.fleet.strange.append((self.user, payload[:80]))
            return
        if self.connection is None:
            self.is_ready()
        self.connection.got.setdefault(number, now)
        self.connection.order.append(number)

    def on_close(self, payload):
        if self.connection:
            self.connection.close = payload

    def end_connection(self):
        if self.connection:
            self.connection.ended = time.monotonic()
            self.fleet.ready -= 1
        self.connection, self.ready = None, False

    def connection_lost(self, exc):
        self.end_connection()
        super().connection_lost(exc)

    def fall_silent(self, seconds):
        if self.transport is not None:
            super().fall_silent(seconds)
            if self.connection:
                self.connection.lingers = NOTICED_IN
            self.end_connection()


class WideFleet(Fleet):
    """`count` connections or so."""

    def __init__(self, ports, count, seed):
        super().__init__(ports, 0, seed)
        self.strange = []
        self.ready = 0
        self.settling = False
        dice = random.Random(seed)
        users = max(8, count // 3)
        for n in range(users):
            for slot in range(dice.choice((1, 1, 2, 3))):
                self.clients.append(Member(self, f"u{n}", slot, restless=n % 8 == 0))
        for n in range(max(3, count // 20)):
            self.clients.append(Member(self, f"x{n}", 0))
        for n in range(max(4, count // 8)):
            for slot in range(dice.choice((1, 1, 2))):
                self.clients.append(Member(self, f"s{n}", slot, topics=(f"/topic/t{n % 5}",)))
        self.away = [Member(self, f"u{100000 + n}", 0) for n in range(6)]
        for c in self.away:
            c.stays_away = True
        self.clients += self.away
        self.members = {}
        self.by_user = {}
        for c in self.clients:
            self.by_user.setdefault(c.user, []).append(c)
        for user in self.by_user:
            if user[0] != "s":
                for g in groups_of(user):
                    self.members.setdefault(g, []).append(user)

    def users(self, kind):
        """u: who has a name (those who are away are not among them), x: nobody's, s: STOMP subscribers."""
        return [u for u in self.by_user if u[0] == kind and not self.by_user[u][0].stays_away]

    def wanted(self):
        return sum(not c.stays_away for c in self.clients)

    async def all_open(self, timeout=60):
        end = time.monotonic() + timeout
        while self.ready < self.wanted():
            assert time.monotonic() < end, f"{self.wanted() - self.ready} clients are not connected"
            await asyncio.sleep(0.05)

    def connections(self, user=None):
        return [x for c in (self.clients if user is None else self.by_user.get(user, ())) for x in c.past]

    def come_home(self):
        """Who was away dials, and nobody leaves by himself any more."""
        self.settling = True
        for c in self.away:
            if c.stays_away:
                c.stays_away = False
                c.dial()
