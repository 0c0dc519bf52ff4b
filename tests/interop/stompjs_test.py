"""@stomp/stompjs and the stompjs of most tutorials, as they are, against STOMP routes (contract section 6)."""

import base64
import json
import threading
import time

import pytest

from support.app import Answer, commands, echo
from support.waiting import wait_until

ROUTES = [{"path": "/stomp", "protocol": "stomp"}, {"path": "/open", "protocol": "stomp", "broadcast": True},
          {"path": "/beats", "protocol": "stomp", "heartbeat": ["500ms", "500ms"]}]

MODERN = {
    "stompjs 7 speaking 1.2": ("modern", {}),
    "stompjs 7 speaking 1.1": ("modern", {"versions": ["1.1"]}),
    "stompjs 7 speaking 1.0": ("modern", {"versions": ["1.0"]}),
}
ALL = {
    **MODERN,
    "stompjs 2.3.3 by client(url)": ("old", {}),
    "stompjs 2.3.3 by over(socket)": ("old", {"over": True}),
}
BEATS = {"path": "/beats", "heartbeatOutgoing": 500, "heartbeatIncoming": 500}
LINES = "\u00e4\u00f6\u00fc, \u5f20\u4e09, \U0001f35c; two\nlines: \\ and 100 %"  # two, three and four bytes a letter


def who_logs_in(request):
    """The app takes everybody at his word."""
    login = request.decoded("stomp-login")
    return commands(("Ws-User", login)) if login else Answer(204)


def a_pod(world):
    pod = world.pod(routes=ROUTES, lease="1s")
    pod.app.answer(connect=who_logs_in)
    return pod


@pytest.fixture
def pod(world):
    return a_pod(world)


@pytest.fixture
def pods(world):
    return a_pod(world), a_pod(world)


@pytest.fixture
def dial(node):
    """dial(pod, user): a client of stompjs 7; with several pods one that tries them in turn."""
    def dial(pods, user=None, kind="stompjs 7 speaking 1.2", **options):
        library, how = ALL[kind]
        login = {"login": user, "passcode": "s3:cret"} if user else {}
        how = {**how, **options, "connectHeaders": {**login, **options.get("connectHeaders", {})}}
        return node.open(library, pods if isinstance(pods, tuple) else (pods,), **how)
    return dial


every_client = pytest.mark.parametrize("kind", ALL)
every_version = pytest.mark.parametrize("kind", MODERN)
old_and_new = pytest.mark.parametrize("kind", ["stompjs 7 speaking 1.2", "stompjs 2.3.3 by client(url)"])


def push(destination, user=None, **members):
    return {"to": {"destination": destination, **({"user": user} if user else {})}, **members}


def receipts(world, count):
    wait_until(lambda: world.redis.llen(world.key("r")) >= count, what=f"{count} receipts")
    return [json.loads(x) for x in world.redis.lrange(world.key("r"), 0, -1)]


# ----------------------------------------------------------------------------------------------- CONNECT and its end


@pytest.mark.parametrize("kind, version, protocol", [(k, v, p) for k, v, p in zip(
    ALL, ("1.2", "1.1", "1.0", "1.1", "1.1"), ("v12.stomp", "v11.stomp", "v10.stomp", "v10.stomp", ""))])
def test_login_and_authorization_reach_the_app(pod, dial, kind, version, protocol):
    c = dial(pod, "alice", kind, connectHeaders={"Authorization": "Bearer a.b:c", "X-Tenant": "\u5f20"})
    event = pod.app.wait_event("connect")
    assert event.decoded("stomp-login") == "alice" and event.decoded("stomp-passcode") == "s3:cret"
    assert event.decoded("stomp-Authorization") == "Bearer a.b:c" and event.decoded("stomp-x-tenant") == "\u5f20"
    assert (c.connected["spoken"], c.connected["protocol"]) == (version, protocol)
    assert c.connected["headers"]["user-name"] == "alice" and c.connected["headers"]["session"] == event.ws


def test_a_refused_connect_calls_on_stomp_error_and_the_next_try_may_succeed(pod, dial):
    pod.app.answer(connect=[Answer(403, {"Content-Type": "application/json"}, json.dumps([LINES])), Answer(204)])
    c = dial(pod, connected=False)
    e = c.expect("error")
    assert json.loads(e["body"]) == [LINES] and e["headers"]["message"] == "CONNECT was refused (403)"
    assert e["headers"]["content-type"] == "application/json"
    assert c.expect("closed")["code"] == 1008
    c.expect("connected")  # it redials by itself


def test_a_refusal_that_is_no_utf8_reaches_the_client_too(pod, dial):
    pod.app.answer(connect=Answer(403, {"Content-Type": "text/plain;charset=ISO-8859-1"}, b"\xe4\xff"))
    c = dial(pod, connected=False)
    e = c.expect("error")
    assert base64.b64decode(e["base64"]) == b"\xe4\xff" and e["headers"]["content-type"] == "text/plain;charset=ISO-8859-1"
    assert c.expect("closed")["code"] == 1008


def test_a_refused_connect_calls_the_old_library_s_error_callback(pod, dial):
    pod.app.answer(connect=Answer(401, {"Content-Type": "text/plain"}, "who are you?"))
    c = dial(pod, kind="stompjs 2.3.3 by client(url)", connected=False)
    assert c.expect("error")["body"] == "who are you?"
    assert c.expect("closed")["code"] == 4401


@every_version
def test_deactivate_has_its_receipt_and_the_app_hears_of_it_once(pod, dial, kind):
    c = dial(pod, "alice", kind).subscribe("/topic/a", "1")
    c.do("deactivate")
    c.expect("disconnected")  # DISCONNECT's receipt came
    assert c.expect("closed")["code"] == 1000
    c.expect("deactivated")
    assert pod.app.wait_event("disconnect").header("ws-close-code") == "1000"
    c.hears_nothing()
    assert len(pod.app.events("disconnect")) == 1


def test_disconnect_of_the_old_library_just_closes(pod, dial):
    c = dial(pod, "alice", "stompjs 2.3.3 by client(url)").do("deactivate")
    c.expect("deactivated")
    c.expect("closed")
    pod.app.wait_event("disconnect")
    assert not pod.metric("wsidecar_stomp_errors_total")


# --------------------------------------------------------------------------------------------------------- messages


@every_client
def test_pushes_reach_topics_patterns_and_the_user_s_own_queue(pods, world, dial, kind):
    a, b = pods
    alice = dial(a, "alice", kind).subscribe("/topic/prices", "1").subscribe("/topic/*", "2").subscribe("/user/queue/x", "3")
    bob = dial(b, "bob", kind).subscribe("/topic/prices", "1").subscribe("/user/queue/x", "3")
    world.push(push("/topic/prices", json={"p": [1, LINES]}, headers={"kind": "tick"}))
    one, two = sorted(alice.messages(2), key=lambda m: m["headers"]["subscription"])
    for m, subscription in ((one, "1"), (two, "2"), (bob.message(), "1")):
        assert json.loads(m["body"]) == {"p": [1, LINES]}
        assert m["headers"]["subscription"] == subscription and m["headers"]["destination"] == "/topic/prices"
        assert m["headers"]["content-type"] == "application/json" and m["headers"]["kind"] == "tick"
        assert int(m["headers"]["content-length"]) == len(m["body"].encode())
    world.publish("destination:/topic/other", LINES)
    assert alice.message()["body"] == LINES
    world.push(push("/queue/x", "bob", text=LINES))
    m = bob.message()
    assert (m["body"], m["headers"]["destination"], m["headers"]["subscription"]) == (LINES, "/user/queue/x", "3")
    alice.hears_nothing()
    bob.hears_nothing(0.1)


@old_and_new
def test_publish_is_a_post_whose_answer_is_broadcast_on_all_pods(pods, dial, kind):
    a, b = pods
    here, there = dial(a, "alice", kind).subscribe("/topic/chat/1", "h"), dial(b, "bob", kind).subscribe("/topic/chat/1", "t")
    a.app.answer(message=echo)
    body = json.dumps({"text": LINES}, ensure_ascii=False)
    here.publish("/app/chat/1", body, {"content-type": "application/json"})
    e = a.app.wait_event("message")
    assert (e.target, e.text, e.header("Content-Type")) == ("/app/chat/1", body, "application/json")
    assert e.decoded("ce-userid") == "alice"
    for c in (here, there):
        m = c.message()
        assert (m["body"], m["headers"]["content-type"], m["headers"]["destination"]) == (body, "application/json", "/topic/chat/1")


@old_and_new
def test_an_answer_may_go_to_the_sender_alone(pods, dial, kind):
    a, b = pods
    here, there = (dial(p, "alice", kind).subscribe("/user/queue/replies", "1") for p in pods)
    a.app.answer(message=Answer(200, {"Content-Type": "text/plain", "Ws-Destination": "/user/queue/replies"}, "only you"))
    here.publish("/app/ask")
    assert here.message()["body"] == "only you"
    there.hears_nothing()


@old_and_new
def test_a_subscription_to_the_app_has_its_answer_as_its_only_message(pod, dial, kind):
    pod.app.answer(subscribe=Answer(200, {"Content-Type": "application/json"}, "[1,2]"))
    c = dial(pod, kind=kind).subscribe("/app/init", "i", wait=False)
    m = c.message()
    assert (m["body"], m["headers"]["destination"], m["headers"]["subscription"]) == ("[1,2]", "/app/init", "i")


@old_and_new
def test_after_unsubscribe_nothing_comes(pod, world, dial, kind):
    c = dial(pod, kind=kind).subscribe("/topic/a", "1").subscribe("/topic/b", "2")
    c.do("unsubscribe", "1").subscribe("/topic/c", "3")
    world.push(push("/topic/a", text="a"), push("/topic/b", text="b"))
    assert c.message()["body"] == "b"
    c.hears_nothing()


@old_and_new
def test_clients_broadcast_where_the_route_lets_them(pods, dial, kind):
    a, b = pods
    c, other = dial(a, kind=kind, path="/open"), dial(b, kind=kind).subscribe("/topic/x", "1")
    c.publish("/topic/x", LINES, {"colour": "red"})
    m = other.message()
    assert (m["body"], m["headers"]["colour"]) == (LINES, "red")


def test_headers_that_need_escapes_come_as_they_were(pod, world, dial):
    # (No backslash before c, n or r: stompjs 7.5 undoes `\\c` in two steps, and makes a colon of it.)
    odd = "a:b\\d\ne, \u5f20 \U0001f35c"
    c = dial(pod, "al:ice\\").subscribe("/topic/a:b\\d\u00e9", "s:1\\")
    assert c.connected["headers"]["user-name"] == "al:ice\\"
    world.push(push("/topic/a:b\\d\u00e9", text="x", headers={"odd:name": odd}))
    m = c.message()
    assert m["headers"]["destination"] == "/topic/a:b\\d\u00e9" and m["headers"]["subscription"] == "s:1\\"
    c.publish("/app/x:y", "", {"odd": odd, "receipt": "r:\\\n1"})
    assert pod.app.wait_event("message").decoded("stomp-odd") == odd
    assert c.expect("receipt")["id"] == "r:\\\n1"
    e = pod.app.events("message")[0]
    assert e.decoded("ws-destination") == "/app/x:y" and e.decoded("ce-userid") == "al:ice\\"


# -------------------------------------------------------------------------------------------------- large and binary


@pytest.mark.parametrize("kind, options", [("stompjs 7 speaking 1.2", {"splitLargeFrames": True}), ("stompjs 7 speaking 1.2", {}),
                                           ("stompjs 7 speaking 1.2", {"forceBinaryWSFrames": True}),
                                           ("stompjs 2.3.3 by client(url)", {})])  # this one splits at 16 KiB
def test_a_large_body_arrives_whole_and_comes_back(pod, dial, kind, options):
    c = dial(pod, kind=kind, **options).subscribe("/topic/big", "1")
    pod.app.answer(message=echo)
    body = "".join(f"{i} \u5f20\u00e9\n" for i in range(5000))
    assert len(body) > 35_000 and len(body.encode()) < 65_000
    c.publish("/app/big", body, {"content-type": "text/plain;charset=utf-8"})
    assert c.message()["body"] == body
    assert pod.app.wait_event("message").text == body


def test_split_frames_and_others_that_follow_at_once_keep_their_order(pod, dial):
    c = dial(pod, splitLargeFrames=True, maxWebSocketChunkSize=100)
    bodies = [f"{i}" * (i * 700 + 1) for i in range(10)]
    for body in bodies:
        c.publish("/app/x", body)
    assert [e.text for e in pod.app.wait_events("message", 10)] == bodies


@every_version
def test_a_binary_body_is_the_same_bytes_both_ways(pod, world, dial, kind):
    c = dial(pod, kind=kind).subscribe("/topic/b", "1")
    blob = bytes(range(256)) * 40
    pod.app.answer(message=echo)
    c.publish("/app/b", blob, {"content-type": "application/octet-stream"})
    assert pod.app.wait_event("message").body == blob
    m = c.message()
    assert base64.b64decode(m["base64"]) == blob and m["headers"]["content-type"] == "application/octet-stream"
    world.push(push("/topic/b", binary=base64.b64encode(blob).decode()))
    assert base64.b64decode(c.message()["base64"]) == blob


# ------------------------------------------------------------------------------------- ACK, transactions, receipts


@every_client
def test_each_ack_confirms_its_own_message_in_individual_mode(pod, world, dial, kind):
    c = dial(pod, "alice", kind).subscribe("/user/queue/jobs", "1", ack="client-individual")
    world.push(*[push("/queue/jobs", "alice", json=i, id=f"p{i}", receipt=world.key("r")) for i in range(3)])
    first, second, third = (m["headers"]["message-id"] for m in c.messages(3))
    c.do("ack", second)
    assert [r["id"] for r in receipts(world, 1)] == ["p1"]
    c.do("ack", first)
    assert [(r["id"], r["outcome"]) for r in receipts(world, 2)] == [("p1", "delivered"), ("p0", "delivered")]
    if c.connected["spoken"] != "1.0":  # which has no NACK
        c.do("nack", third)
        last = receipts(world, 3)[2]
        assert (last["id"], last["outcome"], last["reason"]) == ("p2", "dropped", "nacked")
        assert "nacked" in world.rejected()[0]["reason"]


@every_client
def test_an_ack_confirms_all_before_it_in_client_mode(pod, world, dial, kind):
    c = dial(pod, "alice", kind).subscribe("/user/queue/jobs", "1", ack="client")
    world.push(*[push("/queue/jobs", "alice", json=i, id=f"p{i}", receipt=world.key("r")) for i in range(4)])
    c.do("ack", c.messages(4)[2]["headers"]["message-id"])
    assert sorted(r["id"] for r in receipts(world, 3)) == ["p0", "p1", "p2"]
    c.hears_nothing()
    assert world.redis.llen(world.key("r")) == 3


def test_what_was_not_acknowledged_comes_to_the_next_connection(pods, world, dial):
    a, b = pods
    c = dial(a, "alice").subscribe("/user/queue/jobs", "1", ack="client-individual")
    world.push(push("/queue/jobs", "alice", text="one"), push("/queue/jobs", "alice", text="two"))
    c.do("ack", c.messages(2)[0]["headers"]["message-id"]).subscribe("/topic/x", "2")
    c.do("deactivate", {"force": True})
    again = dial(b, "alice").subscribe("/user/queue/jobs", "1", wait=False, ack="client-individual")
    m = again.message()
    assert m["body"] == "two"
    again.do("ack", m["headers"]["message-id"])
    again.hears_nothing()


@old_and_new
def test_a_transaction_is_sent_as_a_whole_or_not_at_all(pod, dial, kind):
    c = dial(pod, kind=kind)
    c.do("begin", "t1").do("begin", "t2")
    c.publish("/app/a", "1", {"transaction": "t1"}).publish("/app/b", "2", {"transaction": "t2"}).publish("/app/c", "3")
    c.publish("/app/d", "4", {"transaction": "t1"})
    pod.app.wait_event("message")
    c.do("abort", "t2").do("commit", "t1")
    c.publish("/app/e", "5", {"receipt": "end"})
    assert c.expect("receipt")["id"] == "end"
    assert [e.target for e in pod.app.events("message")] == ["/app/c", "/app/a", "/app/d", "/app/e"]


@old_and_new
def test_a_receipt_says_that_the_app_has_it(pod, dial, kind):
    pod.app.answer(message=Answer(204, delay=0.3))
    c = dial(pod, kind=kind)
    start = time.monotonic()
    c.publish("/app/a", "1", {"receipt": "one"}).publish("/app/b", "2", {"receipt": "two"})
    assert [c.expect("receipt")["id"] for _ in range(2)] == ["one", "two"]
    assert time.monotonic() - start > 0.55


def test_an_error_frame_calls_on_stomp_error_and_says_why(pod, dial):
    c = dial(pod)
    c.publish("/topic/x", "1", {"receipt": "9"})
    e = c.expect("error")
    assert "broadcast" in e["headers"]["message"] and e["headers"]["receipt-id"] == "9"
    assert c.expect("closed")["code"] == 1002


# ------------------------------------------------------------------------------------------------------ heart-beats


def test_heart_beats_keep_quiet_connections_and_miss_a_frozen_pod(pod, dial):
    kinds = ["stompjs 7 speaking 1.2", "stompjs 7 speaking 1.1", "stompjs 2.3.3 by client(url)"]
    clients = [dial(pod, kind=kind, **BEATS) for kind in kinds]
    silent = dial(pod, kind="stompjs 7 speaking 1.0", **BEATS)  # there are none in 1.0
    for c in clients:
        c.hears_nothing(3 if c is clients[0] else 0.1)  # a client gives up after 1 s, the pod after 1.5 s
        assert c.beats >= 5, c.name
    silent.hears_nothing(0.1)
    assert silent.beats == 0
    pod.pause()
    try:
        for c in clients[:2]:
            c.expect("beat lost")
        clients[2].hears_nothing(1)  # it closes by then, and waits for the pod's close
    finally:
        pod.resume()
    for c in clients:
        c.until("closed", but=["beat lost", "error"])  # the pod, too, finds that nothing came for long
    pod.app.wait_events("disconnect", 3)


def test_a_frozen_client_is_missed(pod, node, dial):
    dial(pod, **BEATS)
    with node.frozen():
        pod.wait_reason("silent")
    pod.app.wait_event("disconnect")


# -------------------------------------------------------------------------------------------------- a pod that dies


def test_nothing_pushed_to_the_user_is_lost_when_his_pod_is_killed(pods, world, dial):
    a, b = pods
    # Away for longer than the lease, so that pushes go to the dead pod at first, and then find none of his.
    c = dial((a, b), "alice", reconnectDelay=5000).subscribe("/user/queue/notices", "1")
    all_sent, sent = threading.Event(), []

    def producer():
        while not all_sent.is_set():
            sent.append(str(len(sent)))
            world.push(push("/queue/notices", "alice", text=sent[-1], id=f"n{sent[-1]}"))
            time.sleep(0.01)  # fewer in all than mailbox.count, 1,000

    thread = threading.Thread(target=producer)
    thread.start()
    try:
        got = [m["body"] for m in c.messages(40)]
        a.kill()
        while (event := c.next(10))[0] != "connected":
            if event[0] == "message":  # was on its way
                got.append(event[1]["body"])
        assert len(b.app.events("connect")) == 1 and b.metric("wsidecar_mailbox_stored_total") > 0
        time.sleep(0.3)  # what comes meanwhile waits for the subscription
        c.subscribe("/user/queue/notices", "1", wait=False)
        c.message()
    finally:
        all_sent.set()
        thread.join()
    first = c.seen[-1][1]["body"]
    got.append(first)
    wanted = set(sent)
    while not wanted <= set(got):
        got.append(c.message(3)["body"])
    c.hears_nothing()
    assert len(got) - len(wanted) < 40, "at least once, but not all of it twice"
    fresh = [int(x) for x in got if int(x) > int(first)]
    assert fresh == sorted(fresh), "in the order of the pushes"
