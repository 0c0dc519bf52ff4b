"""The dashboard and the alerts on a real Prometheus that scrapes real pods, with load and with trouble."""

import asyncio
import json
import re
import signal
import socket
import subprocess
import threading
import time
import urllib.parse
import urllib.request

import pytest

from chaos.fleet import Fleet
from chaos.ledger import Ledger
from chaos.producer import Producer
from k8s.cluster import Talker
from k8s.tools import K8S
from support.app import Answer
from support.redis_server import Redis
from support.waiting import wait_until
from support.world import World
from support.ws import Refused

DASHBOARD = json.loads((K8S / "dashboards/wsidecar.json").read_text())
PANELS = [p for p in DASHBOARD["panels"] if p["type"] != "row"]
WINDOW = "6s"
# Zero is what one wants to see, and what may well be seen in so short a time.
MAY_BE_ZERO = r"outbound_queue_bytes|requests_queued|outbox_length|outbox_head_age|unconfirmed|events_waiting"


class Prometheus:
    """Debian's, with the alerts of k8s/, on `targets`."""

    def __init__(self, directory, targets):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        config = directory / "prometheus.yml"
        config.write_text(json.dumps({
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"}, "rule_files": [str(K8S / "alerts/wsidecar.yaml")],
            "scrape_configs": [{"job_name": "shop", "static_configs": [{"targets": targets}]}]}))
        self.log = (directory / "log").open("w+")
        self.process = subprocess.Popen(["prometheus", f"--config.file={config}", f"--storage.tsdb.path={directory}/data",
                                         f"--web.listen-address=127.0.0.1:{self.port}"], stdout=self.log, stderr=self.log)
        wait_until(self.ready, 20, "Prometheus", step=0.1)

    def ready(self):
        assert self.process.poll() is None, self.said()
        try:
            return urllib.request.urlopen(f"http://127.0.0.1:{self.port}/-/ready", timeout=2).status == 200
        except OSError:
            return False

    def said(self):
        self.log.seek(0)
        return self.log.read()[-3000:]

    def get(self, path, **query):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(query)}", timeout=20) as r:
            return json.load(r)["data"]

    def close(self):
        self.process.terminate()
        self.process.wait(10)
        self.log.close()


class Load:
    """Clients that talk, and pushes to them, until it is closed."""

    def __init__(self, world, ports, count=150):
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        self.fleet = Fleet(ports, count, 3, kind=Talker)
        self.run(self.fleet.start())
        self.producer = Producer(Ledger(), world.redis_server.port, world.key("outbox"), [c.user for c in self.fleet.clients], 200, 3)
        self.producer.start()
        self.talking = asyncio.run_coroutine_threadsafe(self.talk(), self.loop)

    def run(self, work):
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(60)

    async def talk(self):
        while True:
            await asyncio.sleep(0.02)
            client = self.fleet.random.choice(self.fleet.clients)
            if client.open and not client.closing:
                client.say()

    async def cut(self):
        """Some clients read nothing any more, and are gone a second later: what they had not confirmed is delivered again."""
        for c in self.fleet.clients[::4]:
            c.fall_silent(1.5)
        await asyncio.sleep(1)
        while self.fleet.deaf:
            self.fleet.deaf.pop().abort()

    def close(self):
        self.producer.stop()
        self.talking.cancel()
        self.run(self.fleet.end())
        self.loop.call_soon_threadsafe(self.loop.stop)


def read_again(pod):
    """A configuration that is refused, then one that is taken."""
    good = pod.config
    for config, what in (good | {"no_such_key": 1}, "refused"), (good | {"log": {"level": "warn"}}, "done"):
        pod.config = config
        pod.write_config()
        pod.process.send_signal(signal.SIGHUP)
        wait_until(lambda: pod.metric("wsidecar_config_reloads_total", result=what) > 0, 5, what)


def trouble(world, pods, load, number):
    """Something of everything that a panel shows."""
    r = world.redis
    world.push("no json", {"to": {"user": "nobody"}, "text": "x"}, *[{"to": {"user": f"absent{number}"}, "text": "x", "mailbox": True}] * 3,
               {"to": {"user": "u1"}, "text": "x", "receipt": world.key("receipts:wrong")})
    r.set(world.key("presence:wrong"), "no hash")
    assert pods[0].get("/console/user?name=wrong").status == 200  # Redis answers it with an error
    r.publish("shop:notices", json.dumps({"who": "u2"}))
    pods[0].app.answers["message"] = [Answer(503), pods[1].app.answers["message"]]
    with pytest.raises(Refused):
        pods[0].connect("/elsewhere")
    load.run(load.cut())
    for client in r.client_list():
        if int(client.get("sub", 0)) + int(client.get("psub", 0)):
            r.client_kill_filter(_id=client["id"])
    r.delete(*r.scan_iter(world.key("lease:*")))


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory):
    redis = Redis()
    world = World(redis)
    world.config = {"drain": {"delay": "1s", "period": "4s"}, "lease": "2s", "outbox": {"grace": "500ms", "receipt_prefix": world.prefix},
                    "routes": [{"path": "/ws/{user}", "user": "{user}"}],
                    "mailbox": {"count": 1}, "sources": [{"channel": "shop:notices", "to": {"user": "{/who}"}}]}
    started = time.time()
    pods = [world.pod(name=f"shop-{n}") for n in range(3)]
    for p in pods:
        p.app.answers["message"] = Answer(200, {"Content-Type": "text/plain"}, "a:yes", delay=0.1)
    prometheus = load = None
    try:
        prometheus = Prometheus(tmp_path_factory.mktemp("prometheus"), [f"127.0.0.1:{p.admin_port}" for p in pods])
        time.sleep(3)
        world.redis.set(world.key("receipts:wrong"), "no list")
        load = Load(world, [p.port for p in pods])
        for number in range(4):
            trouble(world, pods, load, number)
            time.sleep(1)
        read_again(pods[0])
        pods[2].kill()
        load.fleet.ports.pop()
        time.sleep(6)
        drain = urllib.request.Request(f"http://127.0.0.1:{pods[1].admin_port}/drain", method="POST")
        with urllib.request.urlopen(drain, timeout=30) as done:  # answers when it is over
            assert done.status == 200
        time.sleep(2)
        prometheus.span = {"start": started, "end": time.time(), "step": 1}
        yield prometheus
    finally:
        for what in (load, prometheus):
            if what is not None:
                what.close()
        world.close()
        redis.close()


def asked(expr):
    return (expr.replace("$__rate_interval", WINDOW).replace("$namespace", ".*").replace("$prefix", ".*").replace("$instance", ".*"))


@pytest.mark.parametrize("panel", PANELS, ids=lambda p: p["title"])
def test_the_panel_shows_something(prometheus, panel):
    for target in panel["targets"]:
        series = prometheus.get("query_range", query=asked(target["expr"]), **prometheus.span)["result"]
        values = [float(v) for s in series for _, v in s["values"] if v != "NaN"]
        assert values, f"no data: {target['expr']}"
        if not re.search(MAY_BE_ZERO, target["expr"]):
            assert max(values) > 0, f"never more than 0: {target['expr']}"
        for label in re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]):
            assert all(label in s["metric"] for s in series), f"the legend's {label} is in no series of {target['expr']}"


def test_the_drain_is_seen_from_its_beginning_to_its_end(prometheus):
    states = [float(v) for s in prometheus.get("query_range", query="max(wsidecar_drain_state)", **prometheus.span)["result"] for _, v in s["values"]]
    assert {0.0, 1.0, 2.0} == set(states)


def test_every_rule_is_evaluated_and_what_happened_has_fired(prometheus):
    rules = [r for g in prometheus.get("rules")["groups"] for r in g["rules"]]
    assert len(rules) > 10 and [r["lastError"] for r in rules if r["health"] != "ok"] == []
    fired = prometheus.get("query_range", query='group by (alertname) (ALERTS{alertstate="firing"})', **prometheus.span)["result"]
    wanted = {"WsidecarEnvelopesRejected", "WsidecarSubscriptionGap", "WsidecarPodLost", "WsidecarLeaseLost", "WsidecarReceiptsFailed",
              "WsidecarReloadRefused"}
    assert wanted <= {s["metric"]["alertname"] for s in fired}
    texts = [a["annotations"]["summary"] for r in rules for a in r["alerts"]]
    assert texts and all("error expanding" not in t and "{{" not in t and not t.startswith(":") for t in texts), texts


def test_every_metric_that_is_asked_for_exists(prometheus):
    """A wrong name would make an alert that never fires."""
    known = set(prometheus.get("label/__name__/values"))
    text_ = (K8S / "alerts/wsidecar.yaml").read_text() + json.dumps(DASHBOARD)
    assert {n for n in re.findall(r"wsidecar_[a-z_]+[a-z]", text_) if n not in known} == set()
