"""A slot of a Redis Cluster that is half moved, or that no node serves, while the service is in use: told, healed, nothing lost."""

import contextlib
import time

import pytest
import redis

from cluster_test import crowd_of, on, prefix_of_shard, slot_of
from shards_test import SHARDS, shard_of
from support.cluster import Cluster
from support.crowd import Producer
from support.waiting import wait_until

pytestmark = pytest.mark.slow


@pytest.fixture
def cluster():
    # The other slots stay in use while one is not served.
    with contextlib.closing(Cluster(cluster_require_full_coverage="no")) as c:
        yield c


def errors(pods, words):
    return sum(v for p in pods for name, labels, v in p.samples() if name == "wsidecar_redis_errors_total" and set(labels.values()) & set(words))


def half_move(cluster, slot):
    """The slot is on its way to another node, with half of its keys there. Returns what ends it."""
    source = cluster.node_of(slot)
    target = next(n for n in cluster.nodes if n is not source)
    ids = {n: n.client().execute_command("CLUSTER", "MYID").decode() for n in (source, target)}
    target.client().execute_command("CLUSTER", "SETSLOT", slot, "IMPORTING", ids[source])
    source.client().execute_command("CLUSTER", "SETSLOT", slot, "MIGRATING", ids[target])
    keys = source.client().execute_command("CLUSTER", "GETKEYSINSLOT", slot, 1000)
    assert keys
    source.client().execute_command("MIGRATE", "127.0.0.1", target.port, "", 0, 5000, "KEYS", *keys[::2])
    return lambda: cluster.move(slot, target)


def unserved(cluster, slot):
    """No node serves the slot. Returns what gives it back."""
    owner = cluster.node_of(slot)
    for node in cluster.nodes:
        node.client().execute_command("CLUSTER", "DELSLOTS", slot)

    def give_back():
        owner.client().execute_command("CLUSTER", "ADDSLOTS", slot)
        for node in cluster.nodes:
            wait_until(lambda n=node: n.client().cluster("slots") and cluster.node_of(slot) is owner, 10, "the slot")
    return give_back


@pytest.mark.parametrize("how, words", [(half_move, ("ASK", "TRYAGAIN", "ERR", "MOVED")), (unserved, ("CLUSTERDOWN", "ERR", "MOVED"))])
@pytest.mark.parametrize("which", ["first", "of_a_user"])
def test_a_slot_in_trouble_is_told_and_heals(world, cluster, how, words, which):
    on(world, cluster)
    pods = [world.pod() for _ in range(2)]
    crowd = crowd_of(world, pods)


    def write(batch):  # the producer tries again, as an app has to
        try:
            world.redis.rpush(world.key("outbox"), *batch)
        except redis.exceptions.RedisClusterException:
            world._redis = cluster.client()  # redis-py does not ask again who has a slot that nobody had
            raise
    producer = Producer(crowd, write)
    producer.start()
    time.sleep(2)
    shard = 0 if which == "first" else shard_of("user:user0")
    slot = slot_of(prefix_of_shard(world, shard))
    end = how(cluster, slot)
    name = "shard" if shard else ""
    wait_until(lambda: all(p.readyz()[1]["redis"] != "ok" and name in p.readyz()[1]["redis"] for p in pods), 15, "the trouble to be told")
    assert all(p.readyz()[1]["ready"] for p in pods), "a pod stays ready"
    assert all(p.metric("wsidecar_shards_well") >= SHARDS - 1 for p in pods), "the other shards work"
    if shard:
        assert any(f"shard {shard}:" in p.readyz()[1]["redis"] for p in pods)
    wait_until(lambda: errors(pods, words) > 0, 10, "the errors to be counted")
    time.sleep(2)
    end()
    wait_until(lambda: all(p.readyz()[1]["redis"] == "ok" for p in pods), 20, "the pods to go on")
    assert all(p.metric("wsidecar_shards_well") == SHARDS for p in pods)
    producer.stop()
    crowd.wait_complete(40)
    crowd.close()
    assert sum(u.redials for u in crowd.users) == 0, "no client notices"
