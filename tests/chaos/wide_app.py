"""The app of the wide form, a process of its own. Says who a client is, and now and then is not in the mood: 503 for the first
attempts of some disconnect events, and for some reports of deliveries. Each event that it has taken is a line in a file.

  GET path /ws/u7/0: user u7, alias n=u7, groups; /ws/x7/0: nobody's connection, in a group; /stomp/s7/0: user s7; /ws/m7/0: user m7, in one of
  many groups (crowds.py)
"""

import asyncio
import json
import os
import sys
import time
import zlib

GROUPS = 12
CROWDS = 300


def groups_of(user):
    """What the app answers with Ws-Join, and the ledger expects."""
    n = int(user[1:])
    if user[0] == "m":
        return [f"crowd-{n % CROWDS}"]
    return [f"anonymous-{n % 3}"] if user[0] == "x" else [f"table-{n % GROUPS}", f"floor-{n % 4}"]


def alias_of(user):
    return f"n={user}"


class App(asyncio.Protocol):
    out = -1
    refused = {}  # what -> when first

    def connection_made(self, transport):
        self.transport, self.buffer = transport, b""

    def data_received(self, data):
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = self.buffer[:end].decode("latin-1").split("\r\n")
            fields = {n.lower(): v for n, v in (line.split(": ", 1) for line in head[1:])}
            size = int(fields.get("content-length", 0))
            if len(self.buffer) < end + 4 + size:
                return
            body = self.buffer[end + 4:end + 4 + size]
            self.buffer = self.buffer[end + 4 + size:]
            status, headers, answer = self.answer(head[0].split(" ")[1], fields, body)
            lines = [f"HTTP/1.1 {status} {status}", *headers]
            if answer or status == 503:
                lines += ["Content-Type: text/plain", f"Content-Length: {len(answer)}"]
            self.transport.write(("\r\n".join(lines) + "\r\n\r\n" + answer).encode())

    def note(self, **what):
        os.write(App.out, (json.dumps({"t": time.monotonic(), **what}) + "\n").encode())

    def declines(self, what, seconds):
        """For so long from the first time on."""
        return time.monotonic() < App.refused.setdefault(what, time.monotonic()) + seconds

    def answer(self, target, fields, body):
        if target == "/delivered":
            ids = json.loads(body)
            if zlib.crc32(body) % 10 == 0 and self.declines(body, 0.3):
                return 503, [], ""
            self.note(kind="delivered", ids=ids)
            return 204, [], ""
        kind, ws = fields["ce-type"].removeprefix("wsidecar."), fields["ce-connectionid"]
        dice = zlib.crc32(ws.encode()) % 40
        if kind == "disconnect" and (dice < 4 and self.declines(ws, 0.5) or dice == 5 and self.declines(ws, 6)):
            return 503, [], ""
        if kind in ("connect", "disconnect"):
            self.note(kind=kind, ws=ws, id=fields["ce-id"], source=fields["ce-source"], why=fields.get("ws-reason", ""))
        if kind != "connect":
            return 204, [], ""
        user = fields["ce-subject"].split("/")[2]
        headers = [f"Ws-Join: {g}" for g in groups_of(user)]
        if user[0] != "x":
            headers += [f"Ws-User: {user}", f"Ws-Alias: {alias_of(user).replace('=', '%3D')}"]
        if user[0] == "s":
            return 204, headers, ""
        return 200, headers, f"id {ws}"


async def main():
    App.out = os.open(sys.argv[2], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    server = await asyncio.get_running_loop().create_server(App, "127.0.0.1", int(sys.argv[1]))
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        sys.exit(0)
