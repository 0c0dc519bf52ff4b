"""A STOMP client on a WebSocket: frames as they are, nothing hidden."""

import time

from support.ws import Ws


def escape(text):
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r").replace(":", "\\c")


def unescape(text):
    out, i = "", 0
    while i < len(text):
        if text[i] == "\\":
            out += {"n": "\n", "r": "\r", "c": ":", "\\": "\\"}[text[i + 1]]
            i += 2
        else:
            out += text[i]
            i += 1
    return out


def encode(command, headers=(), body=""):
    """A frame as text; `headers` are escaped but in CONNECT."""
    pairs = list(headers.items() if isinstance(headers, dict) else headers)
    plain = command in ("CONNECT", "STOMP")
    lines = [command] + [f"{n}:{v}" if plain else f"{escape(n)}:{escape(str(v))}" for n, v in pairs]
    return "\n".join(lines) + "\n\n" + body + "\0"


class Frame:
    def __init__(self, message):
        text = message if isinstance(message, str) else message.decode("latin-1")
        assert text.endswith("\0"), f"a frame ends with NUL: {text!r}"
        head, _, body = text[:-1].partition("\n\n")
        lines = head.split("\n")
        self.command = lines[0]
        plain = self.command == "CONNECTED"
        self.pairs = [tuple(x if plain else unescape(x) for x in line.split(":", 1)) for line in lines[1:]]
        assert len({n for n, _ in self.pairs}) == len(self.pairs), f"a header twice: {self.pairs}"
        self.headers = dict(self.pairs)
        self.body = body if isinstance(message, str) else message.partition(b"\n\n")[2][:-1]
        size = self.headers.get("content-length")
        if size is not None:
            assert int(size) == len(self.body.encode() if isinstance(self.body, str) else self.body), text

    def __repr__(self):
        return f"{self.command} {self.headers} {self.body!r}"


class Stomp:
    """`stomp.recv()` gives frames; heart-beats are counted. `ws`: what carries it, else a WebSocket of its own."""

    def __init__(self, port, path="/stomp", headers=(), subprotocols=("v12.stomp", "v11.stomp", "v10.stomp"), connect=True,
                 ws=None, **connect_headers):
        self.ws = ws or Ws(port, path, headers, subprotocols)
        self.beats = 0
        self.connected = None
        if connect:
            self.connected = self.hello(**connect_headers)

    def hello(self, **headers):
        fields = {"accept-version": "1.2,1.1,1.0", "host": "shop.example", "heart-beat": "0,0"}
        fields.update({n.replace("_", "-"): v for n, v in headers.items()})
        self.frame("CONNECT", {n: v for n, v in fields.items() if v is not None})
        f = self.recv()
        assert f.command == "CONNECTED", f
        return f

    def frame(self, command, headers=(), body=""):
        self.ws.send(encode(command, headers, body))
        return self

    def send(self, destination, body="", **headers):
        fields = {"destination": destination}
        fields.update({n.replace("_", "-"): v for n, v in headers.items()})
        return self.frame("SEND", fields, body)

    def subscribe(self, destination, id="sub-0", wait=True, **headers):
        fields = {"id": id, "destination": destination}
        fields.update({n.replace("_", "-"): v for n, v in headers.items()})
        if wait:
            fields["receipt"] = f"r-{id}"
        self.frame("SUBSCRIBE", fields)
        if wait:
            f = self.recv()
            assert f.command == "RECEIPT" and f.headers["receipt-id"] == f"r-{id}", f
        return self

    def recv(self, timeout=None):
        deadline = time.monotonic() + (self.ws.timeout if timeout is None else timeout)
        while True:
            message = self.ws.recv(max(0.0, deadline - time.monotonic()))
            if message == "\n":
                self.beats += 1
                continue
            return Frame(message)

    def expect(self, command, timeout=None, **headers):
        f = self.recv(timeout)
        assert f.command == command, f
        for n, v in headers.items():
            assert f.headers.get(n.replace("_", "-")) == v, f
        return f

    def message(self, timeout=None):
        return self.expect("MESSAGE", timeout)

    def error(self, code=1002):
        """The ERROR, which must come next, and the close behind it."""
        f = self.expect("ERROR")
        got, closed, _ = self.ws.until_closed()
        assert not got and closed == code, (got, closed, f)
        return f

    def hears_nothing(self, seconds=0.3):
        deadline = time.monotonic() + seconds
        while True:
            try:
                f = self.recv(max(0.0, deadline - time.monotonic()))
            except TimeoutError:
                return
            raise AssertionError(f"nothing was to come, but {f}")

    def drained(self, seconds=0.5):
        """What comes until nothing does for so long."""
        got = []
        while True:
            try:
                got.append(self.recv(seconds))
            except TimeoutError:
                return got

    def close(self):
        return self.ws.close()
