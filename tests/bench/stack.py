"""What a benchmark runs against: processes on their own cores, and what they cost."""
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
TOOLS = ROOT / "build/bench/tests/bench"


def free_port() -> int:
    """Below the ephemeral range: ten thousand outgoing connections may take any port of that."""
    while True:
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", random.randrange(11000, 32000)))
                return s.getsockname()[1]
            except OSError:
                continue


def cpu_seconds(pid: int) -> float:
    """Of all its threads, also those that have ended: the process's CPU clock (clock_getcpuclockid(3))."""
    return time.clock_gettime((~pid << 3) | 2)


def rss_bytes(pid: int) -> int:
    for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Rss:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("no Rss")


def tree(pid: int) -> list[int]:
    """The process and all below it."""
    parents = {}
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            parents.setdefault(int(stat.read_text().rsplit(")", 1)[1].split()[1]), []).append(int(stat.parent.name))
        except OSError:
            pass  # it has ended
    found = [pid]
    for p in found:
        found += parents.get(p, [])
    return found


def switches(pid: int) -> int:
    """How often its threads went to sleep: wake-ups."""
    return sum(int(line.split()[1]) for status in pathlib.Path(f"/proc/{pid}/task").glob("*/status")
               for line in status.read_text().splitlines() if line.startswith("voluntary"))


class Processes:
    """Those that one measurement starts; close() ends them and removes their folder."""

    def __init__(self):
        self.dir = tempfile.TemporaryDirectory(prefix="wsidecar-bench-")
        self.processes = []

    def start(self, command, core=None, **options):
        """`core`: the only one that it may use, where there is more than one."""
        options.setdefault("stdout", subprocess.DEVNULL)
        if core is not None and os.cpu_count() > 1:
            command = ["taskset", "-c", str(core), *command]
        p = subprocess.Popen(command, **options)
        self.processes.append(p)
        return p

    def start_redis(self, core=None):
        self.redis_port = free_port()
        return self.start(["redis-server", "--port", str(self.redis_port), "--save", "", "--appendonly", "no", "--dir", self.dir.name], core)

    def close(self):
        for p in reversed(self.processes):
            for pid in tree(p.pid) if p.poll() is None else ():  # nginx' workers would outlive their master
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            p.wait()
        self.dir.cleanup()


def wait_ready(admin: int, seconds: float = 10):
    for _ in range(int(seconds * 10)):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{admin}/readyz", timeout=5) as r:
                if json.load(r).get("redis") == "ok":
                    return
        except OSError:
            pass
        time.sleep(0.1)
    raise RuntimeError("wsidecar did not get ready")


class Stack(Processes):
    """redis-server, the app and one wsidecar with these settings on top."""

    SETTINGS = """
routes: [{path: "/ws/{rest...}"}, {path: /stomp, protocol: stomp, events: [connect, disconnect]}]
"""

    def __init__(self, app_binary: str, confirm: str = "pong", settings: str = SETTINGS,
                 binary: str = str(ROOT / "build/release/wsidecar"), stderr: bool = False):
        super().__init__()
        self.redis = self.start_redis()
        app = self.start([app_binary], stdout=subprocess.PIPE, text=True)
        self.app_port = int(app.stdout.readline())
        self.port, self.admin = free_port(), free_port()
        config = pathlib.Path(self.dir.name, "wsidecar.yaml")
        config.write_text(f"""
listen: {{address: "127.0.0.1:{self.port}"}}
admin: {{address: "127.0.0.1:{self.admin}"}}
app: {{url: "http://127.0.0.1:{self.app_port}"}}
redis: {{url: "redis://127.0.0.1:{self.redis_port}/0"}}
outbox: {{confirm: {confirm}}}
{settings}
""")
        log = open(os.environ.get("BENCH_LOG", os.devnull), "w", encoding="utf-8")
        self.sidecar = self.start([binary, "--config", str(config)], stdout=log, stderr=subprocess.STDOUT if stderr else None)
        self.pid = self.sidecar.pid
        try:
            self.wait_ready()
        except BaseException:
            self.close()
            raise

    def wait_ready(self):
        wait_ready(self.admin)


class SpringBroker(Stack):
    """redis-server and tests/spring/bench: one JVM with Spring's own simple broker, which sends what a Redis channel brings."""

    def __init__(self):
        Processes.__init__(self)
        self.start_redis()
        self.port = free_port()
        jar = ROOT / "build/spring/boot3/bench/bench.jar"
        jvm = self.start(["java", "-Xmx1g", "-jar", str(jar), f"--server.port={self.port}", "--server.address=127.0.0.1",
                          f"--spring.data.redis.port={self.redis_port}"])
        self.pid = jvm.pid
        self.wait_ready()

    def wait_ready(self):
        for _ in range(300):
            found = subprocess.run(["redis-cli", "-p", str(self.redis_port), "pubsub", "numsub", "bench:topic"], capture_output=True,
                                   text=True).stdout.split()
            with socket.socket() as s:
                if found[1:] == ["1"] and s.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.1)
        raise RuntimeError("Spring did not get ready")


def spring_missing() -> str:
    """Why tests/spring cannot be measured here; empty: it can."""
    for tool in ("java", "mvn"):
        if not shutil.which(tool):
            return f"{tool} is not installed: scripts/install-deps spring"
    code = subprocess.run([ROOT / "tests/spring/build", "boot3"], stdout=sys.stderr).returncode
    return {0: "", 77: "Maven Central cannot be reached"}.get(code, "tests/spring/build failed")


def run_load(stack: Stack, load: str, *args: str, direct_port: int = 0):
    """Runs the load generator; returns (result, cpu seconds of wsidecar in the measured window, rss after opening)."""
    command = [load, "--port", str(direct_port or stack.port), "--redis-port", str(stack.redis_port), *args]
    p = subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True)
    opened = json.loads(p.stdout.readline())
    result, cpu, rss, cpu_open = opened, 0.0, 0, cpu_seconds(stack.pid)
    if opened["failed"] > 0:
        p.kill()
        p.wait()
        raise RuntimeError(f"connections did not open: {opened}")
    if "idle" not in args:
        p.stdout.readline()
        before = cpu_seconds(stack.pid)
        result = json.loads(p.stdout.readline())
        cpu = cpu_seconds(stack.pid) - before
    else:
        time.sleep(2)
        rss = rss_bytes(stack.pid)
        before = cpu_seconds(stack.pid)
        time.sleep(5)
        result["idle_cpu"] = (cpu_seconds(stack.pid) - before) / 5
    p.stdin.close()
    p.wait(timeout=30)
    return {**opened, **result}, cpu, rss, cpu_open
