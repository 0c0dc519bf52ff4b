"""A small kubelet over podman: runs the pods of rendered manifests, and ends them, as Kubernetes does.

Start: init containers in order; one with restartPolicy Always counts as done when its startupProbe passes, and stays. Then the
containers. Readiness and liveness are asked from outside, at the pod's address. End: the pod leaves the endpoints, all preStop hooks
start together; an app's container gets SIGTERM after its own, a native sidecar after its own and after the last app's has ended;
what is left when the grace period is over is killed. podman's own `kube play` honours none of this.

Not here, because no test needs it: restarts, gRPC and exec probes, subPath, more than one namespace.
"""

import base64
import concurrent.futures
import json
import pathlib
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request

from k8s.tools import podman, podman_call, podman_environment
from support.waiting import wait_until

class Network:
    """A bridge with names; everything in it goes with it."""

    def __init__(self):
        self.name = f"wsidecar-test-{tempfile.mktemp(dir='')[-8:].lower().replace('_', 'x')}"
        podman("network", "create", self.name)

    def close(self):
        podman_call("network", "rm", "-f", self.name)


class Probe(threading.Thread):
    """Asks at each period; `good` follows the thresholds."""

    def __init__(self, spec, address, port):
        super().__init__(daemon=True)
        get = spec["httpGet"]
        self.url = f"http://{address}:{port}{get['path']}"
        self.period, self.timeout = spec.get("periodSeconds", 10), spec.get("timeoutSeconds", 1)
        self.enough = {True: spec.get("successThreshold", 1), False: spec.get("failureThreshold", 3)}
        self.good = False
        self.failures = 0
        self.stopping = threading.Event()

    def ask(self):
        try:
            with urllib.request.urlopen(self.url, timeout=self.timeout) as answer:
                return 200 <= answer.status < 400
        except (urllib.error.URLError, OSError):
            return False

    def run(self):
        last, streak = None, 0
        while not self.stopping.is_set():
            now = self.ask()
            self.failures += not now
            streak = streak + 1 if now == last else 1
            last = now
            if streak >= self.enough[now]:
                self.good = now
            self.stopping.wait(self.period)


class Container:
    def __init__(self, pod, spec, native):
        self.pod, self.spec, self.native = pod, spec, native
        self.name = f"{pod.name}-{spec['name']}"
        self.ports = {p["name"]: p["containerPort"] for p in spec.get("ports", []) if "name" in p}
        self.exit = None
        self.ended_at = None
        self.hook_ended_at = None
        self.readiness = self.liveness = None

    def start(self, wait):
        """Starts it; `wait`: to its end, as an init container."""
        spec, security = self.spec, self.pod.security | self.spec.get("securityContext", {})
        if security.get("runAsNonRoot"):
            assert security.get("runAsUser", 0) > 0, f"{self.name}: runAsNonRoot without a user that is not root"
        user = f"{security.get('runAsUser', 0)}:{security.get('runAsGroup', security.get('runAsUser', 0))}"
        options = ["--pod", self.pod.name, "--name", self.name, "--user", user, "--pull=never"]
        if security.get("readOnlyRootFilesystem"):
            options += ["--read-only", "--read-only-tmpfs=false"]
        if security.get("allowPrivilegeEscalation") is False:
            options += ["--security-opt", "no-new-privileges"]
        for capability in security.get("capabilities", {}).get("drop", []):
            options += ["--cap-drop", capability]
        memory = spec.get("resources", {}).get("limits", {}).get("memory")
        if memory:
            options += ["--memory", memory.removesuffix("i").lower()]
        for e in spec.get("env", []):
            value = e["value"] if "value" in e else self.pod.field(e["valueFrom"]["fieldRef"]["fieldPath"])
            options += ["--env", f"{e['name']}={value}"]
        for mount in spec.get("volumeMounts", []):
            mode = "ro" if mount.get("readOnly") else "rw"
            options += ["--volume", f"{self.pod.volumes[mount['name']]}:{mount['mountPath']}:{mode}"]
        arguments = spec.get("args", [])
        if "command" in spec:
            options += ["--entrypoint", json.dumps(spec["command"])]
        podman("run", *([] if wait else ["-d"]), *options, spec["image"], *arguments)
        if not wait:
            threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self):
        code = podman_wait(self.name)
        self.ended_at = time.monotonic()
        self.exit = code

    def probe(self, kind):
        spec = self.spec.get(kind)
        if spec is None:
            return None
        port = spec["httpGet"]["port"]
        return Probe(spec, self.pod.address, self.ports.get(port, port))

    def wait_started(self):
        spec, probe = self.spec.get("startupProbe"), self.probe("startupProbe")
        if probe is not None:
            tries = probe.period * probe.enough[False]
            wait_until(lambda: self.exit is None and probe.ask(), tries, f"startupProbe of {self.name}: {spec}", step=min(probe.period, 0.1))
        self.readiness, self.liveness = self.probe("readinessProbe"), self.probe("livenessProbe")
        for p in (self.readiness, self.liveness):
            if p is not None:
                p.start()

    def run_hook(self):
        hook = self.spec.get("lifecycle", {}).get("preStop", {})
        if "sleep" in hook:
            time.sleep(hook["sleep"]["seconds"])
        elif "exec" in hook:
            done = podman_call("exec", self.name, *hook["exec"]["command"], timeout=600)
            self.pod.note(f"preStop of {self.spec['name']} ended with {done.returncode} {done.stderr.strip()}")
            self.hook_code = done.returncode
        self.hook_ended_at = time.monotonic()

    def signal(self, name):
        if self.exit is None:
            podman_call("kill", "--signal", name, self.name)

    def logs(self):
        done = podman_call("logs", self.name)
        return done.stdout + done.stderr


def podman_wait(name):
    return int(subprocess.run(["podman", "wait", name], capture_output=True, text=True, check=True,
                              env=podman_environment()).stdout)


class Pod:
    """One pod of a rendered Deployment. `objects`: all of the render, for its ConfigMaps and Secrets."""

    def __init__(self, name, template, objects, network, publish=()):
        self.name, self.network = name, network
        self.spec = template["spec"]
        self.labels = template["metadata"].get("labels", {})
        self.objects = {(o["kind"], o["metadata"]["name"]): o for o in objects}
        self.security = self.spec.get("securityContext", {})
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="wsidecar-pod-"))
        self.directory.chmod(0o755)
        self.volumes = {v["name"]: self._volume(v) for v in self.spec.get("volumes", [])}
        self.notes, self.born = [], time.monotonic()
        self.killed = []
        self.terminating_at = None
        self.ended = threading.Event()
        self.native = [Container(self, c, True) for c in self.spec.get("initContainers", []) if c.get("restartPolicy") == "Always"]
        self.containers = [Container(self, c, False) for c in self.spec["containers"]]
        self.publish = publish

    def note(self, text):
        self.notes.append((round(time.monotonic() - self.born, 2), text))

    # ------------------------------------------------------------------------------------------------ volumes

    def _volume(self, volume):
        path = self.directory / volume["name"]
        path.mkdir()
        if "emptyDir" in volume:
            path.chmod(0o777)
            return path
        sources = volume["projected"]["sources"] if "projected" in volume else [{k: v} for k, v in volume.items() if k in ("configMap", "secret")]
        assert sources, f"a volume of a kind that is not known here: {volume}"
        for source in sources:
            kind, what = next(iter(source.items()))
            data = self._data(kind, what.get("name") or what.get("secretName"))
            for item in what.get("items") or [{"key": k, "path": k} for k in data]:
                (path / item["path"]).write_bytes(data[item["key"]])
        return path

    def _data(self, kind, name):
        if kind == "configMap":
            return {k: v.encode() for k, v in self.objects["ConfigMap", name]["data"].items()}
        secret = self.objects["Secret", name]
        return {k: base64.b64decode(v) for k, v in secret.get("data", {}).items()} | {k: v.encode() for k, v in secret.get("stringData", {}).items()}

    def field(self, path):
        return {"metadata.name": self.name, "status.podIP": self.address}[path]

    # -------------------------------------------------------------------------------------------------- start

    def start(self):
        published = [x for p in self.publish for x in ("--publish", p)]
        podman("pod", "create", "--name", self.name, "--network", self.network.name, "--hostname", self.name,
               *(x for alias in self.aliases for x in ("--network-alias", alias)), *published)
        podman("pod", "start", self.name)
        infra = podman("pod", "inspect", "--format", "{{.InfraContainerID}}", self.name).strip()
        state = json.loads(podman("inspect", infra))[0]
        self.address = state["NetworkSettings"]["Networks"][self.network.name]["IPAddress"]
        for spec in self.spec.get("initContainers", []):
            native = next((c for c in self.native if c.spec is spec), None)
            container = native or Container(self, spec, False)
            container.start(wait=native is None)
            self.note(f"{spec['name']} " + ("runs" if native else "is done"))
            if native:
                native.wait_started()
                self.note(f"{spec['name']} has started")
        for c in self.containers:
            c.start(wait=False)
            c.wait_started()
            self.note(f"{c.spec['name']} runs")
        return self

    aliases = ()

    def everyone(self):
        return self.native + self.containers

    @property
    def ready(self):
        return self.terminating_at is None and all(c.exit is None and (c.readiness is None or c.readiness.good) for c in self.everyone())

    def wait_ready(self, timeout=60):
        wait_until(lambda: self.ready, timeout, f"{self.name} is ready; {self.notes}", step=0.05)
        self.note("ready")
        return self

    # ---------------------------------------------------------------------------------------------------- end

    def terminate(self):
        """As the kubelet ends a pod; returns when all containers have ended."""
        self.terminating_at = time.monotonic()
        self.note("is to end")
        deadline = self.terminating_at + self.spec.get("terminationGracePeriodSeconds", 30)
        apps_ended = threading.Event()
        if not self.containers:
            apps_ended.set()

        def end(c):
            hook = threading.Thread(target=c.run_hook, daemon=True)
            hook.start()
            hook.join(max(0.0, deadline - time.monotonic()))
            if c.native:
                apps_ended.wait(max(0.0, deadline - time.monotonic()))
            for p in (c.readiness, c.liveness):
                if p is not None:
                    p.stopping.set()
            self.note(f"SIGTERM to {c.spec['name']}")
            c.signal("TERM")
            last = max(deadline, time.monotonic() + 2)  # the least that the kubelet leaves
            while c.exit is None and time.monotonic() < last:
                time.sleep(0.02)
            if c.exit is None:
                self.killed.append(c.spec["name"])
                c.signal("KILL")
                wait_until(lambda: c.exit is not None, 10, f"{c.name} is killed")
            self.note(f"{c.spec['name']} ended with {c.exit}")
            if not c.native and all(o.exit is not None for o in self.containers):
                apps_ended.set()

        with concurrent.futures.ThreadPoolExecutor(len(self.everyone())) as pool:
            list(pool.map(end, self.everyone()))
        self.ended.set()

    def liveness_failures(self):
        return sum(c.liveness.failures for c in self.everyone() if c.liveness is not None)

    def remove(self):
        for c in self.everyone():
            for p in (c.readiness, c.liveness):
                if p is not None:
                    p.stopping.set()
        podman_call("pod", "rm", "-f", "-t", "0", self.name)
        shutil.rmtree(self.directory, ignore_errors=True)


class Balancer:
    """haproxy in TCP mode: what kube-proxy is to a Service. New connections go to ready pods; open ones stay where they are."""

    def __init__(self, port_of_pods, slots=8):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="wsidecar-haproxy-"))
        self.port_of_pods = port_of_pods
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self.free = [f"s{n}" for n in range(1, slots + 1)]
        self.slots = {}
        config = self.directory / "haproxy.cfg"
        config.write_text(f"""global
  stats socket {self.directory}/admin level admin
  maxconn 9000
defaults
  mode tcp
  timeout connect 3s
  timeout client 1h
  timeout server 1h
frontend clients
  bind 127.0.0.1:{self.port}
  default_backend pods
backend pods
  balance roundrobin
  server-template s {slots} 127.0.0.1:1 disabled
""")
        self.process = subprocess.Popen(["haproxy", "-db", "-f", config], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        wait_until(self._alive, 5, "haproxy")

    def _alive(self):
        assert self.process.poll() is None, self.process.stderr.read()
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        except OSError:
            return False

    def say(self, command):
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(str(self.directory / "admin"))
            s.sendall(command.encode() + b"\n")
            answer = b""
            while part := s.recv(4096):
                answer += part
        return answer.decode()

    def add(self, pod):
        slot = self.slots[pod.name] = self.free.pop(0)
        self.say(f"set server pods/{slot} addr {pod.address} port {self.port_of_pods}")
        self.say(f"set server pods/{slot} state ready")

    def remove(self, pod):
        self.say(f"set server pods/{self.slots[pod.name]} state drain")

    def close(self):
        self.process.terminate()
        self.process.wait(5)
        self.process.stderr.close()
        shutil.rmtree(self.directory, ignore_errors=True)
