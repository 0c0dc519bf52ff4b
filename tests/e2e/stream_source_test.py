"""Streams that an app already writes: read with a consumer group, acknowledged once routed, none lost without a word."""

import base64
import json
import signal
import subprocess
import time

import pytest
import yaml

from support.pod import binary, clean_environment
from support.waiting import wait_until


def jdk_text(text):
    data = text.encode()
    return b"\xac\xed\x00\x05t" + len(data).to_bytes(2, "big") + data


def jdk_bytes(data):
    return b"\xac\xed\x00\x05ur\x00\x02[B\xac\xf3\x17\xf8\x06\x08T\xe0\x02\x00\x00xp" + len(data).to_bytes(4, "big") + data


@pytest.fixture
def stream(world):
    """A stream outside the prefix, and how it is made a source."""
    class Stream:
        name = f"{world.prefix.rstrip(':')}-orders"
        group = world.prefix.rstrip(":")

        @staticmethod
        def use(**source):
            source = {"stream": Stream.name, "to": {"user": "{/user}"}, **source}
            world.config = {**world.config, "sources": [source]}

        @staticmethod
        def add(fields, **how):
            return world.redis.xadd(Stream.name, fields, **how)

        @staticmethod
        def send(user, n, **how):
            return Stream.add({"payload": json.dumps({"user": user, "n": n})}, **how)

        @staticmethod
        def group_is_there(name=None):
            def there():
                return world.redis.exists(name or Stream.name) and world.redis.xinfo_groups(name or Stream.name)
            wait_until(there, 5, "the consumer group")

        @staticmethod
        def pending():
            return world.redis.xpending(Stream.name, Stream.group)["pending"]
    return Stream


def numbers(client, count):
    return [json.loads(client.recv(10))["n"] for _ in range(count)]


def test_entries_arrive_in_order_and_are_acknowledged(world, stream):
    stream.use(field="payload")
    a, b = world.pod(), world.pod()
    clients = [world.connect(a, user="alice"), world.connect(b, user="alice")]
    stream.group_is_there()  # made, with the stream, before the app has written anything
    for n in range(300):
        stream.send("alice", n)
    for c in clients:
        assert numbers(c, 300) == list(range(300))
    wait_until(lambda: stream.pending() == 0, 3, "acknowledged")
    assert world.redis.xlen(stream.name) == 300, "the stream is the app's"
    [group] = world.redis.xinfo_groups(stream.name)
    assert group["name"].decode() == stream.group and group["consumers"] == 1
    assert "trimmed" not in {k for k, v in a.reasons().items() if v} | {k for k, v in b.reasons().items() if v}


@pytest.mark.parametrize("start, old", [("new", 0), ("start", 3)])
def test_where_a_stream_is_read_from(world, stream, start, old):
    for n in range(3):
        stream.send("nobody", n)
    stream.use(field="payload", **{"from": start})
    pod = world.pod()
    c = world.connect(pod, user="alice")
    stream.group_is_there()
    stream.send("alice", 3)
    assert numbers(c, 1) == [3]
    assert pod.reasons().get("no_connection", 0) == old
    assert not pod.reasons().get("trimmed")


def test_a_group_and_names_of_other_fields(world, stream):
    stream.use(field="body", group="pushes", to={"user": "{entry/user}", "group": "{entry/shop}-{/table}"},
               **{"except": {"user": "{entry/from}"}})
    pod = world.pod()
    alice, bob = world.connect(pod, user="alice"), world.connect(pod, user="bob", join=["7-3"])
    waiter = world.connect(pod, user="waiter", join=["7-3"])
    stream.group_is_there()
    assert world.redis.xinfo_groups(stream.name)[0]["name"] == b"pushes"
    stream.add({"user": "alice", "shop": "7", "from": "waiter", "body": '{"table":3,"dish":"面"}'})
    assert alice.recv() == bob.recv() == '{"table":3,"dish":"面"}'
    waiter.hears_nothing(0.1)


ORDER = {"userId": "42", "count": "3", "address.city": "杭州", "items.[0].dish": "rice", "items.[1].dish": "鱼", "_class": "com.example.Order"}
PLAIN = {"userId": "42", "count": "3", "address": {"city": "杭州"}, "items": [{"dish": "rice"}, {"dish": "鱼"}]}


@pytest.mark.parametrize("writer", ["string", "jdk", "json"])
def test_an_object_record_is_the_object_again(world, stream, writer):
    stream.use(to={"alias": "userId={/userId}"})
    c = world.connect(world.pod(), user="alice", alias=["userId=42"])
    stream.group_is_there()
    write = {"string": (str, str), "jdk": (lambda n: jdk_bytes(n.encode()), lambda v: jdk_bytes(v.encode())),
             "json": (str, lambda v: json.dumps(base64.b64encode(v.encode()).decode()))}[writer]
    stream.add({write[0](k): write[1](v) for k, v in ORDER.items()})
    assert json.loads(c.recv()) == PLAIN


@pytest.mark.parametrize("payload", [b"hello", b'"hello"', jdk_text("hello")])
@pytest.mark.parametrize("key", [b"payload", jdk_text("payload"), b'"payload"'])
def test_a_simple_object_record_is_its_text(world, stream, key, payload):
    stream.use(field="payload", to={"all": True})
    c = world.connect(world.pod(), user="alice")
    stream.group_is_there()
    stream.add({key: payload})
    assert c.recv() == "hello"


def test_a_streams_key_as_redis_template_writes_it(world, stream):
    stream.use(field="payload", key_format="jdk")
    c = world.connect(world.pod(), user="alice")
    key = jdk_text(stream.name)
    stream.group_is_there(key)
    world.redis.xadd(key, {jdk_text("payload"): jdk_text('{"user":"alice","n":1}')})
    assert numbers(c, 1) == [1]
    world.redis.delete(key)


def test_bad_entries_are_rejected_with_their_ids_and_stop_nothing(world, stream):
    stream.use(field="payload")
    pod = world.pod()
    c = world.connect(pod, user="alice")
    stream.group_is_there()
    first = stream.add({"other": "x"}).decode()
    second = stream.add({"payload": b"\xc1\xff\x00\x02", "note": "n"}).decode()
    stream.add({"payload": '{"n":1}'})
    stream.add({"payload": "x" * (1024 * 1024 + 1)})
    stream.send("alice", 1)
    assert numbers(c, 1) == [1]
    wait_until(lambda: stream.pending() == 0, 3, "acknowledged")
    no_field, unreadable, no_target, large = world.rejected()
    assert no_field["reason"].startswith("no_field") and json.loads(no_field["envelope"]) == {"id": first, "fields": {"other": "x"}}
    assert json.loads(unreadable["envelope"]) == {"id": second, "fields": {"note": "n"},
                                                  "base64": {"payload": base64.b64encode(b"\xc1\xff\x00\x02").decode()}}
    assert no_target["reason"].startswith("no_target") and large["reason"].startswith("too_large")
    assert json.loads(large["envelope"])["fields"] == {"payload": "x" * (1024 * 1024 + 1)}
    assert pod.metric("wsidecar_rejected_total", reason="no_field") == 1


def test_what_a_killed_pod_had_read_is_routed_by_another(world, stream):
    stream.use(field="payload")
    world.config["lease"] = "1s"
    a = world.pod()
    stream.group_is_there()
    b = world.pod()
    time.sleep(3.1)
    c = world.connect(b, user="alice")
    a.process.send_signal(signal.SIGSTOP)  # it holds the router's lease
    # As if it had read two and died before it could route them.
    for n in range(2):
        stream.send("alice", n)
    world.redis.xreadgroup(stream.group, "router", {stream.name: ">"}, count=2)
    a.kill()
    for n in range(2, 5):
        stream.send("alice", n)
    assert numbers(c, 5) == list(range(5))
    wait_until(lambda: stream.pending() == 0, 3, "acknowledged")


@pytest.mark.parametrize("how", ["trim", "delete"])
def test_entries_that_are_deleted_before_they_are_read_are_counted(world, stream, how):
    stream.use(field="payload")
    pod = world.pod()
    c = world.connect(pod, user="alice")
    stream.group_is_there()
    stream.send("alice", 0)
    assert numbers(c, 1) == [0]
    with world.redis.pipeline() as p:  # MULTI: nothing is read in between
        for n in range(1, 11):
            p.xadd(stream.name, {"payload": json.dumps({"user": "alice", "n": n})}, id=f"{10**15}-{n}")
        if how == "trim":
            p.xtrim(stream.name, maxlen=3, approximate=False)
        else:
            p.xdel(stream.name, *(f"{10**15}-{n}" for n in (2, 3, 5, 7, 8, 9, 10)))
        p.execute()
    assert numbers(c, 3) == ([8, 9, 10] if how == "trim" else [1, 4, 6])
    if int(world.redis.info()["redis_version"].split(".")[0]) < 7:  # does not count what was added
        if how == "trim":
            wait_until(lambda: any("entries may have been deleted" in line for line in pod.raw_output), 3, "a word of it")
        return
    pod.wait_reason("trimmed", 7)
    assert any("deleted before they were routed" in line for line in pod.raw_output)
    with world.redis.pipeline() as p:
        p.xadd(stream.name, {"payload": '{"user":"alice","n":11}'})
        p.xtrim(stream.name, maxlen=0, approximate=False)
        p.execute()
    pod.wait_reason("trimmed", 8)
    stream.send("alice", 12, id=f"{10**15 + 1}-1")
    assert numbers(c, 1) == [12]
    assert pod.reasons()["trimmed"] == 8


def test_a_pending_entry_that_is_deleted_is_counted_and_holds_up_nothing(world, stream):
    stream.use(field="payload")
    world.redis.xgroup_create(stream.name, stream.group, "$", mkstream=True)
    ids = [stream.send("alice", n) for n in range(3)]
    world.redis.xreadgroup(stream.group, "router", {stream.name: ">"}, count=3)
    world.redis.xdel(stream.name, ids[1])
    pod = world.pod()
    wait_until(lambda: stream.pending() == 0, 5, "acknowledged")
    pod.wait_reason("trimmed", 1)
    assert pod.reasons()["no_connection"] == 2


@pytest.mark.parametrize("how", ["group", "stream", "all"])
def test_a_group_that_is_gone_is_made_again_where_it_was(world, stream, own_redis, how):
    world.redis_server = own_redis()
    stream.use(field="payload")
    a, b = world.pod(), world.pod()
    c = world.connect(a, user="alice")
    stream.group_is_there()
    for n in range(3):
        stream.send("alice", n)
    assert numbers(c, 3) == [0, 1, 2]
    with world.redis.pipeline() as p:
        if how == "group":
            p.xgroup_destroy(stream.name, stream.group)
        elif how == "stream":
            p.delete(stream.name)
        else:
            p.flushall()
        for n in range(3, 6):
            p.xadd(stream.name, {"payload": json.dumps({"user": "alice", "n": n})})
        p.execute()
    assert numbers(c, 3) == [3, 4, 5]
    c.hears_nothing(0.3)
    for pod in (a, b):
        assert not pod.reasons().get("trimmed")


def test_a_stream_that_begins_anew_with_small_ids_is_read_whole(world, stream):
    stream.use(field="payload")
    c = world.connect(world.pod(), user="alice")
    stream.group_is_there()
    stream.send("alice", 0, id="7-7")
    assert numbers(c, 1) == [0]
    world.redis.delete(stream.name)
    stream.send("alice", 1, id="1-1")
    stream.send("alice", 2, id="1-2")
    assert numbers(c, 2) == [1, 2]


def test_another_type_under_the_name_is_told_and_stops_nobody_else(world, stream):
    other = stream.name + "-list"
    world.config = {**world.config, "sources": [{"stream": stream.name, "field": "payload", "to": {"user": "{/user}"}},
                                                {"list": other, "to": {"user": "{/user}"}}]}
    world.redis.hset(stream.name, "a", "b")
    pod = world.pod()
    c = world.connect(pod, user="alice")
    wait_until(lambda: any("another type" in line and '"hash"' in line for line in pod.raw_output), 5, "a word of it")
    world.redis.rpush(other, '{"user":"alice","n":1}')
    assert numbers(c, 1) == [1]
    world.redis.delete(stream.name)
    stream.send("alice", 2)
    assert numbers(c, 1) == [2]


def test_delivered_is_told_for_entries_of_a_stream(world, stream):
    stream.use(field="payload", delivered={"post": "/sent", "body": "/ids/*"}, data="/n")
    pod = world.pod()
    c = world.connect(pod, user="alice")
    stream.group_is_there()
    stream.add({"payload": '{"user":"alice","n":1,"ids":[1001,1002]}'})
    assert c.recv() == "1"
    c.hears_nothing(0.1)
    wait_until(lambda: [json.loads(r.body) for r in list(pod.app.requests) if r.target == "/sent"] == [[1001, 1002]], 5, "word of it")


def test_explain_reads_what_a_stream_would_hold(world, stream, tmp_path):
    def explain(payload):
        config = tmp_path / "c.yaml"
        config.write_text(yaml.safe_dump({"redis": {"url": world.redis_server.url}, "prefix": world.prefix, **world.config}))
        return subprocess.run([binary(), "explain", "--config", str(config), "--stream", stream.name], input=payload, capture_output=True,
                              timeout=10, env=clean_environment())
    stream.use(field="payload")
    done = explain(b'{"user":"alice"}')
    assert done.returncode == 0 and b"user alice" in done.stdout, done
    stream.use(to={"user": "{/order/user}"}, data="/order")
    done = explain(b'{"order":"{\\"user\\":\\"bob\\"}","n":"1"}')
    assert done.returncode == 0 and b"user bob" in done.stdout and b'they get: {"user":"bob"}' in done.stdout, done
