"""An app that keeps its own WebSocket endpoint: one line makes wsidecar the broker of Spring's relay, for all replicas."""

import itertools
import json

import pytest

from support.redis_server import free_port
from support.spring import Browser, Replica, Stage
from support.stomp import Stomp
from support.waiting import wait_until

_numbers = itertools.count(1)
READY = {"readyz": {"app": False}}  # wsidecar is there before its app


@pytest.fixture(scope="module")
def stage(generation, own_redis):
    """wsidecar is there first, as with native sidecars; the app's relay finds it at its start."""
    made = Stage(generation, "relay", own_redis, replicas=0)
    for _ in range(2):
        begin_pod(made, app=free_port())
    made.replicas = [Replica(generation, "relay", own_redis, [f"--relay.port={p.relay}"], p.replica.port) for p in made.pods]
    made.start(pods=False)
    yield made
    made.close()


@pytest.fixture(scope="module")
def original(make_stage):
    return make_stage("relay", pods=False, arguments=["--spring.main.sources=com.example.deleted"])


@pytest.fixture
def name():
    return f"n{next(_numbers)}"


class Address:
    """Of a replica that is still to come."""

    def __init__(self, port):
        self.port = port


def begin_pod(stage, app, relay=0):
    p = stage.pod(Address(app), relay={"address": f"127.0.0.1:{relay}"}, **READY)
    p.relay = p.wait_logged(component="relay")[0]["port"]
    return p


def ask(stage, at, target, **form):
    Browser().post(stage.replicas[at].port, target, form, expect=200)


def told(stage, at, target):
    return json.loads(Browser().get(stage.replicas[at].port, target, expect=200).text)


def trader(stage, at, user):
    """A page at the app's own endpoint, through wsidecar's port where there is one."""
    where = stage.pods[at] if stage.pods else stage.replicas[at]
    c = Stomp(where.port, f"/stomp?user={user}")
    stage.clients.append(c.ws)
    return c


def trade(trader, share, price):
    return {"trader": trader, "share": share, "price": price}


def seen(m):
    assert m.command == "MESSAGE", m
    return m.headers["destination"], m.headers["subscription"], json.loads(m.body)


def price_of(text):
    return json.loads(text)["price"]


# ---------------------------------------------------------------------------------------- with the simple broker


def test_the_simple_broker_ends_at_its_own_server(original):
    ann, bob = trader(original, 0, "ann"), trader(original, 1, "bob")
    for at, (c, user) in enumerate(((ann, "ann"), (bob, "bob"))):
        c.subscribe("/topic/prices", "p", wait=False)
        c.subscribe("/user/queue/fills", "f", wait=False)

        def both_heard():
            ask(original, at, "/prices", share="x", price=1)
            ask(original, at, "/fills", trader=user, share="x", price=1)
            return len({m.headers["subscription"] for m in c.drained()}) == 2

        wait_until(both_heard, 30, "the subscriptions")  # the simple broker gives no receipts
    ask(original, 1, "/fills", trader="ann", share="x", price=2)
    ask(original, 1, "/prices", share="x", price=2)
    assert next(m for m in iter(bob.recv, None) if price_of(m.body) == 2)
    assert all(price_of(m.body) == 1 for m in ann.drained())
    assert told(original, 1, "/traders") == ["bob"]


# ------------------------------------------------------------------------------------------------ with the relay


def test_the_app_finds_its_broker(stage):
    for at in (0, 1):
        wait_until(lambda: told(stage, at, "/broker") == [True], 10, "BrokerAvailabilityEvent")


def test_what_one_replica_broadcasts_reaches_the_clients_of_both_once(stage, name):
    pages = [trader(stage, at, f"{name}{at}").subscribe("/topic/prices", "p") for at in (0, 1)]
    ask(stage, 0, "/prices", share="世", price=7)
    for c in pages:
        m = c.message()
        assert seen(m) == ("/topic/prices", "p", trade("", "世", 7)) and m.headers["content-type"] == "application/json"
    for n in range(100):
        ask(stage, n % 2, "/prices", share="x", price=n + 1)
    for c in pages:
        assert sorted(price_of(c.message().body) for _ in range(100)) == list(range(1, 101))
        c.hears_nothing(0.2)


def test_what_a_message_mapping_sends_reaches_the_clients_of_both(stage, name):
    ann, bob = trader(stage, 0, "ann"), trader(stage, 1, "bob")
    for c in (ann, bob):
        c.subscribe(f"/topic/bids.{name}", "b")
    ann.subscribe("/user/queue/errors", "e")
    bob.subscribe("/user/queue/errors", "e")
    ann.send(f"/app/bids/{name}", json.dumps(trade("", "", 5)), content_type="application/json")
    for c in (ann, bob):
        assert seen(c.message()) == (f"/topic/bids.{name}", "b", trade("ann", name, 5))
    bob.send(f"/app/bids/{name}", json.dumps(trade("", "", 0)), content_type="application/json")
    m = bob.message()
    assert (m.headers["destination"], m.headers["subscription"], m.body) == ("/user/queue/errors", "e", "nothing is free")
    for c in (ann, bob):
        c.hears_nothing(0.2)


def test_a_user_at_the_other_replica_is_reached_at_once(stage, name):
    """Before any registry has told of them: through /topic/unresolved-user-destination."""
    far, near, other = trader(stage, 1, f"{name}far"), trader(stage, 0, f"{name}near"), trader(stage, 1, "other")
    for c in (far, near, other):
        c.subscribe("/user/queue/fills", "f")
    for user, c in ((f"{name}far", far), (f"{name}near", near)):
        ask(stage, 0, "/fills", trader=user, share="x", price=3)
        assert seen(c.message()) == ("/user/queue/fills", "f", trade(user, "x", 3))
    for c in (far, near, other):
        c.hears_nothing(0.2)


def test_the_users_of_the_other_replica_are_in_the_registry_and_all_their_windows_are_reached(stage, name):
    windows = [trader(stage, at, name).subscribe("/user/queue/fills", "f") for at in (0, 1)]
    alone = [trader(stage, at, f"{name}at{at}").subscribe("/user/queue/fills", "f") for at in (0, 1)]
    # Spring tells its servers every 10 s who is there.
    for at in (0, 1):
        wait_until(lambda: {name, f"{name}at0", f"{name}at1"} <= set(told(stage, at, "/traders")), 15, "the registry", step=0.1)
    for at in (0, 1):
        ask(stage, at, "/fills", trader=name, share="x", price=at + 1)
        for c in windows:
            assert seen(c.message()) == ("/user/queue/fills", "f", trade(name, "x", at + 1))
        ask(stage, at, "/fills", trader=f"{name}at{1 - at}", share="x", price=9)
        assert seen(alone[1 - at].message())[2] == trade(f"{name}at{1 - at}", "x", 9)
    for c in (*windows, *alone):
        c.hears_nothing(0.2)


def test_who_writes_to_redis_reaches_the_same_subscribers(stage, name):
    pages = [trader(stage, at, name).subscribe("/topic/prices", "p") for at in (0, 1)]
    assert stage.redis.publish("wsidecar:destination:/topic/prices", '{"price":4}') == 2
    for c in pages:
        assert seen(c.message()) == ("/topic/prices", "p", {"price": 4})


def test_a_wsidecar_that_restarts_is_found_again_and_nothing_comes_twice(stage, name):
    direct = Stomp(stage.replicas[0].port, f"/stomp?user={name}").subscribe("/topic/prices", "p")
    through, there = trader(stage, 0, name), trader(stage, 1, f"{name}there").subscribe("/topic/prices", "p")
    through.subscribe("/topic/prices", "p")
    old = stage.pods[0]
    old.kill()
    wait_until(lambda: told(stage, 0, "/broker")[-1:] == [False], 5, "the broker is away")
    assert direct.recv().command == "ERROR"  # Spring ends its clients' sessions with the broker's
    direct.ws.until_closed()
    old.close()
    stage.pods[0] = begin_pod(stage, old.replica.port, old.relay)
    stage.pods.pop()
    wait_until(lambda: told(stage, 0, "/broker")[-1:] == [True], 15, "the broker is back")
    again = [trader(stage, 0, name).subscribe("/topic/prices", "p"),
             Stomp(stage.replicas[0].port, f"/stomp?user={name}").subscribe("/topic/prices", "p")]
    for at in (0, 1):
        ask(stage, at, "/prices", share="x", price=at)
    for c in (*again, there):
        assert sorted(price_of(c.message().body) for _ in range(2)) == [0, 1]
        c.hears_nothing(0.2)
    there.subscribe("/user/queue/fills", "f")
    ask(stage, 0, "/fills", trader=f"{name}there", share="x", price=5)
    assert seen(there.message())[2] == trade(f"{name}there", "x", 5)
    there.hears_nothing(0.2)
