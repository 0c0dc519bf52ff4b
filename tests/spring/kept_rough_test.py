"""Handlers that send much, fail, are slow, or pass on the headers of other messages: clients are shown what Spring shows them."""

import itertools
import json
import os
import time

import pytest

from support.kept import at, same
from support.pod import ROOT
from support.spring import Browser
from support.stomp import Stomp
from support.waiting import wait_until

_numbers = itertools.count(1)
MANY = 1500
NUMBERED = [f"n{i}" for i in range(MANY)]


@pytest.fixture(scope="module")
def now(make_kept):
    return make_kept("rough", sources="", lease="1s", outbox={"grace": "100ms"}, arguments=["--wsidecar.sessions=local"])


@pytest.fixture(scope="module")
def then(make_kept):
    return make_kept("rough", sources="", pods=False, replicas=1)


@pytest.fixture
def name():
    return f"r{next(_numbers)}"


def connect(stage, path, name, mode=""):
    return stage.connect(stage.front(0), f"{path}?{name}&{mode}")


def called(stage, name, count):
    """What the handler was called with for this client, once there is as much of it."""
    def lines():
        return json.loads(Browser().get(stage.replicas[0].port, f"/calls?name={name}", expect=200).text)

    wait_until(lambda: len(lines()) >= count, 10, "it is called")
    time.sleep(0.2)  # and not once more
    return lines()


# ------------------------------------------------------------------------------------------------------------------- raw


ENDS = pytest.mark.parametrize("path", ["/rough", "/rough-endpoint"])


@ENDS
def test_much_that_one_event_sends_is_in_order(now, name, path):
    c = connect(now, path, name)
    for _ in range(2):
        c.send(f"send {MANY}")
        c.send("behind")
        assert [c.recv() for _ in range(MANY + 1)] == NUMBERED + ["behind"]
    c.close()


def test_much_that_is_sent_on_opening_is_in_order(now, name):
    c = connect(now, "/rough", name, f"send={MANY}")
    assert [c.recv() for _ in range(MANY)] == NUMBERED
    c.close()


def test_a_close_comes_behind_much_that_was_sent(now, name):
    c = connect(now, "/rough", name)
    c.send(f"send-and-close {MANY}")
    assert c.until_closed() == (NUMBERED, 4007, "that was all")


@pytest.mark.parametrize("size, there", [(700_000, 700_000), (3 << 20, "too large")])
def test_a_large_message_stands_where_it_was_sent_or_is_an_io_exception(now, name, size, there):
    c = connect(now, "/rough", name)
    c.send(f"large {size}")
    got = [c.recv() for _ in range(3)]
    assert [m if isinstance(m, str) else len(m) for m in got] == ["before", there, "after"]
    c.close()


@pytest.mark.parametrize("path, mode, code", [("/rough", "close", 1008), ("/rough", "fail", 1011), ("/rough-endpoint", "close", 1008)])
def test_a_handler_that_does_not_want_the_connection(now, then, name, path, mode, code):
    def play(stage):
        return connect(stage, path, name, mode).until_closed()[1], called(stage, name, 1)

    assert same(now, then, play) == (code, [f"{name} closed {code}"])


def test_an_error_that_is_no_exception_is_a_transport_error_and_closes(now, then, name):
    def play(stage):
        c = connect(stage, "/rough", name)
        c.send("error")
        return c.until_closed()[1], called(stage, name, 2)

    # The code is the server's own: to its client, Tomcat calls it an error of the protocol.
    assert play(now) == (1011, [f"{name} transport error", f"{name} closed 1011"])
    assert play(then) == (1002, [f"{name} transport error", f"{name} closed 1006"])


def test_an_attribute_too_deep_to_be_serialized_stays_in_memory(now, then, name):
    def play(stage):
        c = connect(stage, "/rough", name)
        c.send("chain 200000")
        shown = [c.recv()]
        c.send("x")
        shown.append(c.recv())
        c.close()
        return shown

    assert same(now, then, play) == ["chained true", "x"]


def test_a_slow_handler_delays_its_own_connection_only(now, then, name):
    def play(stage):
        a, b = connect(stage, "/rough", name), connect(stage, "/rough", name)
        a.send("slow 12000" if stage.pods else "slow 1000")  # longer than wsidecar waits for an answer if it is not told otherwise
        a.send("behind")
        b.send("x")
        shown = [b.recv(5), a.recv(20), a.recv()]
        a.close()
        b.close()
        return shown

    assert same(now, then, play) == ["x", "slept", "behind"]


@pytest.fixture(scope="module")
def impatient(make_kept):
    """wsidecar waits for 6 s."""
    return make_kept("rough", sources="", replicas=1, lease="1s", outbox={"grace": "100ms"},
                     arguments=["--wsidecar.sessions=local", "--wsidecar.timeout=6s", "--wsidecar.prefix=impatient:"], prefix="impatient:")


def test_what_a_handler_sends_that_takes_longer_than_wsidecar_waits_is_not_lost(impatient, name):
    assert impatient.config()["app"]["timeout"] == "6s"  # as it printed it
    called(impatient, name, 0)  # what a first request takes is not what is looked at
    c = connect(impatient, "/rough", name)
    c.send("say-and-sleep 7000")
    c.send("count")
    assert [c.recv(20) for _ in range(4)] == ["before", "slept", "after", "counted 1"]
    c.send("count")
    assert c.recv() == "counted 2"
    c.send("say-sleep-and-close 7000")
    assert c.until_closed() == (["before", "slept", "after"], 4009, "late")
    wait_until(lambda: sum("RoughHandler took longer for a message of connection" in line for line in impatient.replicas[0].lines) == 2, 5, "it is said")


def test_a_timer_that_a_handler_starts_ends_with_the_connection(now, then, name):
    def play(stage):
        c = connect(stage, "/rough", name, "tick")
        shown = [c.recv() for _ in range(5)]
        c.close()
        return shown, called(stage, name, 1)

    assert same(now, then, play) == (["tick"] * 5, [f"{name} closed 1000"])


def test_another_thread_sends_while_the_connection_opens(now, name):
    for _ in range(10):
        c = connect(now, "/rough", name, "at-once")
        assert c.recv() == "at once"
        c.close()


def test_every_way_to_send_of_the_async_remote(now, then, name):
    def play(stage):
        c = connect(stage, "/rough-endpoint", name)
        c.send("async")
        return c.until_closed()[:2], sorted(called(stage, name, 2))

    (shown, code), calls = same(now, then, play)
    assert shown[:6] == ["one", "two", b"\x01\x02", b"\x03", "3", "4"] and code == 1000
    assert shown[6] == "5000 " + "done true " * 3 + "IllegalArgumentException " * 3 + "IllegalArgumentException"


def test_closing_twice_and_sending_behind_it(now, then, name):
    def play(stage):
        c = connect(stage, "/rough", name)
        c.send("twice")
        return c.until_closed(), sorted(called(stage, name, 2))

    assert same(now, then, play) == (([], 1000, ""), [f"{name} closed 1000", f"{name} still open: false"])


@ENDS
@pytest.mark.parametrize("way", ["drop", "reset"])
def test_a_client_that_is_gone_without_a_word_is_a_transport_error(now, then, name, path, way):
    def play(stage):
        c = connect(stage, path, name)
        c.send("x")
        assert c.recv() == "x"
        getattr(c, way)()
        return called(stage, name, 2)

    assert same(now, then, play) == [f"{name} transport error", f"{name} closed 1006"]


# ----------------------------------------------------------------------------------------------------------------- STOMP


def stomp(stage, login=None, n=0):
    c = Stomp(stage.front(at(stage, n)).port, "/rough-stomp", login=login)
    stage.clients.append(c.ws)
    return c


def listening(stage, login=None, n=0, destination="/user/queue/told"):
    c = stomp(stage, login, n)
    if stage.pods:
        c.subscribe(destination, "t")
    else:
        c.frame("SUBSCRIBE", {"id": "t", "destination": destination})
        time.sleep(0.5)  # the simple broker gives no receipts
    return c


def test_a_message_for_a_user_with_the_senders_headers_is_for_the_user(now, then, name):
    ann, bob = f"{name}ann", f"{name}bob"

    def play(stage):
        a, b, b2 = listening(stage, ann), listening(stage, bob), listening(stage, bob, 1)
        a.send("/app/tell", f"{bob} for bob")
        shown = [b.message().body, b2.message().body]
        a.send("/app/tell", f"{ann} for me")
        shown.append(a.message().body)
        for c in (a, b, b2):
            c.hears_nothing(0.2)
            c.ws.close()
        return shown

    assert same(now, then, play) == ["for bob", "for bob", "for me"]


def test_a_message_for_a_session_by_its_id(now, then, name):
    def play(stage):
        a, b = listening(stage), listening(stage, name)
        shown = []
        for c in (a, b):
            c.send("/app/me", "hi")
            shown.append(c.message().body)
        for c in (a, b):
            c.hears_nothing(0.2)
            c.ws.close()
        return shown

    assert same(now, then, play) == ["hi", "hi"]


def test_a_method_that_answers_later(now, then, name):
    def play(stage):
        c = listening(stage, name)
        c.send("/app/later", "x")
        shown = c.message().body
        c.ws.close()
        return shown

    assert same(now, then, play) == "later x"


def test_a_body_of_bytes(now, then, name):
    def play(stage):
        c = listening(stage, name)
        c.frame("SEND", {"destination": "/app/bytes", "content-type": "application/octet-stream"}, "abc")
        f = c.message()
        c.ws.close()
        return f.body, f.headers["content-type"]

    same(now, then, play)


@pytest.mark.parametrize("command, headers, shown", [
    ("CONNECT", {"accept-version": "1.2", "host": "x", "login": "mallory"}, ({"message": "UNAUTHORIZED", "content-length": "0"}, "")),
    ("SEND", {"destination": "/app/refused"},
     ({"message": "UNAUTHORIZED", "code": "42: 张", "content-type": "application/json", "content-length": "21"}, '{"why":"not for 你"}')),
    ("SUBSCRIBE", {"destination": "/topic/refused", "id": "s"},
     ({"message": "UNAUTHORIZED", "code": "42: 张", "content-type": "application/json", "content-length": "21"}, '{"why":"not for 你"}'))])
def test_an_error_is_the_one_that_the_error_handler_returns(now, then, name, command, headers, shown):
    def play(stage):
        if command == "CONNECT":
            c = Stomp(stage.front(0).port, "/rough-stomp", connect=False)
        else:
            c = quiet(stage, name)
        c.frame(command, headers)
        f = c.expect("ERROR")
        c.ws.until_closed()
        return f.headers, f.body

    assert same(now, then, play) == shown


def quiet(stage, name):
    c = stomp(stage, name)
    if not stage.pods:
        time.sleep(0.3)  # Spring's own sender may still hold the session: an ERROR that waits for it is lost with the close
    return c


def test_what_clients_send_straight_to_the_broker_passes_the_interceptors(now, then, name):
    ann, bob = f"{name}ann", f"{name}bob"

    def play(stage):
        a, b = listening(stage, ann, 0, "/topic/chat"), listening(stage, bob, 1)
        b.frame("SEND", {"destination": "/topic/chat", "content-type": "text/plain", "colour": "red"}, "to all 世界")
        f = a.message()
        shown = [f.body, f.headers["colour"], f.headers["content-type"]]
        a.frame("SEND", {"destination": f"/user/{bob}/queue/told"}, "to you")
        shown.append(b.message().body)
        b.frame("SEND", {"destination": "/topic/refused"}, "x")
        f = b.expect("ERROR")
        shown += [f.headers["message"], f.body]
        b.ws.until_closed()
        a.ws.close()
        return shown

    assert same(now, then, play)[:5] == ["to all 世界", "red", "text/plain", "to you", "UNAUTHORIZED"]


def test_an_interceptor_that_throws_for_an_unsubscribe_closes_the_connection(now, then, name):
    def play(stage):
        c = quiet(stage, name)
        c.frame("SUBSCRIBE", {"id": "stay", "destination": "/topic/all"})
        c.frame("UNSUBSCRIBE", {"id": "stay"})
        return c.ws.until_closed()[1]

    assert same(now, then, play) == 1002


def test_an_error_that_a_method_sends_ends_the_connection(now, then, name):
    def play(stage):
        c = quiet(stage, name)
        c.send("/app/end", "bye 世界")
        f = c.expect("ERROR")
        return f.headers["message"], f.body, c.ws.until_closed()[0]

    assert same(now, then, play) == ("bye 世界", "", [])


def test_an_error_that_is_sent_outside_of_an_event_is_a_close(now, name):
    c = stomp(now, name)
    c.send("/app/end-later", "bye 世界")
    assert c.ws.until_closed() == ([], 1002, "bye 世界")


def test_a_method_that_takes_longer_than_wsidecar_waits_answers_all_the_same(impatient, then, name):
    def play(stage):
        c = listening(stage, name)
        c.send("/app/slow", "7000" if stage is impatient else "10")
        shown = [c.message(20).body.split()[0]]
        c.send("/app/later", "still here")
        shown.append(c.message().body)
        c.ws.close()
        return shown

    assert same(impatient, then, play) == ["slept", "later still here"]


def test_an_error_handler_that_returns_nothing_keeps_the_connection(now, then, name):
    def play(stage):
        c = listening(stage, name)
        c.frame("SEND", {"destination": "/app/unwanted"}, "x")
        c.send("/app/later", "still here")
        shown = c.message().body
        c.ws.close()
        return shown

    assert same(now, then, play) == "later still here"


@pytest.mark.parametrize("mark, kind", [("errors", "StompSubProtocolErrorHandler"), ("outbound", "ChannelInterceptor of the outbound channel")])
def test_what_stomp_connections_cannot_keep_is_said_at_the_start_by_class_and_line(now, mark, kind):
    with open(os.path.join(ROOT, "tests/spring/kept/rough/stays/StompConfig.java"), encoding="utf-8") as f:
        line = next(n for n, text in enumerate(f, 1) if text.rstrip().endswith(f"// here: {mark}"))
    assert any(f"(StompConfig.java:{line}): a {kind}" in said for said in now.replicas[0].lines), line


def test_the_message_size_limit_of_stomp_is_printed(now):
    assert any(r["path"] == "/rough-stomp" and r["limits"] == {"message": 200_000} for r in now.config()["routes"])
