"""The chart on a real Kubernetes: what the API server takes, and what becomes of pushes while pods are updated, killed, hung and evicted."""

import asyncio
import contextlib
import itertools
import json
import os
import re
import signal
import threading
import time

import pytest
import redis
import yaml

from chaos.fleet import Fleet
from chaos.ledger import Ledger
from chaos.producer import Producer
from chaos.stage import Stage
from k8s import images
from k8s.cluster import Talker
from k8s.node import Node
from k8s.render import CHARTS, HERE, cases
from support.waiting import wait_until

pytestmark = pytest.mark.slow

REDIS = """
apiVersion: v1
kind: Service
metadata: {name: redis}
spec: {selector: {app: redis}, ports: [{port: 6379}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: redis}
spec:
  selector: {matchLabels: {app: redis}}
  template:
    metadata: {labels: {app: redis}}
    spec:
      automountServiceAccountToken: false
      terminationGracePeriodSeconds: 0
      securityContext: {runAsNonRoot: true, runAsUser: 10002, seccompProfile: {type: RuntimeDefault}}
      containers:
        - name: redis
          image: %s
          imagePullPolicy: Never
          args: [redis-server, --bind, 0.0.0.0, --protected-mode, "no", --save, "", --dir, /tmp]
          securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
""" % images.APP
RESTRICTED = """
apiVersion: v1
kind: Namespace
metadata: {name: %s, labels: {pod-security.kubernetes.io/enforce: restricted, pod-security.kubernetes.io/warn: restricted}}
"""


@pytest.fixture(scope="module")
def node():
    n = Node()
    yield n
    n.close()


@pytest.fixture(scope="module", autouse=True)
def network(node):
    with node.network():
        yield


def documents(case):
    return [o for o in yaml.safe_load_all((HERE / "golden" / case.name).read_text()) if o]


# --------------------------------------------------------------------------------------------------- what the API server takes

def is_part(wanted, found, path=""):
    """What of `wanted` the API server has made something else of: a tool that compares would see a drift there."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        return [d for k, v in wanted.items() if v not in (None, {}, []) for d in is_part(v, found.get(k), f"{path}.{k}")]
    if isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        return [d for n, (w, f) in enumerate(zip(wanted, found)) for d in is_part(w, f, f"{path}[{n}]")]
    return [] if wanted == found else [f"{path}: {wanted!r} became {found!r}"]


OTHERS = {"ServiceMonitor", "PodMonitor", "PrometheusRule", "HTTPRoute"}
# Containers that the user's values bring along, without a security context.
USERS_OWN = {"everything-of-the-pod": "migrate", "classic-sidecar-by-switch": "migrate", "library": "orders", "library-on-1.28": "orders"}


@pytest.fixture(scope="module")
def restricted(node):
    """A namespace that refuses pods with more rights than they need; what the cases' pods refer to is there."""
    node.kubectl("apply", "-f", "-", input=RESTRICTED % "restricted" + """
---
{apiVersion: scheduling.k8s.io/v1, kind: PriorityClass, metadata: {name: high}, value: 1000}
---
{apiVersion: v1, kind: ServiceAccount, metadata: {name: orders, namespace: restricted}}
---
{apiVersion: v1, kind: ServiceAccount, metadata: {name: shop, namespace: restricted}}
""")
    return "restricted"


def test_the_api_server_takes_every_case_strictly_and_changes_nothing_of_it(node):
    sent = [(case.stem, o) for case in cases() for o in documents(case) if o["kind"] not in OTHERS]
    assert len(sent) > 200
    done = node.inside("kubectl", "create", "-n", "default", "--dry-run=server", "--validate=strict", "-o", "json", "-f", "-",
                       input=yaml.safe_dump_all(o for _, o in sent))
    assert done.returncode == 0, done.stderr[-3000:]
    answers = json.JSONDecoder()
    text, taken = done.stdout.strip(), []
    while text:
        o, end = answers.raw_decode(text)
        taken += o["items"] if o["kind"] == "List" else [o]
        text = text[end:].lstrip()
    assert len(taken) == len(sent)
    drift = [f"{name}: {o['kind']}{d}" for (name, o), found in zip(sent, taken) for d in is_part(o, found)]
    assert drift == []
    assert set(re.findall(r"deprecated.*", done.stderr)) == set()


def test_a_restricted_namespace_takes_the_pods_of_every_case(node, restricted):
    """Policies are enforced on pods only: each Deployment's template is sent as one."""
    pods = {}
    for case in cases():
        template = next(o for o in documents(case) if o["kind"] == "Deployment")["spec"]["template"]
        pods[case.stem] = {"apiVersion": "v1", "kind": "Pod", "metadata": {**template["metadata"], "name": case.stem.replace(".", "-")}, "spec": template["spec"]}
    good = [p for name, p in pods.items() if name not in USERS_OWN]
    done = node.inside("kubectl", "create", "-n", restricted, "--dry-run=server", "--validate=strict", "-f", "-", input=yaml.safe_dump_all(good))
    assert done.returncode == 0 and "violate" not in done.stderr, done.stderr[-3000:]
    for name, users_own in USERS_OWN.items():
        done = node.inside("kubectl", "create", "-n", restricted, "--dry-run=server", "-f", "-", input=yaml.safe_dump(pods[name]))
        assert done.returncode != 0
        assert set(re.findall(r'container "([^"]+)"', done.stderr)) == {users_own}, f"only what the user brings is complained of: {done.stderr}"


def test_kinds_of_other_projects_are_what_their_own_types_take(node):
    wanted = [o for case in cases() for o in documents(case) if o["kind"] in OTHERS]
    assert {o["kind"] for o in wanted} == OTHERS
    done = node.inside("check-custom", input=yaml.safe_dump_all(wanted))
    assert done.returncode == 0 and f"{len(wanted)} checked, 0 wrong" in done.stdout, done.stdout
    wrong = next(o for o in wanted if o["kind"] == "HTTPRoute") | {"spec": {"parentRef": []}}
    assert node.inside("check-custom", input=yaml.safe_dump(wrong)).returncode == 1


# ------------------------------------------------------------------------------------------------------------ a live release

CLIENTS, PUSHES, MESSAGES = 300, 100, 50  # a second
LEASE, GRACE = 15, 30


class Release:
    """One of the chart, in a `restricted` namespace of its own, with a Redis."""

    def __init__(self, node, name, replicas, sidecar=None, **values):
        self.node, self.name, self.namespace = node, name, name
        self.values = {
            "replicas": replicas, "minReadySeconds": 2,
            "app": {"image": images.APP, "pullPolicy": "Never", "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}}},
            "wsidecar": {"image": dict(zip(("repository", "tag"), images.WSIDECAR.rsplit(":", 1))), "appStopSeconds": 5,
                         "config": {"redis": {"url": "redis://redis:6379/0"}, "drain": {"delay": "2s", "period": "6s"},
                                    "routes": [{"path": "/ws/{user}", "user": "{user}"}]}, **(sidecar or {})}, **values}
        node.kubectl("apply", "-f", "-", input=RESTRICTED % name)
        node.kubectl("apply", "-n", name, "-f", "-", input=REDIS)

    def helm(self, action, *arguments, wait=True):
        return self.node.helm(action, self.name, CHARTS["wsidecar-app"], "--namespace", self.namespace, "--values", "-",
                              *(["--wait", "--timeout", "100s"] if wait else []), *arguments, input=json.dumps(self.values))

    def config(self, **changes):
        self.values["wsidecar"]["config"].update(changes)

    def pods(self, running=True):
        found = self.node.get("pod", self.namespace, "-l", f"app.kubernetes.io/name={self.name}")["items"]
        return [p for p in found if "deletionTimestamp" not in p["metadata"] or not running]

    def ready(self):
        return [p for p in self.pods() if any(c["type"] == "Ready" and c["status"] == "True" for c in p["status"].get("conditions", []))]

    def deployment(self):
        return self.node.get(f"deployment/{self.name}", self.namespace)

    def config_maps(self):
        return {c["metadata"]["name"] for c in self.node.get("configmap", self.namespace, "-l", "app.kubernetes.io/component=configuration")["items"]}

    def address(self, service):
        return self.node.get(f"service/{service}", self.namespace)["spec"]["clusterIP"]

    def state(self, pod, container):
        """The container's status now; pods change."""
        status = self.node.get(f"pod/{pod['metadata']['name']}", self.namespace)["status"]
        return next(c for c in status.get("initContainerStatuses", []) + status["containerStatuses"] if c["name"] == container)

    def sidecar(self, pod):
        return self.node.process_of(pod, "wsidecar run")

    def wait_ready(self, count, timeout=60):
        wait_until(lambda: len(self.ready()) == count == len(self.pods()), timeout, f"{count} pods of {self.name} are ready", step=0.3)


@pytest.fixture(scope="module")
def shop(node):
    release = Release(node, "shop", replicas=2)
    release.helm("install")
    return release


class Load(Stage):
    """Clients of a Service and pushes to them; the account is drawn up when all is quiet."""

    runs = itertools.count()

    def __init__(self, release):  # not the chaos stage's own: pods come from the cluster
        self.release, self.prefix = release, f"{release.namespace}:{release.name}:"
        self.host = release.address("redis")
        self.ledger = Ledger()
        self.fleet = Fleet([80], CLIENTS, 1, kind=Talker, host=release.address(release.name))
        self.redis = self
        self.producer = Producer(self.ledger, 6379, self.prefix + "outbox", [c.user for c in self.fleet.clients], PUSHES, 1, host=self.host,
                                 ids=f"{next(self.runs)}-{os.getpid()}-")

    def client(self):
        return redis.Redis(host=self.host, socket_timeout=10)

    async def talk(self):
        while True:
            await asyncio.sleep(1 / MESSAGES)
            client = self.fleet.random.choice(self.fleet.clients)
            if client.open and not client.closing:
                client.say()

    async def _play(self, act, settle):
        await self.fleet.start()
        self.producer.start()
        talking = asyncio.ensure_future(self.talk())
        await asyncio.sleep(1)
        try:
            await asyncio.to_thread(act, self)
            await asyncio.sleep(1)
        finally:
            talking.cancel()
            await asyncio.to_thread(self.producer.stop)
        await self.settle(settle)
        account = self.ledger.close(self.fleet.clients, await asyncio.to_thread(self.left_in_redis))
        await self.fleet.end()
        return account

    def play(self, act, settle=45):
        account = asyncio.run(self._play(act, settle))
        self.asked = sum(c.asked for c in self.fleet.clients)
        self.answered = sum(len(c.answered) for c in self.fleet.clients)
        self.codes = {code for c in self.fleet.clients for _, code in c.closes}
        print(f"{account}; messages {self.asked}, answered {self.answered}; closes {sum(len(c.closes) for c in self.fleet.clients)} {self.codes}")
        assert account.accepted > PUSHES and account.breaches() == [] and account.kept == 0, account
        return account


def test_a_start_leaves_no_warning(node, shop):
    shop.wait_ready(2)
    warnings = [(e["reason"], e.get("message"), e["involvedObject"]["name"]) for e in node.get("event", shop.namespace)["items"]
                if e["type"] != "Normal" and e["involvedObject"]["name"].startswith("shop")]
    assert warnings == []


def test_an_update_under_load_loses_nothing(shop):
    before = {p["metadata"]["name"] for p in shop.pods()}
    maps = shop.config_maps()
    shop.config(ping="20s")

    def update(load):
        started = time.monotonic()
        shop.helm("upgrade")
        done = time.monotonic() - started
        wait_until(lambda: not before & {p["metadata"]["name"] for p in shop.pods(running=False)}, 60, "the old pods have gone", step=0.5)
        print(f"the update was done after {done:.0f} s, the last old pod gone after {time.monotonic() - started:.0f} s")

    load = Load(shop)
    account = load.play(update)
    assert account.repeated == 0 and load.answered == load.asked > 0 and load.codes == {1001}
    assert len(shop.config_maps()) == len(maps) + 1 and maps < shop.config_maps()


def test_a_killed_sidecar_is_back_and_its_pushes_are_taken_over(shop):
    pod = shop.ready()[0]
    count, app = shop.state(pod, "wsidecar")["restartCount"], shop.state(pod, "app")["restartCount"]

    def kill(load):
        load.ledger.fault("kill -9")
        os.kill(shop.sidecar(pod), signal.SIGKILL)
        wait_until(lambda: shop.state(pod, "wsidecar")["restartCount"] == count + 1, 20, "the sidecar is back")

    Load(shop).play(kill)
    assert shop.state(pod, "app")["restartCount"] == app
    shop.wait_ready(2)


def test_a_hung_sidecar_is_replaced_before_its_pushes_are_given_up(shop):
    pod = shop.ready()[0]
    first = shop.state(pod, "wsidecar")["containerID"]

    def hang(load):
        load.ledger.fault("SIGSTOP")
        started = time.monotonic()
        os.kill(shop.sidecar(pod), signal.SIGSTOP)
        wait_until(lambda: shop.state(pod, "wsidecar")["containerID"] != first and "running" in shop.state(pod, "wsidecar")["state"],
                   LEASE + GRACE, "the sidecar is replaced within lease + outbox.grace", step=0.2)
        load.ledger.fault("the new sidecar")
        print(f"replaced after {time.monotonic() - started:.0f} s")

    Load(shop).play(hang)
    shop.wait_ready(2)


def test_a_pod_deleted_by_force_loses_nothing(node, shop):
    def delete(load):
        load.ledger.fault("force delete")
        node.kubectl("delete", "pod", "-n", shop.namespace, shop.ready()[0]["metadata"]["name"], "--force", "--grace-period=0")
        shop.wait_ready(2)
        load.ledger.fault("its end")

    Load(shop).play(delete)


def test_a_node_that_is_drained_loses_nothing(node, shop):
    """One node: it is open for pods again once the first one is to go, else the second may never go."""
    before = {p["metadata"]["name"] for p in shop.pods()}
    refused = []

    def drain(load):
        said = threading.Thread(target=lambda: refused.append(node.inside(
            "kubectl", "drain", "node1", f"--pod-selector=app.kubernetes.io/name={shop.name}", "--delete-emptydir-data", "--timeout=100s")))
        said.start()
        with contextlib.suppress(AssertionError):
            wait_until(lambda: len(shop.pods()) == 1, 10, "a pod is to go", step=0.1)
        time.sleep(2)
        node.kubectl("uncordon", "node1")
        said.join()
        assert refused[0].returncode == 0, refused[0].stderr
        shop.wait_ready(2)

    load = Load(shop)
    account = load.play(drain)
    assert account.repeated == 0 and load.codes == {1001}
    assert "disruption budget" in refused[0].stderr, "the budget lets one go at a time"
    assert not before & {p["metadata"]["name"] for p in shop.pods()}


def test_autoscaling_turned_on_leaves_the_pods_as_they_are(node, shop):
    """This cluster has no metrics: the autoscaler leaves the number alone."""
    shop.values["autoscaling"] = {"enabled": True, "minReplicas": 2, "maxReplicas": 4}
    names = {p["metadata"]["name"] for p in shop.pods()}
    said = shop.helm("upgrade", wait=False)
    assert "no custom metrics API" in said
    for _ in range(10):
        assert shop.deployment()["spec"]["replicas"] == 2
        time.sleep(0.3)
    node.get("horizontalpodautoscaler/shop", shop.namespace)
    shop.helm("upgrade")
    assert shop.deployment()["spec"]["replicas"] == 2 and {p["metadata"]["name"] for p in shop.pods()} == names


def test_an_update_that_stands_still_leaves_old_pods_able_to_start(node, shop):
    """Pods of one prefix agree on `lease`: the new one does not start. Old ones that restart, or are made anew, have their own file."""
    old = shop.ready()
    shop.config(lease="20s")
    shop.helm("upgrade", wait=False)
    names = {p["metadata"]["name"] for p in old}

    def new_one_fails():
        new = [p for p in shop.pods() if p["metadata"]["name"] not in names and p["status"].get("initContainerStatuses")]
        return any(shop.state(p, "wsidecar")["restartCount"] > 0 for p in new)

    wait_until(new_one_fails, 40, "the new pod does not start", step=0.5)
    count = shop.state(old[0], "wsidecar")["restartCount"]
    os.kill(shop.sidecar(old[0]), signal.SIGKILL)
    node.kubectl("delete", "pod", "-n", shop.namespace, old[1]["metadata"]["name"], "--wait=false")
    wait_until(lambda: shop.state(old[0], "wsidecar")["restartCount"] == count + 1, 40, "the old pod's sidecar is back", step=0.5)
    wait_until(lambda: len(shop.ready()) == 2, 60, "two pods with the old file are ready", step=0.5)
    shop.config(lease="15s")
    node.helm("rollback", shop.name, "--namespace", shop.namespace, "--wait", "--timeout", "100s")
    shop.wait_ready(2)


def test_configuration_and_secret_are_read_anew_without_a_restart(node):
    release = Release(node, "live", replicas=1, sidecar={"restartOnChange": False, "secrets": {"adminToken": {"name": "admin"}}})

    def secret(token):
        return json.dumps({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "admin"}, "stringData": {"token": token}})

    def asked(token):
        pod = release.ready()[0]
        return node.inside("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-H", f"Authorization: Bearer {token}",
                           f"http://{pod['status']['podIP']}:9090/connections").stdout

    node.kubectl("apply", "-n", release.namespace, "-f", "-", input=secret("first"))
    release.helm("install")
    (pod,), maps = release.ready(), release.config_maps()
    assert asked("first") == "200" and asked("second") in ("401", "403")
    release.config(limits={"message": "1KiB"})
    release.helm("upgrade", wait=False)
    node.kubectl("apply", "-n", release.namespace, "-f", "-", input=secret("second"))
    wait_until(lambda: asked("second") == "200" and asked("first") in ("401", "403"), 100, "the new token is in force", step=1)
    wait_until(lambda: "limits.message" in node.kubectl("logs", "-n", release.namespace, pod["metadata"]["name"], "-c", "wsidecar"), 100,
               "the new limit is in force", step=1)
    (now,) = release.ready()
    assert now["metadata"]["uid"] == pod["metadata"]["uid"] and release.state(now, "wsidecar")["restartCount"] == 0
    assert release.config_maps() == maps


def test_the_command_line_in_a_pod_knows_the_mounted_file(node, shop):
    pod = shop.ready()[0]["metadata"]["name"]
    def inside(*words):
        return node.inside("kubectl", "exec", "-n", shop.namespace, pod, "-c", "wsidecar", "--", "wsidecar", *words)
    done = inside("push", "--user", "u0", "--text", "hi")
    assert done.returncode == 0, done.stderr
    assert "redis://redis:6379/0" in inside("check").stdout
