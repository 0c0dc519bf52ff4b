"""A service on several shards (`shards`): each name in one of them, one outbox for all."""

import binascii
import json
import time

import pytest

from support.app import commands
from support.stomp import Stomp
from support.waiting import wait_until

SHARDS = 16


def key_slot(key):
    """CLUSTER KEYSLOT: CRC-16/XMODEM."""
    return binascii.crc_hqx(key.encode(), 0) % 16384


def shard_of(address, shards=SHARDS):
    """As sidecar/operating.md says: CLUSTER KEYSLOT of the address, modulo the number of shards."""
    return key_slot(address) % shards


def prefix_of(world, address, shards=SHARDS):
    n = shard_of(address, shards)
    return world.prefix if n == 0 else world.prefix.replace("}", f":{n:02}}}")


def addresses(kind, n, shards=SHARDS):
    """One name for each of n different shards."""
    out, seen = [], set()
    i = 0
    while len(out) < n:
        name = f"{kind}{i}"
        if shard_of(f"{kind}:{name}", shards) not in seen:
            seen.add(shard_of(f"{kind}:{name}", shards))
            out.append(name)
        i += 1
    return out


@pytest.fixture
def sharded(world):
    world.prefix = "{" + world.prefix.rstrip(":") + "}:"
    world.config = {"shards": SHARDS, "lease": "2s"}
    return world


def receipts(world, n, key="receipts"):
    wait_until(lambda: world.redis.llen(world.key(key)) >= n, 5, f"{n} receipts")
    return [json.loads(x) for x in world.redis.lrange(world.key(key), 0, -1)]


def test_every_address_is_reached_from_one_outbox(sharded):
    a, b = sharded.pod(), sharded.pod()
    alice = sharded.connect(a, user="alice", join=["g1", "g2"], alias=["tag=1"])
    bob = sharded.connect(b, user="bob", join=["g1"])
    for i, to in enumerate([{"user": "alice"}, {"alias": "tag=1"}, {"group": "g2"}, {"connection": alice.id}]):
        sharded.push({"to": to, "text": f"one {i}"})
        assert alice.recv() == f"one {i}"
    sharded.push({"to": {"group": "g1"}, "text": "both"}, {"to": {"all": True}, "text": "all"})
    for c in (alice, bob):
        assert sorted([c.recv(), c.recv()]) == ["all", "both"]
    bob.hears_nothing(0.3)


def test_many_users_in_all_shards_each_in_order(sharded):
    a, b = sharded.pod(), sharded.pod()
    names = addresses("user", SHARDS)
    clients = {n: sharded.connect((a, b)[i % 2], user=n) for i, n in enumerate(names)}
    for k in range(30):
        sharded.push(*[{"to": {"user": n}, "text": f"{n} {k}"} for n in names])
    for n, c in clients.items():
        assert [c.recv() for _ in range(30)] == [f"{n} {k}" for k in range(30)]
    for n in names:
        assert sharded.redis.exists(f"{prefix_of(sharded, 'user:' + n)}presence:{n}"), n


def test_a_push_to_several_shards_has_one_summary_and_comes_once(sharded):
    a, b = sharded.pod(), sharded.pod()
    names = addresses("user", 4)
    clients = [sharded.connect((a, b)[i % 2], user=n, join=["everybody"]) for i, n in enumerate(names)]
    sharded.push({"to": {"user": [*names, "nobody"], "group": "everybody"}, "text": "once", "id": "p1", "receipt": sharded.key("receipts")})
    for c in clients:
        assert c.recv() == "once"
        c.hears_nothing(0.2)
    (summary,) = receipts(sharded, 1)
    assert summary["outcome"] == "summary" and summary["id"] == "p1", summary
    assert summary["delivered"] == 4 and summary["dropped"] == 1, summary


def test_each_receipt_of_single_names(sharded):
    a = sharded.pod()
    names = addresses("user", 5)
    clients = [sharded.connect(a, user=n) for n in names[:3]]
    sharded.push(*[{"to": {"user": n}, "text": "x", "id": n, "receipt": sharded.key("receipts")} for n in names])
    for c in clients:
        assert c.recv() == "x"
        c.hears_nothing(0.1)  # and answers the ping behind it
    all_receipts = receipts(sharded, 5)
    assert sorted((r["user"], r["outcome"]) for r in all_receipts) == sorted(
        [(n, "delivered") for n in names[:3]] + [(n, "no_connection") for n in names[3:]])


def test_mailboxes_and_their_receipts(sharded):
    a, b = sharded.pod(), sharded.pod()
    names = addresses("user", 4)
    for n in names:
        sharded.push(*[{"to": {"user": n}, "text": f"{k}", "mailbox": True} for k in range(3)])
    wait_until(lambda: all(sharded.redis.zcard(f"{prefix_of(sharded, 'user:' + n)}mailbox:user:{n}") == 3 for n in names), 5, "mailboxes")
    for i, n in enumerate(names):
        c = sharded.connect((a, b)[i % 2], user=n)
        assert [c.recv() for _ in range(3)] == ["0", "1", "2"]


def test_what_is_not_confirmed_goes_to_where_the_user_is(sharded):
    """A connection's, a group's and all's shards hand it to the user's."""
    a, b = sharded.pod(), sharded.pod()
    gone = sharded.connect(a, user="carol", join=["g1"], auto_pong=False)
    sharded.push({"to": {"connection": gone.id}, "text": "c"}, {"to": {"group": "g1"}, "text": "g"}, {"to": {"all": True}, "text": "*"},
                 {"to": {"user": "carol"}, "text": "u"})
    assert sorted(gone.recv() for _ in range(4)) == ["*", "c", "g", "u"]
    gone.sock.close()
    again = sharded.connect(b, user="carol", join=["g1"])
    assert sorted(again.recv() for _ in range(4)) == ["*", "c", "g", "u"]


def test_a_redial_loses_nothing(sharded):
    a, b = sharded.pod(), sharded.pod()
    c = sharded.connect(a, user="dave", join=["g1", "g2"], alias=["tag=2"])
    c.close()
    wait_until(lambda: not sharded.redis.exists(f"{prefix_of(sharded, 'user:dave')}presence:dave"), 5, "the end")
    kinds = [{"user": "dave"}, {"alias": "tag=2"}, {"group": "g1"}, {"group": "g2"}, {"all": True}]
    for k in range(3):
        sharded.push(*[{"to": to, "text": f"{i} {k}"} for i, to in enumerate(kinds)])
    wait_until(lambda: sharded.redis.llen(sharded.key("outbox")) == 0, 5, "the outbox to be routed")
    again = sharded.connect(b, user="dave", join=["g1", "g2"], alias=["tag=2"])
    got = [again.recv() for _ in range(15)]
    for i in range(len(kinds)):
        assert [t for t in got if t.startswith(f"{i} ")] == [f"{i} {k}" for k in range(3)]
    again.hears_nothing(0.3)


def test_a_dead_pod_is_spoken_for_once_and_its_pushes_go_on(sharded):
    a, b = sharded.pod(), sharded.pod()
    names = addresses("user", 6)
    lost = [sharded.connect(b, user=n, join=["g1"], auto_pong=False) for n in names]
    stays = sharded.connect(a, user=names[0], join=["g1"])
    sharded.push(*[{"to": {"user": n}, "text": f"u {n}"} for n in names], {"to": {"group": "g1"}, "text": "g"}, {"to": {"all": True}, "text": "*"})
    for c in lost:
        assert len([c.recv() for _ in range(3)]) == 3
    assert sorted(stays.recv() for _ in range(3)) == ["*", "g", f"u {names[0]}"]
    a_events = len(a.app.events("disconnect"))
    time.sleep(4.2)
    b.kill()
    wait_until(lambda: len(a.app.events("disconnect")) >= a_events + 6, 15, "six ends")
    again = [sharded.connect(a, user=n, join=["g1"]) for n in names[1:]]
    for c, n in zip(again, names[1:]):
        assert sorted(c.recv() for _ in range(3)) == ["*", "g", f"u {n}"]
    ends = a.app.events("disconnect")[a_events:]
    assert len(ends) == 6, [e.headers for e in ends]
    left = {e.decoded("ce-userid"): e.header("ws-user-connections") for e in ends}
    assert left[names[0]] == "1" and all(left[n] == "0" for n in names[1:]), left
    for n in names:
        prefix = prefix_of(sharded, "user:" + n)
        wait_until(lambda: sharded.redis.hlen(f"{prefix}presence:{n}") == 1, 5, "presence")


def test_connections_of_a_user_are_counted_where_he_is(sharded):
    sharded.config["connections_per_user"] = 2
    a, b = sharded.pod(), sharded.pod()
    sharded.connect(a, user="erin")
    sharded.connect(b, user="erin")
    with pytest.raises(Exception, match="503"):
        sharded.connect(a, user="erin")


def test_an_outbox_of_a_shard_can_be_written_directly(sharded):
    a = sharded.pod()
    c = sharded.connect(a, user="frank")
    sharded.redis.rpush(prefix_of(sharded, "user:frank") + "outbox", json.dumps({"to": {"user": "frank"}, "text": "direct"}))
    assert c.recv() == "direct"
    other = next(n for n in addresses("user", 3) if shard_of(f"user:{n}") != shard_of("user:frank"))
    c2 = sharded.connect(a, user=other)
    sharded.redis.rpush(prefix_of(sharded, "user:frank") + "outbox", json.dumps({"to": {"user": other}, "text": "astray"}))
    assert c2.recv() == "astray"


def test_rejected_is_one_list(sharded):
    sharded.pod()
    sharded.push("no envelope")
    sharded.redis.rpush(prefix_of(sharded, "user:frank") + "outbox", "neither")
    wait_until(lambda: len(sharded.rejected()) == 2, 5, "two rejected")


def test_all_pods_route(sharded):
    pods = [sharded.pod() for _ in range(2)]
    wait_until(lambda: sorted(p.metric("wsidecar_router") for p in pods)[0] >= 7, 20, "both to route")
    assert sum(p.metric("wsidecar_router") for p in pods) == SHARDS
    pods[0].kill()
    wait_until(lambda: pods[1].metric("wsidecar_router") == SHARDS, 20, "the other to route all")


def test_another_number_of_shards_is_refused(sharded):
    sharded.pod()
    other = sharded.pod(wait=None, shards=4)
    other.expected_exit = {2}
    assert other.wait_exit() == 2
    assert other.logged("spread over 16 shards")


def told(*pods):
    return sorted(n for p in pods for r in list(p.app.requests) if r.target == "/sent" for n in json.loads(r.body))


def test_a_source_is_split_and_its_app_is_told_once(sharded):
    name = sharded.prefix.rstrip(":") + "-list"
    sharded.config["sources"] = [{"list": name, "to": {"user": ["{/users/*}"]}, "delivered": {"post": "/sent", "body": "/id"}}]
    a, b = sharded.pod(), sharded.pod()
    names = addresses("user", 4)
    clients = [sharded.connect((a, b)[i % 2], user=n) for i, n in enumerate(names[:3])]
    gone = sharded.connect(b, user=names[3])
    gone.close()
    b.app.wait_events("disconnect", 1)
    for n in range(3):
        sharded.redis.rpush(name, json.dumps({"users": names, "id": 1000 + n}))
    for c in clients:
        assert [json.loads(c.recv())["id"] for _ in range(3)] == [1000, 1001, 1002]
        c.hears_nothing(0.1)
    again = sharded.connect(a, user=names[3])
    assert [json.loads(again.recv())["id"] for _ in range(3)] == [1000, 1001, 1002]
    again.hears_nothing(0.1)
    wait_until(lambda: len(told(a, b)) >= 3, 5, "the words to the app")
    time.sleep(0.7)
    assert told(a, b) == [1000, 1001, 1002]


def test_the_app_is_told_once_when_a_part_moves_to_another_shard(sharded):
    """Dave has not confirmed what came to his group, and gets it again through the shard of his name."""
    name = sharded.prefix.rstrip(":") + "-list"
    sharded.config["sources"] = [{"list": name, "to": {"group": "{/group}"}, "delivered": {"post": "/sent", "body": "/id"}}]
    a, b = sharded.pod(), sharded.pod()
    group = next(g for g in addresses("group", 4) if shard_of(f"group:{g}") != 0)
    user = next(u for u in addresses("user", 4) if shard_of(f"user:{u}") not in (0, shard_of(f"group:{group}")))
    stays = sharded.connect(a, user="carol", join=[group])
    gone = sharded.connect(a, user=user, join=[group], auto_pong=False)
    sharded.redis.rpush(name, json.dumps({"group": group, "id": 1000}))
    assert json.loads(stays.recv())["id"] == json.loads(gone.recv())["id"] == 1000
    stays.hears_nothing(0.2)  # and answers the ping
    gone.reset()
    wait_until(lambda: told(a, b) == [1000], 5, "the word to the app")
    again = sharded.connect(b, user=user, join=[group])
    assert json.loads(again.recv())["id"] == 1000
    again.hears_nothing(1)
    assert told(a, b) == [1000]


def test_a_returned_part_ends_in_the_summary_of_the_whole(sharded):
    a, b = sharded.pod(), sharded.pod()
    stays = sharded.connect(b, user="bob", join=["g"])
    c = sharded.connect(a, user="alice", join=["g"], auto_pong=False)
    sharded.push({"to": {"group": "g"}, "text": "to g", "id": "1", "receipt": sharded.key("receipts")})
    assert c.recv() == stays.recv() == "to g"
    stays.hears_nothing(0.05)
    c.reset()
    again = sharded.connect(b, user="alice", join=["g"])
    assert again.recv() == "to g"
    again.hears_nothing(0.2)
    stays.hears_nothing(0.05)
    summaries = [r for r in receipts(sharded, 1) if r["outcome"] == "summary"]
    assert [s["delivered"] for s in summaries] == [2]


def test_stomp_destinations_and_patterns_and_a_users_own(sharded):
    routes = [{"path": "/stomp", "protocol": "stomp"}]
    pods = [sharded.pod(routes=routes) for _ in range(2)]

    def stomp(pod, user):
        pod.app.answers["connect"] = commands(("Ws-User", user))
        return Stomp(pod.port)
    alice, bob = stomp(pods[0], "alice"), stomp(pods[1], "bob")
    topics = [f"/topic/{n}" for n in range(8)]
    for i, t in enumerate(topics):
        alice.subscribe(t, f"s{i}")
    bob.subscribe("/topic/*", "all")
    alice.subscribe("/user/queue/mine", "mine")
    sharded.push(*[{"to": {"destination": t}, "text": t} for t in topics],
                 {"to": {"user": "alice", "destination": "/queue/mine"}, "text": "own"})
    assert sorted(alice.message().body for _ in range(9)) == sorted([*topics, "own"])
    assert sorted(bob.message().body for _ in range(8)) == topics
    bob.hears_nothing(0.2)  # and has confirmed all of them
    bob.close()
    pods[1].app.wait_event("disconnect")
    sharded.push(*[{"to": {"destination": t}, "text": "missed " + t} for t in topics])
    back = stomp(pods[0], "bob").subscribe("/topic/*", "all", wait=False)  # a shard may answer before the last has registered it
    assert sorted(back.message().body for _ in range(8)) == ["missed " + t for t in topics]


def test_a_message_is_traced_to_its_shard(sharded):
    a, b = sharded.pod(), sharded.pod()
    c = sharded.connect(b, user="bob")
    sharded.push({"to": {"user": "bob"}, "text": "traced", "id": "m1", "receipt": sharded.key("receipts")},
                 {"to": {"user": "carol"}, "text": "kept", "id": "m2", "mailbox": True})
    assert c.recv() == "traced"
    c.hears_nothing(0.2)

    def story(of):
        m = json.loads(a.get(f"/console/message?id={of}").body)
        return m["complete"] and m["conclusion"]
    wait_until(lambda: story("m1") == "delivered", 5, "the end of m1")
    said = json.loads(a.get("/console/user?name=carol").body)
    assert "m2" in json.dumps(said), said
