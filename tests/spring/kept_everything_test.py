"""Each annotation and callback once: what clients of Spring and Tomcat are shown, and what clients of the library are, is the same."""

import base64
import hmac
import itertools
import json
import re
import subprocess
import time

import pytest

from support.kept import SECRET, KeptStage
from support.redis_server import Redis
from support.sockjs import SockJsHttp, SockJsWebSocket
from support.spring import Browser
from support.stomp import Stomp
from support.waiting import wait_until
from support.ws import Refused

_numbers = itertools.count(1)
AGENT = ("User-Agent", "tests")


@pytest.fixture(scope="module")
def now(make_kept):
    # What one test's client has not confirmed is for its user's next connection, which here would be another test's.
    return make_kept("everything", sources="", lease="1s", outbox={"grace": "100ms"}, 
                     arguments=["--management.endpoints.web.exposure.include=*", "--wsidecar.sessions=local"])


@pytest.fixture(scope="module")
def then(make_kept):
    return make_kept("everything", sources="", pods=False, replicas=1)


def log_of(stage, at=0):
    return json.loads(Browser().get(stage.replicas[at].port, "/log", expect=200).text)


def same(now, then, play):
    """The same play against both: what is shown, with the connection's own id taken out."""
    shown = [play(stage) for stage in (now, then)]
    assert shown[0] == shown[1], f"with wsidecar: {shown[0]!r}\nwithout: {shown[1]!r}"
    return shown[0]


def connect(stage, path, headers=(), **how):
    return stage.connect(stage.front(0), path, [AGENT, *headers], **how)


def ended(stage, begins, count=1):
    """The log's lines that begin so, once there is one more."""
    return wait_until(lambda: [line for line in log_of(stage) if line.startswith(begins)][-count:], 10, begins)


# ------------------------------------------------------------------------------------------------------------ raw handlers


def test_a_session_opens_with_what_interceptors_and_handshake_handlers_said(now, then):
    def play(stage):
        c = connect(stage, "/raw/a?who=%E5%BC%A0%E4%B8%89&x=1", subprotocols=["v1.acme", "v2.acme"])
        return [c.recv() for _ in range(3)], c.response.header("Sec-WebSocket-Protocol")

    lines, chosen = same(now, then, play)
    assert lines[1] == "attributes {who=%E5%BC%A0%E4%B8%89}" and lines[2] == "for %E5%BC%A0%E4%B8%89 with v1.acme from tests" and chosen == "v1.acme"


def test_an_interceptor_refuses_and_so_does_the_origin(now, then):
    def play(stage):
        refusals = []
        for path, headers in (("/raw/a?who=nobody", []), ("/raw/a?who=x", [("Origin", "https://evil.example"), ("Cookie", "a=b")])):
            with pytest.raises(Refused) as refused:
                connect(stage, path, headers)
            refusals.append(refused.value.status)
        return refusals

    assert same(now, then, play) == [418, 403]


def spoken(stage, path="/raw/a?who=ana", skip=3):
    c = connect(stage, path)
    for _ in range(skip):
        c.recv()
    return c


def test_messages_of_every_kind_come_back_in_order(now, then):
    def play(stage):
        c = spoken(stage)
        for m in ("hello 世界", "many", b"\x00\x01\xff", "count", "count", "apple", "apple", "open", '{"a":1}', "x" * 8000):
            c.send(m)
        got = [c.recv() for _ in range(13)]
        c.send("later")  # from another thread: Spring's own session takes no two messages at a time
        got.append(c.recv())
        c.hears_nothing(0.1)  # and has confirmed it: else it comes again, to this user's next connection
        c.close()
        return sorted(map(repr, got))

    assert len(same(now, then, play)) == 14


def test_what_an_event_sends_is_in_order(now):
    c = spoken(now)
    for n in range(30):
        c.send("many")
        c.send(str(n))
    for n in range(30):
        assert [c.recv() for _ in range(5)] == ["one", b"\x00\x01\xff", "", "three 世界", str(n)]


def test_a_handler_hears_how_its_client_went(now, then):
    def play(stage):
        c = spoken(stage)
        c.send("count")
        c.recv()
        c.close(4002, "bye")
        return ended(stage, "raw closed 4002")

    assert same(now, then, play) == ["raw closed 4002 bye 1"]


@pytest.mark.parametrize("word, code", [("close", 4001), ("fail", 1011)])
def test_close_codes_are_the_apps(now, then, word, code):
    def play(stage):
        c = spoken(stage)
        c.send(word)
        return c.until_closed()

    assert same(now, then, play)[1] == code


def test_decorators_and_handlers_for_each_connection(now, then):
    def play(stage):
        a, b = connect(stage, "/per"), connect(stage, "/per")
        heard = []
        for c in (a, a, b):
            c.send("x")
            heard.append(c.recv())
        return heard, connect(stage, "/decorated").recv()

    assert same(now, then, play) == (["heard 1", "heard 2", "heard 1"], "decorated")


@pytest.mark.parametrize("client", [SockJsWebSocket, SockJsHttp])
def test_a_handler_behind_sockjs(now, then, client):
    def play(stage):
        c = client(stage.front(0).port, "/sock", [AGENT], query="") if client is SockJsHttp else client(stage.front(0).port, "/sock", [AGENT])
        heard = [c.recv() for _ in range(3)][1:2]
        c.send("hello", "count")
        heard += [c.recv(), c.recv()]
        c.close()
        return heard

    assert same(now, then, play)[1:] == ["hello", "count 1"]


def test_two_endpoints_at_one_path_have_their_own_handlers_and_interceptors(now, then):
    def play(stage):
        port, shown = stage.front(0).port, []
        for open_ in (lambda: connect(stage, "/both"), lambda: connect(stage, "/both/websocket"), lambda: SockJsWebSocket(port, "/both", [AGENT]),
                      lambda: SockJsHttp(port, "/both", [AGENT], query="")):
            c = open_()
            if not stage.pods:
                time.sleep(0.2)  # Tomcat's handler knows a session a moment after its 101
            c.send("x")
            shown.append(c.recv())
            c.close()
        return shown

    assert same(now, then, play) == ["plain plain", "SockJS SockJS", "SockJS SockJS", "SockJS SockJS"]


# ----------------------------------------------------------------------------------------------------------- endpoint classes


def test_an_endpoint_class_with_everything(now, then):
    def play(stage):
        c = connect(stage, "/points/a%20b/41?tag=t&n=1", [], subprotocols=["points.v1"])
        heard = [c.recv()]
        for m, answers in (("1,2", 3), ("5,5", 3), (b"abc", 1), ("-1,0", 1)):
            c.send(m)
            heard += [c.recv() for _ in range(answers)]
        return heard  # what comes after an error is each container's own: Tomcat closes, the library goes on

    heard = same(now, then, play)
    assert heard[0] == "plane a b 42 tests t tag=t&n=1 points.v1 [41]"
    assert heard[1:4] == ["2,4", "heard 1", "2,3"] and heard[7:] == [b"\x03\x01", "error on a b: off the plane"]


def test_open_sessions_are_those_of_all_replicas(now):
    here, there = now.connect(now.pods[0], "/crowd"), now.connect(now.pods[1], "/crowd")
    here.send("hello")
    assert (here.recv(), there.recv()) == ("hello", "hello")
    for c in (here, there):
        c.close()


# ----------------------------------------------------------------------------------------------------------- sessions as values


def test_a_session_saved_by_one_replica_is_used_by_the_other(now):
    c = now.connect(now.pods[0], "/raw/a?who=saver", [AGENT])
    for _ in range(3):
        c.recv()
    c.send("save s1")
    assert c.recv() == "saved"
    assert 100 < now.redis.strlen('\xac\xed\x00\x05t\x00\x08saved:s1'.encode("latin-1")) < 1000
    for at in (1, 0):
        r = Browser().post(now.replicas[at].port, "/saved", {"name": "s1", "text": f"from {at} 世界"}, expect=200)
        assert r.text == "sent true /raw/a saver"
        assert c.recv() == f"from {at} 世界"
    c.close()
    for at in (1, 0):
        wait_until(lambda: Browser().post(now.replicas[at].port, "/saved", {"name": "s1", "text": "x"}, expect=200).text == "closed false", 5, "it says so")


def test_what_cannot_be_serialized_stays_and_is_named_once_with_its_class(now):
    c = spoken(now)
    for n in (1, 2, 3):
        c.send("lock")
        assert c.recv() == f"locked {n}"
    for what in ("the attribute 'lock' of a session is a com.example.everything.RawHandler$Lock",
                 "the Principal of a session is a com.example.everything.SocketConfig$Visitor"):
        assert sum(f"{what}, which cannot be serialized" in line for line in now.replicas[0].lines) == 1


def test_attributes_outlive_the_app(now):
    c = spoken(now)
    for m, answer in (("count", "count 1"), ("apple", "apples 1")):
        c.send(m)
        assert c.recv() == answer
    now.stop(0)
    now.begin(0)
    c.send("count")
    c.send("apple")
    heard = [c.recv() for _ in range(5)]
    assert {"count 2", "apples 2"} <= set(heard) and sum(h.startswith(("opened", "attributes", "for ana")) for h in heard) == 3


# ------------------------------------------------------------------------------------------------------------------- STOMP


def stomp(stage, user="bob", at=0, **headers):
    c = Stomp(stage.front(at).port, "/stomp", connect=False)
    stage.clients.append(c.ws)
    c.frame("CONNECT", {"accept-version": "1.2", "host": "x", "Authorization": f"Bearer {user}", "user_id": "42", **headers})
    c.expect("CONNECTED", user_name=user)
    return c


def subscribed(stage, c, *destinations):
    for n, destination in enumerate(destinations):
        c.frame("SUBSCRIBE", {"id": str(n), "destination": destination})
    wait_until(lambda: sum(line.startswith("subscribe") for line in log_of(stage)) >= len(destinations), 10, "subscribed")
    time.sleep(0.3)


def test_stomp_with_everything(now, then):
    def play(stage):
        c = stomp(stage)
        subscribed(stage, c, "/topic/one", "/topic/two", "/me/queue/answers", "/topic/default.r1")
        shown = []
        for destination, body, headers, answers in (
                ("/app/default.r1", "hi 世界", {}, 1), ("/app/number", "41", {}, 2), ("/app/number", "1", {"content-type": "application/json"}, 2),
                ("/app/headers", "x", {"Priority": "9", "x_y": "z"}, 1), ("/app/headers", "x", {"Priority": "1"}, 1),
                ("/app/mine", "m", {}, 1), ("/app/template", "t", {}, 2), ("/app/fail", "", {}, 1), ("/app/rooms/世 界.x:1/of/7", "", {}, 1),
                ("/app/typed/12", "x", {}, 1), ("/app/any/deep/er", "", {}, 1)):
            c.frame("SEND", {"destination": destination, **headers}, body)
            shown.append(sorted((m.headers["destination"], m.headers["subscription"], m.headers.get("colour"), m.body)
                                for m in (c.message() for _ in range(answers))))
        c.frame("SUBSCRIBE", {"id": "init", "destination": "/app/init.r2"})
        m = c.message()
        shown.append([(m.headers["destination"], m.headers["subscription"], m.body)])
        c.frame("UNSUBSCRIBE", {"id": "1"})
        c.frame("SEND", {"destination": "/app/number"}, "7")
        shown.append([c.message().body])
        c.ws.close()
        return shown, [re.sub(r" \d+$", "", line) for line in ended(stage, "disconnect bob")]

    shown, gone = same(now, then, play)
    assert shown[3][0][3].startswith("9 true z 42 1 true") and gone == ["disconnect bob Token"]


def test_a_frame_that_no_method_can_take_costs_its_client_nothing(now, then):
    def play(stage):
        c = stomp(stage)
        subscribed(stage, c, "/me/queue/answers")
        for destination in ("/app/nowhere", "/app/typed/a12", "/app/twice/x", "/app/rooms/red/of/nobody"):
            c.frame("SEND", {"destination": destination}, "x")
        time.sleep(0.3)  # Spring's methods run in parallel
        c.frame("SEND", {"destination": "/app/mine"}, "still here")
        shown = c.message().body
        c.ws.close()
        return shown

    assert same(now, then, play) == "mine still here"


def test_a_connect_without_a_token_and_a_secret_destination_are_refused(now, then):
    """And so is a SEND: by the ERROR that Spring sends where there is no handler for it."""
    def play(stage):
        refused = []
        for command, headers in (("CONNECT", {"accept-version": "1.2", "host": "x"}), ("SUBSCRIBE", {"id": "s", "destination": "/topic/secret"}),
                                 ("SEND", {"destination": "/app/secret"})):
            c = Stomp(stage.front(0).port, "/stomp", connect=False) if command == "CONNECT" else stomp(stage)
            if not stage.pods:
                time.sleep(0.3)  # Spring's own sender may still hold the session: an ERROR that waits for it is lost with the close
            c.frame(command, headers)
            f = c.recv()
            refused.append((f.command, f.headers, f.body))
        return refused

    shown = same(now, then, play)
    assert [(command, body) for command, _, body in shown] == [("ERROR", "")] * 3
    assert all(h["message"].startswith("Failed to send message to ExecutorSubscribableChannel[clientInboundChannel]") for _, h, _ in shown)


def test_interceptors_of_the_outbound_channel_see_an_answer_in_their_order(now, then):
    def play(stage):
        before = len(log_of(stage))
        c = stomp(stage)
        c.frame("SUBSCRIBE", {"id": "m", "destination": "/app/marked"})
        shown = c.message().body
        wait_until(lambda: sum(line.startswith("marked at last") for line in log_of(stage)[before:]) == 2, 5, "both have seen it")
        c.ws.close()
        return shown, [line for line in log_of(stage)[before:] if line.startswith("marked")]

    assert same(now, then, play)[0] == "m12"


def test_events_say_who_and_what(now, then):
    def play(stage):
        before = len(log_of(stage))
        c = stomp(stage, "eve")
        c.frame("SUBSCRIBE", {"id": "a", "destination": "/topic/one"})
        c.frame("UNSUBSCRIBE", {"id": "a"})
        wait_until(lambda: any(line.startswith("unsubscribe eve") for line in log_of(stage)), 10, "unsubscribed")
        c.ws.close()
        wait_until(lambda: any(line.startswith("disconnect eve") for line in log_of(stage)), 10, "gone")
        return sorted(re.sub(r" \d+$", "", line) for line in log_of(stage)[before:] if " eve " in line)

    assert same(now, then, play) == ["connect eve Token", "connected eve Token", "disconnect eve Token", "subscribe eve Token /topic/one",
                                     "unsubscribe eve Token a"]


def test_the_registry_of_users_is_that_of_all_replicas(now):
    a, b = stomp(now, "zoe", 0), stomp(now, "zoe", 1)
    for c in (a, b):
        c.subscribe("/topic/one", "t")
    for at in (0, 1):
        assert Browser().get(now.replicas[at].port, "/users?name=zoe", expect=200).text == "2 [/topic/one, /topic/one]"
    for c in (a, b):
        c.ws.close()
    wait_until(lambda: Browser().get(now.replicas[1].port, "/users?name=zoe", expect=200).text == "none", 5, "gone")


def test_the_registry_says_in_words_what_springs_says(now, then):
    def play(stage):
        c = stomp(stage, "ida")
        subscribed(stage, c, "/topic/one")
        said = Browser().get(stage.replicas[0].port, "/users-in-words?name=ida", expect=200).text
        c.ws.close()
        return re.sub("id=[^,]+,", "id=ID,", re.sub("{[^=]+=id", "{ID=id", said))

    assert same(now, then, play) == "name=ida, sessions={ID=id=ID, subscriptions={0=destination=/topic/one}}"


# ------------------------------------------------------------------------------------------------------------------ what it says


def test_it_prints_what_wsidecar_needs_and_what_cannot_be_kept(now):
    shown = json.loads(Browser().get(now.replicas[0].port, "/actuator/wsidecar", expect=200).text)
    assert "/points/{plane}/{n}" in shown["yaml"] and "origins: [\"https://shop.example\"]" in shown["yaml"]
    assert any("ChannelInterceptor of the outbound channel" in r for r in shown["remarks"])
    assert "app_prefixes: [/app, /me, /queue, /topic]" in shown["yaml"]  # what clients send straight to the broker passes the interceptors


# ---------------------------------------------------------------------------------------------------------------- bad events


def signed(body, id, at=None, secret=SECRET):
    time_ = str(int(time.time()) if at is None else at)
    key = base64.b64decode(secret[6:])
    mac = base64.b64encode(hmac.new(key, f"{id}.{time_}.".encode() + body, "sha256").digest()).decode()
    return [("webhook-id", id), ("webhook-timestamp", time_), ("webhook-signature", "v1," + mac)]


def event(stage, connection, sequence, body=b"", kind="message", signature=None, path="/raw/a", id=None, **more):
    id = id or (f"{connection}:end" if kind == "disconnect" else f"{connection}:{sequence}")
    headers = [("ce-specversion", "1.0"), ("ce-type", f"wsidecar.{kind}"), ("ce-id", id), ("ce-source", "/wsidecar/test"), ("ce-subject", path),
               ("ce-connectionid", connection), ("Content-Type", "text/plain; charset=utf-8"), ("ce-sequence", str(sequence))]
    headers += [(name.replace("_", "-"), value) for name, value in more.items()]
    return Browser().post(stage.replicas[0].port, path, body, [*headers, *(signature or signed(body, id))])


@pytest.fixture
def connection():
    return f"c{next(_numbers)}{int(time.time() * 1000)}"


def test_an_event_that_is_sent_again_is_handled_once_and_answered_alike(now, connection):
    first = event(now, connection, 0, kind="connect")
    assert (first.status, first.body.startswith(b"opened")) == (200, True)
    state = first.header("Ws-State")
    one = event(now, connection, 1, b"count", ws_state=state)
    again = event(now, connection, 1, b"count", ws_state=state)
    assert one.body == again.body == b"count 1" and one.header("Ws-State") == again.header("Ws-State")
    assert event(now, connection, 2, b"count", ws_state=one.header("Ws-State")).body == b"count 2"
    assert event(now, connection, 1, b"other").body == b"count 1"  # by its id


def test_an_event_of_the_past_is_refused(now, connection):
    state = event(now, connection, 0, kind="connect").header("Ws-State")
    assert event(now, connection, 5, b"a", ws_state=state).body == b"a"
    assert event(now, connection, 4, b"b", ws_state=state).status == 409
    assert event(now, connection, 6, kind="disconnect", ws_close_code="1000").status in (200, 204)
    assert event(now, connection, 7, b"c", ws_state=state).status == 409


def test_of_an_unknown_session_the_handler_is_told_first(now, connection):
    r = event(now, connection, 3, b"hello")
    assert r.header("Ws-Messages").count("text=") == 4 and r.body.startswith(b"opened ") and r.body.endswith(b"hello")


@pytest.mark.parametrize("bad", ["secret", "body", "old", "other id", "none"])
def test_an_event_that_wsidecar_did_not_sign_is_refused(now, connection, bad):
    id = f"{connection}:1"
    other = "whsec_" + base64.b64encode(b"x" * 32).decode()
    signature = {"secret": signed(b"x", id, secret=other), "body": signed(b"y", id), "old": signed(b"x", id, at=int(time.time()) - 400),
                 "other id": signed(b"x", f"{connection}:2"), "none": [("X", "y")]}[bad]
    r = event(now, connection, 1, b"x", signature=signature)
    assert (r.status, r.text) == (403, "not signed by wsidecar\n")


def test_a_state_that_the_library_did_not_write_is_not_read(now, connection):
    state = event(now, connection, 0, kind="connect").header("Ws-State")
    forged = base64.urlsafe_b64encode(bytes([b ^ 1 for b in base64.urlsafe_b64decode(state + "=" * (-len(state) % 4))])).decode().rstrip("=")
    r = event(now, connection, 1, b"open", ws_state=forged)
    assert r.status == 200 and r.body.endswith(b"open true")


def test_an_event_of_a_path_without_a_handler_is_for_controllers(now, connection):
    """Spring's own answer to a POST that nobody takes; wsidecar says in its log what to do about it."""
    assert event(now, connection, 1, b"x", path="/nothing").status == Browser().post(now.replicas[0].port, "/nothing", b"x").status
    for kind in ("connect", "message"):
        taken = event(now, connection, 1, b"hello", kind=kind, path="/taken")
        assert (taken.status, taken.text) == (200, f"wsidecar.{kind} POST hello")
    assert event(now, connection, 2, b"x", path="/taken", signature=[("X", "y")]).status == 403


# ----------------------------------------------------------------------------------------------------------------------- costs


@pytest.fixture(scope="module")
def alone(generation):
    """One replica and a Redis that may go away."""
    redis = Redis()
    timeouts = [f"--spring.{front}.timeout=1s" for front in ("redis", "data.redis")]
    stage = KeptStage(generation, "everything", redis, replicas=1, sources="", arguments=timeouts)
    yield stage.start()
    stage.close()
    redis.close()


def test_while_redis_is_away_sending_fails_as_an_io_exception_and_events_go_on(alone):
    c = spoken(alone)
    c.send("hold")
    assert c.recv() == "held"
    tell = lambda text: Browser().post(alone.replicas[0].port, "/held", {"text": text}, expect=200).text  # noqa: E731
    assert (tell("before"), c.recv()) == ("sent", "before")
    alone.redis_server.stop()
    wait_until(lambda: tell("lost") == "java.io.IOException", 20, "it says so")
    for m, answer in (("count", "count 1"), ("still here", "still here"), ("count", "count 2"), ("apple", "apples 1"), ("apple", "apples 2")):
        c.send(m)
        assert c.recv() == answer  # with the event's answer: Redis has no part in it
    alone.redis_server.restart()
    wait_until(lambda: tell("again") == "sent", 20, "it is back")
    assert next(m for m in iter(c.recv, None) if m == "again")
    c.send("apple")
    assert next(m for m in iter(c.recv, None) if m.startswith("apples")) == "apples 3"


def test_memory_does_not_grow_with_connections(now):
    """The raw handler keeps no session, and neither does the library: what was opened is not in the heap any more."""
    before = f"h{time.time_ns()}x"
    for n in range(1000):
        event(now, f"{before}{n}", 0, kind="connect")
    histogram = subprocess.run(["jcmd", str(now.replicas[0].process.pid), "GC.class_histogram"], capture_output=True, text=True, check=True).stdout
    rows = {row[3]: int(row[1]) for row in (line.split() for line in histogram.splitlines()) if len(row) >= 4 and row[3].startswith("io.wsidecar")}
    assert rows.get("io.wsidecar.core.Connection", 0) < 50 and rows.get("io.wsidecar.spring.SidecarWebSocketSession", 0) < 50, rows
    for n in range(1000):
        event(now, f"{before}{n}", 1, kind="disconnect", ws_close_code="1000")
