"""The cases of the main job, and what `scripts/bench --only` names."""
import os
import socket
import subprocess
import sys
import tempfile
import time

from stack import ROOT, TOOLS, SpringBroker, Stack, cpu_seconds, free_port, rss_bytes, run_load, spring_missing


def direct_echo(port: int, rounds: int = 3000) -> float:
    """p50 in microseconds of the same POST to the app without a sidecar, one at a time on a kept connection."""
    body = b"x" * 64
    request = (b"POST /ws/bench HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: "
               + str(len(body)).encode() + b"\r\n\r\n" + body)
    times = []
    with socket.create_connection(("127.0.0.1", port)) as s:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(rounds):
            start = time.perf_counter_ns()
            s.sendall(request)
            while not s.recv(65536).endswith(body):
                pass
            times.append(time.perf_counter_ns() - start)
    return sorted(times)[len(times) // 2] / 1000


def lmove_per_second() -> float:
    """A bare pipelined LMOVE loop in Redis: what a list costs that nobody routes."""
    with tempfile.TemporaryDirectory(prefix="wsidecar-bench-") as folder:
        port = free_port()
        server = subprocess.Popen(["redis-server", "--port", str(port), "--save", "", "--appendonly", "no", "--dir", folder],
                                  stdout=subprocess.DEVNULL)
        try:
            cli = ["redis-cli", "-p", str(port)]
            for _ in range(100):
                if subprocess.run([*cli, "ping"], capture_output=True).returncode == 0:
                    break
                time.sleep(0.05)
            subprocess.run([*cli, "rpush", "a", *["x" * 128] * 1000], stdout=subprocess.DEVNULL, check=True)
            out = subprocess.run(["redis-benchmark", "-p", str(port), "-n", "1000000", "-P", "128", "-c", "4", "--csv", "lmove", "a", "a",
                                  "left", "right"], capture_output=True, text=True, check=True).stdout
            return float(out.splitlines()[-1].split(",")[1].strip('"'))
        finally:
            server.kill()
            server.wait()


def ratios(case, row, n, seconds):
    """The list door against the channel door and a bare list; the pong against the kernel's word."""
    per_second, cpu_per_push = {}, {}
    for name, kind, confirm in (("channel", "unicast", "pong"), ("list, pong", "outbox", "pong"), ("list, write", "outbox", "write")):
        r, cpu, *_ = case(kind, "--connections", n, "--seconds", seconds, "--window", "1024", confirm=confirm)
        per_second[name] = r["received"] / r["seconds"]
        cpu_per_push[name] = cpu / max(r["received"], 1)
    bare = lmove_per_second()
    row(f"list against channel, {n} users, saturation", f"{per_second['list, pong']:,.0f}/s against {per_second['channel']:,.0f}/s: "
        f"{per_second['list, pong'] / per_second['channel']:.2f}", f"a bare LMOVE loop {bare:,.0f}/s: {per_second['list, pong'] / bare:.3f}")
    row("`confirm: pong` against `write`, saturation", f"{1e6 * cpu_per_push['list, pong']:.1f} us against "
        f"{1e6 * cpu_per_push['list, write']:.1f} us of CPU a push: {100 * (cpu_per_push['list, pong'] / cpu_per_push['list, write'] - 1):+.0f} %")


def spring_broker(row, load, seconds, ours):
    """The same clients on Spring's own simple broker; what is missing where it cannot be measured. `ours`: deliveries per CPU-second."""
    name = "STOMP fan-out, 64 B, 1000 subscribers, Spring's simple broker (Java 17, -Xmx1g)"
    missing = spring_missing()
    if missing:
        row(name, f"NOT MEASURED: {missing}")
        return f"Spring's simple broker ({missing})"
    stack = SpringBroker()
    try:
        args = ("--mode", "fanout", "--connections", "1000", "--window", "4", "--stomp", "spring", "--channel", "bench:topic")
        run_load(stack, load, *args, "--seconds", "10")  # until it is compiled
        r, cpu, *_ = run_load(stack, load, *args, "--seconds", seconds)
    finally:
        stack.close()
    theirs = r["received"] / cpu
    row(name, f"{theirs:,.0f} deliveries per CPU-s", f"{r['received'] / r['seconds']:,.0f}/s",
        f"p50 {r['p50_us']:.0f} us, p99 {r['p99_us']:.0f} us", f"lost {r['lost']}, repeated {r['repeated']}, out of order {r['reordered']}",
        f"wsidecar has {ours / theirs:.1f} times its deliveries per CPU-s (aim: 5)")
    return None


def codecs(row, seconds):
    """Java serialization against the JDK's own ObjectInputStream, Jackson's types against a plain parse, on the same bytes."""
    tool, sources = str(ROOT / "build/bench/tests/bench/codecs"), ROOT / "tests/bench/java"
    run = lambda *words: subprocess.run(words, capture_output=True, text=True, check=True).stdout
    with tempfile.TemporaryDirectory(prefix="wsidecar-bench-") as folder:
        run("javac", "-d", folder, *map(str, sources.rglob("*.java")))
        java = ["java", "-cp", folder, "Decode"]
        for count in (2, 130):
            stream = f"{folder}/{count}.bin"
            run(*java, "write", stream, str(count))
            ours, theirs = float(run(tool, "jdk", stream, str(seconds))), float(run(*java, "read", stream, str(seconds)))
            row(f"Java serialization to JSON, {os.path.getsize(stream):,} B",
                f"{ours:.0f} MB/s against {theirs:.0f} MB/s of ObjectInputStream: {ours / theirs:.1f}")
    hostile = [f for f in (ROOT / "tests/proto/java").rglob("*.bin") if "hostile" in f"{f.parent.name}/{f.name}"]
    worst = max((float(run(tool, "refuse", str(f), "0.05")), f.stem) for f in hostile)
    row(f"{len(hostile)} hostile Java streams refused", f"{worst[0]:.0f} us at most ({worst[1]})")
    typed = str(ROOT / "tests/proto/java/redis/generic_nonfinal_property_vo.json")
    ours, plain = float(run(tool, "jackson", typed, str(seconds))), float(run(tool, "parse", typed, str(seconds)))
    row(f"Jackson's types taken out, {os.path.getsize(typed):,} B", f"{ours:.0f} MB/s against {plain:.0f} MB/s of a plain parse: {ours / plain:.1f}")


def run(o) -> int:
    """`o`: only, connections, seconds. The exit code: 1 when a message was lost, repeated or out of order."""
    load, app = str(TOOLS / "wsload"), str(TOOLS / "echo_app")
    n, seconds, rows, faults, missing = str(o.connections), str(o.seconds), [], 0, None
    wanted = o.only.split(",")

    def row(name, *cells):
        rows.append((name, *cells))
        print(f"  {name}: {', '.join(cells)}", file=sys.stderr)

    def case(kind, *args, confirm="pong"):
        nonlocal faults
        stack = Stack(app, confirm)
        try:
            base = rss_bytes(stack.pid)
            start = cpu_seconds(stack.pid)
            result, cpu, rss, cpu_open = run_load(stack, load, "--mode", kind, *args)
            faults += result.get("failed", 0) + sum(result.get(k, 0) for k in ("lost", "repeated", "reordered", "closed"))
            return result, cpu, rss - base, cpu_open - start, stack.app_port and direct_echo(stack.app_port)
        finally:
            stack.close()

    if "idle" in wanted:
        r, _, rss, cpu_open, _ = case("idle", "--connections", n)
        row("idle connection, user and group, registered", f"{rss / o.connections:.0f} B RSS each at {n}",
            f"{r['failed']} errors", f"opened {o.connections / r['seconds']:.0f}/s, {o.connections / cpu_open:.0f} per CPU-s",
            f"{100 * r['idle_cpu']:.2f} % CPU at rest")

    def figures(r, cpu, what):
        faulty = sum(r[k] for k in ("lost", "repeated", "reordered", "closed"))
        return (f"{r['received'] / max(cpu, 1e-9):,.0f} {what} per CPU-s", f"{r['received'] / r['seconds']:,.0f}/s",
                f"p50 {r['p50_us']:.0f} us, p99 {r['p99_us']:.0f} us", f"faults {faulty}")

    if "fanout" in wanted:
        for size in (1000, o.connections):
            r, cpu, *_ = case("fanout", "--connections", str(size), "--seconds", seconds, "--window", "4")
            row(f"fan-out of `all`, 64 B, {size} connections, 4 in flight", *figures(r, cpu, "deliveries"))
        r, cpu, *_ = case("fanout", "--connections", n, "--seconds", seconds, "--window", "1", "--rate", "2")
        row(f"one `all` push to {n} connections", *figures(r, cpu, "deliveries"))
    if "stomp" in wanted:
        r, _, rss, cpu_open, _ = case("idle", "--connections", n, "--stomp", "same")
        row("idle STOMP connection with two subscriptions", f"{rss / o.connections:.0f} B RSS each at {n}",
            f"opened {o.connections / r['seconds']:.0f}/s, {o.connections / cpu_open:.0f} per CPU-s")
        raw, cpu, *_ = case("fanout", "--connections", "1000", "--seconds", seconds, "--window", "4")
        plain, ours = raw["received"] / cpu, {}
        row("raw fan-out, 64 B, 1000 connections", *figures(raw, cpu, "deliveries"))
        for ids in ("same", "distinct"):
            r, cpu, *_ = case("fanout", "--connections", "1000", "--seconds", seconds, "--window", "4", "--stomp", ids)
            row(f"STOMP fan-out, 64 B, 1000 subscribers, {ids} subscription ids", *figures(r, cpu, "deliveries"),
                f"{100 * r['received'] / cpu / plain:.0f} % of raw")
            ours[ids] = r["received"] / cpu
        missing = spring_broker(row, load, seconds, ours["same"])  # as its clients' are
    if "unicast" in wanted:
        r, cpu, *_ = case("unicast", "--connections", "1000", "--seconds", seconds, "--window", "64")
        row("unicast by channel, 1000 users, 64 in flight", *figures(r, cpu, "pushes"))
        r, cpu, *_ = case("unicast", "--connections", "1000", "--seconds", seconds, "--window", "64", "--rate", "500")
        row("unicast by channel, 500/s", *figures(r, cpu, "pushes"))
    if "outbox" in wanted:
        r, cpu, *_ = case("outbox", "--connections", "1000", "--seconds", seconds, "--window", "256")
        row("unicast by outbox, 1000 users, 256 in flight", *figures(r, cpu, "pushes"))
        r, cpu, *_ = case("outbox", "--connections", "1000", "--seconds", seconds, "--window", "256", "--rate", "1000")
        row("unicast by outbox, 1000/s", *figures(r, cpu, "pushes"))
    if "confirm" in wanted:
        ratios(case, row, n, seconds)
    if "codecs" in wanted:
        codecs(row, 2)
    if "echo" in wanted:
        r, cpu, *_ = case("echo", "--connections", "64", "--seconds", seconds, "--window", "64")
        row("echo through the app, 64 connections", *figures(r, cpu, "round trips"))
        r, cpu, *_, direct = case("echo", "--connections", "1", "--seconds", seconds, "--window", "1")
        row("echo, one at a time", *figures(r, cpu, "round trips"),
            f"p50 of calling the app directly {direct:.0f} us: added {r['p50_us'] - direct:.0f} us")

    print("\n| work | result |\n|---|---|")
    for name, *cells in rows:
        print(f"| {name} | {'; '.join(cells)} |")
    print(f"\nfaults in all (lost, repeated, out of order, closed): {faults}")
    if missing:
        print(f"NOT MEASURED: {missing}")
    return 1 if faults else 0

