"""`http: pass`: one Service port for both; endpoints of the app's own that are migrated one by one."""

import socket
import time

import pytest

from support import frames
from support.app import Answer
from support.http import HttpConnection, Truncated, http, raw_http, request_bytes
from support.waiting import wait_until
from support.ws import Refused, upgrade_request


@pytest.fixture(scope="module")
def pod(shared):
    return shared.pod(http="pass", routes=[
        {"path": "/ws/{rest...}"},
        {"path": "/chat/{room}", "event_path": "/hooks/{room}/{event}"},
        {"path": "/fixed", "event_path": "/hook"},
        {"path": "/stomp", "protocol": "stomp", "app_prefixes": ["/app", "/desk"]},
    ])


@pytest.fixture(autouse=True)
def fresh_answers(pod):
    pod.app.answers.clear()


def last(pod):
    return [r for r in pod.app.requests if r.type is None][-1]


def test_a_request_and_its_answer_are_passed_through(pod):
    pod.app.answer(other=Answer(201, {"Content-Type": "text/html", "X-Mine": "1", "Set-Cookie": "a=b"}, b"<p>made"))
    r = http(pod.port, "PUT", "/menu/7?x=1&y=%2f", [("X-Tenant", "t1"), ("Cookie", "a=1")], b"soup")
    assert (r.status, r.body) == (201, b"<p>made")
    assert r.header("X-Mine") == "1" and r.header("Set-Cookie") == "a=b"
    seen = last(pod)
    assert (seen.method, seen.target, seen.body) == ("PUT", "/menu/7?x=1&y=%2f", b"soup")
    assert seen.header("Host") == "shop.example"
    assert seen.header("X-Tenant") == "t1" and seen.header("Cookie") == "a=1"
    assert seen.header("X-Forwarded-For") == "127.0.0.1"


def test_nobody_can_pose_as_wsidecar(pod):
    forged = ["ce-type", "CE-Id", "ce-userid", "ce_userid", "Ce_Type", "ws-user", "Ws-State", "ws_path_x", "ws-close-code",
              "stomp-destination", "webhook-id", "Webhook-Signature", "webhook_id", "Idempotency-Key", "Idempotency_Key"]
    http(pod.port, "POST", "/menu", [(n, "forged") for n in forged] + [("X-Ok", "1")], b"x")
    seen = last(pod)
    assert "forged" not in [v for _, v in seen.headers]
    assert seen.header("X-Ok") == "1"


@pytest.mark.parametrize("path", ["/ws/x", "/ws/a/b?c=d", "/chat/7", "/fixed", "/hooks/7/message", "/hooks/7/connect",
                                  "/hook", "/hoo%6b", "/hook?x=1", "/%77s/x", "/hook/", "/hooks/7/message/",
                                  "/stomp", "/app/chat/7", "/%61pp/x", "/desk/x/"])
def test_paths_of_routes_and_events_are_for_reading_only(pod, path):
    before = len(pod.app.requests)
    for method in ("POST", "PUT", "DELETE", "PATCH", "TRACE", "ANYTHING"):
        r = http(pod.port, method, path, body=b"")
        assert r.status == 405, (method, r)
        assert "GET" in r.header("Allow")
    assert len(pod.app.requests) == before
    assert http(pod.port, "GET", path).status == 200
    assert http(pod.port, "OPTIONS", path).status == 200
    assert last(pod).method == "OPTIONS"
    with HttpConnection(pod.port) as c:
        assert c.send(request_bytes("HEAD", path)).response(head_only=True).status == 200


def test_no_header_makes_another_method_of_a_request_to_such_a_path(pod):
    before = len(pod.app.requests)
    for name in ("X-HTTP-Method-Override", "x-http-method", "X-Method-Override"):
        assert http(pod.port, "GET", "/hook", [(name, "POST")]).status == 405
    assert len(pod.app.requests) == before
    assert http(pod.port, "GET", "/hooked", [("X-HTTP-Method-Override", "POST")]).status == 200


def test_other_paths_take_any_method(pod):
    for method in ("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
        for path in ("/hooked", "/apple", "/app"):
            assert http(pod.port, method, path).status == 200
            assert last(pod).method == method


@pytest.mark.parametrize("path", ["/x/../hook", "/x/%2e%2e/hook", "/hook;a=b", "/x//hook", "/x%2fhook", "/x\\hook",
                                  "/x%5chook", "/x%00", "/%c0%af"])
def test_paths_that_two_servers_read_differently_are_400(pod, path):
    before = len(pod.app.requests)
    assert raw_http(pod.port, request_bytes("GET", path)).status == 400
    assert len(pod.app.requests) == before


@pytest.mark.parametrize("headers", [[("Connection", "Upgrade")], [("Upgrade", "websocket")],
                                     [("Connection", "Upgrade"), ("Upgrade", "h2c")]])
def test_what_is_no_upgrade_is_passed_without_its_hop_by_hop_headers(pod, headers):
    assert http(pod.port, "GET", "/ws/x", headers).status == 200
    seen = last(pod)
    assert seen.header("Upgrade") is None
    assert (seen.header("Connection") or "keep-alive").lower() == "keep-alive"


def test_the_connection_is_kept_on_both_sides(pod):
    with HttpConnection(pod.port) as c:
        first = c.request("GET", "/a")
        assert first.status == 200 and first.header("Connection") in (None, "keep-alive")
        on = last(pod).connection
        assert c.request("GET", "/b").status == 200
        assert last(pod).connection == on
        assert c.request("POST", "/c", body=b"x").status == 200


def test_a_request_may_be_followed_by_an_upgrade_on_the_same_connection(pod):
    with HttpConnection(pod.port) as c:
        assert c.request("GET", "/a").status == 200
        c.send(upgrade_request("/ws/x"))
        assert c.response().status == 101


def test_a_chunked_answer_and_a_chunked_request(pod):
    pod.app.answer(other=lambda r: Answer(200, {"Content-Type": "text/plain"}, r.body, chunked=True))
    with HttpConnection(pod.port) as c:
        c.send(request_bytes("POST", "/up", [("Transfer-Encoding", "chunked")]))
        c.send(b"5\r\nhello\r\n")
        c.send(b"7;ext=1\r\n, world\r\n0\r\n\r\n")
        r = c.response()
        assert r.body == b"hello, world"
        assert r.header("Transfer-Encoding") == "chunked" and r.header("Content-Length") is None
        assert c.request("GET", "/after").status == 200


def test_server_sent_events_arrive_as_they_come(pod):
    def events(sock, request, rest):
        for i in range(3):
            sock.sendall(f"data: {i}\n\n".encode())
            time.sleep(0.1)
    pod.app.answer(other=Answer(raw=b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n", then=events))
    with HttpConnection(pod.port) as c:
        began = time.monotonic()
        c.send(request_bytes("GET", "/sse"))
        head = c.head()
        assert head.status == 200 and head.header("Transfer-Encoding") == "chunked"
        assert c.chunk() == b"data: 0\n\n"
        assert time.monotonic() - began < 0.15
        assert c.chunk() == b"data: 1\n\n"
        assert c.chunk() == b"data: 2\n\n"
        assert c.chunk() == b""


def test_a_large_body_streams_both_ways(pod):
    big = bytes(range(256)) * 16384  # 4 MiB: no limit of messages is one of requests
    pod.app.answer(other=lambda r: Answer(200, {}, r.body))
    r = http(pod.port, "POST", "/big", body=big, timeout=20)
    assert r.body == big


def test_an_answer_that_is_cut_does_not_look_whole(pod):
    pod.app.answer(other=Answer(200, {}, b"half", fault="half"))
    with HttpConnection(pod.port) as c:
        c.send(request_bytes("GET", "/cut"))
        with pytest.raises(Truncated):
            c.response()


def test_smuggling_is_refused(pod):
    before = len(pod.app.requests)
    for bad in ([("Content-Length", "3"), ("Transfer-Encoding", "chunked")], [("Content-Length", "3"), ("Content-Length", "3")],
                [("Transfer-Encoding", "chunked, identity")], [("Transfer-Encoding", "xchunked")],
                [("Content-Length", "+3")]):
        r = raw_http(pod.port, request_bytes("POST", "/x", bad, b"") + b"abc")
        assert r.status == 400 and r.closed
    assert len(pod.app.requests) == before


def test_an_app_that_is_away_is_answered_for(world):
    pod = world.pod(http="pass")
    pod.app.refuse()
    r = http(pod.port, "GET", "/x")
    assert r.status in (502, 503)


# -------------------------------------------------------------------------------------------- tunnels


def endpoint(sock, request, rest):
    """The app's own WebSocket endpoint: repeats bytes."""
    if rest:
        sock.sendall(rest)
    while data := sock.recv(65536):
        sock.sendall(data)


SWITCH = Answer(raw=b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                    b"Sec-WebSocket-Accept: of-the-app\r\nX-App: yes\r\n\r\n", then=endpoint)


def test_an_upgrade_that_no_route_matches_is_tunnelled(pod):
    pod.app.answer(other=SWITCH)
    with HttpConnection(pod.port) as c:
        c.send(upgrade_request("/legacy/ws?x=1", [("Sec-WebSocket-Protocol", "v1"), ("Cookie", "S=1"), ("ce-type", "forged")]))
        r = c.response()
        assert r.status == 101
        assert r.header("Sec-WebSocket-Accept") == "of-the-app" and r.header("X-App") == "yes"
        seen = last(pod)
        assert seen.target == "/legacy/ws?x=1"
        assert seen.header("Upgrade") == "websocket" and seen.header("Connection") == "Upgrade"
        assert seen.header("Sec-WebSocket-Key") and seen.header("Sec-WebSocket-Version") == "13"
        assert seen.header("Sec-WebSocket-Protocol") == "v1" and seen.header("Cookie") == "S=1"
        assert seen.header("ce-type") is None
        assert not [r for r in pod.app.events() if r.target.startswith("/legacy")]
        for data in (frames.frame(frames.TEXT, "张三"), b"\x00anything\xff", b"x" * 300000):
            c.send(data)
            got = r.rest
            r.rest = b""
            while len(got) < len(data):
                got += c.sock.recv(65536)
            assert got == data


def test_bytes_behind_a_tunnelled_handshake_are_not_lost(pod):
    pod.app.answer(other=SWITCH)
    with HttpConnection(pod.port) as c:
        c.send(upgrade_request("/legacy") + b"early")
        r = c.response()
        got = r.rest
        while len(got) < 5:
            got += c.sock.recv(100)
        assert got == b"early"


def test_the_end_of_a_tunnel_reaches_the_other_side(pod):
    ended = []

    def until_end(sock, request, rest):
        ended.append(sock.recv(100))
    pod.app.answer(other=Answer(raw=SWITCH.raw, then=until_end))
    with HttpConnection(pod.port) as c:
        c.send(upgrade_request("/legacy"))
        assert c.response().status == 101
        c.sock.shutdown(socket.SHUT_WR)
        wait_until(lambda: ended == [b""], 3, "the end at the app")
        assert c.at_end()


def test_a_tunnelled_handshake_is_checked_like_any(pod):
    before = len(pod.app.requests)
    for status, data in {
        400: upgrade_request("/legacy", drop=["Sec-WebSocket-Key"]),
        426: upgrade_request("/legacy", drop=["Sec-WebSocket-Version"]),
        403: upgrade_request("/legacy", [("Cookie", "S=1"), ("Origin", "https://evil.example")]),
        431: upgrade_request("/legacy", [("X-A", "a" * 17000)]),
    }.items():
        r = raw_http(pod.port, data)
        assert r.status == status and r.closed, (status, r)
    assert len(pod.app.requests) == before
    pod.app.answer(other=SWITCH)
    r = raw_http(pod.port, upgrade_request("/legacy", [("Cookie", "S=1"), ("Origin", "https://shop.example")]))
    assert r.status == 101


def test_the_apps_refusal_of_a_tunnel_is_relayed(pod):
    pod.app.answer(other=Answer(403, {"X-Why": "no"}, b"not you"))
    r = raw_http(pod.port, upgrade_request("/legacy"))
    assert (r.status, r.body, r.header("X-Why")) == (403, b"not you", "no")


def test_routes_are_still_websockets_of_wsidecars_own(pod):
    c = pod.connect("/ws/mine")
    assert pod.app.events("connect")[-1].target == "/ws/mine"
    c.close()


def test_without_pass_404_and_426(world):
    pod = world.pod()
    with pytest.raises(Refused) as e:
        pod.connect("/legacy")
    assert e.value.status == 404
    assert http(pod.port, "GET", "/legacy").status == 426
    assert not pod.app.requests
