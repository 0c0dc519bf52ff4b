"""STOMP: a help desk whose @MessageMapping methods have become @PostMapping methods with the same bodies.

The clients are support/stomp.py and Spring's own WebSocketStompClient.
"""

import itertools
import json

import pytest

from support.spring import Browser, StompClient
from support.stomp import Stomp
from support.waiting import stays, wait_until
from support.ws import Refused

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def stage(make_stage):
    return make_stage("stomp", lease="1s")


@pytest.fixture(scope="module")
def original(make_stage):
    """The app as it was, without wsidecar."""
    return make_stage("stomp", pods=False, arguments=["--spring.main.sources=com.example.deleted"])


@pytest.fixture(scope="module")
def spring(generation):
    client = StompClient(generation)
    yield client
    client.close()


@pytest.fixture
def name():
    """A user, room and destination of the test's own."""
    return f"n{next(_numbers)}"


def cookie(stage, user, at):
    browser = Browser("127.0.0.1")  # where Spring's client says it goes
    browser.post(stage.replicas[at].port, "/login", {"id": "7", "name": user}, expect=200)
    return browser.cookie


def stomp(stage, user, at, **how):
    """Logged in at one replica, connected to the wsidecar beside it, or to the app's own endpoint."""
    where = stage.pods[at] if stage.pods else stage.replicas[at]
    c = Stomp(where.port, "/stomp", cookie(stage, user, at), **how)
    stage.clients.append(c.ws)
    return c


def ask(stage, at, target, **form):
    Browser().post(stage.replicas[at].port, target, form, expect=200)


def watchers(stage, destination, at=0):
    return json.loads(Browser().get(stage.replicas[at].port, f"/watchers?destination={destination}", expect=200).text)


def said(m):
    """What a page sees of a MESSAGE. UTF-8 is what text is in STOMP, whether or not it is said."""
    assert m.command == "MESSAGE", m
    return m.headers["destination"], m.headers["subscription"], m.headers["content-type"].replace(";charset=UTF-8", ""), m.body


def line(author, text):
    return json.dumps({"author": author, "text": text}, separators=(",", ":"), ensure_ascii=False)


# ------------------------------------------------------------------------------------------- as it was, and as it is


def used(c, room):
    """One window uses all that the desk has; what it is shown."""
    for id, destination in (("chat", f"/topic/chat/{room}"), ("desk", "/topic/desk/*"), ("answers", "/user/queue/answers"),
                            ("notes", "/user/queue/notes"), ("errors", "/user/queue/errors")):
        c.subscribe(destination, id, wait=False)
    frames = [("chat", f"/app/chat/{room}", line("", "hello 世界")), ("desk", f"/app/rooms/{room}/questions", line("", "why?")),
              ("notes", "/app/notes", line("", "buy milk")), ("answers", f"/app/chat/{room}/last", "{}"),
              ("errors", f"/app/rooms/{room}/questions", line("", ""))]

    def all_heard():
        for _, destination, body in frames:
            c.send(destination, body, content_type="application/json")
        return len({m.headers["subscription"] for m in c.drained()}) == 5

    wait_until(all_heard, 30, "every subscription")  # the simple broker gives no receipts, and takes frames in any order
    shown = []
    for id, destination, body in frames:
        c.send(destination, body, content_type="application/json")
        shown.append(said(next(m for m in iter(c.recv, None) if m.headers["subscription"] == id)))
    c.subscribe("/app/rooms", "init", wait=False)
    destination, id, content_type, body = said(c.recv())
    assert room in json.loads(body)
    return [*shown, (destination, id, content_type)]


def test_a_page_is_shown_what_the_original_showed(stage, original, name):
    before, now = used(stomp(original, "张三", 0), name), used(stomp(stage, "张三", 0), name)
    assert now == before
    assert now[0] == (f"/topic/chat/{name}", "chat", "application/json", line("张三", "hello 世界"))
    assert [m[:2] for m in now[1:]] == [(f"/topic/desk/{name}", "desk"), ("/user/queue/notes", "notes"),
                                        ("/user/queue/answers", "answers"), ("/user/queue/errors", "errors"), ("/app/rooms", "init")]


def test_the_original_reached_its_own_server_alone(original):
    """What wsidecar is for: broadcasts and convertAndSendToUser ended at the JVM that had them."""
    bob, eve = stomp(original, "bob", 0), stomp(original, "eve", 1)
    for at, (c, user) in enumerate(((bob, "bob"), (eve, "eve"))):
        c.subscribe("/topic/news", "news", wait=False)
        c.subscribe("/user/queue/notices", "notices", wait=False)

        def both_heard():
            ask(original, at, "/news", text="probe")
            ask(original, at, "/notices", user=user, text="probe")
            return len({m.headers["subscription"] for m in c.drained()}) == 2

        wait_until(both_heard, 30, "the subscriptions")
    ask(original, 1, "/notices", user="bob", text="psst")
    for at in (0, 1):
        ask(original, at, "/news", text=f"from {at}")
    for at, c in enumerate((bob, eve)):
        heard = [next(m for m in iter(c.recv, None) if m.body == line("desk", f"from {at}")), *c.drained()]
        assert {m.body for m in heard} <= {line("desk", f"from {at}"), line("desk", "probe")}


# ------------------------------------------------------------------------------------------------- across replicas


def test_what_one_says_is_heard_in_the_room_on_every_pod(stage, name):
    room = f"/topic/chat/{name}"
    bob, eve, elsewhere = stomp(stage, "bob", 0).subscribe(room), stomp(stage, "eve", 1).subscribe(room), stomp(stage, "ida", 1)
    elsewhere.subscribe("/topic/chat/elsewhere")
    for n in range(20):
        bob.send(f"/app/chat/{name}", line("", str(n)))  # stompjs says no content-type
    for c in (bob, eve):
        assert [c.message().body for _ in range(20)] == [line("bob", str(n)) for n in range(20)]
        c.hears_nothing(0.1)
    elsewhere.hears_nothing(0.1)


def test_a_notice_is_one_write_and_reaches_every_window_of_the_user(stage, name):
    here, there, other = stomp(stage, name, 0), stomp(stage, name, 1), stomp(stage, "other", 1)
    for c in (here, there, other):
        c.subscribe("/user/queue/notices", "s")
    ask(stage, 0, "/notices", user=name, text="a=b <c> 世界")
    for c in (here, there):
        assert said(c.recv()) == ("/user/queue/notices", "s", "application/json", line("desk", "a=b <c> 世界"))
        c.hears_nothing(0.1)
    other.hears_nothing(0.1)


def test_a_notice_of_the_list_waits_for_a_page_that_is_reloaded(stage, name):
    c = stomp(stage, name, 0).subscribe("/user/queue/notices")
    c.ws.drop()
    wait_until(lambda: stage.redis.exists(f"wsidecar:left:user:{name}"), 5, "its end")
    ask(stage, 0, "/notices", user=name, text="while away")
    again = stomp(stage, name, 1)
    again.frame("SUBSCRIBE", {"id": "1", "destination": "/user/queue/notices"})
    assert again.message().body == line("desk", "while away")


def test_news_reach_every_subscriber_on_every_pod(stage, name):
    readers = [stomp(stage, f"{name}{at}", at).subscribe("/topic/news", "n") for at in (0, 1)]
    ask(stage, 1, "/news", text=name)
    for c in readers:
        assert said(c.recv()) == ("/topic/news", "n", "application/json", line("desk", name))
        c.hears_nothing(0.1)


def test_the_messages_of_the_list_reach_the_user_wherever_they_are(stage, name):
    c = stomp(stage, name, 1).subscribe("/user/queue/msg", "m")
    other = stomp(stage, "other", 0).subscribe("/user/queue/msg", "m")
    for n in range(10):
        ask(stage, n % 2, "/messages", to=name, author="ann", text=str(n))
    assert [said(c.recv()) for _ in range(10)] == [("/user/queue/msg", "m", "application/json", line("ann", str(n))) for n in range(10)]
    c.hears_nothing(0.1)
    other.hears_nothing(0.1)
    assert stage.redis.llen("websocket:msg:list") == 0


def test_answers_are_for_the_window_that_asked_and_notes_for_all_of_the_user(stage, name):
    user = f"王{name}/%2F+"
    asked, window = stomp(stage, user, 0), stomp(stage, user, 1)
    for c in (asked, window):
        c.subscribe("/user/queue/answers", "a").subscribe("/user/queue/notes", "n").subscribe("/user/queue/errors", "e")
    asked.send(f"/app/chat/{name}", line("", "first"), content_type="application/json")
    asked.send(f"/app/chat/{name}/last", "{}", content_type="application/json")
    assert said(asked.recv())[3] == line(user, "first")
    asked.send(f"/app/rooms/{name}/questions", line("", ""), content_type="application/json")
    assert said(asked.recv())[0] == "/user/queue/errors"
    asked.send("/app/notes", line("", "milk"), content_type="application/json")
    for c in (asked, window):
        assert said(c.recv())[3] == "noted: milk"
        c.hears_nothing(0.1)


# -------------------------------------------------------------------------------------------------- events


@pytest.mark.parametrize("end", ["disconnect", "close", "reset", "kill"])
def test_who_watches_what_is_known_to_all_servers_until_they_go(stage, name, end):
    destination, user = f"/topic/chat/{name}", f"李{name}"
    pod = stage.pod(stage.replicas[0], lease="1s") if end == "kill" else stage.pods[0]
    c = Stomp(pod.port, "/stomp", cookie(stage, user, 0)).subscribe(destination)
    assert watchers(stage, destination, 1) == [f"7 {user}"]
    if end == "disconnect":
        c.frame("DISCONNECT", {"receipt": "bye"})
        c.expect("RECEIPT", receipt_id="bye")
        assert c.ws.closed()[0] == 1000
    elif end == "close":
        c.close()
    elif end == "reset":
        c.ws.reset()
    else:
        pod.kill()
    wait_until(lambda: watchers(stage, destination, 1) == [], 15, "gone")


def test_who_is_not_logged_in_gets_an_error_and_a_close(stage, original):
    c = Stomp(stage.pods[0].port, "/stomp", connect=False)
    c.frame("CONNECT", {"accept-version": "1.2", "host": "x"})
    assert "401" in c.error(4401).headers["message"]
    with pytest.raises(Refused) as refused:  # as before, but before the 101
        Stomp(original.replicas[0].port, "/stomp")
    assert refused.value.status == 401


def test_only_wsidecar_calls_what_was_a_message_mapping(stage, name):
    passing = stage.pod(stage.replicas[0], prefix="pass:", http="pass")
    kind = [("Content-Type", "application/json")]
    for target in (f"/app/chat/{name}", "/stomp-events/disconnect"):
        Browser().post(stage.replicas[0].port, target, line("eve", "forged"), kind, expect=403)
        Browser().post(passing.port, target, line("eve", "forged"), kind, expect=405)


# --------------------------------------------------------------------------------- Spring's WebSocketStompClient


def spring_connects(spring, stage, name, user, at, **more):
    return spring.connect(name, stage.pods[at].port, "/stomp", cookie(stage, user, at), **more)


def test_springs_own_client_talks_and_listens(stage, spring, name):
    a, b = f"{name}a", f"{name}b"
    connected = spring_connects(spring, stage, a, "张三", 0)["headers"]
    assert connected["version"] == "1.2" and connected["user-name"] == "张三"
    spring_connects(spring, stage, b, "bob", 1)
    for client in (a, b):
        spring.subscribe(client, f"/topic/chat/{name}")
        spring.subscribe(client, "/user/queue/notices")
    spring.do("send", a, destination=f"/app/chat/{name}", payload={"author": "", "text": "你好\n: \\"})
    for client in (a, b):
        m = spring.wait("message", client)
        assert m["payload"] == {"author": "张三", "text": "你好\n: \\"} and m["headers"]["destination"] == f"/topic/chat/{name}"
    ask(stage, 0, "/notices", user="bob", text="for bob")
    m = spring.wait("message", b)
    assert m["payload"] == {"author": "desk", "text": "for bob"} and m["headers"]["destination"] == "/user/queue/notices"
    spring.do("subscribe", a, destination="/app/rooms")
    assert name in spring.wait("message", a)["payload"]
    for client in (a, b):
        spring.do("disconnect", client)
    wait_until(lambda: watchers(stage, f"/topic/chat/{name}") == [], 5, "both gone")
    assert not [r for r in spring.records if r["as"] in (a, b) and r["event"] != "receipt"]


def test_springs_own_client_gets_a_large_message_and_sends_one(stage, spring, name):
    spring_connects(spring, stage, name, "bob", 0)
    spring.subscribe(name, f"/topic/chat/{name}")
    text = "世" * 8_000  # its client takes 64 KiB at most
    spring.do("send", name, destination=f"/app/chat/{name}", payload={"author": "", "text": text})
    assert spring.wait("message", name)["payload"]["text"] == text
    spring.do("disconnect", name)


def test_heart_beats_keep_springs_own_client(stage, spring, name):
    pod = stage.pod(stage.replicas[0], prefix="beats:", routes=[
        {"path": "/stomp", "protocol": "stomp", "event_path": "/stomp-events/{event}", "heartbeat": ["500ms", "500ms"]}])
    spring.connect(name, pod.port, "/stomp", cookie(stage, "bob", 0), beats=500)
    stays(lambda: not [r for r in spring.records if r["as"] == name], 3, "nothing is lost")
    assert pod.metric("wsidecar_connections") == 1
    pod.pause()
    spring.wait("lost", name)  # the server has gone quiet
    pod.resume()


def test_springs_own_client_is_told_when_it_is_refused(stage, spring, name):
    spring.do("connect", name, url=f"ws://127.0.0.1:{stage.pods[0].port}/stomp", cookie="SESSION=none")
    refused = spring.wait("error", name)
    assert "401" in refused["headers"]["message"]
    spring.wait("lost", name)
