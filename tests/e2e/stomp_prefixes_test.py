"""STOMP routes whose app prefixes are whole destinations: apps that give their methods no prefix of their own."""

import pytest

from support.app import commands, text
from support.http import http
from support.stomp import Stomp


@pytest.fixture
def pod(world):
    return world.pod(routes=[{"path": "/stomp", "protocol": "stomp", "app_prefixes": ["/topic/activity"]}])


def test_a_destination_that_is_an_app_prefix_itself_is_the_apps(pod):
    pod.app.answer(message=text("seen", Ws_Destination="/topic/tracker"))
    watcher = Stomp(pod.port).subscribe("/topic/tracker")
    visitor = Stomp(pod.port).send("/topic/activity", "home")
    e = pod.app.wait_event("message")
    assert (e.target, e.body, e.header("ws-destination")) == ("/topic/activity", b"home", "/topic/activity")
    assert watcher.message().body == "seen"
    visitor.send("/topic/activities", "x")  # a longer name is another destination, and the broker's
    assert "broadcast" in visitor.error().headers["message"]


def test_a_subscription_to_an_app_prefix_itself_is_answered_by_the_app(pod):
    pod.app.answer(subscribe=text("all"))
    c = Stomp(pod.port)
    c.frame("SUBSCRIBE", {"id": "a", "destination": "/topic/activity"})
    m = c.message()
    assert (m.body, m.headers["subscription"]) == ("all", "a")


@pytest.mark.parametrize("destination", ["/topic", "/topic.orders", "/topics/7", "/queue-7"])
def test_a_destination_only_has_to_begin_as_the_brokers_do_as_in_spring(world, destination):
    pod = world.pod(routes=[{"path": "/stomp", "protocol": "stomp", "broadcast": True}])
    pod.app.answer(message=text("answered", Ws_Destination=destination))
    watcher = Stomp(pod.port).subscribe(destination)
    speaker = Stomp(pod.port).send(destination, "said")
    assert watcher.message().body == "said"
    speaker.send("/app/x", "asked")
    assert watcher.message().body == "answered"
    world.push({"to": {"destination": destination}, "text": "pushed"})
    assert watcher.message().body == "pushed"


def test_the_brokers_prefix_is_not_that_of_users_or_of_the_app(world):
    pod = world.pod(routes=[{"path": "/stomp", "protocol": "stomp", "broadcast": True, "broker_prefixes": ["/u", "/a"]}])
    pod.app.answer(connect=commands(Ws_User="bob"))
    bob = Stomp(pod.port).subscribe("/user/a/x")
    Stomp(pod.port).send("/user/bob/a/x", "to bob").send("/app/x", "to the app")
    assert bob.message().body == "to bob"
    assert pod.app.wait_event("message").body == b"to the app"


def test_a_prefix_of_the_app_and_the_broker_is_subscribed_to_and_what_is_sent_to_it_is_an_event_of_the_route(world):
    pod = world.pod(http="pass", routes=[{"path": "/stomp", "protocol": "stomp", "app_prefixes": ["/app", "/topic", "/user"]}])
    pod.app.answer(message=text("to all", Ws_Destination="/topic/a"))
    watcher = Stomp(pod.port).subscribe("/topic/a").subscribe("/user/queue/a", "own")
    assert {(e.target, e.header("ws-destination")) for e in pod.app.wait_events("subscribe", 2)} == {
        ("/stomp", "/topic/a"), ("/stomp", "/user/queue/a")}
    for destination in ("/topic/a", "/user/ann/queue/a"):
        watcher.send(destination, destination)
        e = pod.app.wait_event("message", body=destination.encode())
        assert (e.target, e.header("ws-destination")) == ("/stomp", destination)
        assert watcher.message().body == "to all"
    # The app's own pages may be below these; what is the app's alone is guarded.
    assert [http(pod.port, "POST", path, body=b"").status for path in ("/user/login", "/topic/x", "/app/x")] == [200, 200, 405]
