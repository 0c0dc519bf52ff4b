"""Channels and lists that an app already writes, with the bytes that Spring's serializers put there."""

import base64
import json
import os
import subprocess
import time

import pytest
import yaml

from support.app import Answer
from support.pod import ROOT, binary, clean_environment
from support.waiting import wait_until

FIXTURES = os.path.join(ROOT, "tests", "proto", "java")
JDK_HELLO = b"\xac\xed\x00\x05t\x00\x05hello"


def jdk_text(text):
    data = text.encode()
    return b"\xac\xed\x00\x05t" + len(data).to_bytes(2, "big") + data


def sample(name):
    with open(os.path.join(FIXTURES, "samples", name), "rb") as f:
        return f.read()


@pytest.fixture
def sources(world):
    """Names outside the prefix, so that parallel tests have channels of their own."""
    def name(of):
        return f"{world.prefix.rstrip(':')}-{of}"

    def use(*entries):
        world.config = {**world.config, "sources": list(entries)}
    use.name = name
    return use


def subscribed(world, channel, pods=1):
    wait_until(lambda: world.redis.pubsub_numsub(channel)[0][1] == pods, 3, "the subscription")


def test_a_notice_reaches_the_alias_on_whichever_pod_byte_for_byte(world, sources):
    topic = sources.name("sendMsgTopic")
    sources({"channel": topic, "to": {"alias": "userId={/userId}"}})
    a, b = world.pod(), world.pod()
    alice = [world.connect(p, user="alice", alias=["userId=42"]) for p in (a, a, b)]
    bob = world.connect(a, user="bob", alias=["userId=43"])
    subscribed(world, topic, 2)
    body = '{"userId":42,"title":"新通知","content":"a\\u003db","level":1,"read":false}'
    assert world.redis.publish(topic, body) == 2
    for c in alice:
        assert c.recv() == body
    world.redis.publish(topic, '{"userId":"42"}')
    world.redis.publish(topic, jdk_text('{"userId":42,"x":1}'))
    world.redis.publish(topic, json.dumps('{"userId":42,"title":"hi"}'))
    for c in alice:
        assert [c.recv() for _ in range(3)] == ['{"userId":"42"}', '{"userId":42,"x":1}', '{"userId":42,"title":"hi"}']
    bob.hears_nothing(0.1)


def test_what_names_nobody_is_counted_and_stops_nothing(world, sources):
    topic = sources.name("topic")
    sources({"channel": topic, "to": {"user": "{/user}"}})
    pod = world.pod()
    c = world.connect(pod, user="alice")
    subscribed(world, topic)
    for body in (b"", b"null", b"[]", b"not json", b'{"user":null}', b"\x01\x00secret", b"\xac\xed\x00\x05"):
        world.redis.publish(topic, body)
    world.redis.publish(topic, '{"user":"alice"}')
    assert c.recv() == '{"user":"alice"}'
    reasons = pod.reasons()
    assert reasons["empty"] == 1 and reasons["no_target"] >= 2 and reasons["not_json"] >= 1
    assert sum(reasons.values()) == 7
    assert not [line for line in pod.raw_output if "secret" in line]
    assert not world.rejected()


def test_everyone_at_the_table_but_the_sender_sees_the_order(world, sources):
    topic = sources.name("order_food")
    sources({"channel": topic, "to": {"group": "{/tableId}"}, "except": {"user": "{/from}"}})
    world.config["routes"] = [{"path": "/wsapp/{table}", "groups": ["{table}"]}]
    a, b = world.pod(), world.pod()
    u1 = world.connect(a, user="u1", path="/wsapp/T8")
    u2 = world.connect(b, user="u2", path="/wsapp/T8")
    u3 = world.connect(b, user="u3", path="/wsapp/T9")
    subscribed(world, topic, 2)
    body = '{"tableId":"T8","from":"u1","dish":"鱼香肉丝","count":2}'
    world.redis.publish(topic, body)
    assert u2.recv() == body
    u1.hears_nothing(0.1)
    u3.hears_nothing(0.1)


@pytest.mark.parametrize("payload", [b"hello", b'"hello"', JDK_HELLO])
def test_one_text_in_each_serializers_form_is_one_text(world, sources, payload):
    topic = sources.name("hello")
    sources({"channel": topic, "to": {"all": True}})
    pod = world.pod()
    clients = [world.connect(pod, user=u) for u in "ab"]
    subscribed(world, topic)
    world.redis.publish(topic, payload)
    for c in clients:
        assert c.recv() == "hello"


def test_a_jdk_serialized_object_is_sent_as_the_part_that_data_names(world, sources):
    topic = sources.name("message")
    sources({"channel": topic, "to": {"user": "{/userLdap}"}, "data": "/messageVOS"})
    pod = world.pod()
    with open(os.path.join(FIXTURES, "samples", "07_push_message_vo.json"), encoding="utf-8") as f:
        expected = json.load(f)
    c = world.connect(pod, user=expected["userLdap"])
    subscribed(world, topic)
    world.redis.publish(topic, sample("07_push_message_vo.bin"))
    assert json.loads(c.recv()) == expected["messageVOS"]


def test_a_pattern_gives_its_stars(world, sources):
    front = sources.name("chat")
    sources({"pattern": f"{front}.*", "to": {"group": "room-{1}"}})
    pod = world.pod()
    seven, eight = (world.connect(pod, user=u, join=[f"room-{u}"]) for u in ("7", "8"))
    wait_until(lambda: world.redis.publish(f"{front}.0", "x") == 1, 3, "the subscription")
    world.redis.publish(f"{front}.7", "hi")
    assert seven.recv() == "hi"
    eight.hears_nothing(0.1)


@pytest.mark.parametrize("pop", ["left", "right"])
@pytest.mark.parametrize("key_format", ["text", "jdk"])
def test_a_list_is_delivered_at_least_once_in_its_order(world, sources, pop, key_format):
    name = sources.name("msg:list")
    sources({"list": name, "pop": pop, "key_format": key_format, "to": {"user": "{/to}"}, "data": "/payload"})
    a, b = world.pod(), world.pod()
    bob = world.connect(b, user="bob", auto_pong=False)
    key = jdk_text(name) if key_format == "jdk" else name
    write = world.redis.rpush if pop == "left" else world.redis.lpush
    for n in range(20):
        value = json.dumps({"to": "bob", "destination": "/queue/msg", "payload": {"n": n}}).replace(" ", "")
        write(key, jdk_text(value) if key_format == "jdk" else value)
    assert [bob.recv() for _ in range(20)] == ['{"n":%d}' % n for n in range(20)]
    bob.drop()  # it had confirmed nothing
    again = world.connect(a, user="bob")
    assert [again.recv() for _ in range(20)] == ['{"n":%d}' % n for n in range(20)]
    assert world.redis.llen(key) == 0


JSON_NODE = base64.b64decode(  # of Java 17 and jackson-databind 2.15.4: LinkedHashMap {to: "7", payload: ObjectNode}
    "rO0ABXNyABdqYXZhLnV0aWwuTGlua2VkSGFzaE1hcDTATlwQbMD7AgABWgALYWNjZXNzT3JkZXJ4cgARamF2YS51dGlsLkhhc2hNYXAFB9rBwxZg0QMAAkYA"
    "CmxvYWRGYWN0b3JJAAl0aHJlc2hvbGR4cD9AAAAAAAAMdwgAAAAQAAAAAnQAAnRvdAABN3QAB3BheWxvYWRzcgA1Y29tLmZhc3RlcnhtbC5qYWNrc29uLmRh"
    "dGFiaW5kLm5vZGUuTm9kZVNlcmlhbGl6YXRpb24AAAAAAAAAAQwAAHhwdysAAAAneyJ0byI6IjciLCJ0ZXh0IjoiaGkg5L2g5aW9IiwibCI6WzEsMl19eHgA")


def test_a_json_node_in_java_serialization_is_its_json_and_another_externalizable_is_rejected_by_name(world, sources):
    name = sources.name("nodes")
    sources({"list": name, "to": {"user": "{/to}"}, "data": "/payload"})
    c = world.connect(world.pod(), user="7")
    other = JSON_NODE.replace(b"com.fasterxml.jackson.databind.node.NodeSerialization", b"com.example.push.serialization.of.its.own.Notification01")
    assert len(other) == len(JSON_NODE) + 3
    other = other.replace(b"\x00\x35com.example", b"\x00\x38com.example")
    world.redis.rpush(name, other, JSON_NODE)
    assert json.loads(c.recv()) == {"to": "7", "text": "hi 你好", "l": [1, 2]}
    wait_until(world.rejected, 3, "the other one")
    [record] = world.rejected()
    assert "externalizable" in record["reason"] and "com.example.push.serialization.of.its.own.Notification01" in record["reason"]


def test_one_number_names_one_user_however_java_wrote_it(world, sources):
    channel = sources.name("numbers")
    sources({"channel": channel, "to": {"user": "{/userId}"}})
    c = world.connect(world.pod(), user="7")
    for payload in ('{"userId":7.0}', '{"userId":7}', '{"userId":0.7E1}'):
        world.redis.publish(channel, payload)
        assert c.recv() == payload


def test_a_lists_unreadable_entries_are_rejected_with_their_reasons(world, sources):
    name = sources.name("list")
    sources({"list": name, "to": {"user": "{/to}"}})
    pod = world.pod()
    c = world.connect(pod, user="a")
    world.redis.rpush(name, b"\xc1\xff\x00\x02", b'{"x":1}', b'{"to":"a"}')
    assert c.recv() == '{"to":"a"}'
    first, second = world.rejected()
    assert "base64" in first and second["reason"].startswith("no_target")
    assert pod.reasons()["no_target"] == 1


def test_what_a_client_says_is_published_and_everyone_hears_it_but_the_sender_if_asked(world, sources):
    topic = sources.name("socket_topic")
    sources({"channel": topic, "to": {"all": True}, "echo": False})
    world.config["routes"] = [{"path": "/ws/{rest...}", "events": ["connect", "disconnect"], "inbound": {"publish": topic}}]
    a, b = world.pod(), world.pod()
    one, two = world.connect(a, user="u1"), world.connect(b, user="u2")
    subscribed(world, topic, 2)
    for text in ("hello 世界", "hello 世界", "again"):
        one.send(text)
        assert two.recv() == text
    two.send("and I")
    assert one.recv() == "and I"
    two.hears_nothing(0.1)
    assert not a.app.events("message") and not b.app.events("message")


def test_the_sender_hears_itself_unless_told_otherwise_and_the_app_too(world, sources):
    topic, key = sources.name("topic"), sources.name("inbound")
    sources({"channel": topic, "to": {"all": True}})
    world.config["routes"] = [{"path": "/ws/{rest...}", "inbound": {"publish": topic, "rpush": key}}]
    pod = world.pod()
    c = world.connect(pod, user="u1")
    subscribed(world, topic)
    c.send("hi")
    assert c.recv() == "hi"
    assert pod.app.wait_event("message").text == "hi"
    assert world.redis.lrange(key, 0, -1) == [b"hi"]
    world.redis.delete(key)


def test_sources_are_subscribed_again_after_an_outage(world, sources, own_redis):
    server = world.redis_server = own_redis()
    topic = sources.name("topic")
    sources({"channel": topic, "to": {"all": True}}, {"pattern": topic + ".*", "to": {"all": True}})
    pod = world.pod()
    c = world.connect(pod, user="a")
    server.restart()
    pod.wait_ready(10)
    subscribed(world, topic)
    world.redis.publish(topic, "one")
    world.redis.publish(topic + ".x", "two")
    assert [c.recv(), c.recv()] == ["one", "two"]


# ------------------------------------------------------------------------------------------------------ delivered

VO = {"user": "zhangsan", "messages": [{"id": 1001}, {"id": 1002}]}


def told(*apps):
    return [(json.loads(r.body), r.header("Idempotency-Key")) for a in apps for r in list(a.requests) if r.target == "/sent"]


def delivering(of, **more):
    return {**of, "to": {"user": "{/user}"}, "data": "/messages", "delivered": {"post": "/sent", "body": "/messages/*/id"}, **more}


@pytest.mark.parametrize("confirm", ["pong", "write"])
def test_the_app_is_told_once_after_real_delivery(world, sources, confirm):
    topic = sources.name("message")
    sources(delivering({"channel": topic}, confirm=confirm))
    a, b = world.pod(), world.pod()
    clients = [world.connect(p, user="zhangsan", auto_pong=False) for p in (a, b)]
    subscribed(world, topic, 2)
    world.redis.publish(topic, json.dumps(VO))
    for c in clients:
        assert json.loads(c.recv()) == VO["messages"]
    if confirm == "pong":
        for c in clients:
            c.hears_nothing(0.3)
        assert not told(a.app, b.app), "the kernel's word is not delivery"
        for c in clients:
            c.frame(10, c.pings[-1])
    wait_until(lambda: told(a.app, b.app), 3, "word of it")
    time.sleep(0.5)
    assert [body for body, _ in told(a.app, b.app)] == [[1001, 1002]]


def test_nobody_there_is_no_delivery(world, sources):
    topic, key = sources.name("message"), sources.name("list")
    sources(delivering({"channel": topic}), delivering({"list": key}))
    pod = world.pod()
    subscribed(world, topic)
    world.redis.publish(topic, json.dumps(VO))
    world.redis.rpush(key, json.dumps(VO))
    pod.wait_reason("no_connection")
    time.sleep(0.5)
    assert not told(pod.app)


def test_a_list_tells_once_for_a_user_on_two_pods_and_batches(world, sources):
    key = sources.name("list")
    sources(delivering({"list": key}))
    a, b = world.pod(), world.pod()
    clients = [world.connect(p, user="zhangsan") for p in (a, b)]
    for n in range(30):
        world.redis.rpush(key, json.dumps({"user": "zhangsan", "messages": [{"id": n}]}))
    for c in clients:
        assert [json.loads(c.recv()) for _ in range(30)] == [[{"id": n}] for n in range(30)]
        c.hears_nothing(0.1)
    wait_until(lambda: sum(len(body) for body, _ in told(a.app, b.app)) >= 30, 5, "all ids")
    time.sleep(0.5)
    bodies = [body for body, _ in told(a.app, b.app)]
    assert sorted(i for body in bodies for i in body) == list(range(30))
    assert len(bodies) < 30, "in batches"


def test_word_that_the_app_does_not_take_comes_again_and_survives_the_pod(world, sources):
    key = sources.name("list")
    sources(delivering({"list": key}))
    world.config["lease"] = "1s"
    a, b = world.pod(), world.pod()
    time.sleep(3.1)
    a.app.answers["other"] = b.app.answers["other"] = Answer(503)
    c = world.connect(b, user="zhangsan")
    world.redis.rpush(key, json.dumps(VO))
    assert json.loads(c.recv()) == VO["messages"]
    c.hears_nothing(0.1)
    wait_until(lambda: told(a.app, b.app), 5, "a first try")
    a.app.answers["other"] = Answer(204)
    b.kill()
    before = len(told(a.app))
    wait_until(lambda: len(told(a.app)) > before, 8, "another try")
    time.sleep(2.5)
    assert told(a.app)[-1][0] == [1001, 1002] and len(told(a.app)) == before + 1
    assert world.redis.llen(world.key("callbacks")) == 0


def test_a_mailbox_of_the_grace_tells_when_it_is_delivered(world, sources):
    key = sources.name("list")
    sources(delivering({"list": key}))
    pod = world.pod()
    world.connect(pod, user="zhangsan").drop()
    wait_until(lambda: world.redis.exists(world.key("left:user:zhangsan")), 3, "its end")
    world.redis.rpush(key, json.dumps(VO))
    wait_until(lambda: world.redis.exists(world.key("mailbox:user:zhangsan")), 3, "kept")
    assert not told(pod.app)
    c = world.connect(pod, user="zhangsan")
    assert json.loads(c.recv()) == VO["messages"]
    c.hears_nothing(0.1)
    wait_until(lambda: told(pod.app), 3, "word of it")


# ------------------------------------------------------------------------------------------------------- explain

def explain(world, tmp_path, payload, *arguments):
    config = tmp_path / "c.yaml"
    config.write_text(yaml.safe_dump({"redis": {"url": world.redis_server.url}, "prefix": world.prefix, **world.config}))
    return subprocess.run([binary(), "explain", "--config", str(config), *arguments], input=payload, capture_output=True, timeout=10,
                          env=clean_environment())


def test_explain_says_what_a_payload_would_do(world, sources, tmp_path):
    topic = sources.name("topic")
    sources({"channel": topic, "to": {"user": "{/to}"}, "data": "/text"})
    world.connect(world.pod(), user="alice")
    done = explain(world, tmp_path, jdk_text('{"to":"alice","text":"hi"}'), "--channel", topic)
    said = done.stdout.decode()
    assert done.returncode == 0, done.stderr
    for words in ("Java serialization", '{"to":"alice","text":"hi"}', "user alice", "they get: hi", "user alice: 1 connection"):
        assert words in said, said


def test_explain_says_what_is_wrong(world, sources, tmp_path):
    topic = sources.name("topic")
    sources({"channel": topic, "to": {"user": "{/to}"}})
    done = explain(world, tmp_path, b"\xc1\xff\x00", "--channel", topic)
    assert done.returncode == 1 and b"not readable" in done.stdout
    done = explain(world, tmp_path, b"{}", "--channel", topic)
    assert done.returncode == 1 and b"no_target" in done.stdout
    done = explain(world, tmp_path, b"{}", "--channel", "other")
    assert done.returncode == 1 and b"no entry" in done.stderr
    assert explain(world, tmp_path, b"{}").returncode == 2


def test_explain_shows_what_each_pointer_finds_and_what_the_app_is_told(world, sources, tmp_path):
    topic = sources.name("topic")
    sources({"channel": topic, "to": {"user": "{/userId}"}, "except": {"user": "{/from}"}, "data": "/messages",
             "delivered": {"post": "/sent", "body": "/messages/*/id"}})
    payload = {"userId": "alice", "messages": [{"id": 1001}, {"id": 1002}]}
    done = explain(world, tmp_path, json.dumps(payload).encode(), "--channel", topic)
    said = done.stdout.decode()
    assert done.returncode == 0 and not done.stderr, done.stderr
    assert 'to.user /userId finds "alice"' in said and "delivered.body /messages/*/id finds 1001, 1002" in said
    assert "except.user /from finds nothing: the payload has 'userId', 'messages'" in said
    assert 'told after delivery: {"post":"/sent","ids":[1001,1002]}' in said
    assert "component" not in said and "connected link" not in said, "no line of the log"


@pytest.mark.parametrize("key, pointer, near", [("to", "/userID", "did you mean /userId?"), ("to", "/user_id", "did you mean /userId?"),
                                                ("data", "/mesages/0", "did you mean /messages/0?"),
                                                ("data", "/messages/0/idd", "did you mean /messages/0/id?"),
                                                ("data", "/zzzzzzzzz", "has 'userId', 'messages'"),
                                                ("data", "/userId/x", "/userId has no members (it is \"alice\")")])
def test_explain_says_which_pointer_is_wrong_and_what_is_there_instead(world, sources, tmp_path, key, pointer, near):
    topic = sources.name("topic")
    source = {"channel": topic, "to": {"user": "{/userId}"}, "data": "/messages"}
    source[key] = {"user": f"{{{pointer}}}"} if key == "to" else pointer
    sources(source)
    done = explain(world, tmp_path, b'{"userId":"alice","messages":[{"id":1}]}', "--channel", topic)
    said = done.stdout.decode()
    assert done.returncode == 1 and near in said and f"nothing at {pointer}" in said, said


def test_a_delivered_body_that_finds_nothing_is_told(world, sources, tmp_path):
    topic = sources.name("topic")
    sources({"channel": topic, "to": {"user": "{/u}"}, "delivered": {"post": "/sent", "body": "/idd"}})
    said = explain(world, tmp_path, b'{"u":"alice","id":7}', "--channel", topic).stdout.decode()
    assert "delivered.body /idd finds nothing: the payload has 'id': did you mean /id?" in said and "the app is not told" in said


def test_the_log_names_the_pointer_and_each_source_has_its_own_line(world, sources):
    one, two = sources.name("one"), sources.name("two")
    sources({"channel": one, "to": {"user": "{/userID}"}}, {"channel": two, "to": {"user": "{/who}"}, "data": "/text"})
    pod = world.pod()
    world.redis.publish(one, '{"userId":"alice"}')
    world.redis.publish(two, '{"who":"alice"}')
    assert "nothing at /userID" in pod.wait_logged(one, level="warn")[0]["detail"]
    assert "nothing at /text, where 'data' points" in pod.wait_logged(two, level="warn")[0]["detail"]


def live(world, tmp_path, *arguments):
    config = tmp_path / "c.yaml"
    config.write_text(yaml.safe_dump({"redis": {"url": world.redis_server.url}, "prefix": world.prefix, **world.config}))
    process = subprocess.Popen([binary(), "explain", "--config", str(config), "--live", *arguments], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, env=clean_environment(), text=True)
    assert "watching" in process.stderr.readline()
    return process


def test_explain_live_explains_what_is_published_and_delivers_nothing(world, sources, tmp_path):
    topic = sources.name("topic")
    sources({"channel": topic, "to": {"user": "{/u}"}})
    process = live(world, tmp_path, "--channel", topic, "--count", "2")
    wait_until(lambda: world.redis.pubsub_numsub(topic)[0][1] == 1, 5, "its subscription")
    c = world.connect(world.pod(), user="alice")
    world.redis.publish(topic, jdk_text('{"u":"alice"}'))
    world.redis.publish(topic, '{"x":1}')
    out, err = process.communicate(timeout=10)
    assert process.returncode == 0 and not err, err
    assert out.count(f"CHANNEL {topic}, ") == 2 and "Java serialization" in out and "nothing at /u" in out
    assert c.recv() == '{"u":"alice"}', "the pod's delivery, and no second one"
    c.hears_nothing(0.2)


def test_explain_live_takes_a_pattern_of_the_sources(world, sources, tmp_path):
    front = sources.name("chat")
    sources({"pattern": f"{front}.*", "to": {"group": "{1}"}})
    process = live(world, tmp_path, "--channel", f"{front}.*", "--count", "1")
    wait_until(lambda: world.redis.pubsub_numpat() >= 1, 5, "its subscription")
    world.redis.publish(f"{front}.room-7", "hello")
    out, err = process.communicate(timeout=10)
    assert process.returncode == 0 and f"CHANNEL {front}.room-7" in out and "group room-7" in out, out + err


@pytest.mark.parametrize("pop", ["left", "right"])
def test_explain_live_leaves_a_list_as_it_is(world, sources, tmp_path, pop):
    key = sources.name("list")
    sources({"list": key, "pop": pop, "to": {"user": "{/u}"}})
    add = world.redis.rpush if pop == "left" else world.redis.lpush
    process = live(world, tmp_path, "--list", key, "--count", "3")
    for n in range(3):
        add(key, json.dumps({"u": "alice", "n": n}))
    out, err = process.communicate(timeout=10)
    assert process.returncode == 0 and not err, err
    assert [line for line in out.splitlines() if line.startswith("  they get")] == [f'  they get: {{"u": "alice", "n": {n}}}' for n in range(3)]
    assert world.redis.llen(key) == 3, "nothing was taken"
    assert json.loads(world.redis.lindex(key, 0 if pop == "left" else -1))["n"] == 0, "nor moved"
