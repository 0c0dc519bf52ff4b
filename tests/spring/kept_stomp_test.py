"""An app of @EnableWebSocketMessageBroker that stays as it was, on the library of sidecar/java."""

import itertools

import pytest

from support.spring import StompClient
from support.stomp import Stomp
from support.waiting import wait_until

from stomp_app_test import ask, cookie, line, said, used, watchers

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def kept(make_kept):
    return make_kept("stomp", lease="1s", ping="5m")


@pytest.fixture(scope="module")
def before(make_kept):
    return make_kept("stomp", pods=False, replicas=1)


@pytest.fixture(scope="module")
def spring(generation):
    client = StompClient(generation)
    yield client
    client.close()


@pytest.fixture
def name():
    return f"k{next(_numbers)}"


def stomp(stage, user, at=0, **how):
    c = Stomp(stage.front(at).port, "/stomp", cookie(stage, user, at), **how)
    stage.clients.append(c.ws)
    return c


def test_a_page_is_shown_what_it_was_shown(kept, before, name):
    then, now = used(stomp(before, "张三"), name), used(stomp(kept, "张三"), name)
    assert now == then
    assert now[0] == (f"/topic/chat/{name}", "chat", "application/json", line("张三", "hello 世界"))


def test_what_one_says_is_heard_on_every_replica_in_order(kept, name):
    room = f"/topic/chat/{name}"
    bob, eve = stomp(kept, "bob", 0).subscribe(room), stomp(kept, "eve", 1).subscribe(room)
    for n in range(20):
        bob.send(f"/app/chat/{name}", line("", str(n)))
    for c in (bob, eve):
        assert [c.message().body for _ in range(20)] == [line("bob", str(n)) for n in range(20)]
        c.hears_nothing(0.1)


def test_the_template_reaches_users_and_destinations_on_every_replica(kept, name):
    here, there, other = stomp(kept, name, 0), stomp(kept, name, 1), stomp(kept, "other", 1)
    for c in (here, there, other):
        c.subscribe("/user/queue/notices", "s").subscribe("/topic/news", "n")
    ask(kept, 0, "/notices", user=name, text="a=b <c> 世界")
    for c in (here, there):
        assert said(c.recv()) == ("/user/queue/notices", "s", "application/json", line("desk", "a=b <c> 世界"))
    ask(kept, 1, "/news", text=name)
    for c in (here, there, other):
        assert said(c.recv()) == ("/topic/news", "n", "application/json", line("desk", name))
        c.hears_nothing(0.1)


def test_the_registry_of_users_knows_all_replicas(kept, name):
    """The app's own list consumer asks SimpUserRegistry whether the user is here; whichever replica looks, it finds him."""
    c = stomp(kept, name, 1).subscribe("/user/queue/msg", "m")
    for n in range(5):
        ask(kept, 0, "/messages", to=name, author="ann", text=str(n))
        assert said(c.recv()) == ("/user/queue/msg", "m", "application/json", line("ann", str(n)))
    c.hears_nothing(0.2)


def test_session_events_say_who_subscribes_and_who_goes(kept, name):
    destination = f"/topic/chat/{name}"
    c = stomp(kept, f"李{name}", 0).subscribe(destination)
    wait_until(lambda: watchers(kept, destination, 1) == [f"7 李{name}"], 5, "SessionSubscribeEvent with the session's attributes")
    c.close()
    wait_until(lambda: watchers(kept, destination, 1) == [], 10, "SessionDisconnectEvent")


def test_an_interceptor_of_the_handshake_refuses_who_is_not_logged_in(kept):
    c = Stomp(kept.pods[0].port, "/stomp", connect=False)
    c.frame("CONNECT", {"accept-version": "1.2", "host": "x"})
    assert "401" in c.error(4401).headers["message"]


def test_a_killed_app_goes_on_with_its_sessions(kept, name):
    room = f"/topic/chat/{name}"
    bob, eve = stomp(kept, f"bob{name}", 0).subscribe(room), stomp(kept, "eve", 1).subscribe(room)
    kept.stop(0)
    kept.begin(0)
    bob.send(f"/app/chat/{name}", line("", "after"))
    for c in (bob, eve):
        assert c.message().body == line(f"bob{name}", "after")  # its Principal is what it was


def test_a_killed_wsidecar_loses_no_notice(kept, name):
    pod = kept.pod(kept.replicas[1], lease="1s")
    lost = Stomp(pod.port, "/stomp", cookie(kept, name, 1)).subscribe("/user/queue/notices", "s")
    ask(kept, 0, "/notices", user=name, text="one")
    assert lost.message().body == line("desk", "one")
    pod.kill()
    kept.pods.remove(pod)
    pod.close()
    ask(kept, 0, "/notices", user=name, text="two")  # while nobody has noticed, or within the grace
    again = stomp(kept, name, 0).subscribe("/user/queue/notices", "s")
    body = again.message().body
    if body == line("desk", "one"):
        body = again.message().body  # its wsidecar died before it had the confirmation: it comes again, first
    assert body == line("desk", "two")
    again.hears_nothing(0.2)


def test_springs_own_client_talks_and_listens(kept, spring, name):
    a, b = f"{name}a", f"{name}b"
    for client, user, at in ((a, "张三", 0), (b, "bob", 1)):
        connected = spring.connect(client, kept.pods[at].port, "/stomp", cookie(kept, user, at))["headers"]
        assert connected["version"] == "1.2" and connected["user-name"] == user
        spring.subscribe(client, f"/topic/chat/{name}")
    spring.do("send", a, destination=f"/app/chat/{name}", payload={"author": "", "text": "你好\n: \\"})
    for client in (a, b):
        assert spring.wait("message", client)["payload"] == {"author": "张三", "text": "你好\n: \\"}
    spring.do("subscribe", a, destination="/app/rooms")
    assert name in spring.wait("message", a)["payload"]
    for client in (a, b):
        spring.do("disconnect", client)
