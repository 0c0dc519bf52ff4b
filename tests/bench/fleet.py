"""Instances that do to Redis what a wsidecar at rest does, and nothing else: thousands of them in one process.

The scripts and their arguments are those of a real pod, as MONITOR has seen them; what changes is the name. Each instance has the four connections of
a pod. Those on duty (sidecar/redis/roster.hpp) also look for dead instances, for a router that has died and for work; the first of them sends the
canaries that are for all.
"""
import heapq
import re
import selectors
import socket
import threading
import time

PREFIX = "wsidecar:"
DUTY = 8
LEASE = 15.0
CANARY, OUTBOX_CANARY, LOOK, LEAD = 2.0, 3.0, 0.5, 1.0
BLOCK = "4000"
WORDS = re.compile(rb'"((?:[^"\\]|\\.)*)"')
ENTRY = re.compile(rb"\r\n\$\d+\r\n(\d{10,}-\d+)\r\n\*")


def encoded(words) -> bytes:
    words = [w.encode() if isinstance(w, str) else w for w in words]
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words)


def scripts_of(port: int, seconds: float = 6.5) -> dict[str, list[bytes]]:
    """The latest commands of pods at rest, by what they are for."""
    s = socket.create_connection(("127.0.0.1", port))
    s.sendall(b"MONITOR\r\n")
    s.settimeout(0.5)
    found, rest, end = {}, b"", time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            rest += s.recv(65536)
        except TimeoutError:
            continue
        *lines, rest = rest.split(b"\r\n")
        for line in lines:
            words = [re.sub(rb'\\(["\\])', rb"\1", w) for w in WORDS.findall(line)]
            if words and words[0] == b"EVALSHA":
                found[words[3].decode().removeprefix(PREFIX)] = words
    s.close()
    return found


class Fleet:
    """`count` instances beside the real ones, until close()."""

    def __init__(self, port: int, count: int, fixed: int):
        """`fixed`: words of a beat without the names of other instances."""
        self.port, self.count = port, count
        scripts = scripts_of(port)
        self.beat = scripts["config"][:fixed]
        self.owed, self.lead = scripts.get("lost"), scripts.get("router")
        self.names = [b"emulated-%05d" % i for i in range(count)]
        self.cursors = [b"0-0"] * count
        self.selector = selectors.DefaultSelector()
        self.due, self.over = [], threading.Event()
        self.commands = [self.connection(None) for _ in range(count)]
        self.readers = [self.connection(i) for i in range(count)]
        self.others = [self.connection(None) for _ in range(2 * count)]
        for i in range(count):
            self.others[i].sendall(encoded(["SUBSCRIBE"] + [PREFIX + c for c in ("canary", "beat", "ask", "push", "all", f"canary:{i}")]))
            self.say_beat(i, b"1")
            self.at(LEASE / 3 * i / count, self.beats, i)
            self.read(i)
        for i in range(min(DUTY, count)):
            self.at(LOOK, self.looks, i)
        self.at(0, self.canaries)
        self.at(0, self.outbox_canaries)
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def connection(self, reader):
        s = socket.create_connection(("127.0.0.1", self.port))
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.selector.register(s, selectors.EVENT_READ, reader)
        return s

    def at(self, after: float, what, *arguments):
        heapq.heappush(self.due, (time.monotonic() + after, id(what) ^ hash(arguments), what, arguments))

    # ---------------------------------------------------------------------------------- what they do

    def say_beat(self, i: int, names_all: bytes):
        words = list(self.beat)
        words[5], words[-2], words[-1] = self.names[i], self.cursors[i] if self.cursors[i] != b"0-0" else b"", names_all
        self.commands[i].sendall(encoded(words))

    def beats(self, i: int):
        self.say_beat(i, b"0")
        self.at(LEASE / 3, self.beats, i)

    def read(self, i: int):
        name = PREFIX + "inbox:" + self.names[i].decode()
        start = self.cursors[i] if self.cursors[i] != b"0-0" else b"$"
        self.readers[i].sendall(encoded(["XREAD", "COUNT", "256", "BLOCK", BLOCK, "STREAMS", name, PREFIX + "wide", "0-0", start]))

    def looks(self, i: int):
        out = encoded(["SET", PREFIX + "watched", "1", "PX", "4000"]) + encoded(["HGETALL", PREFIX + "beats"])
        if self.owed:
            words = list(self.owed)
            words[5] = self.names[i]
            out += encoded(words)
        if self.lead and int(time.monotonic() / LOOK) % 2:
            words = list(self.lead)
            words[5] = b"nobody"
            out += encoded(words)
        self.commands[i].sendall(out)
        self.at(LOOK, self.looks, i)

    def canaries(self):
        self.commands[0].sendall(encoded(["PUBLISH", PREFIX + "canary", "1"]))
        self.at(CANARY, self.canaries)

    def outbox_canaries(self):
        self.commands[0].sendall(encoded(["RPUSH", PREFIX + "outbox", '{"to":{"connection":"canary:*"},"text":""}']))
        self.at(OUTBOX_CANARY, self.outbox_canaries)

    def run(self):
        while not self.over.is_set():
            while self.due and self.due[0][0] <= time.monotonic():
                _, _, what, arguments = heapq.heappop(self.due)
                what(*arguments)
            wait = max(0.0, min(0.1, self.due[0][0] - time.monotonic()))
            for key, _ in self.selector.select(wait):
                data = key.fileobj.recv(1 << 20)
                if key.data is not None and data:
                    if ids := ENTRY.findall(data):
                        self.cursors[key.data] = ids[-1]
                    self.read(key.data)

    def close(self):
        self.over.set()
        self.thread.join(5)
        for s in self.commands + self.readers + self.others:
            s.close()
