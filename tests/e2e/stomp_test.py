"""STOMP routes (contract section 6): frames, destinations, the app's part in it."""

import json

import pytest

from support.app import Answer, commands, text
from support.stomp import Stomp, encode
from support.waiting import wait_until

ROUTES = [{"path": "/stomp", "protocol": "stomp"}, {"path": "/open", "protocol": "stomp", "broadcast": True},
          {"path": "/ws/{rest...}"}]


@pytest.fixture
def pod(world):
    return world.pod(routes=ROUTES)


@pytest.fixture
def pods(world):
    return world.pod(routes=ROUTES), world.pod(routes=ROUTES)


def stomp(pod, user=None, **how):
    if user:
        pod.app.answers["connect"] = commands(("Ws-User", user))
    return Stomp(pod.port, **how)


def push(destination, user=None, **members):
    to = {"destination": destination}
    if user:
        to["user"] = user
    payload = {} if {"json", "text"} & set(members) else {"json": {"n": 1}}
    return {"to": to, **payload, **members}


# ------------------------------------------------------------------------------------------------------ CONNECT


def test_the_first_subprotocol_that_the_client_offers_and_we_know_is_chosen(pod):
    assert Stomp(pod.port).ws.response.header("Sec-WebSocket-Protocol") == "v12.stomp"
    assert Stomp(pod.port, subprotocols=["soap", "v10.stomp", "v12.stomp"]).ws.response.header(
        "Sec-WebSocket-Protocol") == "v10.stomp"
    assert Stomp(pod.port, subprotocols=[]).ws.response.header("Sec-WebSocket-Protocol") is None


@pytest.mark.parametrize("offered, spoken", [("1.2,1.1,1.0", "1.2"), ("1.0,1.1", "1.1"), ("1.0", "1.0"), (None, "1.0")])
def test_the_highest_common_version_is_spoken(pod, offered, spoken):
    assert Stomp(pod.port, accept_version=offered).connected.headers["version"] == spoken


def test_no_common_version_is_an_error_that_lists_ours(pod):
    c = Stomp(pod.port, connect=False)
    c.frame("CONNECT", {"accept-version": "2.0", "host": "x"})
    assert c.error().headers["version"] == "1.0,1.1,1.2"
    assert not pod.app.requests


def test_connect_is_the_connect_event_with_its_headers(pod):
    c = stomp(pod, "alice", headers={"Cookie": "SESSION=1"}, login="bob", passcode="s3:cret", X_Tenant="é")
    event = pod.app.wait_event("connect")
    assert event.target == "/stomp" and event.header("Cookie") == "SESSION=1"
    assert event.header("stomp-login") == "bob" and event.decoded("stomp-passcode") == "s3:cret"
    assert event.decoded("stomp-x-tenant") == "é" and event.header("stomp-accept-version") is not None
    assert c.connected.headers["user-name"] == "alice" and c.connected.headers["session"] == event.ws
    c.send("/app/x", passcode="again")
    assert pod.app.wait_event("message").header("stomp-passcode") is None


def test_names_that_http_would_spell_otherwise_are_told_as_they_were(pod):
    c = Stomp(pod.port, connect=False)
    c.frame("CONNECT", {"accept-version": "1.2", "host": "x", "Authorization": "Bearer t", "user_id": "4,2=é"})
    c.expect("CONNECTED")
    event = pod.app.wait_event("connect")
    assert event.header("ws-stomp-headers") == "Authorization,user_id=4%2C2%3D%C3%A9" and event.decoded("stomp-authorization") == "Bearer t"
    c.send("/app/x", "1")
    c.send("/app/x", "2", content_type="text/plain")
    assert pod.app.wait_event("message", body=b"1").header("ws-stomp-headers") is None
    assert pod.app.wait_event("message", body=b"2").header("ws-stomp-headers") == "content-type"


def test_no_event_before_connect_and_none_for_who_never_says_it(pod):
    c = Stomp(pod.port, connect=False)
    c.ws.close()
    Stomp(pod.port).ws.close()
    pod.app.wait_event("disconnect")
    assert [e.type for e in pod.app.events()] == ["connect", "disconnect"]


def test_a_refused_connect_is_an_error_with_the_app_s_words(pod):
    pod.app.answer(connect=Answer(403, {"Content-Type": "text/plain"}, "not you"))
    c = Stomp(pod.port, connect=False)
    c.frame("CONNECT", {"accept-version": "1.2", "host": "x"})
    f = c.error(1008)
    assert f.headers["message"] == "CONNECT was refused (403)" and f.body == "not you"
    assert f.headers["content-type"] == "text/plain"
    c.ws.sock.close()
    assert [e.type for e in pod.app.events()] == ["connect"]


def test_a_refusal_keeps_the_app_s_content_type_and_is_binary_when_no_utf8(pod):
    def refused(content_type, body):
        pod.app.answer(connect=Answer(403, {"Content-Type": content_type}, body))
        c = Stomp(pod.port, connect=False)
        c.frame("CONNECT", {"accept-version": "1.2", "host": "x"})
        f = c.error(1008)
        assert f.headers["content-type"] == content_type
        return f.body

    assert refused("application/json", '{"why":"n\u00e9"}') == '{"why":"n\u00e9"}'
    assert refused("text/plain;charset=ISO-8859-1", b"n\xe9") == b"n\xe9"
    assert refused("text/plain", "x" * 4095 + "\u5f20" * 9) == "x" * 4095, "its start; no letter is cut"


def test_frames_sent_along_with_connect_wait_for_its_answer(pod):
    pod.app.answer(connect=Answer(204, [("Ws-User", "alice")], delay=0.2))
    c = Stomp(pod.port, connect=False)
    c.ws.send(encode("CONNECT", {"accept-version": "1.2", "host": "x"}) +
              encode("SUBSCRIBE", {"id": "1", "destination": "/topic/a", "receipt": "r"}) +
              encode("SEND", {"destination": "/app/hello"}, "hi"))
    c.expect("CONNECTED")
    c.expect("RECEIPT", receipt_id="r")
    pod.app.wait_event("message")
    assert [e.type for e in pod.app.events()] == ["connect", "subscribe", "message"]
    assert [e.decoded("ce-userid") for e in pod.app.events()] == [None, "alice", "alice"]


def test_who_says_no_connect_is_told_and_closed(world):
    pod = world.pod(routes=[{"path": "/stomp", "protocol": "stomp", "limits": {"first_frame": "300ms"}}])
    c = Stomp(pod.port, connect=False)
    assert "CONNECT" in c.error().headers["message"]


def test_another_frame_before_connect_and_a_second_connect_are_errors(pod):
    c = Stomp(pod.port, connect=False)
    c.send("/app/x", receipt="7")
    f = c.error()
    assert f.headers["receipt-id"] == "7" and "CONNECT" in f.headers["message"]
    c = Stomp(pod.port)
    c.frame("CONNECT", {"accept-version": "1.2"})
    c.error()


# --------------------------------------------------------------------------------------------------------- SEND


def test_send_to_an_app_prefix_is_posted_to_its_destination(pod):
    c = stomp(pod, "alice")
    c.send("/app/chat/42", '{"t":1}', content_type="application/json", priority="9")
    e = pod.app.wait_event("message")
    assert (e.method, e.target, e.body) == ("POST", "/app/chat/42", b'{"t":1}')
    assert e.header("Content-Type") == "application/json" and e.header("stomp-priority") == "9"
    assert e.header("ws-destination") == "/app/chat/42" and e.header("ce-userid") == "alice"
    assert e.header("ce-type") == "wsidecar.message"


def test_a_destination_s_spaces_and_letters_are_encoded_in_the_path(pod):
    c = stomp(pod)
    c.send("/app/张 三?x#y", "1")
    e = pod.app.wait_event("message")
    assert e.target == "/app/%E5%BC%A0%20%E4%B8%89%3Fx%23y" and e.decoded("ws-destination") == "/app/张 三?x#y"


@pytest.mark.parametrize("destination", ["/app/../admin", "/app/..;/admin", "/app/%2e%2e/x", "/app//x", "/app/a\\b", "/app/%2fx",
                                         "/app/x;y=1", "/app/50%"])
def test_a_destination_that_is_no_plain_path_is_an_error(pod, destination):
    c = stomp(pod)
    c.send(destination, "1", receipt="r")
    assert c.error().headers["receipt-id"] == "r"
    assert not pod.app.events("message")


def test_the_answer_goes_to_topic_and_the_destination_without_its_prefix_on_all_pods(pods):
    a, b = pods
    here, there, else_ = stomp(a).subscribe("/topic/chat/42"), stomp(b).subscribe("/topic/chat/42"), stomp(b).subscribe("/topic/x")
    a.app.answer(message=Answer(200, {"Content-Type": "application/json"}, '{"ok":1}'))
    here.send("/app/chat/42", "hello", receipt="1")
    frames = {f.command: f for f in (here.recv(), here.recv())}
    assert frames["RECEIPT"].headers["receipt-id"] == "1"
    for m in (frames["MESSAGE"], there.message()):
        assert m.body == '{"ok":1}' and m.headers["destination"] == "/topic/chat/42"
        assert m.headers["content-type"] == "application/json" and m.headers["subscription"] == "sub-0"
    else_.hears_nothing()


def test_the_answer_goes_where_ws_destination_says(pods):
    a, b = pods
    sender = stomp(a, "alice").subscribe("/user/queue/errors", "e").subscribe("/topic/other", "o")
    same_user = stomp(b, "alice").subscribe("/user/queue/errors")
    other = stomp(b, "bob").subscribe("/topic/other").subscribe("/user/queue/errors", "e")
    a.app.answer(message=[text("to me", Ws_Destination="/user/queue/errors"), text("to all", Ws_Destination="/topic/other"),
                          text("to bob", Ws_Destination="/user/bob/queue/errors")])
    for _ in range(3):
        sender.send("/app/x", "1")
    got = [sender.message() for _ in range(2)]
    assert sorted((m.headers["destination"], m.body) for m in got) == [("/topic/other", "to all"),
                                                                       ("/user/queue/errors", "to me")]
    assert sorted((m.headers["destination"], m.body) for m in (other.message(), other.message())) == [
        ("/topic/other", "to all"), ("/user/queue/errors", "to bob")]
    same_user.hears_nothing()


def test_clients_may_send_to_broker_destinations_only_where_broadcast_is_on(pods):
    a, b = pods
    c = stomp(a)
    c.send("/topic/x", "1")
    assert "broadcast" in c.error().headers["message"]
    there = stomp(b, "bob", path="/open").subscribe("/topic/x", "7").subscribe("/user/queue/x", "8")
    c = stomp(a, path="/open")
    c.send("/topic/x", "né", content_type="text/plain;charset=UTF-8", colour="red")
    m = there.message()
    assert (m.body, m.headers["subscription"], m.headers["colour"]) == ("né", "7", "red")
    assert m.headers["content-type"] == "text/plain;charset=UTF-8"
    c.send("/user/bob/queue/x", "psst")
    m = there.message()
    assert (m.body, m.headers["subscription"], m.headers["destination"]) == ("psst", "8", "/user/queue/x")


def test_a_rejected_send_is_silent_but_for_who_asked_for_a_receipt(pod):
    c = stomp(pod)
    pod.app.answer(message=Answer(400))
    c.send("/app/x", "1")
    c.hears_nothing()
    c.send("/app/x", "1", receipt="9")
    f = c.error(1008)
    assert f.headers["receipt-id"] == "9" and "400" in f.headers["message"]


def test_a_binary_body_stays_as_it_is(pod):
    c = stomp(pod)
    c.ws.send(encode("SEND", {"destination": "/app/x", "content-length": "4"}, "").encode()[:-1] + b"\0\xff\x01\x02\0")
    e = pod.app.wait_event("message")
    assert e.body == b"\0\xff\x01\x02" and e.header("Content-Type") == "application/octet-stream"


# ---------------------------------------------------------------------------------------------------- SUBSCRIBE


def test_subscribe_and_unsubscribe_are_events_with_destination_id_and_state(pod):
    pod.app.answer(connect=commands(("Ws-User", "bob"), ("Ws-State", '{"bean":7}')))
    c = Stomp(pod.port).subscribe("/user/queue/msg", "sub-3")
    e = pod.app.wait_event("subscribe")
    assert e.target == "/stomp" and e.header("ce-type") == "wsidecar.subscribe"
    assert (e.decoded("ws-destination"), e.decoded("stomp-id")) == ("/user/queue/msg", "sub-3")
    assert e.decoded("ws-state") == '{"bean":7}' and e.header("ce-userid") == "bob"
    c.frame("UNSUBSCRIBE", {"id": "sub-3"})
    e = pod.app.wait_event("unsubscribe")
    assert (e.decoded("ws-destination"), e.decoded("stomp-id")) == ("/user/queue/msg", "sub-3")
    c.frame("DISCONNECT", {"receipt": "77"})
    c.expect("RECEIPT", receipt_id="77")
    assert c.ws.closed()[0] == 1000
    e = pod.app.wait_event("disconnect")
    assert e.decoded("ws-state") == '{"bean":7}'
    assert len(pod.app.events("disconnect")) == 1


def test_the_app_may_refuse_a_subscription(pod):
    pod.app.answer(subscribe=lambda r: Answer(403 if "secret" in r.decoded("ws-destination") else 204))
    c = stomp(pod).subscribe("/topic/plain")
    c.subscribe("/topic/secret", "2", wait=False)
    assert "403" in c.error(1008).headers["message"]


def test_the_id_of_a_subscription_is_bounded_and_what_is_kept_of_it_counts(pod):
    c = stomp(pod).subscribe("/topic/a", "1")
    before = pod.metric("wsidecar_client_bytes", kind="begun")
    assert before > 0
    c.subscribe("/topic/b", "i" * 256)
    assert pod.metric("wsidecar_client_bytes", kind="begun") >= 2 * before + 255
    c.subscribe("/topic/c", "i" * 257, wait=False)
    assert "256" in c.error().headers["message"]


def test_the_app_is_told_that_a_subscription_is_a_pattern(pod):
    stomp(pod).subscribe("/topic/secre?", "1").subscribe("/topic/secret", "2")
    assert [e.header("ws-pattern") for e in pod.app.events("subscribe")] == ["true", None]


def test_a_route_may_refuse_patterns(world):
    pod = world.pod(routes=[{"path": "/stomp", "protocol": "stomp", "patterns": False}])
    c = stomp(pod).subscribe("/topic/secret", "1")
    c.subscribe("/topic/secre?", "2", wait=False)
    assert "`patterns`" in c.error().headers["message"]
    assert len(pod.app.events("subscribe")) == 1


def test_subscriptions_sent_together_are_all_registered_and_answered(pods, world):
    c = stomp(pods[0], "alice")
    wanted = [f"/topic/t{i}" for i in range(200)]
    for i, destination in enumerate(wanted):
        c.subscribe(destination, f"s{i}", wait=False, receipt=f"r{i}")
    assert {c.expect("RECEIPT").headers["receipt-id"] for _ in wanted} == {f"r{i}" for i in range(200)}
    world.push(*[push(d) for d in wanted])
    assert {c.message().headers["destination"] for _ in wanted} == set(wanted)
    for i in range(100):
        c.frame("UNSUBSCRIBE", {"id": f"s{i}", "receipt": "u"})
    for _ in range(100):
        c.expect("RECEIPT", receipt_id="u")
    wait_until(lambda: not world.redis.exists(world.key("where:destination:/topic/t99")), 3, "the registry")
    assert world.redis.exists(world.key("where:destination:/topic/t100"))


def test_one_client_that_never_acknowledges_does_not_fill_the_inbox(world):
    pod = world.pod(inbox={"bytes": "2MiB"}, routes=[{"path": "/stomp", "protocol": "stomp", "limits": {"queue": "4MiB"}}])
    evil = stomp(pod).subscribe("/topic/news", "e", ack="client")
    honest = stomp(pod, "honest").subscribe("/user/queue/mine", "h")
    world.push(*[push("/topic/news", text="n" * 60000, id=f"n{i}") for i in range(60)])
    _, code, _ = evil.ws.until_closed()
    assert code == 1013
    world.push(*[push("/queue/mine", "honest", text=str(i)) for i in range(5)])
    assert [honest.message().body for _ in range(5)] == list("01234")
    assert pod.metric("wsidecar_limit_hits_total", name="limits.unacknowledged") == 1


def test_subscribing_to_an_app_destination_is_answered_with_one_message(pod, world):
    pod.app.answer(subscribe=Answer(200, {"Content-Type": "application/json"}, "[1,2]"))
    c = stomp(pod)
    c.subscribe("/app/init/7", "i", wait=False)
    m = c.message()
    assert (m.body, m.headers["destination"], m.headers["subscription"]) == ("[1,2]", "/app/init/7", "i")
    assert pod.app.wait_event("subscribe").target == "/app/init/7"
    c.frame("UNSUBSCRIBE", {"id": "i", "receipt": "u"})
    c.expect("RECEIPT", receipt_id="u")


def test_each_subscription_that_matches_gets_a_message_of_its_own(pod, world):
    c = stomp(pod).subscribe("/topic/a", "1").subscribe("/topic/*", "2").subscribe("/topic/**", "3").subscribe("/topic/b", "4")
    world.push(push("/topic/a"))
    got = sorted(c.message().headers["subscription"] for _ in range(3))
    assert got == ["1", "2", "3"]
    world.publish("destination:/topic/b", "x")
    assert sorted(c.message().headers["subscription"] for _ in range(3)) == ["2", "3", "4"]
    c.hears_nothing()


def test_patterns_never_match_user_destinations(pod, world):
    snoop = stomp(pod, "eve").subscribe("/queue/**", "1").subscribe("/topic/**", "2")
    bob = stomp(pod, "bob").subscribe("/user/queue/x")
    world.push(push("/queue/x", "bob"))
    assert bob.message().headers["destination"] == "/user/queue/x"
    snoop.hears_nothing()
    snoop.subscribe("/user/**", "3", wait=False)
    snoop.error()


def test_after_unsubscribe_nothing_comes_any_more(pod, world):
    c = stomp(pod).subscribe("/topic/a", "1").subscribe("/topic/b", "2")
    c.frame("UNSUBSCRIBE", {"id": "1", "receipt": "u"})
    c.expect("RECEIPT", receipt_id="u")
    world.push(push("/topic/a"), push("/topic/b"))
    assert c.message().headers["subscription"] == "2"
    c.hears_nothing()
    c.frame("UNSUBSCRIBE", {"receipt": "none"})
    c.error()


def test_an_unsubscribe_of_what_is_not_there_ends_no_session(pod, world):
    """Spring ignores it, and pages unsubscribe twice."""
    c = stomp(pod).subscribe("/topic/a", "1").subscribe("/topic/b", "2")
    for attempt, id in enumerate(["1", "1", "nope"]):
        c.frame("UNSUBSCRIBE", {"id": id, "receipt": f"u{attempt}"})
        c.expect("RECEIPT", receipt_id=f"u{attempt}")
    assert len(pod.app.events("unsubscribe")) == 1
    world.push(push("/topic/a"), push("/topic/b"))
    assert c.message().headers["subscription"] == "2"
    c.hears_nothing()


def test_a_stomp_1_0_client_may_subscribe_without_an_id(pod, world):
    c = Stomp(pod.port, accept_version="1.0")
    c.frame("SUBSCRIBE", {"destination": "/topic/a", "receipt": "1"})
    c.expect("RECEIPT", receipt_id="1")
    world.push(push("/topic/a"))
    m = c.message()
    assert "subscription" not in m.headers and "ack" not in m.headers and m.headers["message-id"]
    c.frame("UNSUBSCRIBE", {"destination": "/topic/a", "receipt": "2"})
    c.expect("RECEIPT", receipt_id="2")


# -------------------------------------------------------------------------------------------------------- doors


def test_the_list_reaches_subscribers_on_every_pod(pods, world):
    a, b = pods
    x, y = stomp(a).subscribe("/topic/orders"), stomp(b).subscribe("/topic/orders", "s")
    world.push(push("/topic/orders", headers={"type": "created"}))
    for c, id in ((x, "sub-0"), (y, "s")):
        m = c.message()
        assert (m.body, m.headers["subscription"], m.headers["type"]) == ('{"n":1}', id, "created")
        assert m.headers["content-type"] == "application/json" and m.headers["destination"] == "/topic/orders"


def test_the_addressed_channel_of_a_destination(pods, world):
    a, b = pods
    x, y = stomp(a).subscribe("/topic/orders"), stomp(b).subscribe("/topic/*")
    nobody = world.publish("destination:/queue/none", "x")
    assert nobody in (0, 1)  # the pod with a pattern looks at all
    world.publish("destination:/topic/orders", "hello")
    assert x.message().body == y.message().body == "hello"


def test_a_user_destination_reaches_all_connections_of_the_user_that_subscribed(pods, world):
    a, b = pods
    first, second = stomp(a, "alice").subscribe("/user/queue/notices"), stomp(b, "alice").subscribe("/user/queue/notices")
    without, other = stomp(b, "alice").subscribe("/user/queue/else"), stomp(a, "bob").subscribe("/user/queue/notices")
    world.push(push("/queue/notices", "alice"))
    assert first.message().headers["destination"] == second.message().headers["destination"] == "/user/queue/notices"
    without.hears_nothing()
    other.hears_nothing(0.1)


def test_except_a_connection_and_a_user(pods, world):
    a, b = pods
    x, y, z = (stomp(p, u).subscribe("/topic/t") for p, u in ((a, "x"), (b, "y"), (b, "z")))
    world.push({**push("/topic/t"), "except": {"user": "x", "connection": z.connected.headers["session"]}})
    y.message()
    x.hears_nothing()
    z.hears_nothing(0.1)


def outcome(world, key="receipts"):
    return json.loads(wait_until(lambda: world.redis.lindex(world.key(key), 0), what="a receipt"))


def test_nobody_subscribed_is_no_connection(pod, world):
    stomp(pod, "alice").subscribe("/user/queue/other")
    world.push(push("/queue/notices", "alice", json=1, receipt=world.key("r1")), push("/topic/x", json=1, receipt=world.key("r2")))
    first = outcome(world, "r1")
    assert (first["outcome"], first["user"], first["destination"]) == ("no_connection", "alice", "/queue/notices")
    assert outcome(world, "r2")["outcome"] == "no_connection"


def test_the_mailbox_of_a_destination_is_emptied_when_the_user_subscribes_to_it(pods, world):
    a, b = pods
    world.push(*[push("/queue/notices", "alice", json=i, mailbox=True, receipt=world.key("r")) for i in range(3)])
    assert outcome(world, "r")["outcome"] == "stored"
    c = stomp(b, "alice")
    c.hears_nothing()
    c.subscribe("/user/queue/other", "o")
    c.hears_nothing()
    c.frame("SUBSCRIBE", {"id": "n", "destination": "/user/queue/notices"})
    assert [c.message().body for _ in range(3)] == ["0", "1", "2"]
    world.push(push("/queue/notices", "alice", text="live"))
    assert c.message(2).body == "live"  # waits for nothing any more
    c.hears_nothing(0.1)  # reading answers pings
    wait_until(lambda: world.redis.llen(world.key("r")) == 6, what="receipts")
    assert json.loads(world.redis.lindex(world.key("r"), 5))["outcome"] == "delivered"


def test_a_redial_within_the_grace_loses_no_push_to_its_destinations(pods, world):
    a, b = pods
    stomp(a, "alice").subscribe("/user/queue/n").close()
    a.app.wait_event("disconnect")
    world.push(push("/queue/n", "alice", text="while away"))
    again = stomp(b, "alice")
    again.frame("SUBSCRIBE", {"id": "1", "destination": "/user/queue/n"})
    assert again.message().body == "while away"


def test_a_push_without_a_destination_is_not_for_stomp_clients(pod, world):
    c = stomp(pod, "alice").subscribe("/user/queue/n")
    world.push({"to": {"user": "alice"}, "text": "raw", "receipt": world.key("r")})
    done = outcome(world, "r")
    assert (done["outcome"], done["reason"]) == ("dropped", "no_destination")
    c.hears_nothing(0.1)
    world.push({"to": {"user": "alice"}, "close": {"code": 4001, "reason": "bye"}})
    assert c.ws.closed() == (4001, "bye")


def test_a_source_with_a_destination_and_headers(world):
    pod = world.pod(routes=ROUTES, sources=[{
        "list": world.key("x")[1:] + "websocket:msg:list", "pop": "right", "to": {"user": "{/to}", "destination": "{/destination}"},
        "data": "/payload", "headers": "/headers"}])
    c = stomp(pod, "bob").subscribe("/user/queue/msg")
    world.redis.lpush(world.key("x")[1:] + "websocket:msg:list",
                      '{"to":"bob","destination":"/queue/msg","payload":{"id":1,"text":"hi"},"headers":{"kind":"note","n":3}}')
    m = c.message()
    assert (m.body, m.headers["destination"], m.headers["kind"], m.headers["n"]) == ('{"id":1,"text":"hi"}', "/user/queue/msg",
                                                                                     "note", "3")
    assert m.headers["content-type"] == "application/json" and m.headers["subscription"] == "sub-0"


# ---------------------------------------------------------------------------------------------------------- ACK


@pytest.mark.parametrize("version", ["1.2", "1.1", "1.0"])
def test_an_ack_confirms_a_list_push(pod, world, version):
    c = Stomp(pod.port, accept_version=version).subscribe("/topic/a", "1", ack="client-individual")
    world.push(push("/topic/a", json=1, receipt=world.key("r")))
    m = c.message()
    c.ws.round_trip()
    assert not world.redis.exists(world.key("r"))
    c.frame("ACK", {"id": m.headers["ack"]} if version == "1.2" else
            {"message-id": m.headers["message-id"], "subscription": "1"})
    assert outcome(world, "r")["delivered"] == 1


def test_client_mode_acknowledges_all_up_to_the_message(pod, world):
    c = stomp(pod, "alice").subscribe("/user/queue/a", "1", ack="client")
    world.push(*[push("/queue/a", "alice", json=i, receipt=world.key("r")) for i in range(3)])
    messages = [c.message() for _ in range(3)]
    c.frame("ACK", {"id": messages[1].headers["ack"]})
    wait_until(lambda: world.redis.llen(world.key("r")) == 2, what="two receipts")
    c.frame("ACK", {"id": messages[2].headers["ack"], "receipt": "a"})
    c.expect("RECEIPT", receipt_id="a")
    wait_until(lambda: world.redis.llen(world.key("r")) == 3, what="three receipts")


def test_what_was_not_acknowledged_comes_again_to_the_user_s_next_connection(pods, world):
    a, b = pods
    c = stomp(a, "alice").subscribe("/user/queue/a", "1", ack="client")
    world.push(push("/queue/a", "alice", json=7))
    c.message()
    c.ws.drop()
    again = stomp(b, "alice")
    again.frame("SUBSCRIBE", {"id": "1", "destination": "/user/queue/a"})
    assert again.message().body == "7"


def test_a_nack_goes_to_rejected_or_to_the_mailbox(pod, world):
    c = stomp(pod, "alice").subscribe("/user/queue/a", "1", ack="client-individual")
    world.push(push("/queue/a", "alice", json="bad", receipt=world.key("r")))
    c.frame("NACK", {"id": c.message().headers["ack"]})
    assert (outcome(world, "r")["outcome"], outcome(world, "r")["reason"]) == ("dropped", "nacked")
    assert "nacked" in world.rejected()[0]["reason"]
    world.push(push("/queue/a", "alice", json="later", mailbox=True))
    c.frame("NACK", {"id": c.message().headers["ack"]})
    wait_until(lambda: pod.metric("wsidecar_mailbox_stored_total") == 1, what="the mailbox")
    again = stomp(pod, "alice")
    again.frame("SUBSCRIBE", {"id": "9", "destination": "/user/queue/a"})
    assert again.message().body == '"later"'


@pytest.mark.parametrize("version, header", [("1.2", "id"), ("1.1", "message-id"), ("1.0", "message-id")])
def test_an_ack_that_names_no_message_has_no_effect_as_in_spring(pod, version, header):
    """stompjs' message.ack() says id:undefined for what came by `ack: auto`; after a redial, another pod's numbers can come."""
    c = stomp(pod, accept_version=version).subscribe("/topic/a")
    for n, (command, name) in enumerate([("ACK", "undefined"), ("ACK", "999999-sub-0"), ("NACK", "undefined"), ("NACK", "")]):
        c.frame(command, {header: name, "subscription": "sub-0", "receipt": f"a{n}"})
        c.expect("RECEIPT", receipt_id=f"a{n}")
    assert pod.metric("wsidecar_stomp_errors_total", reason="bad_ack") == 4
    c.send("/app/still", "here")
    assert pod.app.wait_event("message").text == "here"


# ------------------------------------------------------------------------------------------------- transactions


def test_a_transaction_s_frames_go_together_or_not_at_all(pod):
    c = stomp(pod)
    c.frame("BEGIN", {"transaction": "t1"}).frame("BEGIN", {"transaction": "t2"})
    c.send("/app/a", "1", transaction="t1").send("/app/b", "2", transaction="t2").send("/app/c", "3")
    pod.app.wait_event("message")
    c.frame("ABORT", {"transaction": "t2"}).frame("COMMIT", {"transaction": "t1", "receipt": "done"})
    c.expect("RECEIPT", receipt_id="done")
    assert [e.target for e in pod.app.events("message")] == ["/app/c", "/app/a"]
    c.send("/app/d", transaction="t1")
    c.error()


# ------------------------------------------------------------------------------------------------ frames, beats


def test_receipts_come_when_the_frame_was_done(pod):
    c = stomp(pod)
    pod.app.answer(message=Answer(204, delay=0.3))
    c.send("/app/a", "1", receipt="1").send("/app/b", "2", receipt="2").frame("DISCONNECT", {"receipt": "3"})
    assert [c.recv().headers["receipt-id"] for _ in range(3)] == ["1", "2", "3"]
    assert [e.target for e in pod.app.events("message")] == ["/app/a", "/app/b"]


def test_a_frame_may_come_in_pieces_and_several_in_one_message(pod):
    c = stomp(pod)
    whole = encode("SEND", {"destination": "/app/x"}, "abc") + "\n" + encode("SEND", {"destination": "/app/y"}, "def")
    for i in range(0, len(whole), 7):
        c.ws.send(whole[i:i + 7])
    assert [e.target for e in pod.app.wait_events("message", 2)] == ["/app/x", "/app/y"]


def test_escapes_in_a_destination_both_ways(pod, world):
    c = stomp(pod).subscribe("/topic/a:b\\c", "s:1")
    world.push(push("/topic/a:b\\c"))
    m = c.message()
    assert m.headers["destination"] == "/topic/a:b\\c" and m.headers["subscription"] == "s:1"
    c.ws.send("SEND\ndestination:/app/\\t\n\n\0")
    assert "escape" in c.error().headers["message"]


def test_crlf_is_an_end_of_line_and_a_frame_has_a_limit(pod):
    c = stomp(pod)
    c.ws.send("SEND\r\ndestination:/app/x\r\n\r\nabc\0")
    assert pod.app.wait_event("message").body == b"abc"
    c.ws.send("SEND\ndestination:/app/x\n\n" + "x" * 70_000)
    assert "64 KiB" in c.error().headers["message"]


def test_heart_beats_go_both_ways(world):
    pod = world.pod(routes=[{"path": "/stomp", "protocol": "stomp", "heartbeat": ["200ms", "200ms"]}])
    c = Stomp(pod.port, heart_beat="200,200")
    assert c.connected.headers["heart-beat"] == "200,200"
    for _ in range(5):
        c.ws.send("\n")
        c.hears_nothing(0.2)
    assert c.beats >= 4
    assert "heart-beat" in c.error().headers["message"]  # silent for three intervals
    pod.app.wait_event("disconnect")
    quiet = Stomp(pod.port)
    quiet.hears_nothing(1)
    assert quiet.beats == 0


def test_the_metrics_count_frames_errors_and_subscriptions(pod):
    c = stomp(pod).subscribe("/topic/a")
    assert pod.metric("wsidecar_stomp_subscriptions") == 1
    c.frame("NONSENSE")
    c.error()
    assert pod.metric("wsidecar_stomp_errors_total", reason="unknown_command") == 1
    assert pod.metric("wsidecar_stomp_frames_total", command="SUBSCRIBE") == 1
    wait_until(lambda: pod.metric("wsidecar_stomp_subscriptions") == 0, what="no subscription")
