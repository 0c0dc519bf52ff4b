"""HTTP/1.1 by hand, so that what no library would send can be sent, and every byte of the answer be seen."""

import json
import socket
from dataclasses import dataclass, field


@dataclass
class Response:
    status: int
    reason: str
    headers: list
    body: bytes = b""
    closed: bool = False  # the peer ended the connection behind it
    rest: bytes = b""  # bytes behind the head, of a 101

    def all(self, name):
        return [v for n, v in self.headers if n.lower() == name.lower()]

    def header(self, name):
        values = self.all(name)
        return values[0] if values else None

    @property
    def text(self):
        return self.body.decode("utf-8", "replace")

    def json(self):
        return json.loads(self.body)


class Truncated(Exception):
    """The connection ended, or went silent, before the answer was whole."""


@dataclass
class HttpConnection:
    """One client connection; several requests can follow one another."""

    port: int
    timeout: float = 5.0
    buffer: bytes = b""
    sock: socket.socket = field(default=None)

    def __post_init__(self):
        self.sock = socket.create_connection(("127.0.0.1", self.port), self.timeout)
        self.sock.settimeout(self.timeout)

    def send(self, data):
        self.sock.sendall(data)
        return self

    def request(self, method, target, headers=(), body=b""):
        self.send(request_bytes(method, target, headers, body))
        return self.response(head_only=method == "HEAD")

    def more(self):
        try:
            data = self.sock.recv(65536)
        except ConnectionResetError as e:
            raise Truncated(f"reset; so far {self.buffer[:200]!r}") from e
        except socket.timeout as e:
            raise Truncated(f"silence; so far {self.buffer[:200]!r}") from e
        if not data:
            raise Truncated(f"ended; so far {self.buffer[:200]!r}")
        self.buffer += data

    def head(self):
        while b"\r\n\r\n" not in self.buffer:
            self.more()
        raw, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        lines = raw.decode("latin-1").split("\r\n")
        _, status, *reason = lines[0].split(" ", 2)
        headers = [(n, v.strip(" \t")) for n, v in (line.split(":", 1) for line in lines[1:])]
        return Response(int(status), reason[0] if reason else "", headers)

    def take(self, size):
        while len(self.buffer) < size:
            self.more()
        data, self.buffer = self.buffer[:size], self.buffer[size:]
        return data

    def line(self):
        while b"\r\n" not in self.buffer:
            self.more()
        line, self.buffer = self.buffer.split(b"\r\n", 1)
        return line

    def chunk(self):
        """One chunk of a chunked answer; empty: the last, its trailers read."""
        data = self.take(int(self.line().split(b";")[0], 16))
        if data:
            self.line()
        else:
            while self.line():
                pass
        return data

    def response(self, head_only=False, interim=False):
        r = self.head()
        while 100 <= r.status < 200 and r.status != 101 and not interim:
            r = self.head()
        if r.status == 101 or interim:
            r.rest, self.buffer = self.buffer, b""
        elif head_only or r.status in (204, 304):
            pass
        elif "chunked" in (r.header("Transfer-Encoding") or ""):
            while data := self.chunk():
                r.body += data
        elif r.header("Content-Length") is not None:
            r.body = self.take(int(r.header("Content-Length")))
        else:
            try:
                while True:
                    self.more()
            except Truncated:
                r.body, self.buffer = self.buffer, b""
                r.closed = True
        return r

    def at_end(self, timeout=2.0):
        """Whether the peer ends the connection, without another byte."""
        self.sock.settimeout(timeout)
        try:
            return not self.buffer and self.sock.recv(1) == b""
        except ConnectionResetError:
            return True
        except socket.timeout:
            return False
        finally:
            self.sock.settimeout(self.timeout)

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def request_bytes(method, target, headers=(), body=b""):
    headers = list(headers.items() if isinstance(headers, dict) else headers)
    names = {n.lower() for n, _ in headers}
    if "host" not in names:
        headers.insert(0, ("Host", "shop.example"))
    if body and not names & {"content-length", "transfer-encoding"}:
        headers.append(("Content-Length", str(len(body))))
    head = f"{method} {target} HTTP/1.1\r\n" + "".join(f"{n}: {v}\r\n" for n, v in headers) + "\r\n"
    return head.encode("latin-1") + body


def http(port, method, target, headers=(), body=b"", timeout=5.0):
    """One request on a connection of its own."""
    if isinstance(body, str):
        body = body.encode()
    with HttpConnection(port, timeout) as c:
        return c.request(method, target, headers, body)


def raw_http(port, data, timeout=5.0):
    """Sends the bytes as they are; the answer says whether the connection ended behind it."""
    with HttpConnection(port, timeout) as c:
        try:
            c.send(data)
        except (BrokenPipeError, ConnectionResetError):
            pass  # refused before the end of it, which is fine: the answer is there
        r = c.response()
        if r.status != 101:
            r.closed = r.closed or c.at_end()
        return r
