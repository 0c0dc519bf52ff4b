"""What happens at exactly the wrong moment: a proxy stops one of a pod's connections to Redis right at the bytes that matter.

`held` stops the router between its look at the outbox and its commit, an inbox before a push reaches its pod, or an answer of
Redis to what it has done already.
"""

import json
import time
from contextlib import contextmanager

import pytest

from support.app import commands
from support.waiting import stays, wait_until


@pytest.fixture
def proxied(world, proxy_to):
    """proxied(...) is a pod with a proxy of its own to Redis, as pod.proxy."""
    def make(**config):
        proxy = proxy_to(world.redis_server.port)
        pod = world.pod(redis={"url": proxy.url()}, **config)
        pod.proxy = proxy
        return pod
    return make


@contextmanager
def held(pod, link, marker, way="up", answer=False):
    """with held(pod, "router", "x"): ... the router has seen the push with "x" and not committed; behind it, it goes on."""
    pod.proxy.hold(link, marker, way, answer)
    yield pod.proxy.wait_held
    pod.proxy.release()


def push(world, user, text, **more):
    world.push({"to": {"user": user}, "text": text, **more})


def collect(client, count, timeout=8.0):
    return [client.recv(timeout) for _ in range(count)]


def warmed(world, client):
    """Redis knows the scripts: what is held from here on does its work."""
    push(world, "alice", "warm")
    assert client.recv() == "warm"
    client.hears_nothing(0.1)  # but answers the ping
    return client


def routes(pod):
    return wait_until(lambda: pod.metric("wsidecar_router") == 1, 5, "the router's lease")


def receipts(world):
    return [json.loads(r) for r in world.redis.lrange(world.key("receipts"), 0, -1)]


# ------------------------------------------------------------------------------------ between the look and the commit

def lpush_at_the_head(world, entry):
    world.redis.lpush(world.key("outbox"), json.dumps({"to": {"user": "alice"}, "text": "meddled"}))
    return {"marked", "behind", "meddled"}


def lrem_of_what_was_seen(world, entry):
    assert world.redis.lrem(world.key("outbox"), 1, entry) == 1
    return {"behind"}


def pop_of_what_was_seen(world, entry):
    assert world.redis.lpop(world.key("outbox")) == entry.encode()
    return {"behind"}


def something_comes_back(world, entry):
    world.redis.rpush(world.key("outbox:returned"), json.dumps({"to": {"user": "alice"}, "text": "meddled"}))
    return {"marked", "behind", "meddled"}


def redis_forgets_the_scripts(world, entry):
    world.redis.script_flush()
    return {"marked", "behind"}


def the_lease_of_the_router_ends(world, entry):
    world.redis.delete(world.key("router"))
    return {"marked", "behind"}


@pytest.mark.parametrize("meddle", [lpush_at_the_head, lrem_of_what_was_seen, pop_of_what_was_seen, something_comes_back,
                                    redis_forgets_the_scripts, the_lease_of_the_router_ends])
def test_between_look_and_commit(world, proxied, meddle):
    a, b = proxied(), proxied()
    router = wait_until(lambda: next((p for p in (a, b) if p.metric("wsidecar_router") == 1), None), 5, "a router")
    c = world.connect(b, user="alice")
    entry = json.dumps({"to": {"user": "alice"}, "text": "marked"})
    with held(router, "router", "marked") as wait_held:
        world.push(entry)
        wait_held()
        wanted = meddle(world, entry)
        push(world, "alice", "behind")
    got = collect(c, len(wanted))
    assert set(got) == wanted
    assert "marked" not in got or got.index("marked") < got.index("behind")
    c.hears_nothing(0.2)
    assert not world.rejected()


def test_redis_becomes_full_between_look_and_commit(world, own_redis, proxied):
    world.redis_server = own_redis()
    pod = proxied()
    c = world.connect(pod, user="alice")
    with held(pod, "router", "marked") as wait_held:
        push(world, "alice", "marked")
        wait_held()
        world.redis.config_set("maxmemory", 1)
    assert c.recv() == "marked"
    world.redis.config_set("maxmemory", 0)
    c.hears_nothing(0.2)


def test_redis_loses_its_data_between_look_and_commit(world, own_redis, proxied):
    world.redis_server = own_redis()
    world.config = {"lease": "1s"}
    pod = proxied()
    c = world.connect(pod, user="alice")
    with held(pod, "router", "marked") as wait_held:
        push(world, "alice", "marked")
        wait_held()
        world.redis.flushall()
        push(world, "alice", "after")
    assert c.recv(10) == "after"
    c.hears_nothing(0.2)
    assert not pod.reasons().get("no_connection")


@pytest.mark.parametrize("more", [{}, {"mailbox": True}])
def test_who_connects_between_look_and_commit_gets_it_at_once(world, proxied, more):
    a, b = proxied(), world.pod()
    routes(a)
    with held(a, "router", "marked") as wait_held:
        push(world, "alice", "marked", **more)
        wait_held()
        c = world.connect(b, user="alice")
    assert c.recv(2) == "marked"
    assert not world.redis.exists(world.key("mailbox:user:alice"))


def test_who_moves_between_look_and_commit_gets_it_in_order(world, proxied):
    a, b = proxied(), world.pod()
    routes(a)
    c = world.connect(a, user="alice")
    with held(a, "router", "marked") as wait_held:
        push(world, "alice", "marked")
        wait_held()
        d = world.connect(b, user="alice")
        c.close()
        a.app.wait_event("disconnect")
    push(world, "alice", "behind")
    assert collect(d, 2) == ["marked", "behind"]
    d.hears_nothing(0.2)


def test_who_moves_while_a_push_is_on_its_way_to_the_pod_gets_it_there(world, proxied):
    b, a = world.pod(), proxied()
    c = world.connect(a, user="alice")
    with held(a, "inbox", "marked", way="down") as wait_held:
        push(world, "alice", "marked", receipt=world.key("receipts"), id="1")
        wait_held()
        c.close()
        a.app.wait_event("disconnect")
        d = world.connect(b, user="alice")
    assert d.recv() == "marked"
    d.hears_nothing(0.2)
    wait_until(lambda: receipts(world), 3, "the receipt")
    assert [r["outcome"] for r in receipts(world)] == ["delivered"]


def test_who_is_away_while_a_push_is_on_its_way_to_the_pod_finds_it_before_newer_ones(world, proxied):
    b, a = world.pod(), proxied()
    c = world.connect(a, user="alice")
    with held(a, "inbox", "marked", way="down") as wait_held:
        push(world, "alice", "marked")
        wait_held()
        c.close()
        a.app.wait_event("disconnect")
        push(world, "alice", "behind")
        wait_until(lambda: world.redis.zcard(world.key("mailbox:user:alice")) == 1, 3, "it in the mailbox")
    wait_until(lambda: world.redis.zcard(world.key("mailbox:user:alice")) == 2, 3, "both in the mailbox")
    assert collect(world.connect(b, user="alice"), 2) == ["marked", "behind"]


# ---------------------------------------------------------------------------------------------------- routers that die

@pytest.mark.parametrize("committed", [False, True], ids=["before the commit", "behind it"])
def test_a_router_that_is_killed_right(world, proxied, committed):
    world.config = {"lease": "1s"}
    a = proxied()
    routes(a)
    b = world.pod()
    c = warmed(world, world.connect(b, user="alice"))
    a.proxy.hold("router", "marked", answer=committed)
    push(world, "alice", "marked")
    a.proxy.wait_held()
    push(world, "alice", "behind")
    a.kill()
    a.proxy.caught.reset()
    assert collect(c, 2) == ["marked", "behind"]
    c.hears_nothing(0.3)


@pytest.mark.parametrize("outlives", [0, 1500], ids=["", "the first one's lease outlives its turn as router"])
def test_an_entry_at_which_two_routers_died_kills_no_third(world, proxied, outlives):
    world.config = {"lease": "1s"}
    pods = [proxied() for _ in range(3)]
    for p in pods:
        p.proxy.hold("router", "poison")
    push(world, "alice", "poison")
    for _ in range(2):
        victim = wait_until(lambda: next((p for p in pods if p.proxy.caught), None), 5, "a router that has it")
        pods.remove(victim)
        lease = world.key(f"lease:{victim.instance}")
        victim.kill()
        victim.proxy.caught.reset()
        if outlives and len(pods) == 2:
            world.redis.set(lease, 0, px=outlives)
    pods[0].proxy.release()
    c = world.connect(pods[0], user="alice")
    push(world, "alice", "behind")
    assert c.recv() == "behind"
    (record,) = world.rejected()
    assert record["reason"].startswith("poison") and json.loads(record["envelope"])["text"] == "poison"


def test_an_entry_that_two_routers_had_to_leave_behind_is_no_poison(world):
    """A rolling update while the router waits, here for another instance to register again: nobody died of the entry."""
    pods = [world.pod() for _ in range(3)]
    world.redis.set(world.key("lease:slow"), 0, px=3000)
    world.redis.hset(world.key("instances"), "slow", "{}")
    push(world, "alice", "kept", mailbox=True)
    for _ in range(2):
        router = wait_until(lambda: next((p for p in pods if p.metric("wsidecar_router") == 1), None), 5, "a router")
        time.sleep(0.4)  # it looks every 100 ms; what it writes down meanwhile, it takes back
        router.terminate()
        assert router.wait_exit() == 0
        pods.remove(router)
    wait_until(lambda: world.redis.llen(world.key("outbox")) == 0, 8, "an empty outbox")
    assert not world.rejected()
    assert world.connect(pods[0], user="alice").recv() == "kept"


# --------------------------------------------------------------- Redis has done it, and its answer is lost with the link

def lose_the_answer(pod):
    pod.proxy.wait_held().reset()


@pytest.mark.parametrize("to", [{"user": "alice"}, {"group": "g"}, {"all": True}], ids=["user", "group", "all"])
def test_a_commit_whose_answer_is_lost_is_not_done_twice(world, proxied, to):
    pod = proxied()
    routes(pod)
    c = warmed(world, world.connect(pod, user="alice", join=["g"]))
    pod.proxy.hold("router", "marked", answer=True)
    world.push({"to": to, "text": "marked", "id": "1", "receipt": world.key("receipts")})
    lose_the_answer(pod)
    push(world, "alice", "behind")
    assert collect(c, 2) == ["marked", "behind"]
    c.hears_nothing(0.3)
    wait_until(lambda: receipts(world), 3, "the receipt")
    stays(lambda: len(receipts(world)) == 1)


@pytest.mark.parametrize("to", [{"user": "alice"}, {"group": "g"}, {"all": True}], ids=["user", "group", "all"])
def test_a_confirmation_whose_answer_is_lost_is_receipted_once(world, proxied, to):
    pod = proxied()
    c = warmed(world, world.connect(pod, user="alice", join=["g"]))
    pod.proxy.hold("commands", "\r\ndelivered\r\n", answer=True)
    world.push({"to": to, "text": "marked", "id": "marked-id", "receipt": world.key("receipts")})
    assert c.recv() == "marked"
    c.hears_nothing(0.2)
    lose_the_answer(pod)
    pod.wait_ready()
    push(world, "alice", "behind")
    assert c.recv() == "behind"
    c.hears_nothing(0.3)
    assert [r["id"] for r in receipts(world)] == ["marked-id"]
    wait_until(lambda: world.redis.xlen(world.key(f"inbox:{pod.instance}")) == 0, 3, "an empty inbox")


def test_a_registration_whose_answer_is_lost_counts_once(world, proxied):
    pod = proxied()
    world.connect(pod, user="alice")  # Redis knows the script
    pod.proxy.hold("commands", "\r\nopen-me\r\n", answer=True)
    pod.app.answers["connect"] = commands(("Ws-User", "open-me"))
    started = time.monotonic()
    c = pod.connect()
    world.clients.append(c)
    assert time.monotonic() - started < 1.5  # it does not wait for ever
    lose_the_answer(pod)
    pod.wait_ready()
    wait_until(lambda: len(world.presence("open-me")) == 1, 3, "presence")
    assert world.redis.hvals(world.key("where:user:open-me")) == [b"1"]
    push(world, "open-me", "x")
    assert c.recv() == "x"
    c.close()
    pod.app.wait_event("disconnect")
    wait_until(lambda: not world.redis.exists(world.key("where:user:open-me"), world.key("presence:open-me")), 3, "nothing left")


def test_a_mailbox_given_to_a_connection_that_ends_at_that_moment_goes_to_the_next(world, proxied):
    b, a = world.pod(), proxied()
    for n in range(5):
        push(world, "open-me", str(n), mailbox=True)
    wait_until(lambda: world.redis.zcard(world.key("mailbox:user:open-me")) == 5, 3, "five kept")
    world.connect(a, user="alice")  # Redis knows the script
    with held(a, "commands", "\r\nopen-me\r\n", answer=True) as wait_held:
        a.app.answers["connect"] = commands(("Ws-User", "open-me"))
        c = a.connect()
        wait_held()
        c.reset()
        time.sleep(0.2)
    a.app.wait_event("disconnect")
    wait_until(lambda: not world.presence("open-me"), 3, "its end")
    d = world.connect(b, user="open-me")
    assert collect(d, 5) == list("01234")
    d.hears_nothing(0.2)


# ------------------------------------------------------------------------------------------------------------ monsters

@pytest.mark.slow
@pytest.mark.parametrize("where", ["outbox", "outbox:returned"])
def test_an_entry_of_50_mb_costs_no_pod_its_memory(world, where):
    a, b = world.pod(), world.pod()
    c = world.connect(b, user="alice")
    before = [p.rss() for p in (a, b)]
    monster = json.dumps({"to": {"user": "alice"}, "text": "x" * 50_000_000})
    world.redis.rpush(world.key(where), monster, json.dumps({"to": {"user": "alice"}, "text": "behind"}))
    assert c.recv() == "behind"
    (record,) = world.rejected()
    assert record["reason"].startswith("too_large") and monster.startswith(record["envelope"])
    assert record["bytes"] == len(monster)
    assert world.redis.memory_usage(world.key("rejected")) < 10_000
    for pod, then in zip((a, b), before):
        assert pod.rss() - then < 8 << 20
