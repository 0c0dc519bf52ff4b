"""What tutorials and public samples write, unchanged on two replicas: clients are shown what one replica without wsidecar shows them."""

import itertools
import json
import time

import pytest

from support.kept import KeptStage
from support.spring import Browser
from support.stomp import Stomp
from support.waiting import wait_until

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def now(make_kept):
    return make_kept("samples", sources="", lease="1s", outbox={"grace": "100ms"})


@pytest.fixture(scope="module")
def then(make_kept):
    return make_kept("samples", sources="", pods=False, replicas=1)


@pytest.fixture
def name():
    return f"s{next(_numbers)}"


def at(stage, n):
    """The n-th replica; without wsidecar there is one."""
    return n % len(stage.replicas)


def connect(stage, n, path, headers=()):
    return stage.connect(stage.front(at(stage, n)), path, headers)


def ask(stage, n, target, **form):
    return Browser().post(stage.replicas[at(stage, n)].port, target, form, expect=200).text


def same(now, then, play):
    shown = [play(stage) for stage in (now, then)]
    assert shown[0] == shown[1]
    return shown[0]


def gone(stage, *clients):
    for c in clients:
        c.close()
    if stage.pods:
        stage.all_gone()


def test_a_static_set_of_endpoint_objects_is_that_of_all_replicas(now, then):
    def play(stage):
        a = connect(stage, 0, "/imserver/a")  # one at a time: two threads of Tomcat that send to one session fail
        shown = [[a.recv() for _ in range(2)]]
        b = connect(stage, 1, "/imserver/b")
        shown += [[a.recv()], [b.recv() for _ in range(2)]]
        for c, text in ((b, "hi 世界"), (a, "hello")):
            c.send(text)
            shown.append([one.recv() for one in (a, b)])
        shown.append([Browser().get(stage.replicas[at(stage, n)].port, "/online", expect=200).text for n in (0, 1)])
        for n in (0, 1):
            ask(stage, n, "/push", sid="a", text=f"psst {n}")
            ask(stage, n, "/push", sid="b", text=f"psst {n}")
        shown += [sorted(c.recv() for _ in range(2)) for c in (a, b)]
        for c in (a, b):
            c.hears_nothing(0.2)
        a.close()
        shown.append(b.recv())
        b.hears_nothing(0.2)
        b.close()
        for n in (0, 1):
            wait_until(lambda: Browser().get(stage.replicas[at(stage, n)].port, "/online", expect=200).text == "0", 5, "nobody is counted")
        return shown

    shown = same(now, then, play)
    assert shown[:5] == [["welcome", "a is here"], ["b is here"], ["welcome", "b is here"], ["b: hi 世界"] * 2, ["a: hello"] * 2]
    assert shown[5] == ["2", "2"]


def test_a_list_of_decorated_sessions_is_broadcast_to_once_each(now, then):
    def play(stage):
        clients = [connect(stage, n, "/broadcast") for n in range(4)]
        shown = []
        for n, c in enumerate(clients):
            c.send(f"m{n}")
            shown.append([one.recv() for one in clients])
        for c in clients:
            c.hears_nothing(0.1)
        clients.pop(1).close()

        def three():
            clients[0].send("again")
            return {c.recv() for c in clients} == {"3 again"}

        wait_until(three, 5, "every replica has let go of it")
        gone(stage, *clients)
        return shown

    assert same(now, then, play) == [[f"4 m{n}"] * 4 for n in range(4)]


def test_a_map_of_sessions_by_user_reaches_users_on_every_replica(now, then, name):
    ann, bob = f"{name}ann", f"{name}bob"

    def play(stage):
        a, b = connect(stage, 0, f"/by-name?user={ann}"), connect(stage, 1, f"/by-name?user={bob}")
        for n in (0, 1):  # Tomcat tells a handler after the 101
            for user, c in ((ann, a), (bob, b)):
                wait_until(lambda: ask(stage, n, "/tell", user=user, text="hi") == "sent", 5, "its handler knows it")
                assert c.recv() == "hi"
        a.send(f"{bob} hi")
        b.send(f"{ann} hello")
        a.send("nobody hm")
        shown = [b.recv(), sorted(a.recv() for _ in range(2))]
        for n in (0, 1):
            shown.append([ask(stage, n, "/tell", user=u, text=f"from {n}") for u in (ann, bob, "nobody")])
            shown.append([c.recv() for c in (a, b)])
        again = connect(stage, 1, f"/by-name?user={ann}")  # who logs in again is the one that counts, wherever that is
        shown.append(a.until_closed()[1:])
        shown.append(ask(stage, 0, "/tell", user=ann, text="new"))
        shown.append(again.recv())
        gone(stage, again, b)
        for n in (0, 1):
            wait_until(lambda: ask(stage, n, "/tell", user=bob, text="x") == "away", 5, "it is away")
        return shown

    shown = same(now, then, play)
    assert shown[0] == f"{ann}: hi" and shown[2] == ["sent", "sent", "away"]


def test_sessions_by_id_with_properties_that_change(now, then, name):
    def play(stage):
        a, b = connect(stage, 0, "/echo"), connect(stage, 1, "/echo")
        shown = []
        for c, text in ((a, "hi"), (b, f"I am {name}"), (b, "hi"), (a, "x" * 100_000)):
            c.send(text)
            shown.append([one.recv() for one in (a, b)])

        def told(n):
            return ask(stage, n, "/echo/tell", name=name, text="you") == "1"

        for n in (0, 1):
            wait_until(lambda: told(n), 5, "the name is known")
            shown.append(b.recv())
        a.hears_nothing(0.1)
        gone(stage, a, b)
        return shown

    shown = same(now, then, play)
    assert shown[0] == ["nobody of 2: hi."] * 2 and shown[2] == [f"{name} of 2: hi."] * 2


def test_an_http_session_is_in_the_attributes(now, then):
    def play(stage):
        b = Browser()
        b.post(stage.replicas[0].port, "/cart", {"item": "apple"}, expect=200)
        c = stage.connect(stage.front(0), "/of-session", b.cookie)
        c.send("?")
        return c.recv()

    assert same(now, then, play) == "apple true"


def test_a_replica_that_starts_again_knows_the_sessions_of_the_others(now, name):
    a, b = connect(now, 0, f"/by-name?user={name}a"), connect(now, 1, f"/by-name?user={name}b")
    x = connect(now, 0, "/imserver/x")
    y = connect(now, 1, "/imserver/y")
    assert [x.recv() for _ in range(3)] == ["welcome", "x is here", "y is here"] and [y.recv() for _ in range(2)] == ["welcome", "y is here"]
    now.stop(0)
    now.begin(0)
    for user, c in ((f"{name}a", a), (f"{name}b", b)):
        for n in (0, 1):
            wait_until(lambda: ask(now, n, "/tell", user=user, text=f"to {user}") == "sent", 10, "it is known")
            assert c.recv() == f"to {user}"
    x.send("still here")
    for c in (x, y):
        assert c.recv() == "x: still here"  # and nobody was welcomed again
        c.hears_nothing(0.2)
    assert [Browser().get(r.port, "/online", expect=200).text for r in now.replicas] == ["2", "2"]
    gone(now, a, b, x, y)


def test_a_pod_that_dies_takes_its_sessions_out_of_every_collection(now, name):
    pod = now.pod(now.replicas[1], lease="1s")
    c, other = now.connect(pod, f"/by-name?user={name}"), now.connect(pod, "/imserver/z")
    other.recv()
    assert ask(now, 0, "/tell", user=name, text="hi") == "sent" and c.recv() == "hi"
    pod.kill()
    for n in (0, 1):
        wait_until(lambda: ask(now, n, "/tell", user=name, text="x") == "away", 15, "it is away")
        wait_until(lambda: Browser().get(now.replicas[n].port, "/online", expect=200).text == "0", 5, "nobody is counted")
    now.pods.remove(pod)
    pod.close()


def test_it_is_said_which_connections_handlers_know(now):
    assert any("handlers are told of the connections of all replicas, because nothing" in line for line in now.replicas[0].lines)


# ------------------------------------------------------------------------------------------------------------------- STOMP


def stomp(stage, n, path):
    c = Stomp(stage.front(at(stage, n)).port, path)
    stage.clients.append(c.ws)
    return c


def listening(stage, c, destination):
    receipt = {"receipt": "r"} if stage.pods else {}
    c.frame("SUBSCRIBE", {"id": destination, "destination": destination, **receipt})
    if stage.pods:
        c.expect("RECEIPT")


def settled(stage):
    """The simple broker gives no receipts."""
    if not stage.pods:
        time.sleep(0.5)


def test_the_greeting_of_springs_guide(now, then):
    def play(stage):
        clients = [stomp(stage, n, "/gs-guide-websocket") for n in (0, 1)]
        for c in clients:
            listening(stage, c, "/topic/greetings")
        settled(stage)
        clients[1].frame("SEND", {"destination": "/app/hello"}, '{"name":"世界"}')
        return [c.message().body for c in clients]

    assert same(now, then, play) == ['{"content":"Hello, 世界!"}'] * 2


def test_the_chat_that_everybody_builds(now, then):
    def play(stage):
        ann, bob = stomp(stage, 0, "/chat-ws?ann"), stomp(stage, 1, "/chat-ws?bob")
        second = stomp(stage, 1, "/chat-ws?ann")
        for c in (ann, bob):
            listening(stage, c, "/topic/public")
        for c in (ann, bob, second):
            listening(stage, c, "/user/queue/private")
        settled(stage)
        ann.frame("SEND", {"destination": "/app/chat.addUser"}, '{"sender":"ann"}')
        shown = [json.loads(c.message().body) for c in (ann, bob)]
        bob.frame("SEND", {"destination": "/app/chat.private"}, '{"to":"ann","text":"psst"}')
        shown += [(m.headers["destination"], m.body) for m in (ann.message(), second.message())]
        second.frame("SEND", {"destination": "/app/chat.self"}, "me")
        shown.append(second.message().body)
        for c in (ann, bob, second):
            c.hears_nothing(0.2)
        ann.ws.close()
        shown.append(json.loads(bob.message().body))
        bob.hears_nothing(0.2)
        return shown

    shown = same(now, then, play)
    assert shown[0]["type"] == "JOIN" and shown[2] == ("/user/queue/private", "psst") and shown[-1] == {"type": "LEAVE", "sender": "ann"}


# ---------------------------------------------------------------------------------------------------------------- settings


def test_local_keeps_handlers_to_their_own_replica(generation, own_redis, name):
    stage = KeptStage(generation, "samples", own_redis, sources="", arguments=["--wsidecar.sessions=local", "--wsidecar.prefix=local:"])
    try:
        stage.start(prefix="local:")
        c = stage.connect(stage.pods[0], f"/by-name?user={name}")
        assert ask(stage, 0, "/tell", user=name, text="hi") == "sent" and c.recv() == "hi"
        assert ask(stage, 1, "/tell", user=name, text="hi") == "away"
    finally:
        stage.close()
