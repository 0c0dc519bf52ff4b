"""Clients that redial for ever, as browsers' pages do, and remember what they got."""

import asyncio
import base64
import os
import random
import time


class Client(asyncio.Protocol):
    """One user. Answers pings at once, as every WebSocket stack does; redials with jitter."""

    def __init__(self, fleet, user):
        self.fleet, self.user = fleet, user
        self.transport = None
        self.open = False
        self.buffer = b""
        self.got = []  # (payload, when)
        self.dials = 0

    def dial(self):
        asyncio.ensure_future(self._dial())

    async def _dial(self):
        self.buffer, self.open = b"", False
        self.dials += 1
        host, port = self.fleet.host, self.fleet.random.choice(self.fleet.ports)
        try:
            await asyncio.wait_for(asyncio.get_running_loop().create_connection(lambda: self, host, port), 5)
        except (OSError, asyncio.TimeoutError):
            self.redial()

    def redial(self):
        if not self.fleet.ending:
            low, high = self.fleet.jitter
            asyncio.get_running_loop().call_later(self.fleet.random.uniform(low, high), self.dial)

    def fall_silent(self, seconds):
        """Reads nothing for so long, then dials anew, with what it had not read thrown away: no FIN tells the server."""
        if self.transport is None:
            return
        self.transport.pause_reading()
        old, self.transport = self.transport, None
        old.set_protocol(Deaf(self.fleet, self.open, old))
        self.open = False
        asyncio.get_running_loop().call_later(seconds, self.dial)

    # ------------------------------------------------------------------------------------------ asyncio.Protocol

    def connection_made(self, transport):
        self.transport = transport
        key = base64.b64encode(os.urandom(16)).decode()
        transport.write(f"GET /ws/{self.user} HTTP/1.1\r\nHost: shop.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode())
        asyncio.get_running_loop().call_later(8, self._give_up, transport)

    def _give_up(self, transport):
        if transport is self.transport and not self.open:
            transport.abort()

    def connection_lost(self, exc):
        self.fleet.opened -= self.open
        self.open = False
        self.transport = None
        self.redial()

    def data_received(self, data):
        self.buffer += data
        if not self.open and not self._upgraded():
            return
        while self._frame():
            pass

    def _upgraded(self):
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return False
        if not self.buffer.startswith(b"HTTP/1.1 101"):
            self.transport.abort()
            return False
        self.buffer = self.buffer[end + 4:]
        self.open = True
        self.fleet.opened += 1
        self.on_open()
        return True

    def _frame(self):
        b = self.buffer
        if len(b) < 2:
            return False
        size, at = b[1] & 0x7F, 2
        if size > 125:
            at = 4 if size == 126 else 10
            if len(b) < at:
                return False
            size = int.from_bytes(b[2:at], "big")
        if len(b) < at + size:
            return False
        payload, self.buffer = b[at:at + size], b[at + size:]
        opcode = b[0] & 15
        if opcode == 9:
            self.transport.write(bytes([0x8A, 0x80 | len(payload)]) + b"\0\0\0\0" + payload)
        elif opcode == 8:
            self.on_close(payload)
            self.transport.write(bytes([0x88, 0x80 | min(2, len(payload))]) + b"\0\0\0\0" + payload[:2])
        elif opcode in (1, 2):
            self.on_message(payload)
        return True

    def on_open(self):
        """The handshake is done."""

    def on_message(self, payload):
        self.got.append((payload, time.monotonic()))

    def on_close(self, payload):
        """The server's close frame."""


class Deaf(asyncio.Protocol):
    """What is left of a connection whose client has gone without a word."""

    def __init__(self, fleet, was_open, transport):
        fleet.opened -= was_open
        fleet.deaf.append(transport)


class Fleet:
    """`count` users u0, u1, ... on `ports`. Everything runs in the caller's event loop."""

    def __init__(self, ports, count, seed, jitter=(0.05, 1.0), kind=Client, host="127.0.0.1"):
        self.host, self.ports, self.jitter = host, list(ports), jitter
        self.random = random.Random(seed)
        self.ending = False
        self.opened = 0
        self.deaf = []
        self.clients = [kind(self, f"u{n}") for n in range(count)]

    async def start(self, at_once=100):
        for n, c in enumerate(self.clients):
            c.dial()
            if n % at_once == at_once - 1:
                await asyncio.sleep(0.05)
        await self.all_open()
        for c in self.clients:
            c.dials = 0

    async def all_open(self, timeout=60):
        end = time.monotonic() + timeout
        while self.opened < len(self.clients):
            assert time.monotonic() < end, f"{len(self.clients) - self.opened} clients are not connected"
            await asyncio.sleep(0.05)

    def received(self):
        return sum(len(c.got) for c in self.clients)

    async def end(self):
        self.ending = True
        for transport in self.deaf:
            transport.abort()
        for c in self.clients:
            if c.transport is not None:
                c.transport.abort()
        await asyncio.sleep(0.1)
