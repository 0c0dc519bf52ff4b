"""A TCP proxy with faults, for the way from wsidecar to its Redis or its app. Loopback only; all may change at any time.

    proxy.up                what wsidecar sends, proxy.down: what it gets; each with latency, bandwidth, slices, blackhole
    proxy.hold(...)         stops one connection at an exact moment
    proxy.reset(refuse=20)  RST for all, and for the next 20 dials
"""

import asyncio
import math
import random
import re
import socket
import struct
import threading
import time
from dataclasses import dataclass

from support.waiting import wait_until


@dataclass(eq=False)
class Way:
    """One direction, and what befalls its bytes."""

    latency: float = 0  # seconds
    bandwidth: int = 0  # bytes a second
    slices: int = 0  # writes of 1 to so many bytes
    blackhole: bool = False  # nothing is read any more; no FIN, no RST


@dataclass
class Hold:
    link: str  # wsidecar-<link>, as CLIENT SETNAME told
    marker: bytes
    way: Way
    answer: bool  # the marker passes, what is answered to it does not


class Link:
    """A connection through the proxy."""

    def __init__(self, loop, writer):
        self.loop = loop
        self.writers = [writer]
        self.name = ""
        self.still = []  # the ways that stand still

    def reset(self):
        self.loop.call_soon_threadsafe(self._reset)

    def _reset(self):
        self.still = []
        for w in self.writers:
            if not w.is_closing():
                w.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                w.transport.abort()


class FaultProxy:
    def __init__(self, target, seed=1):
        self.target = target
        self.up, self.down = Way(), Way()
        self.refuse = 0  # so many dials from now on
        self.dials = 0
        self.links = []
        self.caught = None
        self._hold = None
        self._random = random.Random(seed)
        self._loop = asyncio.new_event_loop()
        self._server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port = self._server.sockets[0].getsockname()[1]
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def url(self, login=""):
        return f"redis://{login}127.0.0.1:{self.port}/0"

    # ---------------------------------------------------------------------------------------------- for tests

    def reset(self, refuse=math.inf):
        """RST for all there are and the next `refuse` dials."""
        self.refuse = refuse
        for link in list(self.links):
            link.reset()

    def blackhole(self, on=True):
        self.up.blackhole = self.down.blackhole = on

    def half_open(self, name=""):
        """The connections so far (or the one so named) are dead and nobody says so; new ones work."""
        for link in self.links:
            if name in ("", link.name):
                link.still = [self.up, self.down]

    def heal(self):
        self.refuse = 0
        for way in (self.up, self.down):
            way.__init__()

    def hold(self, link, marker, way="up", answer=False):
        """Stops the link when these bytes come by: right before them, or (`answer`) before what is answered to them."""
        self.caught = None
        self._hold = Hold(link, marker.encode(), getattr(self, way), answer)

    def wait_held(self, timeout=5):
        return wait_until(lambda: self.caught, timeout, "the held bytes", step=0.002)

    def release(self):
        self._hold = None
        if self.caught:
            self.caught.still = []

    def close(self):
        async def end():
            self._server.close()
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        asyncio.run_coroutine_threadsafe(end(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    # ---------------------------------------------------------------------------------------------- the proxy

    async def _serve(self, reader, writer):
        self.dials += 1
        link = Link(self._loop, writer)
        if self.refuse > 0:
            self.refuse -= 1
            return link.reset()
        try:
            there, here = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            return link.reset()
        link.writers.append(here)
        self.links.append(link)
        try:
            ways = ((self.up, reader, here), (self.down, there, writer))
            tasks = [asyncio.ensure_future(pump) for way, a, b in ways for pump in self._pumps(link, way, a, b)]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        finally:
            self.links.remove(link)
            for w in link.writers:
                w.close()

    def _pumps(self, link, way, reader, writer):
        waiting = asyncio.Queue(1000)
        return self._take(link, way, reader, waiting), self._give(link, way, writer, waiting)

    async def _take(self, link, way, reader, waiting):
        while chunk := await reader.read(max(1, way.bandwidth // 50) if way.bandwidth else 1 << 16):
            if not link.name and way is self.up and (named := re.search(rb"wsidecar-([a-z]+)", chunk)):
                link.name = named.group(1).decode()
            await waiting.put((time.monotonic() + way.latency, chunk))
        await waiting.put((time.monotonic() + way.latency, b""))
        await asyncio.Event().wait()  # the other half ends the link when it has given all

    async def _give(self, link, way, writer, waiting):
        while True:
            due, chunk = await waiting.get()
            await asyncio.sleep(max(0, due - time.monotonic()))
            h = self._hold
            if h and h.way is way and h.link == link.name and h.marker in chunk:
                self._hold, self.caught = None, link
                link.still = [self.down if h.answer else way]
            while way.blackhole or way in link.still:
                await asyncio.sleep(0.005)
            if not chunk:
                return
            while chunk:
                n = self._random.randint(1, way.slices) if way.slices else len(chunk)
                writer.write(chunk[:n])
                await writer.drain()
                await asyncio.sleep(n / way.bandwidth if way.bandwidth else 0)
                chunk = chunk[n:]
