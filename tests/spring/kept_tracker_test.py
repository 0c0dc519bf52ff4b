"""An app without application prefixes that tracks its pages, and sends on a schedule, unchanged on two replicas."""

import json
import socket
import time

import pytest

from support.kept import line_of, same
from support.sockjs import SockJsWebSocket
from support.stomp import Stomp
from support.waiting import wait_until


@pytest.fixture(scope="module")
def now(make_kept):
    return make_kept("tracker", sources="", lease="1s", ping="5m", outbox={"grace": "100ms"})


@pytest.fixture(scope="module")
def then(make_kept):
    return make_kept("tracker", sources="", pods=False, replicas=1)


@pytest.fixture(scope="module")
def scheduled_once(make_kept):
    return make_kept("tracker", sources="", arguments=["--wsidecar.scheduled=one", "--wsidecar.prefix=one:"], prefix="one:", lease="1s", ping="5m")


def page(stage, n, *destinations):
    c = Stomp(0, ws=SockJsWebSocket(stage.front(n % len(stage.replicas)).port, "/websocket/tracker"))
    for destination in destinations:
        c.frame("SUBSCRIBE", {"id": destination, "destination": destination})
    time.sleep(0.5)  # the simple broker gives no receipts
    return c


def activity(c, page):
    return c.frame("SEND", {"destination": "/topic/activity", "content-type": "application/json"}, json.dumps({"page": page}))


def test_destinations_of_methods_without_an_application_prefix(now, then):
    def play(stage):
        watcher, visitor = page(stage, 0, "/topic/tracker"), page(stage, 1)
        activity(visitor, "home")
        shown = [json.loads(watcher.message().body)]
        visitor.ws.close()
        shown.append(json.loads(watcher.message().body))
        watcher.hears_nothing(0.2)
        watcher.ws.close()
        return shown

    assert same(now, then, play) == [{"page": "home", "who": "anonymous", "address": "127.0.0.1", "session": True}, {"page": "logout"}]
    assert next(r for r in now.config()["routes"] if r["path"] == "/websocket/tracker")["app_prefixes"] == ["/topic", "/user"]


def test_a_method_for_destinations_that_clients_subscribe_to(now, then):
    def play(stage):
        watcher, visitor = page(stage, 0, "/topic/tracker"), page(stage, 1, "/topic/rooms/red", "/topic/rooms/*")
        visitor.frame("SEND", {"destination": "/topic/rooms/red", "content-type": "text/plain"}, "hi")
        shown = [watcher.message().body, sorted((f.body, f.headers["subscription"]) for f in (visitor.message(), visitor.message()))]
        visitor.ws.close()
        watcher.ws.close()
        return shown

    assert same(now, then, play) == ["red heard hi", [("hi", "/topic/rooms/*"), ("hi", "/topic/rooms/red")]]


def test_an_interceptor_sees_the_address_that_its_client_has(now, then, monkeypatch):
    connect = socket.create_connection
    monkeypatch.setattr(socket, "create_connection", lambda to, timeout=None: connect(to, timeout, source_address=("127.0.0.9", 0)))

    def play(stage):
        c = page(stage, 0, "/topic/tracker")
        activity(c, "home")
        address = json.loads(c.message().body)["address"]
        c.ws.close()
        return address

    assert same(now, then, play) == "127.0.0.9"


def test_what_each_replica_sends_on_a_schedule_comes_from_each_and_that_is_said_by_class_and_line(now):
    pids = {f"tick of {r.process.pid}" for r in now.replicas}
    c = now.connect(now.pods[0], "/clock")
    wait_until(lambda: pids <= set(heard([c], 1.5)[0]), 20, "each replica is heard")
    c.close()
    line = line_of("Clock", "tick", "tracker") + 1  # javac gives a method the line of its first statement
    assert any(f"com.example.tracker.Clock.tick(Clock.java:{line}) runs on every replica" in said for said in now.replicas[0].lines)


def arrived(c):
    """What has come until now."""
    texts = []
    while True:
        try:
            message = c.recv(0.05)
        except TimeoutError:
            return texts
        texts.append(message if isinstance(message, str) else message.body)


def heard(clients, seconds):
    """What each client hears meanwhile."""
    for c in clients:
        arrived(c)
    time.sleep(seconds)
    return [arrived(c) for c in clients]


def test_one_replica_sends_what_all_would_send_on_a_schedule_and_another_takes_over(scheduled_once):
    stage = scheduled_once
    clients = [stage.connect(p, "/clock") for p in stage.pods] + [page(stage, n, "/topic/clock") for n in (0, 1)]
    pid = {f"tick of {r.process.pid}": n for n, r in enumerate(stage.replicas)}
    shown = heard(clients, 3)
    leaders = {m for messages in shown for m in messages}
    assert len(leaders) == 1 and all(2 <= len(messages) <= 14 for messages in shown), shown
    leader = pid[leaders.pop()]
    stage.replicas[leader].kill()
    other = next(text for text, n in pid.items() if n != leader)
    wait_until(lambda: other in arrived(clients[0]), 20, "the other takes over")
    assert {m for messages in heard(clients, 2) for m in messages} == {other}
    stage.begin(leader)  # who comes later does not take it back
    assert {m for messages in heard(clients, 2) for m in messages} == {other}


def test_what_is_for_one_user_comes_from_every_replica(scheduled_once):
    stage = scheduled_once
    c = page(stage, 0, "/user/topic/mine")
    pids = {f"yours of {r.process.pid}" for r in stage.replicas}
    wait_until(lambda: not (pids.discard(c.message().body) or pids), 20, "each replica's own work is sent")
    c.ws.close()
