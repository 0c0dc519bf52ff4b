"""Contract section 3, door 2: the outbox list."""

import base64
import json

import pytest

from support.waiting import wait_until

import redis as redis_client


def drained(world):
    return world.redis.llen(world.key("outbox")) == 0


def test_a_thousand_pushes_over_three_pods_arrive_once_and_in_order(world):
    pods = [world.pod() for _ in range(3)]
    clients = {f"u{i}": world.connect(pods[i % 3], user=f"u{i}") for i in range(6)}
    for start in range(0, 1000, 100):
        world.push(*[{"to": {"user": f"u{n % 6}"}, "json": n} for n in range(start, start + 100)])
    for i in range(6):
        mine = [n for n in range(1000) if n % 6 == i]
        assert [int(clients[f"u{i}"].recv()) for _ in mine] == mine
    for c in clients.values():
        c.hears_nothing(0.1)


def test_an_array_is_several_pushes_and_a_bad_one_does_not_spoil_its_neighbours(world):
    pod = world.pod()
    c = world.connect(pod, user="a")
    world.push([{"to": {"user": "a"}, "text": "1"}, {"to": {"user": "a"}, "colour": 1}, {"to": {"user": "a"}, "text": "2"}])
    assert [c.recv(), c.recv()] == ["1", "2"]
    (record,) = world.rejected()
    assert record["reason"].startswith("unknown_member")
    assert json.loads(record["envelope"]) == {"to": {"user": "a"}, "colour": 1}


@pytest.mark.parametrize("bad, reason", [
    (b"not json", "not_json"), (b"42", "not_object"), (b'"x"', "not_object"), (b"{", "not_json"),
    (b'{"text":"x"}', "no_target"), (b'{"to":{"user":"a"},"text":"x","json":1}', "two_payloads"),
    (b'{"to":{"user":"a"},"binary":"?"}', "bad_base64"), (b'{"to":{"user":""},"text":"x"}', "bad_name"),
    (b'{"to":{"user":"a"},"text":"x","receipt":"r"}', "bad_receipt"),
])
def test_what_is_no_envelope_is_rejected_with_a_reason_and_stops_nothing(shared, bad, reason):
    if not shared.pods:
        shared.pod()
        shared.client = shared.connect(shared.pods[0], user="a")
    before = len(shared.rejected())
    shared.push(bad, {"to": {"user": "a"}, "text": "behind " + reason})
    assert shared.client.recv() == "behind " + reason
    record = shared.rejected()[before]
    assert record["reason"].startswith(reason)
    assert record["envelope"] == bad.decode()


def test_what_is_not_utf8_is_kept_as_base64(world):
    pod = world.pod()
    world.push(b"\xff\x00\xfe")
    wait_until(lambda: world.rejected(), 3, "the record")
    (record,) = world.rejected()
    assert base64.b64decode(record["base64"]) == b"\xff\x00\xfe"
    pod.wait_reason("not_json")


def test_an_entry_over_1_mib_is_rejected_whole_and_stops_nothing(world):
    pod = world.pod()
    c = world.connect(pod, user="a")
    large = {"to": {"user": "a"}, "text": "世" * (1 << 20)}
    world.push(large, {"to": {"user": "a"}, "text": "behind"})
    assert c.recv() == "behind"
    (record,) = world.rejected()
    assert record["reason"] == "too_large: larger than outbox.max_envelope (1MiB)"
    assert json.loads(record["envelope"]) == large and "bytes" not in record
    assert ("wsidecar_limit", {"name": "outbox.max_envelope"}, 1 << 20) in list(pod.samples())
    assert ("wsidecar_limit_hits_total", {"name": "outbox.max_envelope"}, 1) in list(pod.samples())


@pytest.mark.parametrize("most, fits", [("4MiB", 3_900_000), ("2KiB", 1_900)])
def test_the_size_of_an_envelope_is_settable(world, most, fits):
    world.config = {"outbox": {"max_envelope": most}, "limits": {"queue": "8MiB"}}
    pod = world.pod()
    c = world.connect(pod, user="a")
    world.push({"to": {"user": "a"}, "text": "x" * fits}, {"to": {"user": "a"}, "text": "x" * fits * 2})
    assert c.recv() == "x" * fits
    wait_until(lambda: world.rejected(), 3, "the record")
    assert world.rejected()[0]["reason"] == f"too_large: larger than outbox.max_envelope ({most})"
    small = pod.post("/push", {"to": {"user": "a"}, "text": "x" * fits * 2})
    assert small.status == 413, "told at once, not in `rejected`"


def test_payloads_of_sources_may_be_as_large_as_envelopes(world):
    world.config = {"outbox": {"max_envelope": "3MiB"}, "limits": {"queue": "8MiB"}}
    to, name = {"to": {"all": True}}, f"app-{world.prefix}"
    pod = world.pod(sources=[{"list": name + "l", **to}, {"channel": name + "c", **to}, {"stream": name + "s", "field": "f", **to}])
    c = world.connect(pod, user="a")
    text = json.dumps({"text": "x" * (2 << 20)})
    world.redis.rpush(name + "l", text)
    assert c.recv() == text
    world.redis.publish(name + "c", text)
    assert c.recv() == text
    world.redis.xadd(name + "s", {"f": text})
    assert c.recv() == text


def test_what_is_rejected_is_kept_whole(world):
    world.pod()
    bad = '{"to": {"user": "a"}, "colour": "' + "世" * 100_000 + '"}'
    world.push(bad)
    wait_until(lambda: world.rejected(), 3, "the record")
    assert world.rejected()[0]["envelope"] == bad


@pytest.mark.parametrize("door", ["outbox", "push"])
def test_rejected_is_bounded_in_bytes_and_the_oldest_go(world, door):
    world.config = {"rejected": {"bytes": "256KiB"}}
    world.pod()
    for i in range(20):
        bad = f"{i} " + "x" * 50_000
        world.push(bad) if door == "outbox" else world.publish("push", bad)
        wait_until(lambda: any(r["envelope"] == bad for r in world.rejected()), 3, "the newest")
    kept = [int(r["envelope"].split()[0]) for r in world.rejected()]
    assert kept == list(range(kept[0], 20)) and 3 <= len(kept) <= 5
    assert world.redis.memory_usage(world.key("rejected"), samples=0) <= 256 << 10


def test_what_the_list_of_rejected_cannot_hold_is_told_with_its_size(world):
    world.config = {"rejected": {"bytes": "256KiB"}}
    world.pod()
    bad = "x" * 300_000
    world.push("first", bad)
    wait_until(lambda: len(world.rejected()) == 2, 3, "both")
    _, record = world.rejected()
    assert record["envelope"] == "x" * 1024 and record["bytes"] == len(bad)


def test_rejected_is_bounded(world):
    world.config = {"rejected": {"count": 5}}
    world.pod()
    world.push(*[f"bad {i}" for i in range(20)])
    wait_until(lambda: drained(world), 3, "an empty outbox")
    assert [r["envelope"] for r in world.rejected()] == [f"bad {i}" for i in range(15, 20)]


def test_pop_right_takes_what_an_app_lpushes_in_its_order(world):
    world.config = {"outbox": {"pop": "right"}}
    pod = world.pod()
    c = world.connect(pod, user="a")
    for i in range(50):
        world.redis.lpush(world.key("outbox"), json.dumps({"to": {"user": "a"}, "json": i}))
    assert [int(c.recv()) for _ in range(50)] == list(range(50))


def test_nobody_there_is_counted_and_leaves_nothing_behind(world):
    pod = world.pod()
    world.push({"to": {"user": "nobody"}, "text": "x"}, {"to": {"group": "empty"}, "text": "x"}, {"to": {"connection": "gone"}, "text": "x"})
    pod.wait_reason("no_connection", 3)
    assert drained(world)


def test_what_has_expired_is_not_delivered(world):
    pod = world.pod()
    c = world.connect(pod, user="a")
    world.push({"to": {"user": "a"}, "text": "late", "ttl": 5, "time": "2020-01-01T00:00:00Z"}, {"to": {"user": "a"}, "text": "now", "ttl": 5})
    assert c.recv() == "now"
    pod.wait_reason("expired")


def test_an_id_reaches_a_connection_once_within_the_window(world):
    pod = world.pod()
    c = world.connect(pod, user="a")
    world.push(*[{"to": {"user": "a"}, "text": "once", "id": "n1"}] * 3, {"to": {"user": "a"}, "text": "end"})
    assert [c.recv(), c.recv()] == ["once", "end"]
    pod.wait_reason("duplicate", 2)


def test_a_connection_that_matches_several_targets_gets_it_once(world):
    pod = world.pod()
    c = world.connect(pod, user="a", join=["g", "h"], alias=["x=1"])
    world.push({"to": {"user": "a", "group": ["g", "h"], "alias": "x=1", "connection": c.id}, "text": "one"}, {"to": {"user": "a"}, "text": "two"})
    assert [c.recv(), c.recv()] == ["one", "two"]


def test_join_leave_and_close_command_the_matched_connections(world):
    a, b = world.pod(), world.pod()
    c1, c2 = world.connect(a, user="a"), world.connect(b, user="a")
    world.push({"to": {"user": "a"}, "join": "vip", "text": "welcome"})
    assert c1.recv() == c2.recv() == "welcome"
    wait_until(lambda: world.redis.pubsub_numsub(world.key("group:vip"))[0][1] == 2, 3, "both subscribed")
    assert world.publish("group:vip", "to vips") == 2
    assert c1.recv() == c2.recv() == "to vips"
    world.push({"to": {"group": "vip"}, "leave": "vip", "text": "bye", "close": {"code": 4100, "reason": "over"}})
    assert c1.until_closed() == (["bye"], 4100, "over")
    assert c2.until_closed() == (["bye"], 4100, "over")


def test_kill_9_of_the_router_in_mid_stream_loses_nothing(world):
    world.config = {"lease": "1s"}
    pods = [world.pod() for _ in range(3)]
    router = wait_until(lambda: next((p for p in pods if p.metric("wsidecar_router") == 1), None), 5, "a router")
    holders = [p for p in pods if p is not router]
    clients = [world.connect(p, user=f"u{i}") for i, p in enumerate(holders)]
    world.push(*[{"to": {"user": f"u{n % 2}"}, "json": n} for n in range(1500)])
    router.kill()
    world.push(*[{"to": {"user": f"u{n % 2}"}, "json": n} for n in range(1500, 3000)])
    for i, c in enumerate(clients):
        mine = [n for n in range(3000) if n % 2 == i]
        got = [int(c.recv(12)) for _ in mine]
        assert got == mine
        c.hears_nothing(0.1)


def test_what_a_killed_pod_had_not_delivered_reaches_the_users_new_connection(world):
    world.config = {"lease": "1s"}
    a, b = world.pod(), world.pod()
    world.connect(a, user="alice")
    wait_until(lambda: a.metric("wsidecar_router") + b.metric("wsidecar_router") == 1, 5, "a router")
    a.pause()
    world.push(*[{"to": {"user": "alice"}, "json": n} for n in range(20)])
    if b.metric("wsidecar_router") == 1:
        wait_until(lambda: drained(world), 5, "routing")
    a.kill()
    c2 = world.connect(b, user="alice")
    got = [int(c2.recv(12)) for _ in range(20)]
    assert got == list(range(20))


def test_redis_restarts_with_its_data_and_nothing_is_lost(world, own_redis):
    world.redis_server = own_redis(appendonly="yes", appendfsync="always")
    pod = world.pod()
    c = world.connect(pod, user="alice")
    world.push({"to": {"user": "alice"}, "text": "before"})
    assert c.recv() == "before"
    world.redis_server.stop()
    world.redis_server.start()
    world._redis = None
    world.push({"to": {"user": "alice"}, "text": "after"})
    assert c.recv(15) == "after"
    wait_until(lambda: len(world.presence("alice")) == 1, 5, "presence")


def test_after_redis_lost_its_data_no_push_is_answered_no_connection(world, own_redis):
    world.redis_server = own_redis()
    world.config = {"lease": "2s"}
    a, b = world.pod(), world.pod()
    clients = [world.connect(a, user="alice"), world.connect(b, user="bob")]
    world.redis_server.stop()
    world.redis_server.start()
    world._redis = None
    world.push({"to": {"user": "alice"}, "text": "x"}, {"to": {"user": "bob"}, "text": "y"})
    for client, text in zip(clients, "xy"):
        assert client.recv(15) == text
    assert len(world.presence("alice")) == len(world.presence("bob")) == 1
    assert "no_connection" not in a.reasons() and "no_connection" not in b.reasons()


def test_flushall_is_noticed_within_a_heartbeat(world, own_redis):
    world.redis_server = own_redis()
    world.config = {"lease": "2s"}
    pod = world.pod()
    c = world.connect(pod, user="alice")
    world.redis.flushall()
    wait_until(lambda: world.presence("alice"), 2, "presence")
    world.push({"to": {"user": "alice"}, "text": "x"})
    assert c.recv(8) == "x"


def test_a_full_redis_still_drains_its_outbox(world, own_redis):
    world.redis_server = own_redis()
    pod = world.pod()
    c = world.connect(pod, user="alice")
    pod.pause()
    world.push(*[{"to": {"user": "alice"}, "text": str(n)} for n in range(50)])
    used = world.redis.info("memory")["used_memory"]
    world.redis.config_set("maxmemory-policy", "noeviction")
    world.redis.config_set("maxmemory", used - 100000)
    with pytest.raises(redis_client.exceptions.ResponseError):
        world.push({"to": {"user": "alice"}, "text": "refused"})
    pod.resume()
    assert [c.recv(8) for _ in range(50)] == [str(n) for n in range(50)]
    c.hears_nothing(0.1)
    world.redis.config_set("maxmemory", 0)
    wait_until(lambda: world.redis.xlen(world.key(f"inbox:{pod.instance}")) == 0, 8, "an empty inbox")


def test_what_has_no_room_in_an_inbox_waits_behind_it(world):
    world.config = {"inbox": {"count": 10}, "lease": "30s"}
    a, b = world.pod(), world.pod()
    wait_until(lambda: a.metric("wsidecar_router") + b.metric("wsidecar_router") == 1, 5, "a router")
    router, holder = (a, b) if a.metric("wsidecar_router") == 1 else (b, a)
    held = holder.instance
    alice = world.connect(holder, user="alice")
    bob = world.connect(router, user="bob")
    holder.pause()
    world.push(*[{"to": {"user": "alice"}, "json": n} for n in range(200)], {"to": {"user": "bob"}, "text": "not behind alice"})
    wait_until(lambda: drained(world), 5, "routing")
    assert bob.recv() == "not behind alice"
    assert world.redis.xlen(world.key(f"inbox:{held}")) <= 10
    assert world.redis.xlen(world.key(f"overflow:{held}")) >= 190
    assert router.metric("wsidecar_inbox_overflowed_total") >= 190
    holder.resume()
    assert [alice.recv() for _ in range(200)] == [str(n) for n in range(200)]
    alice.hears_nothing(0.5)  # and answers the last ping
    assert world.rejected() == []
    wait_until(lambda: not world.redis.exists(world.key(f"overflow:{held}")), 5, "nothing behind the inbox")


def test_push_over_http_needs_redis(world, own_redis):
    world.redis_server = own_redis()
    pod = world.pod()
    assert pod.post("/push", {"to": {"user": "a"}, "text": "x"}).status == 202
    r = pod.post("/push", {"to": {"user": "a"}})
    assert (r.status, json.loads(r.body)["error"].split(":")[0]) == (400, "no_payload")
    world.redis_server.stop()
    wait_until(lambda: pod.readyz()[1]["redis"] != "ok", 6, "Redis to be missed")
    r = pod.post("/push", {"to": {"user": "a"}, "text": "x"})
    assert r.status == 503, r.body
    world.redis_server.start()


def test_a_key_of_the_wrong_type_wedges_nothing(world):
    a, b = world.pod(), world.pod()
    c = world.connect(b, user="alice")
    world.redis.set(world.key("where:user:mallory"), "not a hash")
    world.redis.set(world.key("conn:x"), "not a hash")
    world.redis.set(world.key(f"inbox:{a.instance}"), "not a stream")
    d = world.connect(a, user="dave")
    world.push({"to": {"user": ["alice", "mallory"]}, "text": "1"}, {"to": {"connection": "x", "user": "alice"}, "text": "2"},
               {"to": {"user": "dave"}, "text": "3"}, {"to": {"user": "alice"}, "text": "4"})
    assert [c.recv() for _ in range(3)] == ["1", "2", "4"]
    c.hears_nothing(0.2)
    assert world.rejected() == []
    d.hears_nothing(0.1)  # what is for him waits: his inbox cannot be read
    world.redis.delete(world.key(f"inbox:{a.instance}"))
