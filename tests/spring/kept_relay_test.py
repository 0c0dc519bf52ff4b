"""The trading app with its simple broker, as it was before anybody thought of a relay, on the library of sidecar/java."""

import itertools
import json

import pytest

from support.stomp import Stomp
from support.waiting import wait_until

from relay_app_test import ask, price_of, seen, told, trade, trader

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def kept(make_kept):
    return make_kept("relay", lease="1s", ping="5m")


@pytest.fixture
def name():
    return f"r{next(_numbers)}"


def test_prices_and_bids_reach_the_clients_of_both_once_and_in_order(kept, name):
    pages = [trader(kept, at, f"{name}{at}").subscribe("/topic/prices", "p").subscribe(f"/topic/bids.{name}", "b") for at in (0, 1)]
    for n in range(30):
        ask(kept, 0, "/prices", share="世", price=n + 1)
    pages[1].send(f"/app/bids/{name}", json.dumps(trade("", "", 5)), content_type="application/json")
    for c in pages:
        got = [c.message() for _ in range(31)]
        assert [price_of(m.body) for m in got if m.headers["subscription"] == "p"] == list(range(1, 31))
        assert [seen(m) for m in got if m.headers["subscription"] == "b"] == [(f"/topic/bids.{name}", "b", trade(f"{name}1", name, 5))]
        c.hears_nothing(0.1)


def test_an_error_is_for_the_one_who_made_it(kept, name):
    windows = [trader(kept, 0, name).subscribe("/user/queue/errors", "e") for _ in range(2)]
    windows[0].send(f"/app/bids/{name}", json.dumps(trade("", "", 0)), content_type="application/json")
    assert windows[0].message().body == "nothing is free"
    windows[1].hears_nothing(0.2)


def test_all_windows_of_a_user_are_reached_and_the_registry_knows_all(kept, name):
    windows = [trader(kept, at, name).subscribe("/user/queue/fills", "f") for at in (0, 1)]
    for at in (0, 1):
        wait_until(lambda: name in told(kept, at, "/traders"), 5, "the registry")
        ask(kept, at, "/fills", trader=name, share="x", price=at + 1)
        for c in windows:
            assert seen(c.message()) == ("/user/queue/fills", "f", trade(name, "x", at + 1))


def test_a_killed_app_and_a_killed_wsidecar_lose_nothing(kept, name):
    near, far = (trader(kept, at, f"{name}{at}").subscribe("/topic/prices", "p") for at in (0, 1))
    kept.stop(0)
    ask(kept, 1, "/prices", share="x", price=1)
    kept.begin(0)
    ask(kept, 0, "/prices", share="x", price=2)
    for c in (near, far):
        assert [price_of(c.message().body) for _ in range(2)] == [1, 2]
    near.send(f"/app/bids/{name}", json.dumps(trade("", "", 5)), content_type="application/json")
    pod = kept.pod(kept.replicas[1], lease="1s")
    lost = Stomp(pod.port, f"/stomp?user={name}lost").subscribe("/user/queue/fills", "f")
    assert f"{name}lost" in told(kept, 0, "/traders")
    pod.kill()
    ask(kept, 0, "/fills", trader=f"{name}lost", share="x", price=7)  # within the grace of the one that died
    again = trader(kept, 0, f"{name}lost").subscribe("/user/queue/fills", "f")
    assert seen(again.message())[2] == trade(f"{name}lost", "x", 7)
    lost.ws.until_closed()
    again.close()
    wait_until(lambda: f"{name}lost" not in told(kept, 1, "/traders"), 15, "the registry has let go")
    kept.pods.remove(pod)
    pod.close()
