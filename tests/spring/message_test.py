"""Point to point: a JDK-serialized PushMessageVO; the client gets the messages alone, the app marks them as sent after delivery."""

import itertools
import json
import time

import pytest

from support.spring import Browser
from support.waiting import stays, wait_until

_ids = itertools.count(1001)


@pytest.fixture(scope="module")
def stage(make_stage):
    return make_stage("message")


@pytest.fixture
def ids():
    return [next(_ids), next(_ids)]


def ask(stage, target, at=0, **form):
    form = {k: ",".join(map(str, v)) if isinstance(v, list) else v for k, v in form.items()}
    return Browser().post(stage.replicas[at].port, target, form, expect=200).text


def marked(stage, ids):
    """(status, how often it was marked) of each."""
    rows = [stage.redis.hgetall(f"message:{i}") for i in ids]
    return [(row["status"], int(row.get("marked", 0))) for row in rows]


def wait_marked(stage, ids):
    wait_until(lambda: all(status == "SENT" for status, _ in marked(stage, ids)), 5, "marked as sent")
    time.sleep(0.4)  # a second mark would come by now
    assert marked(stage, ids) == [("SENT", 1)] * len(ids)


def unmarked(stage, ids, seconds=0.4):
    stays(lambda: marked(stage, ids) == [("NEW", 0)] * len(ids), seconds, "not marked")


def connected(stage, user, at=0, **how):
    return stage.connect(stage.pods[at], f"/ws/messages/{user}", **how)


def frame_of(ids):
    return [{"id": i, "title": "通知", "content": "您有新消息", "createdAt": 1540171800123, "status": "NEW"} for i in ids]


@pytest.mark.parametrize("target", ["/messages", "/messages/queue"])
def test_the_client_gets_the_messages_alone_and_they_are_marked_once(stage, ids, target):
    user = f"zhangsan{ids[0]}"
    here, there = connected(stage, user, 0), connected(stage, user, 1)
    other = connected(stage, f"lisi{ids[0]}", 0)
    ask(stage, target, 1, to=user, ids=ids)
    for c in (here, there):
        assert json.loads(c.recv()) == frame_of(ids)
        c.hears_nothing(0.1)  # reads the ping, and answers it
    wait_marked(stage, ids)
    other.hears_nothing(0.1)


@pytest.mark.parametrize("target", ["/messages", "/messages/queue"])
def test_they_are_marked_after_the_clients_pong_and_not_before(stage, ids, target):
    user = f"slow{ids[0]}"
    c = connected(stage, user, 1, auto_pong=False)
    ask(stage, target, 0, to=user, ids=ids)
    assert json.loads(c.recv()) == frame_of(ids)
    c.hears_nothing(0.1)
    unmarked(stage, ids)
    c.frame(10, c.pings[-1])
    wait_marked(stage, ids)


def test_a_client_that_dies_before_its_pong_marks_nothing(stage, ids):
    user = f"dying{ids[0]}"
    c = connected(stage, user, 0, auto_pong=False)
    ask(stage, "/messages", to=user, ids=ids)
    c.recv()
    c.reset()
    unmarked(stage, ids, 0.6)


def test_who_is_away_has_nothing_marked_until_the_page_has_asked_and_got_it(stage, ids):
    user = f"away{ids[0]}"
    ask(stage, "/messages", to=user, ids=ids)
    unmarked(stage, ids)
    c = connected(stage, user, 1)
    ask(stage, "/messages/unsent", 0, to=user)
    assert json.loads(c.recv()) == frame_of(ids)
    c.hears_nothing(0.1)
    wait_marked(stage, ids)


def test_what_is_queued_while_the_client_redials_is_delivered_and_marked_then(stage, ids):
    user = f"redial{ids[0]}"
    connected(stage, user, 0).drop()
    wait_until(lambda: stage.redis.exists(f"wsidecar:left:user:{user}"), 5, "its end")
    ask(stage, "/messages/queue", to=user, ids=ids)
    unmarked(stage, ids)
    c = connected(stage, user, 1)
    assert json.loads(c.recv()) == frame_of(ids)
    c.hears_nothing(0.1)
    wait_marked(stage, ids)


def test_the_other_replica_takes_the_mark_while_the_one_beside_is_away(stage, ids):
    user = f"patient{ids[0]}"
    c = connected(stage, user, 0)
    stage.stop(0)
    ask(stage, "/messages", 1, to=user, ids=ids)
    assert json.loads(c.recv()) == frame_of(ids)
    c.hears_nothing(0.1)
    wait_marked(stage, ids)
    stage.begin(0)


def test_nobody_but_wsidecar_can_mark(stage, ids):
    user = f"forged{ids[0]}"
    ask(stage, "/messages", to=user, ids=ids)
    target, kind = "/internal/messages/mark-as-sent", [("Content-Type", "application/json")]
    Browser().post(stage.replicas[0].port, target, json.dumps(ids), kind, expect=403)
    unmarked(stage, ids, 0.1)


def test_new_code_addresses_users_itself_and_learns_what_became_of_it(stage, ids):
    user, name = f"new{ids[0]}", f"a-{ids[0]}"
    text = 'Zeile "eins"\n\\ 世界 😀 \u0001'
    receipts = "wsidecar:receipts:announcements"
    stage.redis.delete(receipts)
    ask(stage, "/announcements", user=user, id=name, text=text)

    def outcomes():
        told = [json.loads(x) for x in stage.redis.lrange(receipts, 0, -1)]
        return [t["outcome"] for t in told if t["id"] == name]

    wait_until(lambda: outcomes() == ["stored"], 5, "stored")
    c = connected(stage, user, 1)
    assert c.recv() == text
    c.hears_nothing(0.1)
    wait_until(lambda: outcomes() == ["stored", "delivered"], 5, "delivered")


def test_new_code_addresses_everyone_but_the_author(stage, ids):
    author, reader = connected(stage, f"author{ids[0]}", 0), connected(stage, f"reader{ids[0]}", 1)
    assert ask(stage, "/headlines", author=f"author{ids[0]}", json='{"n":1}') == "2"
    assert reader.recv() == '{"n":1}'
    author.hears_nothing(0.2)
    assert stage.redis.llen("wsidecar:rejected") == 0


def test_new_code_moves_users_into_groups_and_ends_their_connections(stage, ids):
    room = f"room{ids[0]}"
    guest, host = connected(stage, f"guest{ids[0]}", 0), connected(stage, f"host{ids[0]}", 1)
    for c, user in ((guest, "guest"), (host, "host")):
        ask(stage, f"/rooms/{room}/members", user=f"{user}{ids[0]}")
        assert c.recv() == f"in {room}"
    ask(stage, f"/rooms/{room}/end", 1, host=f"host{ids[0]}")
    assert guest.until_closed() == ([b"\x00\xff"], 4001, "the end")
    host.hears_nothing(0.2)
    assert stage.redis.llen("wsidecar:rejected") == 0


def test_an_old_listener_left_running_marks_what_nobody_has_got(stage, ids):
    """The trap: why the old receiver has to go in the same release."""
    old = stage.replica("--spring.main.sources=com.example.deleted")
    assert old.port
    ask(stage, "/messages", to=f"offline{ids[0]}", ids=ids)
    wait_until(lambda: marked(stage, ids) == [("SENT", 1)] * 2, 5, "marked, though nobody was there")
    # What its clients got differs in one thing: Spring Boot's ObjectMapper writes dates as text.
    c = stage.connect_to_endpoint(old, f"/ws/messages/still{ids[0]}")
    ask(stage, "/messages", to=f"still{ids[0]}", ids=ids)
    assert json.loads(c.recv()) == [{**m, "createdAt": "2018-10-22T01:30:00.123+00:00"} for m in frame_of(ids)]
    old.close()
