"""A client of server-sent events by hand, as WHATWG HTML section 9.2 reads them: what came and how is all there to look at."""

import select
import time
from dataclasses import dataclass

from support.http import HttpConnection, Truncated, request_bytes


class Refused(Exception):
    def __init__(self, response):
        super().__init__(f"{response.status} {response.body[:200]!r}")
        self.response = response
        self.status = response.status


class Ended(Exception):
    """The response has ended; `whole`: as HTTP says it does."""

    def __init__(self, whole):
        super().__init__(f"the response has ended, {'whole' if whole else 'cut'}")
        self.whole = whole


@dataclass
class Event:
    data: str
    event: str
    id: str


class Sse:
    """`recv()` gives events. `last_id` is what an EventSource would send as Last-Event-ID."""

    timeout = 8.0

    def __init__(self, port, path="/ws/test", headers=(), last_id=None, version="1.1", method="GET"):
        headers = list(headers.items() if isinstance(headers, dict) else headers)
        if not any(n.lower() == "accept" for n, _ in headers):
            headers.append(("Accept", "text/event-stream"))
        if last_id is not None:
            headers.append(("Last-Event-ID", last_id))
        self.connection = HttpConnection(port, self.timeout)
        self.sock = self.connection.sock
        request = request_bytes(method, path, headers).replace(b" HTTP/1.1\r\n", f" HTTP/{version}\r\n".encode(), 1)
        self.connection.send(request)
        self.response = self.connection.head()
        if self.response.status != 200 or method == "HEAD":
            size = int(self.response.header("Content-Length") or 0) if method != "HEAD" else 0
            self.response.body = self.connection.take(size)
            self.response.closed = self.connection.at_end()
            self.connection.close()
            if self.response.status != 200:
                raise Refused(self.response)
        self.chunked = self.response.header("Transfer-Encoding") == "chunked"
        self.events, self.comments, self.retry, self.last_id, self.ended = [], [], None, last_id or "", None
        self._raw, self._text = b"", ""
        self._data, self._type, self._id = [], "", self.last_id

    def _more(self, deadline):
        if not self.connection.buffer:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.sock], [], [], left)[0]:
                raise TimeoutError("nothing came")
        try:
            if self.chunked:
                part = self.connection.chunk()
                if not part:
                    self.ended = Ended(True)
            else:
                if not self.connection.buffer:
                    self.connection.more()
                part, self.connection.buffer = self.connection.buffer, b""
        except Truncated as e:
            self.ended = Ended(not self.chunked and "ended" in str(e))
            return
        self._take(part)

    def _take(self, part):
        self._raw += part
        while b"\n" in self._raw:
            line, self._raw = self._raw.split(b"\n", 1)
            assert not line.endswith(b"\r"), "lines end with LF here"
            self._line(line.decode("utf-8"))

    def _line(self, line):
        if line == "":
            self.last_id = self._id
            if self._data:
                self.events.append(Event("\n".join(self._data), self._type or "message", self.last_id))
            self._data, self._type = [], ""
            return
        name, _, value = line.partition(":")
        value = value[1:] if value.startswith(" ") else value
        if name == "":
            self.comments.append(value)
        elif name == "data":
            self._data.append(value)
        elif name == "event":
            self._type = value
        elif name == "id":
            self._id = value
        elif name == "retry":
            self.retry = int(value)
        else:
            raise AssertionError(f"not a field: {line!r}")

    def recv(self, timeout=None):
        """The next event. Raises Ended, TimeoutError."""
        deadline = time.monotonic() + (self.timeout if timeout is None else timeout)
        while not self.events:
            if self.ended:
                raise self.ended
            self._more(deadline)
        return self.events.pop(0)

    def message(self, timeout=None):
        e = self.recv(timeout)
        assert e.event == "message", e
        return e.data

    def hears_nothing(self, seconds=0.3):
        try:
            e = self.recv(seconds)
        except TimeoutError:
            return
        raise AssertionError(f"nothing was to come, but {e!r}")

    def until(self, condition, timeout=5):
        """Reads on, keeping events, until it is so."""
        deadline = time.monotonic() + timeout
        while not condition():
            if self.ended:
                raise self.ended
            self._more(deadline)

    def until_ended(self, timeout=None):
        """(events, whole)"""
        got = []
        while True:
            try:
                got.append(self.recv(timeout))
            except Ended as e:
                return got, e.whole

    def close(self):
        self.connection.close()
