"""What scripts/bench says about figures that are known."""
import pathlib
import sys
import xml.etree.ElementTree

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import charts  # noqa: E402
import report  # noqa: E402
import scale  # noqa: E402
from works import Work  # noqa: E402

FAN_OUT = Work("fanout", 1_000, window=4)
ECHO = Work("echo", 64, window=64)


def measured(work, server, per_cpu_second, **wrong):
    return {"server": server, "work": work.name, "connections": work.connections, "rss_start": 1, "start_s": 1, "size": 1,
            "window": {"wall": 1.0, "cpu": 1.0, "redis_cpu": 0.1, "app_cpu": 0, "wakeups": 5, "other_load": 0.0},
            "load": {"received": per_cpu_second, "seconds": 1, "p50_us": 100, "p99_us": 200, "p999_us": 300, "lost": 0, "repeated": 0, "reordered": 0,
                     "closed": 0, "refused": 0} | wrong}


def figures(*results):
    return {"results": list(results), "missing": {"Pushpin": "not installed"}, "repeat": 3, "seconds": 1, "at": "2026-01-01"}


def test_a_row_has_the_median_and_the_span():
    text = report.full(figures(*(measured(FAN_OUT, "wsidecar", n) for n in (900_000, 500_000, 700_000))))
    assert "700k (500k-900k) per CPU-s" in text
    assert "NOT MEASURED: Pushpin: not installed." in text


def test_an_aim_is_held_against_the_other_servers_of_the_run():
    ours, bound = measured(FAN_OUT, "wsidecar", 400_000), measured(FAN_OUT, "limit", 800_000)
    for theirs, verdict in ((300_000, "| reached |"), (500_000, "| NOT reached: 0.80 of it |")):
        (line,) = report.aims(report.Table(figures(ours, bound, measured(FAN_OUT, "uws", theirs))))[2:]
        assert verdict in line and "0.50 of 800k" in line and "(uWebSockets)" in line
    (line,) = report.aims(report.Table(figures(ours)))[2:]
    assert "nothing to compare with" in line


def test_what_came_out_of_order_reaches_no_aim():
    (line,) = report.aims(report.Table(figures(measured(ECHO, "wsidecar", 90_000, reordered=1))))[2:]
    assert "NOT reached" in line


def test_an_echo_without_an_app_is_not_compared():
    (line,) = report.aims(report.Table(figures(measured(ECHO, "wsidecar", 90_000), measured(ECHO, "uws", 200_000), measured(ECHO, "nchan", 45_000))))[2:]
    assert "2.00 of 45k (nginx + Nchan)" in line


def test_faults_are_marked():
    table = report.Table(figures(measured(FAN_OUT, "wsidecar", 1000), measured(FAN_OUT, "node", 1000, lost=3),
                                 {"server": "spring", "work": FAN_OUT.name, "error": "it ended"}))
    assert "| 1k | 1k ! | failed ! |" in "\n".join(report.matrix(table))
    assert table.faults(FAN_OUT, "node") == "3 / 0 / 0"
    assert "failed 1 times: it ended" in table.faults(FAN_OUT, "spring")


def test_charts_are_svg_with_a_bar_for_each_server():
    for log in (False, True):
        text = charts.svg("a < b", [charts.Panel("p", [charts.Bar("x & y", 45, "45", "limit"), charts.Bar("z", 60_000, "60k", "wsidecar")])], log)
        bars = [r for r in xml.etree.ElementTree.fromstring(text).iter("{http://www.w3.org/2000/svg}rect") if r.get("class") != "page"]
        assert len(bars) == 2 and 0 < float(bars[0].get("width")) < float(bars[1].get("width")) <= charts.WIDTH - charts.LEFT - charts.RIGHT


def test_redis_at_scale_says_which_instances_were_real():
    rows = [{"pods": 10, "real": 10, "idle": 0.1, "channel, user": 2.0, "channel, group": 10.0, "list, user": 10.0, "list, group": 50.0},
            {"pods": 1000, "real": 10, "idle": 0.5, "channel, user": 2.0, "list, user": 10.0}]
    text = scale.table(rows)
    assert "| 10 | 10.00 | 2.0 (450,000) | 10.0 (90,000) | 10.0 (90,000) | 50.0 (18,000) |" in text
    assert "| 1,000, 10 of them real | 50.00 | 2.0 (250,000) | - | 10.0 (50,000) | - |" in text


def test_an_idle_connection_costs_what_it_added():
    work = Work("idle", 10_000)
    r = {"server": "pushpin", "work": work.name, "connections": 10_000, "rss_start": 1_000_000, "rss": 31_000_000, "start_s": 1, "size": 1,
         "opening": {"cpu": 2.0, "seconds": 4.0, "redialled": 7}, "window": {"wall": 20.0, "cpu": 0.1, "wakeups": 100, "other_load": 0.01}}
    text = report.full(figures(r))
    assert "| 3,000 B each | opened 5k per CPU-s, 2.5k/s; at rest 0.50 % CPU, 5 wake-ups/s, 7 handshakes tried again | 0 / 0 / 0 | 1 % |" in text
