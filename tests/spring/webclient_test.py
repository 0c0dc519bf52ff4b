"""Server-sent events as Spring's WebClient reads them, in a JVM of its own (listener/client): names, lines, a redial with Last-Event-ID."""

import json
import os
import subprocess
import threading

import pytest

from support.app import commands
from support.pod import ROOT, clean_environment
from support.spring import JVM
from support.waiting import stays, wait_until
from support.world import World


class Listener:
    def __init__(self, generation, url):
        jar = os.path.join(ROOT, "build", "spring", generation, "listener", "listener.jar")
        package = {"boot2": "loader", "boot3": "loader.launch"}[generation]
        self.process = subprocess.Popen([*JVM, "-Dloader.main=com.example.client.Listener", "-cp", jar,
                                         f"org.springframework.boot.{package}.PropertiesLauncher", url],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=clean_environment(), text=True, encoding="utf-8")
        self.events, self.noise = [], []
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            (self.events.append(json.loads(line)) if line.startswith('{"event"') else self.noise.append(line))

    def data(self, count, timeout=20):
        wait_until(lambda: len(self.events) >= count, timeout, f"{count} events; {self.noise[-3:]}")
        return [e["data"] for e in self.events]

    def close(self):
        self.process.kill()
        self.process.wait()
        self.reader.join(2)
        self.process.stdout.close()


@pytest.fixture
def world(own_redis):
    w = World(own_redis)
    yield w
    w.close()


def test_it_reads_all_and_goes_on_where_it_was(world, generation):
    settings = {"routes": [{"path": "/orders/{table}", "sse": True}], "history": [{"name": "group:table-*"}], "outbox": {"grace": "30s"}}
    pod = world.pod(**settings)
    pod.app.answers["connect"] = commands(("Ws-User", "kitchen"), ("Ws-Join", "table-7"))
    listener = Listener(generation, f"http://127.0.0.1:{pod.port}/orders/7")
    try:
        pod.app.wait_event("connect", 90)
        wait_until(lambda: world.presence("kitchen"), 5, "there")
        texts = ["宫保鸡丁", "two\nlines", '{"dish":"rice"}', "x" * 100_000]
        world.push(*[{"to": {"group": "table-7"}, "text": t} for t in texts])
        assert listener.data(4) == texts
        assert all(e["event"] == "message" and e["id"] for e in listener.events) and len({e["id"] for e in listener.events}) == 4
        # Closed by the app: an event says why, and the client dials again.
        world.push({"to": {"user": "kitchen"}, "close": {"code": 4001, "reason": "again"}})
        wait_until(lambda: pod.app.events("disconnect"), 5, "its end")
        world.push({"to": {"group": "table-7"}, "text": "meanwhile"}, {"to": {"user": "kitchen"}, "text": "to it alone"})
        assert listener.data(7)[4:] == ['{"code":4001,"reason":"again"}', "meanwhile", "to it alone"]
        assert listener.events[4]["event"] == "close"
        # Its pod is killed, and another comes on its port.
        pod.kill()
        port = pod.port
        pod = world.pod(app=pod.app, listen={"address": f"127.0.0.1:{port}"}, **settings)
        wait_until(lambda: pod.metric("wsidecar_connections") == 1, 20, "it is there again")
        world.push({"to": {"group": "table-7"}, "text": "after all"})
        assert listener.data(8)[7:] == ["after all"], "and nothing that it had"
        stays(lambda: len(listener.events) == 8, 0.5)
    finally:
        listener.close()
