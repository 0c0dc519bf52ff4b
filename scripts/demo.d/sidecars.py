#!/usr/bin/env python3
"""The demo's part of a kubelet: runs the sidecars, starts one again 3 s after it has ended, and kills one when the page says so.

  sidecars.py PORT ORIGINS FOLDER BINARY NAME...   runs BINARY --config FOLDER/NAME.yaml for each NAME, with POD_NAME and FOLDER/NAME.log

POST http://127.0.0.1:PORT/kill/NAME kills it (kill -9). A browser may, from one of ORIGINS (a comma between them); other pages may not.
On SIGTERM all are told to end, and are waited for.
"""
import http.server
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time

PAUSE = 3.0


class Sidecar:
    def __init__(self, binary, folder, name):
        self.command = [binary, "--config", str(folder / f"{name}.yaml")]
        self.log = open(folder / f"{name}.log", "ab")  # noqa: SIM115
        self.name, self.ended_at = name, None
        self.start()

    def start(self):
        self.process = subprocess.Popen(self.command, stdout=self.log, stderr=self.log, env={**os.environ, "POD_NAME": self.name})
        self.ended_at = None

    def look(self):
        if self.process.poll() is None:
            return
        if self.ended_at is None:
            self.ended_at = time.monotonic()
        elif time.monotonic() - self.ended_at > PAUSE:
            self.start()

    def end(self):
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Control(http.server.BaseHTTPRequestHandler):
    origins, sidecars = (), {}

    def do_POST(self):
        origin = self.headers.get("Origin")
        name = self.path.removeprefix("/kill/")
        if origin is not None and origin not in self.origins:
            self.answer(403)
        elif not self.path.startswith("/kill/") or name not in self.sidecars:
            self.answer(404)
        else:
            self.sidecars[name].process.kill()
            self.answer(204, origin)

    def answer(self, status, origin=None):
        self.send_response(status)
        if origin:
            self.send_header("Access-Control-Allow-Origin", origin)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def main():
    port, origins, folder, binary, *names = sys.argv[1:]
    ending = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ending.set())
    Control.origins = origins.split(",")
    Control.sidecars = {name: Sidecar(binary, pathlib.Path(folder), name) for name in names}
    server = http.server.ThreadingHTTPServer(("127.0.0.1", int(port)), Control)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    while not ending.wait(0.2):
        for sidecar in Control.sidecars.values():
            sidecar.look()
    for sidecar in Control.sidecars.values():
        sidecar.end()
    return 0


if __name__ == "__main__":
    sys.exit(main())
