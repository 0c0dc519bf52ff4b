"""SockJS routes (contract section 7): every transport, for messages as they are and for STOMP."""

import contextlib
import json
import re
import time

import pytest

from support.app import HANG, Answer, commands, text
from support.http import HttpConnection, http
from support.markdown import blocks
from support.nginx import Nginx
from support.sockjs import Refused, SockJsHttp, SockJsWebSocket, one_poll, sockjs
from support.stomp import Stomp
from support.waiting import stays, wait_until
from support.ws import Ws
from support.ws import Refused as NoUpgrade

HTTP = ["xhr", "xhr_streaming", "eventsource"]
ALL = ["websocket", *HTTP]
ROUTES = [{"path": "/sock", "protocol": "sockjs"}, {"path": "/stomp", "protocol": "stomp", "sockjs": True},
          {"path": "/rooms/{room}", "protocol": "sockjs", "groups": ["room-{room}"]},
          {"path": "/listed", "protocol": "sockjs", "origins": ["https://shop.example"]}]
SHOP = {"Host": "shop.example", "Cookie": "SESSION=1"}


@pytest.fixture
def pod(world):
    return world.pod(routes=ROUTES)


@pytest.fixture(scope="module")
def looked_at(shared):
    return shared.pod(routes=ROUTES)


def cookies(*pairs):
    return [("Cookie", "; ".join(pairs))]


# -------------------------------------------------------------------------------------------------------- pages


@pytest.mark.parametrize("path", ["/sock", "/sock/", "/stomp", "/rooms/7"])
def test_the_route_itself_greets(looked_at, path):
    r = http(looked_at.port, "GET", path)
    assert (r.status, r.text, r.header("Content-Type")) == (200, "Welcome to SockJS!\n", "text/plain;charset=UTF-8")


def test_info_says_what_the_client_may_try(looked_at):
    said = [http(looked_at.port, "GET", "/sock/info") for _ in range(2)]
    for r in said:
        assert r.status == 200 and r.header("Content-Type") == "application/json;charset=UTF-8"
        assert r.header("Cache-Control") == "no-store, no-cache, no-transform, must-revalidate, max-age=0"
        assert r.json() | {"entropy": 0} == {"websocket": True, "cookie_needed": True, "origins": ["*:*"], "entropy": 0}
    assert said[0].json()["entropy"] != said[1].json()["entropy"]


@pytest.mark.parametrize("page", ["iframe.html", "iframe-1.6.1.html", "iframe-0.1.2abc-dirty.2144.html?t=1"])
def test_the_iframe_page_is_cached_for_long(looked_at, page):
    r = http(looked_at.port, "GET", f"/sock/{page}")
    assert r.status == 200 and r.header("Content-Type") == "text/html;charset=UTF-8"
    assert "SockJS.bootstrap_iframe();" in r.text
    assert ('<script src="https://cdn.jsdelivr.net/npm/sockjs-client@1.6.1/dist/sockjs.min.js" integrity="sha384-' in r.text
            and 'crossorigin="anonymous"></script>' in r.text), "of another host exactly one file is run"
    assert "max-age=31536000" in r.header("Cache-Control") and r.header("Expires")
    assert r.header("X-Frame-Options") == "SAMEORIGIN"
    again = http(looked_at.port, "GET", f"/sock/{page}", {"If-None-Match": r.header("ETag")})
    assert (again.status, again.body, again.header("Content-Type")) == (304, b"", None)


def test_the_iframe_page_follows_origins(world):
    pod = world.pod(routes=[{"path": "/any", "protocol": "sockjs", "origins": "*", "sockjs_library": "/js/sockjs.js"},
                            {"path": "/pinned", "protocol": "sockjs", "sockjs_library": "https://cdn.example/s.js", "sockjs_integrity": "sha256-abc="},
                            {"path": "/listed", "protocol": "sockjs", "origins": ["https://shop.example"]}])
    r = http(pod.port, "GET", "/any/iframe.html")
    assert r.header("X-Frame-Options") is None and '<script src="/js/sockjs.js">' in r.text
    assert '<script src="https://cdn.example/s.js" integrity="sha256-abc=" crossorigin="anonymous">' in http(pod.port, "GET", "/pinned/iframe.html").text
    assert http(pod.port, "GET", "/listed/iframe.html").status == 404


@pytest.mark.parametrize("path", ["/sock/iframe.htm", "/sock/IFRAME.HTML", "/sock/iframe", "/sock/a", "/sock/a/b", "/sock/a/b/c/xhr",
                                  "/sock//b/xhr"])
def test_other_paths_are_not_of_sockjs(looked_at, path):
    assert http(looked_at.port, "GET", path).status == (400 if "//" in path else 404)
    assert http(looked_at.port, "GET", path.replace("/sock", "/elsewhere")).status in (400, 426)


@pytest.mark.parametrize("path", ["/sock/000/abc/jsonp", "/sock/000/abc/htmlfile", "/sock/000/a.b/xhr", "/sock/0.0/abc/xhr"])
def test_transports_that_are_not_offered_and_ids_with_dots_are_404(looked_at, path):
    assert http(looked_at.port, "POST", path, [("Content-Length", "0")]).status == 404


@pytest.mark.parametrize("method, path, allowed", [("POST", "/sock/info", "OPTIONS, GET"), ("GET", "/sock/0/a/xhr", "OPTIONS, POST"),
                                                   ("GET", "/sock/0/a/xhr_send", "OPTIONS, POST"), ("POST", "/sock", "GET"),
                                                   ("PUT", "/sock/0/a/eventsource", "OPTIONS, GET"), ("POST", "/sock/websocket", "GET"),
                                                   ("DELETE", "/sock/iframe.html", "GET")])
def test_other_methods_are_405(looked_at, method, path, allowed):
    r = http(looked_at.port, method, path, [("Content-Length", "0")])
    assert (r.status, r.header("Allow"), r.body) == (405, allowed, b"")


def test_a_websocket_path_without_an_upgrade_is_400(looked_at):
    for path in ("/sock/websocket", "/sock/000/abc/websocket"):
        r = http(looked_at.port, "GET", path)
        assert r.status == 400 and 'Can "Upgrade" only to "WebSocket".' in r.text
    with pytest.raises(NoUpgrade) as e:
        Ws(looked_at.port, "/sock/000/abc/xhr")
    assert e.value.status == 404


@pytest.mark.parametrize("bad", ["/sock/%2e%2e/abc/xhr", "/sock/../abc/xhr", "/sock/0;x/abc/xhr", "/sock/0/a%2fb/xhr", "/sock/0/a%00/xhr"])
def test_paths_that_can_be_read_in_two_ways_are_400(looked_at, bad):
    assert one_poll(looked_at.port, bad).status == 400


def test_pages_come_over_one_kept_connection(looked_at):
    with HttpConnection(looked_at.port) as c:
        for _ in range(3):
            assert c.request("GET", "/sock/info").status == 200
        assert c.request("GET", "/sock", {"Connection": "close"}).status == 200
        assert c.at_end()


def test_http_pass_still_has_the_other_paths(world):
    pod = world.pod(routes=ROUTES, http="pass")
    pod.app.answer(other=Answer(200, {"Content-Type": "text/plain"}, "the app's"))
    for path in ("/", "/sock/app.js", "/sock/a/b", "/other/info"):
        assert http(pod.port, "GET", path).text == "the app's"
    with HttpConnection(pod.port) as c:
        assert c.request("GET", "/sock").text == "Welcome to SockJS!\n"
        assert c.request("GET", "/x").text == "the app's"
        assert c.request("GET", "/sock/info").json()["websocket"] is True
    assert http(pod.port, "POST", "/sock", [("Content-Length", "0")]).status == 405


def test_a_more_specific_route_wins_over_sockjs_own_paths(world):
    pod = world.pod(routes=[{"path": "/{any}", "protocol": "sockjs"}, {"path": "/a/{rest...}"}, {"path": "/b", "protocol": "sockjs"},
                            {"path": "/b/{x}"}])
    assert http(pod.port, "GET", "/x/info").status == 200
    assert http(pod.port, "GET", "/a/info").status == 426
    assert http(pod.port, "GET", "/b/info").status == 200 and http(pod.port, "GET", "/b/else").status == 426
    assert http(pod.port, "GET", "/b/else/more").status == 404


# ------------------------------------------------------------------------------------------------------ messages


@pytest.mark.parametrize("transport", ALL)
def test_messages_go_both_ways(pod, transport):
    pod.app.answer(connect=commands(Ws_User="alice"), message=lambda r: text(r.text.upper()))
    c = sockjs(transport, pod.port)
    c.send("one").send("two", "drei \u2028\U0001F600 \"q\" \\ \n")
    assert [c.recv() for _ in range(3)] == ["ONE", "TWO", "DREI \u2028\U0001F600 \"Q\" \\ \n"]
    events = pod.app.wait_events("message", 3)
    assert [e.text for e in events] == ["one", "two", "drei \u2028\U0001F600 \"q\" \\ \n"]
    assert all(e.method == "POST" and e.target == "/sock" and e.header("ce-subject") == "/sock" for e in events)
    assert events[0].header("Content-Type") == "text/plain; charset=utf-8"


@pytest.mark.parametrize("transport", ALL)
def test_events_name_the_routes_path_and_carry_the_first_request_s_login(pod, transport):
    sent = [("Cookie", "SESSION=abc"), ("Authorization", "Bearer t"), ("X-Forwarded-For", "203.0.113.9"), ("ws-transport", "forged")]
    how = {} if transport == "websocket" else {"query": "?token=1&t=1540171800123"}
    c = sockjs(transport, pod.port, "/rooms/a%20b", sent, **how)
    e = pod.app.wait_event("connect")
    assert e.target == "/rooms/a%20b" + ("" if transport == "websocket" else "?token=1")  # without the client's cache buster
    assert e.header("ce-subject") == "/rooms/a%20b" and e.decoded("ws-path-room") == "a b"
    assert not [n for n, _ in e.headers if "sockjs" in n.lower()]
    assert e.header("Cookie") == "SESSION=abc" and e.header("Authorization") == "Bearer t"
    assert e.header("X-Forwarded-For") == "203.0.113.9, 127.0.0.1" and e.all("ws-transport") == [transport]
    c.send("x")
    m = pod.app.wait_event("message")
    assert m.header("Cookie") == "SESSION=abc" and m.all("ws-transport") == [transport]
    c.close()
    assert pod.app.wait_event("disconnect", timeout=8).target == e.target


@pytest.mark.parametrize("transport", ALL)
def test_pushes_of_all_doors_arrive_in_order_and_once(world, pod, transport):
    pod.app.answer(connect=commands(Ws_User="alice", Ws_Join="g"))
    c = sockjs(transport, pod.port)
    wait_until(lambda: world.presence("alice"), 3, "presence")
    world.publish("user:alice", "by channel")
    assert c.recv() == "by channel"
    world.push(*[{"to": {"group": "g"}, "text": f"{n} é"} for n in range(50)])
    assert [c.recv() for _ in range(50)] == [f"{n} é" for n in range(50)]
    world.push({"to": {"user": "alice"}, "json": {"n": 1}})
    assert json.loads(c.recv()) == {"n": 1}
    c.hears_nothing(0.3)
    wait_until(lambda: world.redis.xlen(world.key(f"inbox:{pod.instance}")) == 0, 3, "all confirmed")


@pytest.mark.parametrize("transport", ALL)
def test_the_app_s_answer_to_connect_and_its_cookies_come_with_the_opening(pod, transport):
    pod.app.answer(connect=Answer(200, [("Content-Type", "text/plain"), ("Set-Cookie", "JSESSIONID=7; Path=/")], "welcome"))
    c = sockjs(transport, pod.port)
    head = c.ws.response if transport == "websocket" else c.response
    assert head.all("Set-Cookie") == ["JSESSIONID=7; Path=/"]
    assert c.recv() == "welcome"


@pytest.mark.parametrize("transport", ALL)
def test_a_refused_connect_is_relayed(pod, transport):
    pod.app.answer(connect=Answer(401, {"Content-Type": "text/plain", "WWW-Authenticate": "Basic"}, "who?"))
    with pytest.raises((Refused, NoUpgrade)) as e:
        sockjs(transport, pod.port)
    assert e.value.status == 401 and e.value.response.body == b"who?"
    assert e.value.response.header("WWW-Authenticate") == "Basic"
    assert pod.metric("wsidecar_connections") == 0


@pytest.mark.parametrize("transport", ALL)
def test_the_app_s_close_is_a_close_frame(pod, transport):
    pod.app.answer(message=Answer(200, [("Content-Type", "text/plain"), ("Ws-Close", "3000 Go away!")], "bye"))
    c = sockjs(transport, pod.port)
    c.send("x")
    assert c.until_closed() == (["bye"], 3000, "Go away!")
    assert c.frames[-1] == 'c[3000,"Go away!"]'
    d = pod.app.wait_event("disconnect")
    assert (d.header("ws-close-code"), d.decoded("ws-close-reason")) == ("3000", "Go away!")


@pytest.mark.parametrize("transport", ALL)
def test_binary_messages_go_as_text_where_they_are_text_and_else_not_at_all(world, pod, transport):
    pod.app.answer(connect=commands(Ws_User="alice"))
    c = sockjs(transport, pod.port)
    receipts = world.key("receipts")
    world.push({"to": {"user": "alice"}, "binary": "/wA=", "id": "1", "receipt": receipts},
               {"to": {"user": "alice"}, "binary": "aGk=", "id": "2", "receipt": receipts})
    assert c.recv() == "hi"
    c.hears_nothing(0.3)
    wait_until(lambda: world.redis.llen(receipts) == 2, 3, "two receipts")
    told = {r["id"]: (r["outcome"], r.get("reason")) for r in map(json.loads, world.redis.lrange(receipts, 0, -1))}
    assert told == {"1": ("dropped", "not_text"), "2": ("delivered", None)}
    pod.wait_reason("not_text")


@pytest.mark.parametrize("transport", ALL)
def test_a_message_over_the_limit_closes_with_1009(world, transport):
    pod = world.pod(routes=[{"path": "/sock", "protocol": "sockjs", "limits": {"message": "1KiB"}}])
    c = sockjs(transport, pod.port)
    c.send("\"" * 1024)  # escaped it is larger, and fits
    assert pod.app.wait_event("message").text == "\"" * 1024
    c.send("x" * 1025)
    assert c.until_closed()[1] == 1009 or c.frames[-1].startswith("c[1009")
    assert pod.app.wait_event("disconnect").header("ws-close-code") == "1009"


@pytest.mark.parametrize("transport", ALL)
def test_rate_limits_count_messages_not_frames(world, transport):
    pod = world.pod(routes=[{"path": "/sock", "protocol": "sockjs", "limits": {"messages_per_second": 5}}])
    c = sockjs(transport, pod.port)
    c.send(*["x"] * 20)
    assert c.until_closed()[1] == 1008
    assert pod.app.wait_event("disconnect").header("ws-close-code") == "1008"


def test_the_raw_websocket_and_the_route_itself_have_no_frames(pod):
    pod.app.answer(message=text("pong"))
    for path, transport in (("/sock/websocket", ["raw"]), ("/sock", [])):
        c = Ws(pod.port, path)
        c.send('["not unpacked"]')
        assert c.recv() == "pong"
        assert pod.app.wait_events("message")[-1].text == '["not unpacked"]'
        assert pod.app.events("connect")[-1].target == "/sock" and pod.app.events("connect")[-1].all("ws-transport") == transport
        c.close()


def test_a_websocket_takes_a_string_or_an_array_and_broken_json_ends_it(pod):
    c = SockJsWebSocket(pod.port)
    c.ws.send('"one"').send("").send("[]").send('["two","three"]')
    assert [e.text for e in pod.app.wait_events("message", 3)] == ["one", "two", "three"]
    c.ws.send('["a')
    assert c.ws.closed() == (1007, "bad_json")


@pytest.mark.parametrize("transport", ["websocket", "xhr_streaming", "eventsource"])
def test_heartbeats_come_while_nothing_else_does(world, transport):
    pod = world.pod(ping="500ms", routes=ROUTES)
    c = sockjs(transport, pod.port)
    with pytest.raises(TimeoutError):
        c.recv(2.2)
    assert 2 <= c.heartbeats <= 5


@pytest.mark.parametrize("transport", ["websocket", "xhr", "xhr_streaming", "eventsource"])
def test_percent_signs_arrive_as_they_are(world, transport):
    pod = world.pod(routes=ROUTES)
    pod.app.answer(connect=commands(("Ws-User", "alice")))
    c = sockjs(transport, pod.port)
    for sent in ("100 %", "%41 %2F %25 %", "%e4%bd"):
        world.push({"to": {"user": "alice"}, "text": sent})
        assert c.recv() == sent


def test_a_heartbeat_ends_a_poll(world):
    pod = world.pod(ping="500ms", routes=ROUTES)
    c = sockjs("xhr", pod.port)
    with pytest.raises(TimeoutError):
        c.recv(1.4)
    assert c.heartbeats >= 1 and c.responses == 1 + c.heartbeats


# ------------------------------------------------------------------------------------------------ HTTP transports


def test_polls_are_one_frame_each_however_many_messages(pod):
    c = SockJsHttp(pod.port)
    assert c.response.header("Content-Type") == "application/javascript;charset=UTF-8"
    assert c.response.header("Cache-Control") == "no-store, no-cache, no-transform, must-revalidate, max-age=0"
    pod.app.answer(message=lambda r: text(r.text))
    r = c.post('["a","b"]')
    assert (r.status, r.body, r.header("Content-Type")) == (204, b"", "text/plain;charset=UTF-8")
    wait_until(lambda: pod.metric("wsidecar_events_total", type="message", result="done") == 2, 3, "answers")
    assert c.recv() == "a" and c.frames[1] == 'a["a","b"]'


@pytest.mark.parametrize("body, says", [("", "Payload expected."), ('["x', "Broken JSON encoding."), ("[1]", "Broken JSON encoding."),
                                        (b'["\xff"]', "Broken JSON encoding."), ('{"a":"b"}', "Broken JSON encoding.")])
def test_bad_bodies_are_500_and_the_session_goes_on(pod, body, says):
    c = SockJsHttp(pod.port)
    r = c.post(body)
    assert r.status == 500 and says in r.text
    assert c.post('["a"]').status == 204 and c.post("[]").status == 204
    assert [e.text for e in pod.app.wait_events("message")] == ["a"]


@pytest.mark.parametrize("kind", ["text/plain", "T", "application/json", "application/xml; charset=utf-8", ""])
def test_content_types_of_xhr_send_do_not_matter(pod, kind):
    c = SockJsHttp(pod.port)
    assert c.post('["a"]', [("Content-Type", kind)]).status == 204


def test_a_chunked_body_and_one_that_is_announced_are_read(pod):
    c = SockJsHttp(pod.port)
    c.sender.send(f"POST {c.base}/xhr_send HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
    c.sender.send(b"2\r\n[\"\r\n4\r\nab\"]\r\n0\r\n\r\n")
    assert c.sender.response().status == 204
    c.sender.send(f"POST {c.base}/xhr_send HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n".encode())
    assert c.sender.response(interim=True).status == 100
    assert c.sender.send(b'["c"]').response().status == 204
    assert [e.text for e in pod.app.wait_events("message", 2)] == ["ab", "c"]


def test_a_body_over_four_messages_is_413(world):
    pod = world.pod(routes=[{"path": "/sock", "protocol": "sockjs", "limits": {"message": "1KiB"}}])
    c = SockJsHttp(pod.port)
    assert c.post(json.dumps(["x" * 1000] * 4)).status == 204
    r = c.post(json.dumps(["x" * 1000] * 5))
    assert r.status == 413 and "limits.message" in r.text


def test_xhr_send_to_a_session_that_is_not_here_says_that_affinity_is_needed(world):
    a, b = world.pod(routes=ROUTES), world.pod(routes=ROUTES)
    c = SockJsHttp(a.port)
    r = http(b.port, "POST", f"{c.base}/xhr_send", (), '["x"]')
    assert r.status == 404 and "affinity" in r.text
    b.wait_logged("affinity", component="sockjs")


@pytest.mark.parametrize("transport", HTTP)
def test_a_second_receiving_request_is_turned_away(pod, transport):
    c = sockjs(transport, pod.port)
    if transport == "xhr":
        c.ask()
        time.sleep(0.1)
    other = SockJsHttp(pod.port, transport=transport, open=False)
    other.base = c.base
    assert other.closed() == (2010, "Another connection still open")
    c.send("still works")
    assert pod.app.wait_event("message").text == "still works"


@pytest.mark.parametrize("transport", HTTP)
def test_the_end_of_the_receiving_request_is_the_end_of_the_session(pod, transport):
    c = sockjs(transport, pod.port)
    if transport == "xhr":
        c.ask()
        time.sleep(0.1)
    c.receiver.close()
    d = pod.app.wait_event("disconnect")
    assert d.header("ws-close-code") == "1006"
    late = SockJsHttp(pod.port, transport=transport, open=False)
    late.base = c.base
    assert late.closed() == (1002, "Connection interrupted")
    assert c.post('["x"]').status == 404
    stays(lambda: len(pod.app.events("disconnect")) == 1, 0.3)
    assert pod.metric("wsidecar_connections") == 0


def test_a_session_nobody_receives_for_ends_after_five_seconds(pod):
    c = SockJsHttp(pod.port)
    began = time.monotonic()
    c.send("x")
    d = pod.app.wait_event("disconnect", timeout=8)
    assert 4.5 < time.monotonic() - began < 6.5 and d.header("ws-close-code") == "1006"
    assert pod.metric("wsidecar_closes_total", reason="sockjs_timeout") == 1
    assert c.closed() == (1002, "Connection interrupted")
    time.sleep(6)
    c = SockJsHttp(pod.port, open=False)
    c._more(time.monotonic() + 3)
    assert c.frames == ["o"]


@pytest.mark.parametrize("transport", ["xhr_streaming", "eventsource"])
def test_a_streaming_response_ends_after_128_kib_and_the_next_goes_on(world, pod, transport):
    pod.app.answer(connect=commands(Ws_User="alice"))
    c = sockjs(transport, pod.port)
    message = "x" * 10_000
    world.push(*[{"to": {"user": "alice"}, "text": f"{n} {message}"} for n in range(60)])
    assert [c.recv().split()[0] for _ in range(60)] == [str(n) for n in range(60)]
    assert 4 <= c.responses <= 6


def test_list_pushes_are_confirmed_when_a_response_has_taken_them(world, pod):
    pod.app.answer(connect=commands(Ws_User="alice"))
    c = SockJsHttp(pod.port)
    world.push({"to": {"user": "alice"}, "text": "1"})
    inbox = world.key(f"inbox:{pod.instance}")
    wait_until(lambda: world.redis.xlen(inbox) == 1, 3, "in the inbox")
    stays(lambda: world.redis.xlen(inbox) == 1, 0.5)
    assert c.recv() == "1"
    wait_until(lambda: world.redis.xlen(inbox) == 0, 3, "confirmed")


def test_what_no_response_took_goes_to_the_user_s_next_connection(world, pod):
    pod.app.answer(connect=commands(Ws_User="alice"))
    c = SockJsHttp(pod.port)
    world.push(*[{"to": {"user": "alice"}, "text": str(n)} for n in range(3)])
    wait_until(lambda: world.redis.xlen(world.key(f"inbox:{pod.instance}")) == 3, 3, "in the inbox")
    c.drop()
    pod.app.wait_event("disconnect", timeout=8)
    d = SockJsHttp(pod.port)
    assert [d.recv() for _ in range(3)] == ["0", "1", "2"]


def test_the_queue_between_polls_is_bounded(world):
    pod = world.pod(routes=[{"path": "/sock", "protocol": "sockjs", "limits": {"queue": "64KiB"}}])
    pod.app.answer(connect=commands(Ws_User="alice"))
    c = SockJsHttp(pod.port)
    for _ in range(100):
        world.publish("user:alice", "x" * 1000)
    assert pod.app.wait_event("disconnect").header("ws-close-code") == "1013"
    assert c.until_closed()[1:] == (1013, "slow consumer")
    assert pod.reasons()["queue"] > 0


def test_a_newer_push_takes_the_place_of_one_that_waits_with_its_collapse_key(world, pod):
    pod.app.answer(connect=commands(Ws_User="alice"))
    c = SockJsHttp(pod.port)
    world.push(*[{"to": {"user": "alice"}, "text": str(n), "collapse": "price"} for n in range(5)])
    wait_until(lambda: pod.reasons().get("collapsed") == 4, 3, "four collapsed")
    assert c.recv() == "4"


def test_xhr_send_is_answered_late_while_the_app_is_behind(pod):
    pod.app.answer(message=HANG)
    c = SockJsHttp(pod.port)
    c.post(json.dumps([str(n) for n in range(40)]), wait=False)
    with pytest.raises(Exception, match="silence"):
        c.sender.sock.settimeout(0.5)
        c.sender.response()
    second = http(pod.port, "POST", f"{c.base}/xhr_send", (), '["x"]')
    assert second.status == 503 and second.header("Retry-After")
    pod.app.answers.clear()
    pod.app.release()
    c.sender.sock.settimeout(15)
    assert c.sender.response().status == 204


@pytest.mark.parametrize("transport", HTTP)
def test_a_client_that_goes_while_the_app_decides_is_never_there(pod, transport):
    pod.app.answer(connect=Answer(204, delay=0.4))
    c = sockjs(transport, pod.port, open=False)
    c.ask()
    pod.app.wait_event("connect")
    c.receiver.close()
    d = pod.app.wait_event("disconnect")
    assert d.header("ws-reason") == "not_established"
    assert pod.metric("wsidecar_handshakes_total", result="abandoned") == 1 and pod.metric("wsidecar_connections") == 0


@pytest.mark.parametrize("address", ["203.0.113.1", "203.0.113.2"])
@pytest.mark.parametrize("shown", [[], [("Cookie", "SESSION=b")], [("Cookie", "theme=dark")], [("Authorization", "Basic YTpi")]])
def test_another_client_cannot_use_a_session_whose_id_it_knows(pod, address, shown):
    c = SockJsHttp(pod.port, headers=[("X-Forwarded-For", "203.0.113.1"), ("Cookie", "SESSION=a; theme=dark")])
    stranger = [("X-Forwarded-For", address), *shown]
    assert one_poll(pod.port, f"{c.base}/xhr", stranger).status == 404
    assert http(pod.port, "POST", f"{c.base}/xhr_send", stranger, '["x"]').status == 404
    assert not pod.app.events("message")
    moved = [("X-Forwarded-For", "203.0.113.9"), ("Cookie", "_ga=1; SESSION=a; theme=dark")]
    assert http(pod.port, "POST", f"{c.base}/xhr_send", moved, '["x"]').status == 204
    assert pod.app.wait_event("message")


def test_a_session_without_credentials_is_its_address_s_until_its_own_cookie_comes_back(pod):
    here, there = [("X-Forwarded-For", "203.0.113.1")], [("X-Forwarded-For", "203.0.113.2")]
    c = SockJsHttp(pod.port, headers=here)
    own = [("Cookie", c.response.header("Set-Cookie").split(";")[0])]

    def status(headers):
        return http(pod.port, "POST", f"{c.base}/xhr_send", headers, '["x"]').status

    assert (status(there), status(here)) == (404, 204)
    assert status(there + own) == 204
    assert (status(here), status(here + [("Cookie", "SESSION=b")]), status(here + own)) == (404, 404, 204)


def test_a_session_that_the_app_gives_its_first_cookie_is_known_by_that(pod):
    pod.app.answer(connect=Answer(204, {"Set-Cookie": "SESSION=a; HttpOnly"}))
    c = SockJsHttp(pod.port)
    assert c.response.all("Set-Cookie") == ["SESSION=a; HttpOnly"]
    c.headers = [("Cookie", "SESSION=a")]
    assert c.post('["x"]').status == 204
    for stranger in ([], [("Cookie", "SESSION=b")]):
        assert http(pod.port, "POST", f"{c.base}/xhr_send", stranger, '["x"]').status == 404


@pytest.mark.parametrize("transport", HTTP)
def test_a_session_follows_the_cookies_that_the_app_changes(pod, transport):
    pod.app.answer(connect=Answer(204, {"Set-Cookie": "SESSION=b; HttpOnly"}))
    c = sockjs(transport, pod.port, headers={"Cookie": "SESSION=a"})
    assert c.post('["old"]').status == 404, "whoever knows the login before this one is not logged in"
    c.headers = [("Cookie", "SESSION=b")]
    assert c.post('["new"]').status == 204
    pod.app.answer(message=Answer(204, {"Set-Cookie": "SESSION=c; HttpOnly"}))
    c.send("x")
    wait_until(lambda: len(pod.app.events("message")) == 2, what="the message")
    c.headers = [("Cookie", "SESSION=b")]
    assert c.post('["y"]').status == 204
    wait_until(lambda: pod.app.events("message")[-1].header("Cookie") == "SESSION=c", what="the changed cookie")
    for session in "bc":
        c.headers = [("Cookie", f"SESSION={session}")]
        assert c.post('["y"]').status == 204


def test_a_browser_whose_other_cookies_change_is_known_by_the_session_s_own(pod):
    c = SockJsHttp(pod.port, headers={"Cookie": "SESSION=a; _ga=1"})
    name, path = c.response.header("Set-Cookie").split("; ")[:2]
    assert name.startswith("wsidecar-sockjs=") and path == f"Path={c.base}"
    c.headers = [("Cookie", f"SESSION=a; _ga=2; {name}")]
    assert c.post('["x"]').status == 204
    assert pod.app.wait_event("message").header("Cookie") == "SESSION=a; _ga=1"


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_page_of_elsewhere_that_leads_a_browser_here_opens_no_session(pod, site):
    led = {"Cookie": "SESSION=a", "Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate"}
    r = http(pod.port, "GET", "/sock/0/evil1234/eventsource", led)
    assert r.status == 403 and pod.metric("wsidecar_handshakes_total", result="origin_not_same") == 1
    with pytest.raises(NoUpgrade) as e:
        Ws(pod.port, "/sock/websocket", led)
    assert e.value.status == 403
    assert not pod.app.events("connect")


def test_a_request_without_cookies_to_a_session_with_some_has_its_origin_checked(pod):
    c = SockJsHttp(pod.port, headers=SHOP)
    evil = {"Host": "shop.example", "Origin": "https://evil.example", "Content-Type": "text/plain"}
    assert http(pod.port, "POST", f"{c.base}/xhr_send", evil, '["x"]').status == 403
    assert one_poll(pod.port, f"{c.base}/xhr", list(evil.items())).status == 403
    assert not pod.app.events("message")


def test_one_session_id_on_two_paths_is_two_sessions(pod):
    a, b = SockJsHttp(pod.port, "/rooms/a", open=False), SockJsHttp(pod.port, "/rooms/b", open=False)
    a.base, b.base = "/rooms/a/000/same", "/rooms/b/000/same"
    for c in (a, b):
        c._more(time.monotonic() + 3)
        assert c.frames == ["o"]
    assert {e.target for e in pod.app.events("connect")} == {"/rooms/a", "/rooms/b"}


def test_http_1_0_streams_to_the_end_of_the_connection(pod):
    pod.app.answer(connect=commands(Ws_Close="3000 Go away!"))
    with HttpConnection(pod.port) as c:
        c.send(b"POST /sock/0/s10/xhr_streaming HTTP/1.0\r\nHost: x\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n")
        r = c.response()
    assert r.header("Transfer-Encoding") is None and r.header("Content-Length") is None and r.closed
    assert r.body == b"h" * 2048 + b'\no\nc[3000,"Go away!"]\n'


def test_sessions_count_among_the_connections(world):
    pod = world.pod(routes=ROUTES, max_connections=2)
    c, d = SockJsHttp(pod.port), SockJsWebSocket(pod.port)
    with pytest.raises(Refused) as e:
        SockJsHttp(pod.port)
    assert e.value.status == 503 and e.value.response.header("Retry-After")
    c.send("the others go on")
    d.send("too")
    pod.app.wait_events("message", 2)
    assert pod.metric("wsidecar_connections") == 2


def test_a_drain_tells_the_clients_and_takes_no_new_sessions(world):
    pod = world.pod(routes=ROUTES)
    clients = [sockjs(t, pod.port) for t in ALL]
    pod.terminate()
    for c in clients:
        assert c.closed() == (1001, "going away")
    assert pod.wait_exit() == 0
    assert len(pod.app.events("disconnect")) == 4


# ------------------------------------------------------------------------------------------------ several pods

# As proto/README.md has it, on this file's route; and as the apps have their locations.
AFFINITY, UPSTREAM = [b.text.replace("/ws/", "/sock/") for b in blocks("proto/README.md") if b.language == "nginx"][0].splitlines()
BALANCE = re.search(r"hash [^;]+;", UPSTREAM)[0]
LOCATION = """
        location /sock {
            proxy_pass http://wsbackend;
            proxy_http_version 1.1;
            proxy_set_header Host $host;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection "Upgrade";
        }
"""


@pytest.fixture
def behind_nginx(world):
    with contextlib.ExitStack() as made:
        def make(**how):
            pods = [world.pod(routes=ROUTES) for _ in range(2)]
            for p in pods:
                p.app.answer(connect=commands(Ws_User="alice"), message=lambda r: text(r.text))
            return made.enter_context(contextlib.closing(Nginx([p.port for p in pods], LOCATION, **how))), pods

        yield make


@pytest.mark.parametrize("transport", ALL)
def test_two_pods_behind_nginx_with_affinity_by_the_session(behind_nginx, transport):
    nginx, pods = behind_nginx(before=AFFINITY, balance=BALANCE)
    for n in range(60):
        if n >= 4 and all(p.app.events("connect") for p in pods):
            return
        c = sockjs(transport, nginx.port, headers=[("X-Forwarded-For", "203.0.113.1")])
        for k in range(3):
            c.send(f"{n} {k}")
            assert c.recv() == f"{n} {k}"
        c.drop() if transport != "websocket" else c.ws.drop()
    raise AssertionError("60 sessions are all on one pod")


def test_without_affinity_websocket_works_and_the_others_are_told(behind_nginx):
    nginx, pods = behind_nginx()
    for n in range(4):
        c = SockJsWebSocket(nginx.port)
        assert c.send(str(n)).recv() == str(n)
    c = SockJsHttp(nginx.port)
    answers = [c.post('["x"]') for _ in range(2)]
    assert sorted(r.status for r in answers) == [204, 404]
    assert any("affinity" in r.text for r in answers)


# ------------------------------------------------------------------------------------------------------- origins


def test_only_allowed_origins_get_cors_headers(looked_at):
    def cors(path, origin, **more):
        r = http(looked_at.port, "GET", path, {"Host": "shop.example", "Origin": origin, **more})
        return r.status, r.header("Access-Control-Allow-Origin"), r.header("Access-Control-Allow-Credentials")

    for path in ("/listed/info", "/sock/info"):
        assert cors(path, "https://shop.example") == (200, "https://shop.example", "true")
        assert cors(path, "https://evil.example", Cookie="a=b") == (200, None, None)
    assert http(looked_at.port, "GET", "/sock/info").header("Access-Control-Allow-Origin") is None
    assert http(looked_at.port, "GET", "/sock/info").header("Vary") == "Origin"


@pytest.mark.parametrize("path", ["/listed/info", "/listed/0/a/xhr", "/listed/0/a/xhr_send", "/listed/0/a/xhr_streaming",
                                  "/listed/0/a/eventsource"])
def test_preflights_are_answered_for_allowed_origins_only(looked_at, path):
    asked = {"Host": "api.example", "Origin": "https://shop.example", "Access-Control-Request-Method": "POST",
             "Access-Control-Request-Headers": "content-type, x-a"}
    r = http(looked_at.port, "OPTIONS", path, asked)
    assert (r.status, r.body) == (204, b"")
    assert r.header("Access-Control-Allow-Origin") == "https://shop.example"
    assert r.header("Access-Control-Allow-Credentials") == "true"
    method = "GET" if path.endswith(("info", "eventsource")) else "POST"
    assert r.header("Access-Control-Allow-Methods") == f"OPTIONS, {method}"
    assert r.header("Access-Control-Allow-Headers") == "content-type, x-a"
    assert r.header("Access-Control-Max-Age") == "31536000" and "max-age=31536000" in r.header("Cache-Control")
    r = http(looked_at.port, "OPTIONS", path, asked | {"Origin": "https://evil.example"})
    assert r.status == 403 and r.header("Access-Control-Allow-Origin") is None


@pytest.mark.parametrize("transport", HTTP)
def test_a_page_of_another_origin_cannot_use_the_user_s_cookies(pod, transport):
    evil = SHOP | {"Origin": "https://evil.example"}
    with pytest.raises(Refused) as e:
        sockjs(transport, pod.port, headers=evil)
    assert e.value.status == 403 and b"origins" in e.value.response.body
    c = sockjs(transport, pod.port, headers=SHOP | {"Origin": "https://shop.example"})
    assert c.response.header("Access-Control-Allow-Origin") == "https://shop.example"
    assert http(pod.port, "POST", f"{c.base}/xhr_send", evil, '["x"]').status == 403
    assert not pod.app.events("message")


def test_with_listed_origins_a_page_s_own_get_needs_the_browser_s_word(pod):
    def opened(**headers):
        try:
            SockJsHttp(pod.port, "/listed", {"Host": "shop.example", "Cookie": "a=b"} | headers, "eventsource").drop()
        except Refused as e:
            return e.status
        return 200

    assert opened() == 403
    assert opened(**{"Sec-Fetch-Site": "same-origin"}) == 200
    assert opened(**{"Sec-Fetch-Site": "cross-site"}) == 403
    assert opened(**{"Sec-Fetch-Site": "same-origin", "Host": "other.example"}) == 403


# --------------------------------------------------------------------------------------------------------- STOMP


def stomp_over(transport, pod, **how):
    return Stomp(pod.port, ws=sockjs(transport, pod.port, "/stomp"), **how)


@pytest.mark.parametrize("transport", ALL)
def test_stomp_speaks_through_every_transport(world, pod, transport):
    pod.app.answer(connect=commands(Ws_User="alice"), message=Answer(200, {"Content-Type": "application/json"}, '{"ok":1}'))
    c = stomp_over(transport, pod, login="alice")
    assert c.connected.headers["version"] == "1.2" and c.connected.headers["user-name"] == "alice"
    e = pod.app.wait_event("connect")
    assert e.target == "/stomp" and e.header("stomp-login") == "alice"
    c.subscribe("/topic/chat").subscribe("/user/queue/x", "2")
    c.send("/app/chat", "{}")
    m = c.message()
    assert (m.body, m.headers["destination"]) == ('{"ok":1}', "/topic/chat")
    world.push({"to": {"user": "alice", "destination": "/queue/x"}, "json": {"n": 1}})
    assert c.message().headers["destination"] == "/user/queue/x"
    c.frame("DISCONNECT", {"receipt": "77"})
    assert c.expect("RECEIPT", receipt_id="77")
    assert c.ws.closed()[0] == 1000
    assert pod.app.wait_event("disconnect").header("ws-close-code") == "1000"


@pytest.mark.parametrize("transport", ALL)
def test_a_stomp_error_and_its_close(pod, transport):
    c = stomp_over(transport, pod)
    c.send("/topic/x", "1")
    assert "broadcast" in c.error().headers["message"]


@pytest.mark.parametrize("transport", ALL)
def test_stomp_s_own_heart_beats_take_the_place_of_sockjs(world, transport):
    pod = world.pod(ping="600ms", routes=[{"path": "/stomp", "protocol": "stomp", "sockjs": True, "heartbeat": ["500ms", "0s"]}])
    c = stomp_over(transport, pod, heart_beat="0,500")
    c.ws.heartbeats = 0
    c.hears_nothing(2)
    assert c.beats >= 2 and c.ws.heartbeats == 0


def test_plain_stomp_over_a_websocket_still_works_beside(pod):
    for path in ("/stomp", "/stomp/websocket"):
        c = Stomp(pod.port, path)
        assert c.ws.response.header("Sec-WebSocket-Protocol") == "v12.stomp"
        c.subscribe("/topic/x")
        assert pod.app.wait_events("connect")[-1].target == "/stomp"


def test_a_frame_may_come_in_pieces_over_xhr_send(pod):
    c = stomp_over("xhr", pod)
    c.ws.send("SEND\ndestination:/app/x\n", "\nhel").send("lo\0")
    assert pod.app.wait_event("message").text == "hello"
