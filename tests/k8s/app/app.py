"""An app on the pod's loopback: takes its time over each message and answers it. On SIGTERM it finishes what it has, and prints
what it did as one line of JSON."""

import asyncio
import json
import signal

WORK = 0.05  # seconds for one message
DONE = {"connect": 0, "message": 0, "disconnect": 0, "answers_cut": 0, "after_sigterm": 0}
stopping = False
busy = set()


class App(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport, self.buffer = transport, b""

    def data_received(self, data):
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            lines = self.buffer[:end].decode("latin-1").split("\r\n")
            fields = {n.lower(): v for n, v in (line.split(": ", 1) for line in lines[1:])}
            size = int(fields.get("content-length", 0))
            if len(self.buffer) < end + 4 + size:
                return
            body, self.buffer = self.buffer[end + 4:end + 4 + size], self.buffer[end + 4 + size:]
            task = asyncio.ensure_future(self.answer(fields.get("ce-type", "").removeprefix("wsidecar."), body))
            busy.add(task)
            task.add_done_callback(busy.discard)

    async def answer(self, kind, body):
        DONE["after_sigterm"] += stopping
        answer = b""
        if kind == "message":
            await asyncio.sleep(WORK)
            answer = b"a:" + body
        if self.transport.is_closing():
            DONE["answers_cut"] += 1
            return
        if kind in DONE:
            DONE[kind] += 1
        head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nContent-Type: text/plain\r\n" % len(answer) if answer else b"HTTP/1.1 204 No Content\r\n"
        self.transport.write(head + b"\r\n" + answer)


async def main():
    global stopping
    loop = asyncio.get_running_loop()
    told = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, told.set)
    server = await loop.create_server(App, "127.0.0.1", 8080)
    await told.wait()
    stopping = True
    server.close()
    while busy:
        await asyncio.wait(busy)
    print(json.dumps(DONE), flush=True)

asyncio.run(main())
