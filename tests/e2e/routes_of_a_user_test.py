"""Two endpoints of one user: what is for one of them, by `route` in `to` and `except`."""

import json

import pytest

from support.app import commands
from support.waiting import stays, wait_until

ROUTES = [{"path": "/ws/messages/{rest...}", "name": "messages"}, {"path": "/ws/notices", "name": "notices"}, {"path": "/ws/{rest...}"}]
MESSAGES, NOTICES = "/ws/messages/1", "/ws/notices"


@pytest.fixture
def pods(world):
    world.config = {"routes": ROUTES, "outbox": {"grace": "20s"}}
    return world.pod(), world.pod()


def page(world, pod, path, user="alice"):
    return world.connect(pod, user=user, alias=[f"id={user}"], join=["g"], path=path)


def gone(world, c):
    c.hears_nothing(0.05)
    c.drop()
    wait_until(lambda: not world.redis.exists(world.key(f"conn:{c.id}")), 5, "its end")


def receipts(world):
    return [json.loads(x) for x in world.redis.lrange(world.key("receipts"), 0, -1)]


TARGETS = {"user": {"user": "alice"}, "alias": {"alias": "id=alice"}, "group": {"group": "g"}, "all": {"all": True},
           "users": {"user": ["alice", "bob"]}}


@pytest.mark.parametrize("kind", TARGETS)
def test_a_push_for_one_route_reaches_that_page_alone(world, pods, kind):
    a, b = pods
    notices, messages, other = page(world, a, NOTICES), page(world, b, MESSAGES), page(world, a, "/ws/other")
    push = lambda text, **more: world.push({"to": TARGETS[kind] | more, "text": text})
    push("1", route="notices")
    push("2", route="messages")
    push("3", route=["messages", "notices"])
    push("4", route="/ws/{rest...}")
    push("5", route="no such")
    push("6")
    assert [notices.recv() for _ in "136"] == ["1", "3", "6"]
    assert [messages.recv() for _ in "236"] == ["2", "3", "6"]
    assert [other.recv() for _ in "46"] == ["4", "6"]
    for c in (notices, messages, other):
        c.hears_nothing(0.1)


def test_a_connection_and_an_exception_are_of_a_route_too(world, pods):
    a, b = pods
    notices, messages = page(world, a, NOTICES), page(world, b, MESSAGES)
    world.push({"to": {"connection": notices.id, "route": "messages"}, "text": "nobody"},
               {"to": {"connection": notices.id, "route": "notices"}, "text": "1"},
               {"to": {"user": "alice"}, "except": {"user": "alice", "route": "notices"}, "text": "2"},
               {"to": {"group": "g"}, "except": {"group": "g", "route": "messages"}, "text": "3"},
               {"to": {"all": True}, "except": {"alias": "id=alice", "route": ["messages", "notices"]}, "text": "4"})
    assert [notices.recv() for _ in "13"] == ["1", "3"]
    assert messages.recv() == "2"
    for c in (notices, messages):
        c.hears_nothing(0.2)


@pytest.mark.parametrize("kind", ["user", "alias"])
@pytest.mark.parametrize("mailbox", [True, False])
def test_mailbox_and_grace_are_of_the_route(world, pods, kind, mailbox):
    a, b = pods
    messages, notices = page(world, a, MESSAGES), page(world, a, NOTICES)
    gone(world, notices)
    world.push(*[{"to": TARGETS[kind] | {"route": "notices"}, "text": t, "mailbox": mailbox, "id": t, "receipt": world.key("receipts")} for t in "12"])
    wait_until(lambda: len(receipts(world)) == 2, 3)
    assert [r["outcome"] for r in receipts(world)] == ["stored"] * 2
    another = page(world, b, MESSAGES)
    another.hears_nothing(0.2)
    again = page(world, b, NOTICES)
    assert [again.recv() for _ in "12"] == ["1", "2"]
    wait_until(lambda: [r["outcome"] for r in receipts(world)][2:] == ["delivered"] * 2, 3) if not again.hears_nothing(0.1) else None
    assert all(r["user" if kind == "user" else "alias"] == ("alice" if kind == "user" else "id=alice") for r in receipts(world))
    messages.hears_nothing(0.1)


def test_no_connection_is_of_the_route(world, pods):
    a, b = pods
    messages = page(world, a, MESSAGES)
    world.push({"to": {"user": "alice", "route": "notices"}, "text": "1", "id": "1", "receipt": world.key("receipts")})
    wait_until(lambda: receipts(world), 3)
    assert [r["outcome"] for r in receipts(world)] == ["no_connection"]
    messages.hears_nothing(0.1)


def test_what_a_page_does_not_confirm_waits_for_the_next_of_its_route(world, pods):
    a, b = pods
    messages = page(world, a, MESSAGES)
    deaf = world.connect(a, user="alice", path=NOTICES, auto_pong=False)
    world.push({"to": {"user": "alice", "route": "notices"}, "text": "1"})
    assert deaf.recv() == "1"
    deaf.reset()
    messages.hears_nothing(0.3)
    again = page(world, b, NOTICES)
    assert again.recv() == "1"
    again.hears_nothing(0.2)


def test_what_a_group_got_meanwhile_is_for_the_page_of_its_route(world, pods):
    a, b = pods
    notices, messages = page(world, a, NOTICES), page(world, a, MESSAGES)
    gone(world, notices)
    gone(world, messages)
    world.push({"to": {"group": "g", "route": "messages"}, "text": "for messages"}, {"to": {"group": "g"}, "text": "for both"})
    wait_until(lambda: world.redis.xlen(world.key("kept:group:g")) == 2, 3)
    first = page(world, b, NOTICES)
    assert first.recv() == "for both"
    first.hears_nothing(0.3)
    second = page(world, a, MESSAGES)
    assert second.recv() == "for messages"
    second.hears_nothing(0.2)
    first.hears_nothing(0.1)


@pytest.mark.parametrize("push", [{"to": {"group": "g", "route": "notices"}}, {"to": {"all": True, "route": "notices"}},
                                  {"to": {"group": "g"}, "except": {"all": True, "route": "messages"}}], ids=["group", "all", "except"])
@pytest.mark.parametrize("others", ["stay", "go_later", "come_first"])
def test_what_a_group_got_waits_for_a_page_whose_others_are_there(world, pods, push, others):
    a, b = pods
    notices, messages = page(world, a, NOTICES), page(world, b, MESSAGES)
    gone(world, notices)
    if others != "stay":
        gone(world, messages)
    world.push({**push, "text": "for notices", "receipt": world.key("receipts"), "id": "x"})
    wait_until(lambda: receipts(world), 3)
    if others == "come_first":
        messages = page(world, a, MESSAGES)
    if others != "go_later":
        messages.hears_nothing(0.3)
    again = page(world, b, NOTICES)
    assert again.recv() == "for notices"
    again.hears_nothing(0.3)
    final = [r for r in receipts(world) if r["outcome"] in ("delivered", "no_connection", "dropped")]
    assert [(r["outcome"], r.get("connection")) for r in final] == [("delivered", again.id)], receipts(world)


def test_each_page_gets_what_its_group_had_while_it_was_away(world, pods):
    a, b = pods
    notices, messages = page(world, a, NOTICES), page(world, b, MESSAGES)
    for one, other, path in ((notices, messages, NOTICES), (messages, notices, MESSAGES)):
        gone(world, one)
        world.push({"to": {"group": "g"}, "text": path})
        if one is notices:
            assert other.recv() == path
        again = page(world, b, path)
        assert again.recv() == path
        again.hears_nothing(0.2)
        notices = again
        world.clients.append(again)


def test_channels_of_a_user_are_for_all_routes_and_an_envelope_on_a_channel_is_not(world, pods):
    a, b = pods
    notices, messages = page(world, a, NOTICES), page(world, b, MESSAGES)
    world.publish("user:alice", "1")
    assert notices.recv() == messages.recv() == "1"
    world.publish("push", json.dumps({"to": {"user": "alice", "route": "notices"}, "text": "2"}))
    assert notices.recv() == "2"
    messages.hears_nothing(0.2)


@pytest.mark.parametrize("to", [{"route": "notices"}, {"all": False, "route": "notices"}, {"user": "alice", "route": 1}, {"user": "alice", "route": []}])
def test_a_route_alone_is_no_target(world, to):
    pod = world.pod()
    world.push({"to": to, "text": "x"}, {"to": {"user": "alice"}, "except": {"route": "notices"}, "text": "x"})
    wait_until(lambda: len(world.rejected()) == 2, 3)
    assert {r["reason"].split(":")[0] for r in world.rejected()} <= {"no_target", "bad_target"}
    assert pod.metric("wsidecar_rejected_total") == 2


def test_a_sources_route_and_id(world):
    name = world.prefix.rstrip(":") + "-s"
    world.config = {"routes": ROUTES, "sources": [
        {"channel": name + "-c", "to": {"user": "{/userId}", "route": "notices"}, "id": "/id", "data": "/text"},
        {"list": name + "-l", "to": {"user": "{/userId}", "route": "messages"}, "except": {"alias": "{/not}", "route": "notices"}, "id": "/id",
         "data": "/text"}]}
    pod = world.pod()
    notices, messages = page(world, pod, NOTICES), page(world, pod, MESSAGES)
    entry = lambda text, **more: json.dumps({"userId": "alice", "text": text, **more})
    world.redis.publish(name + "-c", entry("1", id="n-1"))
    world.redis.publish(name + "-c", entry("twice", id="n-1"))
    world.redis.publish(name + "-c", entry("2", id=7))
    world.redis.publish(name + "-c", entry("3", id={"no": "id"}))
    assert [notices.recv() for _ in "123"] == ["1", "2", "3"]
    world.redis.rpush(name + "-l", entry("1", id="m-1"), entry("twice", id="m-1"), entry("2"), entry("3", **{"not": "id=alice"}))
    assert [messages.recv() for _ in "123"] == ["1", "2", "3"]
    for c in (notices, messages):
        c.hears_nothing(0.2)
    pod.wait_reason("duplicate", 2)


def test_a_route_that_is_not_configured_is_refused_in_a_source(world):
    world.config = {"routes": ROUTES, "sources": [{"channel": "c", "to": {"user": "{/u}", "route": "notice"}}]}
    pod = world.pod(wait="")
    pod.expected_exit = {2}
    assert pod.wait_exit(10) == 2
    assert "'notice' is no route's name" in pod.output()


def test_both_pages_of_a_user_count_as_connections(world, pods):
    a, b = pods
    one, two = page(world, a, NOTICES), page(world, b, MESSAGES)
    assert set(world.presence("alice")) == {one.id, two.id}
    gone(world, one)
    gone(world, two)
    stays(lambda: not world.redis.keys(world.key("where:*")), 0.2)
    b.app.answers["connect"] = commands(("Ws-User", "alice"))
