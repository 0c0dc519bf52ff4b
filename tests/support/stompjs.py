"""STOMP clients of npm in a node process: `node.open("modern", [pod])` gives one, its methods are the library's."""

import base64
import contextlib
import itertools
import json
import os
import queue
import signal
import subprocess
import threading
import time

HERE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "interop")
CLIENTS = os.path.join(HERE, "node_modules")


class Node:
    def __init__(self):
        assert os.path.exists(CLIENTS), "the clients are not installed: tests/interop/install"
        self.process = subprocess.Popen(["node", os.path.join(HERE, "clients.js")], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, encoding="utf-8")
        self.clients = {}
        self._numbers = itertools.count(1)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            event = json.loads(line)
            self.clients[event.pop("client")].queue.put((event.pop("is"), event))

    def tell(self, method, name, *arguments):
        assert self.process.poll() is None, "node has ended; what it said is above"
        self.process.stdin.write(json.dumps([method, name, *arguments]) + "\n")
        self.process.stdin.flush()

    def open(self, library, pods, path="/stomp", connected=True, **options):
        """`options` are those of @stomp/stompjs's Client, with `versions` in words, and `over` for the old library."""
        client = Client(self, f"c{next(self._numbers)}")
        self.clients[client.name] = client
        urls = [f"ws://127.0.0.1:{p.port}{path}" for p in pods]
        self.tell("open", client.name, library, {"urls": urls, "reconnectDelay": 100, **options})
        if connected:
            client.expect("connected")
        return client

    @contextlib.contextmanager
    def frozen(self):
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)

    def close(self):
        self.process.stdin.close()
        try:
            code = self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        self.process.stdout.close()
        assert code == 0, f"node ended with {code}"


class Client:
    def __init__(self, node, name):
        self.node = node
        self.name = name
        self.queue = queue.Queue()
        self.beats = 0
        self.connected = None  # the latest CONNECTED
        self.seen = []

    def next(self, timeout=5.0):
        """(what, event); heart-beats are only counted."""
        deadline = time.monotonic() + timeout
        while True:
            try:
                what, event = self.queue.get(timeout=max(0.001, deadline - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"{self.name}: nothing within {timeout} s; so far: {self.seen[-10:]}") from None
            if what == "beat":
                self.beats += 1
                continue
            self.seen.append((what, event))
            if what == "connected":
                self.connected = event
            return what, event

    def expect(self, what, timeout=5.0):
        got, event = self.next(timeout)
        assert got == what, f"{self.name}: {what} was to come, not {got}: {event}; before: {self.seen[-10:-1]}"
        return event

    def until(self, what, but):
        """The next `what`, behind any number of `but`."""
        while (got := self.next())[0] in but:
            pass
        assert got[0] == what, f"{self.name}: {what} was to come, not {got}"
        return got[1]

    def message(self, timeout=5.0):
        return self.expect("message", timeout)

    def messages(self, count, timeout=5.0):
        return [self.message(timeout) for _ in range(count)]

    def hears_nothing(self, seconds=0.3):
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            try:
                what, event = self.queue.get(timeout=left)
            except queue.Empty:
                return
            assert what == "beat", f"{self.name}: nothing was to come, but {what}: {event}"
            self.beats += 1

    def subscribe(self, destination, id, wait=True, **headers):
        """Waits for the receipt: what is pushed from now on comes."""
        fields = {"id": id, **headers, **({"receipt": f"r-{id}"} if wait else {})}
        self.node.tell("subscribe", self.name, destination, fields)
        if wait:
            assert self.expect("receipt")["id"] == f"r-{id}"
        return self

    def publish(self, destination, body="", headers=None, **more):
        if isinstance(body, bytes):
            payload = {"base64": base64.b64encode(body).decode()}
        else:
            payload = {"body": body}
        self.node.tell("publish", self.name, {"destination": destination, "headers": headers or {}, **payload, **more})
        return self

    def do(self, method, *arguments):
        """unsubscribe, ack, nack, begin, commit, abort, deactivate"""
        self.node.tell(method, self.name, *arguments)
        return self
