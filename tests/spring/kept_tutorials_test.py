"""More of what tutorials write, unchanged on two replicas: clients are shown what one replica shows them."""

import json
import time

import pytest

from support.kept import at, same
from support.stomp import Stomp
from support.waiting import wait_until


@pytest.fixture(scope="module")
def now(make_kept):
    return make_kept("tutorials", sources="", lease="1s", ping="5m", outbox={"grace": "100ms"}, arguments=["--wsidecar.prefix=tutorials:"],
                     prefix="tutorials:")


@pytest.fixture(scope="module")
def then(make_kept):
    return make_kept("tutorials", sources="", pods=False, replicas=1)


def connect(stage, n, path):
    c = stage.connect(stage.front(at(stage, n)), path)
    if not stage.pods:
        time.sleep(0.2)  # Tomcat's handler knows a session a moment after its 101
    return c


def test_a_room_of_objects_by_coders_and_get_open_sessions(now, then):
    def play(stage):
        a, b, other = connect(stage, 0, "/rooms/red"), connect(stage, 1, "/rooms/red"), connect(stage, 1, "/rooms/blue")
        shown = []
        for c, text in ((a, "ann|hi"), (b, "bob|hello 世界")):
            c.send(text)
            shown.append([one.recv() for one in (a, b)])
        b.close()
        shown.append(a.recv())
        other.hears_nothing(0.2)
        a.close()
        return shown

    assert same(now, then, play) == [["ann|hi"] * 2, ["bob|hello 世界"] * 2, "room|bob has left"]


def test_a_programmatic_endpoint(now, then):
    def play(stage):
        c = connect(stage, 1, "/reverse")
        c.send("stressed 世界")
        shown = c.recv()
        c.close()
        return shown

    assert same(now, then, play) == "界世 desserts"


def test_signals_pass_to_everybody_but_their_sender(now, then):
    def play(stage):
        a, b, c = (connect(stage, n, "/signal") for n in range(3))
        a.send('{"event":"offer","data":1}')
        shown = [json.loads(one.recv()) for one in (b, c)]
        b.send('{"event":"answer"}')
        shown += [json.loads(one.recv()) for one in (a, c)]
        b.hears_nothing(0.2)
        for one in (a, b, c):
            one.close()
        return shown

    assert same(now, then, play) == [{"event": "offer"}] * 2 + [{"event": "answer"}] * 2


def stomp(stage, n, *destinations):
    c = Stomp(stage.front(at(stage, n)).port, "/portfolio/websocket")
    stage.clients.append(c.ws)
    for destination in destinations:
        c.frame("SUBSCRIBE", {"id": destination, "destination": destination})
    time.sleep(0.7)  # the simple broker gives no receipts
    return c


def test_the_users_of_a_replica_that_had_none_are_counted(now, then):
    """Who asks while nobody is connected to the other replica still learns of the next one."""
    def play(stage):
        stomp(stage, 1).ws.close()
        a = stomp(stage, 0, "/user/queue/who")

        def two():
            a.frame("SEND", {"destination": "/app/who"})
            return a.message().body

        wait_until(lambda: two() == "false", 5, "who was here before has gone")
        b = stomp(stage, 1)
        shown = two()
        for c in (a, b):
            c.ws.close()
        return shown

    assert same(now, then, play) == "true"


def test_a_listener_of_subscriptions_tells_everybody(now, then):
    def play(stage):
        a = stomp(stage, 0, "/topic/arrivals")
        b = stomp(stage, 1, "/topic/presence")
        shown = a.message().body
        for c in (a, b):
            c.ws.close()
        return shown

    assert same(now, then, play) == "one more"
