"""A WebSocket client that can misbehave in every way."""

import base64
import hashlib
import os
import select
import socket
import struct
import time

from support import frames
from support.http import HttpConnection

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Refused(Exception):
    """The handshake was answered with something else than 101."""

    def __init__(self, response):
        super().__init__(f"{response.status} {response.body[:200]!r}")
        self.response = response
        self.status = response.status


class Closed(Exception):
    """The connection has ended; code 1005: a close frame without a code, 1006: no close frame."""

    def __init__(self, code, reason=""):
        super().__init__(f"closed {code} {reason!r}")
        self.code = code
        self.reason = reason


def upgrade_request(path="/ws/test", headers=(), key=None, drop=(), host="shop.example"):
    """The request as bytes. `headers` are added as they are, `drop` names default ones to leave out."""
    key = key or base64.b64encode(os.urandom(16)).decode()
    lines = [("Host", host), ("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Key", key),
             ("Sec-WebSocket-Version", "13")]
    dropped = {d.lower() for d in drop}
    lines = [x for x in lines if x[0].lower() not in dropped]
    lines += list(headers.items() if isinstance(headers, dict) else headers)
    text = f"GET {path} HTTP/1.1\r\n" + "".join(f"{n}: {v}\r\n" for n, v in lines) + "\r\n"
    return text.encode("utf-8")


class Ws:
    """One connection. recv() answers pings by itself unless `auto_pong` is off."""

    def __init__(self, port, path="/ws/test", headers=(), subprotocols=(), timeout=8.0, rcvbuf=None, auto_pong=True,
                 behind=b"", host="shop.example"):
        self.auto_pong = auto_pong
        self.timeout = timeout
        self.pings = []
        self.pongs = []
        self.received_bytes = 0
        self.connection = None
        key = base64.b64encode(os.urandom(16))
        headers = list(headers.items() if isinstance(headers, dict) else headers)
        if subprotocols:
            headers.append(("Sec-WebSocket-Protocol", ", ".join(subprotocols)))
        c = HttpConnection(port, timeout)
        self.sock = c.sock
        if rcvbuf:
            self.sock.close()
            self.sock = socket.socket()
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
            self.sock.settimeout(timeout)
            self.sock.connect(("127.0.0.1", port))
            c.sock = self.sock
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock.sendall(upgrade_request(path, headers, key.decode(), host=host) + behind)
        self.response = c.response()
        if self.response.status != 101:
            self.response.closed = self.response.closed or c.at_end()
            c.close()
            raise Refused(self.response)
        accept = base64.b64encode(hashlib.sha1(key + GUID).digest()).decode()
        assert self.response.header("Sec-WebSocket-Accept") == accept
        self.buffer = self.response.rest

    # ------------------------------------------------------------------------------------------- sending

    def raw(self, data):
        self.sock.sendall(data)
        return self

    def frame(self, opcode, payload=b"", **how):
        return self.raw(frames.frame(opcode, payload, **how))

    def send(self, message):
        return self.frame(frames.TEXT if isinstance(message, str) else frames.BINARY, message)

    def ping(self, payload=b""):
        return self.frame(frames.PING, payload)

    def send_close(self, code=1000, reason=""):
        return self.frame(frames.CLOSE, frames.close_payload(code, reason))

    # ----------------------------------------------------------------------------------------- receiving

    def _fill(self, deadline):
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([self.sock], [], [], max(left, 0))[0]:
            raise TimeoutError("nothing came")
        try:
            data = self.sock.recv(1 << 18)
        except (ConnectionResetError, BrokenPipeError):
            data = b""
        if not data:
            raise Closed(1006, "end of the TCP connection")
        self.received_bytes += len(data)
        self.buffer += data

    def recv_frame(self, timeout=None):
        """(fin, rsv, opcode, payload), whatever comes."""
        deadline = time.monotonic() + (self.timeout if timeout is None else timeout)

        def need(n):
            while len(self.buffer) < n:
                self._fill(deadline)

        need(2)
        first, second = self.buffer[0], self.buffer[1]
        assert not second & 0x80, "a server must not mask"
        size, at = second & 0x7F, 2
        if size == 126:
            need(4)
            size, at = struct.unpack("!H", self.buffer[2:4])[0], 4
        elif size == 127:
            need(10)
            size, at = struct.unpack("!Q", self.buffer[2:10])[0], 10
        need(at + size)
        payload, self.buffer = self.buffer[at:at + size], self.buffer[at + size:]
        return bool(first & 0x80), (first >> 4) & 7, first & 15, payload

    def recv(self, timeout=None):
        """The next message: str or bytes. Raises Closed, TimeoutError."""
        timeout = self.timeout if timeout is None else timeout
        deadline = time.monotonic() + timeout
        parts, kind = [], None
        while True:
            fin, _, opcode, payload = self.recv_frame(max(0.0, deadline - time.monotonic()))
            if opcode == frames.PING:
                self.pings.append(payload)
                if self.auto_pong:
                    self.frame(frames.PONG, payload)
            elif opcode == frames.PONG:
                self.pongs.append(payload)
            elif opcode == frames.CLOSE:
                self._end(payload)
            else:
                kind = opcode if opcode else kind
                parts.append(payload)
                if fin:
                    whole = b"".join(parts)
                    return whole.decode("utf-8") if kind == frames.TEXT else whole

    def _end(self, payload):
        code = struct.unpack("!H", payload[:2])[0] if len(payload) >= 2 else 1005
        try:
            self.frame(frames.CLOSE, payload[:2])
        except OSError:
            pass
        raise Closed(code, payload[2:].decode("utf-8"))

    def pong(self, timeout=None):
        """The payload of the next pong; messages before it are an error."""
        while True:
            _, _, opcode, payload = self.recv_frame(timeout)
            if opcode == frames.PONG:
                return payload
            assert opcode == frames.PING, (opcode, payload)

    def until_closed(self, timeout=None):
        """(messages, code, reason) up to the end."""
        got = []
        deadline = time.monotonic() + (self.timeout if timeout is None else timeout)
        while True:
            try:
                got.append(self.recv(max(0.0, deadline - time.monotonic())))
            except Closed as end:
                return got, end.code, end.reason

    def closed(self, timeout=None):
        """(code, reason) of the end, which must be what comes next."""
        got, code, reason = self.until_closed(timeout)
        assert not got, got
        return code, reason

    def hears_nothing(self, seconds=0.3):
        """Fails when a message (or the end) comes within the time."""
        try:
            message = self.recv(seconds)
        except TimeoutError:
            return
        raise AssertionError(f"nothing was to come, but {message!r}")

    def round_trip(self, payload=b"are you there"):
        """A ping, and its pong: all frames sent before have been read."""
        self.ping(payload)
        assert self.pong() == payload

    # -------------------------------------------------------------------------------------------- ending

    def close(self, code=1000, reason="", timeout=None):
        """An orderly end; what the server's close frame said."""
        self.send_close(code, reason)
        return self.until_closed(timeout)[1:]

    def drop(self):
        """FIN without a close frame."""
        self.sock.close()

    def reset(self):
        """RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()
