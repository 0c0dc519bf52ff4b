"""What `scripts/bench --peers` found, as text: one row for each work and server, the aims, and what the README.md here shows."""
import json
import re
import statistics

import charts
import scale
import servers
from stack import ROOT
from works import WORKS, Work

FIGURES = ROOT / "build/bench/peers.json"
CHARTS = ROOT / "tests/bench/charts"
RESULTS = ROOT / "tests/bench/results.md"
BY_NAME = {s.name: s for s in servers.ALL}
OURS = ("wsidecar", "limit")
ECHO_ELSEWHERE = ("uws", "spring", "nginx")  # theirs does not go through the app over HTTP


def faults(r: dict) -> list[int]:
    """Lost, repeated, out of order, and connections closed or pushes refused."""
    load = r.get("load", {})
    return [load.get(k, 0) for k in ("lost", "repeated", "reordered")] + [load.get("closed", 0) + load.get("refused", 0)]


def faults_of(results, server: str) -> bool:
    return any(r["server"] == server and ("error" in r or any(faults(r))) for r in results)


def values(r: dict) -> dict[str, float]:
    """The figures of one repetition, by name."""
    if "error" in r:
        return {}
    found = {"rss_start": r["rss_start"], "start_ms": 1000 * r["start_s"], "size": r["size"]}
    if "rss" in r:
        o, w, n = r["opening"], r["window"], r["connections"]
        found |= {"redialled": o.get("redialled", 0), "bytes": (r["rss"] - r["rss_start"]) / n, "opened_cpu": n / max(o["cpu"], 1e-9), "opened": n / max(o["seconds"], 1e-9),
                  "idle_cpu": 100 * w["cpu"] / w["wall"], "wakeups": w["wakeups"] / w["wall"], "other": w["other_load"]}
    elif "load" in r:
        load, w = r["load"], r["window"]
        n = max(load["received"], 1)
        found |= {"per_cpu": load["received"] / max(w["cpu"], 1e-9), "per_s": load["received"] / load["seconds"], "p50": load["p50_us"],
                  "p99": load["p99_us"], "p999": load["p999_us"], "core": w["cpu"] / w["wall"], "cpu_us": 1e6 * w["cpu"] / n,
                  "redis_us": 1e6 * w["redis_cpu"] / n, "other": w["other_load"]}
    return found


class Table:
    """All figures, by work and server."""

    def __init__(self, figures: dict):
        self.cells = {}
        for r in figures["results"]:
            self.cells.setdefault((r["work"], r["server"]), []).append(r)
        self.works = [w for w in WORKS if any(k[0] == w.name for k in self.cells)]
        self.servers = [s for s in servers.ALL if any(k[1] == s.name for k in self.cells)]

    def all(self, work: Work, server: str, figure: str) -> list[float]:
        found = [values(r).get(figure) for r in self.cells.get((work.name, server), [])]
        return [v for v in found if v is not None]

    def median(self, work: Work, server: str, figure: str):
        found = self.all(work, server, figure)
        return statistics.median(found) if found else None

    def spread(self, work: Work, server: str, figure: str, write) -> str:
        """median (min-max)"""
        found = self.all(work, server, figure)
        if not found:
            return "-"
        texts = [write(v) for v in (statistics.median(found), min(found), max(found))]
        return texts[0] if texts[1] == texts[2] else f"{texts[0]} ({texts[1]}-{texts[2]})"

    def faults(self, work: Work, server: str) -> str:
        runs = self.cells.get((work.name, server), [])
        errors = [r["error"] for r in runs if "error" in r]
        sums = [sum(column) for column in zip(*(faults(r) for r in runs))]
        text = " / ".join(str(s) for s in sums[:3]) + (f", closed or refused {sums[3]}" if sums[3] else "")
        return text + (f", failed {len(errors)} times: {errors[0]}" if errors else "")


def count(v: float) -> str:
    for by, suffix in ((1e6, "M"), (1e3, "k")):
        if v >= 0.9995 * by:
            return f"{v / by:.3g}{suffix}"
    return f"{v:.3g}"


def time_us(v: float) -> str:
    return f"{v:.0f} us" if v < 999.5 else f"{v / 1000:.3g} ms" if v < 999.5e3 else f"{v / 1e6:.3g} s"


def size(v: float) -> str:
    return f"{v / 1e6:.1f} MB"


def percent(v: float) -> str:
    return f"{v:.2f}"


def row(t: Table, w: Work, name: str) -> list[str]:
    """result, more"""
    s = lambda figure, write=count: t.spread(w, name, figure, write)
    if w.group == "start":
        return [f"ready in {s('start_ms', lambda v: f'{v:.0f}')} ms", f"program {s('size', size)}, RSS {s('rss_start', size)}"]
    if w.group == "idle":
        return [f"{s('bytes', lambda v: f'{v:,.0f}')} B each", f"opened {s('opened_cpu')} per CPU-s, {s('opened')}/s; at rest "
                f"{s('idle_cpu', percent)} % CPU, {s('wakeups', lambda v: f'{v:.0f}')} wake-ups/s"
                + (f", {s('redialled')} handshakes tried again" if any(t.all(w, name, "redialled")) else "")]
    latency = f"p50 {s('p50', time_us)}, p99 {s('p99', time_us)}"
    if w.rate:
        return [latency, f"{s('cpu_us', lambda v: f'{v:.1f}')} us of CPU each"]
    return [f"{s('per_cpu')} per CPU-s", f"{s('per_s')}/s, core used {s('core', percent)}, {latency}, Redis {s('redis_us', percent)} us each"]


def full(figures: dict) -> str:
    t = Table(figures)
    lines = ["| work | server | result: median (min-max) | more | lost / repeated / out of order | other load |", "|---|---|---|---|---|---|"]
    for w in t.works:
        for s in t.servers:
            if (w.name, s.name) in t.cells:
                other = max(t.all(w, s.name, "other"), default=0)
                lines.append("| " + " | ".join([w.name, s.title, *row(t, w, s.name), t.faults(w, s.name) if w.group != "start" else "",
                                                f"{100 * other:.0f} %"]) + " |")
    return "\n".join(lines + ["", *aims(t), "", *remarks(t, figures)])


def brief(r: dict) -> str:
    v = values(r)
    shown = ", ".join(f"{k} {count(v[k])}" for k in ("bytes", "opened_cpu", "per_cpu", "p50", "p99", "core", "start_ms") if k in v)
    wrong = f", FAULTS {faults(r)}" if any(faults(r)) else ""
    return f"{r['work']}: {r['server']}: {r.get('error') or shown}{wrong}"


def aims(t: Table) -> list[str]:
    """What wsidecar must reach, beside the bound and the best of the others."""
    idle, fan1, fan10 = Work("idle", 10_000), Work("fanout", 1_000, window=4), Work("fanout", 10_000, window=4)
    one, echo, paced = Work("unicast", 1_000, window=64), Work("echo", 64, window=64), Work("echo", 64, window=100_000, rate=500)
    kept = Work("unicast", 1_000, window=256, door="list")
    fixed = lambda v: lambda *_: v
    uws = lambda w, f: t.median(w, "uws", f)
    near = lambda w, f: (t.median(w, "limit", f) or 0) * 1.25 or None
    wanted = (
        ("idle memory, 4 KiB", idle, "bytes", fixed(4096), True), ("idle memory, 1.2 KiB", idle, "bytes", fixed(1229), True),
        ("fan-out to 10,000: uWebSockets", fan10, "per_cpu", uws, False), ("fan-out to 1,000: uWebSockets", fan1, "per_cpu", uws, False),
        ("unicast by channel, 150k per CPU-s", one, "per_cpu", fixed(150e3), False),
        ("unicast by list, confirm: write, 75k per CPU-s", kept, "per_cpu", fixed(75e3), False),
        ("echo, 60k per CPU-s, in order", echo, "per_cpu", fixed(60e3), False),
        ("echo at 500/s, p50, 1.25 x limit", paced, "p50", near, True), ("echo at 500/s, p99, 1.25 x limit", paced, "p99", near, True),
        ("connections opened, 10k per CPU-s", idle, "opened_cpu", fixed(10e3), False))
    lines = ["| aim | wsidecar | | against limit | against the best other server |", "|---|---|---|---|---|"]
    for name, w, figure, aim, less in wanted:
        ours = t.median(w, "wsidecar", figure)
        if ours is None:
            continue
        target = aim(w, figure)
        ok = target is not None and (ours <= target if less else ours >= target)
        ok = ok and not any(any(faults(r)) for r in t.cells[w.name, "wsidecar"])
        verdict = "nothing to compare with" if target is None else "reached" if ok else f"NOT reached: {ours / target:.2f} of it"
        others = [(v, s.title) for s in t.servers if s.name not in OURS and not (w.group == "echo" and s.name in ECHO_ELSEWHERE)
                  and (v := t.median(w, s.name, figure)) is not None]
        best = (min if less else max)(others, default=None)
        bound = t.median(w, "limit", figure)
        lines.append(f"| {name} | {count(ours)} | {verdict} | {f'{ours / bound:.2f} of {count(bound)}' if bound else '-'} | "
                     f"{f'{ours / best[0]:.2f} of {count(best[0])} ({best[1]})' if best else '-'} |")
    return lines if len(lines) > 2 else []


def remarks(t: Table, figures: dict) -> list[str]:
    lines = [f"- {s.title}: {s.note}." for s in t.servers if s.note]
    lines.append("- wsidecar: every connection has a user and a group, with a connect event to the app and registered in Redis; the others know of "
                 "a connection at most its channels.")
    for s in t.servers:
        if s.most < 19_000:
            lines.append(f"- {s.title}: {s.most:,} connections at most, where others have more.")
    lines.append("- Memory is what connections add to the resident memory at start: where a garbage collector has room to spare, less than they take.")
    lines += [f"- NOT MEASURED: {title}: {why}." for title, why in figures["missing"].items()]
    return lines


MATRIX = (  # README.md's rows: what, work, figure, how it is written
    ("bytes of RSS per idle connection, 10,000", Work("idle", 10_000), "bytes", lambda v: f"{v:,.0f}"),
    ("the same, 19,000", Work("idle", 19_000), "bytes", lambda v: f"{v:,.0f}"),
    ("connections opened per CPU-s", Work("idle", 10_000), "opened_cpu", count),
    ("10,000 at rest, a ping each every 10 s: % of a core", Work("idle", 10_000), "idle_cpu", percent),
    ("the same: wake-ups/s", Work("idle", 10_000), "wakeups", lambda v: f"{v:.0f}"),
    ("fan-out 64 B to 1,000, per CPU-s", Work("fanout", 1_000, window=4), "per_cpu", count),
    ("fan-out 64 B to 10,000", Work("fanout", 10_000, window=4), "per_cpu", count),
    ("fan-out 1 KiB to 1,000", Work("fanout", 1_000, 1024, window=4), "per_cpu", count),
    ("fan-out 1 KiB to 10,000", Work("fanout", 10_000, 1024, window=4), "per_cpu", count),
    ("fan-out to 1,000, 10/s: p50", Work("fanout", 1_000, window=1_000, rate=10), "p50", time_us),
    ("p99", Work("fanout", 1_000, window=1_000, rate=10), "p99", time_us),
    ("unicast, 1,000 users, per CPU-s", Work("unicast", 1_000, window=64), "per_cpu", count),
    ("unicast, 10,000 users", Work("unicast", 10_000, window=64), "per_cpu", count),
    ("unicast, 500/s: p50", Work("unicast", 1_000, window=100_000, rate=500), "p50", time_us),
    ("p99", Work("unicast", 1_000, window=100_000, rate=500), "p99", time_us),
    ("by list (confirm: write), 1,000 users", Work("unicast", 1_000, window=256, door="list"), "per_cpu", count),
    ("by list (confirm: pong)", Work("unicast", 1_000, window=256, door="list", confirm="pong"), "per_cpu", count),
    ("echo, 64 connections, per CPU-s", Work("echo", 64, window=64), "per_cpu", count),
    ("echo, 1,000 connections", Work("echo", 1_000, window=1_000), "per_cpu", count),
    ("echo, 500/s: p50", Work("echo", 64, window=100_000, rate=500), "p50", time_us),
    ("p99", Work("echo", 64, window=100_000, rate=500), "p99", time_us),
    ("ready after, ms", Work("start"), "start_ms", lambda v: f"{v:.0f}"),
    ("RSS at start", Work("start"), "rss_start", size),
    ("size of the program", Work("start"), "size", size))


def matrix(t: Table) -> list[str]:
    """Medians only. A cell with faults in any repetition has a !."""
    lines = ["| | " + " | ".join(s.title for s in t.servers) + " |", "|---" * (len(t.servers) + 1) + "|"]
    for name, w, figure, write in MATRIX:
        cells = []
        for s in t.servers:
            v = t.median(w, s.name, figure)
            wrong = any(any(faults(r)) or "error" in r for r in t.cells.get((w.name, s.name), []))
            cells.append("-" if v is None and not wrong else ("failed" if v is None else write(v)) + (" !" if wrong else ""))
        if any(c != "-" for c in cells):
            lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return lines


def draw(t: Table):
    """The charts that have something to show; their names and titles."""
    def panel(heading, w, figure, write=count):
        rows = [charts.Bar(s.title, v, write(v), s.name) for s in t.servers if (v := t.median(w, s.name, figure))]
        return charts.Panel(heading, rows)

    at = {name: (w, figure) for name, w, figure, _ in MATRIX}
    paced_one, paced_echo = Work("unicast", 1_000, window=100_000, rate=500), Work("echo", 64, window=100_000, rate=500)
    wanted = {
        "memory": ("Memory of an idle connection, bytes (less is better; log scale)", True,
                   [panel("10,000 connections", *at["bytes of RSS per idle connection, 10,000"]), panel("19,000 connections", *at["the same, 19,000"])]),
        "fanout": ("Fan-out of 64 B, deliveries per CPU-second", False,
                   [panel("to 1,000", *at["fan-out 64 B to 1,000, per CPU-s"]), panel("to 10,000", *at["fan-out 64 B to 10,000"])]),
        "unicast": ("Unicast to 1,000 users, pushes per CPU-second", False,
                    [panel("by channel, or HTTP where there is no Redis", *at["unicast, 1,000 users, per CPU-s"]),
                     panel("by list, at least once", *at["by list (confirm: write), 1,000 users"])]),
        "echo": ("Echo through the app, round trips per CPU-second (*: not through an app)", False,
                 [panel("64 connections", *at["echo, 64 connections, per CPU-s"]), panel("1,000 connections", *at["echo, 1,000 connections"])]),
        "connect": ("Connections opened per CPU-second (log scale)", True, [panel("10,000 connections", *at["connections opened per CPU-s"])]),
        "latency": ("Latency at 500/s, us (less is better; log scale)", True,
                    [panel("unicast, p50", paced_one, "p50", time_us), panel("unicast, p99", paced_one, "p99", time_us),
                     panel("echo, p50", paced_echo, "p50", time_us), panel("echo, p99", paced_echo, "p99", time_us)])}
    for name, (title, log, panels) in wanted.items():
        if name in ("echo", "latency"):
            for p in panels:
                if name == "echo" or p.heading.startswith("echo"):
                    p.rows = [r._replace(label=r.label + "*") if r.key in ECHO_ELSEWHERE else r for r in p.rows]
        panels = [p for p in panels if p.rows]
        if panels:
            CHARTS.mkdir(parents=True, exist_ok=True)
            (CHARTS / f"{name}.svg").write_text(charts.svg(title, panels, log))
            yield name, title


def publish() -> int:
    """Writes the charts, and what is between the marks in the README.md here: this, and what --scale found."""
    if not FIGURES.exists():
        raise SystemExit(f"there is no {FIGURES.relative_to(ROOT)}: scripts/bench --peers makes it")
    figures = json.loads(FIGURES.read_text())
    t = Table(figures)
    images = [f"![{title}](charts/{name}.svg)" for name, title in draw(t)]
    text = "\n".join([f"`scripts/bench --peers`, {figures['at'][:10]}: medians of {figures['repeat']} repetitions of {figures['seconds']:g} s, the server "
                      "alone on one core; the clients, Redis and the app on another. Per CPU-second of the server, at saturation: 4 messages for all in "
                      "flight, 64 for one user (256 by list), one for each echoing connection. Latencies run from when a message should have been "
                      "sent. `!`: messages were lost, repeated or out of order, or connections failed. "
                      "[With the least and the most of each](results.md).", "", *matrix(t), "",
                      *aims(t), "", *remarks(t, figures), "", *images])
    write("bench", text)
    RESULTS.write_text(f"# `scripts/bench --peers`, {figures['at'][:10]}\n\nMedians of {figures['repeat']} repetitions of {figures['seconds']:g} s, with the "
                       f"least and the most.\n\n{full(figures)}\n")
    if scale.FIGURES.exists():
        write("scale", scale.table(json.loads(scale.FIGURES.read_text())))
    return 0


def write(mark: str, text: str):
    readme = ROOT / "tests/bench/README.md"
    new, n = re.subn(rf"(<!-- {mark} -->\n).*?(<!-- /{mark} -->)", lambda m: f"{m[1]}\n{text}\n\n{m[2]}", readme.read_text(), flags=re.DOTALL)
    if n != 1:
        raise SystemExit(f"tests/bench/README.md has no <!-- {mark} --> ... <!-- /{mark} -->")
    readme.write_text(new)
