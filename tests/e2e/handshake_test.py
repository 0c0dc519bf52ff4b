"""The handshake: what is refused before the app hears of it, and what is taken."""

import base64
import os
import time
import zlib

import pytest

from support import frames
from support.app import commands, text
from support.http import HttpConnection, http, raw_http, request_bytes
from support.waiting import stays, wait_until
from support.ws import Refused, upgrade_request

COOKIE = ("Cookie", "SESSION=1")


@pytest.fixture(scope="module")
def pod(shared):
    return shared.pod(routes=[
        {"path": "/ws/{rest...}"},
        {"path": "/chat/{room}"},
        {"path": "/chat/lobby", "event_path": "/most-specific"},
        {"path": "/small/{x}", "limits": {"headers": "1KiB", "header_count": 12}},
        {"path": "/files/{kind}/{name}", "event_path": "/in/{kind}/{name}/{event}"},
    ])


def heard(pod):
    """What the app has heard; disconnects of earlier connections may still come."""
    return len([r for r in list(pod.app.requests) if r.type != "disconnect"])


def refused(pod, data, status=400):
    """The bytes are answered so, the connection is closed behind, and the app hears nothing."""
    before = heard(pod)
    r = raw_http(pod.port, data)
    assert r.status == status, r
    assert r.header("Connection") == "close"
    assert r.closed
    assert heard(pod) == before
    return r


def attempt(pod, path="/ws/test", headers=(), **how):
    """Response of an upgrade, whatever it is."""
    try:
        c = pod.connect(path, headers, **how)
    except Refused as e:
        return e.response
    c.drop()
    return c.response


# ---------------------------------------------------------------------------------------- strict checks


def test_a_correct_upgrade_is_accepted(pod):
    c = pod.connect()
    assert c.response.header("Upgrade").lower() == "websocket"
    assert c.response.header("Connection").lower() == "upgrade"
    assert c.response.header("Sec-WebSocket-Extensions") is None
    assert c.response.header("Sec-WebSocket-Protocol") is None
    c.close()


def test_names_and_tokens_are_taken_without_regard_to_case(pod):
    key = base64.b64encode(os.urandom(16)).decode()
    r = raw_http(pod.port, (f"GET /ws/x HTTP/1.1\r\nhOST: a\r\nUPGRADE: WebSocket\r\nconnection: keep-alive, upgrade\r\n"
                            f"sec-websocket-key: {key}\r\nsec-websocket-version: 13\r\n\r\n").encode())
    assert r.status == 101


def test_a_head_that_comes_byte_by_byte_is_taken(pod):
    with HttpConnection(pod.port) as c:
        for byte in upgrade_request("/ws/slow"):
            c.send(bytes([byte]))
        assert c.response().status == 101


MALFORMED = {
    "no Host": upgrade_request(drop=["Host"]),
    "two Hosts": upgrade_request(headers=[("Host", "shop.example")]),
    "empty Host": upgrade_request(host=""),
    "a list of Hosts": upgrade_request(host="a.example, b.example"),
    "Host with a path": upgrade_request(host="a.example/x"),
    "Host with a user": upgrade_request(host="u@a.example"),
    "no key": upgrade_request(drop=["Sec-WebSocket-Key"]),
    "two keys": upgrade_request(headers=[("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA==")]),
    "empty key": upgrade_request(drop=["Sec-WebSocket-Key"], headers=[("Sec-WebSocket-Key", "")]),
    "key of 15 bytes": upgrade_request(key=base64.b64encode(b"x" * 15).decode()),
    "key of 17 bytes": upgrade_request(key=base64.b64encode(b"x" * 17).decode()),
    "key that is no base64": upgrade_request(key="!" * 22 + "=="),
    "a body": upgrade_request(headers=[("Content-Length", "3")]) + b"abc",
    "two lengths": upgrade_request(headers=[("Content-Length", "0"), ("Content-Length", "0")]),
    "length that is no number": upgrade_request(headers=[("Content-Length", "+0")]),
    "Transfer-Encoding": upgrade_request(headers=[("Transfer-Encoding", "chunked")]) + b"0\r\n\r\n",
    "Transfer-Encoding identity": upgrade_request(headers=[("Transfer-Encoding", "identity")]),
    "obs-fold": upgrade_request(headers=[("X-A", "1\r\n 2")]),
    "obs-fold with a tab": upgrade_request(headers=[("X-A", "1\r\n\t2")]),
    "space before the colon": upgrade_request(headers=[("X-A ", "1")]),
    "a name that is no token": upgrade_request(headers=[("X@A", "1")]),
    "an empty name": upgrade_request(headers=[("", "1")]),
    "a line without a colon": upgrade_request().replace(b"\r\n\r\n", b"\r\nnothing\r\n\r\n"),
    "NUL in a value": upgrade_request(headers=[("X-A", "a\0b")]),
    "a bare CR in a value": upgrade_request(headers=[("X-A", "a\rb")]),
    "a bare LF ends a line": upgrade_request().replace(b"\r\nUpgrade", b"\nUpgrade"),
    "a URL of another scheme": upgrade_request("ftp://shop.example/ws/x"),
    "a URL without host": upgrade_request("http:///ws/x"),
    "a URL with a user": upgrade_request("http://u@shop.example/ws/x"),
    "a URL with a fragment": upgrade_request("http://shop.example/ws/x#y"),
    "a URL beside a malformed Host": upgrade_request("http://shop.example/ws/x", host="a/b"),
    "a URL and no Host": upgrade_request("http://shop.example/ws/x", drop=["Host"]),
    "authority-form": upgrade_request("shop.example:80"),
    "asterisk-form": upgrade_request("*"),
    "a fragment": upgrade_request("/ws/x#y"),
    "a target of UTF-8 bytes": upgrade_request("/ws/张三"),
    "two spaces in the request line": upgrade_request("/ws/x y"),
    "HTTP/1.0": upgrade_request().replace(b"HTTP/1.1", b"HTTP/1.0"),
    "HTTP/2.0": upgrade_request().replace(b"HTTP/1.1", b"HTTP/2.0"),
    "POST": upgrade_request().replace(b"GET", b"POST"),
    "a subprotocol that is no token": upgrade_request(headers=[("Sec-WebSocket-Protocol", "a b")]),
    "TLS to a plain port": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
}


@pytest.mark.parametrize("what", MALFORMED)
def test_a_malformed_handshake_is_answered_400(pod, what):
    refused(pod, MALFORMED[what])


@pytest.mark.parametrize("headers", [(), [("Sec-WebSocket-Version", "8")], [("Sec-WebSocket-Version", "13, 8")],
                                     [("Sec-WebSocket-Version", "13"), ("Sec-WebSocket-Version", "13")]])
def test_another_version_is_answered_426_with_ours(pod, headers):
    r = refused(pod, upgrade_request(drop=["Sec-WebSocket-Version"], headers=headers), 426)
    assert r.header("Sec-WebSocket-Version") == "13"


def test_too_many_headers_are_answered_431(pod):
    assert raw_http(pod.port, upgrade_request(headers=[(f"X-{i}", "") for i in range(95)])).status == 101
    refused(pod, upgrade_request(headers=[(f"X-{i}", "") for i in range(96)]), 431)


def test_too_many_bytes_of_headers_are_answered_431(pod):
    assert raw_http(pod.port, upgrade_request(headers=[("X-A", "a" * (15 * 1024))])).status == 101
    refused(pod, upgrade_request(headers=[("X-A", "a" * (16 * 1024))]), 431)
    # Also when their end never comes.
    r = raw_http(pod.port, b"GET /ws/x HTTP/1.1\r\nHost: a\r\nX-A: " + b"a" * 17000)
    assert r.status == 431 and r.closed


def test_a_routes_own_header_limits_hold(pod):
    assert attempt(pod, "/small/x").status == 101
    refused(pod, upgrade_request("/small/x", headers=[("X-A", "a" * 1024)]), 431)
    refused(pod, upgrade_request("/small/x", headers=[(f"X-{i}", "") for i in range(8)]), 431)


@pytest.mark.parametrize("target, host", [("http://shop.example/ws/x?y=1", "shop.example"), ("ws://a.example:81/ws/x?y=1", "a.example:81"),
                                          ("HTTPS://[::1]:8443/ws/x?y=1", "[::1]:8443")])
def test_a_url_as_target_is_its_path_and_its_host(pod, target, host):
    assert raw_http(pod.port, upgrade_request(target, host="else.example")).status == 101
    event = pod.app.events("connect")[-1]
    assert event.target == "/ws/x?y=1" and event.header("Host") == host


def test_the_origin_is_compared_with_the_host_of_a_url(pod):
    headers = [("Origin", "http://shop.example"), ("Cookie", "a=b")]
    assert raw_http(pod.port, upgrade_request("http://shop.example/ws/x", headers, host="else.example")).status == 101
    refused(pod, upgrade_request("http://else.example/ws/x", headers, host="shop.example"), 403)


def test_a_handshake_that_does_not_come_in_time_is_ended(world):
    pod = world.pod(limits={"handshake": "200ms"})
    r = raw_http(pod.port, b"GET /ws/x HTTP/1.1\r\nHost: a\r\n")
    assert r.status == 408 and r.closed
    with HttpConnection(pod.port) as c:
        assert c.at_end(2)
    assert not pod.app.requests


def test_a_routes_own_handshake_limit_holds(world):
    pod = world.pod(routes=[{"path": "/quick", "limits": {"handshake": "100ms"}}, {"path": "/calm"}])
    for path, status in (("/quick", 408), ("/calm", 101)):
        with HttpConnection(pod.port) as c:
            request = upgrade_request(path)
            c.send(request[:-2])
            time.sleep(0.2)
            assert c.send(request[-2:]).response().status == status


def test_refusals_are_counted(pod):
    before = pod.metric("wsidecar_handshakes_total")
    refused(pod, upgrade_request(drop=["Host"]))
    refused(pod, upgrade_request("/nowhere"), 404)
    refused(pod, upgrade_request(headers=[("X-A", "a" * 17000)]), 431)
    assert pod.metric("wsidecar_handshakes_total") == before + 3


# ------------------------------------------------------------------------------------------------- paths


@pytest.mark.parametrize("path", [
    "/ws/../admin", "/ws/./x", "/ws/..", "/ws/.", "/..", "/ws/%2e%2e/admin", "/ws/.%2E/x", "/ws/%2e/x",
    "/ws/a;b=c", "/ws/a%3bb", "/ws/a%3Bb", "/ws/..;/x", "/ws/a\\b", "/ws/a%5cb", "/ws/a%5Cb", "/ws/a%2fb", "/ws/a%2Fb",
    "/ws/a%00", "/ws/a%7f", "/ws/%1fa", "/ws/%0a", "/ws/%0d%0aX-A:%201", "/ws/%c0%af", "/ws/%c0%ae%c0%ae/x", "/ws/%e0%80%af", "/ws/%ff",
    "/ws/%ed%a0%80", "/ws/a//b", "//ws/a", "/ws/%", "/ws/%4", "/ws/%zz", "/ws/%u002e",
])
def test_a_path_that_two_servers_read_differently_is_answered_400(pod, path):
    refused(pod, upgrade_request(path))
    refused(pod, request_bytes("GET", path))


@pytest.mark.parametrize("path", ["/ws/...", "/ws/a..b", "/ws/a.b", "/ws/~a", "/ws/a%20b", "/ws/%E5%BC%A0",
                                  "/ws/a?x=../../y;z=//%2f", "/ws/a/", "/ws/a:b@c", "/ws/%252e%252e"])
def test_other_paths_are_taken_as_they_are(pod, path):
    assert attempt(pod, path).status == 101
    assert pod.app.events("connect")[-1].target == path


def test_a_path_that_no_route_matches_is_answered_404(pod):
    r = refused(pod, upgrade_request("/nowhere"), 404)
    assert r.body
    refused(pod, upgrade_request("/chat"), 404)
    refused(pod, upgrade_request("/chat/a/b"), 404)
    refused(pod, upgrade_request("/WS/a"), 404)


def test_what_is_no_upgrade_is_answered_426(pod):
    r = refused(pod, request_bytes("GET", "/ws/x"), 426)
    assert r.header("Upgrade") == "websocket"
    refused(pod, request_bytes("POST", "/anything", body=b"x"), 426)
    # Some nginx blocks send Connection without Upgrade.
    refused(pod, request_bytes("GET", "/ws/x", [("Connection", "Upgrade")]), 426)
    refused(pod, upgrade_request(drop=["Connection"]), 426)
    refused(pod, upgrade_request(drop=["Upgrade"], headers=[("Upgrade", "h2c")]), 426)


def test_the_answer_to_head_has_no_body(pod):
    with HttpConnection(pod.port) as c:
        c.send(request_bytes("HEAD", "/ws/x"))
        assert c.response(head_only=True).status == 426
        assert c.at_end()


def test_the_most_specific_route_wins(pod):
    assert attempt(pod, "/chat/lobby").status == 101
    assert pod.app.events("connect")[-1].target == "/most-specific"
    assert attempt(pod, "/chat/other").status == 101
    assert pod.app.events("connect")[-1].target == "/chat/other"
    # An escape is no way around the more specific one.
    assert attempt(pod, "/chat/lobb%79").status == 101
    assert pod.app.events("connect")[-1].target == "/most-specific"


def test_between_equal_routes_the_first_wins(world):
    pod = world.pod(routes=[{"path": "/a/{x}", "event_path": "/first"}, {"path": "/a/{y}", "event_path": "/second"}])
    assert attempt(pod, "/a/1").status == 101
    assert pod.app.events("connect")[-1].target == "/first"


def test_variables_are_decoded_into_headers_and_encoded_again_into_the_apps_path(pod):
    assert attempt(pod, "/files/%E5%BC%A0/a%20b%3F%23%25?q=1").status == 101
    r = pod.app.events("connect")[-1]
    assert r.target == "/in/%E5%BC%A0/a%20b%3F%23%25/connect?q=1"
    assert r.header("ws-path-kind").encode("latin-1").decode() == "张"
    assert r.header("ws-path-name") == "a b?#%"


# --------------------------------------------------------------------------------------------- origins


@pytest.fixture(scope="module")
def origins(shared):
    return shared.pod(routes=[
        {"path": "/same"},
        {"path": "/list", "origins": ["https://shop.example", "http://localhost:3000"]},
        {"path": "/null", "origins": ["https://shop.example", "null"]},
        {"path": "/any", "origins": "*"},
    ])


@pytest.mark.parametrize("path, origin, host, status", [
    ("/same", None, "shop.example", 101),
    ("/same", "https://shop.example", "shop.example", 101),
    ("/same", "https://SHOP.example", "shop.Example", 101),
    ("/same", "https://shop.example:443", "shop.example", 101),
    ("/same", "http://shop.example:8080", "shop.example:8080", 101),
    ("/same", "http://shop.example:8080", "shop.example", 403),
    ("/same", "https://shop.example", "shop.example:8443", 403),
    ("/same", "https://evil.example", "shop.example", 403),
    ("/same", "https://shop.example.evil.example", "shop.example", 403),
    ("/same", "https://evilshop.example", "shop.example", 403),
    ("/same", "null", "shop.example", 403),
    ("/same", "", "shop.example", 403),
    ("/same", "shop.example", "shop.example", 403),
    ("/list", "https://shop.example", "other", 101),
    ("/list", "https://shop.example:443", "other", 101),
    ("/list", "http://localhost:3000", "other", 101),
    ("/list", "http://shop.example", "shop.example", 403),
    ("/list", "http://localhost:3001", "other", 403),
    ("/list", "https://sub.shop.example", "other", 403),
    ("/list", "null", "other", 403),
    ("/list", None, "other", 403),
    ("/null", "null", "other", 101),
    ("/null", "https://evil.example", "other", 403),
    ("/any", "https://evil.example", "other", 101),
    ("/any", "null", "other", 101),
    ("/any", None, "other", 101),
])
def test_the_origin_of_a_handshake_with_credentials_is_checked(origins, path, origin, host, status):
    more = [] if origin is None else [("Origin", origin)]
    for credentials in (COOKIE, ("Authorization", "Bearer x")):
        before = len(origins.app.events("connect"))
        r = attempt(origins, path, [credentials, *more], host=host)
        assert r.status == status, r
        if status == 403:
            assert "origins" in r.text and r.closed
            assert len(origins.app.events("connect")) == before


def test_without_credentials_no_origin_is_refused(origins):
    for path in ("/same", "/list", "/null", "/any"):
        assert attempt(origins, path, [("Origin", "https://evil.example")]).status == 101


def test_the_host_that_a_trusted_proxy_names_counts_as_ours(world):
    pod = world.pod()
    headers = [COOKIE, ("Origin", "https://shop.example"), ("X-Forwarded-Host", "shop.example")]
    assert attempt(pod, headers=headers, host="inner:8000").status == 101
    stranger = world.pod(trusted_proxies=["10.0.0.0/8"])
    assert attempt(stranger, headers=headers, host="inner:8000").status == 403


def test_a_refused_origin_is_logged_with_the_settings_name(origins):
    attempt(origins, "/same", [COOKIE, ("Origin", "https://logged.example")])
    origins.wait_logged("`origins`")


# ------------------------------------------------------------------------------------ proxies, addresses


def test_what_came_before_is_kept_from_a_trusted_proxy_and_the_peer_appended(world):
    headers = [("X-Forwarded-For", "203.0.113.7, 10.1.1.1"), ("X-Forwarded-Proto", "https"),
               ("X-Forwarded-Port", "8443"), ("X-Forwarded-Host", "shop.example"), ("X-Real-IP", "203.0.113.7")]
    pod = world.pod()
    assert attempt(pod, headers=headers).status == 101
    r = pod.app.wait_event("connect")
    assert r.header("X-Forwarded-For") == "203.0.113.7, 10.1.1.1, 127.0.0.1"
    assert r.header("X-Forwarded-Proto") == "https"
    assert r.header("X-Forwarded-Port") == "8443"
    assert r.header("X-Forwarded-Host") == "shop.example"
    assert r.header("X-Real-IP") == "203.0.113.7"


def test_a_stranger_cannot_say_where_he_comes_from(world):
    pod = world.pod(trusted_proxies=["10.0.0.0/8"])
    headers = [("X-Forwarded-For", "203.0.113.7"), ("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "evil.example"),
               ("X-Real-IP", "203.0.113.7")]
    assert attempt(pod, headers=headers).status == 101
    r = pod.app.wait_event("connect")
    assert r.header("X-Forwarded-For") == "127.0.0.1"
    assert r.header("X-Forwarded-Proto") in ("http", "ws")
    assert r.header("X-Forwarded-Host") in (None, "shop.example")
    assert r.header("X-Real-IP") in (None, "127.0.0.1")


def busy(r):
    assert r.status == 503 and r.closed
    return int(r.header("Retry-After"))


def test_over_max_connections_503_with_a_jittered_retry_after(world):
    pod = world.pod(max_connections=2)
    a, b = world.connect(pod), world.connect(pod)
    seen = {busy(attempt(pod)) for _ in range(30)}
    assert len(seen) > 1 and min(seen) >= 1
    assert len(pod.app.events("connect")) == 2
    a.close()
    wait_until(lambda: attempt(pod).status == 101, 3, "a place that is free again")
    b.round_trip()


def test_connections_per_address_counts_the_client_behind_the_proxy(world):
    pod = world.pod(connections_per_address=2)
    one, other = [("X-Forwarded-For", "203.0.113.1")], [("X-Forwarded-For", "203.0.113.2")]
    a, _ = world.connect(pod, headers=one), world.connect(pod, headers=one)
    busy(attempt(pod, headers=one))
    # What the client wrote himself stands further left and helps him nothing.
    busy(attempt(pod, headers=[("X-Forwarded-For", "198.51.100.1, 203.0.113.1")]))
    assert attempt(pod, headers=other).status == 101
    a.drop()
    wait_until(lambda: attempt(pod, headers=one).status == 101, 3, "a place that is free again")


def test_connections_per_user_counts_on_all_pods(world):
    world.config = {"connections_per_user": 2}
    a, b = world.pod(), world.pod()
    first = world.connect(a, user="alice")
    world.connect(b, user="alice")
    a.app.answer(connect=commands(Ws_User="alice"))
    busy(attempt(a))
    b.app.answer(connect=commands(Ws_User="bob"))
    assert attempt(b).status == 101
    first.close()
    wait_until(lambda: attempt(a).status == 101, 3, "a place that is free again")


def test_a_login_by_message_over_connections_per_user_is_closed(world):
    pod = world.pod(connections_per_user=1)
    first = world.connect(pod, user="alice")
    pod.app.answer(connect=commands(), message=commands(Ws_User="alice"))
    late = pod.connect()
    late.send("login alice")
    assert late.closed()[0] == 1013
    assert set(world.presence("alice")) == {first.id}
    first.round_trip()


@pytest.mark.parametrize("redis", ["redis", "none"])
def test_close_oldest_makes_room_on_any_pod_with_4001(world, redis):
    world.config = {"connections_per_user": 1, "on_excess": "close_oldest"}
    if redis == "none":
        world.redis_server = None
    a = world.pod()
    b = world.pod() if world.redis_server else a
    old = world.connect(a, user="alice")
    new = world.connect(b, user="alice")
    assert old.closed()[0] == 4001
    assert a.app.wait_event("disconnect").header("ws-close-code") == "4001"
    new.round_trip()
    if world.redis_server:
        wait_until(lambda: set(world.presence("alice")) == {new.id}, 3, "the newest alone")


# ----------------------------------------------------------------------------- subprotocols, compression


def test_the_apps_subprotocol_is_taken_when_it_was_offered(world):
    pod = world.pod()
    pod.app.answer(connect=commands(Ws_Subprotocol="v2"))
    assert pod.connect(subprotocols=["v1", "v2"]).response.header("Sec-WebSocket-Protocol") == "v2"
    r = pod.connect(subprotocols=["v1"]).response
    assert r.header("Sec-WebSocket-Protocol") is None
    assert pod.connect().response.header("Sec-WebSocket-Protocol") is None


def test_a_routes_subprotocols_are_taken_without_the_apps_word(world):
    pod = world.pod(routes=[{"path": "/ws/{rest...}", "subprotocols": ["v1", "v2"]}])
    assert pod.connect(subprotocols=["x", "v2", "v1"]).response.header("Sec-WebSocket-Protocol") == "v2"
    assert pod.connect(subprotocols=["x"]).response.header("Sec-WebSocket-Protocol") is None


def deflated(text):
    d = zlib.compressobj(wbits=-15)
    return (d.compress(text) + d.flush(zlib.Z_SYNC_FLUSH))[:-4]


def inflated(data):
    return zlib.decompressobj(wbits=-15).decompress(data + b"\x00\x00\xff\xff")


def test_compression_only_where_the_route_allows_it(world):
    pod = world.pod(routes=[{"path": "/plain"}, {"path": "/small", "deflate": True}])
    offer = [("Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits")]
    assert pod.connect("/plain", offer).response.header("Sec-WebSocket-Extensions") is None
    assert pod.connect("/small").response.header("Sec-WebSocket-Extensions") is None
    assert pod.connect("/small", [("Sec-WebSocket-Extensions", "x-other")]).response.header(
        "Sec-WebSocket-Extensions") is None
    c = pod.connect("/small", offer)
    assert c.response.header("Sec-WebSocket-Extensions").startswith("permessage-deflate")


def test_compressed_messages_go_both_ways(world):
    pod = world.pod(routes=[{"path": "/ws", "deflate": True}])
    long = "soup and noodles " * 200
    pod.app.answer(message=text(long))
    c = world.connect(pod, path="/ws", headers=[("Sec-WebSocket-Extensions", "permessage-deflate")])
    c.frame(frames.TEXT, deflated(long.encode()), rsv=4)
    fin, rsv, opcode, payload = c.recv_frame()
    assert pod.app.wait_event("message").text == long
    assert (fin, rsv, opcode) == (True, 4, frames.TEXT) and len(payload) < len(long) // 4
    assert inflated(payload).decode() == long
    # Uncompressed ones are fine beside them.
    c.send("plain")
    c.recv_frame()
    assert pod.app.events("message")[-1].text == "plain"


def test_a_client_may_go_on_with_its_compression_context(world):
    pod = world.pod(routes=[{"path": "/ws", "deflate": True}])
    for offer in ("permessage-deflate", "permessage-deflate; client_max_window_bits", "permessage-deflate; client_max_window_bits=9",
                  "permessage-deflate; server_max_window_bits=9"):
        pod.app.answer(message=text("soup and noodles " * 200))
        c = world.connect(pod, path="/ws", headers=[("Sec-WebSocket-Extensions", offer)])
        answered = c.response.header("Sec-WebSocket-Extensions")
        assert answered == ("permessage-deflate" if offer.endswith("client_max_window_bits") else offer)
        d = zlib.compressobj(wbits=-9 if offer.endswith("=9") else -15)
        for n in range(20):
            message = f"the same again and again, {n}, " * (1 + 40 * n)
            c.frame(frames.TEXT, (d.compress(message.encode()) + d.flush(zlib.Z_SYNC_FLUSH))[:-4], rsv=4)
            fin, rsv, opcode, payload = c.recv_frame()
            assert pod.app.events("message")[-1].text == message
            assert zlib.decompressobj(wbits=-9 if "server" in offer else -15).decompress(
                payload + b"\x00\x00\xff\xff") == b"soup and noodles " * 200
    assert 30_000 < pod.metric("wsidecar_deflate_window_bytes") <= 3 * 32768 + 512


def test_the_limit_counts_what_is_inflated(world):
    pod = world.pod(routes=[{"path": "/ws", "deflate": True, "limits": {"message": "64KiB"}}])
    offer = [("Sec-WebSocket-Extensions", "permessage-deflate")]
    bomb = deflated(b"\0" * (64 << 20))
    c = world.connect(pod, path="/ws", headers=offer)
    c.frame(frames.BINARY, deflated(b"\0" * 65536), rsv=4)
    assert len(pod.app.wait_event("message").body) == 65536
    c.frame(frames.BINARY, bomb[:60000], rsv=4)
    assert c.closed()[0] == 1009
    assert pod.rss() < 200 << 20
    assert len(pod.app.events("message")) == 1


def test_compressed_text_that_is_broken_or_no_utf8_is_refused(world):
    pod = world.pod(routes=[{"path": "/ws", "deflate": True}])
    offer = [("Sec-WebSocket-Extensions", "permessage-deflate")]
    c = world.connect(pod, path="/ws", headers=offer)
    c.frame(frames.TEXT, deflated(b"\xff\xfe"), rsv=4)
    assert c.closed()[0] == 1007
    c = world.connect(pod, path="/ws", headers=offer)
    c.frame(frames.TEXT, b"\x07\xff\xff\xff garbage", rsv=4)
    assert c.closed()[0] in (1002, 1007)
    assert not pod.app.events("message")


# ------------------------------------------------------------------------------------------- ends early


def test_bytes_that_come_behind_the_handshake_are_not_lost(pod):
    before = len(pod.app.events("message"))
    c = pod.connect(behind=frames.frame(frames.TEXT, "early"))
    wait_until(lambda: len(pod.app.events("message")) > before, 3, "the early message")
    assert pod.app.events("message")[-1].text == "early"
    c.close()


def test_silent_connections_are_not_the_apps_business(pod):
    before = heard(pod)
    with HttpConnection(pod.port), HttpConnection(pod.port) as c:
        c.send(b"GET /ws")
    stays(lambda: heard(pod) == before, 0.1)
    assert http(pod.port, "GET", "/x").status == 426
