"""`scripts/bench --scale`: what many wsidecars cost their one Redis, and where its core ends. Up to --pods of them are real; of a thousand, all but ten
only do to Redis what a wsidecar does (fleet.py)."""
import json
import pathlib
import re
import socket
import subprocess
import sys
import time
import urllib.request

import fleet as emulated
from stack import ROOT, TOOLS, Processes, cpu_seconds, free_port, wait_ready

FIGURES = ROOT / "build/bench/scale.json"
AT_REST = 20  # seconds; longer than a lease
CLIENTS = 20  # of each pod
BATCH = 64
REAL_OF_MANY = 10
MANY = 1000


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
        return {"pods": pods, "real": pods, "idle": idle,
                "channel, user": per_push(fleet, lambda i: ("PUBLISH", f"wsidecar:user:{user(i)}", "x" * 64), 1, pushes, idle),
                "channel, group": per_push(fleet, lambda i: ("PUBLISH", f"wsidecar:group:room-{i % CLIENTS}", "x" * 64), pods, few, idle),
                "list, user": per_push(fleet, lambda i: ("RPUSH", "wsidecar:outbox", envelope({"user": user(i)})), 1, pushes, idle),
                "list, group": per_push(fleet, lambda i: ("RPUSH", "wsidecar:outbox", envelope({"group": f"room-{i % CLIENTS}"})), pods, few, idle)}
    finally:
        fleet.close()


def beat_words() -> int:
    """Of the command that renews a lease, without the names of other instances: EVALSHA, its sum, 1, the key, and the arguments."""
    return 4 + len(re.search("-- arguments: (.*)", (ROOT / "sidecar/redis/lua/beat.lua").read_text())[1].split())


def measure_many(pushes: int) -> dict:
    """A thousand instances, ten of them real: at rest, and pushes to users of the real ones. What a group costs that is on all of them only real ones show."""
    fleet = Fleet(REAL_OF_MANY)
    others = None
    try:
        time.sleep(2)
        others = emulated.Fleet(fleet.redis_port, MANY - REAL_OF_MANY, beat_words())
        time.sleep(10)
        idle = at_rest(fleet)
        user = lambda i: f"{i // REAL_OF_MANY % CLIENTS}-{i % REAL_OF_MANY}"
        return {"pods": MANY, "real": REAL_OF_MANY, "idle": idle,
                "channel, user": per_push(fleet, lambda i: ("PUBLISH", f"wsidecar:user:{user(i)}", "x" * 64), 1, pushes, idle),
                "list, user": per_push(fleet, lambda i: ("RPUSH", "wsidecar:outbox", envelope({"user": user(i)})), 1, pushes, idle)}
    finally:
        if others:
            others.close()
        fleet.close()


KINDS = ("channel, user", "channel, group", "list, user", "list, group")


def table(rows: list[dict]) -> str:
    """Behind each cost how many pushes per second the rest of Redis' core has room for."""
    lines = ["| pods | Redis at rest, % of a core | " + " | ".join(f"{k}: us of Redis each (pushes/s at most)" for k in KINDS) + " |",
             "|---" * (2 + len(KINDS)) + "|"]
    for r in rows:
        left = max(0.0, 1 - r["idle"])
        costs = [r.get(k) for k in KINDS]
        cells = ["-" if c is None else f"{c:.1f} ({left * 1e6 / c:,.0f})" if c > 0 else "too little to measure" for c in costs]
        name = f"{r['pods']:,}" if r["real"] == r["pods"] else f"{r['pods']:,}, {r['real']} of them real"
        lines.append(f"| {name} | {100 * r['idle']:.2f} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def run(o) -> int:
    rows = []
    for pods in sorted(map(int, o.pods.split(","))):
        rows.append(measure(pods, int(2000 * o.seconds)))
        print(f"  {rows[-1]}", file=sys.stderr, flush=True)
        FIGURES.write_text(json.dumps(rows, indent=1))
    rows.append(measure_many(int(2000 * o.seconds)))
    print(f"  {rows[-1]}", file=sys.stderr, flush=True)
    FIGURES.write_text(json.dumps(rows, indent=1))
    print(table(rows))
    return 0

