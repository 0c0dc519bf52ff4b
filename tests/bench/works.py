"""The works of `scripts/bench --peers`, and one measurement of one of them on one server."""
import dataclasses
import json
import pathlib
import subprocess
import threading
import time

from servers import HEARTBEAT, REST, UNDER_TEST
from stack import TOOLS, cpu_seconds


@dataclasses.dataclass(frozen=True)
class Work:
    group: str  # idle | fanout | unicast | echo | start
    connections: int = 0
    size: int = 64
    window: int = 0  # in flight
    rate: int = 0  # per second; 0: as fast as the window allows
    door: str = "channel"  # list: at least once
    confirm: str = "write"

    @property
    def name(self) -> str:
        load = f"{self.rate}/s" if self.rate else "saturation"
        return {
            "idle": f"idle, {self.connections:,} connections",
            "fanout": f"fan-out of {self.size:,} B to {self.connections:,}, {load}",
            "unicast": f"unicast by {self.door}{f' (confirm: {self.confirm})' if self.door == 'list' else ''}, {self.connections:,} users, {load}",
            "echo": f"echo through the app, {self.connections:,} connections, {load}",
            "start": "start",
        }[self.group]

    def fits(self, server) -> bool:
        if self.door == "list":
            return server.lists and (self.confirm == "write" or server.name == "wsidecar")
        return True


WORKS = (
    Work("idle", 10_000), Work("idle", 19_000),
    Work("fanout", 1_000, window=4), Work("fanout", 10_000, window=4),
    Work("fanout", 1_000, 1024, window=4), Work("fanout", 10_000, 1024, window=4),
    Work("fanout", 1_000, window=1_000, rate=10),
    Work("unicast", 1_000, window=64), Work("unicast", 10_000, window=64), Work("unicast", 1_000, window=100_000, rate=500),
    *(Work("unicast", n, window=256, door="list", confirm=c) for c in ("write", "pong") for n in (1_000, 10_000)),
    *(Work("unicast", 1_000, window=100_000, rate=500, door="list", confirm=c) for c in ("write", "pong")),
    Work("echo", 64, window=64), Work("echo", 1_000, window=1_000), Work("echo", 64, window=100_000, rate=500),
    Work("start"),
)
LETTERS = dict(zip("abcdefg", ("idle", "fanout", "unicast", "echo", "idle", "idle", "start")))  # as the issue names them


def chosen(words: str) -> list[Work]:
    groups = {LETTERS.get(w, w) for w in words.split(",")}
    if unknown := groups - {w.group for w in WORKS}:
        raise SystemExit(f"--works: there is no {', '.join(unknown)}")
    return [w for w in WORKS if w.group in groups]


def core_busy() -> float:
    """Seconds that the core of the server under test was busy, with whatever."""
    line = next(x for x in pathlib.Path("/proc/stat").read_text().splitlines() if x.startswith(f"cpu{UNDER_TEST} "))
    user, nice, system, _, _, irq, softirq, steal, *_ = map(int, line.split()[1:])
    return (user + nice + system + irq + softirq + steal) / 100


class Window:
    """What the server, Redis and the app took between here and end()."""

    def __init__(self, server):
        self.server = server
        self.before = self.now()

    def now(self):
        s = self.server
        return {"wall": time.monotonic(), "cpu": s.cpu(), "redis_cpu": cpu_seconds(s.redis),
                "app_cpu": cpu_seconds(s.app_pid) if s.app else 0.0, "core": core_busy(), "wakeups": s.wakeups()}

    def end(self) -> dict:
        after = self.now()
        r = {k: after[k] - self.before[k] for k in after}
        r["other_load"] = max(0.0, (r.pop("core") - r["cpu"]) / r["wall"])
        return r


class Load:
    """wsload on the other core; what hangs is ended."""

    def __init__(self, server, work: Work, seconds: float, connections: int):
        mode = "outbox" if work.door == "list" else work.group
        command = ["taskset", "-c", str(REST), str(TOOLS / "wsload"), "--mode", mode, *server.load(work.group), "--connections", str(connections),
                   "--bytes", str(work.size), "--window", str(work.window), "--rate", str(work.rate), "--seconds", str(seconds)]
        self.p = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.timer = threading.Timer(400 + 2 * seconds, self.p.kill)
        self.timer.start()

    def next(self) -> dict:
        line = self.p.stdout.readline()
        if not line:
            raise RuntimeError("the load generator ended")
        return json.loads(line)

    def close(self):
        self.timer.cancel()
        self.p.kill()
        self.p.wait()
        self.p.stdin.close()
        self.p.stdout.close()


def measure(kind, work: Work, seconds: float) -> dict:
    """One measurement on a fresh server."""
    connections = min(work.connections, kind.most)
    server = kind(work.confirm)
    try:
        time.sleep(0.5)
        found = {"server": kind.name, "work": work.name, "connections": connections, "rss_start": server.rss(), "start_s": server.started,
                 "size": kind.size()}
        if work.group == "start":
            return found
        opening = Window(server)
        load = Load(server, work, seconds, connections)
        try:
            opened = load.next()
            found["opening"] = opening.end() | {"seconds": opened["seconds"], "redialled": opened["redialled"]}
            if opened["failed"] or opened["opened"] < connections:
                waiting = connections - opened["opened"] - opened["failed"]
                raise RuntimeError(f"of {connections} connections {opened['failed']} were refused or closed, {waiting} not answered in time")
            return found | (rest(server) if work.group == "idle" else busy(server, load))
        finally:
            load.close()
    finally:
        server.close()


def rest(server) -> dict:
    time.sleep(2)
    rss = server.rss()
    window = Window(server)
    time.sleep(2 * HEARTBEAT)  # pings come in bursts where connections came so
    return {"rss": rss, "window": window.end()}


def busy(server, load: Load) -> dict:
    load.next()
    window = Window(server)
    result = load.next()
    return {"window": window.end(), "load": result}
