"""A reader of server-sent events."""

import json
import socket


class Events:
    """GET `path`; `status` is the answer's, read() the next event's JSON."""

    def __init__(self, port, path, headers=(), host="127.0.0.1", rcvbuf=None, timeout=5):
        self.sock = socket.socket()
        if rcvbuf:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        self.sock.settimeout(timeout)
        self.sock.connect((host, port))
        lines = "".join(f"{n}: {v}\r\n" for n, v in headers)
        self.sock.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n{lines}\r\n".encode())
        self.file = self.sock.makefile("rb")
        self.status = int(self.file.readline().split()[1])
        self.headers = {}
        while line := self.file.readline().decode().strip():
            name, value = line.split(":", 1)
            self.headers[name.lower()] = value.strip()

    def read(self):
        line = self.file.readline()
        assert line.startswith(b"data: "), line
        assert self.file.readline() == b"\n"
        return json.loads(line[6:])

    def until(self, wanted, events=6):
        """The first event that `wanted` takes."""
        for _ in range(events):
            event = self.read()
            if wanted(event):
                return event
        raise AssertionError(f"not within {events} events; the last: {event}")

    def close(self):
        self.file.close()
        self.sock.close()
