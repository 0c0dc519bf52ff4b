"""`scripts/bench --scale`: what many wsidecars cost their one Redis, and where its core ends."""
import json
import pathlib
import socket
import subprocess
import sys
import time
import urllib.request

from stack import ROOT, TOOLS, Processes, cpu_seconds, free_port, wait_ready

FIGURES = ROOT / "build/bench/scale.json"
AT_REST = 20  # seconds; longer than a lease
CLIENTS = 20  # of each pod
BATCH = 64


class Fleet(Processes):
    """One Redis, one app, and pods with a few clients each: users <n>-<pod>; the group room-<n> has one on each pod."""

    def __init__(self, pods: int):
        super().__init__()
        try:
            redis = self.start_redis(1)
            app = self.start([str(TOOLS / "echo_app")], stdout=subprocess.PIPE, text=True)
            self.redis, app_port = redis.pid, int(app.stdout.readline())
            self.ports = [self.pod(i, app_port) for i in range(pods)]
            for _, admin in self.ports:
                wait_ready(admin, 60)
            self.clients = [self.dial(i, port) for i, (port, _) in enumerate(self.ports)]
        except BaseException:
            self.close()
            raise

    def pod(self, i: int, app_port: int):
        port, admin = free_port(), free_port()
        config = pathlib.Path(self.dir.name, f"{i}.yaml")
        config.write_text(f"""
listen: {{address: "127.0.0.1:{port}"}}
admin: {{address: "127.0.0.1:{admin}"}}
app: {{url: "http://127.0.0.1:{app_port}"}}
redis: {{url: "redis://127.0.0.1:{self.redis_port}/0"}}
""")
        self.start([str(ROOT / "build/release/wsidecar"), "--config", str(config)], stderr=subprocess.DEVNULL)
        return port, admin

    def dial(self, i: int, port: int):
        p = self.start([str(TOOLS / "wsload"), "--port", str(port), "--mode", "idle", "--connections", str(CLIENTS), "--path",
                        f"/ws/bench?user={{i}}-{i}"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        opened = json.loads(p.stdout.readline())
        if opened["failed"]:
            raise RuntimeError(f"connections did not open: {opened}")
        return p


class Redis:
    """A connection that pipelines."""

    def __init__(self, port: int):
        self.s = socket.create_connection(("127.0.0.1", port))
        self.file = self.s.makefile("rb")

    def all(self, commands: list[tuple[str, ...]]) -> list[int]:
        """Their integer answers."""
        out = b"".join(b"*%d\r\n" % len(c) + b"".join(b"$%d\r\n%s\r\n" % (len(w.encode()), w.encode()) for w in c) for c in commands)
        self.s.sendall(out)
        answers = [self.file.readline() for _ in commands]
        if bad := [a for a in answers if not a.startswith(b":")]:
            raise RuntimeError(f"Redis: {bad[0]!r}")
        return [int(a[1:]) for a in answers]


def at_rest(fleet: Fleet) -> float:
    """Redis' share of a core with nothing to deliver."""
    before = cpu_seconds(fleet.redis)
    time.sleep(AT_REST)
    return (cpu_seconds(fleet.redis) - before) / AT_REST


def delivered(fleet: Fleet) -> int:
    """By all pods, as their metrics say."""
    total = 0.0
    for _, admin in fleet.ports:
        with urllib.request.urlopen(f"http://127.0.0.1:{admin}/metrics", timeout=10) as r:
            total += sum(float(line.rsplit(" ", 1)[1]) for line in r.read().decode().splitlines()
                         if line.startswith("wsidecar_delivered_total"))
    return round(total)


def per_push(fleet: Fleet, make, copies: int, pushes: int, idle: float) -> float:
    """Redis' CPU in microseconds for one push of `make(i)`, which reaches `copies` clients, without what it takes at rest."""
    redis = Redis(fleet.redis_port)
    before, start, had = cpu_seconds(fleet.redis), time.monotonic(), delivered(fleet)
    for first in range(0, pushes, BATCH):
        redis.all([make(i) for i in range(first, min(first + BATCH, pushes))])
    end = time.monotonic() + 60
    while (got := delivered(fleet) - had) < pushes * copies:
        if time.monotonic() > end:
            raise RuntimeError(f"{got} of {pushes * copies} deliveries")
        time.sleep(0.2)
    took = time.monotonic() - start
    return 1e6 * max(0.0, cpu_seconds(fleet.redis) - before - idle * took) / pushes


def envelope(to: dict) -> str:
    return json.dumps({"to": to, "text": "x" * 64})


def measure(pods: int, pushes: int) -> dict:
    fleet = Fleet(pods)
    try:
        time.sleep(2)
        idle = at_rest(fleet)
        user = lambda i: f"{i // pods % CLIENTS}-{i % pods}"
        few = max(BATCH, pushes // pods)
        return {"pods": pods, "idle": idle,
                "channel, user": per_push(fleet, lambda i: ("PUBLISH", f"wsidecar:user:{user(i)}", "x" * 64), 1, pushes, idle),
                "channel, group": per_push(fleet, lambda i: ("PUBLISH", f"wsidecar:group:room-{i % CLIENTS}", "x" * 64), pods, few, idle),
                "list, user": per_push(fleet, lambda i: ("RPUSH", "wsidecar:outbox", envelope({"user": user(i)})), 1, pushes, idle),
                "list, group": per_push(fleet, lambda i: ("RPUSH", "wsidecar:outbox", envelope({"group": f"room-{i % CLIENTS}"})), pods, few, idle)}
    finally:
        fleet.close()


KINDS = ("channel, user", "channel, group", "list, user", "list, group")


def line(points: list[tuple[float, float]]):
    """Least squares: a + b x."""
    n = len(points)
    mx, my = sum(x for x, _ in points) / n, sum(y for _, y in points) / n
    spread = sum((x - mx) ** 2 for x, _ in points)
    b = max(0.0, sum((x - mx) * (y - my) for x, y in points) / spread) if spread else 0.0
    return lambda x: max(0.0, my + b * (x - mx))


def expected(rows: list[dict], kind: str, pods: int) -> float:
    """A push for one user goes to one pod: with many pods it costs one write, as with the most that were measured. One for a group
    spread over all of them costs a write for each."""
    return rows[-1][kind] if kind.endswith("user") else line([(r["pods"], r[kind]) for r in rows])(pods)


def table(rows: list[dict]) -> str:
    """Measured, then extrapolated; behind each cost how many pushes per second the rest of Redis' core has room for."""
    lines = ["| pods | Redis at rest, % of a core | " + " | ".join(f"{k}: us of Redis each (pushes/s at most)" for k in KINDS) + " |",
             "|---" * (2 + len(KINDS)) + "|"]

    def row(name, idle, costs):
        left = max(0.0, 1 - idle)
        cells = [f"{c:.1f} ({left * 1e6 / c:,.0f})" if c > 0 else "too little to measure" for c in costs]
        lines.append(f"| {name} | {100 * idle:.2f} | " + " | ".join(cells) + " |")

    for r in rows:
        row(r["pods"], r["idle"], [r[k] for k in KINDS])
    if len(rows) > 1:
        for pods in (100, 1000):
            row(f"{pods:,} (extrapolated)", line([(r["pods"], r["idle"]) for r in rows])(pods),
                [expected(rows, k, pods) for k in KINDS])
        each = line([(r["pods"], r["idle"]) for r in rows])
        slope = each(2000) - each(1000)
        lines += ["", f"Redis' one core is full of pods at rest at about {1000 * (1 - each(0)) / slope:,.0f} of them."] if slope > 0 else []
    return "\n".join(lines)


def run(o) -> int:
    rows = []
    for pods in sorted(map(int, o.pods.split(","))):
        rows.append(measure(pods, int(2000 * o.seconds)))
        print(f"  {rows[-1]}", file=sys.stderr, flush=True)
        FIGURES.write_text(json.dumps(rows, indent=1))
    print(table(rows))
    return 0

