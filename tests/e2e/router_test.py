"""What the router of the outbox meets: others at the same list, odd entries, big batches, many pods, a Redis in trouble."""

import hashlib
import json
import threading
import time

import pytest

from support.waiting import wait_until


def drained(world):
    return world.redis.llen(world.key("outbox")) == 0


def router_of(pods):
    return wait_until(lambda: next((p for p in pods if p.metric("wsidecar_router") == 1), None), 5, "a router")


def test_others_that_push_at_the_head_or_take_away_lose_nothing_for_the_rest(world):
    _, b = world.pod(), world.pod()
    c = world.connect(b, user="a")
    stop = threading.Event()

    def meddle():
        r = world.redis_server.client()
        n = 0
        while not stop.is_set():
            r.lpush(world.key("outbox"), json.dumps({"to": {"user": "a"}, "text": f"urgent {n}"}))
            r.lrem(world.key("outbox"), 1, "taken away")
            n += 1
        meddle.sent = n

    t = threading.Thread(target=meddle)
    t.start()
    for n in range(1000):
        world.push({"to": {"user": "a"}, "json": n}, *(["taken away"] if n % 10 == 0 else []))
    stop.set()
    t.join()
    got = [c.recv() for _ in range(1000 + meddle.sent)]
    assert [int(x) for x in got if not x.startswith("urgent")] == list(range(1000))
    assert sorted(int(x.split()[1]) for x in got if x.startswith("urgent")) == list(range(meddle.sent))
    c.hears_nothing(0.1)


def test_an_entry_that_killed_two_routers_is_rejected_as_poison(world):
    world.redis.rpush(world.key("outbox"), json.dumps({"to": {"user": "a"}, "text": "poison"}))
    head = world.redis.lindex(world.key("outbox"), 0)
    world.redis.hset(world.key("routing"), mapping={"sha1": hashlib.sha1(head).hexdigest(), "token": "dead", "instances": "one two"})
    pod = world.pod()
    c = world.connect(pod, user="a")
    world.push({"to": {"user": "a"}, "text": "behind"})
    assert c.recv() == "behind"
    (record,) = world.rejected()
    assert record["reason"].startswith("poison") and json.loads(record["envelope"])["text"] == "poison"
    assert pod.reasons()["poison"] == 1


def test_an_entry_of_which_one_router_died_and_another_lives_is_routed(world):
    world.redis.set(world.key("lease:two"), 0)
    world.redis.rpush(world.key("outbox"), json.dumps({"to": {"user": "a"}, "text": "slow", "mailbox": True}))
    head = world.redis.lindex(world.key("outbox"), 0)
    world.redis.hset(world.key("routing"), mapping={"sha1": hashlib.sha1(head).hexdigest(), "token": "dead", "instances": "one two"})
    c = world.connect(world.pod(), user="a")
    world.push({"to": {"user": "a"}, "text": "behind"})
    assert [c.recv(), c.recv()] == ["slow", "behind"]
    assert not world.rejected()


def test_a_sequence_of_big_entries_is_taken_in_several_batches(world):
    pod = world.pod()
    c = world.connect(pod, user="a")
    for n in range(20):
        world.push({"to": {"user": "a"}, "text": f"{n} " + "x" * 600_000})
        assert c.recv().split(" ")[0] == str(n)
    pod.pause()
    for n in range(6):
        world.push({"to": {"user": "a"}, "text": f"{n} " + "x" * 150_000})
    pod.resume()
    assert [c.recv().split(" ")[0] for _ in range(6)] == [str(n) for n in range(6)]
    assert not world.rejected()


def test_an_array_of_thousands(world):
    a, b = world.pod(), world.pod()
    clients = [world.connect(p, user=f"u{i}") for i, p in enumerate((a, b))]
    world.push([{"to": {"user": f"u{n % 2}"}, "json": n} for n in range(10_000)], {"to": {"all": True}, "text": "end"})
    for i, c in enumerate(clients):
        assert [c.recv() for _ in range(5001)] == [str(n) for n in range(i, 10_000, 2)] + ["end"]


def test_one_target_named_in_turn_by_all_user_and_group_gets_them_in_order(world):
    a, b = world.pod(), world.pod()
    clients = [world.connect(a, user="alice", join=["g"]), world.connect(b, user="alice", join=["g"])]
    kinds = [{"user": "alice"}, {"all": True}, {"group": "g"}, {"all": True}, {"alias": "none", "user": "alice"}]
    for start in range(0, 600, 20):
        world.push(*[{"to": kinds[n % len(kinds)], "json": n} for n in range(start, start + 20)])
    for c in clients:
        assert [int(c.recv()) for _ in range(600)] == list(range(600))


def test_a_push_to_more_pods_than_eight_goes_the_wide_way_once(world):
    pods = [world.pod() for _ in range(10)]
    clients = [world.connect(p, user="alice", join=["g", f"only{i}"]) for i, p in enumerate(pods)]
    for n in range(60):
        world.push({"to": [{"user": "alice"}, {"group": "g"}, {"all": True}][n % 3], "json": n},
                   {"to": {"group": "only3"}, "json": n})
    for i, c in enumerate(clients):
        wanted = [n for n in range(60) for _ in range(2 if i == 3 else 1)]
        assert [int(c.recv()) for _ in wanted] == wanted
        c.hears_nothing(0.02)

    def pushes_in_wide():
        return [f for _, f in world.redis.xrange(world.key("wide")) if b"canary:*" not in f[b"e"]]
    wait_until(lambda: not pushes_in_wide(), 8, "the wide stream to be trimmed")
    wait_until(lambda: world.redis.xlen(world.key("wide")) <= 5, 8, "canaries to be trimmed too")


def test_a_new_pod_does_not_get_what_was_for_all_before_it_came(world):
    a = world.pod()
    c = world.connect(a, user="alice")
    world.push({"to": {"all": True}, "text": "before"})
    assert c.recv() == "before"
    b = world.pod()
    d = world.connect(b, user="bob")
    world.push({"to": {"all": True}, "text": "after"})
    assert c.recv() == d.recv() == "after"


def test_the_router_goes_on_when_its_lease_was_taken_by_another(world):
    world.config = {"lease": "1s"}
    pods = [world.pod(), world.pod()]
    c = world.connect(pods[0], user="a")
    for _ in range(5):
        world.redis.delete(world.key("router"))
        world.push(*[{"to": {"user": "a"}, "json": n} for n in range(300)])
        assert [int(c.recv()) for _ in range(300)] == list(range(300))
    assert sum(p.metric("wsidecar_router") for p in pods) <= 2
    wait_until(lambda: sum(p.metric("wsidecar_router") for p in pods) == 1, 3, "one router")


def test_a_frozen_router_is_followed_within_its_lease(world):
    world.config = {"lease": "2s"}
    pods = [world.pod(), world.pod()]
    router = router_of(pods)
    other = next(p for p in pods if p is not router)
    c = world.connect(other, user="a")
    router.pause()
    started = time.monotonic()
    world.push({"to": {"user": "a"}, "text": "x"})
    assert c.recv() == "x"
    assert time.monotonic() - started < 2.8
    router.resume()
    world.push(*[{"to": {"user": "a"}, "json": n} for n in range(100)])
    assert [int(c.recv()) for _ in range(100)] == list(range(100))


def test_a_redis_that_runs_a_long_script_reaps_nobody_and_loses_nothing(world, own_redis):
    server = world.redis_server = own_redis(busy_reply_threshold="200")
    world.config = {"lease": "1s"}
    a, b = world.pod(), world.pod()
    clients = [world.connect(a, user="alice"), world.connect(b, user="bob")]
    time.sleep(3.1)  # both may reap by now
    busy = threading.Thread(target=lambda: server.client().eval("local t = redis.call('TIME')[1] + 3; while redis.call('TIME')[1] + 0 < t do end", 0))
    busy.start()
    time.sleep(0.5)
    busy.join()
    world.push({"to": {"all": True}, "text": "x"})
    for c in clients:
        assert c.recv() == "x"
    time.sleep(1.5)
    assert not a.app.events("disconnect") and not b.app.events("disconnect")
    assert len(world.presence("alice")) == len(world.presence("bob")) == 1


def test_a_master_that_became_a_replica_is_left_and_taken_again(world, own_redis):
    world.redis_server = own_redis()
    other = own_redis()
    pod = world.pod()
    c = world.connect(pod, user="alice")
    world.redis.config_set("replica-serve-stale-data", "yes")
    other_port = other.port
    other.kill()
    world.redis.execute_command("REPLICAOF", "127.0.0.1", other_port)
    wait_until(lambda: pod.readyz()[1]["redis"] != "ok", 8, "words about it")
    d = world.connect(pod, user="bob")
    world.redis.execute_command("REPLICAOF", "NO", "ONE")
    pod.wait_ready(10)
    world.push({"to": {"user": ["alice", "bob"]}, "text": "x"})
    assert c.recv() == d.recv() == "x"


def test_one_client_that_does_not_read_does_not_hold_up_the_others_of_its_pod(world):
    pod = world.pod(limits={"queue": "4MiB", "sndbuf": "16KiB"})
    slow = world.connect(pod, user="slow", rcvbuf=4096)
    quick = world.connect(pod, user="quick")
    for _ in range(20):
        world.push(*[{"to": {"user": "slow"}, "text": "x" * 40}] * 1000)
    world.push({"to": {"user": "quick"}, "text": "still quick"})
    assert quick.recv(6) == "still quick"
    slow.drop()


def test_a_channel_message_of_many_mib_stops_nothing(world):
    pod = world.pod(limits={"queue": "16MiB"})
    c = world.connect(pod, user="a")
    world.publish("push", json.dumps({"to": {"user": "a"}, "text": "x" * (12 << 20)}))
    assert c.recv() == "x" * (12 << 20)
    world.publish("user:a", "y" * (12 << 20))
    assert c.recv() == "y" * (12 << 20)
    world.publish("user:a", "behind")
    assert c.recv() == "behind"
    assert pod.metric("wsidecar_pubsub_gaps_total") == 0


@pytest.mark.parametrize("key", ["rejected", "outbox:returned", "wide", "routing", "lost", "epoch", "order", "router"])
def test_a_foreign_key_of_the_wrong_type_takes_nobody_down(world, key):
    world.config = {"lease": "1s"}
    pod = world.pod()
    c = world.connect(pod, user="a")
    world.redis.delete(world.key(key))
    world.redis.set(world.key(key), "foreign") if key != "router" else world.redis.rpush(world.key(key), "foreign")
    world.push("bad", {"to": {"user": "a"}, "text": "x"})
    time.sleep(0.4)
    assert pod.get("/livez").status == 200
    world.redis.delete(world.key(key))
    assert c.recv(15) == "x"
