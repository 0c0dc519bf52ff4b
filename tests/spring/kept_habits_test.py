"""What applications do that tutorials do not show, unchanged: clients are shown what Spring and Tomcat show them."""

import itertools
import json
import time

import pytest

from support.kept import at, same
from support.spring import Browser
from support.stomp import Stomp
from support.waiting import wait_until
from support.ws import Refused

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def now(make_kept):
    return make_kept("habits", sources="", lease="1s", outbox={"grace": "100ms"}, arguments=["--wsidecar.prefix=habits:"], prefix="habits:")


@pytest.fixture(scope="module")
def then(make_kept):
    return make_kept("habits", sources="", pods=False, replicas=1)


@pytest.fixture
def name():
    return f"h{next(_numbers)}"


def connect(stage, path, n=0, **how):
    return stage.connect(stage.front(at(stage, n)), path, **how)


def called(stage, name, count, n=0):
    """What was called for this client, once there is as much of it."""
    def lines():
        return json.loads(Browser().get(stage.replicas[n].port, f"/calls?name={name}", expect=200).text)

    wait_until(lambda: len(lines()) >= count, 10, "it is called")
    time.sleep(0.2)  # and not once more
    return lines()


def ask(stage, n, target, **form):
    return Browser().post(stage.replicas[at(stage, n)].port, target, form, expect=200).text


# --------------------------------------------------------------------------------------------------------------- handshakes


@pytest.mark.parametrize("path", ["/by-filter", "/by-filter-endpoint", "/by-interceptor", "/by-configurator"])
def test_a_token_that_is_sent_as_a_subprotocol_is_answered(now, then, path):
    def play(stage):
        c = connect(stage, path, subprotocols=("good.token-1",))
        shown = [c.response.header("Sec-WebSocket-Protocol")]
        c.send("x")
        shown.append(c.recv())
        c.close()
        return shown

    shown = same(now, then, play)
    assert shown[0] == "good.token-1"


@pytest.mark.parametrize("path", ["/by-filter", "/by-filter-endpoint"])
def test_a_filter_that_refuses_a_token(now, then, path):
    def play(stage):
        with pytest.raises(Refused) as e:
            connect(stage, path, subprotocols=("bad",))
        return e.value.status

    assert same(now, then, play) == 401


def test_a_handshake_handler_that_asks_springs_own(now, then):
    def play(stage):
        with pytest.raises(Refused) as e:
            connect(stage, "/by-own-handshake")
        c = connect(stage, "/by-own-handshake?token")
        c.send("xyz")
        shown = c.recv()
        c.close()
        return e.value.status, shown

    assert same(now, then, play) == (401, "3")


def test_a_message_may_have_what_the_container_was_told(now, then):
    def play(stage):
        c = connect(stage, "/parts")
        c.send("x" * 280_000)
        shown = c.recv()
        c.close()
        return shown

    assert same(now, then, play) == "280000"
    assert any(r["path"] == "/parts" and r["limits"] == {"message": 300_000} for r in now.config()["routes"])


# ---------------------------------------------------------------------------------------------------------------- endpoints


def talk(stage, path, messages, answers):
    c = connect(stage, path)
    for m in messages:
        c.send(m)
    shown = [c.recv() for _ in range(answers)]
    c.close()
    return shown


def test_coders_whose_superclass_implements_the_interface(now, then):
    messages = ["cat:Tom", "dog:Rex", "dog:Fido", "cow:Elsa"]  # behind an error, older Tomcats end the connection
    assert same(now, then, lambda s: talk(s, "/animals", messages, 4)) == ["meow Tom", "woof Rex", "woof Fido", "error"]


def test_messages_that_are_numbers(now, then):
    assert same(now, then, lambda s: talk(s, "/numbers", ["21", "1.5", "-0", "x"], 4)) == ["42.0", "3.0", "-0.0", "no number"]


@pytest.mark.parametrize("how, answers", [("writer", 2), ("stream", 2), ("parts", 3), ("objects", 4)])
def test_streams_and_parts_are_one_message(now, then, how, answers):
    def play(stage):
        c = connect(stage, "/streams")
        c.send(how)
        shown = [c.recv() for _ in range(answers)]
        c.hears_nothing(0.2)
        c.close()
        return shown

    assert same(now, then, play)[-1] == "behind"


def test_parts_that_a_handler_sends_are_one_message(now, then):
    assert same(now, then, lambda s: talk(s, "/parts", ["parts"], 3)) == ["one text", b"\x01\x02\x03", "behind"]


@pytest.mark.parametrize("kind, shown", [
    ("whole", ["3 handlers", "text abc", "buffer 2"]), ("streams", ["2 handlers", "reader abc", "stream 120"]),
    ("typed", ["2 handlers", "reader abc", "stream 120"]), ("partial", ["2 handlers", "part abc true", "bytes 2 true"])])
def test_handlers_that_an_endpoint_adds(now, then, kind, shown):
    def play(stage):
        c = connect(stage, f"/listening?{kind}")
        got = [c.recv()]
        for m in ("abc", b"xy"):
            c.send(m)
            got.append(c.recv())
        c.hears_nothing(0.2)
        c.close()
        return got

    assert same(now, then, play) == shown


def test_what_a_session_says_of_itself(now, then, name):
    def play(stage):
        c = connect(stage, f"/info/{name}%20%E5%BC%A0/7?a=1&a=2&b=%2B")
        shown = [c.recv().replace(name, "N")]
        c.send("x")
        shown.append(c.recv().replace(name, "N"))
        c.send("close")
        shown.append(c.until_closed())
        return shown, [line.replace(name, "N") for line in sorted(called(stage, name, 2))]

    same(now, then, play)


# -------------------------------------------------------------------------------------------------------------------- STOMP


def stomp(stage, user=None, n=0, path="/stomp", **how):
    c = Stomp(stage.front(at(stage, n)).port, f"{path}?{user}" if user else path, **how)
    stage.clients.append(c.ws)
    return c


def listening(stage, user, destination="/user/queue/answers", n=0, **how):
    c = stomp(stage, user, n, **how)
    c.subscribe(destination, "s", wait=bool(stage.pods))
    if not stage.pods:
        time.sleep(0.4)  # the simple broker gives no receipts
    return c


def test_methods_of_both_prefixes_and_names_with_dots(now, then):
    def play(stage):
        c = listening(stage, "ann", "/topic/room.red")
        for prefix in ("/app", "/api"):
            c.send(f"{prefix}/room.red", "hi")
        shown = [c.message().body for _ in range(2)]
        c.ws.close()
        return shown

    assert same(now, then, play) == ["red: hi"] * 2


@pytest.mark.parametrize("destination, frames", [("/app/later", ["later"]), ("/app/to.all", []), ("/api/nothing", [])])
def test_what_a_subscription_to_the_application_is_answered(now, then, name, destination, frames):
    def play(stage):
        c, other = stomp(stage, name), listening(stage, f"{name}o", "/topic/all")
        c.frame("SUBSCRIBE", {"id": "a", "destination": destination})
        shown = [[(f.body, f.headers["subscription"], f.headers["destination"]) for f in c.drained(0.8)]]
        shown.append([f.body for f in other.drained(0.2)])
        c.ws.close()
        other.ws.close()
        return shown

    shown = same(now, then, play)
    assert [body for body, _, _ in shown[0]] == frames


def test_a_method_that_returns_a_message(now, then, name):
    def play(stage):
        c = listening(stage, name, "/topic/all")
        c.send("/app/message", "x")
        f = c.message()
        c.ws.close()
        return json.loads(f.body)["payload"], f.headers.get("colour"), f.headers.get("content-type")

    assert same(now, then, play)[0] == "a message of x"


def test_a_converter_and_a_validator_of_the_application(now, then, name):
    def play(stage):
        c = listening(stage, name)
        shown = []
        for money in ("12.34", "-5.00"):
            c.send("/app/pay", money, content_type="application/x-money")
            f = c.message()
            shown.append((f.body, f.headers.get("content-type")))
        c.ws.close()
        return shown

    shown = same(now, then, play)
    assert [body for body, _ in shown] == ["24.68", "that is a debt"]


def test_headers_that_are_not_there(now, then, name):
    def play(stage):
        c = listening(stage, name)
        c.send("/app/headers", "x")
        shown = [c.message().body]
        c.send("/app/headers", "x", size="9", colour="red", shape="square")
        shown.append(c.message().body)
        c.ws.close()
        return shown

    assert same(now, then, play) == ["7 null round true MESSAGE", "9 red square true MESSAGE"]


def test_clients_send_to_a_topic_and_to_a_user(now, then, name):
    def play(stage):
        a, b = listening(stage, f"{name}a", "/topic/chat", 0), listening(stage, f"{name}b", "/user/queue/chat", 1)
        b.send("/topic/chat", "to all", colour="red")
        f = a.message()
        shown = [(f.body, f.headers.get("colour"))]
        a.send(f"/user/{name}b/queue/chat", "to you")
        f = b.message()
        shown.append((f.body, f.headers["destination"]))
        a.ws.close()
        b.ws.close()
        return shown

    assert same(now, then, play) == [("to all", "red"), ("to you", "/user/queue/chat")]


def test_a_listener_of_subscriptions_greets_the_user(now, name):
    c = listening(now, name, "/user/queue/welcome")
    assert c.message().body == "welcome, subscription s"
    c.ws.close()


def test_subscriptions_of_all_replicas_are_found(now, name):
    destination = f"/topic/{name}"
    clients = [listening(now, f"{name}{n}", destination, n) for n in (0, 1)]
    wait_until(lambda: [ask(now, n, "/interested", destination=destination) for n in (0, 1)] == ["2 true"] * 2, 5, "both are found")
    for c in clients:
        c.ws.close()


def test_a_message_with_headers_and_a_post_processor(now, then, name):
    def play(stage):
        c = listening(stage, name)
        ask(stage, 1, "/headers-of", user=name, text="hi")
        f = c.message()
        c.ws.close()
        return f.body, f.headers.get("colour")

    assert same(now, then, play) == ("hi", "blue")


def test_heart_beats_are_those_of_the_broker(now, then, name):
    def play(stage):
        c = stomp(stage, name, connect=False)
        f = c.hello(heart_beat="10000,10000")
        c.ws.close()
        return f.headers["heart-beat"]

    assert same(now, then, play) == "20000,15500"


@pytest.mark.parametrize("path", ["/stomp", "/stomp-too"])
def test_decorators_of_stomp_sessions_are_told_who_comes_and_goes(now, then, name, path):
    def play(stage):
        c = stomp(stage, name, path=path)
        shown = [called(stage, name, 1)]
        c.ws.close()
        return shown + [called(stage, name, 2)]

    shown = same(now, then, play)
    assert shown == [[f"{name} opened true"], [f"{name} opened true", f"{name} closed 1000"]]


def test_a_decorator_that_does_not_want_a_session(now, then, name):
    def play(stage):
        c = stomp(stage, f"banned{name}", connect=False)
        c.frame("CONNECT", {"accept-version": "1.2", "host": "x", "heart-beat": "0,0"})
        _, code, reason = c.ws.until_closed()
        return code, reason, called(stage, f"banned{name}", 2)

    assert same(now, then, play) == (4001, "banned", [f"banned{name} banned", f"banned{name} closed 4001"])


@pytest.mark.parametrize("n", [0, 1])
def test_a_session_of_a_decorator_is_closed_from_any_replica(now, then, name, n):
    def play(stage):
        c = stomp(stage, name)
        called(stage, name, 1)
        wait_until(lambda: ask(stage, n, "/kick", user=name) == "asked", 5, "it is known there")
        return c.ws.until_closed()[1:]

    assert same(now, then, play) == (4003, "asked to leave")
    wait_until(lambda: all(ask(now, k, "/kick", user=name) == "not here" for k in (0, 1)), 5, "both have let go of it")


@pytest.fixture(scope="module")
def below(make_kept):
    return make_kept("habits", sources="", replicas=1, arguments=["--server.servlet.context-path=/shop", "--wsidecar.prefix=below:"], prefix="below:")


@pytest.fixture(scope="module")
def below_then(make_kept):
    return make_kept("habits", sources="", replicas=1, pods=False, arguments=["--server.servlet.context-path=/shop"])


def test_stomp_below_a_context_path(below, below_then, name):
    def play(stage):
        a, b = stomp(stage, f"{name}a", path="/shop/stomp"), stomp(stage, f"{name}b", path="/shop/stomp")
        a.frame("SUBSCRIBE", {"id": "1", "destination": "/topic/room.red"})
        b.frame("SUBSCRIBE", {"id": "2", "destination": "/user/queue/answers"})
        time.sleep(0.5)
        b.send("/app/room.red", "hi")
        b.send("/app/headers", "x")
        b.send("/topic/room.red", "straight")
        a.send(f"/user/{name}b/queue/answers", "to you")
        shown = [sorted(a.message().body for _ in range(2)), sorted(b.message().body for _ in range(2))]
        a.frame("SUBSCRIBE", {"id": "3", "destination": "/app/later"})
        f = a.message()
        shown.append((f.body, f.headers["subscription"], f.headers["destination"]))
        for c in (a, b):
            c.hears_nothing(0.2)
            c.ws.close()
        return shown

    assert same(below, below_then, play) == [["red: hi", "straight"], ["7 null round true MESSAGE", "to you"], ("later", "3", "/app/later")]


def test_what_cannot_be_kept_is_said(now):
    said = "\n".join(now.replicas[0].lines)
    for words in ("InfoEndpoint.open(InfoEndpoint.java:", "which has no effect: connections stay open", "setMaxSessionIdleTimeout, 900000 ms",
                  "setPathMatcher: in clients' subscriptions"):
        assert words in said, words
