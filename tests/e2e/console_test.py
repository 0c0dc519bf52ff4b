"""The live console on the admin address, and `wsidecar top`: contract section 10, limits of section 8."""

import contextlib
import json
import os
import pty
import re
import socket
import subprocess
import time
from urllib.parse import quote

import pytest

from support.app import Answer
from support.events import Events
from support.frames import frame
from support.pod import binary, clean_environment, run
from support.waiting import wait_until
from support.ws import Refused

PATHS = ["/console", "/console/console.js", "/console/console.css", "/console/snapshot", "/console/user?name=a",
         "/console/message?id=a", "/console/events"]


@pytest.fixture
def events():
    """events(pod): a viewer, which goes when the test ends."""
    with contextlib.ExitStack() as made:
        yield lambda pod, **how: made.enter_context(contextlib.closing(Events(pod.admin_port, "/console/events", **how)))


def snapshot(pod):
    r = pod.get("/console/snapshot")
    assert r.status == 200
    return json.loads(r.body)


def limit(pod, name):
    return next(x for x in snapshot(pod)["limits"] if x["name"] == name)


def user(pod, name):
    r = pod.get(f"/console/user?name={quote(name)}")
    assert r.status == 200
    return json.loads(r.body)


def message(pod, name):
    """Outcomes, the latest first."""
    r = pod.get(f"/console/message?id={quote(name)}")
    assert r.status == 200
    return json.loads(r.body)


def outcome(pods, name, wanted, reason=None):
    """The pod's entry that says so, once one does."""
    def told():
        found = [f for p in pods for f in message(p, name)["found"]]
        return next((f for f in found if f["outcome"] == wanted and (reason is None or f.get("reason") == reason)), None)
    return wait_until(told, 5, f"{name}: {wanted} {reason}")


def taken(client, count=1):
    """The next messages, and the ping behind them answered: only then they are delivered."""
    messages = [client.recv() for _ in range(count)]
    client.hears_nothing(0.2)
    return messages


# ------------------------------------------------------------------------------------------------------- who may

def test_the_console_is_for_loopback_or_with_the_token(world, tmp_path):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.connect(("192.0.2.1", 9))
        address = s.getsockname()[0]
    (tmp_path / "token").write_text("s3cret\n")
    pod = world.pod(admin={"address": "0.0.0.0:0", "token_file": str(tmp_path / "token")})
    for path in PATHS:
        for headers, wanted in ((), 403), ([("Authorization", "Bearer wrong!")], 403), ([("Authorization", "Bearer s3cret")], 200):
            viewer = Events(pod.admin_port, path, [*headers, ("Connection", "close")], host=address)
            viewer.close()
            assert viewer.status == wanted, (path, headers)
        assert pod.post(path).status == 405
    r = run("top", "--once", "--admin", f"{address}:{pod.admin_port}")
    assert r.returncode == 1 and "403" not in r.stdout and "token" in r.stderr
    r = run("top", "--once", "--admin", f"{address}:{pod.admin_port}", "--admin-token-file", str(tmp_path / "token"))
    assert r.returncode == 0, r.stderr


def test_a_page_of_somebody_elses_is_no_operator(world):
    """It runs in the operator's browser, which is on loopback."""
    pod = world.pod()
    browser = [("User-Agent", "Mozilla/5.0 (X11; Linux x86_64)")]

    def ask(host, *headers, method="GET", path="/console/snapshot"):
        with socket.create_connection(("127.0.0.1", pod.admin_port), 5) as s:
            lines = "".join(f"{n}: {v}\r\n" for n, v in headers)
            s.sendall(f"{method} {path} HTTP/1.1\r\nHost: {host}\r\n{lines}Connection: close\r\nContent-Length: 2\r\n\r\n{{}}".encode())
            return int(s.makefile("rb").readline().split()[1])

    for host in ("127.0.0.1:9090", "localhost:9090", "[::1]:9090", "[::1]", "localhost"):
        assert ask(host, *browser, ("Sec-Fetch-Site", "none")) == ask(host, *browser, ("Sec-Fetch-Site", "same-origin")) == 200
        assert ask(host, *browser, ("Origin", f"http://{host}")) == 200
    for path, method in (("/console/snapshot", "GET"), ("/connections", "GET"), ("/push", "POST"), ("/drain", "POST")):
        local = "127.0.0.1:9090"
        assert ask(local, ("Sec-Fetch-Site", "cross-site"), path=path, method=method) == 403
        assert ask(local, ("Origin", "https://evil.example"), path=path, method=method) == 403
        assert ask(local, ("Origin", "null"), path=path, method=method) == 403
        assert ask("evil.example:9090", *browser, path=path, method=method) == 403, "a name that now resolves to loopback"
    assert ask("wsidecar.internal:9090") == 200, "a program may call it by any name"
    assert ask("evil.example", *browser, path="/readyz") == 200, "for everybody"


def test_the_page_loads_nothing_from_elsewhere(world):
    pod = world.pod()
    page = pod.get("/console")
    assert page.header("Content-Type") == "text/html; charset=utf-8"
    assert page.header("Cache-Control") == "no-store" and page.header("X-Content-Type-Options") == "nosniff"
    policy = dict(x.strip().split(" ", 1) for x in page.header("Content-Security-Policy").split(";"))
    assert policy["default-src"] == "'none'" and policy["script-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'" and "unsafe" not in page.header("Content-Security-Policy")
    linked = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert sorted(linked) == ["console/console.css", "console/console.js", "data:,"]
    assert not re.search(r"<script(?![^>]*src=)|<style|\son\w+=|\sstyle=", page.text), "inline code would not run"
    script = pod.get("/console/console.js")
    assert script.header("Content-Type") == "text/javascript; charset=utf-8"
    assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\b", script.text)
    assert pod.get("/console/nothing").status == 404


# --------------------------------------------------------------------------------------------------- the snapshot

def test_the_snapshot_follows_real_traffic(world, events):
    pod = world.pod(name="shop-1", routes=[{"path": "/ws/{rest...}"}, {"path": "/other"}])
    pod.app.answer(message=Answer(200, {"Content-Type": "text/plain"}, b"answer"))
    viewer = events(pod)
    assert viewer.status == 200 and viewer.headers["content-type"] == "text/event-stream"
    first = viewer.read()
    assert first["instance"] == pod.instance and first["ready"] and first["app"] == first["redis"] == "ok"
    assert first["drain"] == {"state": "serving", "remaining": 0} and first["connections"]["open"] == 0
    c = world.connect(pod, user="alice", join=["g"])
    d = world.connect(pod, user="bob", path="/other")
    for _ in range(5):
        c.send("x")
        assert c.recv() == "answer"
    world.push(*[{"to": {"user": "bob"}, "text": str(n), "id": f"m{n}"} for n in range(5)])
    assert taken(d, 5) == list("01234")
    s = viewer.until(lambda s: s["rates"]["delivered"] > 0 and s["latency"]["push"]["count"] == 5 and s["registry"]["instances"])
    assert s["connections"]["open"] == 2
    assert s["connections"]["by_route"] == [{"path": "/other", "connections": 1}, {"path": "/ws/{rest...}", "connections": 1}]
    assert s["rates"]["accepted"] > 0 and s["rates"]["messages_in"] > 0 and s["rates"]["pushes"] > 0
    assert 0 < s["latency"]["event"]["p50"] <= s["latency"]["event"]["p99"] < 5 and s["latency"]["event"]["count"] >= 7
    assert s["registry"] == {"users": 2, "aliases": 0, "groups": 1, "instances": [pod.instance]}
    assert [p["id"] for p in s["pushes"]] == ["m4", "m3", "m2", "m1", "m0"]
    assert s["queues"]["routes_outbox"] and s["queues"]["unconfirmed"] == 0
    c.close(4002, "good bye")
    world.push({"to": {"user": "nobody"}, "text": "x"})
    s = viewer.until(lambda s: s["closes"] and s["undelivered"])
    close = s["closes"][0]
    assert (close["user"], close["code"], close["reason"], close["cause"]) == ("alice", 4002, "good bye", "client")
    assert s["undelivered"] == [{"reason": "no_connection", "count": 1}]
    assert s["connections"]["open"] == 1 and s["uptime_seconds"] > first["uptime_seconds"]


def test_what_is_wrong_is_told_in_words(world, events, own_redis):
    world.redis_server = own_redis()
    pod = world.pod(drain={"delay": "10ms", "period": "60s"})
    c = world.connect(pod, user="alice")
    viewer = events(pod)
    assert viewer.read()["ready"]
    pod.app.refuse()  # nobody asks /readyz, as where there is no kubelet, and no client sends anything
    s = viewer.until(lambda s: s["app"] != "ok", 10)
    assert s["app"] == "does not accept connections" and not s["ready"] and s["redis"] == "ok"
    assert pod.metric("wsidecar_app_up") == 0
    pod.app.accept_again()
    viewer.until(lambda s: s["app"] == "ok", 10)
    assert pod.metric("wsidecar_app_up") == 1
    world.redis_server.kill()
    s = viewer.until(lambda s: s["redis"] != "ok", 10)
    assert s["connections"]["open"] == 1
    told = user(pod, "alice")  # without Redis: what is here
    assert not told["redis"] and [x["connection"] for x in told["connections"]] == [c.id]
    pod.terminate()
    assert viewer.until(lambda s: s["drain"]["state"] == "closing")["ready"] is False


def test_a_frozen_redis_does_not_hold_an_answer_up(world, own_redis):
    world.redis_server = own_redis()
    pod = world.pod()
    c = world.connect(pod, user="alice")
    world.redis_server.pause()
    started = time.monotonic()
    told = user(pod, "alice")
    assert time.monotonic() - started < 4
    assert not told["redis"] and [x["connection"] for x in told["connections"]] == [c.id]
    assert snapshot(pod)["connections"]["open"] == 1
    world.redis_server.resume()
    wait_until(lambda: user(pod, "alice")["redis"], 10, "Redis back")


# ------------------------------------------------------------------------------------------------------- viewers

def test_viewers_are_bounded_and_give_their_places_back(world, events):
    pod = world.pod()
    viewers = [events(pod) for _ in range(8)]
    assert [v.status for v in viewers] == [200] * 8
    assert all(v.read()["viewers"] == 8 for v in viewers)
    assert events(pod).status == 503
    assert limit(pod, "console.viewers") == {"name": "console.viewers", "value": 8, "used": 8, "hits": 1}
    viewers[3].close()
    wait_until(lambda: snapshot(pod)["viewers"] == 7, 3, "the place")
    assert events(pod).status == 200
    viewers[0].until(lambda s: s["viewers"] == 8, 10)


def test_a_viewer_that_does_not_read_is_dropped_and_holds_nobody_up(world, events):
    pod = world.pod()
    for n in range(50):  # so that a snapshot is large
        c = world.connect(pod, user="u" * 250 + str(n))
        c.close(4000, "r" * 120)
    wait_until(lambda: len(snapshot(pod)["closes"]) == 50, 5, "50 closes")
    lazy, eager = events(pod, rcvbuf=4096), events(pod)
    seen = []
    deadline = time.monotonic() + 40
    while time.monotonic() < deadline and (not seen or seen[-1]["viewers"] != 1):
        seen.append(eager.read())
    assert seen[0]["viewers"] == 2 and seen[-1]["viewers"] == 1, f"{len(seen)} snapshots"
    assert len(seen) >= 5
    assert lazy.status == 200


# ------------------------------------------------------------------------------------------- users and messages

def test_a_user_is_found_on_all_pods(world):
    a, b = world.pod(), world.pod()
    one = world.connect(a, user="alice", join=["g"], alias=["userId=42"], path="/ws/x")
    two = world.connect(b, user="alice", path="/ws/y")
    world.connect(a, user="bob")
    told = user(a, "alice")
    assert told["redis"] and told["instance"] == a.instance
    here, there = told["connections"]
    assert (here["connection"], here["instance"], here["here"], here["path"]) == (one.id, a.instance, True, "/ws/x")
    assert here["groups"] == ["g"] and here["aliases"] == ["userId=42"]
    assert (there["connection"], there["instance"], there["here"], there["path"]) == (two.id, b.instance, False, "/ws/y")
    world.push({"to": {"user": "alice"}, "text": "SECRET-1", "id": "by user"}, {"to": {"group": "g"}, "text": "SECRET-2", "id": "by group"},
               {"to": {"alias": "userId=42"}, "text": "SECRET-3", "id": "by alias"}, {"to": {"user": "bob"}, "text": "x", "id": "bob's"},
               {"to": {"all": True}, "except": {"user": "alice"}, "text": "x", "id": "not hers"})
    assert taken(one, 3) == ["SECRET-1", "SECRET-2", "SECRET-3"] and taken(two) == ["SECRET-1"]
    world.publish("user:alice", "SECRET-4")
    assert taken(one) == taken(two) == ["SECRET-4"]

    def ids(pod):
        return {p["id"] for p in user(pod, "alice")["pushes"] if p["outcome"] in ("delivered", "sent")}
    wait_until(lambda: ids(a) == {"by user", "by group", "by alias", ""}, 3, "hers on a")
    assert ids(b) == ids(a), "all pods are asked, whichever one is"
    assert {p["instance"] for p in user(b, "alice")["pushes"]} == {a.instance, b.instance}
    for path in ("/console/user?name=alice", "/console/snapshot", "/console/message?id=by%20user"):
        assert "SECRET" not in a.get(path).text, "payloads are never told"
    nobody = user(a, "nobody")
    assert nobody["connections"] == nobody["pushes"] == [] and nobody["mailbox"]["count"] == 0


def test_what_waits_for_a_user_is_told(world):
    world.config = {"outbox": {"grace": "20s"}}
    pod = world.pod()
    world.push(*[{"to": {"user": "alice"}, "text": "SECRET", "id": f"m{n}", "mailbox": True} for n in range(30)])
    wait_until(lambda: user(pod, "alice")["mailbox"]["count"] == 30, 5, "30 kept")
    box = user(pod, "alice")["mailbox"]
    assert [k["id"] for k in box["oldest"]] == [f"m{n}" for n in range(20)] and box["bytes"] > 30 * 30
    assert {k["why"] for k in box["oldest"]} == {"age"} and "waited_for_seconds" not in box
    assert "SECRET" not in pod.get("/console/user?name=alice").text
    c = world.connect(pod, user="alice")
    assert taken(c, 30) == ["SECRET"] * 30
    wait_until(lambda: user(pod, "alice")["mailbox"]["count"] == 0, 5, "all delivered")
    c.close()
    wait_until(lambda: user(pod, "alice")["mailbox"].get("waited_for_seconds", 0) > 15, 5, "the grace")
    assert user(pod, "alice")["connections"] == []


def test_where_did_my_message_go(world):
    world.config = {"outbox": {"grace": "1s"}, "mailbox": {"count": 1}}
    a, b = world.pod(), world.pod()
    c = world.connect(b, user="alice")
    world.push({"to": {"user": "alice"}, "text": "x", "id": "m-delivered"}, {"to": {"user": "nobody"}, "text": "x", "id": "m-nobody"},
               {"to": {"user": "away"}, "text": "x", "id": "m-old", "mailbox": True},
               {"to": {"user": "away"}, "text": "x", "id": "m-stored", "mailbox": True},
               {"to": {"group": "empty"}, "text": "x", "id": "m-group"}, {"to": {"user": "nobody"}, "text": "x"},
               {"to": {"user": "alice"}, "text": "x", "id": "m-late", "ttl": 1, "time": "2026-01-01T00:00:00Z"})
    assert taken(c) == ["x"]
    found = outcome([b], "m-delivered", "delivered")
    assert found["connections"] == 1 and found["connection"] == c.id and found["door"] == "list"
    assert found["to"] == [{"kind": "user", "name": "alice"}] and 0 <= found["seconds"] < 5
    assert set(message(a, "m-delivered")["instances"]) == {a.instance, b.instance}
    assert outcome([a, b], "m-nobody", "no_connection")["connections"] == 0
    assert outcome([a, b], "m-group", "no_connection")["to"] == [{"kind": "group", "name": "empty"}]
    assert outcome([a, b], "m-stored", "stored", "age")["to"] == [{"kind": "user", "name": "away"}]
    outcome([a, b], "m-late", "expired")
    d = world.connect(a, user="away")
    assert taken(d) == ["x"]
    outcome([a], "m-stored", "delivered")
    world.push({"to": {"user": "alice"}, "text": "x", "id": "m-delivered"})
    outcome([b], "m-delivered", "dropped", "duplicate")
    world.publish("push", json.dumps({"to": {"user": "alice"}, "text": "y", "id": "m-channel"}))
    assert c.recv() == "y"
    assert outcome([b], "m-channel", "sent")["connections"] == 1
    outcome([a], "m-channel", "not_here")
    assert message(a, "never written")["found"] == []
    assert a.get("/console/message").status == a.get("/console/user").status == 400


def test_what_could_not_be_delivered_is_followed(world):
    world.config = {"outbox": {"grace": "10s"}}
    pod = world.pod()
    c = world.connect(pod, user="alice", auto_pong=False)
    world.push({"to": {"user": "alice"}, "text": "x", "id": "m1"})
    assert c.recv() == "x"  # read, and not confirmed
    assert outcome([pod], "m1", "under_way")["connections"] == 0
    c.sock.close()
    outcome([pod], "m1", "routed_again", "connection_gone")
    outcome([pod], "m1", "stored", "grace")
    again = world.connect(pod, user="alice")
    assert taken(again) == ["x"]
    outcome([pod], "m1", "delivered")
    outcomes = [f["outcome"] for f in message(pod, "m1")["found"]]
    assert [o for o in outcomes if o != "routed"] == ["delivered", "stored", "routed_again"] and "routed" in outcomes


def test_without_redis_it_shows_the_pod_alone(world):
    world.redis_server = None
    pod = world.pod()
    c = world.connect(pod, user="alice")
    assert pod.post("/push", {"to": {"user": "alice"}, "text": "1", "id": "m1"}).status == 202
    assert taken(c) == ["1"]
    outcome([pod], "m1", "delivered")
    told = user(pod, "alice")
    assert told["redis"] and len(told["connections"]) == 1 and told["pushes"][0]["id"] == "m1"
    assert snapshot(pod)["redis"] == "none"


def test_names_that_mean_mischief_are_told_as_they_are(world):
    name = '<img src=x onerror="alert(1)">\'"&\x1b[2J张三'
    pod = world.pod()
    c = world.connect(pod, user=quote(name))
    world.push({"to": {"user": name}, "text": "x", "id": name})
    assert taken(c) == ["x"]
    outcome([pod], name, "delivered")
    told = user(pod, name)
    assert told["user"] == name and len(told["connections"]) == 1 and told["pushes"][0]["id"] == name
    r = run("top", "--once", "--admin", f"127.0.0.1:{pod.admin_port}")
    assert r.returncode == 0 and "\x1b" not in r.stdout and "张三" in r.stdout
    assert pod.get("/console/user?name=%ff%00").status in (200, 400)


# -------------------------------------------------------------------------------------------------------- limits

def sample(pod, family, name):
    return next(v for n, labels, v in pod.samples() if n == family and labels["name"] == name)


def hits(pod, name):
    return sample(pod, "wsidecar_limit_hits_total", name)


def test_each_refusal_counts_at_its_limit(world):
    pod = world.pod(max_connections=3, connections_per_user=1, limits={"message": "1KiB", "fragments": 2, "messages_per_second": 3, "headers": "2KiB"})
    names = {x["name"] for x in snapshot(pod)["limits"]}
    assert names >= {"max_connections", "connections_per_user", "limits.message", "limits.queue", "app.concurrency", "inbox.count", "mailbox.count",
                     "memory_bytes"}
    assert all(hits(pod, n) == 0 for n in names)
    c = world.connect(pod, user="alice")
    with pytest.raises(Refused):
        world.connect(pod, user="alice")
    assert hits(pod, "connections_per_user") == 1
    world.connect(pod, user="bob")
    world.connect(pod, user="carl")
    assert limit(pod, "max_connections") == {"name": "max_connections", "value": 3, "used": 3, "hits": 0}
    with pytest.raises(Refused):
        world.connect(pod, user="dora")
    assert limit(pod, "max_connections")["hits"] == 1 and hits(pod, "max_connections") == 1
    with pytest.raises(Refused):
        pod.connect(headers=[("X-Long", "x" * 3000)])
    assert hits(pod, "limits.headers") == 1
    c.send("x" * 2000)
    assert c.closed()[0] == 1009
    wait_until(lambda: hits(pod, "limits.message") == 1, 3, "the message")
    d = world.connect(pod, user="alice")
    for _ in range(8):
        d.send("x")
    assert d.closed()[0] == 1008
    wait_until(lambda: hits(pod, "limits.messages_per_second") == 1, 3, "the rate")
    e = world.connect(pod, user="alice")
    e.sock.sendall(frame(1, b"a", fin=False) + frame(0, b"b", fin=False) + frame(0, b"c", fin=False))
    e.closed()
    wait_until(lambda: hits(pod, "limits.fragments") == 1, 3, "the fragments")
    assert sample(pod, "wsidecar_limit", "limits.message") == 1024
    assert sample(pod, "wsidecar_limit_used", "max_connections") == pod.metric("wsidecar_connections")


def test_a_slow_client_shows_at_limits_queue(world):
    pod = world.pod(limits={"queue": "64KiB", "sndbuf": "16KiB"})
    c = world.connect(pod, user="slow", rcvbuf=4096)
    text = "x" * 10_000
    for n in range(6):
        world.publish("user:slow", text)
    wait_until(lambda: limit(pod, "limits.queue")["used"] > 0, 3, "its queue")
    longest = snapshot(pod)["queues"]["longest"]
    assert [(q["user"], q["connection"]) for q in longest] == [("slow", c.id)]
    for n in range(60):
        world.publish("user:slow", text)
    wait_until(lambda: hits(pod, "limits.queue") == 1, 5, "the limit")
    wait_until(lambda: snapshot(pod)["closes"], 5, "the close")
    assert snapshot(pod)["closes"][0]["code"] == 1013


def test_requests_that_wait_for_the_app_and_mailboxes_that_are_full_are_counted(world):
    world.config = {"app": {"concurrency": 1}}
    pod = world.pod(mailbox={"count": 2})
    clients = [world.connect(pod, user=f"u{n}") for n in range(3)]
    pod.app.answer(message=Answer(204, delay=0.3))
    before = hits(pod, "app.concurrency")
    for c in clients:
        c.send("x")
    wait_until(lambda: len(pod.app.events("message")) == 3, 5, "three events")
    assert hits(pod, "app.concurrency") - before == 2
    world.push(*[{"to": {"user": "away"}, "text": "x", "mailbox": True} for _ in range(5)])
    wait_until(lambda: hits(pod, "mailbox.count") == 3, 5, "three dropped")


# ------------------------------------------------------------------------------------------------------------ top

def test_top_prints_the_snapshot_once(world):
    pod = world.pod(name="shop-1")
    world.connect(pod, user="alice")
    r = run("top", "--once", "--admin", f"127.0.0.1:{pod.admin_port}")
    assert r.returncode == 0 and not r.stderr and "\x1b" not in r.stdout
    assert r.stdout.startswith(f"wsidecar {pod.instance}  version ")
    assert "ready  app: ok  redis: ok  serving\n" in r.stdout
    assert re.search(r"^  connections +1 +of [\d,]+$", r.stdout, re.M)
    pod.kill()
    r = run("top", "--once", "--admin", f"127.0.0.1:{pod.admin_port}")
    assert r.returncode == 1 and not r.stdout and "no answer" in r.stderr
    r = run("top", "--help")
    assert r.returncode == 0 and "--once" in r.stdout and "--interval" in r.stdout
    assert run("top", "--interval", "0").returncode == 2
    assert run("top", "--sometimes").returncode == 2


def test_top_goes_on_with_escape_codes_on_a_terminal_only(world):
    pod = world.pod(name="shop-1")
    command = [binary(), "top", "--interval", "0.2", "--admin", f"127.0.0.1:{pod.admin_port}"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env=clean_environment())
    text = b""
    while text.count(b"wsidecar shop-1") < 3:
        text += os.read(process.stdout.fileno(), 65536)
    process.terminate()
    process.wait(5)
    process.stdout.close()
    assert b"\x1b" not in text

    parent, child = pty.openpty()
    process = subprocess.Popen(command, stdout=child, env=clean_environment())
    os.close(child)
    text = b""
    while text.count(b"wsidecar shop-1") < 3:
        text += os.read(parent, 65536)
    process.terminate()
    process.wait(5)
    os.close(parent)
    assert text.startswith(b"\x1b[H") and text.count(b"\x1b[J") >= 2
