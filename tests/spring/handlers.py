#!/usr/bin/env python3
"""What the library of sidecar/java costs: latency of an event over the @PostMapping way, and heap for each connection. Prints two tables.

  tests/spring/handlers.py [--generation boot3] [--seconds 10] [--rate 500] [--turns 3] [--connections 10000] [--only latency,heap] [--check]

Both ways are in one warm process, behind one wsidecar with signed events, and take turns. One message is under way at a time. The processor time is that of
the application's process, for each message. The heap is what is in use after a full collection; before the first row, as many connections as the
second has came and went, so that the window of recent events is full of theirs. WSIDECAR_BIN names the binary. --check fails if what config/migrating.md promises does not hold.
"""

import argparse
import os
import re
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True

from support import spring  # noqa: E402
from support.http import http  # noqa: E402
from support.kept import KeptStage  # noqa: E402
from support.redis_server import Redis  # noqa: E402
from support.waiting import wait_until  # noqa: E402
from support.ws import Ws  # noqa: E402

spring.JVM = ["java", "-XX:+UseSerialGC", "-Xshare:auto", "-Xmx256m", "-Xss512k"]  # with its optimizing compiler
POSTED = {"path": "/posted", "name": "posted", "event_path": "/posted-events", "events": ["message"], "origins": "*"}


class EchoStage(KeptStage):
    def config(self):
        said = super().config()
        said["routes"].append(POSTED)
        return said


def options():
    o = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    o.add_argument("--generation", default="boot3", choices=["boot2", "boot3"])
    o.add_argument("--seconds", type=float, default=10)
    o.add_argument("--rate", type=float, default=500)
    o.add_argument("--turns", type=int, default=3)
    o.add_argument("--connections", type=int, default=10000)
    o.add_argument("--only", default="latency,heap")
    o.add_argument("--check", action="store_true")
    return o.parse_args()


def processor_micros(stage):
    return int(http(stage.replicas[0].port, "GET", "/processor-time").text) / 1000


def turn(stage, path, o, count):
    """Round trips in microseconds, and the application's processor time for each."""
    c = Ws(stage.pods[0].port, path)
    took, before, start = [], processor_micros(stage), time.perf_counter()
    for n in range(count):
        ahead = start + n / o.rate - time.perf_counter()
        if ahead > 0:
            time.sleep(ahead)
        sent = time.perf_counter()
        c.send("hello")
        assert c.recv() == "hello"
        took.append((time.perf_counter() - sent) * 1e6)
    used = processor_micros(stage) - before
    c.close()
    return took, used / count


def latency(stage, o):
    paths = ["/posted", "/handled"]
    for path in paths * 2:
        turn(stage, path, o, 5000)  # warm
    shown = {path: [] for path in paths}
    for n in range(o.turns):
        for path in paths if n % 2 == 0 else reversed(paths):
            took, used = turn(stage, path, o, int(o.rate * o.seconds))
            shown[path].append((statistics.median(took), sorted(took)[int(len(took) * 0.99)], used))
    print(f"| round trip at {o.rate:.0f}/s, turns of {o.seconds:.0f} s | p50, us | p99, us | processor time of the app, us a message |\n|---|---|---|---|")
    for path, name in (("/posted", "`@PostMapping`"), ("/handled", "handler class")):
        print(f"| {name} | " + " | ".join(", ".join(f"{x[i]:.0f}" for x in shown[path]) for i in range(3)) + " |")
    added = [statistics.median(x[i] for x in shown["/handled"]) - statistics.median(x[i] for x in shown["/posted"]) for i in range(3)]
    print("| added, by the medians of the turns | " + " | ".join(f"{x:+.0f}" for x in added) + " |\n", flush=True)
    return added[0]


def in_use(pid):
    """KiB of heap after a full collection, and how many objects of the library there are."""
    for _ in range(2):
        subprocess.run(["jcmd", str(pid), "GC.run"], capture_output=True, check=True)
    info = subprocess.run(["jcmd", str(pid), "GC.heap_info"], capture_output=True, text=True, check=True).stdout
    histogram = subprocess.run(["jcmd", str(pid), "GC.class_histogram"], capture_output=True, text=True, check=True).stdout
    objects = sum(int(row[1]) for row in (line.split() for line in histogram.splitlines()) if len(row) >= 4 and row[3] in (
        "io.wsidecar.core.Connection", "io.wsidecar.spring.SidecarWebSocketSession"))
    return sum(int(k) for k in re.findall(r"(?:new generation|tenured generation)\s+total \d+K, used (\d+)K", info)), objects


def heap(stage, o):
    def opened(count):
        with ThreadPoolExecutor(16) as pool:
            return list(pool.map(lambda _: Ws(stage.pods[0].port, "/handled", timeout=60), range(count)))

    def measured():
        for _, pid in replicas:
            subprocess.run(["jcmd", str(pid), "GC.run"], capture_output=True, check=True)
        echo.send("hello")  # what the collector found is swept with the next event
        assert echo.recv() == "hello"
        time.sleep(1)
        return [in_use(pid) for _, pid in replicas]

    replicas = [(n, r.process.pid) for n, r in enumerate(stage.replicas)]
    echo = Ws(stage.pods[0].port, "/handled", timeout=60)
    for c in opened(o.connections // 2):
        c.sock.close()
    wait_until(lambda: len(stage.records()) <= 1, 120, "they are gone")
    clients, rows = [], []
    for target in (0, o.connections // 2, o.connections):
        clients += opened(target - len(clients))
        rows.append((target, measured()))
    print("| connections of the first replica | " + " | ".join(f"heap of replica {n}, KiB | its sessions in memory" for n, _ in replicas) + " |")
    print("|---|" + "---|---|" * len(replicas))
    for target, used in rows:
        print(f"| {target:,} | " + " | ".join(f"{k:,} | {objects:,}" for k, objects in used) + " |")
    for c in [*clients, echo]:
        c.sock.close()
    return [[k for k, _ in used] for _, used in rows]


def main():
    o = options()
    try:
        spring.build(o.generation)
    except subprocess.CalledProcessError as e:
        sys.exit(e.returncode)  # 77: Maven Central cannot be reached
    redis = Redis()
    stage = EchoStage(o.generation, "echo", redis, replicas=2 if "heap" in o.only else 1, sources="")
    try:
        stage.start(ping="5m", pong_timeout="60s")
        if "latency" in o.only:
            added = latency(stage, o)
            assert not o.check or added <= 100, f"{added:.0f} us more than by @PostMapping at p50"
        if "heap" in o.only:
            first, last = (row for n, row in enumerate(heap(stage, o)) if n != 1)
            grown = [(b - a) * 1024 / o.connections for a, b in zip(first, last)]
            print(f"bytes for each connection: {grown[0]:.0f}, and {grown[1]:.0f} in the replica that is told of them")
            assert not o.check or grown[0] < 50 and grown[1] < 250, grown
    finally:
        stage.close()
        redis.close()


if __name__ == "__main__":
    main()
