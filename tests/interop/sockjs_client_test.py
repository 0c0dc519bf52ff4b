"""sockjs-client 1.6.1 by each of its transports, bare and below @stomp/stompjs, against SockJS routes (contract section 7)."""

import json

import pytest

from support.app import Answer, commands, echo
from support.waiting import wait_until

TRANSPORTS = ["websocket", "xhr-streaming", "eventsource", "xhr-polling"]
ROUTES = [{"path": "/sock", "protocol": "sockjs"}, {"path": "/stomp", "protocol": "stomp", "sockjs": True}]
# What clients and proxies are known to mangle, and JSON's own characters.
LETTERS = "\u00e4\u5f20\u4e09\U0001f35c \"\\/\b\f\n\r\t\0\x1f\x7f\u200c\u2028\u2060\ufeff\ufff0\uffff \u0600\u070f {}[] 100 % %41"


@pytest.fixture
def pod(world):
    pod = world.pod(routes=ROUTES, ping="1s")
    pod.app.answer(connect=commands(("Ws-User", "alice")))
    return pod


@pytest.fixture(params=TRANSPORTS)
def transport(request):
    return request.param


@pytest.fixture
def dial(node, transport):
    def dial(pod, path="/sock", **options):
        return node.open("sockjs", (pod,), path, transport=transport, **options)
    return dial


def test_messages_go_both_ways_letter_for_letter_and_in_order(dial, pod, transport):
    pod.app.answer(message=echo)
    c = dial(pod)
    c.do("send", LETTERS, *[f"{n}" for n in range(30)])
    assert [m["body"] for m in c.messages(31)] == [LETTERS] + [str(n) for n in range(30)]
    assert [e.text for e in pod.app.events("message")][0] == LETTERS
    assert {e.target for e in pod.app.events("message")} <= {"/sock"}
    assert all(e.target == "/sock" for e in pod.app.events())


def test_pushes_come_once_and_are_confirmed(world, dial, pod):
    c = dial(pod)
    world.push(*[{"to": {"user": "alice"}, "text": f"{n} {LETTERS}"} for n in range(100)])
    assert [m["body"] for m in c.messages(100)] == [f"{n} {LETTERS}" for n in range(100)]
    wait_until(lambda: world.redis.xlen(world.key(f"inbox:{pod.instance}")) == 0, 5, "all confirmed")
    c.hears_nothing()


def test_more_than_a_response_holds(world, dial, pod):
    c = dial(pod)
    large = "x" * 20_000
    world.push(*[{"to": {"user": "alice"}, "text": f"{n} {large}"} for n in range(30)])
    assert [m["body"].split()[0] for m in c.messages(30)] == [str(n) for n in range(30)]


def test_an_idle_one_stays_and_sees_heart_beats(dial, pod):
    c = dial(pod)
    c.hears_nothing(7)
    assert c.beats >= 4
    c.do("send", "still here")
    assert pod.app.wait_event("message").text == "still here"
    assert not pod.app.events("disconnect")


def test_the_app_s_close_is_the_client_s(dial, pod):
    pod.app.answer(message=Answer(200, [("Content-Type", "text/plain"), ("Ws-Close", "4001 off you go")], "bye"))
    c = dial(pod)
    c.do("send", "x")
    assert c.message()["body"] == "bye"
    assert c.expect("closed") == {"code": 4001, "reason": "off you go"}
    assert pod.app.wait_event("disconnect").header("ws-close-code") == "4001"


def test_the_client_s_close_is_one_disconnect_event(dial, pod, transport):
    c = dial(pod)
    c.do("close", 3999, "done")
    assert c.expect("closed") == {"code": 3999, "reason": "done"}
    e = pod.app.wait_event("disconnect", timeout=8)
    # The client keeps code and reason for itself; over HTTP it just goes.
    assert e.header("ws-close-code") == ("1000" if transport == "websocket" else "1006")


def test_a_refused_connection_is_a_close(dial, pod):
    pod.app.answer(connect=Answer(403, {"Content-Type": "text/plain"}, "no"))
    c = dial(pod, connected=False)
    assert c.expect("closed", timeout=15)["code"] in (1002, 1006, 2000)  # by eventsource it tries again for a while


def test_stomp_below_it(world, node, pod, transport):
    pod.app.answer(message=Answer(200, {"Content-Type": "application/json"}, json.dumps({"said": LETTERS})))
    c = node.open("modern", (pod,), "/stomp", transport=transport, heartbeatOutgoing=1000, heartbeatIncoming=1000)
    c.subscribe("/topic/chat/42", "1").subscribe("/user/queue/notices", "2")
    c.publish("/app/chat/42", LETTERS)
    m = c.message()
    assert m["headers"]["destination"] == "/topic/chat/42" and json.loads(m["body"]) == {"said": LETTERS}
    assert pod.app.wait_event("message").text == LETTERS
    world.push(*[{"to": {"user": "alice", "destination": "/queue/notices"}, "json": {"n": n}} for n in range(20)])
    assert [json.loads(m["body"])["n"] for m in c.messages(20)] == list(range(20))
    c.hears_nothing(4)
    c.do("deactivate")
    c.until("deactivated", but=("disconnected", "closed"))
    assert pod.app.wait_event("disconnect", timeout=8).header("ws-close-code") == "1000"
    assert {e.target for e in pod.app.events("connect")} == {"/stomp"}
