"""Pods of the chart's own render, a Redis and a balancer in front: as much of a cluster as a Deployment needs."""

import contextlib
import json
import socket
import threading
import time

import redis
import yaml

from chaos.fleet import Client
from k8s import images
from k8s.pods import Balancer, Network, Pod
from k8s.tools import K8S, output, podman, podman_call, tool
from support.waiting import wait_until


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class RedisPod:
    """redis-server on the pods' network, called `redis`; the host reaches it on `port`."""

    def __init__(self, network):
        self.name, self.port = f"{network.name}-redis", free_port()
        podman("run", "-d", "--name", self.name, "--network", network.name, "--network-alias", "redis", "--publish",
               f"127.0.0.1:{self.port}:6379", "--pull=never", images.APP, "redis-server", "--bind", "0.0.0.0", "--protected-mode", "no",
               "--save", "", "--dir", "/tmp")
        wait_until(self.alive, 10, "redis answers")

    def client(self, **more):
        return redis.Redis(host="127.0.0.1", port=self.port, socket_timeout=10, **more)

    def alive(self):
        try:
            return self.client().ping()
        except redis.exceptions.RedisError:
            return False

    def close(self):
        podman_call("rm", "-f", "-t", "0", self.name)


class Cluster:
    """`values` go to the chart over those that every test needs. Pods are made one by one: start(), end()."""

    PREFIX = "shop:"

    def __init__(self, config, values=None, kubernetes="1.34", sidecar=None):
        images.wsidecar()
        images.app()
        self.kubernetes = kubernetes
        self.values = {
            "app": {"image": images.APP, "pullPolicy": "Never", "resources": {"limits": {"memory": "128Mi"}}},
            "wsidecar": {"image": {"repository": images.WSIDECAR.rsplit(":", 1)[0], "tag": images.WSIDECAR.rsplit(":", 1)[1]}, "prefix": self.PREFIX,
                         "config": {"redis": {"url": "redis://redis:6379/0"}, "routes": [{"path": "/ws/{user}", "user": "{user}"}], **config},
                         **(sidecar or {})},
            **(values or {})}
        self.pods, self.born = [], 0
        with contextlib.ExitStack() as made:
            self.network = made.enter_context(contextlib.closing(Network()))
            self.redis = made.enter_context(contextlib.closing(RedisPod(self.network)))
            self.balancer = made.enter_context(contextlib.closing(Balancer(8000)))
            self.stack = made.pop_all()

    def render(self):
        """What `helm template` says; the pods are run from nothing else."""
        said = output(tool("helm"), "template", "shop", K8S / "charts/wsidecar-app", "--kube-version", self.kubernetes, "--values", "-",
                      input=json.dumps(self.values))
        return [o for o in yaml.safe_load_all(said) if o]

    def make(self):
        """One pod more of the Deployment; it runs."""
        objects = self.render()
        deployment = next(o for o in objects if o["kind"] == "Deployment")
        self.born += 1
        pod = Pod(f"{self.network.name}-{self.born}", deployment["spec"]["template"], objects, self.network)
        self.stack.callback(pod.remove)
        return pod.start()

    def start(self):
        """One more, ready and among the endpoints."""
        pod = self.make().wait_ready()
        self.balancer.add(pod)
        self.pods.append(pod)
        return pod

    def end(self, pod, endpoints_late=1.0):
        """Ends it as a rolling update does; the balancer hears of it a moment later, as kube-proxy does."""
        late = threading.Timer(endpoints_late, self.balancer.remove, (pod,))
        late.start()
        pod.terminate()
        late.join()
        self.pods.remove(pod)

    def close(self):
        self.stack.close()


class Talker(Client):
    """A client that also talks to the app, and says again after a redial what was not answered."""

    def __init__(self, fleet, user):
        super().__init__(fleet, user)
        self.waiting = {}  # text -> when it was last sent
        self.answered, self.asked = set(), 0
        self.repeated = 0
        self.closes = []  # (when, code)
        self.cut = []  # ages of what was not answered when the close came

    def say(self):
        text = f"{self.user}.{self.asked}".encode()
        self.asked += 1
        self._send(text)

    def _send(self, text):
        self.waiting[text] = time.monotonic()
        self.transport.write(bytes([0x81, 0x80 | len(text)]) + b"\0\0\0\0" + text)

    def on_open(self):
        self.closing = False
        for text in list(self.waiting):
            self._send(text)

    def on_message(self, payload):
        if not payload.startswith(b"a:"):
            super().on_message(payload)
            return
        text = payload[2:]
        self.repeated += text in self.answered
        self.answered.add(text)
        self.waiting.pop(text, None)

    closing = False

    def on_close(self, payload):
        now = time.monotonic()
        self.closing = True
        self.closes.append((now, int.from_bytes(payload[:2], "big")))
        self.cut += [now - when for when in self.waiting.values()]
