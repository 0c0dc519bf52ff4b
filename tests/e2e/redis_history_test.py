"""Redis goes back in time, is another one, or has lost all: what it holds, or accepts, is delivered, and nobody waits for longer than the pods
need to come back."""

import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from support.fault_proxy import FaultProxy
from support.listener import KINDS, ROUTES, Listener
from support.waiting import stays, wait_until
from support.world import World

SOON = 2  # seconds from the moment when all pods are back


def push(world, to, text, **more):
    world.push({"to": to, "text": text, **more})


def receipts(world, key="receipts"):
    return [json.loads(x) for x in world.redis.lrange(world.key(key), 0, -1)]


def leftovers(world):
    return sorted(k.decode() for k in world.redis.scan_iter(world.prefix + "*")
                  if any(part in k.decode() for part in (":conn:", ":conns:", "where:", "presence:", ":lost")))


class Past:
    """A Redis that can be put back to an earlier moment."""

    def __init__(self, world, server):
        self.world, self.server = world, server

    def remember(self):
        self.server.client().save()

    def go_back(self, *pods, meanwhile=lambda: None):
        self.server.kill()
        meanwhile()
        self.server.start()
        self.world._redis = None
        for p in pods:
            p.wait_ready()


@pytest.fixture
def past(world, own_redis):
    world.redis_server = own_redis()
    world.config = {"lease": "1s", "routes": ROUTES}
    return Past(world, world.redis_server)


def everybody(world, *pods):
    return [Listener(world, pods[n % len(pods)], kind, f"{kind}-{n}") for n, kind in enumerate(KINDS)]


def each_is_reached(world, listeners, timeout=SOON, more=None):
    """Every kind of address, by the list, within the time; `all` reaches everybody, at last."""
    receipted = [x for x in listeners if x.kind != "all"]
    for x in receipted:
        push(world, x.to, f"to {x.name}", id=f"{x.name}-{time.monotonic()}", receipt=world.key("receipts"), **(more or {}))
    for x in receipted:
        assert x.recv(timeout) == f"to {x.name}"
    push(world, {"all": True}, "to all")
    for x in listeners:
        if not x.stomp:
            assert x.recv(timeout) == "to all"
    for x in listeners:
        x.hears_nothing(0.03)  # but answers the ping
    wait_until(lambda: len(receipts(world)) >= len(receipted), 3, f"a receipt for each, not {receipts(world)}")
    ends = [(r["outcome"], r.get("delivered")) for r in receipts(world)]
    assert all(e in (("delivered", None), ("summary", 1)) for e in ends), receipts(world)


# ------------------------------------------------------------------------------------------------------- going back

def test_who_came_after_the_moment_is_reached_by_every_kind_of_address(world, past):
    a, b = world.pod(), world.pod()
    past.remember()
    listeners = everybody(world, a, b)
    past.go_back(a, b)
    each_is_reached(world, listeners)
    for x in listeners:
        if x.kind == "user":
            assert len(world.presence(x.name)) == 1
            wait_until(lambda: world.publish(f"user:{x.name}", "channel") == 1, SOON, "the subscription")
            assert x.recv() == "channel"


def test_what_is_pushed_before_any_pod_is_back_is_not_answered_with_nobody(world, past):
    a, b = world.pod(), world.pod()
    past.remember()
    listeners = everybody(world, a, b)
    past.go_back()
    each_is_reached(world, listeners, timeout=4)  # they dial at most a second later, and then need no more than that


@pytest.mark.parametrize("how", ["closed", "its pod was killed"])
@pytest.mark.parametrize("name", [{"user": "alice"}, {"alias": "id=7"}], ids=["user", "alias"])
def test_who_left_after_the_moment_is_no_ghost(world, past, how, name):
    world.config["connections_per_user"] = 1
    a, b = world.pod(), world.pod()
    names = {"user": "alice"} if "user" in name else {"alias": ["id=7"]}
    c = world.connect(a, **names, join=["g"])
    past.remember()
    if how == "closed":
        c.close()
        a.app.wait_event("disconnect")
        past.go_back(a, b)
    else:
        past.go_back(b, meanwhile=a.kill)
        wait_until(lambda: a.process.poll() is not None and world.redis.hlen(world.key("instances")) == 1, 8, "the takeover")
    wait_until(lambda: not leftovers(world), 3, f"no ghost: {leftovers(world)}")
    push(world, name, "kept", mailbox=True)
    wait_until(lambda: world.redis.zcard(world.key("mailboxes")) == 1, SOON, "it in the mailbox")
    d = world.connect(b, **names)  # connections_per_user has nothing against it
    assert d.recv() == "kept"
    d.hears_nothing(0.1)
    assert not world.rejected() and not b.reasons().get("no_connection")


def test_who_came_after_the_moment_and_left_while_redis_was_away_is_between_two_connections(world, past):
    pod = world.pod()
    past.remember()
    alice = world.connect(pod, user="alice", join=["g"])
    past.go_back(pod, meanwhile=alice.drop)
    push(world, {"group": "g"}, "to her group")
    push(world, {"all": True}, "to all")
    push(world, {"user": "alice"}, "to her")
    again = world.connect(pod, user="alice", join=["g"])
    assert sorted(again.recv(SOON) for _ in range(3)) == ["to all", "to her", "to her group"]
    again.hears_nothing(0.1)


def test_who_moved_after_the_moment_is_on_one_pod_only(world, past):
    a, b = world.pod(), world.pod()
    c = world.connect(a, user="alice", join=["g"])
    past.remember()
    c.close()
    a.app.wait_event("disconnect")
    d = world.connect(b, user="alice", join=["g"])
    past.go_back(a, b)
    wait_until(lambda: list(world.presence("alice")) == [d.id], SOON, "presence")
    push(world, {"user": "alice"}, "own", id="1", receipt=world.key("receipts"))
    push(world, {"group": "g"}, "to g")
    assert [d.recv(SOON) for _ in range(2)] == ["own", "to g"]
    d.hears_nothing(0.1)
    wait_until(lambda: world.redis.hgetall(world.key("where:user:alice")) == {b.instance.encode(): b"1"}, SOON, "one place")
    assert [r["outcome"] for r in receipts(world)] == ["delivered"]


def test_who_changed_groups_after_the_moment_is_in_the_new_one(world, past):
    pod = world.pod()
    c = world.connect(pod, user="alice", join=["old"])
    past.remember()
    world.push({"to": {"user": "alice"}, "join": ["new"], "leave": ["old"], "text": "moved"})
    assert c.recv() == "moved"
    c.hears_nothing(0.1)
    past.go_back(pod)
    push(world, {"group": "old"}, "nobody's")
    push(world, {"group": "new"}, "hers")
    assert c.recv(SOON) == "hers"
    c.hears_nothing(0.1)


def test_a_mailbox_that_comes_back_is_emptied_again_without_a_second_delivery(world, past):
    pod = world.pod()
    for n in range(3):
        push(world, {"user": "alice"}, str(n), id=str(n), mailbox=True)
    wait_until(lambda: world.redis.zcard(world.key("mailbox:user:alice")) == 3, 3, "three kept")
    past.remember()
    c = world.connect(pod, user="alice")
    assert [c.recv() for _ in range(3)] == list("012")
    c.hears_nothing(0.1)
    past.go_back(pod)
    push(world, {"user": "alice"}, "live")
    assert c.recv(SOON) == "live"
    c.hears_nothing(0.2)
    wait_until(lambda: not world.redis.exists(world.key("mailbox:user:alice")), SOON, "an empty mailbox")


def test_an_inbox_that_comes_back_is_recognized(world, past):
    pod = world.pod()
    c = world.connect(pod, user="alice", auto_pong=False)
    for n in range(3):
        push(world, {"user": "alice"}, str(n), id=str(n))
    assert [c.recv() for _ in range(3)] == list("012")
    past.remember()
    with pytest.raises(TimeoutError):
        c.recv(0.1)
    for ping in c.pings:
        c.frame(10, ping)
    c.auto_pong = True
    c.hears_nothing(0.1)
    wait_until(lambda: world.redis.xlen(world.key(f"inbox:{pod.instance}")) == 0, 3, "the confirmation")
    past.go_back(pod)
    push(world, {"user": "alice"}, "after")
    assert c.recv(SOON) == "after"
    c.hears_nothing(0.2)
    wait_until(lambda: world.redis.xlen(world.key(f"inbox:{pod.instance}")) == 0, SOON, "an empty inbox")


def test_what_a_client_has_not_confirmed_yet_is_confirmed_to_the_redis_that_is_there(world, past):
    pod = world.pod()
    c = world.connect(pod, user="alice", auto_pong=False)
    push(world, {"user": "alice"}, "x", id="1", receipt=world.key("receipts"))
    assert c.recv() == "x"
    past.remember()
    past.go_back(pod)
    with pytest.raises(TimeoutError):
        c.recv(0.2)
    c.frame(10, c.pings[-1])
    c.auto_pong = True
    wait_until(lambda: world.redis.xlen(world.key(f"inbox:{pod.instance}")) == 0, SOON, "the confirmation")
    assert [r["outcome"] for r in receipts(world)] == ["delivered"]
    c.hears_nothing(0.2)


def test_ids_do_not_go_back(world, past):
    """As with a new master whose clock is behind: the order that pushes have is ahead of the clock, and goes back with the data."""
    pod = world.pod()
    world.redis.hset(world.key("order"), mapping={"ms": int(time.time() * 1000) + 20_000, "seq": 0})
    c = world.connect(pod, user="alice", join=["g"])
    push(world, {"user": "alice"}, "first")
    assert c.recv() == "first"
    c.hears_nothing(0.1)
    past.remember()
    for n in range(5):
        push(world, {"user": "alice"}, f"lost {n}")
        push(world, {"group": "g"}, f"lost {n} to g")
    push(world, {"all": True}, "lost to all")
    assert len([c.recv() for _ in range(11)]) == 11
    c.hears_nothing(0.1)
    past.go_back(pod)
    wanted = []
    for n in range(5):
        for to in ({"user": "alice"}, {"group": "g"}, {"all": True}):
            wanted.append(f"{n} {to}")
            push(world, to, wanted[-1])
    assert sorted(c.recv(SOON) for _ in range(15)) == sorted(wanted)
    c.hears_nothing(0.1)
    wait_until(lambda: world.redis.xlen(world.key(f"inbox:{pod.instance}")) == 0, 3, "an empty inbox")


def test_a_pod_that_does_not_come_back_is_waited_for_as_long_as_a_lease_and_only_by_crowds(world, past):
    a, b, gone = world.pod(), world.pod(), world.pod()
    c = world.connect(a, user="alice", join=["g"])
    lost = world.connect(gone, user="bob", join=["g"])
    past.remember()
    past.go_back(a, b, meanwhile=gone.kill)
    lost.sock.close()
    push(world, {"user": "alice"}, "own")
    push(world, {"group": "g"}, "to g", id="1", receipt=world.key("receipts"))
    push(world, {"user": "nobody"}, "x", id="2", receipt=world.key("receipts"))
    push(world, {"user": "bob"}, "kept", mailbox=True)
    assert {c.recv(SOON), c.recv(8)} == {"own", "to g"}
    c.hears_nothing(0.1)
    ends = wait_until(lambda: len(receipts(world)) >= 2 and {r["id"]: r["outcome"] for r in receipts(world)}, 8, "both receipts")
    assert ends == {"1": "summary", "2": "no_connection"}
    assert a.metric("wsidecar_parked_total") + b.metric("wsidecar_parked_total") > 0
    assert world.connect(b, user="bob").recv() == "kept"


@pytest.mark.parametrize("door", ["outbox", "list of the app"])
def test_a_router_that_is_back_before_its_registry_waits_for_it(world, past, proxy_to, door):
    name = world.prefix.rstrip(":") + "-list"
    world.config["sources"] = [{"list": name, "to": {"user": "{/to}"}}]
    proxy = proxy_to(past.server.port)
    pod = world.pod(redis={"url": proxy.url()})
    past.remember()
    c = world.connect(pod, user="alice")
    past.go_back(meanwhile=lambda: proxy.hold("commands", '{"since":'))
    proxy.wait_held()
    try:
        if door == "outbox":
            push(world, {"user": "alice"}, "x")
        else:
            world.redis.rpush(name, '{"to":"alice"}')
        stays(lambda: not pod.reasons().get("no_connection"), 0.7)
    finally:
        proxy.release()
    assert c.recv(SOON) in ("x", '{"to":"alice"}')


def test_the_lists_of_an_app_go_on(world, past):
    name = world.prefix.rstrip(":") + "-list"
    world.config["sources"] = [{"list": name, "to": {"user": "{/to}"}}]
    a, b = world.pod(), world.pod()
    past.remember()
    c = world.connect(b, user="alice")
    past.go_back()
    world.redis.rpush(name, '{"to":"alice"}')
    for p in (a, b):
        p.wait_ready()
    assert c.recv(SOON) == '{"to":"alice"}'
    assert world.redis.llen(name) == 0 and not world.rejected()


# ----------------------------------------------------------------------------------------------------- all data lost

def flushed(past):
    past.server.client().flushall()


def restarted_empty(past):
    past.server.restart(empty=True)


def its_keys_deleted(past):
    client = past.server.client()
    client.delete(*client.keys(past.world.key("*")))


@pytest.mark.parametrize("lose", [flushed, restarted_empty, its_keys_deleted])
def test_when_all_is_lost_pushes_flow_again(world, past, lose):
    a, b = world.pod(), world.pod()
    listeners = everybody(world, a, b)
    each_is_reached(world, listeners)
    lose(past)
    world._redis = None
    started = time.monotonic()
    for p in (a, b):
        p.wait_ready()
    each_is_reached(world, listeners, timeout=2 + SOON)  # a pod looks every third of a lease, and dials within a second
    assert time.monotonic() - started < 8
    assert not a.app.events("disconnect") and not b.app.events("disconnect")
    assert world.redis.hlen(world.key("instances")) == 2


def test_the_registry_alone_is_lost(world, past):
    """What a wrong DEL or an eviction takes is written again, sooner or later; what is pushed to who is known meanwhile arrives."""
    pod = world.pod()
    alice, bob = world.connect(pod, user="alice"), world.connect(pod, user="bob")
    world.redis.delete(world.key("epoch"))
    push(world, {"user": "alice"}, "1")
    push(world, {"user": "bob"}, "2")
    assert alice.recv(SOON) == "1" and bob.recv(SOON) == "2"


# ---------------------------------------------------------------------------------------------------------- failover

class Failover:
    """A master and its replica, and pods that find whoever is master behind a proxy each."""

    def __init__(self, world, own_redis, acl=()):
        self.world = world
        self.old = world.redis_server = own_redis(acl=acl)
        self.between = FaultProxy(self.old.port)
        self.new = own_redis(acl=acl, replicaof=f"127.0.0.1 {self.between.port}", repl_diskless_sync_delay="0")
        self.proxies = [self.between]
        wait_until(lambda: self.new.client().info("replication")["master_link_status"] == "up", 10, "replication")
        world.config = {"lease": "1s", "routes": ROUTES}

    def pod(self, login="", **config):
        proxy = FaultProxy(self.old.port)
        self.proxies.append(proxy)
        pod = self.world.pod(redis={"url": proxy.url(login)}, **config)
        pod.proxy = proxy
        return pod

    def lag(self):
        """What follows is not replicated any more."""
        offsets = lambda: {s.client().info("replication")["master_repl_offset"] for s in (self.old, self.new)}
        wait_until(lambda: len(offsets()) == 1, 3, "the replica to be level")
        self.between.blackhole()

    def promote(self, kill=True):
        self.new.client().replicaof("NO", "ONE")
        if kill:
            self.old.kill()
        for p in self.proxies[1:]:
            p.target = self.new.port
        self.world.redis_server, self.world._redis = self.new, None

    def close(self):
        try:
            self.world.close()
        finally:
            for p in self.proxies:
                p.close()


@pytest.fixture
def failover(own_redis):
    made = []

    def make(**options):
        made.append(Failover(World(None), own_redis, **options))
        return made[-1]
    yield make
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(Failover.close, made))


def test_a_failover_that_lost_registrations_loses_no_push(failover):
    f = failover()
    world = f.world
    a, b = f.pod(), f.pod()
    wait_until(lambda: a.metric("wsidecar_router") + b.metric("wsidecar_router") == 1, 5, "a router")
    late, router = (b, a) if a.metric("wsidecar_router") else (a, b)
    f.lag()
    listeners = everybody(world, late)
    f.promote()
    late.proxy.reset(refuse=6)
    router.proxy.reset(refuse=0)
    router.wait_ready()
    each_is_reached(world, listeners, timeout=5)
    assert not late.app.events("disconnect")


def test_a_failover_is_noticed_without_info(failover):
    f = failover(acl=["default on nopass ~* &* +@all", "pod on >pw ~* &* +@all -info -role -config -client"])
    world = f.world
    pod = f.pod("pod:pw@")
    f.lag()
    listeners = everybody(world, pod)
    f.promote()
    pod.proxy.reset(refuse=0)
    pod.wait_ready()
    each_is_reached(world, listeners)


def test_a_connection_that_breaks_without_info_costs_nothing(world, own_redis, proxy_to):
    """Nobody can tell this from a failover: all is registered anew, and nothing is lost or comes twice."""
    server = world.redis_server = own_redis(acl=["default on nopass ~* &* +@all", "pod on >pw ~* &* +@all -info -role -config"])
    proxy = proxy_to(server.port)
    world.config = {"lease": "1s", "routes": ROUTES}
    pod, other = world.pod(redis={"url": proxy.url("pod:pw@")}), world.pod()
    listeners = everybody(world, pod)
    for _ in range(3):
        proxy.reset(refuse=0)
        each_is_reached(world, listeners, timeout=4)
    assert world.redis.hlen(world.key("instances")) == 2
    assert not other.app.events("disconnect")


def test_a_link_that_stays_at_the_old_master_is_brought_along(failover):
    """A Service points to another master, the old one lives on, and only a link that breaks dials anew."""
    def one_stays(name):
        f = failover()
        world, pod = f.world, f.pod()
        c = world.connect(pod, user="alice")
        f.lag()
        f.promote(kill=False)
        for link in list(pod.proxy.links):
            if link.name != name:
                link.reset()
        for n in range(3):
            push(world, {"user": "alice"}, str(n))
        assert [c.recv(10) for _ in range(3)] == list("012")
        wait_until(lambda: world.publish("user:alice", "channel") == 1, 10, "the subscription at the new master", step=0.1)
        assert c.recv() == "channel"
        assert not pod.app.events("disconnect")

    names = ("commands", "router", "subscriber", "inbox")
    with ThreadPoolExecutor(len(names)) as pool:
        played = {name: pool.submit(one_stays, name) for name in names}
    failures = {name: e for name, p in played.items() if (e := p.exception())}
    assert not failures, failures


# -------------------------------------------------------------------------------------------------------- old layout

@pytest.mark.parametrize("config", [{"lease": 15000, "pop": "left", "outbox": "outbox"}, {"lease": 1000, "pop": "left", "outbox": "outbox", "format": 1}])
def test_data_of_a_version_before_this_layout_stop_the_start(world, config):
    world.redis.hset(world.key("config"), mapping=config)
    before = {k: world.redis.dump(k) for k in world.redis.keys(world.key("*"))}
    pod = world.pod(wait=None)
    pod.expected_exit = {2}
    assert pod.wait_exit() == 2
    assert pod.logged("cannot read", level="error")
    assert {k: world.redis.dump(k) for k in world.redis.keys(world.key("*"))} == before, "it has touched nothing"


def test_another_prefix_beside_old_data_is_free(world):
    world.redis.hset(world.key("config"), mapping={"lease": 15000, "pop": "left", "outbox": "outbox"})
    pod = world.pod(prefix=world.prefix + "new:")
    c = world.connect(pod, user="alice")
    world.redis.rpush(world.key("new:outbox"), json.dumps({"to": {"user": "alice"}, "text": "x"}))
    assert c.recv() == "x"
