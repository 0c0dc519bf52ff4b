"""`history`: what was pushed by the list before somebody joined, for who asks for it."""

import json
import threading
import time

import pytest

from support.app import commands, text
from support.pod import run
from support.stomp import Stomp
from support.waiting import wait_until

HISTORY = [{"name": "group:table-*", "count": 5, "age": "10m"}, {"name": "destination:/topic/*", "count": 5},
           {"name": "all", "count": 3}]
STOMP = [{"path": "/ws/{rest...}"}, {"path": "/stomp", "protocol": "stomp", "events": ["connect", "message", "disconnect"]}]


@pytest.fixture
def pod(world):
    return world.pod(history=HISTORY, routes=STOMP)


def to(name, n, **more):
    return {"to": {"group": name}, "text": str(n), "id": f"{name}:{n}", **more}


def routed(world, pod):
    """All that was pushed is out of the outbox."""
    wait_until(lambda: world.redis.llen(world.key("outbox")) == 0, 5, "the outbox is empty")


def kept(world, name="group:table-7"):
    return world.redis.xlen(world.key(f"history:{name}"))


def joins(pod, *pairs):
    pod.app.answers["connect"] = commands(*pairs)


def all_of(c, n, timeout=5):
    return [c.recv(timeout) for _ in range(n)]


# ------------------------------------------------------------------------------------------------ who asks, gets


def test_who_joins_gets_the_last_ones_and_then_live_ones(world, pod):
    world.push(*(to("table-7", n) for n in range(1, 5)))
    routed(world, pod)
    joins(pod, ("Ws-Join", "table-7"), ("Ws-History", "table-7=3"))
    c = pod.connect()
    world.push(to("table-7", 5))
    assert all_of(c, 4) == ["2", "3", "4", "5"]
    c.hears_nothing()
    wait_until(lambda: pod.metric("wsidecar_delivered_total", door="history") == 3, 3, "three counted")


def test_a_later_answer_may_ask_too_and_its_body_comes_first(world, pod):
    world.push(*(to("table-7", n) for n in range(1, 4)))
    routed(world, pod)
    c = world.connect(pod, "alice")
    pod.app.answers["message"] = text("welcome", Ws_Join="table-7, lobby", Ws_History="table-7=2")
    c.send("sit down")
    assert all_of(c, 3) == ["welcome", "2", "3"]
    # It belongs to the group now: asking again gives nothing twice, and is told.
    pod.app.answers["message"] = text("again", Ws_Join="table-7", Ws_History="table-7=2")
    c.send("sit down")
    assert c.recv() == "again"
    c.hears_nothing()
    assert pod.metric("wsidecar_bad_answers_total", part="bad_history") == 1


def test_who_does_not_ask_gets_nothing(world, pod):
    world.push(to("table-7", 1))
    routed(world, pod)
    c = world.connect(pod, "alice", join=["table-7"])
    c.hears_nothing()


def test_the_mailbox_comes_before_it(world, pod):
    world.push(to("table-7", 1), {"to": {"user": "alice"}, "text": "yours", "mailbox": True}, to("table-7", 2))
    routed(world, pod)
    joins(pod, ("Ws-User", "alice"), ("Ws-Join", "table-7"), ("Ws-History", "table-7=5"))
    assert all_of(pod.connect(), 3) == ["yours", "1", "2"]


def test_groups_of_the_path_and_what_is_for_all(world):
    pod = world.pod(history=HISTORY, routes=[{"path": "/ws/{table}", "groups": ["table-{table}"]}])
    world.push({"to": {"all": True}, "text": "open"}, to("table-9", 1), {"to": {"all": True}, "text": "soup"}, to("table-9", 2))
    routed(world, pod)
    joins(pod, ("Ws-History", "*=9, table-9=9"))
    assert all_of(pod.connect("/ws/9"), 4) == ["open", "1", "soup", "2"]  # in the order of the pushes
    assert pod.metric("wsidecar_history_problems_total", reason="more_than_kept") == 2


def test_a_push_to_two_of_them_comes_once(world, pod):
    world.push({"to": {"group": ["table-1", "table-2"]}, "text": "both"}, to("table-2", 2))
    routed(world, pod)
    joins(pod, ("Ws-Join", "table-1, table-2"), ("Ws-History", "table-1=5"), ("Ws-History", "table-2=5"))
    c = pod.connect()
    assert all_of(c, 2) == ["both", "2"]
    c.hears_nothing()


def test_excepted_ones_and_expired_ones_do_not_come(world, pod):
    world.push({"to": {"group": "table-7"}, "text": "not bob", "except": {"user": "bob"}},
               to("table-7", "late", ttl=1), to("table-7", 2))
    routed(world, pod)
    time.sleep(1.2)
    joins(pod, ("Ws-User", "bob"), ("Ws-Join", "table-7"), ("Ws-History", "table-7=5"))
    assert pod.connect().recv() == "2"
    joins(pod, ("Ws-User", "alice"), ("Ws-Join", "table-7"), ("Ws-History", "table-7=5"))
    assert all_of(pod.connect(), 2) == ["not bob", "2"]


def test_binary_messages_stay_binary_and_commands_are_not_repeated(world, pod):
    world.push({"to": {"group": "table-7"}, "binary": "AAEC", "join": ["kitchen"], "close": {"code": 4000, "reason": "x"}},
               {"to": {"group": "table-7"}, "close": {"code": 4000, "reason": "no message"}})
    routed(world, pod)
    assert kept(world) == 1
    joins(pod, ("Ws-User", "alice"), ("Ws-Join", "table-7"), ("Ws-History", "table-7=5"))
    c = pod.connect()
    assert c.recv() == b"\0\1\2"
    world.push({"to": {"group": "kitchen"}, "text": "not for him"})
    c.hears_nothing()


def test_a_source_is_kept_like_a_push(world):
    pod = world.pod(history=HISTORY, sources=[{"list": world.key("x")[:-2] + "orders", "to": {"group": "table-{/table}"}}])
    world.redis.rpush(world.key("x")[:-2] + "orders", '{"table":7,"dish":"soup"}')
    wait_until(lambda: kept(world) == 1, 5, "it is kept")
    joins(pod, ("Ws-Join", "table-7"), ("Ws-History", "table-7=1"))
    assert json.loads(pod.connect().recv())["dish"] == "soup"


def test_on_another_pod_than_the_one_that_routed(world):
    a, b = world.pod(history=HISTORY), world.pod(history=HISTORY)
    for n in range(1, 4):
        world.push(to("table-7", n))
    routed(world, a)
    for pod in (a, b):
        joins(pod, ("Ws-Join", "table-7"), ("Ws-History", "table-7=5"))
        assert all_of(pod.connect(), 3) == ["1", "2", "3"]


# ---------------------------------------------------------------------------------------------------- the seam


@pytest.mark.parametrize("others", [0, 2], ids=["first_of_the_pod", "others_are_there"])
def test_nothing_is_lost_doubled_or_moved_between_history_and_live(world, others):
    """Clients join while pushes run: what each gets is one unbroken run up to the last."""
    pods = [world.pod(history=[{"name": "group:table-*", "count": 500, "age": "10m"}], pong_timeout="60s") for _ in range(2)]
    for pod in pods:
        for _ in range(others):
            world.connect(pod, "staff", join=["table-7"])
    last = 1500
    def run_pushes():
        for n in range(1, last + 1, 5):
            world.redis.rpush(world.key("outbox"), *[json.dumps(to("table-7", k)) for k in range(n, n + 5)])
            time.sleep(0.004)
    pusher = threading.Thread(target=run_pushes)
    pusher.start()
    clients = []
    for pod in pods:
        joins(pod, ("Ws-Join", "table-7"), ("Ws-History", "table-7=30"))
    while pusher.is_alive():
        clients += [pod.connect() for pod in pods if len(clients) < 40]
        time.sleep(0.02)
    pusher.join()
    assert len(clients) >= 8
    for c in clients:
        got = []
        while not got or got[-1] != last:
            got.append(int(c.recv(8)))
        assert got == list(range(got[0], last + 1)), [x for x in zip(got, got[1:]) if x[1] != x[0] + 1][:5]
        c.hears_nothing(0.05)
    assert not pods[0].reasons().get("duplicate"), "what is in both counts as had"


def test_who_joins_by_a_message_has_the_same_seam(world):
    pod = world.pod(history=[{"name": "group:table-*", "count": 500, "age": "10m"}])
    world.connect(pod, "staff", join=["table-7"])
    clients = [world.connect(pod, f"u{n}") for n in range(12)]
    pod.app.answers["message"] = commands(("Ws-Join", "table-7"), ("Ws-History", "table-7=20"))
    last = 900
    def run_pushes():
        for n in range(1, last + 1):
            world.redis.rpush(world.key("outbox"), json.dumps(to("table-7", n)))
    pusher = threading.Thread(target=run_pushes)
    pusher.start()
    for c in clients:
        c.send("join")
        time.sleep(0.02)
    pusher.join()
    for c in clients:
        got = []
        while not got or got[-1] != last:
            got.append(int(c.recv(8)))
        assert got == list(range(got[0], last + 1))
        c.hears_nothing(0.05)


# ------------------------------------------------------------------------------------------------------- bounds


def test_it_is_bounded_in_count(world, pod):
    world.push(*(to("table-7", n) for n in range(1, 41)))
    routed(world, pod)
    assert kept(world) == 5
    joins(pod, ("Ws-Join", "table-7"), ("Ws-History", "table-7=1000000"))
    assert all_of(pod.connect(), 5) == ["36", "37", "38", "39", "40"]
    assert pod.metric("wsidecar_history_problems_total", reason="more_than_kept") == 1


def test_it_is_bounded_in_bytes(world):
    pod = world.pod(history=[{"name": "group:*", "count": 100, "bytes": "8KiB"}])
    big = [{"to": {"group": "table-7"}, "text": str(n) * 1500} for n in range(1, 10)]
    world.push(*big)
    routed(world, pod)
    assert 3 <= kept(world) <= 5
    assert int(world.redis.hget(world.key("history:sizes"), "gtable-7")) <= 8192
    world.push({"to": {"group": "table-7"}, "text": "x" * 20000})
    routed(world, pod)
    wait_until(lambda: kept(world) <= 1, 3, "one that is larger alone pushes out all")
    world.push(to("table-7", "small"))
    routed(world, pod)
    joins(pod, ("Ws-Join", "table-7"), ("Ws-History", "table-7=5"))
    assert pod.connect().recv() == "small"


def test_it_is_bounded_in_age(world):
    pod = world.pod(history=[{"name": "group:*", "age": "1s"}])
    world.push(to("table-7", 1))
    wait_until(lambda: kept(world) == 1, 3, "kept")
    wait_until(lambda: pod.metric("wsidecar_histories") == 1, 3, "shown")
    time.sleep(0.6)
    world.push(to("table-7", 2))
    routed(world, pod)
    time.sleep(0.6)
    joins(pod, ("Ws-Join", "table-7"), ("Ws-History", "table-7=5"))
    assert pod.connect().recv() == "2"
    wait_until(lambda: not world.redis.exists(world.key("history:group:table-7")), 8, "what is too old goes")
    wait_until(lambda: pod.metric("wsidecar_histories") == 0 and pod.metric("wsidecar_history_bytes") == 0, 5, "and is not shown")
    assert int(world.redis.hget(world.key("history:sizes"), "")) == 0
    assert not world.redis.hexists(world.key("history:sizes"), "gtable-7")


def test_it_is_bounded_in_names(world, pod):
    """For one more than 100,000 the name goes whose oldest message is the oldest."""
    world.push(to("table-7", 1))
    routed(world, pod)
    for at in range(0, 100_000, 10_000):
        world.redis.zadd(world.key("histories"), {f"gfilled-{n}": 9e15 for n in range(at, at + 10_000)})
    assert world.redis.zcard(world.key("histories")) == 100_001
    world.push(to("table-8", 1))
    wait_until(lambda: kept(world, "group:table-8") == 1, 3, "the new one is kept")
    assert kept(world) == 0 and world.redis.zcard(world.key("histories")) == 100_001
    wait_until(lambda: pod.metric("wsidecar_limit_hits_total", name="history.names") == 1, 3, "told")
    assert pod.metric("wsidecar_limit", name="history.names") == 100_000
    wait_until(lambda: pod.metric("wsidecar_limit_used", name="history.names") == 100_001, 5, "shown")


def test_nothing_is_kept_where_it_is_not_configured(world):
    pod = world.pod(history=[{"name": "group:table-*"}])
    alice = world.connect(pod, "alice", join=["kitchen", "stable-1"])
    world.push({"to": {"group": "kitchen"}, "text": "1"}, {"to": {"group": "stable-1"}, "text": "1"},
               {"to": {"user": "alice"}, "text": "1"}, {"to": {"all": True}, "text": "1"},
               {"to": {"destination": "/topic/a"}, "text": "1"},
               {"to": {"group": "table-7", "destination": "/queue/a"}, "text": "their own subscription"})
    routed(world, pod)
    assert all_of(alice, 4) == ["1"] * 4  # what is for all is over
    assert world.redis.keys(world.key("history:*")) == [world.key("history:rules").encode()]
    joins(pod, ("Ws-Join", "kitchen"), ("Ws-History", "kitchen=5"))
    pod.connect().hears_nothing()
    assert pod.metric("wsidecar_history_problems_total", reason="not_configured") == 1


def test_what_does_not_fit_into_the_queue_is_left_out_and_told(world):
    """The newest fit: a client that is closed for its own history would come again for ever."""
    pod = world.pod(history=[{"name": "group:*", "count": 100, "bytes": "4MiB"}], limits={"queue": "64KiB"})
    world.push(*({"to": {"group": "table-7"}, "text": f"{n}:" + "x" * 5000} for n in range(30)))
    routed(world, pod)
    joins(pod, ("Ws-Join", "table-7"), ("Ws-History", "table-7=30"))
    c = pod.connect()
    first = c.recv()
    got = [int(first.split(":")[0])]
    while got[-1] != 29:
        got.append(int(c.recv().split(":")[0]))
    assert got == list(range(got[0], 30)) and 4 <= len(got) <= 7
    c.hears_nothing()
    assert pod.metric("wsidecar_history_problems_total", reason="cut") == 1


def test_one_envelope_for_many_names_is_stored_once(world):
    pod = world.pod(history=[{"name": "group:*"}])
    names = [f"table-{n}" for n in range(300)]
    before = world.redis.info("memory")["used_memory"]
    world.push({"to": {"group": names}, "text": "x" * 100_000})
    routed(world, pod)
    wait_until(lambda: kept(world, "group:table-299") == 1, 5, "kept for the last")
    assert world.redis.info("memory")["used_memory"] - before < 2_000_000
    assert len(world.redis.keys(world.key("body:*"))) == 1
    joins(pod, ("Ws-Join", "table-42"), ("Ws-History", "table-42=1"))
    assert len(pod.connect().recv()) == 100_000


def test_one_that_is_divided_is_kept_for_all_its_names(world):
    pod = world.pod(history=[{"name": "group:*"}])
    world.push({"to": {"group": [f"table-{n}" for n in range(1000)]}, "text": "many"}, to("table-999", "behind"))
    wait_until(lambda: kept(world, "group:table-999") == 2, 8, "kept for the last")
    joins(pod, ("Ws-Join", "table-0,table-999"), ("Ws-History", "table-0=9,table-999=9"))
    c = pod.connect()
    assert all_of(c, 2) == ["many", "behind"]
    c.hears_nothing()


def test_bodies_go_with_their_last_history(world):
    pod = world.pod(history=[{"name": "group:*", "count": 1}])
    names = [f"table-{n}" for n in range(10)]
    world.push({"to": {"group": names}, "text": "x" * 50_000})
    routed(world, pod)
    assert len(world.redis.keys(world.key("body:*"))) == 1
    for n in range(10):
        world.push(to(f"table-{n}", "small"))
    routed(world, pod)
    wait_until(lambda: not world.redis.keys(world.key("body:*")), 3, "nobody needs it")


# ----------------------------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize("value", ["table-7", "table-7=", "table-7=x", "table-7=-1", "table-7=0", "=5", "table-7=1.5",
                                   "table-7=99999999999999999999", "kitchen=5", "%00=5"])
def test_a_bad_ws_history_is_counted_and_nothing_else_stops(world, pod, value):
    world.push(to("table-7", 1))
    routed(world, pod)
    joins(pod, ("Ws-User", "alice"), ("Ws-Join", "table-7"), ("Ws-History", value), ("Ws-History", "table-7=1"))
    c = pod.connect()
    assert c.recv() == "1"
    assert pod.metric("wsidecar_bad_answers_total", part="bad_history") == 1
    c.hears_nothing(0.1)


def test_an_answer_names_at_most_a_hundred(world, pod):
    names = ",".join(f"table-{n}" for n in range(200))
    world.push(to("table-7", 1))
    routed(world, pod)
    joins(pod, ("Ws-Join", names[:1500]), ("Ws-History", ",".join(f"table-{n}=1" for n in range(120))))
    assert pod.connect().recv() == "1"
    assert pod.metric("wsidecar_bad_answers_total", part="bad_history") == 1


def test_something_else_under_the_name_is_told_and_stops_nothing(world, pod):
    world.redis.set(world.key("history:group:table-7"), "not a stream")
    c = world.connect(pod, "alice", join=["table-7"])
    world.push(to("table-7", 1), to("table-8", 1))
    assert c.recv() == "1"
    wait_until(lambda: pod.metric("wsidecar_history_problems_total", reason="not_kept") == 1, 3, "told by the router")
    joins(pod, ("Ws-Join", "table-7,table-8"), ("Ws-History", "table-7=5,table-8=5"))
    assert pod.connect().recv() == "1"
    assert pod.metric("wsidecar_history_problems_total", reason="wrong_type") == 1
    assert world.redis.get(world.key("history:group:table-7")) == b"not a stream"


@pytest.mark.parametrize("entry, words", [
    ({"name": "user:alice"}, "'name' of an entry of 'history' is group:NAME"), ({"name": "group:"}, "'name' of an entry"),
    ({"count": 5}, "'name' of an entry"), ({"name": "all", "count": 5_000_000}, "'count' is a whole number from 1 to 1000"),
    ({"name": "all", "bytes": "1GiB"}, "'bytes'"), ({"name": "all", "age": "0"}, "'age'"), ({"name": "all", "much": 1}, "unknown key"),
    ("all", "is a map with 'name'")])
def test_check_says_what_is_wrong_with_it(tmp_path, entry, words):
    path = tmp_path / "c.yaml"
    path.write_text(json.dumps({"history": [entry]}))
    r = run("check", "--config", str(path))
    assert r.returncode == 2 and words in r.stderr, r.stderr


def test_without_redis_there_is_none_and_nothing_waits_for_it(world):
    pod = world.pod(redis={"url": "none"}, history=HISTORY)
    joins(pod, ("Ws-Join", "table-7"), ("Ws-History", "table-7=5"))
    c = pod.connect()
    assert pod.post("/push", to("table-7", 1)).status == 202
    assert c.recv() == "1"
    assert pod.metric("wsidecar_history_problems_total", reason="unread") == 1


# --------------------------------------------------------------------------------------------------------- STOMP


def message(n):
    return {"to": {"destination": "/topic/orders"}, "text": str(n), "headers": {"n": str(n)}}


def test_subscribe_asks_with_a_header(world, pod):
    world.push(*(message(n) for n in range(1, 5)))
    routed(world, pod)
    s = Stomp(pod.port)
    s.frame("SUBSCRIBE", {"id": "a", "destination": "/topic/orders", "history": "3", "receipt": "r"})
    got = [s.message() for _ in range(3)]
    assert [f.body for f in got] == ["2", "3", "4"] and got[0].headers["n"] == "2"
    s.expect("RECEIPT", receipt_id="r")
    world.push(message(5))
    assert s.message().body == "5"
    s.hears_nothing()


def test_each_subscription_for_itself_and_without_the_header_none(world, pod):
    world.push(*(message(n) for n in range(1, 3)))
    routed(world, pod)
    s = Stomp(pod.port).subscribe("/topic/orders", id="none")
    s.hears_nothing()
    s.frame("SUBSCRIBE", {"id": "two", "destination": "/topic/orders", "history": "2"})
    got = [s.message() for _ in range(2)]
    assert [(f.headers["subscription"], f.body) for f in got] == [("two", "1"), ("two", "2")]


@pytest.mark.parametrize("ack", ["auto", "client", "client-individual"])
def test_the_seam_of_a_subscription(world, ack):
    pod = world.pod(history=[{"name": "destination:/topic/*", "count": 500}], routes=STOMP)
    Stomp(pod.port).subscribe("/topic/orders")
    last = 600
    def run_pushes():
        for n in range(1, last + 1):
            world.redis.rpush(world.key("outbox"), json.dumps(message(n)))
    pusher = threading.Thread(target=run_pushes)
    pusher.start()
    clients = []
    while pusher.is_alive() and len(clients) < 40:
        s = Stomp(pod.port)
        s.frame("SUBSCRIBE", {"id": "a", "destination": "/topic/orders", "history": "20", "ack": ack})
        clients.append(s)
    pusher.join()
    for s in clients:
        got = []
        while not got or got[-1] != last:
            f = s.message()
            got.append(int(f.body))
            if ack != "auto":
                s.frame("ACK", {"id": f.headers["ack"]})
        assert got == list(range(got[0], last + 1))
        s.hears_nothing(0.05)
    wait_until(lambda: pod.metric("wsidecar_unconfirmed_pushes") == 0, 5, "all acknowledged")


@pytest.mark.parametrize("value, destination, reason", [("many", "/topic/orders", "malformed"), ("-1", "/topic/orders", "malformed"),
                                                        ("5", "/topic/*", "pattern"), ("5", "/user/queue/x", "pattern"),
                                                        ("99999999999999", "/topic/orders", "malformed"),
                                                        ("5", "/queue/other", "not_configured")])
def test_a_bad_history_header_is_told_and_stops_nothing(world, pod, value, destination, reason):
    s = Stomp(pod.port)
    s.frame("SUBSCRIBE", {"id": "a", "destination": destination, "history": value, "receipt": "r"})
    s.expect("RECEIPT", receipt_id="r")
    assert pod.metric("wsidecar_history_problems_total", reason=reason) == 1


def test_unsubscribing_while_it_is_read(world, pod):
    world.push(message(1))
    routed(world, pod)
    s = Stomp(pod.port)
    for n in range(20):
        s.frame("SUBSCRIBE", {"id": "a", "destination": "/topic/orders", "history": "1"})
        s.frame("UNSUBSCRIBE", {"id": "a"})
    s.frame("SUBSCRIBE", {"id": "last", "destination": "/topic/orders", "history": "1", "receipt": "r"})
    got = s.drained()
    assert [f.body for f in got if f.command == "MESSAGE" and f.headers["subscription"] == "last"] == ["1"]
    assert [f.headers["receipt-id"] for f in got if f.command == "RECEIPT"] == ["r"]


# ------------------------------------------------------------------------------------------- shown, and kept alike


def test_the_console_shows_its_size(world, pod):
    world.push(*(to("table-7", n) for n in range(3)), *(to("table-8", n) for n in range(30)))
    routed(world, pod)
    def shown():
        h = json.loads(pod.get("/console/snapshot").body)["history"]
        return h["names"] == 2 and 0 < h["bytes"] < 4000 and h
    wait_until(shown, 5, "names and bytes")
    one = json.loads(pod.get("/console/history?name=group:table-8").body)
    assert one["name"] == "group:table-8" and one["count"] == 5 and one["bytes"] > 0
    assert json.loads(pod.get("/console/history?name=group:nobody").body)["count"] == 0
    assert pod.get("/console/history?name=user:alice").status == 400


def test_a_router_with_other_rules_is_told(world):
    """In a rolling update the router may be of either kind."""
    a = world.pod(history=HISTORY)
    world.push(to("table-7", 1))
    routed(world, a)
    b = world.pod(history=[{"name": "group:table-*", "count": 9}])
    a.terminate()
    assert a.wait_exit() == 0
    world.push(to("table-7", 2))
    routed(world, b)
    b.wait_logged("histories are kept by other rules than by the router before")
    joins(b, ("Ws-Join", "table-7"), ("Ws-History", "table-7=9"))
    assert all_of(b.connect(), 2) == ["1", "2"]
    assert world.redis.hget(world.key("history:rules"), "since")


def test_a_reload_says_that_it_takes_a_restart(world, pod):
    from reload_test import reload
    pod.config = {**pod.config, "history": []}
    reload(pod)
    pod.wait_logged("takes a restart", key="history")


def test_receipts_may_not_be_written_over_it(world, pod):
    for key in ("history:group:table-7", "histories", "history:sizes"):
        world.push({"to": {"user": "alice"}, "text": "1", "receipt": world.key(key)})
    wait_until(lambda: len(world.rejected()) == 3, 3, "rejected")
