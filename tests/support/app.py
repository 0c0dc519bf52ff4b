"""The app of a pod: an HTTP/1.1 server that records every request verbatim and answers, or fails, as the test says."""

import os
import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from urllib.parse import unquote

from support.waiting import wait_until


@dataclass
class Answer:
    """What the stub does with one request."""

    status: int = 204
    headers: object = ()
    body: bytes = b""
    delay: float = 0
    raw: bytes = None  # these bytes instead of an answer
    fault: str = None  # hang | reset | drop (ends before the first byte) | half (ends within the body)
    chunked: bool = False
    close: bool = False  # ends the kept-alive connection behind the answer
    then: object = None  # takes the socket over: then(sock, request, rest)

    def encode(self, request):
        if self.raw is not None:
            return self.raw
        body = self.body.encode() if isinstance(self.body, str) else self.body
        lines = list(self.headers.items() if isinstance(self.headers, dict) else self.headers)
        if self.chunked:
            lines.append(("Transfer-Encoding", "chunked"))
        elif self.status not in (101, 204, 304) and not any(n.lower() == "content-length" for n, _ in lines):
            lines.append(("Content-Length", str(len(body) + (10 if self.fault == "half" else 0))))
        if self.close:
            lines.append(("Connection", "close"))
        head = f"HTTP/1.1 {self.status} X\r\n" + "".join(f"{n}: {v}\r\n" for n, v in lines) + "\r\n"
        if self.chunked and body:
            middle = len(body) // 2 or 1
            body = b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in (body[:middle], body[middle:]) if p) + b"0\r\n\r\n"
        elif self.chunked:
            body = b"0\r\n\r\n"
        return head.encode("latin-1") + (b"" if request.method == "HEAD" or self.status in (204, 304) else body)


HANG, RESET, DROP = Answer(fault="hang"), Answer(fault="reset"), Answer(fault="drop")
HALF = Answer(200, {"Content-Type": "text/plain"}, b"half", fault="half")


def text(body, **headers):
    """200 with a text body; Ws_User="x" becomes the header Ws-User."""
    named = [(n.replace("_", "-"), v) for n, v in headers.items()]
    return Answer(200, [("Content-Type", "text/plain; charset=utf-8")] + named, body)


def commands(*pairs, **headers):
    """204 with command headers."""
    return Answer(204, list(pairs) + [(n.replace("_", "-"), v) for n, v in headers.items()])


@dataclass
class Request:
    method: str
    target: str
    headers: list  # as they came, in order
    head: bytes  # verbatim, without the empty line
    body: bytes
    connection: int  # the how-manieth TCP connection brought it
    at: float = field(default_factory=time.monotonic)

    def all(self, name):
        return [v for n, v in self.headers if n.lower() == name.lower()]

    def header(self, name):
        values = self.all(name)
        assert len(values) < 2, f"{name} twice: {values}"
        return values[0] if values else None

    def decoded(self, name):
        value = self.header(name)
        return None if value is None else unquote(value)

    @property
    def type(self):
        """connect, message, disconnect; None for what is no event."""
        kind = self.header("ce-type")
        return kind[len("wsidecar."):] if kind else None

    @property
    def ws(self):
        return self.header("ce-connectionid")

    @property
    def text(self):
        return self.body.decode("utf-8")


class App:
    """`app.answers["message"]` is an Answer, a list of them (the last one stays) or a function of the request."""

    def __init__(self, unix=None):
        self.requests = []
        self.answers = {}
        self.unix = unix
        self.active = 0
        self.most_active = 0
        self.tcp_connections = 0
        self.released = threading.Event()
        self._lock = threading.Lock()
        self._open = set()
        self._closing = False
        self.port = 0
        self._listen()

    # ------------------------------------------------------------------------------------------ for tests

    @property
    def url(self):
        return f"unix:{self.unix}" if self.unix else f"http://127.0.0.1:{self.port}"

    def answer(self, **by_type):
        """answer(connect=..., message=[...], disconnect=..., other=...)"""
        self.answers.update(by_type)
        return self

    def events(self, kind=None, ws=None, user=None, body=None):
        return [r for r in list(self.requests) if r.type and kind in (None, r.type) and ws in (None, r.ws)
                and (user is None or r.decoded("ce-userid") == user) and body in (None, r.body)]

    def wait_events(self, kind=None, count=1, timeout=5.0, **which):
        what = f"{count} events {kind or ''}"
        return wait_until(lambda: (e := self.events(kind, **which)) and len(e) >= count and e, timeout, what)

    def wait_event(self, kind, timeout=5.0, **which):
        return self.wait_events(kind, 1, timeout, **which)[0]

    def wait_requests(self, count=1, timeout=5.0):
        return wait_until(lambda: len(self.requests) >= count and list(self.requests), timeout, f"{count} requests")

    def refuse(self):
        """The port refuses connections from now on, kept ones end."""
        self._stop_listening()
        if not self.unix:
            self._listener = socket.socket()
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._listener.bind(("127.0.0.1", self.port))  # bound, not listening: nobody else gets the port

    def accept_again(self):
        if not self.unix:
            self._listener.close()
        self._listen()

    def release(self):
        """Ends all hanging requests (their connections are dropped)."""
        self.released.set()

    def drop_kept(self):
        """Ends every connection, as a keep-alive limit of the app does."""
        for s in list(self._open):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        self._closing = True
        self.release()
        self._stop_listening()
        if self.unix and os.path.exists(self.unix):
            os.unlink(self.unix)

    # ----------------------------------------------------------------------------------------- the server

    def _listen(self):
        if self.unix:
            if os.path.exists(self.unix):
                os.unlink(self.unix)
            self._listener = socket.socket(socket.AF_UNIX)
            self._listener.bind(self.unix)
        else:
            self._listener = socket.socket()
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._listener.bind(("127.0.0.1", self.port))
            self.port = self._listener.getsockname()[1]
        self._listener.listen(256)
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def _stop_listening(self):
        try:
            self._listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._listener.close()
        self.drop_kept()

    def _accept(self, listener):
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            self.tcp_connections += 1
            threading.Thread(target=self._serve, args=(sock, self.tcp_connections), daemon=True).start()

    def _serve(self, sock, number):
        self._open.add(sock)
        try:
            sock.settimeout(60)
            buffer = b""
            while True:
                request, buffer = self._read(sock, buffer, number)
                if request is None or not self._handle(sock, request, buffer):
                    return
        except (OSError, ValueError):
            return
        finally:
            self._open.discard(sock)
            sock.close()

    def _read(self, sock, buffer, number):
        while b"\r\n\r\n" not in buffer:
            data = sock.recv(65536)
            if not data:
                return None, b""
            buffer += data
        head, buffer = buffer.split(b"\r\n\r\n", 1)
        lines = head.decode("latin-1").split("\r\n")
        method, target, _ = lines[0].split(" ")
        headers = [tuple(x.strip(" \t") for x in line.split(":", 1)) for line in lines[1:]]
        low = {n.lower(): v for n, v in headers}
        body = b""
        if "100-continue" in low.get("expect", ""):
            sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")

        def need(n):
            nonlocal buffer
            while len(buffer) < n:
                data = sock.recv(65536)
                if not data:
                    raise ValueError("cut")
                buffer += data

        if "chunked" in low.get("transfer-encoding", ""):
            while True:
                while b"\r\n" not in buffer:
                    need(len(buffer) + 1)
                line, buffer = buffer.split(b"\r\n", 1)
                size = int(line.split(b";")[0], 16)
                need(size + 2)
                body, buffer = body + buffer[:size], buffer[size + 2:]
                if size == 0:
                    break
        else:
            size = int(low.get("content-length", 0))
            need(size)
            body, buffer = buffer[:size], buffer[size:]
        return Request(method, target, headers, head, body, number), buffer

    def _choose(self, request):
        kind = request.type or "other"
        with self._lock:
            self.requests.append(request)
            self.active += 1
            self.most_active = max(self.most_active, self.active)
            chosen = self.answers.get(kind, Answer(204 if request.type else 200))
            if isinstance(chosen, list):
                chosen = chosen.pop(0) if len(chosen) > 1 else chosen[0]
        return chosen(request) if callable(chosen) else chosen

    def _handle(self, sock, request, rest):
        try:
            answer = self._choose(request)
            if answer.delay:
                time.sleep(answer.delay)
            if answer.fault == "hang":
                self.released.wait(60)
                return False
        finally:
            with self._lock:
                self.active -= 1
        if answer.fault == "reset":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return False
        if answer.fault == "drop":
            return False
        sock.sendall(answer.encode(request))
        if answer.then:
            answer.then(sock, request, rest)
            return False
        return answer.fault is None and answer.raw is None and not answer.close


def echo(request):
    """Sends a message back as what it was."""
    kind = request.header("Content-Type") or "text/plain"
    return Answer(200, {"Content-Type": kind}, request.body)
