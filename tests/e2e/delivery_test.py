"""What 'delivered' means: the ping behind a batch and its pong, redials, mailboxes, receipts, duplicates."""

import json
import time

import pytest

from support.app import Answer, commands
from support.documents import validate_message
from support.stomp import Stomp
from support.waiting import wait_until
from support.ws import Closed


def receipts(world, key="receipts"):
    out = [json.loads(x) for x in world.redis.lrange(world.key(key), 0, -1)]
    for r in out:
        validate_message("receipt", r)
    return out


def wait_receipts(world, count, key="receipts", timeout=5):
    wait_until(lambda: world.redis.llen(world.key(key)) >= count, timeout, f"{count} receipts")
    return receipts(world, key)


def push(world, user, text, **more):
    world.push({"to": {"user": user}, "text": text, **more})


def unconfirmed(world, pod):
    return world.redis.xlen(world.key(f"inbox:{pod.instance}"))


def collect(client, count, timeout=8.0):
    return [client.recv(timeout) for _ in range(count)]


# ------------------------------------------------------------------------------------------------------- the pong

def test_the_pong_takes_a_push_out_of_redis_and_not_the_kernels_word(world):
    pod = world.pod()
    c = world.connect(pod, user="alice", auto_pong=False)
    push(world, "alice", "x", id="1", receipt=world.key("receipts"))
    assert c.recv() == "x"
    with pytest.raises(TimeoutError):
        c.recv(0.3)
    (ping,) = c.pings
    assert unconfirmed(world, pod) == 1 and not receipts(world)
    c.frame(10, b"\0" * len(ping))  # another number
    time.sleep(0.2)
    assert unconfirmed(world, pod) == 1
    c.frame(10, ping)
    wait_until(lambda: unconfirmed(world, pod) == 0, 3, "the pong's effect")
    (receipt,) = wait_receipts(world, 1)
    assert {k: receipt[k] for k in ("id", "user", "connection", "outcome")} == {
        "id": "1", "user": "alice", "connection": c.id, "outcome": "delivered"}


def test_one_ping_is_in_flight_however_many_pushes_follow(world):
    pod = world.pod()
    c = world.connect(pod, user="alice", auto_pong=False)
    for n in range(20):
        push(world, "alice", str(n))
        assert c.recv() == str(n)
    with pytest.raises(TimeoutError):
        c.recv(0.2)
    assert len(c.pings) == 1
    c.frame(10, c.pings[0])
    with pytest.raises(TimeoutError):
        c.recv(0.2)
    assert len(c.pings) == 2, "the next one covers the rest"
    c.frame(10, c.pings[1])
    wait_until(lambda: unconfirmed(world, pod) == 0, 3, "all confirmed")


def test_confirm_write_asks_for_no_pong(world):
    world.config = {"outbox": {"confirm": "write"}}
    pod = world.pod()
    c = world.connect(pod, user="alice", auto_pong=False)
    push(world, "alice", "x")
    assert c.recv() == "x"
    wait_until(lambda: unconfirmed(world, pod) == 0, 3, "an empty inbox")
    assert not c.pings


def test_a_client_that_answers_no_ping_is_gone_though_it_talks(world):
    pod = world.pod(ping="1s", pong_timeout="1s")
    c = world.connect(pod, user="alice", auto_pong=False)
    push(world, "alice", "x")
    assert c.recv() == "x"
    started = time.monotonic()
    with pytest.raises(Closed) as end:
        while time.monotonic() - started < 6:
            c.send("still here")
            try:
                c.recv(0.1)
            except TimeoutError:
                pass
    assert end.value.code == 1006 and time.monotonic() - started < 5
    d = world.connect(pod, user="alice")
    assert d.recv() == "x"


def test_the_close_waits_for_the_pong_of_what_came_before(world):
    pod = world.pod()
    c = world.connect(pod, user="alice")
    world.push({"to": {"user": "alice"}, "text": "bye", "id": "1", "receipt": world.key("receipts"), "close": {"code": 4001}})
    assert c.until_closed() == (["bye"], 4001, "")
    (receipt,) = wait_receipts(world, 1)
    assert receipt["outcome"] == "delivered"


def test_what_is_not_confirmed_goes_to_the_users_other_connection_unless_that_has_it(world):
    a, b = world.pod(), world.pod()
    deaf = world.connect(a, user="alice", auto_pong=False)
    push(world, "alice", "before")
    assert deaf.recv() == "before"
    other = world.connect(b, user="alice")
    push(world, "alice", "both", id="2")
    assert deaf.recv() == "both" and other.recv() == "both"
    deaf.drop()
    assert other.recv() == "before"
    other.hears_nothing(0.3)


# ------------------------------------------------------------------------------------------------------- redials

def test_a_redial_loses_nothing_and_keeps_the_order(world):
    a, b = world.pod(), world.pod()
    c = world.connect(a, user="alice", auto_pong=False)
    for n in range(5):
        push(world, "alice", str(n))
    assert collect(c, 5) == [str(n) for n in range(5)]
    c.drop()
    wait_until(lambda: not world.presence("alice"), 3, "its end")
    for n in range(5, 10):
        push(world, "alice", str(n))
    wait_until(lambda: world.redis.zcard(world.key("mailbox:user:alice")) == 10, 3, "ten kept")
    d = world.connect(b, user="alice")
    for n in range(10, 15):
        push(world, "alice", str(n))
    assert collect(d, 15) == [str(n) for n in range(15)]
    d.hears_nothing(0.2)
    assert not world.redis.exists(world.key("mailbox:user:alice"), world.key("mailboxes"), world.key("mailbox:sizes"))


def test_after_the_grace_nobody_was_there(world):
    world.config = {"outbox": {"grace": "1500ms"}}
    pod = world.pod()
    c = world.connect(pod, user="alice", auto_pong=False)
    push(world, "alice", "unconfirmed", id="1", receipt=world.key("receipts"))
    assert c.recv() == "unconfirmed"
    c.drop()
    wait_until(lambda: not world.presence("alice"), 3, "its end")
    push(world, "alice", "missed", id="2", receipt=world.key("receipts"))
    got = {(r["id"], r["outcome"], r.get("reason")) for r in wait_receipts(world, 4)}
    assert got == {("1", "stored", None), ("2", "stored", None), ("1", "dropped", "connection_gone"), ("2", "no_connection", None)}
    push(world, "alice", "too late", id="3", receipt=world.key("receipts"))
    assert wait_receipts(world, 5)[-1]["outcome"] == "no_connection"
    world.connect(pod, user="alice").hears_nothing(0.2)
    assert pod.reasons()["no_connection"] == 2 and pod.reasons()["connection_gone"] == 1


def test_the_grace_is_for_an_alias_too(world):
    pod = world.pod()
    c = world.connect(pod, alias=["userId=7"])
    c.drop()
    wait_until(lambda: world.redis.exists(world.key("left:alias:userId=7")), 3, "its end")
    world.push({"to": {"alias": "userId=7"}, "text": "x"})
    time.sleep(0.2)
    assert world.connect(pod, alias=["userId=7"]).recv() == "x"


def test_a_pushs_part_for_a_member_that_redials_is_not_lost(world):
    a, b = world.pod(), world.pod()
    gone = world.connect(a, user="alice", join=["g"], auto_pong=False)
    stays = world.connect(b, user="bob", join=["g"])
    world.push({"to": {"group": "g"}, "text": "to g"}, {"to": {"all": True}, "text": "to all"})
    assert collect(gone, 2) == collect(stays, 2) == ["to g", "to all"]
    gone.drop()
    time.sleep(0.3)
    assert collect(world.connect(b, user="alice"), 2) == ["to g", "to all"]
    stays.hears_nothing(0.2)


def test_kill_9_and_redial_elsewhere_lose_nothing_of_any_kind(world):
    world.config = {"lease": "1s"}
    a, b = world.pod(), world.pod()
    time.sleep(3.1)  # b may reap from here on
    clients = {u: world.connect(a, user=u, join=["g"], auto_pong=False) for u in ("alice", "bob")}
    stays = world.connect(b, user="carol", join=["g"])
    world.push({"to": {"user": "alice"}, "text": "own"}, {"to": {"group": "g"}, "text": "to g"}, {"to": {"all": True}, "text": "to all"},
               {"to": {"user": ["alice", "bob"]}, "text": "to two"}, {"to": {"connection": clients["alice"].id}, "text": "to it"})
    wanted = {"alice": ["own", "to g", "to all", "to two", "to it"], "bob": ["to g", "to all", "to two"]}
    for user, c in clients.items():
        assert collect(c, len(wanted[user])) == wanted[user]
    a.kill()
    again = {u: world.connect(b, user=u, join=["g"]) for u in clients}
    for user, c in again.items():
        assert sorted(collect(c, len(wanted[user]))) == sorted(wanted[user])
        c.hears_nothing(0.2)
    assert collect(stays, 2) == ["to g", "to all"]
    stays.hears_nothing(0.1)


# ------------------------------------------------------------------------------------------------------ the mailbox

def test_a_mailbox_keeps_for_a_user_who_was_never_there(world):
    _, b = world.pod(), world.pod()
    for n in range(3):
        push(world, "alice", str(n), mailbox=True, id=str(n), receipt=world.key("receipts"))
    assert [r["outcome"] for r in wait_receipts(world, 3)] == ["stored"] * 3
    b.app.answers["connect"] = Answer(200, [("Ws-User", "alice"), ("Content-Type", "text/plain")], b"welcome")
    c = b.connect()
    world.clients.append(c)
    push(world, "alice", "live")
    assert collect(c, 5) == ["welcome", "0", "1", "2", "live"]
    c.hears_nothing(0.2)
    assert [r["outcome"] for r in wait_receipts(world, 6)[3:]] == ["delivered"] * 3


@pytest.mark.parametrize("to", [{"user": "alice"}, {"group": "g"}], ids=["mailbox", "group"])
def test_stored_is_never_the_last_word_of_a_push_that_its_own_batch_displaces(world, to):
    """`stored` is not final, so a reader waits for what follows it."""
    pod = world.pod(mailbox={"count": 2})
    c = world.connect(pod, user="alice", join=["g"])
    c.drop()
    wait_until(lambda: not world.redis.exists(world.key(f"conn:{c.id}")), 5, "its end")
    world.push(*[{"to": to, "text": str(n), "id": str(n), "receipt": world.key("receipts")} for n in range(4)])
    outcomes = {}
    for r in wait_receipts(world, 6):
        outcomes.setdefault(r["id"], []).append(r["outcome"])
    assert outcomes == {"0": ["stored", "dropped"], "1": ["stored", "dropped"], "2": ["stored"], "3": ["stored"]}


def test_live_channel_pushes_wait_for_the_mailbox(world):
    pod = world.pod()
    world.push(*[{"to": {"user": "alice"}, "text": str(n), "mailbox": True} for n in range(500)])
    wait_until(lambda: world.redis.zcard(world.key("mailbox:user:alice")) == 500, 3, "500 kept")
    pod.app.answers["connect"] = commands(("Ws-User", "alice"))
    c = pod.connect()
    world.clients.append(c)
    world.publish("user:alice", "live")
    assert collect(c, 501) == [str(n) for n in range(500)] + ["live"]


def test_a_live_push_behind_an_emptied_mailbox_waits_for_nothing(world):
    pod = world.pod()
    world.push(*[{"to": {"user": "alice"}, "text": str(n), "mailbox": True} for n in range(20)])
    wait_until(lambda: world.redis.zcard(world.key("mailbox:user:alice")) == 20, 3, "20 kept")
    c = world.connect(pod, "alice")
    assert collect(c, 20) == [str(n) for n in range(20)]
    push(world, "alice", "live")
    assert c.recv(2) == "live"


@pytest.mark.parametrize("kept", [
    {"text": "not for this page", "except": {"user": "alice", "route": "page"}},
    {"text": "not for who is in the group", "except": {"group": "g"}},
    {"text": "not for the alias", "except": {"alias": "id=1"}},
    {"join": ["h"]}, {"leave": ["g"]}], ids=["route", "group", "alias", "join", "leave"])
def test_live_pushes_do_not_wait_for_what_a_mailbox_has_and_is_not_for_it(world, kept):
    pod = world.pod(routes=[{"path": "/ws/{rest...}", "name": "page"}])
    world.push({"to": {"user": "alice"}, "mailbox": True, **kept}, {"to": {"user": "alice"}, "mailbox": True, "text": "kept"})
    wait_until(lambda: world.redis.zcard(world.key("mailbox:user:alice")) == 2, 3, "two kept")
    c = world.connect(pod, user="alice", join=["g"], alias=["id=1"])
    assert c.recv() == "kept"
    push(world, "alice", "live")
    assert c.recv(2) == "live"


@pytest.mark.parametrize("kept", [{"headers": {"n": "1"}, "join": ["h"]}, {"except": {"group": "g"}, "text": "not for its group"}],
                         ids=["command", "group"])
def test_a_subscription_does_not_wait_for_what_its_mailbox_has_and_is_not_for_it(world, kept):
    pod = world.pod(routes=[{"path": "/stomp", "protocol": "stomp", "groups": ["g"]}])
    to = {"user": "alice", "destination": "/queue/a"}
    world.push({"to": to, "mailbox": True, **kept}, {"to": to, "mailbox": True, "text": "kept"})
    wait_until(lambda: world.redis.keys(world.key("mailbox:*a")), 3, "kept")
    world.connect_as(pod, "alice")
    s = Stomp(pod.port).subscribe("/user/queue/a", wait=False)
    assert s.message().body == "kept"
    world.push({"to": to, "text": "live"})
    assert s.message(2).body == "live"


def test_two_connections_at_once_drain_a_mailbox_once(world):
    a, b = world.pod(), world.pod()
    world.push(*[{"to": {"user": "alice"}, "text": str(n), "mailbox": True} for n in range(50)])
    wait_until(lambda: world.redis.zcard(world.key("mailbox:user:alice")) == 50, 3, "50 kept")
    clients = [world.connect(p, user="alice") for p in (a, b)]
    got = []
    for c in clients:
        while True:
            try:
                got.append(c.recv(0.4))
            except TimeoutError:
                break
    assert got == [str(n) for n in range(50)]


def test_user_and_aliases_are_merged_in_the_order_of_arrival(world):
    pod = world.pod()
    for n in range(6):
        world.push({"to": {"user": "alice"} if n % 2 else {"alias": "id=7"}, "json": n, "mailbox": True})
    wait_until(lambda: world.redis.zcard(world.key("mailboxes")) == 2, 3, "both")
    assert collect(world.connect(pod, user="alice", alias=["id=7"]), 6) == [str(n) for n in range(6)]


def test_what_a_connection_did_not_confirm_of_its_mailbox_is_in_front_again(world):
    a, b = world.pod(), world.pod()
    world.push(*[{"to": {"user": "alice"}, "json": n, "mailbox": True} for n in range(5)])
    wait_until(lambda: world.redis.zcard(world.key("mailbox:user:alice")) == 5, 3, "kept")
    c = world.connect(a, user="alice", auto_pong=False)
    assert collect(c, 5) == list("01234")
    c.drop()
    wait_until(lambda: world.redis.zcard(world.key("mailbox:user:alice")) == 5, 3, "kept again")
    world.push({"to": {"user": "alice"}, "json": 5})
    wait_until(lambda: world.redis.zcard(world.key("mailbox:user:alice")) == 6, 3, "one more")
    assert collect(world.connect(b, user="alice"), 6) == list("012345")


@pytest.mark.parametrize("bounds, left", [({"count": 3}, ["7", "8", "9"]), ({"bytes": "1KiB"}, None)])
def test_a_full_mailbox_loses_its_oldest_and_says_so(world, bounds, left):
    world.config = {"mailbox": bounds}
    pod = world.pod()
    text = "x" * 200 if left is None else ""
    world.push(*[{"to": {"user": "alice"}, "text": str(n) + text, "mailbox": True, "id": str(n), "receipt": world.key("receipts")} for n in range(10)])
    wait_until(lambda: pod.reasons().get("mailbox_full", 0) > 0, 3, "the count")
    dropped = [r["id"] for r in receipts(world) if r["outcome"] == "dropped"]
    assert dropped == [str(n) for n in range(len(dropped))] and len(dropped) == pod.reasons()["mailbox_full"]
    got = collect(world.connect(pod, user="alice"), 10 - len(dropped))
    assert [g[0] for g in got] == [str(n) for n in range(len(dropped), 10)]
    if left:
        assert got == left


def test_what_grows_old_in_a_mailbox_is_dropped_and_what_expires_is_expired(world):
    world.config = {"mailbox": {"age": "1s"}}
    pod = world.pod()
    push(world, "alice", "old", mailbox=True, id="1", receipt=world.key("receipts"))
    push(world, "alice", "brief", mailbox=True, id="2", ttl=0.2, receipt=world.key("receipts"))
    got = wait_receipts(world, 4)
    assert [(r["id"], r["outcome"]) for r in got] == [("1", "stored"), ("2", "stored"), ("2", "expired"), ("1", "dropped")]
    assert got[3]["reason"] == "mailbox_age"
    assert pod.reasons()["mailbox_age"] == 1 and pod.reasons()["expired"] == 1
    world.connect(pod, user="alice").hears_nothing(0.2)


def test_a_mailbox_outlives_redis_restarts_and_pods(world, own_redis):
    server = world.redis_server = own_redis(appendonly="yes", appendfsync="always")
    world.config = {"lease": "1s"}
    a = world.pod()
    push(world, "alice", "kept", mailbox=True)
    wait_until(lambda: world.redis.exists(world.key("mailbox:user:alice")), 3, "kept")
    server.kill()
    a.kill()
    server.start()
    assert world.connect(world.pod(), user="alice").recv() == "kept"


# ------------------------------------------------------------------------------------------------------- receipts

def test_a_group_gets_one_summary_with_counts_over_all_pods(world):
    a, b = world.pod(), world.pod()
    clients = [world.connect(p, user=u, join=["g"]) for p, u in ((a, "alice"), (a, "bob"), (b, "carol"))]
    world.push({"to": {"group": "g"}, "text": "x", "id": "7", "receipt": world.key("receipts")},
               {"to": {"all": True}, "text": "y", "id": "8", "receipt": world.key("receipts")})
    for c in clients:
        assert collect(c, 2) == ["x", "y"]
        c.hears_nothing(0.05)
    got = {r["id"]: r for r in wait_receipts(world, 2)}
    for n in "78":
        assert got[n]["outcome"] == "summary" and got[n]["delivered"] == 3 and got[n]["dropped"] == 0
    assert not [k for k in world.redis.scan_iter(world.key("fan:*"))]
    assert 0 < world.redis.ttl(world.key("receipts")) <= 86400


def test_receipts_each_names_every_connection(world):
    world.config = {"outbox": {"receipts": "each"}}
    a, b = world.pod(), world.pod()
    clients = [world.connect(p, user=u, join=["g"]) for p, u in ((a, "alice"), (b, "bob"))]
    world.push({"to": {"group": "g"}, "text": "x", "id": "7", "receipt": world.key("receipts")})
    for c in clients:
        assert c.recv() == "x"
        c.hears_nothing(0.05)
    got = wait_receipts(world, 2)
    assert {(r["id"], r["user"], r["connection"], r["outcome"]) for r in got} == {
        ("7", "alice", clients[0].id, "delivered"), ("7", "bob", clients[1].id, "delivered")}


def test_receipts_each_sum_up_only_who_had_no_receipt_of_their_own(world):
    """A group on two pods and an absent name, whichever pod settles last: everybody connected is named, and the summary tells of the other."""
    world.config = {"outbox": {"receipts": "each"}}
    a, b = world.pod(), world.pod()
    clients = [world.connect(p, user=u, join=["g"]) for p, u in ((a, "alice"), (b, "bob"))]
    for turn in range(4):
        world.push({"to": {"group": "g", "user": "nobody"}, "text": "x", "id": str(turn), "receipt": world.key("receipts")})
        for c in clients[:: 1 if turn % 2 else -1]:
            assert c.recv() == "x"
            c.hears_nothing(0.05)  # answers the ping behind it, so the other one confirms last
        told = wait_receipts(world, 3 * (turn + 1))[-3:]
        (summary,) = [r for r in told if r["outcome"] == "summary"]
        assert (summary["delivered"], summary["dropped"]) == (2, 1), told
        assert {(r.get("user"), r["outcome"]) for r in told if r is not summary} == {("alice", "delivered"), ("bob", "delivered")}, told


def test_a_user_on_two_pods_is_receipted_once(world):
    a, b = world.pod(), world.pod()
    clients = [world.connect(p, user="alice") for p in (a, b)]
    push(world, "alice", "x", id="1", receipt=world.key("receipts"))
    for c in clients:
        assert c.recv() == "x"
        c.hears_nothing(0.1)
    time.sleep(0.2)
    (receipt,) = receipts(world)
    assert receipt["outcome"] == "delivered" and receipt["user"] == "alice"


def test_a_duplicate_is_receipted_as_dropped(world):
    pod = world.pod()
    c = world.connect(pod, user="alice")
    for _ in range(2):
        push(world, "alice", "x", id="1", receipt=world.key("receipts"))
    assert c.recv() == "x"
    c.hears_nothing(0.3)
    got = {(r["outcome"], r.get("reason")) for r in wait_receipts(world, 2)}
    assert got == {("delivered", None), ("dropped", "duplicate")}


def test_a_receipt_key_of_the_wrong_type_costs_the_receipt_and_nothing_else(world):
    pod = world.pod()
    c = world.connect(pod, user="alice")
    world.redis.set(world.key("receipts"), "foreign")
    push(world, "alice", "x", receipt=world.key("receipts"))
    push(world, "nobody", "x", receipt=world.key("receipts"))
    push(world, "alice", "behind")
    assert collect(c, 2) == ["x", "behind"]
    c.hears_nothing(0.1)
    wait_until(lambda: pod.metric("wsidecar_receipts_failed_total") == 2, 3, "the count")
    assert world.redis.llen(world.key("outbox")) == 0 and unconfirmed(world, pod) == 0


@pytest.mark.parametrize("key", ["outbox", "rejected", "conn:1", "inbox:x", "mailbox:user:a"])
def test_receipts_never_go_to_a_key_of_wsidecars_own(world, key):
    world.pod()
    push(world, "alice", "x", receipt=world.key(key))
    wait_until(world.rejected, 3, "the rejection")
    assert world.rejected()[0]["reason"].startswith("bad_receipt")


def test_a_receipt_prefix_of_the_apps_own(world):
    world.config = {"outbox": {"receipt_prefix": world.key("")[:-1] + "-app:"}}
    world.pod()
    key = world.config["outbox"]["receipt_prefix"] + "outcomes"
    push(world, "nobody", "x", receipt=key)
    wait_until(lambda: world.redis.llen(key) == 1, 3, "the receipt")
    world.redis.delete(key)


# ------------------------------------------------------------------------------------------------------- collapse

def test_a_slow_connection_keeps_only_the_newest_with_a_collapse_key(world):
    pod = world.pod(limits={"queue": "64MiB", "sndbuf": "16KiB"})
    c = world.connect(pod, user="alice", rcvbuf=4096)
    push(world, "alice", "big" + "x" * 900_000)
    wait_until(lambda: pod.get("/connections").json()["connections"][0].get("queued_bytes", 0) > 0, 5, "a queue")
    for n in range(50):
        push(world, "alice", f"price {n}", collapse="price", id=str(n), receipt=world.key("receipts"))
        push(world, "alice", f"other {n}", collapse="other")
    push(world, "alice", "end")
    wait_until(lambda: world.redis.llen(world.key("outbox")) == 0, 3, "routing")
    time.sleep(0.3)
    got = collect(c, 4, 20)
    assert [g[:8] for g in got] == ["bigxxxxx", "price 49", "other 49", "end"]
    c.hears_nothing(0.2)
    assert pod.reasons()["collapsed"] == 98
    ends = {r["id"]: (r["outcome"], r.get("reason")) for r in wait_receipts(world, 50)}
    assert ends["49"] == ("delivered", None)


def test_a_quick_connection_gets_all_of_a_collapse_key(world):
    pod = world.pod()
    c = world.connect(pod, user="alice")
    for n in range(5):
        push(world, "alice", str(n), collapse="k")
        assert c.recv() == str(n)


def test_collapse_is_for_the_envelope_channel_too(world):
    pod = world.pod()
    c = world.connect(pod, user="alice")
    world.publish("push", json.dumps({"to": {"user": "alice"}, "text": "x", "collapse": "k"}))
    assert c.recv() == "x"


# -------------------------------------------------------------------------------------------------- slow consumers


def slow(world, policy, queue="64KiB"):
    """A client that does not read, with 40 pushes of 20 kB for it, of which the queue holds a few."""
    pod = world.pod(routes=[{"path": "/ws/{rest...}", "slow_consumer": policy, "limits": {"queue": queue}}, {"path": "/quick"}],
                    limits={"sndbuf": "16KiB"})
    c = world.connect(pod, user="alice", rcvbuf=4096)
    world.push(*[{"to": {"user": "alice"}, "text": f"{n:03}" + "x" * 20_000, "receipt": world.key("receipts")} for n in range(40)])
    wait_until(lambda: world.redis.llen(world.key("outbox")) == 0, 3, "routing")
    time.sleep(0.3)
    return pod, c


def test_drop_oldest_keeps_the_connection_and_the_newest_messages(world):
    pod, c = slow(world, "drop_oldest")
    push(world, "alice", "end")
    got = []
    while not got or got[-1] != "end":
        got.append(c.recv()[:3])
    assert got == sorted(got[:-1]) + ["end"] and "039" in got and len(got) < 40
    c.hears_nothing(0.2)
    ends = wait_receipts(world, 40)
    outcomes = [(r["outcome"], r.get("reason")) for r in ends]
    assert outcomes.count(("delivered", None)) == len(got) - 1
    assert outcomes.count(("dropped", "slow_consumer")) == 41 - len(got) == pod.reasons()["slow_consumer"]


def test_collapse_leaves_the_newest_alone_in_the_queue(world):
    pod, c = slow(world, "collapse")
    push(world, "alice", "end")
    got = []
    while not got or got[-1] != "end":
        got.append(c.recv()[:3])
    assert got == sorted(got[:-1]) + ["end"] and len(got) < 40
    c.hears_nothing(0.2)
    assert len(wait_receipts(world, 40)) == 40


def test_mailbox_closes_and_keeps_what_was_not_confirmed(world):
    world.config["outbox"] = {"grace": "0s"}
    pod, c = slow(world, "mailbox")
    got, code, _ = c.until_closed(15)
    assert code in (1013, 1006)
    pod.app.wait_event("disconnect", timeout=12)
    wait_until(lambda: pod.metric("wsidecar_mailbox_stored_total") > 0, 5, "the mailbox")
    wait_until(lambda: world.redis.llen(world.key("outbox:returned")) == 0, 5, "routing")
    seen = {m[:3] for m in got}
    again = world.connect(pod, user="alice", path="/quick")
    while len(seen) < 40:
        seen.add(again.recv()[:3])


def test_much_for_one_client_in_one_turn_does_not_make_it_slow(world):
    pod = world.pod(limits={"queue": "64KiB"})
    c = world.connect(pod, user="alice")
    world.push(*[{"to": {"user": "alice"}, "text": f"{n:03}" + "x" * 2000} for n in range(200)])
    assert [c.recv()[:3] for _ in range(200)] == [f"{n:03}" for n in range(200)]
