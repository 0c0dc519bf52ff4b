"""The status table: what becomes of connect, message and disconnect for each answer, and for none."""

import select
import time

import pytest

from support import frames
from support.app import DROP, HALF, HANG, RESET, Answer, commands, echo, text
from support.http import HttpConnection
from support.waiting import stays, wait_until
from support.ws import Refused, upgrade_request

FAST = {"timeout": "250ms", "retry": {"deadline": "20s"}}


@pytest.fixture(scope="module")
def pod(shared):
    shared.config = {"app": FAST}
    return shared.pod(routes=[
        {"path": "/ws/{rest...}"},
        {"path": "/keep", "on_unauthorized": "keep"},
        {"path": "/strict", "on_reject": "close"},
        {"path": "/keep-strict", "on_unauthorized": "keep", "on_reject": "close"},
    ])


@pytest.fixture(autouse=True)
def fresh_answers(pod):
    pod.app.answers.clear()
    yield
    pod.app.release()
    pod.app.released.clear()


def pod_with(world, **app):
    world.config = {"app": app}
    return world.pod()


def refusal(pod, answer):
    pod.app.answer(connect=answer)
    with pytest.raises(Refused) as e:
        pod.connect()
    assert e.value.response.closed
    return e.value.response


def opened(pod, path="/ws/x"):
    c = pod.connect(path)
    c.id = pod.app.events("connect")[-1].ws
    return c


def result(pod, kind, name):
    return pod.metric("wsidecar_events_total", type=kind, result=name)


# ------------------------------------------------------------------------------------------------- connect


@pytest.mark.parametrize("status", [200, 201, 202, 204, 206])
def test_connect_2xx_is_accepted_and_its_cookies_are_in_the_101(pod, status):
    pod.app.answer(connect=Answer(status, [("Set-Cookie", "a=1; Path=/"), ("Set-Cookie", "b=2"), ("X-Inner", "1")]))
    c = opened(pod)
    assert c.response.all("Set-Cookie") == ["a=1; Path=/", "b=2"]
    assert c.response.header("X-Inner") is None
    c.close()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308, 400, 401, 403, 404, 405, 409, 410, 418, 422, 429, 451, 503])
def test_connect_refusals_are_relayed_with_what_matters(pod, status):
    matters = [("Content-Type", "application/problem+json"), ("WWW-Authenticate", "Bearer"), ("Retry-After", "7"),
               ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("Location", "/login")]
    r = refusal(pod, Answer(status, [*matters, ("X-Inner", "1"), ("Server", "inner")], b'{"why":1}'))
    assert (r.status, r.body) == (status, b'{"why":1}')
    for name in {n for n, _ in matters}:
        assert r.all(name) == [v for n, v in matters if n == name]
    assert r.header("X-Inner") is None and r.header("Server") is None


@pytest.mark.parametrize("answer", [Answer(500, {}, b"stack trace"), Answer(501), Answer(505), Answer(502), Answer(504),
                                    Answer(599), DROP, RESET])
def test_connect_failures_are_502_or_503_with_retry_after(pod, answer):
    r = refusal(pod, answer)
    assert r.status in (502, 503)
    assert 1 <= int(r.header("Retry-After")) <= 30
    assert b"stack trace" not in r.body


def test_connect_5xx_of_the_handler_is_502(pod):
    for status in (500, 501, 505):
        assert refusal(pod, Answer(status)).status == 502


def test_connect_refused_by_the_port_is_502_or_503(world):
    pod = world.pod()
    pod.app.refuse()
    with pytest.raises(Refused) as e:
        pod.connect()
    assert e.value.status in (502, 503) and e.value.response.header("Retry-After")


@pytest.mark.parametrize("answer", [HANG, HALF, Answer(raw=b"garbage\r\n\r\n")])
def test_connect_without_an_answer_is_504_and_the_app_hears_that_it_was_not_established(pod, answer):
    r = refusal(pod, answer)
    assert r.status == 504 and int(r.header("Retry-After")) >= 1
    connect = pod.app.events("connect")[-1]
    gone = pod.app.wait_event("disconnect", ws=connect.ws)
    assert gone.header("ws-reason") == "not_established"
    assert gone.header("ce-id") == connect.ws + ":end"


def test_a_client_that_goes_away_while_the_app_thinks_was_not_established(pod):
    pod.app.answer(connect=Answer(204, delay=0.15))
    before = len(pod.app.events("connect"))
    with HttpConnection(pod.port) as c:
        c.send(upgrade_request())
        connect = pod.app.wait_events("connect", before + 1)[-1]
    gone = pod.app.wait_event("disconnect", ws=connect.ws)
    assert gone.header("ws-reason") == "not_established"
    stays(lambda: len(pod.app.events("disconnect", ws=connect.ws)) == 1, 0.1)


def test_a_refused_connect_gets_no_disconnect_event(pod):
    refusal(pod, Answer(403))
    ws = pod.app.events("connect")[-1].ws
    stays(lambda: not pod.app.events("disconnect", ws=ws), 0.2)


@pytest.mark.parametrize("status", [404, 405])
def test_a_missing_handler_is_logged_with_the_cure(world, status):
    pod = world.pod()
    refusal(pod, Answer(status))
    line = str(pod.wait_logged("POST ")[0])
    assert "/ws/" in line and "connect" in line and "events" in line


# ------------------------------------------------------------------------------------------------- message


@pytest.mark.parametrize("status", [401, 301, 302, 303, 307])
def test_message_the_login_is_gone(pod, status):
    pod.app.answer(message=Answer(status, {"Location": "/login"}, b"login please"))
    c = opened(pod)
    c.send("x")
    assert c.closed()[0] == 4401
    assert pod.app.wait_event("disconnect", ws=c.id).header("ws-close-code") == "4401"
    assert len(pod.app.events("message", ws=c.id)) == 1


@pytest.mark.parametrize("status", [401, 302])
def test_message_on_unauthorized_keep_treats_it_as_any_refusal(pod, status):
    pod.app.answer(message=[Answer(status, {}, b"no"), text("next")])
    c = opened(pod, "/keep")
    c.send("x").send("y")
    assert c.recv() == "next"
    pod.app.answer(message=Answer(status))
    c = opened(pod, "/keep-strict")
    c.send("x")
    assert c.closed()[0] == 1008


@pytest.mark.parametrize("status", [400, 403, 404, 405, 408, 409, 410, 413, 418, 422, 451, 500, 501, 505, 507])
def test_message_rejected_is_counted_and_logged_and_the_connection_stays(pod, status):
    name = "app_error" if status >= 500 else "rejected"
    before = pod.reasons().get(name, 0)
    pod.app.answer(message=[Answer(status, {"Content-Type": "text/plain"}, b"not for the client"), text("next")])
    c = opened(pod)
    c.send("x").send("y")
    assert c.recv() == "next"
    assert [r.text for r in pod.app.events("message", ws=c.id)] == ["x", "y"]
    assert pod.reasons().get(name, 0) == before + 1
    c.close()


@pytest.mark.parametrize("status", [400, 403, 500])
def test_message_on_reject_close_closes_with_1008(pod, status):
    pod.app.answer(message=Answer(status))
    c = opened(pod, "/strict")
    c.send("x")
    assert c.closed()[0] == 1008
    assert pod.app.wait_event("disconnect", ws=c.id).header("ws-close-code") == "1008"


@pytest.mark.parametrize("answer", [Answer(429), Answer(502), Answer(503), Answer(504), DROP, RESET])
def test_message_held_is_sent_again_in_order_with_the_same_id(pod, answer):
    pod.app.answer(message=[answer, answer, echo])
    c = opened(pod)
    c.send("one").send("two").send("three")
    assert [c.recv() for _ in range(3)] == ["one", "two", "three"]
    sent = pod.app.events("message", ws=c.id)
    assert [r.text for r in sent] == ["one"] * (len(sent) - 2) + ["two", "three"]
    again = sent[:-2]
    assert len(again) >= 3
    assert {r.header("ce-id") for r in again} == {f"{c.id}:1"}
    assert {r.header("Idempotency-Key") for r in again} == {f"{c.id}:1"}
    attempts = [int(r.header("ws-attempt")) for r in again]
    assert attempts == sorted(attempts) and attempts[0] == 1 and attempts[-1] >= 2
    assert [r.header("ws-attempt") for r in sent[-2:]] == ["1", "1"]
    c.close()


def test_message_retry_after_is_kept_to(pod):
    pod.app.answer(message=[Answer(503, {"Retry-After": "1"}), text("ok")])
    c = opened(pod)
    c.send("x")
    assert c.recv() == "ok"
    first, second = pod.app.events("message", ws=c.id)
    assert 1.0 <= second.at - first.at < 2.5


def test_message_backs_off_with_jitter(pod):
    pod.app.answer(message=[Answer(503)] * 5 + [text("ok")])
    clients = [opened(pod) for _ in range(2)]
    c = clients[0]
    c.send("x")
    assert c.recv() == "ok"
    at = [r.at for r in pod.app.events("message", ws=c.id)]
    waits = [b - a for a, b in zip(at, at[1:])]
    assert len(waits) == 5 and waits[0] < 0.3 and waits[-1] > waits[0]


@pytest.mark.parametrize("answer", [HANG, HALF])
def test_message_without_an_answer_is_rejected_as_ambiguous(pod, answer):
    before = pod.reasons().get("ambiguous", 0)
    pod.app.answer(message=[answer, text("next")])
    c = opened(pod)
    c.send("x").send("y")
    assert c.recv() == "next"
    assert [r.text for r in pod.app.events("message", ws=c.id)] == ["x", "y"]
    assert pod.reasons()["ambiguous"] == before + 1
    pod.app.answer(message=answer)
    c = opened(pod, "/strict")
    c.send("x")
    assert c.closed()[0] == 1008


@pytest.mark.parametrize("answer", [HANG, HALF])
def test_message_with_ambiguous_true_is_sent_again_with_the_same_id(world, answer):
    pod = pod_with(world, timeout="250ms", retry={"ambiguous": True})
    pod.app.answer(message=[answer, text("ok")])
    c = opened(pod)
    c.send("x")
    assert c.recv() == "ok"
    first, second = pod.app.events("message", ws=c.id)
    assert first.header("ce-id") == second.header("ce-id") == f"{c.id}:1"
    assert second.header("ws-attempt") == "2"
    pod.app.release()


def test_message_past_the_deadline_is_1013(world):
    pod = pod_with(world, retry={"deadline": "600ms"})
    pod.app.answer(message=Answer(503))
    c = opened(pod)
    began = time.monotonic()
    c.send("x").send("y")
    assert c.closed()[0] == 1013
    assert 0.2 < time.monotonic() - began < 2
    pod.app.answer(disconnect=commands())
    assert pod.app.wait_event("disconnect", ws=c.id).header("ws-close-code") == "1013"
    assert pod.reasons()["app_deadline"] >= 1
    # What was behind it was for a client that knows it is not done.
    assert {r.text for r in pod.app.events("message", ws=c.id)} == {"x"}


def test_message_past_the_down_deadline_is_1013(world):
    pod = pod_with(world, retry={"deadline": "30s", "down_deadline": "600ms"})
    c = opened(pod)
    pod.app.refuse()
    c.send("x")
    assert c.closed(5)[0] == 1013


def test_the_time_that_the_app_is_down_does_not_count_for_the_deadline(world):
    pod = pod_with(world, retry={"deadline": "500ms", "down_deadline": "30s"})
    pod.app.answer(message=echo)
    c = opened(pod)
    pod.app.refuse()
    c.send("x")
    c.hears_nothing(1.2)
    pod.app.accept_again()
    assert c.recv() == "x"


# ---------------------------------------------------------------------------------------------- disconnect


@pytest.mark.parametrize("status", [200, 204, 301, 302, 400, 401, 403, 404, 405, 410, 500, 501, 505])
def test_disconnect_is_done_whatever_the_app_says(pod, status):
    pod.app.answer(disconnect=Answer(status, {}, b"ignored"))
    c = opened(pod)
    c.close()
    pod.app.wait_event("disconnect", ws=c.id)
    stays(lambda: len(pod.app.events("disconnect", ws=c.id)) == 1, 0.25)


@pytest.mark.parametrize("answer", [Answer(429), Answer(502), Answer(503), Answer(504), DROP, RESET, HANG, HALF])
def test_disconnect_is_sent_again_with_the_same_id(pod, answer):
    pod.app.answer(disconnect=[answer, commands()])
    c = opened(pod)
    c.close()
    first, *_, last = pod.app.wait_events("disconnect", 2, ws=c.id)
    assert first.header("ce-id") == last.header("ce-id") == f"{c.id}:end"
    assert last.header("Idempotency-Key") == f"{c.id}:end"


def test_disconnect_waits_for_an_app_that_restarts(world):
    pod = world.pod()
    c = opened(pod)
    pod.app.refuse()
    c.close()
    time.sleep(0.3)
    pod.app.accept_again()
    assert pod.app.wait_event("disconnect", ws=c.id).header("ws-close-code") == "1000"


# ------------------------------------------------------------------------------- order, concurrency, restarts


def test_a_kept_connection_that_the_app_closed_is_tried_once_more_at_once(pod):
    pod.app.answer(message=[commands(), DROP, text("ok")])
    c = opened(pod)
    c.send("first")
    wait_until(lambda: pod.app.events("message", ws=c.id) and not pod.app.active, 3)
    time.sleep(0.02)
    began = time.monotonic()
    c.send("second")
    assert c.recv() == "ok"
    assert time.monotonic() - began < 0.1  # not a retry that backs off
    _, dropped, taken = pod.app.events("message", ws=c.id)
    assert dropped.header("ce-id") == taken.header("ce-id")
    assert dropped.connection != taken.connection


def test_kept_connections_are_used_again(world):
    pod = world.pod()
    c = opened(pod)
    before = pod.app.tcp_connections
    for _ in range(20):
        c.send("x")
    pod.app.wait_events("message", 20)
    assert pod.app.tcp_connections <= before + 2  # wsidecar's own look at the app may come in between


def test_an_app_that_restarts_costs_nobody_a_connection(world):
    pod = world.pod()
    pod.app.answer(message=echo)
    clients = [opened(pod) for _ in range(10)]
    pod.app.refuse()
    for i, c in enumerate(clients):
        c.send(f"{i} a").send(f"{i} b")
    time.sleep(0.5)
    for c in clients:
        c.round_trip()
    pod.app.accept_again()
    for i, c in enumerate(clients):
        assert [c.recv(10), c.recv(10)] == [f"{i} a", f"{i} b"]
    assert not pod.app.events("disconnect")


def test_one_request_in_flight_for_a_connection(world):
    pod = world.pod()
    pod.app.answer(message=lambda r: Answer(204, delay=0.01))
    c = opened(pod)
    for i in range(30):
        c.send(str(i))
    events = pod.app.wait_events("message", 30)
    assert [r.text for r in events] == [str(i) for i in range(30)]
    assert pod.app.most_active == 1


def test_connections_run_in_parallel_up_to_the_apps_concurrency(world):
    pod = pod_with(world, concurrency=4)
    pod.app.answer(message=lambda r: Answer(204, delay=0.1))
    clients = [opened(pod) for _ in range(8)]
    for c in clients:
        c.send("x")
    pod.app.wait_events("message", 8)
    assert 2 <= pod.app.most_active <= 4


def test_handlers_that_hang_never_stop_handshakes(world):
    pod = pod_with(world, concurrency=4, timeout="20s")
    pod.app.answer(message=HANG)
    stuck = [opened(pod) for _ in range(10)]
    for c in stuck:
        c.send("x")
    wait_until(lambda: pod.app.active >= 3, 3, "handlers that hang")
    began = time.monotonic()
    late = opened(pod)
    assert time.monotonic() - began < 1
    late.close()
    pod.app.wait_event("disconnect", ws=late.id, timeout=1)
    pod.app.release()


def test_messages_before_the_close_are_delivered_and_the_disconnect_comes_last(world):
    pod = world.pod()
    pod.app.answer(message=lambda r: Answer(204, delay=0.02))
    c = opened(pod)
    for i in range(5):
        c.send(str(i))
    c.close()
    pod.app.wait_event("disconnect")
    assert [r.text for r in pod.app.events() if r.type == "message"] == ["0", "1", "2", "3", "4"]
    assert pod.app.events()[-1].type == "disconnect"


# -------------------------------------------------------------------------------------------- backpressure


def send_until_blocked(c, payload, most):
    """Bytes that the socket took before it stayed blocked."""
    c.sock.setblocking(False)
    data, sent = memoryview(payload), 0
    while sent < most:
        if not select.select([], [c.sock], [], 0.5)[1]:
            break
        at = sent % len(payload)
        try:
            sent += c.sock.send(data[at:])
        except BlockingIOError:
            pass
    c.sock.settimeout(c.timeout)
    return sent


def test_while_the_app_hangs_tcp_tells_the_client_and_nothing_is_lost(world):
    pod = pod_with(world, timeout="20s")
    pod.app.answer(message=HANG)
    c = opened(pod)
    one = frames.frame(frames.BINARY, b"x" * 10000)
    before = pod.rss()
    sent = send_until_blocked(c, one, 64 << 20)
    assert sent < 32 << 20, "the client was never told"
    assert pod.rss() - before < 8 << 20
    pod.app.answer(message=commands())
    pod.app.release()  # the one that hung ends as closed before the first byte: it is sent again
    whole = sent // len(one)
    pod.app.wait_events("message", whole, timeout=20)


def test_pings_and_closes_are_answered_while_the_app_is_slow(world):
    pod = pod_with(world, timeout="20s")
    pod.app.answer(message=HANG)
    c = opened(pod)
    for i in range(5):
        c.send(str(i))
    c.round_trip()
    c.send_close(1000)
    assert c.until_closed()[1] in (1000, 1005)
    pod.app.answer(message=commands())
    pod.app.release()
    pod.app.wait_event("disconnect", ws=c.id)
    assert pod.app.events()[-1].type == "disconnect"


def test_pushes_reach_a_client_whose_handler_hangs(world):
    pod = pod_with(world, timeout="20s")
    c = world.connect(pod, user="alice")
    pod.app.answer(message=HANG)
    c.send("x")
    pod.app.wait_event("message")
    world.publish("user:alice", "pushed")
    assert c.recv() == "pushed"
    pod.app.release()


def test_a_slow_app_of_one_client_is_no_matter_of_another(world):
    pod = pod_with(world, timeout="20s")
    pod.app.answer(message=lambda r: HANG if r.text == "slow" else echo(r))
    slow, quick = opened(pod), opened(pod)
    slow.send("slow")
    for i in range(10):
        quick.send(str(i))
        assert quick.recv(2) == str(i)
    with pytest.raises(TimeoutError):
        slow.recv(0.05)
    pod.app.release()


def test_every_connection_gets_exactly_one_disconnect(world):
    pod = world.pod()
    clients = [opened(pod) for _ in range(30)]
    for i, c in enumerate(clients):
        (c.close, c.drop, c.reset)[i % 3]()
    pod.app.wait_events("disconnect", 30)
    stays(lambda: len(pod.app.events("disconnect")) == 30, 0.2)
    assert {r.ws for r in pod.app.events("disconnect")} == {c.id for c in clients}
