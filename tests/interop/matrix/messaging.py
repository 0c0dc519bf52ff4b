"""Other people's STOMP and SockJS clients, each with the same work. See ../matrix.py."""

import json
import os
import time
from concurrent.futures import ThreadPoolExecutor

import raw
from support.app import commands
from support.waiting import wait_until

HERE = os.path.dirname(os.path.abspath(__file__))
CACHE = os.environ.get("WSIDECAR_CLIENTS") or os.path.expanduser("~/.cache/wsidecar/interop")
NODE = {"NODE_PATH": os.path.join(CACHE, "js", "node_modules")}
PYTHON = {"PYTHONPATH": os.path.join(CACHE, "py")}

STOMP_CELLS = ["connect", "send", "push100", "ack", "server closes", "disconnect"]
SOCKJS_CELLS = ["connect", "echo", "push100", "keepalive", "server closes", "client closes"]
TEXTS = ["面🍜 张三", "two\nlines: \\ and 100 %", "x" * 20_000, '{"json":1}']

STOMP = [(lib, transport) for lib in ("stompjs7", "stompjs6", "stompjs5", "rx-stomp", "stompjs2.3.3", "webstomp")
         for transport in ("ws", "sockjs16/websocket")]
STOMP += [("stompjs7", f"sockjs16/{t}") for t in ("xhr-streaming", "xhr-polling", "eventsource")] + [("stompjs2.3.3", "sockjs11/websocket")]
SOCKJS = [(version, t) for version in ("sockjs16", "sockjs11", "sockjs10") for t in ("websocket", "xhr-streaming", "xhr-polling", "eventsource")]


class Trial:
    def __init__(self, world, heard, name, make):
        self.world, self.all_heard, self.name, self.make = world, heard, name, make
        self.user = name.replace(" ", "-").replace("/", "-")
        self.receipts = world.key(f"receipts:{self.user}")
        self.results = {}
        self.taken = 0
        self.client = None

    def heard(self, kind):
        return self.all_heard.of(self.user, kind)

    def next(self, timeout=20):
        self.taken += 1
        return self.all_heard.wait(self.user, "message", self.taken - 1, timeout, f"a message of {self.name}").text

    def told(self, kind):
        return [x for x in map(json.loads, filter(lambda line: line.startswith("{"), list(self.client.lines))) if x["is"] == kind]

    def cell(self, name, work):
        try:
            self.results[name] = work() or "ok"
        except Exception as e:  # pylint: disable=broad-exception-caught
            said = "; ".join([e for e in self.client.errors if e.startswith("!")][-1:] + self.client.lines[-1:]) if self.client else ""
            self.results[name] = f"FAIL {type(e).__name__} {str(e)[:300]} {said[:300]}"

    def run(self, cells):
        try:
            for name, work in cells:
                if self.results.get("connect", "ok") == "ok":
                    self.cell(name, work)
        finally:
            if self.client:
                self.client.close()
        return self

    def push(self, **what):
        self.world.push({"to": {"user": self.user, **what.pop("to", {})}, **what})

    def outcomes(self, count):
        wait_until(lambda: self.world.redis.llen(self.receipts) >= count, 10, "receipts")
        return [json.loads(r)["outcome"] for r in self.world.redis.lrange(self.receipts, 0, -1)]

    def gets_pushes(self, to=None):
        for n in range(100):
            self.push(text=f"{n} 面", to=to or {}, receipt=self.receipts)
        assert [self.next() for _ in range(100)] == [f"{n} 面" for n in range(100)]
        assert set(self.outcomes(100)) == {"delivered"}
        self.world.redis.delete(self.receipts)

    # ------------------------------------------------------------------------------------------------- STOMP

    def stomp(self):
        notices, topic = {"destination": "/queue/notices"}, f"/topic/acks-{self.user}"

        def connects():
            self.client = self.make(self.user)
            assert self.next(60) == "hello"

        def sends():
            for t in TEXTS:
                self.push(text=t, to=notices)
                assert self.next() == t

        def acknowledges():
            self.push(text="!ack", to=notices)
            wait_until(lambda: self.world.redis.exists(self.world.key("where:destination:" + topic)), 10, "the subscription")
            for text in ("first", "second"):
                self.world.push({"to": {"destination": topic}, "text": text, "receipt": self.receipts})
                wait_until(lambda t=text: t in [x["text"] for x in self.told("ack")], 10, text)
            wait_until(lambda: self.world.redis.llen(self.receipts) >= 2, 10, "receipts")

        def is_closed():
            self.push(close={"code": 4001, "reason": "bye"}, to=notices)
            assert self.next(30) == "hello", "it dials again"

        def disconnects():
            before = len(self.heard("disconnect"))
            # At most once: in the list, unconfirmed, it would wait for the next connection.
            self.world.publish("push", json.dumps({"to": {"user": self.user, **notices}, "text": "!bye"}))
            wait_until(lambda: len(self.heard("disconnect")) > before, 15, "the disconnect event")
            assert self.heard("disconnect")[-1].header("ws-close-code") in ("1000", "1005"), self.heard("disconnect")[-1].head
        return self.run([("connect", connects), ("send", sends), ("push100", lambda: self.gets_pushes(notices)), ("ack", acknowledges),
                         ("server closes", is_closed), ("disconnect", disconnects)])

    # ------------------------------------------------------------------------------------------------ SockJS

    def sockjs(self):
        def connects():
            self.client = self.make(self.user)
            assert self.next(60).startswith("hello ")

        def echoes():
            for t in [*TEXTS, "nul \0 \u2028 {}[]", "a" * 65_536]:
                self.push(text=t)
                assert self.next() == t

        def stays():
            time.sleep(2.5)
            self.push(text="still")
            assert self.next() == "still"

        def is_closed():
            self.push(close={"code": 4001, "reason": "bye ✓"})
            wait_until(lambda: self.client.lines, 15, "word of the close")
            assert self.client.lines[-1] == "closed 4001 bye ✓", self.client.lines
            self.client.close()

        def closes():
            self.client = self.make(self.user)
            assert self.next(60).startswith("hello ")
            before = len(self.heard("disconnect"))
            self.world.publish(f"user:{self.user}", "!close")
            wait_until(lambda: len(self.heard("disconnect")) > before, 20, "the disconnect event")
        return self.run([("connect", connects), ("echo", echoes), ("push100", self.gets_pushes), ("keepalive", stays),
                         ("server closes", is_closed), ("client closes", closes)])


def run_stomp(world, only):
    pod = world.pod(routes=[{"path": "/stomp", "protocol": "stomp", "sockjs": True}], lease="2s", ping="1s", pong_timeout="20s")
    heard = raw.Heard(pod.app, lambda r: commands(("Ws-User", r.decoded("stomp-login"))))

    def client(lib, transport):
        return lambda user: raw.Client(["node", os.path.join(HERE, "stomp.js"), lib, transport, f"http://127.0.0.1:{pod.port}"], user, NODE)
    trials = [Trial(world, heard, f"{lib} {transport}", client(lib, transport)) for lib, transport in STOMP]
    if os.path.exists(os.path.join(CACHE, "py", ".installed")):
        trials.append(Trial(world, heard, "stomp.py ws", lambda user: raw.Client(
            ["/usr/bin/python3", "-W", "ignore", os.path.join(HERE, "stomp_client.py"), "127.0.0.1", str(pod.port)], user, PYTHON)))
    trials = [t for t in trials if not only or any(o in t.name for o in only)]
    with ThreadPoolExecutor(4) as pool:
        return [(t.name, t.results) for t in pool.map(lambda t: t.stomp(), trials)]


def run_sockjs(world, only):
    pod = world.pod(routes=[{"path": "/sock/{user}", "user": "{user}", "protocol": "sockjs"}], lease="2s", ping="1s", pong_timeout="20s")
    heard = raw.Heard(pod.app)

    def client(version, transport):
        return lambda user: raw.Client(["node", os.path.join(HERE, "sockjs.js"), version, transport], f"http://127.0.0.1:{pod.port}/sock/{user}", NODE)
    trials = [Trial(world, heard, f"{v} {t}", client(v, t)) for v, t in SOCKJS if not only or any(o in f"{v} {t}" for o in only)]
    with ThreadPoolExecutor(4) as pool:
        return [(t.name, t.results) for t in pool.map(lambda t: t.sockjs(), trials)]
