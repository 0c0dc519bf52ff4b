"""Contract section 3, door 1: addressed channels and the envelope channel."""

import json

import pytest

from support.app import commands
from support.waiting import wait_until


def numsub(world, name):
    return world.redis.pubsub_numsub(world.key(name))[0][1]


@pytest.mark.parametrize("name", ["alice", "a:b:c", "张三", "with space", "x=1&y=2", "*", "[a]", "{tag}", "%41"])
def test_a_user_is_addressed_by_the_name_as_it_stands(world, name):
    from urllib.parse import quote
    pod = world.pod()
    c = world.connect(pod, user=quote(name))
    assert world.publish(f"user:{name}", "for " + name) == 1
    assert c.recv() == "for " + name
    assert list(world.presence(name)) == [c.id]


def test_each_kind_of_channel_reaches_only_whom_it_names(world):
    pod = world.pod()
    a = world.connect(pod, user="a", join=["g"], alias=["userId=42"])
    b = world.connect(pod, user="b")
    for channel in ("user:a", "alias:userId=42", "group:g", f"connection:{a.id}"):
        assert world.publish(channel, channel) == 1
        assert a.recv() == channel
    b.round_trip()
    assert world.publish("alias:a", "an alias is no user") == 0


def test_the_reply_of_publish_counts_the_pods_that_hold_the_target(world):
    pods = [world.pod() for _ in range(3)]
    world.connect(pods[0], user="alice")
    world.connect(pods[0], user="alice")
    world.connect(pods[1], user="alice")
    assert world.publish("user:alice", "x") == 2
    assert world.publish("user:nobody", "x") == 0
    assert world.publish("all", "x") == 3


def test_subscriptions_end_with_the_last_connection(world):
    pod = world.pod()
    a, b = world.connect(pod, user="alice", join=["g"]), world.connect(pod, user="alice")
    a.close()
    wait_until(lambda: numsub(world, "group:g") == 0, 3, "the group's unsubscription")
    assert numsub(world, "user:alice") == 1
    b.close()
    wait_until(lambda: numsub(world, "user:alice") == 0, 3, "the user's unsubscription")


def test_leaving_a_group_ends_its_pushes(world):
    pod = world.pod()
    c = world.connect(pod, user="alice", join=["g", "h"])
    pod.app.answer(message=commands(("Ws-Leave", "g")))
    c.send("leave")
    wait_until(lambda: numsub(world, "group:g") == 0, 3, "unsubscription")
    world.publish("group:g", "not for me")
    world.publish("group:h", "for me")
    assert c.recv() == "for me"


def test_valid_utf8_goes_out_as_text_anything_else_as_binary(world):
    pod = world.pod()
    c = world.connect(pod, user="a")
    for payload in ("", "text", "你好", '{"a":"\\u003d"}'):
        world.publish("user:a", payload)
        assert c.recv() == payload
    for payload in (b"\xff", b"\x80abc", b"ok\xc3"):
        world.publish("user:a", payload)
        assert c.recv() == payload


def test_channels_restricts_what_pods_subscribe_to(world):
    world.config = {"channels": ["user"]}
    pod = world.pod()
    c = world.connect(pod, user="alice", join=["g"])
    assert world.publish("group:g", "x") == 0
    assert world.publish("all", "x") == 0
    assert world.publish(f"connection:{c.id}", "x") == 0
    assert world.publish("user:alice", "x") == 1
    assert c.recv() == "x"
    world.push({"to": {"group": "g"}, "text": "the list is not a channel"})
    assert c.recv() == "the list is not a channel"


def test_order_on_channels_is_the_publishers(world):
    pod = world.pod()
    c = world.connect(pod, user="a", join=["g"])
    for n in range(200):
        world.publish(["user:a", "group:g", "all"][n % 3], str(n))
    assert [int(c.recv()) for _ in range(200)] == list(range(200))


def test_the_envelope_channel_takes_what_the_list_takes_but_mailbox_and_receipt(world):
    a, b = world.pod(), world.pod()
    c = world.connect(a, user="alice", join=["g"])
    d = world.connect(b, user="bob", join=["g"])
    world.publish("push", json.dumps([
        {"to": {"group": "g"}, "text": "1", "except": {"user": "bob"}},
        {"to": {"group": "g"}, "text": "no", "mailbox": True},
        {"to": {"group": "g"}, "text": "no", "receipt": world.key("r")},
        {"to": {"group": "g"}, "colour": "red"},
        {"to": {"group": "g"}, "text": "late", "ttl": 1, "time": "2020-01-01T00:00:00Z"},
        {"to": {"user": ["alice", "bob"]}, "json": {"n": 2}},
        {"to": {"all": True}, "binary": "AP8="},
    ]))
    assert [c.recv() for _ in range(3)] == ["1", '{"n":2}', b"\x00\xff"]
    assert [d.recv() for _ in range(2)] == ['{"n":2}', b"\x00\xff"]
    # Every pod sees a bad one and counts it; it is listed once.
    wait_until(lambda: len(world.rejected()) == 3, 3, "three records")
    assert [r["reason"].split(":")[0] for r in world.rejected()] == ["mailbox and receipt belong to the list"] * 2 + ["unknown_member"]
    for pod in (a, b):
        assert pod.reasons()["unknown_member"] == 1
        assert pod.reasons()["expired"] == 1


def test_what_is_no_json_on_the_envelope_channel_is_listed_once(world):
    a, b = world.pod(), world.pod()
    world.publish("push", b"\xffnonsense")
    for pod in (a, b):
        pod.wait_reason("not_json")
    wait_until(lambda: world.rejected(), 3, "the record")
    assert len(world.rejected()) == 1


def test_a_push_that_the_app_writes_while_it_answers_the_connect_finds_the_connection(world):
    pod = world.pod()
    heard = []

    def connect(request):
        return commands(("Ws-User", "alice"), ("Ws-Join", "g"))

    pod.app.answer(connect=connect, message=lambda r: heard.append(world.publish("group:g", "right after")) or commands())
    c = pod.connect(behind=b"")
    world.clients.append(c)
    assert world.publish("user:alice", "at once") == 1  # the 101 says: registered and subscribed
    assert c.recv() == "at once"
    c.send("x")
    assert c.recv() == "right after"
    wait_until(lambda: heard == [1], 3, "PUBLISH's reply")


def test_a_push_to_the_connections_id_from_within_the_connect_handler_waits_for_the_101(world):
    pod = world.pod()

    def connect(request):
        world.redis_server.client().publish(world.key(f"connection:{request.ws}"), "channel")
        return commands()

    pod.app.answer(connect=connect)
    for _ in range(20):
        c = world.connect(pod)
        assert c.recv() == "channel"


def test_sharded_pubsub(world):
    world.config = {"redis": {"sharded": True}}
    pod = world.pod()
    c = world.connect(pod, user="alice")
    assert world.redis.execute_command("SPUBLISH", world.key("user:alice"), "x") == 1
    assert c.recv() == "x"


def test_a_gap_is_noticed_counted_and_closes_with_4010_where_configured(world, own_redis):
    world.redis_server = own_redis()
    world.config = {"on_gap": "close"}
    pod = world.pod()
    c = world.connect(pod, user="alice")
    world.redis.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
    assert c.closed()[0] == 4010
    assert pod.metric("wsidecar_pubsub_gaps_total") == 1


@pytest.mark.slow
def test_a_redis_that_hangs_is_noticed_within_six_seconds(world, own_redis):
    world.redis_server = own_redis()
    pod = world.pod()
    c = world.connect(pod, user="alice")
    world.redis_server.pause()
    wait_until(lambda: pod.readyz()[1]["redis"] != "ok", 7, "the outage")
    assert pod.readyz()[0] == 200  # readyz.redis is false: a blip must not empty a Service
    d = world.connect(pod, user="bob")  # at once while Redis is known to be down
    world.redis_server.resume()
    pod.wait_ready()
    wait_until(lambda: world.presence("bob"), 5, "bob's registration")
    assert world.publish("user:bob", "x") == 1
    assert d.recv() == "x"
    c.round_trip()
