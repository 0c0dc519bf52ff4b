"""SockJS clients by hand, one for each transport, with the calls of support.ws.Ws: send, recv, until_closed, close."""

import json
import time
import uuid
from urllib.parse import unquote

from support.http import HttpConnection, Truncated, http, request_bytes
from support.ws import Closed, Ws


class Frames:
    """What the transports have in common: frames are taken apart into messages."""

    timeout = 8.0

    def __init__(self):
        self.messages = []
        self.heartbeats = 0
        self.frames = []
        self.ended = None

    def _take(self, frame):
        self.frames.append(frame)
        kind, rest = frame[:1], frame[1:]
        if kind == "a":
            self.messages += json.loads(rest)
        elif kind == "h":
            assert rest == "", frame
            self.heartbeats += 1
        elif kind == "c":
            self.ended = Closed(*json.loads(rest))
        else:
            assert frame == "o" and len(self.frames) == 1, f"not a frame here: {frame!r} after {self.frames}"

    def recv(self, timeout=None):
        """The next message. Raises Closed, TimeoutError."""
        deadline = time.monotonic() + (self.timeout if timeout is None else timeout)
        while not self.messages:
            if self.ended:
                raise self.ended
            if time.monotonic() >= deadline:
                raise TimeoutError("nothing came")
            self._more(deadline)
        return self.messages.pop(0)

    def until_closed(self, timeout=None):
        got = []
        deadline = time.monotonic() + (self.timeout if timeout is None else timeout)
        while True:
            try:
                got.append(self.recv(max(0.01, deadline - time.monotonic())))
            except Closed as end:
                return got, end.code, end.reason

    def closed(self, timeout=None):
        got, code, reason = self.until_closed(timeout)
        assert not got, got
        return code, reason

    def hears_nothing(self, seconds=0.3):
        try:
            message = self.recv(seconds)
        except TimeoutError:
            return
        raise AssertionError(f"nothing was to come, but {message!r}")


class SockJsWebSocket(Frames):
    transport = "websocket"

    def __init__(self, port, path="/sock", headers=(), **how):
        super().__init__()
        self.ws = Ws(port, f"{path}/000/{uuid.uuid4().hex[:8]}/websocket", headers, **how)
        self._more(time.monotonic() + self.timeout)
        assert self.frames == ["o"], self.frames

    def _more(self, deadline):
        self._take(self.ws.recv(max(0.0, deadline - time.monotonic())))
        if self.ended:
            self.closed_with = self.ws.closed()[0]  # the WebSocket's own close comes right behind

    closed_with = None

    def send(self, *messages):
        self.ws.send(json.dumps(list(messages)))
        return self

    def close(self, code=1000):
        return self.ws.close(code)


class Refused(Exception):
    def __init__(self, response):
        super().__init__(f"{response.status} {response.body[:200]!r}")
        self.response = response
        self.status = response.status


class SockJsHttp(Frames):
    """`transport`: xhr, xhr_streaming or eventsource; messages go out by xhr_send."""

    def __init__(self, port, path="/sock", headers=(), transport="xhr", query="", open=True):
        super().__init__()
        self.port, self.path, self.transport, self.query = port, path, transport, query
        self.headers = list(headers.items() if isinstance(headers, dict) else headers)
        self.session = uuid.uuid4().hex[:8]
        self.base = f"{path}/000/{self.session}"
        self.sender = HttpConnection(port)
        self.receiver = None
        self.response = None  # the head of the last response that received
        self.responses = 0
        self.part, self.prelude = b"", False
        if open:
            self._more(time.monotonic() + self.timeout)
            while not self.frames:
                self._more(time.monotonic() + self.timeout)
            assert self.frames[0] == "o", self.frames

    # -------------------------------------------------------------------------------------------- receiving

    def ask(self):
        """Sends the request that receives, without waiting for anything."""
        if self.receiver is None:
            self.receiver = HttpConnection(self.port)
        method = "GET" if self.transport == "eventsource" else "POST"
        length = [] if method == "GET" else [("Content-Length", "0")]
        self.receiver.send(request_bytes(method, f"{self.base}/{self.transport}{self.query}", self.headers + length))
        self.asked = True
        return self

    asked = False

    def _more(self, deadline):
        if not self.asked:
            self.ask()
        self.receiver.sock.settimeout(max(0.01, deadline - time.monotonic()))
        try:
            self._poll() if self.transport == "xhr" else self._stream()
        except Truncated as e:
            if "silence" in str(e):
                raise TimeoutError("nothing came") from e
            raise Closed(1006, str(e)) from e

    def _poll(self):
        self.response = self.receiver.response()
        self.asked = False
        self.responses += 1
        if self.response.status != 200:
            raise Refused(self.response)
        text = self.response.body.decode()
        assert text.endswith("\n") and "\n" not in text[:-1], f"a poll is one frame: {text!r}"
        self._take(text[:-1])

    def _stream(self):
        if self.response is None:
            self.response = self.receiver.head()
            self.responses += 1
            if self.response.status != 200:
                self.response.body = self.receiver.take(int(self.response.header("Content-Length") or 0))
                raise Refused(self.response)
            assert self.response.header("Transfer-Encoding") == "chunked"
            self.part, self.prelude = b"", False
        chunk = self.receiver.chunk()
        if not chunk:
            assert not self.part, self.part
            self.response, self.asked = None, False
            return
        self.part += chunk  # proxies cut chunks anew
        events = self.transport == "eventsource"
        if not self.prelude:
            expected = b"\r\n" if events else b"h" * 2048 + b"\n"
            if len(self.part) < len(expected):
                return
            assert self.part.startswith(expected), self.part[:100]
            self.part, self.prelude = self.part[len(expected):], True
        end = b"\r\n\r\n" if events else b"\n"
        *whole, self.part = self.part.split(end)
        for frame in whole:
            assert frame.startswith(b"data: ") or not events, frame
            self._take(unquote(frame[6:].decode()) if events else frame.decode())  # events as sockjs-client reads them

    # ---------------------------------------------------------------------------------------------- sending

    def post(self, body, headers=(), wait=True):
        """xhr_send with a body as it is; the answer, unless `wait` is off."""
        body = body.encode() if isinstance(body, str) else body
        headers = self.headers + list(headers) + [("Content-Length", str(len(body)))]
        self.sender.send(request_bytes("POST", f"{self.base}/xhr_send{self.query}", headers, body))
        return self.sender.response() if wait else None

    def send(self, *messages):
        r = self.post(json.dumps(list(messages)))
        assert r.status == 204, (r.status, r.body)
        return self

    def drop(self):
        """The page is gone: both connections end."""
        self.sender.close()
        if self.receiver:
            self.receiver.close()

    def close(self, *_):
        self.drop()


def sockjs(transport, port, path="/sock", headers=(), **how):
    return SockJsWebSocket(port, path, headers) if transport == "websocket" else SockJsHttp(port, path, headers, transport, **how)


def one_poll(port, url, headers=()):
    """One request of /xhr: its answer."""
    return http(port, "POST", url, list(headers) + [("Content-Length", "0")])
