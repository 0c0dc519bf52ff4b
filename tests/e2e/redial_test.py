"""What is pushed to a group, a destination or all while somebody who belonged to it is between two connections is his when he belongs to it again."""

import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from support import frames
from support.app import commands
from support.sse import Sse
from support.stomp import Stomp
from support.waiting import stays, wait_until
from support.ws import Ws

ROUTES = [{"path": "/ws/{rest...}"}, {"path": "/stomp", "protocol": "stomp"}]


def push(world, to, *texts, **more):
    world.push(*[{"to": to, "text": t, **more} for t in texts])


def receipts(world, key="receipts"):
    return [json.loads(x) for x in world.redis.lrange(world.key(key), 0, -1)]


def routed(world, timeout=5):
    keys = [world.key(k) for k in ("outbox", "outbox:returned", "parts", "parked")]
    wait_until(lambda: not world.redis.exists(*keys), timeout, "the routing")


def gone(world, *clients):
    """Their connections have ended, and the registry knows."""
    for c in clients:
        c.hears_nothing(0.03)  # but confirms what it has
        c.drop()
    ids = [world.key(f"conn:{c.id}") for c in clients]
    wait_until(lambda: not world.redis.exists(*ids), 5, "their end")


def kept(world, name):
    return world.redis.xlen(world.key(f"kept:{name}"))


def collect(client, count, timeout=8.0):
    return [client.recv(timeout) for _ in range(count)]


@pytest.fixture
def pods(world):
    world.config = {"routes": ROUTES, "outbox": {"grace": "20s"}}
    return world.pod(), world.pod()


# ----------------------------------------------------------------------------------------------------- groups and all

NAMES = {"user": {"user": "alice"}, "alias": {"alias": ["id=1"]}, "aliases": {"alias": ["id=1", "order=7"]}}


@pytest.mark.parametrize("to", [{"group": "g"}, {"all": True}], ids=["group", "all"])
@pytest.mark.parametrize("who", NAMES)
def test_what_was_pushed_in_the_meantime_comes_in_order_and_once(world, pods, to, who):
    a, b = pods
    other = world.connect(a, user="bob", join=["g"])
    gone(world, world.connect(a, **NAMES[who], join=["g"]))
    push(world, to, "1", "2", "3")
    assert collect(other, 3) == ["1", "2", "3"]
    again = world.connect(b, **NAMES[who], join=["g"])
    push(world, to, "4")
    assert collect(again, 4) == ["1", "2", "3", "4"]
    again.hears_nothing(0.2)
    gone(world, again)
    push(world, to, "5")
    assert collect(other, 2) == ["4", "5"]
    assert collect(world.connect(a, **NAMES[who], join=["g"]), 1) == ["5"]
    other.hears_nothing(0.1)


def test_also_when_nobody_else_is_there(world, pods):
    a, b = pods
    gone(world, world.connect(a, user="alice", join=["g"]))
    push(world, {"group": "g"}, "1", "2", receipt=world.key("receipts"), id="x")
    wait_until(lambda: len(receipts(world)) == 2, 3)
    assert [r["outcome"] for r in receipts(world)] == ["stored", "stored"]
    assert world.connect(b, user="alice", join=["g"]).recv() == "1"


def test_it_comes_in_order_with_the_mailbox(world, pods):
    a, b = pods
    gone(world, world.connect(a, user="alice", join=["g", "h"]))
    world.push(*[{"to": to, "text": str(n)} for n, to in enumerate(
        [{"user": "alice"}, {"group": "g"}, {"all": True}, {"user": "alice"}, {"group": "h"}, {"group": "g"}, {"user": "alice"}])])
    routed(world)
    again = world.connect(b, user="alice", join=["g", "h"])
    push(world, {"group": "g"}, "live")
    assert collect(again, 8) == ["0", "1", "2", "3", "4", "5", "6", "live"]
    again.hears_nothing(0.2)


def test_many_that_alternate_with_the_mailbox(world):
    world.config = {"outbox": {"grace": "20s"}, "mailbox": {"count": 3000, "bytes": "10MiB"}}
    a, b = world.pod(), world.pod()
    gone(world, world.connect(a, user="alice", join=["g", "h"]))
    kinds = [{"user": "alice"}, {"group": "g"}, {"user": "alice"}, {"user": "alice"}, {"all": True}, {"group": "h"}]
    world.push(*[{"to": kinds[n % len(kinds)], "text": str(n)} for n in range(720)])
    routed(world, 20)
    again = world.connect(b, user="alice", join=["g", "h"])
    assert collect(again, 720) == [str(n) for n in range(720)]
    again.hears_nothing(0.2)


def test_who_joins_later_gets_it_then(world, pods):
    a, b = pods
    gone(world, world.connect(a, user="alice", join=["g"]))
    push(world, {"group": "g"}, "1")
    routed(world)
    again = world.connect(b, user="alice")
    again.hears_nothing(0.2)
    push(world, {"user": "alice"}, "hello", join=["g"])
    assert collect(again, 2) == ["hello", "1"]
    again.hears_nothing(0.1)


def test_who_comes_back_without_the_group_does_not_get_it(world, pods):
    a, b = pods
    gone(world, world.connect(a, user="alice", join=["g"]))
    push(world, {"group": "g"}, "1")
    routed(world)
    b.app.answers["connect"] = commands(("Ws-User", "alice"))
    again = world.connect(b, user="alice")
    again.hears_nothing(0.5)


@pytest.mark.parametrize("how", ["push", "answer"])
def test_who_has_left_does_not_belong_to_it(world, pods, how):
    a, b = pods
    alice = world.connect(a, user="alice", join=["g"])
    if how == "push":
        push(world, {"user": "alice"}, "left", leave=["g"])
        assert alice.recv() == "left"
    else:
        a.app.answers["message"] = commands(("Ws-Leave", "g"))
        alice.send("leave")
        a.app.wait_event("message")
    wait_until(lambda: not world.redis.exists(world.key("where:group:g")), 3)
    gone(world, alice)
    push(world, {"group": "g"}, "1")
    routed(world)
    assert kept(world, "group:g") == 0
    world.connect(b, user="alice", join=["g"]).hears_nothing(0.3)


def test_nothing_waits_when_another_connection_is_in_the_group(world, pods):
    a, b = pods
    one, two = world.connect(a, user="alice", join=["g"]), world.connect(b, user="alice", join=["g"])
    stranger = world.connect(b, user="alice")
    gone(world, one)
    push(world, {"group": "g"}, "1", receipt=world.key("receipts"), id="x")
    assert two.recv() == "1"
    two.hears_nothing(0.05)
    wait_until(lambda: receipts(world), 3)
    assert "stored" not in receipts(world)[0] and receipts(world)[0]["delivered"] == 1
    three = world.connect(a, user="alice", join=["g"])
    three.hears_nothing(0.2)
    gone(world, two)
    gone(world, three)
    push(world, {"group": "g"}, "2")
    routed(world)
    assert world.connect(a, user="alice", join=["g"]).recv() == "2"
    stranger.hears_nothing(0.1)


def test_nobody_without_a_name_is_waited_for(world, pods):
    gone(world, world.connect(pods[0], join=["g"]))
    push(world, {"group": "g"}, "1", receipt=world.key("receipts"), id="x")
    wait_until(lambda: receipts(world), 3)
    assert receipts(world)[0]["outcome"] == "no_connection" and kept(world, "group:g") == 0


def test_once_for_any_number_who_are_away_and_for_each_of_them(world, pods):
    a, b = pods
    clients = [world.connect(a, user=f"u{n}", join=["g"]) for n in range(20)]
    gone(world, *clients)
    push(world, {"group": "g"}, "1", "2")
    routed(world)
    assert kept(world, "group:g") == 2
    for n in range(20):
        again = world.connect((a, b)[n % 2], user=f"u{n}", join=["g"])
        assert collect(again, 2) == ["1", "2"]
    push(world, {"group": "g"}, "3")
    routed(world)
    assert kept(world, "group:g") == 2, "nobody is away any more"


# ------------------------------------------------------------------------------------------------ except, ttl and so on

def test_except_ttl_and_an_id_that_comes_twice(world, pods):
    a, b = pods
    bob = world.connect(a, user="bob", join=["g"])
    gone(world, world.connect(a, user="alice", join=["g"]))
    to = {"group": "g"}
    world.push({"to": to, "text": "not for alice", "except": {"user": "alice"}}, {"to": to, "text": "short", "ttl": 0.5},
               {"to": to, "text": "first", "id": "same"}, {"to": to, "text": "second", "id": "same"}, {"to": to, "text": "last"})
    assert collect(bob, 4) == ["not for alice", "short", "first", "last"]
    time.sleep(0.7)
    again = world.connect(b, user="alice", join=["g"])
    assert collect(again, 2) == ["first", "last"]
    again.hears_nothing(0.3)
    stays(lambda: not world.redis.exists(world.key("mailbox:user:alice"), world.key("outbox:returned")), 0.3)


def test_a_close_was_for_the_connections_of_then_and_a_join_is_not(world, pods):
    a, b = pods
    gone(world, world.connect(a, user="alice", join=["g"]))
    push(world, {"group": "g"}, "bye", close={"code": 4000})
    push(world, {"group": "g"}, "to h", join=["h"])
    routed(world)
    again = world.connect(b, user="alice", join=["g"])
    assert collect(again, 2) == ["bye", "to h"]
    wait_until(lambda: world.redis.exists(world.key("where:group:h")), 3)
    push(world, {"group": "h"}, "h")
    assert again.recv() == "h"


def test_what_is_not_confirmed_goes_to_the_next_connection(world, pods):
    a, b = pods
    gone(world, world.connect(a, user="alice", join=["g"]))
    push(world, {"group": "g"}, "1", "2")
    routed(world)
    deaf = world.connect(b, user="alice", join=["g"], auto_pong=False)
    assert collect(deaf, 2) == ["1", "2"]
    push(world, {"group": "g"}, "3")
    assert deaf.recv() == "3"
    deaf.reset()
    b.app.wait_event("disconnect", ws=deaf.id)
    push(world, {"group": "g"}, "4")
    routed(world)
    again = world.connect(a, user="alice", join=["g"])
    assert collect(again, 4) == ["1", "2", "3", "4"]
    again.hears_nothing(0.2)


@pytest.mark.parametrize("to", [{"group": "g"}, {"all": True}], ids=["group", "all"])
def test_who_is_cut_off_in_the_middle_does_not_wait_for_slower_members(world, pods, to):
    """Bob answers no pings, so the push stays in hand at his pod until he is closed. Alice's copy is not held up by that."""
    a, b = pods
    slow = world.connect(a, user="bob", join=["g"], auto_pong=False)
    alice = world.connect(a, user="alice", join=["g"], auto_pong=False)
    push(world, to, "1", receipt=world.key("receipts"), id="x")
    assert (alice.recv(), slow.recv()) == ("1", "1")
    alice.reset()
    a.app.wait_event("disconnect", ws=alice.id)
    wait_until(lambda: world.redis.zcard(world.key("mailbox:user:alice")) == 1, 3, "what waits for alice")
    push(world, to, "2")
    again = world.connect(b, user="alice", join=["g"])
    assert collect(again, 2) == ["1", "2"]
    again.hears_nothing(0.1)
    assert slow.recv() == "2"
    assert not [r for r in receipts(world) if r["outcome"] == "summary"], "bob has not confirmed it"
    slow.hears_nothing(0.05)
    slow.auto_pong = True
    slow.frame(frames.PONG, slow.pings[-1])
    (summary,) = wait_until(lambda: [r for r in receipts(world) if r["outcome"] == "summary"], 5)
    assert (summary["delivered"], summary["dropped"], summary["stored"]) == (1, 0, 1), receipts(world)
    assert [r["outcome"] for r in receipts(world) if r.get("user") == "alice" and r["id"] == "x"] == ["stored", "delivered"]
    again.hears_nothing(0.2)
    slow.hears_nothing(0.2)
    wait_until(lambda: not [k for k in world.redis.scan_iter(world.key("*")) if b"body:" in k or b"tally:" in k], 5, "what the push needed")


# ------------------------------------------------------------------------------------------------------------ receipts

@pytest.mark.parametrize("how", ["summary", "each"])
def test_receipts_count_it_stored_and_then_what_became_of_it(world, how):
    world.config = {"outbox": {"grace": "3s", "receipts": how}}
    a, b = world.pod(), world.pod()
    bob = world.connect(a, user="bob", join=["g"])
    gone(world, *[world.connect(a, user=u, join=["g"]) for u in ("alice", "carol")])
    push(world, {"group": "g"}, "1", receipt=world.key("receipts"), id="x")
    assert bob.recv() == "1"
    bob.hears_nothing(0.1)
    again = world.connect(b, user="alice", join=["g"])
    assert again.recv() == "1"
    again.hears_nothing(0.1)
    told = wait_until(lambda: (r := receipts(world)) and any(x["outcome"] == "no_connection" for x in r) and r, 10)
    (summary,) = [r for r in told if r["outcome"] == "summary"]
    assert (summary["delivered"], summary["dropped"], summary["stored"]) == (1, 0, 2), told
    named = [(r["user"], r["connection"], r["outcome"]) for r in told if r.get("user") == "bob"]
    assert named == ([("bob", bob.id, "delivered")] if how == "each" else []), told
    assert len(told) == (4 if how == "each" else 3), told
    (one,) = [r for r in told if r.get("user") == "alice"]
    assert one["outcome"] == "delivered" and one["connection"] == again.id and one["id"] == "x"
    (last,) = [r for r in told if r["outcome"] == "no_connection"]
    assert last["count"] == 1 and last["id"] == "x"
    stays(lambda: len(receipts(world)) == len(told), 0.5)


def test_who_belongs_to_two_of_its_groups_gets_it_once_and_is_told_of_once(world, pods):
    a, b = pods
    bob = world.connect(a, user="bob", join=["g"])
    gone(world, world.connect(a, user="alice", join=["g", "h"]))
    push(world, {"group": ["g", "h"]}, "1", receipt=world.key("receipts"), id="x")
    assert bob.recv() == "1"
    bob.hears_nothing(0.05)
    again = world.connect(b, user="alice", join=["g", "h"])
    assert again.recv() == "1"
    again.hears_nothing(0.3)
    assert [(r["outcome"], r.get("user")) for r in receipts(world)] == [("summary", None), ("delivered", "alice")]


@pytest.mark.parametrize("collapse", ["k", None])
def test_what_waits_for_a_connection_that_joins_late_comes_before_what_is_live(world, pods, collapse):
    """`collapse` is for a client that is slow; one that was away has it all, as from a mailbox."""
    a, b = pods
    gone(world, world.connect(a, user="alice", join=["g"]))
    more = {"collapse": collapse} if collapse else {}
    push(world, {"group": "g"}, *[str(n) for n in range(50)], **more)
    again = world.connect(b, user="alice")
    push(world, {"user": "alice"}, "joined", join=["g"])
    push(world, {"group": "g"}, "live")
    got = []
    while not got or got[-1] != "live":
        got.append(again.recv())
    assert got == ["joined", *[str(n) for n in range(50)], "live"]


def test_the_oldest_go_when_it_is_full_and_are_told(world):
    world.config = {"outbox": {"grace": "20s"}, "mailbox": {"count": 3, "bytes": "10KiB"}}
    a = world.pod()
    gone(world, world.connect(a, user="alice", join=["g", "h"]))
    for n in range(5):
        push(world, {"group": "g"}, str(n), id=str(n), receipt=world.key("receipts"))
    routed(world)
    dropped = [r for r in receipts(world) if r["outcome"] == "dropped"]
    assert [(r["id"], r["reason"]) for r in dropped] == [("0", "mailbox_full"), ("1", "mailbox_full")]
    push(world, {"group": "h"}, "x" * 6000, "y" * 6000)
    routed(world)
    assert kept(world, "group:h") == 1 and kept(world, "group:g") == 3
    assert a.reasons()["mailbox_full"] == 3
    again = world.connect(a, user="alice", join=["g", "h"])
    assert [m[:1] for m in collect(again, 4)] == ["2", "3", "4", "y"]


def test_past_the_grace_nothing_waits_and_nothing_stays(world):
    world.config = {"outbox": {"grace": "1s"}}
    a = world.pod()
    gone(world, world.connect(a, user="alice", join=["g"]))
    push(world, {"group": "g"}, "1")
    routed(world)
    assert kept(world, "group:g") == 1
    time.sleep(1.3)
    push(world, {"group": "g"}, "2")
    routed(world)
    assert kept(world, "group:g") == 1
    world.connect(a, user="alice", join=["g"]).hears_nothing(0.3)
    a.wait_reason("no_connection", 2, 5)


# -------------------------------------------------------------------------------------------------------------- pods

@pytest.mark.slow
def test_a_pod_that_is_killed(world):
    world.config = {"lease": "1s", "outbox": {"grace": "30s"}}
    a, b, c = world.pod(), world.pod(), world.pod()
    bob = world.connect(b, user="bob", join=["g"])
    away = [world.connect(a, user=f"u{n}", join=["g"]) for n in range(10)]
    stranger = world.connect(a, user="stranger", join=["g"])
    time.sleep(3.1)  # the others may reap from here on
    a.kill()
    total = 60
    for n in range(total):
        push(world, {"group": "g"}, str(n))
        if n == 30:
            back = [world.connect(c, user=f"u{k}", join=["g"]) for k in (0, 1)]
        time.sleep(0.1)
    assert collect(bob, total) == [str(n) for n in range(total)]
    back += [world.connect((b, c)[n % 2], user=f"u{n}", join=["g"]) for n in range(2, 10)]
    for one in back:
        assert sorted(collect(one, total, 15), key=int) == [str(n) for n in range(total)]
    for one in back:
        one.hears_nothing(0.05)
    b.app.answers["connect"] = commands(("Ws-User", "stranger"))
    world.connect(b, user="stranger").hears_nothing(0.5)
    assert away and stranger


@pytest.mark.slow
def test_a_pod_that_is_killed_with_pushes_to_very_many_groups_under_way(world):
    """What it had in hand for a group is read once for all heirs, and kept for a while: of more groups than are kept at once, some are there."""
    world.config = {"lease": "1s", "outbox": {"grace": "30s"}}
    a, b = world.pod(), world.pod()
    groups = [f"g{n}" for n in range(150)]
    some = world.connect(a, user="some", join=groups[:60], auto_pong=False)
    all_of_them = world.connect(a, user="all", join=groups, auto_pong=False)
    time.sleep(3.1)
    push(world, {"group": "g0"}, "begin")
    assert some.recv() == all_of_them.recv() == "begin"
    for g in groups:
        push(world, {"group": g}, g)
    assert collect(all_of_them, 150) == groups and collect(some, 60) == groups[:60]
    a.kill()
    wait_until(lambda: world.redis.hlen(world.key("instances")) == 1, 15)
    for user, names in (("some", groups[:60]), ("all", groups)):
        again = world.connect(b, user=user, join=names)
        assert sorted(collect(again, len(names) + 1, 15)) == sorted(["begin", *names])
        again.hears_nothing(0.2)


@pytest.mark.slow
def test_a_pod_that_is_killed_with_what_somebody_has_just_come_back_for(world):
    world.config = {"lease": "1s", "outbox": {"grace": "30s"}}
    a, b, c = world.pod(), world.pod(), world.pod()
    time.sleep(3.1)
    gone(world, world.connect(a, user="alice", join=["g"]))
    push(world, {"group": "g"}, "1", "2")
    routed(world)
    deaf = world.connect(b, user="alice", join=["g"], auto_pong=False)
    assert collect(deaf, 2) == ["1", "2"]
    push(world, {"group": "g"}, "3")
    assert deaf.recv() == "3"
    b.kill()
    push(world, {"group": "g"}, "4")
    wait_until(lambda: world.redis.hlen(world.key("instances")) == 2, 10)
    push(world, {"group": "g"}, "5")
    routed(world)
    again = world.connect(c, user="alice", join=["g"])
    assert sorted(collect(again, 5)) == ["1", "2", "3", "4", "5"]
    again.hears_nothing(0.2)


@pytest.mark.slow
def test_a_drain(world):
    world.config = {"outbox": {"grace": "30s"}, "drain": {"delay": "10ms", "period": "2s"}}
    a, b = world.pod(), world.pod()
    clients = [world.connect(a, user=f"u{n}", join=["g"]) for n in range(10)]

    def life(n):
        """All that one client gets: until it is told to go, and after it has dialled again a moment later."""
        got = clients[n].until_closed(30)[0]
        time.sleep(0.3)
        again = Ws(b.port, f"/ws/u{n}")
        while not got or got[-1] != "last":
            got.append(again.recv(15))
        again.hears_nothing(0.2)
        return got

    b.app.answers["connect"] = lambda request: commands(("Ws-User", request.target.rsplit("/", 1)[1]), ("Ws-Join", "g"))
    with ThreadPoolExecutor(len(clients)) as pool:
        lives = [pool.submit(life, n) for n in range(len(clients))]
        a.terminate()
        sent = []
        while a.process.poll() is None:
            sent.append(str(len(sent)))
            push(world, {"group": "g"}, sent[-1])
            time.sleep(0.02)
        time.sleep(1)
        push(world, {"group": "g"}, "last")
        for one in lives:
            assert one.result() == [*sent, "last"]


# -------------------------------------------------------------------------------------------------------------- STOMP

def stomp(world, pod, user="alice", *subscriptions, **how):
    pod.app.answers["connect"] = commands(("Ws-User", user))
    c = Stomp(pod.port)
    for n, d in enumerate(subscriptions):
        c.subscribe(d, id=f"s{n}", **how)
    c.id = pod.app.wait_events("connect")[-1].ws
    return c


def stomp_gone(world, c):
    c.ws.drop()
    wait_until(lambda: not world.redis.exists(world.key(f"conn:{c.id}")), 5, "its end")


@pytest.mark.parametrize("pattern", ["/topic/x", "/topic/*"])
@pytest.mark.parametrize("ack", ["auto", "client", "client-individual"])
def test_a_destination_and_a_pattern(world, pods, pattern, ack):
    a, b = pods
    bob = stomp(world, a, "bob", "/topic/x")
    stomp_gone(world, stomp(world, a, "alice", pattern, ack=ack))
    for n in "12":
        world.push({"to": {"destination": "/topic/x"}, "text": n}, {"to": {"destination": "/queue/other"}, "text": "not his"})
    assert [bob.message().body for _ in "12"] == ["1", "2"]
    again = stomp(world, b, "alice")
    again.hears_nothing(0.2)
    again.frame("SUBSCRIBE", {"id": "0", "destination": pattern, "ack": ack})
    got = [again.message() for _ in "12"]
    assert [f.body for f in got] == ["1", "2"]
    again.hears_nothing(0.2)
    if ack == "auto":
        return
    again.frame("ACK", {"id": got[0].headers["ack"]})
    again.frame("DISCONNECT", {"receipt": "bye"})
    again.expect("RECEIPT")
    stomp_gone(world, again)
    third = stomp(world, a, "alice")
    third.frame("SUBSCRIBE", {"id": "0", "destination": pattern, "ack": ack})
    f = third.message()
    assert f.body == "2"
    third.frame("NACK", {"id": f.headers["ack"]})
    wait_until(lambda: [r for r in world.rejected() if r["reason"].startswith("nacked")], 3)
    third.hears_nothing(0.2)


def test_who_is_closed_for_want_of_an_ack_belongs_to_it(world):
    """Its subscription ends before its connection does, and not because the client wanted that."""
    world.config = {"routes": [ROUTES[0], {**ROUTES[1], "limits": {"ack_time": "400ms"}}], "outbox": {"grace": "20s"}}
    a, b = world.pod(), world.pod()
    c = stomp(world, a, "alice", "/topic/x", ack="client-individual")
    push(world, {"destination": "/topic/x"}, "1")
    assert c.message().body == "1"
    c.expect("ERROR")
    wait_until(lambda: not world.redis.exists(world.key("where:destination:/topic/x")), 3)
    push(world, {"destination": "/topic/x"}, "2")
    routed(world)
    stomp_gone(world, c)
    push(world, {"destination": "/topic/x"}, "3")
    routed(world)
    again = stomp(world, b, "alice")
    again.frame("SUBSCRIBE", {"id": "0", "destination": "/topic/x"})
    assert [again.message().body for _ in "123"] == ["1", "2", "3"]
    again.hears_nothing(0.2)


def test_who_has_unsubscribed_does_not_belong_to_it(world, pods):
    a, b = pods
    c = stomp(world, a, "alice", "/topic/x", "/topic/y")
    c.frame("UNSUBSCRIBE", {"id": "s0", "receipt": "r"})
    c.expect("RECEIPT")
    wait_until(lambda: not world.redis.exists(world.key("where:destination:/topic/x")), 3)
    stomp_gone(world, c)
    world.push({"to": {"destination": "/topic/x"}, "text": "x"}, {"to": {"destination": "/topic/y"}, "text": "y"})
    routed(world)
    again = stomp(world, b, "alice")
    again.frame("SUBSCRIBE", {"id": "0", "destination": "/topic/x"}).frame("SUBSCRIBE", {"id": "1", "destination": "/topic/y"})
    assert again.message().body == "y"
    again.hears_nothing(0.2)


def test_a_users_own_destination_of_a_group(world, pods):
    a, b = pods
    a.app.answers["connect"] = b.app.answers["connect"] = commands(("Ws-User", "alice"), ("Ws-Join", "g"))
    c = Stomp(a.port)
    c.subscribe("/user/queue/x")
    c.id = a.app.wait_events("connect")[-1].ws
    stomp_gone(world, c)
    world.push({"to": {"group": "g", "destination": "/queue/x"}, "text": "1"}, {"to": {"group": "g"}, "text": "no destination"},
               {"to": {"group": "g", "destination": "/queue/y"}, "text": "other"})
    routed(world)
    again = Stomp(b.port)
    again.frame("SUBSCRIBE", {"id": "0", "destination": "/user/queue/x"})
    assert again.message().body == "1"
    again.hears_nothing(0.2)


# ------------------------------------------------------------------------------------------------------ with a history

HISTORY = [{"name": "group:g*", "count": 50}, {"name": "destination:/topic/x*", "count": 50}]
REPEATED = range(12)  # who is first, what was kept or the history, is a matter of chance


def test_what_was_kept_has_its_place_in_the_history_that_the_redial_asks_for(world):
    world.config = {"outbox": {"grace": "20s"}, "history": HISTORY}
    a, b = world.pod(), world.pod()
    for n in REPEATED:
        group, user = f"g{n}", f"u{n}"
        push(world, {"group": group}, *"123")
        routed(world)
        gone(world, world.connect(a, user=user, join=[group, "h"]))
        push(world, {"group": group}, "4")
        push(world, {"group": "h"}, "of another")
        push(world, {"group": group}, "5")
        routed(world)
        b.app.answers["connect"] = commands(("Ws-User", user), ("Ws-Join", f"{group},h"), ("Ws-History", f"{group}=6"))  # the live one may be in it
        again = b.connect()
        push(world, {"group": group}, "live")
        got = collect(again, 7)
        again.hears_nothing(0.1)
        assert got in (["1", "2", "3", "4", "of another", "5", "live"], ["of another", "1", "2", "3", "4", "5", "live"]), got
        again.close()


def test_a_stream_has_what_was_kept_and_its_history_in_the_order_of_the_ids(world):
    world.config = {"outbox": {"grace": "20s"}, "history": HISTORY, "routes": [{"path": "/ws/{rest...}", "sse": True}]}
    pods = world.pod(), world.pod()

    def listen(n, last_id=None):
        world.connect_as(pods[n % 2], "alice", ["g"])
        s = Sse(pods[n % 2].port, last_id=last_id)
        s.until(lambda: s.last_id)
        return s

    def leave(s):
        s.close()
        wait_until(lambda: not world.presence("alice"), 3)

    one = listen(0)
    for n in REPEATED:
        push(world, {"user": "alice"}, f"{n}")
        assert one.message() == f"{n}"
        leave(one)
        for to, text in (({"group": "g"}, "a"), ({"user": "alice"}, "b"), ({"all": True}, "c"), ({"group": "g"}, "d"), ({"user": "alice"}, "e")):
            push(world, to, f"{n}{text}")
        routed(world)
        one = listen(n, one.last_id)
        got = [one.recv() for _ in "abcde"]
        assert [e.data for e in got] == [f"{n}{x}" for x in "abcde"]
        places = [tuple(int(x) for x in e.id.split("-")) for e in got]
        assert places == sorted(places) and len(set(places)) == 5, "each has its own place"
        # A page that had but three of them asks for what is behind: what its group had is not told twice.
        leave(one)
        one = listen(n, got[2].id)
        assert one.message() == f"{n}d"
        one.hears_nothing(0.1)


@pytest.mark.parametrize("ack", ["auto", "client-individual"])
def test_what_was_kept_has_its_place_in_the_history_of_a_subscription(world, ack):
    world.config = {"outbox": {"grace": "20s"}, "history": HISTORY, "routes": ROUTES}
    a, b = world.pod(), world.pod()

    def say(destination, *texts):
        world.push(*[{"to": {"destination": destination}, "text": t} for t in texts])
        routed(world)

    for n in REPEATED:
        topic = f"/topic/x{n}"
        say(topic, "1")
        stomp_gone(world, stomp(world, a, f"u{n}", topic, ack=ack))
        say(topic, "2", "3")
        again = stomp(world, b, f"u{n}")
        again.frame("SUBSCRIBE", {"id": "0", "destination": topic, "ack": ack, "history": "1" if n % 2 else "9"})
        say(topic, "live")
        got = []
        while not got or got[-1] != "live":
            f = again.message()
            got.append(f.body)
            if "ack" in f.headers:
                again.frame("ACK", {"id": f.headers["ack"]})
        assert got == (["2", "3", "live"] if n % 2 else ["1", "2", "3", "live"])
        again.hears_nothing(0.1)
        stomp_gone(world, again)


@pytest.mark.parametrize("ack", ["client", "client-individual"])
def test_what_was_kept_waits_for_its_ack_although_the_history_has_it_too(world, ack):
    world.config = {"outbox": {"grace": "20s"}, "history": HISTORY, "routes": ROUTES}
    a, b = world.pod(), world.pod()
    for n in REPEATED:
        topic, user = f"/topic/x{n}", f"u{n}"
        stomp_gone(world, stomp(world, a, user, topic, ack=ack))
        more = {"receipt": world.key("receipts")}
        world.push(*[{"to": {"destination": topic}, "text": t, "id": f"{n}-{t}", **more} for t in "12"])
        routed(world)
        again = stomp(world, b, user)
        again.frame("SUBSCRIBE", {"id": "0", "destination": topic, "ack": ack, "history": "9"})
        world.push({"to": {"destination": topic}, "text": "3", "id": f"{n}-3", **more})  # in the history, kept, live, or several of these
        got = [again.message() for _ in "123"]
        assert [f.body for f in got] == ["1", "2", "3"]
        again.frame("ACK", {"id": got[0].headers["ack"]})
        again.hears_nothing(0.1)
        assert not [r for r in receipts(world) if r["id"] in (f"{n}-2", f"{n}-3") and r["outcome"] == "delivered"]
        stomp_gone(world, again)
        third = stomp(world, a, user)
        third.frame("SUBSCRIBE", {"id": "0", "destination": topic, "ack": ack})
        assert [third.message().body for _ in "23"] == ["2", "3"]
        third.hears_nothing(0.1)
        stomp_gone(world, third)
