"""Real Spring Boot apps, built by tests/spring/build, each replica beside its own wsidecar."""

import json
import os
import re
import subprocess
import threading
from urllib.parse import urlencode

import yaml

from support.http import HttpConnection
from support.pod import ROOT, Pod, clean_environment, merge
from support.waiting import wait_until
from support.ws import Ws

# A JVM that starts fast and stays small.
JVM = ["java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto", "-Xmx128m", "-Xss512k"]


class Replica:
    """One JVM with the app's jar; its port is its own choice."""

    def __init__(self, generation, app, redis, arguments=(), port=0):
        jar = os.path.join(ROOT, "build", "spring", generation, app, f"{app}.jar")
        options = {"server.port": port, "server.address": "127.0.0.1", "spring.main.banner-mode": "off"}
        for front in ("spring.redis", "spring.data.redis"):  # Spring Boot 2 and 3
            options |= {f"{front}.host": "127.0.0.1", f"{front}.port": redis.port}
        self.arguments = arguments
        self.lines = []
        self.process = subprocess.Popen([*JVM, "-jar", jar, *(f"--{k}={v}" for k, v in options.items()), *arguments],
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                        env=clean_environment())
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._port = None

    def _read(self):
        for raw in self.process.stdout:
            self.lines.append(raw.decode("utf-8", "replace").rstrip("\n"))

    @property
    def port(self):
        if self._port is None:
            self._port = int(wait_until(self._listening, 120, "Tomcat started", step=0.05).group(1))
        return self._port

    def _listening(self):
        if self.process.poll() is not None:
            self._reader.join(2)
            raise AssertionError(f"the app ended with {self.process.returncode}:\n" + self.output())
        found = [re.search(r"(?:Tomcat|Undertow|Jetty) started on port(?:\(s\):?)? (\d+)", line) for line in list(self.lines)]
        # The last line of a start: runners and listener containers are up.
        return any(" Started " in line for line in list(self.lines)) and next((m for m in found if m), None)

    def output(self):
        return "\n".join(self.lines[-80:])

    def kill(self):
        self.process.kill()
        self.process.wait()

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._reader.join(2)
        self.process.stdout.close()


class StompClient:
    """Spring's own WebSocketStompClient in a JVM of its own: com.example.client.StompClient, out of the jar of the app `stomp`."""

    def __init__(self, generation):
        jar = os.path.join(ROOT, "build", "spring", generation, "stomp", "stomp.jar")
        package = {"boot2": "loader", "boot3": "loader.launch"}[generation]
        self.process = subprocess.Popen([*JVM, "-Dloader.main=com.example.client.StompClient", "-cp", jar,
                                         f"org.springframework.boot.{package}.PropertiesLauncher"],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=clean_environment(), text=True,
                                        encoding="utf-8", bufsize=1)
        self.records = []
        self.noise = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stdout:
            (self.records.append(json.loads(line)) if line.startswith("{") else self.noise.append(line))

    def do(self, what, name, **more):
        self.process.stdin.write(json.dumps({"do": what, "as": name, **more}) + "\n")

    def wait(self, event, name, timeout=20):
        """The next one of its kind; each is given once."""
        def found():
            return next((r for r in list(self.records) if (r["event"], r["as"]) == (event, name)), None)
        record = wait_until(found, timeout, f"{event} of {name}")
        self.records.remove(record)
        return record

    def connect(self, name, port, path, cookie, **more):
        self.do("connect", name, url=f"ws://127.0.0.1:{port}{path}", cookie=dict(cookie)["Cookie"], **more)
        return self.wait("connected", name)

    def subscribe(self, name, destination):
        """Until the receipt is there."""
        self.do("subscribe", name, destination=destination)
        self.wait("receipt", name)

    def close(self):
        self.process.stdin.close()
        try:
            self.process.wait(10)
        finally:
            self.process.kill()
            self._reader.join(2)
            self.process.stdout.close()


class Browser:
    """Keeps cookies, as one does; `port` may change from request to request."""

    def __init__(self, host="shop.example"):
        self.host = host
        self.cookies = {}

    @property
    def headers(self):
        cookie = "; ".join(f"{n}={v}" for n, v in self.cookies.items())
        return [("Host", self.host)] + ([("Cookie", cookie)] if cookie else [])

    @property
    def cookie(self):
        """What a handshake carries beside its Host."""
        return [h for h in self.headers if h[0] == "Cookie"]

    def request(self, port, method, target, body=b"", headers=(), expect=None):
        body = body.encode() if isinstance(body, str) else body
        # The first request of a lazily initialised app takes its time.
        with HttpConnection(port, 30) as c:
            r = c.request(method, target, [*self.headers, *headers], body)
        for line in r.all("Set-Cookie"):
            name, value = line.split(";")[0].split("=", 1)
            self.cookies[name] = value
        if expect is not None:
            assert r.status == expect, (r.status, r.text[:2000])
        return r

    def get(self, port, target, **how):
        return self.request(port, "GET", target, **how)

    def post(self, port, target, body=b"", headers=(), **how):
        if isinstance(body, dict):
            body = urlencode(body)
            headers = [("Content-Type", "application/x-www-form-urlencoded"), *headers]
        return self.request(port, "POST", target, body, headers, **how)


class Stage:
    """A Redis, two replicas of one app, and a wsidecar beside each, configured by the app's own wsidecar.yaml."""

    def __init__(self, generation, app, redis, replicas=2, arguments=()):
        self.generation = generation
        self.app = app
        self.redis_server = redis
        self.redis = redis.client(decode_responses=True)
        self.replicas = [Replica(generation, app, redis, arguments) for _ in range(replicas)]  # they start at once
        self.pods = []
        self.clients = []
        self.more = []

    def start(self, pods=True, **config):
        """`pods=False`: the app alone."""
        assert all(r.port for r in self.replicas)
        self.others = {c: self.subscribers(c) for c in self.channels()}  # the old listeners, where they run beside
        for replica in self.replicas if pods else []:
            self.pod(replica, **config)
        return self

    def config(self):
        with open(os.path.join(ROOT, "tests", "spring", self.app, "wsidecar.yaml"), encoding="utf-8") as f:
            return yaml.safe_load(f)

    def pod(self, replica, **config):
        fixed = {
            "listen": {"address": "127.0.0.1:0"},
            "admin": {"address": "127.0.0.1:0"},
            "app": {"url": f"http://127.0.0.1:{replica.port}"},
            "redis": {"url": self.redis_server.url},
            "drain": {"delay": "10ms", "period": "100ms"},
        }
        p = Pod(merge(merge(self.config(), fixed), config))
        p.replica = replica
        self.pods.append(p)
        self.subscribed()
        return p

    def replica(self, *arguments):
        """One more JVM, without a wsidecar."""
        r = Replica(self.generation, self.app, self.redis_server, arguments)
        self.more.append(r)
        return r

    def channels(self):
        return [source["channel"] for source in self.config().get("sources", []) if "channel" in source]

    def subscribers(self, channel):
        return self.redis.pubsub_numsub(channel)[0][1]

    def stop(self, number):
        """Ends one replica's JVM; its wsidecar stays."""
        self.replicas[number].close()

    def begin(self, number):
        """The replica again, on the port that its wsidecar knows."""
        old = self.replicas[number]
        self.replicas[number] = Replica(self.generation, self.app, self.redis_server, old.arguments, old.port)
        assert self.replicas[number].port == old.port

    def subscribed(self):
        """Every pod listens on every channel of the sources."""
        live = len([p for p in self.pods if p.process.poll() is None])
        for channel in self.channels():
            wait_until(lambda: self.subscribers(channel) >= self.others[channel] + live, 5, f"subscription of {channel}")

    def connect(self, at, path, headers=(), **how):
        """A WebSocket to whatever has a port: a pod, a replica's own endpoint, a proxy in front."""
        c = Ws(at.port, path, headers, timeout=20, **how)
        self.clients.append(c)
        return c

    def connect_to_endpoint(self, at, path, headers=()):
        """To the app's own endpoint. Tomcat answers the handshake before the handler knows the session, a ping after that."""
        c = self.connect(at, path, headers)
        c.round_trip()
        return c

    def close(self):
        for c in self.clients:
            c.sock.close()
        failures = []
        for p in self.pods:
            try:
                p.close()
            except AssertionError as e:
                failures.append(str(e))
        for r in self.replicas + self.more:
            r.close()
        self.redis.close()
        assert not failures, "\n\n".join(failures)


def build(generation):
    subprocess.run([os.path.join(ROOT, "tests", "spring", "build"), generation], check=True, stdin=subprocess.DEVNULL)
