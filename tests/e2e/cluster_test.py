"""Sixteen shards on a Redis Cluster of three masters: pushes, receipts, a node that fails, a slot that moves."""

import contextlib
import json
import time

import pytest

from shards_test import SHARDS, addresses, key_slot, prefix_of, shard_of
from support.cluster import Cluster
from support.crowd import Crowd, Producer, answers_by_cookie
from support.waiting import wait_until

pytestmark = pytest.mark.slow


def slot_of(prefix):
    return key_slot(prefix[prefix.index("{") + 1:prefix.index("}")])


@pytest.fixture
def cluster():
    with contextlib.ExitStack() as made:
        yield lambda **how: made.enter_context(contextlib.closing(Cluster(**how)))


def on(world, cluster, **config):
    world.prefix = "{" + world.prefix.rstrip(":") + "}:"
    world.redis_server = cluster.nodes[0]
    world._redis = cluster.client()
    world.config = {"shards": SHARDS, "lease": "2s", "redis": {"cluster": True}, **config}
    return world


def crowd_of(world, pods, n=8):
    for p in pods:
        answers_by_cookie(p.app)
    return Crowd(addresses("user", n), pods)


def test_every_address_on_three_masters(world, cluster):
    c = cluster()
    on(world, c)
    a, b, third = world.pod(), world.pod(), world.pod()
    masters = {c.node_of(slot_of(world.prefix if n == 0 else world.prefix.replace("}", f":{n:02}}}"))).port for n in range(SHARDS)}
    assert len(masters) == 3, "the shards are on all masters"
    alice = world.connect(a, user="alice", join=["g1", "g2"], alias=["tag=1"])
    bob = world.connect(b, user="bob", join=["g1"])
    for i, to in enumerate([{"user": "alice"}, {"alias": "tag=1"}, {"group": "g2"}, {"connection": alice.id}]):
        world.push({"to": to, "text": f"one {i}"})
        assert alice.recv() == f"one {i}"
    for name, text in (("user:alice", "channel"), ("alias:tag=1", "alias"), ("group:g2", "group"), (f"connection:{alice.id}", "connection")):
        c.nodes[1].client().publish(world.key(name), text)
        assert alice.recv() == text
    world.push({"to": {"group": "g1", "user": ["alice", "nobody"]}, "text": "both", "id": "p", "receipt": world.key("receipts")}, {"to": {"all": True}, "text": "all"})
    for x in (alice, bob):
        assert sorted([x.recv(), x.recv()]) == ["all", "both"]
        x.hears_nothing(0.3)
    wait_until(lambda: world.redis.llen(world.key("receipts")) == 1, 5, "the receipt")
    receipt = json.loads(world.redis.lindex(world.key("receipts"), 0))
    assert (receipt["outcome"], receipt["delivered"], receipt["dropped"]) == ("summary", 2, 1), receipt
    assert world.redis.exists(prefix_of(world, "user:alice") + "presence:alice")
    assert third.readyz()[1]["redis"] == "ok"


def test_sharded_channels_are_at_their_shards(world, cluster):
    c = cluster()
    on(world, c, redis={"cluster": True, "sharded": True})
    a = world.pod()
    alice = world.connect(a, user="alice", join=["g1"])
    for address in ("user:alice", "group:g1", f"connection:{alice.id}"):
        prefix = prefix_of(world, address)
        assert c.node_of(slot_of(prefix)).client().execute_command("SPUBLISH", prefix + address, address) == 1
        assert alice.recv() == address
    c.node_of(slot_of(world.prefix)).client().execute_command("SPUBLISH", world.key("all"), "all")
    assert alice.recv() == "all"


def test_a_failover_of_a_master_and_a_kill_of_a_pod_lose_nothing(world, cluster):
    c = cluster(replicas=1)
    on(world, c)
    pods = [world.pod() for _ in range(3)]
    crowd = crowd_of(world, pods[:2])
    outbox = c.node_of(slot_of(world.prefix))

    def write(batch):
        world.redis.rpush(world.key("outbox"), *batch)
    producer = Producer(crowd, write)
    producer.start()
    time.sleep(3)
    # A master that has shards, and not the outbox that the app writes.
    victim = next(n for s in range(1, SHARDS) if (n := c.node_of(slot_of(prefix_of_shard(world, s)))) is not outbox)
    victim.kill()
    time.sleep(2)
    words = [p.readyz()[1]["redis"] for p in pods]
    assert any("shard" in w for w in words), words
    wait_until(lambda: all(p.readyz()[1]["redis"] == "ok" for p in pods), 40, "the pods to find the new master", step=0.2)
    time.sleep(1)
    pods[1].kill()
    time.sleep(4)
    producer.stop()
    crowd.wait_complete(40)
    crowd.close()


def prefix_of_shard(world, n):
    return world.prefix if n == 0 else world.prefix.replace("}", f":{n:02}}}")


def test_slots_move_under_load(world, cluster):
    c = cluster()
    on(world, c)
    pods = [world.pod() for _ in range(2)]
    crowd = crowd_of(world, pods)
    producer = Producer(crowd, lambda batch: world.redis.rpush(world.key("outbox"), *batch))
    producer.start()
    time.sleep(2)
    for n in (0, shard_of("user:user0"), shard_of("group:g1")):
        slot = slot_of(prefix_of_shard(world, n))
        target = next(x for x in c.nodes if x is not c.node_of(slot))
        c.move(slot, target)
        time.sleep(2)
    wait_until(lambda: all(p.readyz()[1]["redis"] == "ok" for p in pods), 20, "the pods to follow")
    producer.stop()
    crowd.wait_complete(30)
    crowd.close()
    assert sum(u.redials for u in crowd.users) == 0, "no client notices"


def test_from_one_shard_to_sixteen_under_load(world, cluster):
    """The procedure of sidecar/operating.md: the old pods drain, the new ones start with `shards`."""
    c = cluster()
    on(world, c, shards=1, drain={"delay": "10ms", "period": "500ms"}, outbox={"grace": "5s"})
    pods = [world.pod() for _ in range(2)]
    crowd = crowd_of(world, pods)
    world.push({"to": {"user": "away"}, "text": "kept", "mailbox": True})
    producer = Producer(crowd, lambda batch: world.redis.rpush(world.key("outbox"), *batch))
    producer.start()
    time.sleep(2)
    early = world.pod(wait=None, shards=SHARDS)
    early.expected_exit = {2}
    assert early.wait_exit() == 2 and early.logged("must be the same"), "not beside the old ones"
    for p in list(pods):
        p.terminate()
    for p in pods:
        p.wait_exit(15)
    fresh = [world.pod(shards=SHARDS) for _ in range(2)]
    for p in fresh:
        answers_by_cookie(p.app)
    pods[:] = fresh
    time.sleep(16)  # and past the time in which the first shard finds everybody
    producer.stop()
    crowd.wait_complete(40)
    crowd.close()
    away = fresh[0].connect("/ws/x", [("Cookie", "user=away")])
    assert away.recv() == "kept"
    away.sock.close()
    back = world.pod(wait=None, shards=1)
    back.expected_exit = {2}
    assert back.wait_exit() == 2 and back.logged("spread over 16 shards")
