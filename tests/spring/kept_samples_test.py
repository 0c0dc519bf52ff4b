"""What tutorials and public samples write, unchanged on two replicas: clients are shown what one replica shows them."""

import itertools
import json
import os
import re
import time
import zipfile

import pytest

from support.kept import KeptStage, at, line_of, same
from support.pod import ROOT
from support.spring import Browser
from support.stomp import Stomp
from support.waiting import wait_until

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def now(make_kept):
    return make_kept("samples", sources="", lease="1s", ping="5m", outbox={"grace": "100ms"})


@pytest.fixture(scope="module")
def then(make_kept):
    return make_kept("samples", sources="", pods=False, replicas=1)


@pytest.fixture
def name():
    return f"s{next(_numbers)}"


def connect(stage, n, path, headers=()):
    return stage.connect(stage.front(at(stage, n)), path, headers)


def ask(stage, n, target, **form):
    return Browser().post(stage.replicas[at(stage, n)].port, target, form, expect=200).text


def settled(stage):
    """The simple broker gives no receipts."""
    if not stage.pods:
        time.sleep(0.5)


def gone(stage, *clients):
    for c in clients:
        c.close()
    stage.all_gone()


def test_a_static_set_of_endpoint_objects_is_that_of_all_replicas(now):
    a = connect(now, 0, "/imserver/a")
    shown = [[a.recv() for _ in range(2)]]
    b = connect(now, 1, "/imserver/b")
    shown += [[a.recv()], [b.recv() for _ in range(2)]]
    for c, text in ((b, "hi 世界"), (a, "hello")):
        c.send(text)
        shown.append([one.recv() for one in (a, b)])
    shown.append([Browser().get(now.replicas[n].port, "/online", expect=200).text for n in (0, 1)])
    for n in (0, 1):
        ask(now, n, "/push", sid="a", text=f"psst {n}")
        ask(now, n, "/push", sid="b", text=f"psst {n}")
    shown += [sorted(c.recv() for _ in range(2)) for c in (a, b)]
    for c in (a, b):
        c.hears_nothing(0.2)
    a.close()
    shown.append(b.recv())
    b.hears_nothing(0.2)
    b.close()
    for n in (0, 1):
        wait_until(lambda: Browser().get(now.replicas[n].port, "/online", expect=200).text == "0", 5, "nobody is counted")
    assert shown[:5] == [["welcome", "a is here"], ["b is here"], ["welcome", "b is here"], ["b: hi 世界"] * 2, ["a: hello"] * 2]
    assert shown[5:] == [["2", "2"], ["psst 0", "psst 1"], ["psst 0", "psst 1"], "a has gone"]


def test_a_list_of_decorated_sessions_is_broadcast_to_once_each(now):
    clients = [connect(now, n, "/broadcast") for n in range(4)]
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
    gone(now, *clients)
    assert shown == [[f"4 m{n}"] * 4 for n in range(4)]


def test_a_map_of_sessions_by_user_reaches_users_on_every_replica(now, name):
    ann, bob = f"{name}ann", f"{name}bob"
    a, b = connect(now, 0, f"/by-name?user={ann}"), connect(now, 1, f"/by-name?user={bob}")
    a.send(f"{bob} hi")
    b.send(f"{ann} hello")
    a.send("nobody hm")
    shown = [b.recv(), sorted(a.recv() for _ in range(2))]
    for n in (0, 1):
        shown.append([ask(now, n, "/tell", user=u, text=f"from {n}") for u in (ann, bob, "nobody")])
        shown.append([c.recv() for c in (a, b)])
    again = connect(now, 1, f"/by-name?user={ann}")  # who logs in again is the one that counts, wherever that is
    shown.append(a.until_closed()[1:])
    shown.append(ask(now, 0, "/tell", user=ann, text="new"))
    shown.append(again.recv())
    gone(now, again, b)
    for n in (0, 1):
        wait_until(lambda: ask(now, n, "/tell", user=bob, text="x") == "away", 5, "it is away")
    assert shown[0] == f"{ann}: hi" and shown[1] == ["nobody is away", f"{bob}: hello"]
    assert shown[2:6] == [["sent", "sent", "away"], ["from 0"] * 2, ["sent", "sent", "away"], ["from 1"] * 2]
    assert shown[6:] == [(4002, "elsewhere"), "sent", "new"]


def test_sessions_by_id_with_properties_that_change(now, name):
    a, b = connect(now, 0, "/echo"), connect(now, 1, "/echo")
    shown = []
    for c, text in ((a, "hi"), (b, f"I am {name}"), (b, "hi"), (a, "x" * 100_000)):
        c.send(text)
        shown.append([one.recv() for one in (a, b)])

    def told(n):
        return ask(now, n, "/echo/tell", name=name, text="you") == "1"

    for n in (0, 1):
        wait_until(lambda: told(n), 5, "the name is known")
        shown.append(b.recv())
    a.hears_nothing(0.1)
    gone(now, a, b)
    assert shown[0] == ["nobody of 2: hi."] * 2 and shown[2] == [f"{name} of 2: hi."] * 2


def test_an_http_session_is_in_the_attributes(now, then):
    def play(stage):
        b = Browser()
        b.post(stage.replicas[0].port, "/cart", {"item": "apple"}, expect=200)
        c = stage.connect(stage.front(0), "/of-session", b.cookie)
        c.send("?")
        heard = c.recv()
        c.close()
        return heard

    assert same(now, then, play) == "apple true"


def test_an_endpoint_that_keeps_the_http_session(now, name):
    clients = []
    for n in (0, 1):
        b = Browser()
        b.post(now.replicas[n].port, "/cart", {"item": f"{name}{n}"}, expect=200)
        clients.append(now.connect(now.pods[n], "/session-chat", b.cookie))
    for n, c in enumerate(clients):
        c.send("hi")
        assert [one.recv() for one in clients] == [f"{name}{n} of 2: hi"] * 2
    now.stop(0)  # and its HTTP sessions are gone with it
    now.begin(0)
    for n, c in enumerate(clients):
        c.send("again")
        assert [one.recv() for one in clients] == [f"{name}{n} of 2: again"] * 2
    gone(now, *clients)


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


def test_the_end_of_a_stomp_session_whose_wsidecar_is_killed_is_told_to_clients_once(now, name):
    watchers = [Stomp(p.port, "/chat-ws").subscribe("/topic/public") for p in now.pods]
    pod = now.pod(now.replicas[0], lease="1s")
    c = Stomp(pod.port, f"/chat-ws?{name}")
    states = lambda: {k: now.redis.hget(k, "state") for k in now.redis.scan_iter("wsidecar:conn:*")}
    before = states()
    c.frame("SEND", {"destination": "/app/chat.addUser", "content-type": "application/json"}, json.dumps({"sender": name}))
    assert [json.loads(w.message().body) for w in watchers] == [{"type": "JOIN", "sender": name}] * 2
    # The name is an attribute of the session, which survives its wsidecar once it is in Redis.
    wait_until(lambda: states() != before, 5, "the session's attributes")
    pod.kill()
    assert [json.loads(w.message(15).body) for w in watchers] == [{"type": "LEAVE", "sender": name}] * 2
    now.pods.remove(pod)
    pod.close()
    for w in watchers:
        w.hears_nothing(6)  # the app beside it hears of it, too
        w.ws.close()


def test_it_is_said_which_connections_handlers_know(now):
    assert any("handlers are told of the connections of all replicas, because nothing" in line for line in now.replicas[0].lines)


@pytest.mark.parametrize("mark, method, says", [
    ("limit", "Demanding.afterConnectionEstablished", "calls setTextMessageSizeLimit, which has no effect"),
    ("wait", "Demanding.handleTextMessage", "calls CompletableFuture.get. If it waits for what the client answers, it waits in vain"),
    ("ping", "Demanding.handleTextMessage", "sends a ping or pong, which wsidecar does not pass on"),
    ("pong", "Demanding.handlePongMessage", "is never called, because wsidecar pings its clients itself"),
    ("endpoint ping", "Demanding$Endpoint.open", "sends a ping or pong, which wsidecar does not pass on"),
    ("endpoint pong", "Demanding$Endpoint.pong", "is never called, because wsidecar pings its clients itself"),
    ("partial", "Demanding.supportsPartialMessages", "returns true, and each message comes whole"),
])
def test_what_cannot_be_kept_is_said_at_the_start_by_class_and_line(now, mark, method, says):
    line = line_of("Demanding", mark)
    assert any(f"com.example.samples.{method}(Demanding.java:{line}) {says}" in said for said in now.replicas[0].lines), line


def test_a_reactive_handler_is_named_by_class_and_line(now):
    place = f"com.example.samples.Demanding$Reactive(Demanding.java:{line_of('Demanding', 'reactive')})"
    assert any(f"{place}: a reactive WebSocketHandler is not served" in said for said in now.replicas[0].lines), place


def test_message_size_limits_of_handlers_are_limits_of_their_routes(now):
    routes = {r["path"]: r for r in now.config()["routes"]}
    assert [routes[p].get("limits") for p in ("/demanding", "/demanding-endpoint", "/echo", "/broadcast")] == \
        [{"message": 300_000}, {"message": 400_000}, {"message": 200_000}, None]
    c = connect(now, 0, "/demanding-endpoint")
    c.send("x" * 390_000)
    assert c.recv() == "390000"
    c.send("x" * 400_001)
    assert c.until_closed()[1] == 1009


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


def without_spring_data_redis(generation):
    """The chat of scripts/demo --spring, as an application is that has never heard of Redis."""
    whole = os.path.join(ROOT, "build", "spring", generation, "kept-sample", "kept-sample.jar")
    directory = os.path.join(ROOT, "build", "spring", generation, "kept-sample-bare")
    os.makedirs(directory, exist_ok=True)
    removed = re.compile(r"BOOT-INF/lib/(spring-data-|lettuce-|jedis-)")
    with zipfile.ZipFile(whole) as old, zipfile.ZipFile(os.path.join(directory, "kept-sample-bare.jar"), "w") as new:
        for entry in old.infolist():
            if not removed.match(entry.filename):
                content = old.read(entry)
                if entry.filename == "BOOT-INF/classpath.idx":
                    content = b"".join(line for line in content.splitlines(True) if not removed.search(line.decode()))
                new.writestr(entry, content)
    return "sample-bare"


def test_an_app_without_spring_data_redis_names_its_redis_by_url(generation, own_redis):
    stage = KeptStage(generation, without_spring_data_redis(generation), own_redis, sources="",
                      arguments=[f"--wsidecar.redis={own_redis.url}", "--wsidecar.prefix=bare:"])
    try:
        stage.start(prefix="bare:")
        clients = [stomp(stage, n, "/chat").subscribe("/topic/chat", "c") for n in (0, 1)]
        clients[1].frame("SEND", {"destination": "/app/say", "content-type": "application/json"}, '{"from":"a","text":"hello"}')
        assert all(json.loads(c.message().body)["text"] == "hello" for c in clients)
    finally:
        stage.close()


@pytest.mark.parametrize("arguments, place", [
    (["--samples.subscribes=true"], ("com.example.samples.OwnListener.listen", "OwnListener", "subscribes")),
    (["--spring.main.sources=com.example.heard"], ("com.example.heard.Hearing$1.run", "Hearing", "hears")),
], ids=["a bean", "no bean"])
def test_an_app_that_subscribes_by_itself_is_told_of_its_own_connections(generation, own_redis, name, arguments, place):
    stage = KeptStage(generation, "samples", own_redis, sources="", arguments=[*arguments, f"--wsidecar.prefix={name}:"])
    try:
        stage.start(prefix=f"{name}:")
        c = stage.connect(stage.pods[0], f"/by-name?user={name}")
        assert ask(stage, 0, "/tell", user=name, text="hi") == "sent" and c.recv() == "hi"
        assert ask(stage, 1, "/tell", user=name, text="hi") == "away"
        method, file, mark = place
        assert any(f"because {method}({file}.java:{line_of(file, mark)}) carries messages" in said for said in stage.replicas[0].lines)
    finally:
        stage.close()
