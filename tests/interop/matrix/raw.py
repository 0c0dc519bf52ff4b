"""Other people's WebSocket clients, each with the same work. See ../matrix.py."""

import json
import socket
import subprocess
import threading
import time
from urllib.parse import unquote

from support.app import Answer
from support.pod import clean_environment
from support.waiting import wait_until

CELLS = ["connect", "echo", "push100", "fragments", "deflate", "keepalive", "server closes", "client closes", "kill -9"]
GOODBYE = "bye ✓"
FRAGMENTS = "f" * 70_000 + "r" * 10 + "ä" * 1000
TEXTS = ["a" * n for n in (1, 125, 126, 65_535, 65_536, 70_000)] + ["面🍜 张三", "nul \0 here", "\u2028\u2029", '{"json":1}']
BINARIES = [bytes(range(256)) * 300, b"\xff", b"\0" * 126, b"x" * 65_536]
PUSHES = [json.dumps({"n": n, "lines": ["chow mein, two"] * 100}) for n in range(100)]

# What a library does not do, by its own word or fault: (client, cell) -> why. Such a cell is passed over.
KNOWN = {
    ("java JavaWebSocketClient", "fragments"): "leaves a small fragment of a compressed message as it is",
    ("java TyrusClient", "fragments"): "sets RSV1 on continuations (RFC 7692 section 6.1: on the first alone)",
    ("go xnet", "server closes"): "shows no close frames",
    ("go xnet", "client closes"): "sends a code, no reason",
    ("go gws", "deflate"): "as below",
    ("go gws", "push100"): "keeps pongs and small messages in the window that it compresses with (writer.go), against RFC 7692 section 7.2.3",
}


class Walker:
    """Frames of one direction as they pass: how many were compressed, and how many pongs there were."""

    def __init__(self):
        self.buffer = b""
        self.compressed = self.pongs = 0
        self.skip = 0

    def feed(self, data):
        if self.skip:
            gone = min(self.skip, len(data))
            self.skip -= gone
            data = data[gone:]
        self.buffer += data
        while len(self.buffer) >= 2:
            first, second = self.buffer[0], self.buffer[1]
            length, head = second & 127, 2
            if length > 125:
                head += 2 if length == 126 else 8
                if len(self.buffer) < head:
                    return
                length = int.from_bytes(self.buffer[2:head], "big")
            whole = head + (4 if second & 128 else 0) + length
            self.compressed += bool(first & 0x40)
            self.pongs += first & 15 == 10
            if len(self.buffer) < whole:
                self.skip = whole - len(self.buffer)
                self.buffer = b""
                return
            self.buffer = self.buffer[whole:]


class Tap:
    """Stands between a client and a pod, whichever that is at the time, and sees what they agreed on."""

    def __init__(self, pod_port):
        self.pod_port = pod_port
        self.heads = {}
        self.up, self.down = Walker(), Walker()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        """Some libraries hang when a connection ends within the handshake: they wait here for a pod."""
        for _ in range(300):
            try:
                server = socket.create_connection(("127.0.0.1", self.pod_port()), 5)
                break
            except OSError:
                time.sleep(0.1)
        else:
            client.close()
            return
        server.settimeout(None)
        self.up, self.down = Walker(), Walker()
        for name, a, b, walker in (("up", client, server, self.up), ("down", server, client, self.down)):
            threading.Thread(target=self._copy, args=(name, a, b, walker), daemon=True).start()

    def _copy(self, name, a, b, walker):
        head = b""
        try:
            while data := a.recv(65_536):
                if head is not None:
                    head += data
                    if b"\r\n\r\n" in head:
                        first, rest = head.split(b"\r\n\r\n", 1)
                        self.heads[name] = first.decode("latin-1").lower()
                        walker.feed(rest)
                        head = None
                else:
                    walker.feed(data)
                b.sendall(data)
            b.shutdown(socket.SHUT_WR)
        except OSError:
            for s in (a, b):  # close() alone would leave the other thread's recv(), and with it the connection, as it is
                try:
                    s.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def close(self):
        self.listener.close()


class Client:
    def __init__(self, command, url, environment):
        self.process = subprocess.Popen([*command, url], stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
                                        env=clean_environment(**environment))
        self.lines, self.errors = [], []
        for pipe, to in ((self.process.stdout, self.lines), (self.process.stderr, self.errors)):
            threading.Thread(target=self._read, args=(pipe, to), daemon=True).start()

    @staticmethod
    def _read(pipe, to):
        for line in pipe:
            to.append(line.decode("utf-8", "replace").rstrip())

    def close(self):
        self.process.kill()
        self.process.wait()


class Heard:
    """What the app was told, by user and kind. Whoever waits for a message is woken by it: looking again and again would take more of the
    processors than the clients do."""

    def __init__(self, app, connect=lambda request: Answer(204)):
        self.requests = {}
        self.changed = threading.Condition()
        self.connect = connect
        app.answer(connect=self._take, message=self._take, disconnect=self._take)

    def _take(self, request):
        user = request.decoded("ce-userid") or request.decoded("stomp-login") or unquote(request.target.rsplit("/", 1)[1])
        kind = request.type
        with self.changed:
            self.requests.setdefault((user, kind), []).append(request)
            self.changed.notify_all()
        return self.connect(request) if kind == "connect" else Answer(204)

    def of(self, user, kind):
        return self.requests.get((user, kind), [])

    def wait(self, user, kind, more_than, timeout, what):
        """The request of this number."""
        with self.changed:
            there = self.changed.wait_for(lambda: len(self.of(user, kind)) > more_than, timeout)
        assert there, f"not within {timeout} s: {what}"
        return self.of(user, kind)[more_than]


class Trial:
    """One client and its cells."""

    def __init__(self, world, pod, heard, name, command, environment):
        self.world, self.pod, self.heard, self.name = world, pod, heard, name
        self.command, self.environment = command, environment
        self.user = name.replace(" ", "-")
        self.results = {}
        self.messages = 0  # seen so far
        self.tap = Tap(lambda: pod["now"].port)
        self.client = None
        self.receipts = world.key(f"receipts:{self.user}")

    def dial(self):
        self.messages = len(self.heard.of(self.user, "message"))
        self.client = Client(self.command, f"ws://127.0.0.1:{self.tap.port}/ws/{self.user}", self.environment)
        return self.next(60).text

    def next(self, timeout=20):
        self.messages += 1
        return self.heard.wait(self.user, "message", self.messages - 1, timeout, f"a message of {self.name}")

    def push(self, **what):
        self.world.push({"to": {"user": self.user}, **what})

    def run(self):
        try:
            self.cell("connect", self.connects)
            for name, work in (("echo", self.echoes), ("push100", self.gets_pushes), ("fragments", self.fragments), ("deflate", self.deflates),
                               ("keepalive", self.stays), ("server closes", self.is_closed)):
                if self.results["connect"] == "ok":
                    self.cell(name, work)
        finally:
            if self.client:
                self.client.close()
        return self

    def cell(self, name, work):
        if (self.name, name) in KNOWN:
            self.results[name] = "lib"
            if name == "server closes":
                self.client.close()
            return
        try:
            self.results[name] = work() or "ok"
        except Exception as e:  # pylint: disable=broad-exception-caught
            said = "; ".join(self.client.errors[-2:]) if self.client else ""
            self.results[name] = f"FAIL {type(e).__name__} {str(e)[:300]} {said[:300]}"

    def connects(self):
        assert self.dial() == "hello chat.v2"
        offered = self.heard.of(self.user, "connect")[-1].header("ws-subprotocols")
        assert [x.strip() for x in offered.split(",")] == ["chat.v9", "chat.v2"], offered

    def echoes(self):
        for t in TEXTS:
            self.push(text=t)
            got = self.next()
            assert got.body == t.encode() and "octet" not in got.header("content-type"), (len(t), got.body[:40])
        from base64 import b64encode
        for b in BINARIES:
            self.push(binary=b64encode(b).decode())
            got = self.next()
            assert got.body == b and "octet" in got.header("content-type"), (len(b), got.body[:40])

    def gets_pushes(self):
        for n, p in enumerate(PUSHES):
            self.push(text=p, id=f"{self.user}-{n}", receipt=self.receipts)
        assert [self.next().text for _ in PUSHES] == PUSHES
        wait_until(lambda: self.world.redis.llen(self.receipts) >= len(PUSHES), 10, "receipts")
        outcomes = {json.loads(r)["outcome"] for r in self.world.redis.lrange(self.receipts, 0, -1)}
        assert outcomes == {"delivered"}, outcomes

    def fragments(self):
        self.push(text="!fragments")
        got = self.next().text
        assert got in (FRAGMENTS, "!none"), (len(got), got[69_990:70_020])
        return "n/a" if got == "!none" else None

    def deflates(self):
        if "permessage-deflate" not in self.tap.heads["up"]:
            return "n/a"
        assert "permessage-deflate" in self.tap.heads["down"], self.tap.heads
        assert self.tap.down.compressed >= len(PUSHES) // 2, "pushes went out as they are"
        return "ok" if self.tap.up.compressed else "down"

    def stays(self):
        pongs = self.tap.up.pongs
        time.sleep(2.5)
        assert self.tap.up.pongs >= pongs + 1, "no pong"
        self.push(text="still")
        assert self.next().text == "still"

    def is_closed(self):
        self.push(close={"code": 4001, "reason": GOODBYE})
        wait_until(lambda: self.client.lines, 15, "word of the close")
        assert self.client.lines[-1] == f"closed 4001 {GOODBYE}", self.client.lines
        self.client.process.wait(10)

    def closes(self):
        before = len(self.heard.of(self.user, "disconnect"))
        # At most once: in the list, unconfirmed, it would wait for the next connection.
        self.world.publish(f"user:{self.user}", "!close")
        event = self.heard.wait(self.user, "disconnect", before, 15, "the disconnect event")
        while event.header("ws-close-code") == "1006":  # of the connection whose pod was killed: a slow machine tells of it only now
            before += 1
            event = self.heard.wait(self.user, "disconnect", before, 15, "the disconnect event")
        assert (event.header("ws-close-code"), event.decoded("ws-close-reason")) == ("4005", GOODBYE), event.head


def survive(trials, restart):
    """All clients at once, ten pushes a second each, while their pod is killed and another comes: none is lost. Then they close."""
    for t in trials:
        t.messages = len(t.heard.of(t.user, "message"))
        t.client = Client(t.command, f"ws://127.0.0.1:{t.tap.port}/ws/{t.user}", t.environment)
    try:
        for t in trials:
            try:
                t.next(90)
            except Exception as e:  # pylint: disable=broad-exception-caught
                t.results["kill -9"] = f"FAIL {e}"
        sent = 0
        for step in range(40):
            if step == 15:
                restart()
            for t in trials:
                t.push(text=f"k{step}", id=f"{t.user}-k{step}")
            sent += 1
            time.sleep(0.1)
        wanted = {b"k%d" % n for n in range(sent)}

        def lost(t):
            return wanted - {r.body for r in t.heard.of(t.user, "message")}
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and any(lost(t) for t in trials):
            time.sleep(0.2)
        for t in trials:
            missing = lost(t)
            t.results.setdefault("kill -9", f"FAIL lost {sorted(missing)[:5]} of {len(missing)} {t.client.errors[-1:]}" if missing else "ok")
            if t.results["connect"] == "ok":
                t.cell("client closes", t.closes)
    finally:
        for t in trials:
            t.client.close()
            t.tap.close()
