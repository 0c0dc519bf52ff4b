"""The app of all pods: takes every event with 204, and remembers the connections. A process of its own."""

import asyncio
import collections
import json
import sys


class App(asyncio.Protocol):
    connected, ended = set(), collections.Counter()

    def connection_made(self, transport):
        self.transport, self.buffer = transport, b""

    def data_received(self, data):
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = self.buffer[:end].decode("latin-1")
            fields = {n.lower(): v for n, v in (line.split(": ", 1) for line in head.split("\r\n")[1:])}
            size = int(fields.get("content-length", 0))
            if len(self.buffer) < end + 4 + size:
                return
            self.buffer = self.buffer[end + 4 + size:]
            kind, ws = fields.get("ce-type", ""), fields.get("ce-connectionid", "")
            body = b""
            if kind == "wsidecar.connect":
                App.connected.add(ws)
            elif kind == "wsidecar.disconnect":
                App.ended[ws] += 1
            elif head.startswith("GET /ledger"):
                body = json.dumps({"connected": len(App.connected), "ended": len(App.ended),
                                   "open": sorted(App.connected - set(App.ended))[:20],
                                   "unknown": sorted(set(App.ended) - App.connected)[:20]}).encode()
            status = b"200 OK" if body else b"204 No Content"
            self.transport.write(b"HTTP/1.1 " + status + b"\r\n" +
                                 (b"Content-Length: %d\r\n" % len(body) if body else b"") + b"\r\n" + body)


async def main():
    server = await asyncio.get_running_loop().create_server(App, "127.0.0.1", int(sys.argv[1]))
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        sys.exit(0)
