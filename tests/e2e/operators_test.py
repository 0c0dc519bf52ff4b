"""Contract section 10: probes, metrics, connections, drain, logs."""

import json
import re
import signal
import socket
import threading
import time
import unicodedata

import pytest

from support.app import Answer, commands
from support.http import http, raw_http
from support.pod import run
from support.waiting import wait_until
from support.ws import Refused


def lan_address():
    """An address of this machine that is not loopback; None without one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        try:
            s.connect(("192.0.2.1", 9))
            return s.getsockname()[0]
        except OSError:
            return None


def test_readyz_says_in_words_what_is_wrong(world):
    pod = world.pod()
    status, told = pod.readyz()
    assert status == 200 and told == {"ready": True, "app": "ok", "redis": "ok", "instance": pod.instance}
    pod.app.refuse()
    status, told = pod.readyz()
    assert status == 503 and not told["ready"] and told["app"] == "does not accept connections" and told["redis"] == "ok"
    assert pod.get("/livez").status == pod.get("/startupz").status == 200
    pod.app.accept_again()
    assert pod.readyz()[0] == 200


def test_readyz_asks_the_path_of_app_health(world):
    world.config = {"app": {"health": "/actuator/health"}}
    pod = world.pod()
    assert pod.readyz()[0] == 200
    assert pod.app.requests[-1].method == "GET" and pod.app.requests[-1].target == "/actuator/health"
    pod.app.answer(other=Answer(503))
    assert pod.readyz()[0] == 503
    pod.app.answer(other=Answer(fault="hang"))
    started = time.monotonic()
    assert pod.readyz()[0] == 503
    assert time.monotonic() - started < 1  # kubelet's timeout


def test_readyz_redis_true_makes_an_outage_unready(world, own_redis):
    world.redis_server = own_redis()
    strict, lax = world.pod(readyz={"redis": True}), world.pod()
    world.redis_server.kill()
    wait_until(lambda: strict.readyz()[0] == 503, 6, "unready")
    status, told = lax.readyz()
    assert status == 200 and told["redis"] != "ok" and told["ready"]
    assert lax.metric("wsidecar_redis_up") == 0
    world.redis_server.start()
    wait_until(lambda: strict.readyz()[0] == 200, 8, "ready again")


def test_metrics_are_prometheus_text_and_count_what_happened(world):
    pod = world.pod()
    pod.app.answer(message=Answer(200, {"Content-Type": "text/plain"}, b"ok"))
    c = world.connect(pod, user="alice")
    c.send("x")
    assert c.recv() == "ok"
    world.publish("user:alice", "y")
    assert c.recv() == "y"
    r = pod.get("/metrics")
    assert r.status == 200 and r.header("Content-Type").startswith("text/plain; version=0.0.4")
    names = set(re.findall(r"^# TYPE (\S+) (?:counter|gauge|histogram)$", r.text, re.M))
    assert names and all(n.startswith("wsidecar_") for n in names)
    assert names == set(re.findall(r"^# HELP (\S+) .+$", r.text, re.M))
    assert pod.metric("wsidecar_connections") == 1
    assert pod.metric("wsidecar_received_messages_total", type="text") == 1
    assert pod.metric("wsidecar_delivered_total", door="channel") == 1
    assert pod.metric("wsidecar_events_total", type="message", result="done") == 1
    c.close(1000)
    wait_until(lambda: pod.metric("wsidecar_closes_total", code="1000") == 1, 3, "the close")
    assert pod.metric("wsidecar_connections") == 0


def test_connections_tells_this_pods_connections(world):
    a, b = world.pod(), world.pod()
    c = world.connect(a, user="alice", join=["g"], alias=["userId=42"], path="/ws/x?q=1")
    world.connect(a, user="bob")
    world.connect(b, user="alice")
    told = json.loads(a.get("/connections").body)
    assert told["count"] == 2 and told["instance"] == a.instance
    told = json.loads(a.get("/connections?user=alice").body)
    (entry,) = told["connections"]
    assert (entry["id"], entry["user"], entry["path"], entry["groups"], entry["aliases"]) == (c.id, "alice", "/ws/x", ["g"], ["userId=42"])
    assert json.loads(a.get("/connections?user=nobody").body)["connections"] == []


def test_what_is_for_operators_is_for_loopback_or_with_the_token(world, tmp_path):
    address = lan_address()
    if address is None:
        pytest.fail("this machine has no address but loopback: nothing could be tested")
    (tmp_path / "token").write_text("s3cret\n")
    pod = world.pod(admin={"address": "0.0.0.0:0", "token_file": str(tmp_path / "token")})

    def ask(method, path, headers=()):
        with socket.create_connection((address, pod.admin_port), 5) as s:
            lines = "".join(f"{n}: {v}\r\n" for n, v in headers)
            s.sendall(f"{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{lines}\r\n".encode())
            return int(s.makefile("rb").readline().split()[1])

    assert ask("GET", "/livez") == ask("GET", "/readyz") == ask("GET", "/startupz") == ask("GET", "/metrics") == 200
    assert ask("GET", "/connections") == ask("POST", "/push") == ask("POST", "/drain") == 403
    assert ask("GET", "/connections", [("Authorization", "Bearer wrong!")]) == 403
    assert ask("GET", "/connections", [("Authorization", "Bearer s3cret")]) == 200
    assert pod.get("/connections").status == 200


def test_loopback_needs_the_token_too_where_the_configuration_says_so(world, tmp_path):
    (tmp_path / "token").write_text("s3cret\n")
    pod = world.pod(admin={"token_file": str(tmp_path / "token"), "loopback": "token"})
    assert pod.get("/livez").status == pod.get("/metrics").status == 200
    for path in ("/push", "/drain"):
        assert pod.post(path, '{"to":{"all":true},"text":"x"}').status == 403
    assert pod.get("/connections").status == pod.get("/console").status == 403
    r = http(pod.admin_port, "GET", "/connections", {"Authorization": "Bearer s3cret"})
    assert r.status == 200
    told = run("connections", "--config", pod.config_path, "--admin", f"127.0.0.1:{pod.admin_port}")
    assert told.returncode == 0, told.stderr
    pod.config["admin"]["loopback"] = "open"
    pod.write_config()
    pod.process.send_signal(signal.SIGHUP)
    wait_until(lambda: pod.get("/connections").status == 200, 3, "the reload")


ODD = {"no UTF-8": b"http://\xff\xfe", "C1 controls": b"http://\xc2\x9b31mRED", "a bidi override": "http://\u202eelpmaxe".encode(),
       "line separators": "http://a\u2028b\u2029".encode(), "a cut sequence": b"http://\xe2\x82"}


@pytest.mark.parametrize("what", ODD)
def test_a_log_line_is_text_whatever_a_client_sent(world, what):
    pod = world.pod()
    with socket.create_connection(("127.0.0.1", pod.port), 5) as s:
        s.sendall(b"GET /ws/x HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                  b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nCookie: a=b\r\nOrigin: " + ODD[what] + b"\r\n\r\n")
        assert b" 403 " in s.recv(1000)
    wait_until(lambda: any("origin" in line for line in pod.raw_output), 3, "the line")
    (line,) = [line for line in pod.raw_output if "another origin" in line]
    hidden = [c for c in line.rstrip("\n") if unicodedata.category(c) in ("Cc", "Zl", "Zp") or c == "\u202e"]
    assert not hidden, hidden
    assert json.loads(line)["component"] == "handshake"


def test_connections_are_json_whatever_the_users_are_called(world):
    pod = world.pod()
    pod.app.answer(connect=commands(("Ws-User", "%FF"), ("Ws-Join", "g%FE")))
    c = pod.connect()
    (entry,) = json.loads(pod.get("/connections").body)["connections"]
    assert "user" not in entry and entry["groups"] == []  # names are UTF-8, or not taken
    assert pod.metric("wsidecar_bad_answers_total", part="bad_name") == 2
    c.close()


def test_no_name_speaks_to_the_terminal_of_who_asks_for_connections(world):
    pod = world.pod()
    pod.app.answer(connect=commands(("Ws-User", "%C2%9B31m%E2%80%AEbob%7F")))
    c = pod.connect()
    told = run("connections", "--admin", f"127.0.0.1:{pod.admin_port}")
    assert told.returncode == 0, told.stderr
    assert not [x for x in told.stdout if (unicodedata.category(x) == "Cc" and x != "\n") or x == "\u202e"], told.stdout
    (entry,) = json.loads(told.stdout)["connections"]
    assert entry["user"] == "\x9b31m\u202ebob\x7f"
    c.close()


def test_close_codes_that_clients_choose_are_few_labels(world):
    pod = world.pod()
    for code in range(3000, 5000, 100):
        pod.connect().close(code)
    wait_until(lambda: pod.metric("wsidecar_closes_total", code="4xxx") == 9, 3, "the closes")
    assert pod.metric("wsidecar_closes_total", code="3xxx") == 10 and pod.metric("wsidecar_closes_total", code="4000") == 1
    assert len(set(re.findall(r'wsidecar_closes_total\{code="(\w+)"', pod.get("/metrics").text))) == 3


def test_unknown_paths_and_methods(world):
    pod = world.pod()
    assert pod.get("/nothing").status == 404
    assert pod.post("/readyz").status == 405
    assert pod.get("/drain").status == 405


def test_the_logs_are_one_json_object_a_line_without_bodies_and_secrets(world):
    world.config = {"log": {"level": "debug"}, "app": {"signing_secret": "whsec_c2VjcmV0c2VjcmV0"}}
    pod = world.pod()
    pod.app.answer(message=Answer(400, {"Content-Type": "text/plain"}, b"ANSWER-BODY"))
    c = world.connect(pod, user="alice", headers=[("Cookie", "session=COOKIE-SECRET")], path="/ws/x?token=QUERY-SECRET")
    c.send("MESSAGE-BODY")
    world.push({"to": {"user": "alice"}, "text": "PUSH-BODY"}, "BAD-ENVELOPE-BODY")
    assert c.recv() == "PUSH-BODY"
    c.close()
    pod.app.wait_event("disconnect")
    wait_until(lambda: world.rejected(), 3, "the record")
    pod.terminate()
    assert pod.wait_exit() == 0
    assert not pod.noise, pod.noise
    everything = "\n".join(pod.raw_output)
    for secret in ("MESSAGE-BODY", "ANSWER-BODY", "PUSH-BODY", "BAD-ENVELOPE-BODY", "COOKIE-SECRET", "QUERY-SECRET", "c2VjcmV0"):
        assert secret not in everything, secret
    for record in pod.logs:
        assert {"time", "level", "component", "message"} <= set(record)
    rejected = pod.logged("rejected", user="alice")
    assert rejected and rejected[0]["connection"] == c.id


# -------------------------------------------------------------------------------------------------------- drain

def test_a_log_line_is_json_and_harmless_whatever_a_stranger_sends(world):
    request = (b"GET /ws/x HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
               b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nCookie: a=b\r\nOrigin: %b\r\n\r\n")
    for origin, said in ((b"http://\xff", "http://\ufffd"), (b"http://\xc2\x9b31mRED", "http://\x9b31mRED")):
        pod = world.pod()
        assert raw_http(pod.port, request % origin).status == 403
        [record] = pod.wait_logged("`origins`")
        assert record["origin"] == said
        line = next(line for line in pod.raw_output if "`origins`" in line)
        assert "\x9b" not in line, "no control character reaches a terminal"
        assert not pod.noise


def test_a_client_cannot_make_series_of_metrics(world):
    pod = world.pod()
    for code in range(4100, 4130):
        pod.connect().close(code)
    wait_until(lambda: pod.metric("wsidecar_closes_total", code="4xxx", reason="client") == 30, 3, "the closes")
    assert sum(name == "wsidecar_closes_total" for name, _, _ in pod.samples()) == 1


def test_a_ping_that_hardly_ever_comes_does_hardly_ever(world):
    pod = world.pod(ping="1000h", pong_timeout="2000h")
    clients = [pod.connect() for _ in range(8)]
    time.sleep(1)
    for c in clients:
        c.round_trip()
        assert not c.pings


def test_a_stomp_client_that_leaves_before_redis_answered_does_not_hold_the_drain_up(world):
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections and never answers
        pod = world.pod(wait="listening", redis={"url": f"redis://127.0.0.1:{silent.getsockname()[1]}/0"},
                        routes=[{"path": "/ws", "protocol": "stomp"}], drain={"delay": "0s", "period": "0s"})
        c = pod.connect("/ws")
        c.send("CONNECT\naccept-version:1.2\nhost:h\n\n\0")
        time.sleep(0.1)
        c.drop()
        time.sleep(1.5)
        began = time.monotonic()
        pod.terminate()
        pod.wait_exit()
        assert time.monotonic() - began < 4


def test_drain_returns_when_it_is_done_and_the_process_stays(world):
    pod = world.pod(drain={"delay": "300ms", "period": "500ms"})
    clients = [world.connect(pod, user=f"u{i}") for i in range(10)]
    codes = []
    threads = [threading.Thread(target=lambda c=c: codes.append(c.closed(8)[0])) for c in clients]
    for t in threads:
        t.start()
    started = time.monotonic()
    done = []
    drainer = threading.Thread(target=lambda: done.append(pod.post("/drain")))
    drainer.start()
    wait_until(lambda: pod.readyz()[0] == 503, 2, "unready")
    late = world.connect(pod, user="late")  # within the delay: load balancers need a moment
    threads.append(threading.Thread(target=lambda: codes.append(late.closed(8)[0])))
    threads[-1].start()
    time.sleep(max(0, 0.45 - (time.monotonic() - started)))
    with pytest.raises(Refused) as refused:
        world.connect(pod)
    assert refused.value.status == 503 and int(refused.value.response.header("Retry-After")) >= 1
    drainer.join(10)
    assert done[0].status == 200 and json.loads(done[0].body) == {"drained": True}
    assert time.monotonic() - started >= 0.7
    for t in threads:
        t.join(5)
    assert codes == [1001] * 11
    assert len(pod.app.events("disconnect")) == 11
    assert pod.process.poll() is None
    assert pod.post("/drain").status == 200  # again: at once
    started = time.monotonic()
    pod.terminate()
    assert pod.wait_exit() == 0
    assert time.monotonic() - started < 2


def test_what_is_in_flight_is_finished_before_the_close(world):
    pod = world.pod()
    pod.app.answer(message=Answer(200, {"Content-Type": "text/plain"}, b"done", delay=0.7))
    c = world.connect(pod)
    c.send("x")
    pod.app.wait_event("message")
    pod.terminate()
    assert c.until_closed()[:2] == (["done"], 1001)
    assert pod.wait_exit() == 0


def test_a_second_sigterm_ends_within_two_seconds_and_loses_no_push(world):
    a, b = world.pod(drain={"delay": "60s", "period": "60s"}), world.pod()
    c = world.connect(a, user="alice")
    a.terminate()
    wait_until(lambda: a.readyz()[0] == 503, 2, "unready")
    started = time.monotonic()
    a.terminate()
    codes = []
    t = threading.Thread(target=lambda: codes.append(c.until_closed(5)[1]))
    t.start()
    assert a.wait_exit() == 0
    assert time.monotonic() - started < 2
    t.join()
    assert codes == [1001]
    d = world.connect(b, user="alice")
    world.push({"to": {"user": "alice"}, "text": "x"})
    assert d.recv() == "x"


def test_a_client_that_does_not_answer_the_close_does_not_hold_the_end_up(world):
    pod = world.pod()
    world.connect(pod, user="alice")  # never reads
    pod.terminate()
    time.sleep(0.3)
    started = time.monotonic()
    pod.terminate()
    assert pod.wait_exit() == 0
    assert time.monotonic() - started < 2


def test_sigint_is_as_sigterm(world):
    pod = world.pod()
    c = world.connect(pod)
    pod.process.send_signal(signal.SIGINT)
    assert c.closed()[0] == 1001
    assert pod.wait_exit() == 0


def test_pushes_that_come_while_a_pod_drains_reach_the_users_next_connection(world):
    a, b = world.pod(drain={"delay": "10ms", "period": "10ms"}), world.pod()
    first = world.connect(a, user="alice")
    instance = a.instance
    a.terminate()
    assert first.closed()[0] == 1001
    # Between the two connections nobody is there; what is for alice by then is the mailbox's business, later.
    second = world.connect(b, user="alice")
    world.push(*[{"to": {"user": "alice"}, "json": n} for n in range(50)])
    assert [int(second.recv()) for _ in range(50)] == list(range(50))
    assert a.wait_exit() == 0
    assert world.redis.exists(world.key(f"inbox:{instance}")) == 0


# ----------------------------------------------------------------------------------------------- redis: none

def test_without_redis_one_pod_works_on_its_own(world):
    world.redis_server = None
    pod = world.pod()
    status, told = pod.readyz()
    assert status == 200 and told["redis"] == "none"
    pod.app.answer(message=Answer(200, {"Content-Type": "text/plain"}, b"answer"))
    a, b = world.connect(pod, user="alice", join=["g"]), world.connect(pod, user="bob")
    a.send("x")
    assert a.recv() == "answer"
    assert pod.post("/push", {"to": {"user": "alice"}, "text": "1"}).status == 202
    assert a.recv() == "1"
    pod.post("/push", [{"to": {"all": True}, "text": "2"}, {"to": {"group": "g"}, "close": {"code": 4000}}])
    assert b.recv() == "2"
    assert a.until_closed()[:2] == (["2"], 4000)
    pod.post("/push", {"to": {"user": "nobody"}, "text": "1"})
    pod.wait_reason("no_connection")


def test_an_outbox_that_nobody_routes_is_told_though_redis_works(world):
    pod = world.pod()
    world.redis.set(world.key("router"), "somebody who does nothing")  # holds the lease for ever
    world.redis.delete(world.key("routing"))
    wait_until(lambda: pod.readyz()[1]["redis"] == "outbox: no canary has come back for 6 s", 10, "the missing canary")
    assert pod.readyz()[0] == 200 and pod.metric("wsidecar_redis_up") == 0
    world.redis.delete(world.key("router"))
    pod.wait_ready()
    assert not world.rejected()


def test_an_untroubled_start_counts_no_error_of_redis(world):
    pod = world.pod()
    world.redis.script_flush()
    c = world.connect(pod, user="alice")
    world.push({"to": {"user": "alice"}, "text": "hi"})
    assert c.recv() == "hi"
    assert pod.metric("wsidecar_redis_errors_total") == 0


# --------------------------------------------------------------------------------------------- what waits, and whose it is

def test_what_waits_for_an_app_that_is_away_is_in_a_gauge_with_its_age(world):
    pod = world.pod()
    one, two = world.connect(pod), world.connect(pod)
    assert pod.metric("wsidecar_events_waiting") == pod.metric("wsidecar_event_oldest_seconds") == 0
    pod.app.refuse()
    for n in range(3):
        one.send(f"one {n}")
    two.send("two")
    wait_until(lambda: pod.metric("wsidecar_events_waiting") == 4, 5, "two in vain, two behind one of them")
    before = pod.metric("wsidecar_event_oldest_seconds")
    time.sleep(0.5)
    assert before > 0 and pod.metric("wsidecar_event_oldest_seconds") >= before + 0.4
    told = json.loads(pod.get("/console/snapshot").body)["queues"]
    assert told["events_waiting"] == 4 and told["event_oldest_seconds"] > before
    pod.app.accept_again()
    wait_until(lambda: len(pod.app.events("message")) == 4, 10, "all of them")
    wait_until(lambda: pod.metric("wsidecar_events_waiting") == pod.metric("wsidecar_event_oldest_seconds") == 0, 3, "nothing waits")


def test_every_sample_names_its_service(world):
    pod = world.pod()
    lines = [line for line in pod.get("/metrics").text.splitlines() if not line.startswith("#")]
    assert lines and all(f'prefix="{world.prefix}"' in line for line in lines)
    assert f'instance_id="{pod.instance}"' in next(line for line in lines if line.startswith("wsidecar_build_info"))
