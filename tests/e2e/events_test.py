"""Events: what the app is sent, header by header."""

import base64
import hashlib
import hmac
import os
import re
import time
from datetime import datetime, timezone
from urllib.parse import quote

import pytest

from support.app import Answer, commands, text
from support.http import raw_http
from support.waiting import stays, wait_until
from support.ws import Refused, upgrade_request

NAMES = {"ce-specversion", "ce-type", "ce-id", "ce-source", "ce-subject", "ce-time", "ce-connectionid", "ce-userid",
         "ce-sequence", "ws-state", "ws-attempt", "ws-close-code", "ws-close-reason", "ws-reason", "ws-user-connections"}


@pytest.fixture(scope="module")
def pod(shared):
    return shared.pod(routes=[
        {"path": "/ws/{rest...}"},
        {"path": "/xml", "content_type": "application/xml"},
        {"path": "/quiet", "events": ["message"]},
        {"path": "/to/{room}", "event_path": "/events/{event}/of/{room}?fixed=1"},
    ])


@pytest.fixture(autouse=True)
def fresh_answers(pod):
    pod.app.answers.clear()


def whole_life(pod, path="/ws/life?token=1", headers=(), user=None):
    """connect, two messages, disconnect."""
    if user:
        pod.app.answer(connect=commands(Ws_User=user))
    c = pod.connect(path, headers)
    ws = pod.app.events("connect")[-1].ws
    c.send("one").send("two")
    pod.app.wait_events("message", 2, ws=ws)
    c.close(1000, "done")
    pod.app.wait_event("disconnect", ws=ws)
    return pod.app.events(ws=ws)


# ------------------------------------------------------------------------------------- the context's headers


def test_every_event_is_a_post_to_the_path_and_query_that_the_client_opened(pod):
    for r in whole_life(pod, "/ws/a/%E5%BC%A0?token=1&x=%2F"):
        assert (r.method, r.target) == ("POST", "/ws/a/%E5%BC%A0?token=1&x=%2F")
        assert r.header("Host") == "shop.example"
        assert r.header("ce-subject") == "/ws/a/%E5%BC%A0"
        assert r.header("Content-Length") == str(len(r.body))
        assert r.header("Transfer-Encoding") is None


def test_identity_and_order_are_in_the_headers(pod):
    events = whole_life(pod)
    connect, one, two, gone = events
    assert [r.header("ce-type") for r in events] == ["wsidecar.connect", "wsidecar.message", "wsidecar.message",
                                                     "wsidecar.disconnect"]
    ws = connect.ws
    assert re.fullmatch(r"[A-Za-z0-9_-]{16,}", ws)
    assert [r.header("ce-id") for r in events] == [f"{ws}:0", f"{ws}:1", f"{ws}:2", f"{ws}:end"]
    assert [r.header("Idempotency-Key") for r in events] == [r.header("ce-id") for r in events]
    assert [r.header("ce-sequence") for r in events] == ["0", "1", "2", "3"]
    for r in events:
        assert r.header("ce-specversion") == "1.0"
        assert r.header("ce-source") == f"/wsidecar/{pod.instance}"
        assert r.header("ws-attempt") == "1"
        assert r.header("ce-connectionid") == ws
        assert {n for n, _ in r.headers if n.startswith(("ce-", "ws-"))} <= NAMES | {"ws-path-rest"}


def test_the_time_is_rfc_3339_utc_with_milliseconds(pod):
    for r in whole_life(pod):
        value = r.header("ce-time")
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", value)
        then = datetime.strptime(value, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc)
        assert abs(time.time() - then.timestamp()) < 30


def test_the_user_is_told_once_known_and_percent_encoded(pod):
    connect, one, two, gone = whole_life(pod, user="%E5%BC%A0%E4%B8%89")
    assert connect.header("ce-userid") is None
    assert [r.header("ce-userid") for r in (one, two, gone)] == ["%E5%BC%A0%E4%B8%89"] * 3


@pytest.mark.parametrize("user", ["alice", "a b", "50%", 'say "hi"', "~user/x=1,y", "😀"])
def test_a_user_comes_back_as_it_was_named(pod, user):
    gone = whole_life(pod, user=quote(user, safe=""))[-1]
    assert gone.decoded("ce-userid") == user
    assert re.fullmatch(r"[!-~]*", gone.header("ce-userid")) and '"' not in gone.header("ce-userid")


def test_the_number_of_the_users_connections_is_told_on_disconnect(pod):
    connect, one, _, gone = whole_life(pod, user="counted")
    assert connect.header("ws-user-connections") is None
    assert one.header("ws-user-connections") is None
    assert gone.header("ws-user-connections") == "0"


def test_on_connect_the_number_counts_this_one_when_the_path_names_the_user(world):
    pod = world.pod(routes=[{"path": "/u/{id}", "user": "{id}"}])
    for count in ("1", "2"):
        world.connect(pod, path="/u/alice")
        connect = pod.app.events("connect")[-1]
        assert connect.header("ws-user-connections") == count
        assert connect.header("ce-userid") == "alice"


def test_the_state_goes_with_every_later_event(pod):
    pod.app.answer(connect=commands(Ws_State='{"room":1,"%41":"a+b c"}'),
                   message=[commands(), commands(Ws_State="two"), commands(Ws_State=""), commands()])
    c = pod.connect()
    ws = pod.app.events("connect")[-1].ws
    for i in range(4):
        c.send(str(i))
    states = [r.header("ws-state") for r in pod.app.wait_events("message", 4, ws=ws)]
    assert states == ['{"room":1,"%41":"a+b c"}'] * 2 + ["two", None]  # byte for byte
    c.close()
    assert pod.app.wait_event("disconnect", ws=ws).header("ws-state") is None


def test_the_close_is_told_on_disconnect_only(pod):
    *others, gone = whole_life(pod)
    assert gone.header("ws-close-code") == "1000" and gone.header("ws-close-reason") == "done"
    for r in others:
        assert r.header("ws-close-code") is None and r.header("ws-close-reason") is None
    assert gone.header("ws-reason") is None


def test_trace_context_is_continued_on_connect_and_new_later(pod):
    parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    events = whole_life(pod, headers=[("traceparent", parent), ("tracestate", "vendor=1")])
    for r in events:
        assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]", r.header("traceparent"))
    traces = [r.header("traceparent").split("-")[1] for r in events]
    assert traces[0] == "4bf92f3577b34da6a3ce929d0e0e4736"
    assert len(set(traces)) == len(events)
    assert events[0].header("tracestate") == "vendor=1"
    assert all(r.header("tracestate") is None for r in events[1:])


def test_a_malformed_trace_context_is_not_continued(pod):
    connect = whole_life(pod, headers=[("traceparent", "00-zz-yy-01")])[0]
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]", connect.header("traceparent"))


# ------------------------------------------------------------------------------------ bodies and their types


@pytest.mark.parametrize("message, kind", [
    ('{"a":1}', "application/json"), ("[1,2]", "application/json"), (' \n{"a":"张"} ', "application/json"),
    ("{}", "application/json"), ('"text"', "text/plain; charset=utf-8"), ("1", "text/plain; charset=utf-8"),
    ("null", "text/plain; charset=utf-8"), ("{not json", "text/plain; charset=utf-8"), ('{"a":1}x', "text/plain; charset=utf-8"),
    ('{"a":1}{"b":2}', "text/plain; charset=utf-8"), ("{'a':1}", "text/plain; charset=utf-8"), ("你好", "text/plain; charset=utf-8"),
    ("", "text/plain; charset=utf-8"), (b'{"a":1}', "application/octet-stream"), (b"\x00\xff", "application/octet-stream"),
])
def test_the_body_is_the_message_byte_for_byte_and_its_type_is_seen(pod, message, kind):
    before = len(pod.app.events("message"))
    c = pod.connect()
    c.send(message)
    r = pod.app.wait_events("message", before + 1)[before]
    assert r.header("Content-Type") == kind
    assert r.body == (message.encode() if isinstance(message, str) else message)
    c.close()


def test_a_configured_type_is_used_as_it_is(pod):
    before = len(pod.app.events("message"))
    pod.connect("/xml").send('{"a":1}')
    assert pod.app.wait_events("message", before + 1)[before].header("Content-Type") == "application/xml"


def test_connect_and_disconnect_have_no_body(pod):
    events = whole_life(pod)
    assert events[0].body == events[-1].body == b""


# --------------------------------------------------------------------------------------- routes and addresses


def test_an_event_path_takes_the_event_and_the_variables(pod):
    events = whole_life(pod, "/to/%E5%BC%A0%20x")
    assert [r.target for r in events] == [f"/events/{e}/of/%E5%BC%A0%20x?fixed=1"
                                          for e in ("connect", "message", "message", "disconnect")]
    assert all(r.header("ce-subject") == "/to/%E5%BC%A0%20x" for r in events)
    assert events[0].header("ws-path-room").encode("latin-1").decode() == "张 x"


def test_only_the_events_of_the_route_are_sent(pod):
    before = len(pod.app.events())
    c = pod.connect("/quiet")
    c.send("only this")
    wait_until(lambda: len(pod.app.events()) > before, 3, "the message")
    c.close()
    stays(lambda: [r.type for r in pod.app.events()[before:]] == ["message"], 0.2)


def test_an_app_url_with_a_path_stands_in_front(world):
    app = world.app()
    world.config = {"app": {"url": app.url + "/base"}}
    pod = world.pod(app=app)
    world.connect(pod, path="/ws/x?y=1")
    assert app.wait_event("connect").target == "/base/ws/x?y=1"


def test_a_fixed_host(world):
    world.config = {"app": {"host": "backend.internal"}}
    pod = world.pod()
    world.connect(pod)
    assert pod.app.wait_event("connect").header("Host") == "backend.internal"


def test_an_app_on_a_unix_socket(world, tmp_path):
    app = world.app(unix=str(tmp_path / "app.sock"))
    pod = world.pod(app=app)
    app.answer(message=text("over the socket"))
    c = world.connect(pod, user="alice")
    c.send("x")
    assert c.recv() == "over the socket"


# --------------------------------------------------------------------------------- the handshake's own headers

HANDSHAKE = [
    ("Cookie", "SESSION=1"), ("Authorization", "Bearer t"), ("Origin", "https://shop.example"),
    ("Referer", "https://shop.example/menu"), ("User-Agent", "test/1"), ("Accept-Language", "zh-CN"),
    ("X-Request-Id", "r1"), ("X-Tenant", "t1"), ("X-Other", "o1"), ("Accept", "*/*"), ("Accept-Encoding", "gzip"),
    ("Cache-Control", "no-cache"),
]
REPLAYED = {"Cookie": "SESSION=1", "Authorization": "Bearer t", "User-Agent": "test/1", "Accept-Language": "zh-CN",
            "X-Forwarded-For": "127.0.0.1", "X-Forwarded-Proto": "http", "X-Forwarded-Host": "shop.example",
            "X-Forwarded-Port": "80"}


def test_connect_has_the_handshakes_headers_by_allow_list(pod):
    connect = whole_life(pod, headers=HANDSHAKE)[0]
    for name, value in (REPLAYED | {"Origin": "https://shop.example", "Referer": "https://shop.example/menu",
                                    "X-Request-Id": "r1"}).items():
        assert connect.header(name) == value, name
    for name in ("X-Tenant", "X-Other", "Accept", "Accept-Encoding", "Cache-Control", "Upgrade", "Sec-WebSocket-Key",
                 "Sec-WebSocket-Version", "Sec-WebSocket-Extensions"):
        assert connect.header(name) is None, name


def test_later_events_have_those_that_are_replayed(pod):
    for r in whole_life(pod, headers=HANDSHAKE)[1:]:
        for name, value in REPLAYED.items():
            assert r.header(name) == value, name
        for name in ("Origin", "Referer", "X-Request-Id", "X-Tenant", "X-Other"):
            assert r.header(name) is None, name


def test_forward_headers_adds_names_and_families(world):
    pod = world.pod(forward_headers=["X-Tenant", "X-Shop-*"],
                    routes=[{"path": "/ws"}, {"path": "/own", "forward_headers": ["X-Own"]}])
    headers = [("x-tenant", "t1"), ("X-Shop-Id", "s1"), ("X-Shopping", "no"), ("X-Own", "o1")]
    connect, message, _, gone = whole_life(pod, "/ws", headers)
    for r in (connect, message, gone):
        assert r.header("X-Tenant") == "t1" and r.header("X-Shop-Id") == "s1"
        assert r.header("X-Shopping") is None and r.header("X-Own") is None
    assert whole_life(pod, "/own", headers)[0].header("X-Own") == "o1"


def test_replay_headers_names_what_later_events_have(world):
    pod = world.pod(replay_headers=["Authorization"])
    connect, message, _, gone = whole_life(pod, headers=HANDSHAKE)
    assert connect.header("Cookie") == "SESSION=1"
    for r in (message, gone):
        assert r.header("Authorization") == "Bearer t"
        assert r.header("Cookie") is None and r.header("User-Agent") is None and r.header("X-Forwarded-For") is None


FORGED = ["X_User", "X_Tenant", "X.Tenant", "ce-userid", "CE-Type", "Ce-Id", "ce_userid", "ws-user", "WS-State", "ws_state",
          "ws-path-rest", "stomp-destination", "Stomp-Anything", "webhook-id", "Webhook-Signature", "Idempotency-Key",
          "idempotency-key", "Idempotency_Key"]


def test_nobody_can_forge_what_wsidecar_sets_or_names_that_backends_read_as_others(world):
    pod = world.pod(forward_headers=["*"])
    headers = [(n, "forged") for n in FORGED] + [("X-Tenant", "t1")]
    for r in whole_life(pod, headers=headers):
        assert "forged" not in [v for _, v in r.headers]
        assert r.header("X-Tenant") == "t1"
        for name in ("ce-id", "ce-type", "Idempotency-Key"):
            assert len(r.all(name)) == 1
        # Of the handshake itself nothing is left, whatever forward_headers says.
        for name in ("Upgrade", "Sec-WebSocket-Key", "Sec-WebSocket-Version", "Transfer-Encoding"):
            assert r.header(name) is None


def test_more_headers_than_the_app_takes_are_431_with_a_log_line_that_says_the_cure(pod):
    before = len(pod.app.requests)
    r = raw_http(pod.port, upgrade_request(headers=[("Cookie", "a=" + "x" * 8192)]))
    assert r.status == 431 and r.closed
    assert len([x for x in pod.app.requests[before:] if x.type == "connect"]) == 0
    line = pod.wait_logged("app.max_header")[0]
    assert "maxHttpHeaderSize" in str(line)


def test_what_is_not_forwarded_does_not_count_and_the_limit_can_be_raised(world):
    pod = world.pod()
    pod.connect(headers=[("X-Large", "x" * 12000)]).drop()
    world.config = {"app": {"max_header": "16KiB"}}
    raised = world.pod()
    c = raised.connect(headers=[("Cookie", "a=" + "x" * 10000)])
    assert len(raised.app.wait_event("connect").header("Cookie")) == 10002
    c.drop()


@pytest.mark.parametrize("path", ["/ws/x", "/ws/" + "%E5%BC%A0" * 200 + "?q=" + "z" * 500, "/to/" + "y" * 800])
def test_no_event_is_larger_than_what_the_app_takes_and_little_room_is_wasted(pod, path):
    before = len(pod.app.requests)
    low, high = 0, 8192
    while high - low > 16:
        middle = (low + high) // 2
        try:
            pod.connect(path, [("Cookie", "a=" + "x" * middle)]).drop()
            low = middle
        except Refused as e:
            assert e.status == 431
            high = middle
    largest = max(len(r.head) + 4 for r in pod.app.requests[before:])
    assert 6144 < largest <= 8192


def test_two_cookie_headers_become_one(pod):
    connect, message, *_ = whole_life(pod, headers=[("Cookie", "a=1"), ("Cookie", "b=2")])
    assert connect.header("Cookie") == message.header("Cookie") == "a=1; b=2"


# ------------------------------------------------------------------------------------------------- cookies


def test_set_cookie_of_any_answer_goes_into_later_events(pod):
    pod.app.answer(connect=commands(("Set-Cookie", "SESSION=2; Path=/; HttpOnly"), ("Set-Cookie", "new=1")),
                   message=[commands(("Set-Cookie", "SESSION=3; Secure")), commands(("Set-Cookie", "new=; Max-Age=0")),
                            commands()])
    c = pod.connect(headers=[("Cookie", "other=0; SESSION=1")])
    assert c.response.all("Set-Cookie") == ["SESSION=2; Path=/; HttpOnly", "new=1"]
    ws = pod.app.events("connect")[-1].ws
    for _ in range(3):
        c.send("x")

    def cookies(r):
        return set(r.header("Cookie").split("; "))
    one, two, three = pod.app.wait_events("message", 3, ws=ws)
    assert cookies(one) == {"other=0", "SESSION=2", "new=1"}
    assert cookies(two) == {"other=0", "SESSION=3", "new=1"}
    assert cookies(three) == {"other=0", "SESSION=3"}
    c.close()
    assert cookies(pod.app.wait_event("disconnect", ws=ws)) == {"other=0", "SESSION=3"}


def test_cookies_of_an_answer_that_says_no_count_too(pod):
    pod.app.answer(message=[Answer(403, [("Set-Cookie", "SESSION=2")]), Answer(503, [("Set-Cookie", "SESSION=3")]), commands()])
    c = pod.connect(headers=[("Cookie", "SESSION=1")])
    ws = pod.app.events("connect")[-1].ws
    c.send("x").send("y")
    assert [r.header("Cookie") for r in pod.app.wait_events("message", 3, ws=ws)] == ["SESSION=1", "SESSION=2", "SESSION=3"]


def test_a_session_that_begins_later_is_kept_too(pod):
    pod.app.answer(message=[commands(("Set-Cookie", "SESSION=1")), commands()])
    c = pod.connect()
    ws = pod.app.events("connect")[-1].ws
    c.send("login").send("x")
    login, after = pod.app.wait_events("message", 2, ws=ws)
    assert login.header("Cookie") is None and after.header("Cookie") == "SESSION=1"


# ------------------------------------------------------------------------------------------------- signing


def signed_with(r, key):
    content = f"{r.header('webhook-id')}.{r.header('webhook-timestamp')}.".encode() + r.body
    return "v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()


def test_events_are_signed_as_standard_webhooks_say(world):
    key = os.urandom(24)
    world.config = {"app": {"signing_secret": "whsec_" + base64.b64encode(key).decode()}}
    pod = world.pod()
    for r in whole_life(pod):
        assert r.header("webhook-id") == r.header("ce-id")
        assert abs(int(r.header("webhook-timestamp")) - time.time()) < 30
        assert r.header("webhook-signature") == signed_with(r, key)


def test_two_secrets_sign_both(world, tmp_path):
    keys = [os.urandom(24), os.urandom(32)]
    secrets = ["whsec_" + base64.b64encode(k).decode() for k in keys]
    world.config = {"app": {"signing_secret": secrets}}
    pod = world.pod()
    for r in whole_life(pod):
        assert r.header("webhook-signature").split(" ") == [signed_with(r, k) for k in keys]
    file = tmp_path / "secret"
    file.write_text("\n".join(secrets) + "\n")
    world.config = {"app": {"signing_secret_file": str(file)}}
    pod = world.pod()
    for r in whole_life(pod):
        assert r.header("webhook-signature").split(" ") == [signed_with(r, k) for k in keys]


def test_without_a_secret_nothing_is_signed(pod):
    for r in whole_life(pod):
        assert r.header("webhook-id") is None and r.header("webhook-signature") is None


def test_a_retry_is_signed_anew_with_the_same_id(world):
    key = os.urandom(24)
    world.config = {"app": {"signing_secret": "whsec_" + base64.b64encode(key).decode()}}
    pod = world.pod()
    pod.app.answer(message=[Answer(503), commands()])
    c = world.connect(pod)
    c.send("x")
    first, second = pod.app.wait_events("message", 2)
    assert first.header("webhook-id") == second.header("webhook-id")
    assert [r.header("ws-attempt") for r in (first, second)] == ["1", "2"]
    assert second.header("webhook-signature") == signed_with(second, key)
