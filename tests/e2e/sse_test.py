"""`sse: true` on raw routes: a GET with Accept: text/event-stream is a connection like any other, which only receives."""

import base64
import contextlib
import json
import re
import subprocess
import threading
import time

import pytest

from support.app import Answer, HANG, commands, text
from support.http import HttpConnection, http, raw_http
from support.nginx import Nginx
from support.pod import run
from support.redis_server import free_port
from support.sse import Ended, Refused, Sse
from support.waiting import wait_until

ROUTES = [{"path": "/ws/{rest...}", "sse": True}, {"path": "/plain"},
          {"path": "/listed", "sse": True, "origins": ["https://shop.example"]}]
HISTORY = [{"name": "group:table-*", "count": 50, "age": "10m"}]
SHOP = {"Host": "shop.example", "Cookie": "SESSION=1"}


@pytest.fixture
def pod(world):
    return world.pod(routes=ROUTES, history=HISTORY)


def listen(world, pod, user=None, join=(), alias=(), more=(), **how):
    world.connect_as(pod, user, join, alias)
    if more:
        pod.app.answers["connect"] = commands(*[("Ws-User", user)] if user else [], *[("Ws-Join", g) for g in join], *more)
    s = Sse(pod.port, **how)
    world.clients.append(s)
    s.until(lambda: s.retry is not None)
    return s


def to(name, n, **more):
    return {"to": {"group": name}, "text": str(n), "id": f"{name}:{n}", **more}


def routed(world):
    wait_until(lambda: world.redis.llen(world.key("outbox")) == 0, 5, "the outbox is empty")


# ------------------------------------------------------------------------------------------------- a connection


def test_the_head_keeps_proxies_and_caches_out(world, pod):
    r = listen(world, pod).response
    assert r.header("Content-Type") == "text/event-stream; charset=utf-8"
    assert r.header("Cache-Control") == "no-store, no-transform" and r.header("X-Accel-Buffering") == "no"
    assert r.header("Transfer-Encoding") == "chunked" and r.header("Vary") == "Origin"


def test_it_is_an_event_stream_for_who_asks_for_one_and_nothing_else(world, pod):
    assert http(pod.port, "GET", "/ws/test").status == 426
    for accept in ("*/*", "text/html", "text/event-stream;q=0", "text/event-streams"):
        assert http(pod.port, "GET", "/ws/test", {"Accept": accept}).status == 426
    assert http(pod.port, "GET", "/plain", {"Accept": "text/event-stream"}).status == 426
    for accept in ("text/event-stream", "text/html, Text/Event-Stream;q=0.5, */*"):
        listen(world, pod, headers={"Accept": accept})
    assert http(pod.port, "POST", "/ws/test", {"Accept": "text/event-stream"}, b"x").status == 426


def test_connect_and_disconnect_events(world, pod):
    s = listen(world, pod, "alice", ["table-7"], path="/ws/orders?x=1", headers=SHOP)
    connect = pod.app.events("connect")[0]
    assert (connect.target, connect.header("ce-sequence"), connect.header("Cookie")) == ("/ws/orders?x=1", "0", "SESSION=1")
    assert pod.metric("wsidecar_connections") == 1
    assert [e["path"] for e in world.presence("alice").values()] == ["/ws/orders"]
    s.close()
    end = pod.app.wait_event("disconnect")
    assert (end.ws, end.header("ce-userid"), end.header("ws-close-code")) == (connect.ws, "alice", "1006")
    wait_until(lambda: not world.presence("alice"), 3, "gone from presence")
    assert pod.metric("wsidecar_connections") == 0


def test_every_address_reaches_it(world, pod):
    s = listen(world, pod, "alice", ["table-7"], ["userId=42"])
    ws = pod.app.events("connect")[0].ws
    for n, target in enumerate([{"user": "alice"}, {"alias": "userId=42"}, {"group": "table-7"}, {"connection": ws}, {"all": True}]):
        world.push({"to": target, "text": f"list {n}"})
        assert s.message() == f"list {n}"
    for address in ("user:alice", "alias:userId=42", "group:table-7", "all"):
        world.publish(address, f"channel {address}")
        assert s.message() == f"channel {address}"


def test_the_connect_answers_body_is_the_first_event(world, pod):
    pod.app.answers["connect"] = text("welcome", Ws_User="alice")
    world.push({"to": {"user": "alice"}, "text": "kept", "mailbox": True})
    routed(world)
    s = Sse(pod.port)
    assert [s.message(), s.message()] == ["welcome", "kept"]


@pytest.mark.parametrize("message, lines", [("one\ntwo", ["one", "two"]), ("one\r\ntwo\r", ["one", "two", ""]), ("\n", ["", ""]),
                                            ("", [""]), (": data: x", [": data: x"]), (" space", [" space"]), ("桌子", ["桌子"])])
def test_lines_of_a_message_are_lines_of_the_event(world, pod, message, lines):
    s = listen(world, pod, "alice")
    world.push({"to": {"user": "alice"}, "text": message}, {"to": {"user": "alice"}, "text": "next"})
    assert s.message() == "\n".join(lines)
    assert s.message() == "next"


def test_binary_messages_are_base64_in_an_event_of_their_own(world, pod):
    s = listen(world, pod, "alice")
    world.push({"to": {"user": "alice"}, "binary": base64.b64encode(bytes(range(256))).decode()})
    e = s.recv()
    assert e.event == "binary" and base64.b64decode(e.data) == bytes(range(256))


def test_it_is_confirmed_when_the_response_has_taken_it(world, pod):
    s = listen(world, pod, "alice")
    world.push({"to": {"user": "alice"}, "text": "1", "receipt": world.key("receipts")})
    assert s.message() == "1"
    wait_until(lambda: world.redis.llen(world.key("receipts")) == 1, 3, "a receipt")
    assert json.loads(world.redis.lpop(world.key("receipts")))["outcome"] == "delivered"
    assert pod.metric("wsidecar_unconfirmed_pushes") == 0


def test_a_command_to_close_ends_it_and_says_why(world, pod):
    s = listen(world, pod, "alice")
    world.push({"to": {"user": "alice"}, "text": "bye", "close": {"code": 4500, "reason": "kicked \"out\""}})
    got, whole = s.until_ended()
    assert whole and [e.data for e in got[:-1]] == ["bye"]
    assert got[-1].event == "close" and json.loads(got[-1].data) == {"code": 4500, "reason": "kicked \"out\""}
    end = pod.app.wait_event("disconnect")
    assert (end.header("ws-close-code"), end.decoded("ws-close-reason")) == ("4500", "kicked \"out\"")


def test_the_connect_answer_may_close_it_behind_its_body(world, pod):
    pod.app.answers["connect"] = text("no more", Ws_Close="4001 later")
    got, whole = Sse(pod.port).until_ended()
    assert whole and [e.event for e in got] == ["message", "close"]


def test_state_and_cookies_of_the_connect_answer(world, pod):
    pod.app.answers["connect"] = Answer(204, [("Ws-State", "seat 4"), ("Set-Cookie", "a=1"), ("Ws-User", "alice")])
    s = Sse(pod.port, headers=SHOP)
    assert s.response.header("Set-Cookie") == "a=1"
    s.close()
    end = pod.app.wait_event("disconnect")
    assert end.header("ws-state") == "seat 4"


@pytest.mark.parametrize("status", [401, 403, 302, 503])
def test_a_refusal_is_the_answer(world, pod, status):
    pod.app.answers["connect"] = Answer(status, [("Location", "/login"), ("Content-Type", "text/plain")], b"go away")
    with pytest.raises(Refused) as e:
        Sse(pod.port)
    assert e.value.status == status and e.value.response.body == b"go away"


def test_a_client_that_goes_while_the_app_thinks_is_noticed(world, pod):
    pod.app.answers["connect"] = HANG
    c = HttpConnection(pod.port)
    c.send(b"GET /ws/x HTTP/1.1\r\nHost: shop.example\r\nAccept: text/event-stream\r\n\r\n")
    pod.app.wait_event("connect")
    c.close()
    wait_until(lambda: pod.metric("wsidecar_handshakes_total", result="abandoned") == 1, 3, "abandoned")


def test_a_client_that_goes_is_noticed_and_its_push_waits_for_the_next(world, pod):
    s = listen(world, pod, "alice")
    s.close()
    wait_until(lambda: not world.presence("alice"), 3, "gone")
    world.push({"to": {"user": "alice"}, "text": "meanwhile"})
    routed(world)
    assert listen(world, pod, "alice").message() == "meanwhile"


# --------------------------------------------------------------------------------------------------------- HTTP


def test_http_1_0_gets_it_until_the_end_of_the_connection(world, pod):
    s = listen(world, pod, "alice", version="1.0")
    assert not s.chunked and s.response.header("Connection") == "close"
    world.push({"to": {"user": "alice"}, "text": "1"}, {"to": {"user": "alice"}, "close": {"code": 4000, "reason": "end"}})
    assert s.message() == "1"
    got, whole = s.until_ended()
    assert whole and got[-1].event == "close"


def test_the_connection_before_it_may_have_been_used(world, pod):
    """A kept-alive client, as far as this address keeps any alive: behind a request that was passed on."""
    p = world.pod(routes=ROUTES, http="pass")
    p.app.answers["other"] = Answer(200, (), b"page")
    c = HttpConnection(p.port)
    assert c.request("GET", "/index.html").body == b"page"
    c.send(b"GET /ws/x HTTP/1.1\r\nHost: shop.example\r\nAccept: text/event-stream\r\n\r\n")
    r = c.head()
    assert r.status == 200 and c.chunk().startswith(b"retry: ")
    c.close()


def test_head_has_the_head_and_opens_nothing(world, pod):
    s = Sse(pod.port, method="HEAD")
    assert s.response.header("Content-Type") == "text/event-stream; charset=utf-8" and s.response.closed
    assert not pod.app.events("connect")


def test_a_body_is_refused(world, pod):
    r = raw_http(pod.port, b"GET /ws/x HTTP/1.1\r\nHost: h\r\nAccept: text/event-stream\r\nContent-Length: 1\r\n\r\nx")
    assert r.status == 400 and not pod.app.events("connect")


def test_what_comes_behind_the_request_is_not_looked_at(world, pod):
    s = listen(world, pod, "alice")
    s.sock.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 2000)
    world.push({"to": {"user": "alice"}, "text": "1"})
    assert s.message() == "1"
    s.hears_nothing()


def test_curl(world, pod):
    world.connect_as(pod, "alice")
    p = subprocess.Popen(["curl", "-sN", "--max-time", "10", "-H", "Accept: text/event-stream", f"http://127.0.0.1:{pod.port}/ws/x"],
                         stdout=subprocess.PIPE)
    pod.app.wait_event("connect")
    wait_until(lambda: world.presence("alice"), 3, "there")
    world.push({"to": {"user": "alice"}, "text": "one\ntwo"}, {"to": {"user": "alice"}, "close": {"code": 4000, "reason": "end"}})
    out, _ = p.communicate(timeout=12)
    assert p.returncode == 0, "the response has a proper end"
    assert re.search(rb"\nid: \d+-\d+\ndata: one\ndata: two\n\n", out), out


# ------------------------------------------------------------------------------------------- time, proxies, drain


def test_comments_keep_it_awake(world):
    pod = world.pod(routes=[{"path": "/ws/{rest...}", "sse": True, "ping": "300ms"}])
    s = listen(world, pod, "alice")
    s.until(lambda: len(s.comments) >= 3, 4)
    assert not s.events and s.comments[0] == ""
    assert re.fullmatch(r"\d+-\d+", s.last_id), "and say up to where the client has everything"


def test_a_client_that_vanished_without_a_word_is_noticed(world):
    """Nothing answers for it: what the kernel cannot deliver within ping and pong_timeout ends it."""
    pod = world.pod(routes=[{"path": "/ws/{rest...}", "sse": True, "ping": "500ms", "pong_timeout": "500ms"}], limits={"queue": "8MiB"})
    s = listen(world, pod, "alice")
    # It takes nothing more, as one that is gone.
    world.push(*({"to": {"user": "alice"}, "text": "x" * 100_000} for _ in range(60)))
    assert pod.app.wait_event("disconnect", 15).header("ws-close-code") == "1006"
    s.close()


def test_a_drain_tells_when_to_come_back(world, pod):
    all_of = [listen(world, pod, f"u{n}") for n in range(4)]
    pod.terminate()
    times = set()
    for s in all_of:
        got, whole = s.until_ended(10)
        assert whole and json.loads(got[-1].data)["code"] == 1001
        times.add(s.retry)
    assert len(times) > 1 and all(500 <= t <= 5000 for t in times)
    assert pod.wait_exit() == 0
    assert {e.header("ws-close-code") for e in pod.app.events("disconnect")} == {"1001"} and len(pod.app.events("disconnect")) == 4


def test_new_ones_are_turned_away_while_it_drains(world):
    pod = world.pod(routes=ROUTES, drain={"delay": "0ms", "period": "4s"})
    there = [listen(world, pod, f"u{n}") for n in range(8)]
    pod.terminate()
    def turned_away():
        try:
            Sse(pod.port).close()
        except Refused as e:
            return e.status == 503 and e.response.header("Retry-After")
        except OSError:
            return False
    wait_until(turned_away, 3, "503")
    for s in there:
        s.until_ended(10)


@pytest.fixture
def nginx():
    with contextlib.ExitStack() as made:
        yield lambda *arguments, **more: made.enter_context(contextlib.closing(Nginx(*arguments, **more)))


@pytest.mark.parametrize("buffering", ["on", "off"])
@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_through_nginx(world, pod, nginx, buffering, version):
    front = nginx([pod.port], f"""location / {{
        proxy_pass http://wsbackend; proxy_http_version {version}; proxy_buffering {buffering};
        proxy_set_header Host $http_host; proxy_set_header Connection "";
    }}""")
    world.connect_as(pod, "alice")
    s = Sse(front.port)
    s.until(lambda: s.retry is not None)
    for n in range(3):
        world.push({"to": {"user": "alice"}, "text": str(n)})
        assert s.message(2) == str(n)
    s.close()
    pod.app.wait_event("disconnect")


def test_through_nginx_by_http_2(world, pod, nginx, tmp_path):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                    "-subj", "/CN=shop.example", "-keyout", str(tmp_path / "key"), "-out", str(tmp_path / "cert")],
                   check=True, capture_output=True)
    port = free_port()
    nginx([pod.port], "location / { return 404; }", f"""server {{
        listen 127.0.0.1:{port} ssl http2; ssl_certificate {tmp_path}/cert; ssl_certificate_key {tmp_path}/key;
        location / {{ proxy_pass http://wsbackend; proxy_set_header Host $http_host; }}
    }}""")
    world.connect_as(pod, "alice")
    p = subprocess.Popen(["curl", "-sN", "-k", "--http2", "-w", "version %{http_version}", "--max-time", "10", "-H",
                          "Accept: text/event-stream", f"https://127.0.0.1:{port}/ws/x"], stdout=subprocess.PIPE)
    wait_until(lambda: world.presence("alice"), 5, "there")
    world.push({"to": {"user": "alice"}, "text": "by 2"}, {"to": {"user": "alice"}, "close": {"code": 4000, "reason": "end"}})
    out, _ = p.communicate(timeout=12)
    assert b"data: by 2\n\n" in out and b"version 2" in out, out


# --------------------------------------------------------------------------------------------- Origin, credentials


def test_a_page_of_another_origin_gets_none_with_credentials(world, pod):
    with pytest.raises(Refused) as e:
        Sse(pod.port, headers={**SHOP, "Origin": "https://evil.example"})
    assert e.value.status == 403 and b"origins" in e.value.response.body and not pod.app.events("connect")
    assert not e.value.response.header("Access-Control-Allow-Origin")
    with pytest.raises(Refused) as e:
        Sse(pod.port, headers={**SHOP, "Sec-Fetch-Site": "cross-site"})
    assert e.value.status == 403


def test_its_own_page_does(world, pod):
    # A page's GET to its own host has no Origin.
    listen(world, pod, headers={**SHOP, "Sec-Fetch-Site": "same-origin"})
    s = listen(world, pod, headers={**SHOP, "Origin": "https://shop.example"})
    assert s.response.header("Access-Control-Allow-Origin") == "https://shop.example"
    assert s.response.header("Access-Control-Allow-Credentials") == "true"


def test_listed_origins_may_read_it_with_credentials(world, pod):
    s = listen(world, pod, path="/listed", headers={"Host": "api.example", "Cookie": "a=1", "Origin": "https://shop.example"})
    assert s.response.header("Access-Control-Allow-Origin") == "https://shop.example"
    assert s.response.header("Access-Control-Allow-Credentials") == "true"
    pod.app.answers["connect"] = Answer(401, (), b"log in")
    with pytest.raises(Refused) as e:
        Sse(pod.port, "/listed", {"Host": "api.example", "Cookie": "a=1", "Origin": "https://shop.example"})
    assert e.value.response.header("Access-Control-Allow-Origin") == "https://shop.example", "that the page can see why"


def test_a_preflight_is_answered(world, pod):
    asked = {"Origin": "https://shop.example", "Access-Control-Request-Method": "GET", "Host": "api.example",
             "Access-Control-Request-Headers": "authorization,last-event-id"}
    r = http(pod.port, "OPTIONS", "/listed", asked)
    assert r.status == 204 and r.header("Access-Control-Allow-Origin") == "https://shop.example"
    assert r.header("Access-Control-Allow-Headers") == "authorization,last-event-id"
    assert r.header("Access-Control-Allow-Methods") == "GET" and r.header("Access-Control-Allow-Credentials") == "true"
    assert http(pod.port, "OPTIONS", "/listed", {**asked, "Origin": "https://evil.example"}).status == 403
    assert http(pod.port, "OPTIONS", "/listed", {"Host": "h"}).status == 426


# --------------------------------------------------------------------------------------------------------- limits


def test_limits_are_those_of_every_connection(world):
    pod = world.pod(routes=ROUTES, max_connections=2)
    listen(world, pod, "a")
    world.connect(pod, "b")
    with pytest.raises(Refused) as e:
        Sse(pod.port)
    assert e.value.status == 503 and e.value.response.header("Retry-After")


def test_per_address_and_per_user(world):
    pod = world.pod(routes=ROUTES, connections_per_address=2)
    listen(world, pod, "a")
    s = listen(world, pod, "b")
    with pytest.raises(Refused) as e:
        Sse(pod.port)
    assert e.value.status == 503
    s.close()
    pod.app.wait_event("disconnect")
    listen(world, pod, "c")
    p = world.pod(routes=ROUTES, connections_per_user=1, on_excess="close_oldest")
    old = listen(world, p, "dora")
    listen(world, p, "dora")
    got, whole = old.until_ended()
    assert whole and json.loads(got[-1].data)["code"] == 4001


def test_a_slow_one_is_closed_and_what_it_had_not_goes_to_the_next(world):
    pod = world.pod(routes=ROUTES, limits={"queue": "64KiB", "sndbuf": "32KiB"}, ping="60s")
    s = listen(world, pod, "alice")
    world.push(*({"to": {"user": "alice"}, "text": f"{n}:" + "x" * 20_000, "id": f"m{n}"} for n in range(400)))
    pod.app.wait_event("disconnect", 10)
    assert pod.app.events("disconnect")[0].header("ws-close-code") == "1013"
    assert pod.metric("wsidecar_limit_hits_total", name="limits.queue") >= 1
    got = []
    while True:
        try:
            got.append(int(s.recv(2).data.split(":")[0]))
        except (Ended, TimeoutError):
            break
    assert got == list(range(len(got))) and len(got) < 400


@pytest.mark.parametrize("how", ["drop_oldest", "collapse"])
def test_a_route_may_rather_lose_messages(world, how):
    pod = world.pod(routes=[{"path": "/ws/{rest...}", "sse": True, "slow_consumer": how}], limits={"queue": "64KiB", "sndbuf": "32KiB"})
    s = listen(world, pod, "alice")
    for n in range(300):
        world.publish("user:alice", f"{n}:" + "x" * 20_000)
    wait_until(lambda: pod.reasons().get("slow_consumer", 0) > 10, 8, "some are left out")
    got = []
    while not got or got[-1] != 299:
        got.append(int(s.message().split(":")[0]))
    assert got == sorted(got) and len(got) < 300 and not pod.app.events("disconnect")


def test_collapse_keeps_the_newest(world):
    pod = world.pod(routes=ROUTES, limits={"sndbuf": "16KiB", "queue": "8MiB"})
    s = listen(world, pod, "alice")
    world.push(*({"to": {"user": "alice"}, "text": "x" * 800_000} for _ in range(6)))
    time.sleep(0.5)
    world.push(*({"to": {"user": "alice"}, "text": f"price {n}", "collapse": "price"} for n in range(50)))
    wait_until(lambda: pod.reasons().get("collapsed", 0) == 49, 5, "collapsed")
    assert [len(s.message()) for _ in range(6)] == [800_000] * 6
    assert s.message() == "price 49"


# --------------------------------------------------------------------------------------------------------- resuming


def test_last_event_id_goes_on_where_it_was(world, pod):
    s = listen(world, pod, None, ["table-7"])
    world.push(*(to("table-7", n) for n in range(1, 4)))
    assert [s.message() for _ in range(3)] == ["1", "2", "3"]
    last = s.last_id
    s.close()
    world.push(*(to("table-7", n) for n in range(4, 7)))
    routed(world)
    again = listen(world, pod, None, ["table-7"], last_id=last)
    # For all nobody has pushed anything: nothing is missing, though nothing of that is kept.
    assert [again.message() for _ in range(3)] == ["4", "5", "6"]
    again.hears_nothing()
    assert pod.metric("wsidecar_history_problems_total", reason="gap") == 0


def test_a_page_that_comes_again_by_itself_says_it_in_the_query(world, pod):
    s = listen(world, pod, None, ["table-7"])
    world.push(to("table-7", 1), to("table-7", 2))
    first = s.recv().id
    s.close()
    again = listen(world, pod, None, ["table-7"], path=f"/ws/test?x=1&lastEventId={first}&y")
    assert again.message() == "2"
    again.hears_nothing()
    # Browsers keep the address and send the header, which is newer.
    third = listen(world, pod, None, ["table-7"], path=f"/ws/test?lastEventId={first}", last_id=again.last_id)
    third.hears_nothing()


def test_on_another_pod(world):
    a, b = (world.pod(routes=ROUTES, history=HISTORY) for _ in range(2))
    s = listen(world, a, None, ["table-7"])
    world.push(to("table-7", 1))
    assert s.message() == "1"
    s.close()
    world.push(to("table-7", 2))
    routed(world)
    assert listen(world, b, None, ["table-7"], last_id=s.last_id).message() == "2"


def test_only_of_the_groups_that_it_belongs_to_now(world, pod):
    s = listen(world, pod, None, ["table-7"])
    world.push(to("table-7", 1))
    assert s.message() == "1"
    s.close()
    world.push(to("table-7", 2), to("table-8", 2))
    routed(world)
    again = listen(world, pod, None, ["table-8"], last_id=s.last_id)
    assert again.recv().data == "2"
    again.hears_nothing()


def test_ws_history_does_not_repeat_what_it_had(world, pod):
    s = listen(world, pod, None, ["table-7"])
    world.push(*(to("table-7", n) for n in range(1, 4)))
    assert [s.message() for _ in range(3)] == ["1", "2", "3"]
    s.close()
    world.push(to("table-7", 4))
    routed(world)
    again = listen(world, pod, None, ["table-7"], more=[("Ws-History", "table-7=50")], last_id=s.last_id)
    assert again.message() == "4"
    again.hears_nothing()
    # Without an id it gets what its answer asks for.
    fresh = listen(world, pod, None, ["table-7"], more=[("Ws-History", "table-7=2")])
    assert [fresh.message(), fresh.message()] == ["3", "4"]


def test_what_is_gone_is_told_as_a_gap(world, pod):
    s = listen(world, pod, None, ["table-7"])
    world.push(to("table-7", 0))
    assert s.message() == "0"
    s.close()
    world.push(*(to("table-7", n) for n in range(1, 61)))  # ten more than are kept
    routed(world)
    again = listen(world, pod, None, ["table-7"], last_id=s.last_id)
    e = again.recv()
    assert e.event == "gap" and json.loads(e.data) == {"names": ["group:table-7"]}
    assert [again.message() for _ in range(50)] == [str(n) for n in range(11, 61)]
    assert pod.metric("wsidecar_history_problems_total", reason="gap") == 1
    again.close()
    third = listen(world, pod, None, ["table-7"], last_id=again.last_id)
    third.hears_nothing()


def test_names_without_a_history_have_a_gap_unless_the_grace_covers_them(world, pod):
    s = listen(world, pod, None, ["kitchen"])
    world.publish("group:kitchen", "no place")
    assert s.message() == "no place"
    s.until(lambda: s.last_id)
    s.close()
    e = listen(world, pod, None, ["kitchen"], last_id=s.last_id).recv()
    assert e.event == "gap" and json.loads(e.data) == {"names": ["group:kitchen"]}
    # Who is known by a name has had his pushes kept.
    listen(world, pod, "alice", ["kitchen"], last_id=s.last_id).hears_nothing()


def test_past_the_grace_it_is_a_gap_for_everybody(world):
    pod = world.pod(routes=ROUTES, outbox={"grace": "500ms"})
    s = listen(world, pod, "alice", ["kitchen"])
    s.until(lambda: s.last_id)
    s.close()
    world.push({"to": {"all": True}, "text": "missed"})
    time.sleep(1)
    e = listen(world, pod, "alice", ["kitchen"], last_id=s.last_id).recv()
    assert e.event == "gap" and json.loads(e.data) == {"names": ["group:kitchen", "all"]}


@pytest.mark.parametrize("last, reason", [("x", "malformed_id"), ("12", "malformed_id"), ("1-2-3", "malformed_id"), ("-1-1", "malformed_id"),
                                          ("99999999999999999999999-1", "malformed_id"), ("4102444800000-0", "future_id"),
                                          ("18446744073709551615-18446744073709551615", "future_id")])
def test_an_id_that_nobody_gave_is_told_and_stops_nothing(world, pod, last, reason):
    world.push(to("table-7", 1))
    routed(world)
    s = listen(world, pod, None, ["table-7"], last_id=last)
    e = s.recv()
    assert e.event == "gap" and json.loads(e.data) == {"names": []}
    assert pod.metric("wsidecar_history_problems_total", reason=reason) == 1
    world.push(to("table-7", 2))
    e = s.recv()
    assert e.data == "2" and re.fullmatch(r"\d+-\d+", e.id) and e.id != last


def test_ids_never_go_back(world, pod):
    """What waited in a mailbox is older than what a group had since: an id that went back would have that repeated."""
    world.push({"to": {"user": "alice"}, "text": "old", "mailbox": True})
    routed(world)
    world.push(to("table-7", 1))
    routed(world)
    s = listen(world, pod, "alice", ["table-7"], more=[("Ws-History", "table-7=5")])
    assert [s.message(), s.message()] == ["old", "1"]
    s.until(lambda: s.last_id)
    s.close()
    listen(world, pod, "alice", ["table-7"], last_id=s.last_id).hears_nothing()


def test_the_seam_of_a_resume(world, pod):
    """A client that is cut off again and again while pushes run has each of them once, in order."""
    last = 600
    pod2 = world.pod(routes=ROUTES, history=[{"name": "group:table-*", "count": 1000}])
    def run_pushes():
        for n in range(1, last + 1):
            world.redis.rpush(world.key("outbox"), json.dumps(to("table-9", n)))
            time.sleep(0.002)
    s = listen(world, pod2, None, ["table-9"])
    s.until(lambda: s.last_id)
    pusher = threading.Thread(target=run_pushes)
    # The router may be of either pod: both keep enough.
    pod.config["history"] = [{"name": "group:table-*", "count": 1000}]
    pod.terminate()
    assert pod.wait_exit() == 0
    pusher.start()
    got, cuts, last_id = [], 0, s.last_id
    while not got or got[-1] != last:
        for _ in range(17):
            if got and got[-1] == last:
                break
            e = s.recv()
            got.append(int(e.data))
            last_id = e.id
        s.close()
        cuts += 1
        s = listen(world, pod2, None, ["table-9"], last_id=last_id)
    pusher.join()
    assert cuts > 20 and got == list(range(1, last + 1)), [x for x in zip(got, got[1:]) if x[1] != x[0] + 1][:5]


def test_a_redial_of_a_user_has_each_push_once(world, pod):
    """His own pushes wait by the grace, his table's in the history: together none twice."""
    s = listen(world, pod, "alice", ["table-7"])
    world.push(to("table-7", 1), {"to": {"user": "alice"}, "text": "a"})
    assert [s.message(), s.message()] == ["1", "a"]
    s.close()
    wait_until(lambda: not world.presence("alice"), 3, "gone")
    world.push(to("table-7", 2), {"to": {"user": "alice"}, "text": "b"}, to("table-7", 3))
    routed(world)
    again = listen(world, pod, "alice", ["table-7"], last_id=s.last_id)
    assert sorted(again.message() for _ in range(3)) == ["2", "3", "b"]
    again.hears_nothing()


@pytest.mark.parametrize("protocol", ["stomp", "sockjs"])
def test_check_says_that_it_is_for_raw_routes(tmp_path, protocol):
    path = tmp_path / "c.yaml"
    path.write_text(json.dumps({"routes": [{"path": "/x", "protocol": protocol, "sse": True}]}))
    r = run("check", "--config", str(path))
    assert r.returncode == 2 and "'sse' is for 'protocol: raw'" in r.stderr
