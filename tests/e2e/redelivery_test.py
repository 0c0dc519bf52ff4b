"""What is delivered again when a connection ends before its pong: to whom, in what form, how often, and what the app hears of it."""

import json
import threading
import time

import pytest

from support.app import commands
from support.waiting import stays, wait_until


def push(world, to, text, **more):
    world.push({"to": to, "text": text, **more})


def receipts(world):
    return [json.loads(x) for x in world.redis.lrange(world.key("receipts"), 0, -1)]


def collect(client, count, timeout=8.0):
    return [client.recv(timeout) for _ in range(count)]


def ended(world, pod, *clients):
    """Their connections end without a pong, and the registry knows."""
    for c in clients:
        c.reset()
    for c in clients:
        pod.app.wait_event("disconnect", ws=c.id)
    wait_until(lambda: not world.redis.exists(*[world.key(f"conn:{c.id}") for c in clients]), 3, "their end")


def settled(world):
    """Nothing is under way any more."""
    wait_until(lambda: not world.redis.llen(world.key("outbox")) and not world.redis.llen(world.key("outbox:returned")), 3, "routing")


# --------------------------------------------------------------------------------------- each name has a fate of its own

@pytest.fixture
def both(world):
    """Ways to push one text to alice and bob."""
    name = world.prefix.rstrip(":") + "-list"
    world.config = {"outbox": {"grace": "30s"}, "sources": [{"list": name, "to": {"user": ["{/users/*}"]}, "data": "/text"}]}
    ways = {"two users": lambda: push(world, {"user": ["alice", "bob"]}, "for both"),
            "two users with mailboxes": lambda: push(world, {"user": ["alice", "bob"]}, "for both", mailbox=True),
            "a user and an alias": lambda: push(world, {"user": "alice", "alias": "id=bob"}, "for both"),
            "a group": lambda: push(world, {"group": "g"}, "for both"),
            "all": lambda: push(world, {"all": True}, "for both"),
            "two users of an app's list": lambda: world.redis.rpush(name, json.dumps({"users": ["alice", "bob"], "text": "for both"}))}
    return ways.__getitem__


@pytest.mark.parametrize("way", ["two users", "two users with mailboxes", "a user and an alias", "a group", "all",
                                 "two users of an app's list"])
def test_what_one_user_confirms_is_not_confirmed_for_the_other(world, both, way):
    a, b, c = (world.pod() for _ in range(3))
    deaf = lambda pod, user: world.connect(pod, user=user, alias=[f"id={user}"], join=["g"], auto_pong=False)
    alice, bob = deaf(a, "alice"), deaf(b, "bob")
    both(way)()
    assert alice.recv() == bob.recv() == "for both"
    alices = [deaf(b, "alice"), deaf(c, "alice")]
    bobs = [world.connect(a, user="bob", alias=["id=bob"], join=["g"]), deaf(c, "bob")]
    ended(world, a, alice)
    ended(world, b, bob)
    for x in (*alices, *bobs):
        assert x.recv() == "for both"
    bobs[0].hears_nothing(0.05)  # but confirms it
    ended(world, b, alices[0])
    ended(world, c, alices[1], bobs[1])
    settled(world)
    again = world.connect(a, user="alice", alias=["id=alice"], join=["g"])
    assert again.recv() == "for both"
    again.hears_nothing(0.1)
    world.connect(b, user="bob", alias=["id=bob"], join=["g"]).hears_nothing(0.2)


# ------------------------------------------------------------------------------------------------------- to whom it goes

SHARED = {"connection": None, "aliases": {"alias": ["userId=42", "userId=43"]}, "alias": {"alias": "userId=42"}, "group": {"group": "hers"},
          "all": {"all": True}}


@pytest.mark.parametrize("kind", SHARED)
def test_an_alias_that_two_people_share_brings_no_one_the_others_messages(world, kind):
    a, b = world.pod(), world.pod()
    aliases = ["order=7", "userId=42"]
    if kind in ("group", "all"):
        aliases.reverse()  # a member is found again by the first
    other = world.connect(b, alias=["order=7", "userId=666"])
    alice = world.connect(a, alias=aliases, join=["hers"], auto_pong=False)
    push(world, SHARED[kind] or {"connection": alice.id}, "private")
    assert alice.recv() == "private"
    if kind == "all":
        assert other.recv() == "private"
        other.hears_nothing(0.05)
    ended(world, a, alice)
    settled(world)
    other.hears_nothing(0.2)
    again = world.connect(b, alias=aliases, join=["hers"])
    if kind == "connection":
        again.hears_nothing(0.2)  # there is no user whose other connection it could be for
    else:
        assert again.recv() == "private"
        again.hears_nothing(0.1)
    other.hears_nothing(0.05)


@pytest.mark.slow
def test_nor_does_it_when_a_pod_is_killed(world):
    world.config = {"lease": "1s"}
    a, b = world.pod(), world.pod()
    others = [world.connect(b, alias=["order=7", "userId=666"]), world.connect(b, alias=["order=8", "userId=666"])]
    alice = world.connect(a, alias=["order=7", "userId=42"], auto_pong=False)
    member = world.connect(a, alias=["userId=43", "order=8"], join=["hers"], auto_pong=False)
    time.sleep(3.1)  # b may reap from here on
    push(world, {"connection": alice.id}, "to it")
    push(world, {"alias": ["userId=42", "userId=44"]}, "to 42")
    push(world, {"group": "hers"}, "to hers")
    assert collect(alice, 2) == ["to it", "to 42"] and member.recv() == "to hers"
    a.kill()
    b.app.wait_events("disconnect", 2, timeout=8)
    settled(world)
    for other in others:
        other.hears_nothing(0.1)
    again = world.connect(b, alias=["order=7", "userId=42"]), world.connect(b, alias=["userId=43", "order=8"], join=["hers"])
    assert [c.recv() for c in again] == ["to 42", "to hers"]
    for c in (*again, *others):
        c.hears_nothing(0.05)


def test_an_alias_takes_a_groups_message_again_only_where_it_belongs_to_the_group(world):
    pod = world.pod()
    alice = world.connect(pod, alias=["order=7"], join=["g"], auto_pong=False)
    push(world, {"group": "g"}, "to g")
    assert alice.recv() == "to g"
    ended(world, pod, alice)
    settled(world)
    stranger = world.connect(pod, alias=["order=7"])
    stranger.hears_nothing(0.2)


@pytest.mark.parametrize("to", [{"group": "hers"}, {"all": True}], ids=["group", "all"])
def test_a_member_who_shares_the_first_alias_gets_it_again(world, to):
    a, b = world.pod(), world.pod()
    other = world.connect(b, alias=["order=7", "userId=666"])
    alice = world.connect(a, alias=["order=7", "userId=42"], join=["hers"], auto_pong=False)
    push(world, to, "x")
    assert alice.recv() == "x"
    if "all" in to:
        assert other.recv() == "x"
        other.hears_nothing(0.05)
    ended(world, a, alice)
    settled(world)
    other.hears_nothing(0.1)
    assert world.connect(b, alias=["order=7", "userId=42"], join=["hers"]).recv() == "x"
    other.hears_nothing(0.1)


@pytest.mark.parametrize("to", [{"group": "g"}, {"all": True}], ids=["group", "all"])
def test_except_holds_for_what_is_delivered_again(world, to):
    a, b = world.pod(), world.pod()
    alice, bob = (world.connect(a, user=u, join=["g"], auto_pong=False) for u in ("alice", "bob"))
    push(world, to, "not for bob", **{"except": {"user": "bob"}})
    push(world, {"user": "bob"}, "his own")
    assert alice.recv() == "not for bob" and bob.recv() == "his own"
    ended(world, a, alice, bob)
    settled(world)
    bob = world.connect(b, user="bob", join=["g"])
    assert bob.recv() == "his own"
    assert world.connect(b, user="alice", join=["g"]).recv() == "not for bob"
    bob.hears_nothing(0.2)


@pytest.mark.parametrize("but", [{"user": "bob"}, {"alias": "id=bob"}, {"group": "quiet"}], ids=["user", "alias", "group"])
@pytest.mark.parametrize("to", [{"all": True}, {"group": "lobby"}], ids=["all", "group"])
def test_except_holds_for_who_is_about_to_connect(world, to, but):
    world.config = {"routes": [{"path": "/ws/{rest...}", "groups": ["lobby"]}]}
    pod = world.pod()
    there = world.connect(pod, user="alice")
    answer = commands(("Ws-User", "bob"), ("Ws-Alias", "id=bob"), ("Ws-Join", "quiet"))
    answer.delay = 0.4
    pod.app.answer(connect=answer)
    came = []
    dialling = threading.Thread(target=lambda: came.append(pod.connect()))
    dialling.start()
    pod.app.wait_events("connect", 2)
    push(world, to, "not for bob", **{"except": but})
    assert there.recv() == "not for bob"
    dialling.join(5)
    world.clients += came
    push(world, {"user": "bob"}, "his own")
    assert came[0].recv() == "his own"
    came[0].hears_nothing(0.2)


# --------------------------------------------------------------------------------------------------- orders, carried out once

def stays_in(client):
    with pytest.raises(TimeoutError):
        while True:
            client.recv(0.2)  # the text may come again, its end may not
    client.round_trip()


@pytest.mark.parametrize("to", [{"user": "alice"}, {"alias": "id=1"}, {"group": "g"}, {"all": True}, {"connection": None}],
                         ids=["user", "alias", "group", "all", "connection"])
def test_who_is_thrown_out_once_may_sign_in_again(world, to):
    a, b = world.pod(), world.pod()
    names = {"user": "alice", "alias": ["id=1"], "join": ["g"]}
    c = world.connect(a, **names, auto_pong=False)
    push(world, {"connection": c.id} if "connection" in to else to, "signed out", close={"code": 4001, "reason": "signed out"})
    assert c.recv() == "signed out"
    ended(world, a, c)
    settled(world)
    for _ in range(2):
        again = world.connect(b, **names)
        stays_in(again)
        again.reset()


@pytest.mark.slow
def test_who_is_thrown_out_by_a_pod_that_is_killed_may_sign_in_again(world):
    world.config = {"lease": "1s"}
    a, b = world.pod(), world.pod()
    names = [{"user": f"u{n}", "alias": [f"id={n}"], "join": [f"g{n}"]} for n in range(5)]
    clients = [world.connect(a, **n, auto_pong=False) for n in names]
    time.sleep(3.1)  # b may reap from here on
    for to in ({"user": "u0"}, {"alias": "id=1"}, {"group": "g2"}, {"connection": clients[3].id}):
        push(world, to, "signed out", close={"code": 4001})
    for c in clients[:4]:
        assert c.recv() == "signed out"
    push(world, {"all": True}, "all out", close={"code": 4001})
    assert clients[4].recv() == "all out"
    a.kill()
    b.app.wait_events("disconnect", 5, timeout=8)
    settled(world)
    again = [world.connect(b, **n) for n in names]
    for c in again:
        stays_in(c)


def test_a_close_that_waits_in_a_mailbox_by_its_own_wish_is_carried_out(world):
    pod = world.pod()
    push(world, {"user": "alice"}, "blocked", mailbox=True, close={"code": 4003})
    wait_until(lambda: world.redis.zcard(world.key("mailbox:user:alice")) == 1, 3, "it in the mailbox")
    assert world.connect(pod, user="alice").until_closed()[:2] == (["blocked"], 4003)
    world.connect(pod, user="alice").hears_nothing(0.2)


@pytest.mark.parametrize("to", [{"user": "bob"}, {"alias": "id=bob"}, {"connection": True}, {"group": "lobby"}, {"all": True}],
                         ids=["user", "alias", "connection", "group", "all"])
def test_a_push_behind_the_one_that_joins_the_group_arrives(world, to):
    world.config = {"routes": [{"path": "/ws/{rest...}", "groups": ["lobby"]}]}
    _, b = world.pod(), world.pod()
    bob = world.connect(b, user="bob", alias=["id=bob"])
    to = {"connection": bob.id} if "connection" in to else to
    for n in range(5):
        world.push({"to": to, "join": [f"t{n}"]}, {"to": {"group": f"t{n}"}, "text": f"welcome {n}", "id": f"w{n}", "receipt": world.key("receipts")})
        assert bob.recv() == f"welcome {n}"
    bob.hears_nothing(0.1)
    wait_until(lambda: len(receipts(world)) == 5, 3, "five receipts")
    assert all(r["outcome"] == "summary" and r["delivered"] == 1 for r in receipts(world))


def test_who_was_told_that_the_join_was_delivered_may_push_to_the_group(world):
    _, b = world.pod(), world.pod()
    bob = world.connect(b, user="bob")
    for n in range(15):
        world.push({"to": {"user": "bob"}, "join": [f"g{n}"], "receipt": world.key("receipts"), "id": f"j{n}"})
        wait_until(lambda: len(receipts(world)) > n, 3, "the receipt", step=0.001)
        push(world, {"group": f"g{n}"}, f"hello {n}")
        assert bob.recv(3) == f"hello {n}"


def test_after_leaving_nothing_comes_any_more(world):
    _, b = world.pod(), world.pod()
    bob = world.connect(b, user="bob", join=["g"])
    world.push({"to": {"user": "bob"}, "leave": ["g"]}, {"to": {"user": "bob"}, "text": "left", "id": "1", "receipt": world.key("receipts")})
    assert bob.recv() == "left"
    bob.hears_nothing(0.05)
    wait_until(lambda: receipts(world), 3, "the receipt")
    push(world, {"group": "g"}, "missed")
    bob.hears_nothing(0.2)


# ------------------------------------------------------------------------------------------------------ again and again

def test_seventeen_connections_that_end_before_the_pong_lose_no_mailbox(world):
    pod = world.pod()
    world.push(*[{"to": {"user": "alice"}, "text": str(n), "mailbox": True} for n in range(20)])
    box = world.key("mailbox:user:alice")
    wait_until(lambda: world.redis.zcard(box) == 20, 3, "20 kept")
    for _ in range(17):
        c = world.connect(pod, user="alice", auto_pong=False)
        assert collect(c, 20) == [str(n) for n in range(20)]
        c.reset()
        wait_until(lambda: world.redis.zcard(box) == 20, 3, "20 kept again", step=0.002)
    assert collect(world.connect(pod, user="alice"), 20) == [str(n) for n in range(20)]
    assert not world.rejected()


@pytest.mark.slow
def test_seventeen_redials_with_live_pushes_end_with_their_delivery(world):
    a, b = world.pod(), world.pod()
    c = world.connect(a, user="alice", join=["g"], auto_pong=False)
    wanted = {"own": {"user": "alice"}, "to g": {"group": "g"}, "to all": {"all": True}}
    for text, to in wanted.items():
        push(world, to, text, id=text, receipt=world.key("receipts"))
    for n in range(17):
        assert set(collect(c, 3)) == set(wanted)
        c.reset()  # and is back at once, before or after what it left has been routed again
        c = world.connect((a, b)[n % 2], user="alice", join=["g"], auto_pong=n == 16)
    assert set(collect(c, 3)) == set(wanted)
    c.hears_nothing(0.2)
    assert not world.rejected()
    wait_until(lambda: {r["id"] for r in receipts(world) if r["outcome"] in ("delivered", "summary")} == set(wanted), 3, "the receipts")


@pytest.mark.parametrize("same_pod", [True, False], ids=["on the same pod", "on another"])
@pytest.mark.parametrize("early", [True, False], ids=["before its end", "right behind it"])
def test_a_member_that_is_back_at_once_gets_it_once(world, same_pod, early):
    a, b = world.pod(), world.pod()
    names = {"user": "alice", "join": ["g"]}
    stays_there = world.connect(b, user="bob", join=["g"])
    c = world.connect(a, **names, auto_pong=False)
    push(world, {"group": "g"}, "to g", id="1", receipt=world.key("receipts"))
    assert c.recv() == stays_there.recv() == "to g"
    stays_there.hears_nothing(0.05)
    if not early:
        c.reset()
    again = world.connect(a if same_pod else b, **names)
    if early:
        c.reset()
    assert again.recv() == "to g"
    again.hears_nothing(0.2)
    stays_there.hears_nothing(0.05)
    wait_until(lambda: any(r["outcome"] == "summary" for r in receipts(world)), 3, "the summary")
    (summary,) = [r for r in receipts(world) if r["outcome"] == "summary"]
    assert summary["delivered"] == 2


# --------------------------------------------------------------------------------------------- what the app is told, once

def told(*pods):
    return sorted(n for p in pods for r in list(p.app.requests) if r.target == "/sent" for n in json.loads(r.body))


@pytest.fixture
def telling(world):
    """A list whose deliveries the app is told of: telling(to, payload) writes to it."""
    def name(kind):
        return f"{world.prefix.rstrip(':')}-to-{kind}"
    kinds = {"group": {"group": ["{/room}"]}, "users": {"user": ["{/users/*}"]}, "all": {"all": True}}
    world.config = {"lease": "1s", "outbox": {"grace": "30s"}, "sources": [
        {"list": name(kind), "to": to, "delivered": {"post": "/sent", "body": "/id"}} for kind, to in kinds.items()]}
    return lambda kind, **payload: world.redis.rpush(name(kind), json.dumps(payload))


@pytest.mark.parametrize("kind", ["group", "users", "all"])
def test_the_app_is_told_once_where_one_of_two_confirms_later(world, telling, kind):
    a, b = world.pod(), world.pod()
    alice = world.connect(a, user="alice", join=["r"])
    bob = world.connect(b, user="bob", join=["r"], auto_pong=False)
    telling(kind, room="r", users=["alice", "bob"], id=1001)
    assert alice.recv() and bob.recv()
    alice.hears_nothing(0.05)
    ended(world, b, bob)
    bob = world.connect(b, user="bob", join=["r"])
    assert bob.recv()
    bob.hears_nothing(0.1)
    wait_until(lambda: told(a, b), 3, "the word to the app")
    stays(lambda: told(a, b) == [1001], 0.7)


def test_the_app_is_told_once_where_one_of_two_is_away(world, telling):
    pod = world.pod()
    alice, bob = world.connect(pod, user="alice"), world.connect(pod, user="bob")
    bob.close()
    pod.app.wait_event("disconnect")
    telling("users", users=["alice", "bob"], id=2002)
    assert alice.recv()
    alice.hears_nothing(0.05)
    wait_until(lambda: world.redis.zcard(world.key("mailbox:user:bob")) == 1, 3, "bob's part")
    bob = world.connect(pod, user="bob")
    assert bob.recv()
    bob.hears_nothing(0.1)
    wait_until(lambda: told(pod), 3, "the word to the app")
    stays(lambda: told(pod) == [2002], 0.7)


def test_the_app_is_told_of_nothing_that_nobody_has_confirmed(world, telling):
    pod = world.pod()
    c = world.connect(pod, user="alice", join=["r"], auto_pong=False)
    telling("group", room="r", id=3003)
    assert c.recv()
    ended(world, pod, c)
    stays(lambda: not told(pod), 0.5)
    c = world.connect(pod, user="alice", join=["r"])
    assert c.recv()
    c.hears_nothing(0.1)
    wait_until(lambda: told(pod) == [3003], 3, "the word to the app")


@pytest.mark.slow
def test_the_app_is_told_once_of_what_a_dead_pod_left(world, telling):
    a, b = world.pod(), world.pod()
    time.sleep(3.1)
    alice = world.connect(b, user="alice", join=["r"])
    bob = world.connect(a, user="bob", join=["r"], auto_pong=False)
    telling("group", room="r", id=4004)
    assert alice.recv() and bob.recv()
    alice.hears_nothing(0.05)
    a.kill()
    b.app.wait_event("disconnect", timeout=8)
    again = world.connect(b, user="bob", join=["r"])
    assert again.recv()
    again.hears_nothing(0.1)
    wait_until(lambda: told(b), 3, "the word to the app")
    stays(lambda: told(a, b) == [4004], 0.5)
