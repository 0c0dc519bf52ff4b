"""Apps whose WebSocketHandler beans and endpoint classes stay, on the library of sidecar/java."""

import json
import re

import pytest

from support.kept import same
from support.spring import Browser
from support.stomp import Stomp
from support.ws import Refused


# The repository of Spring Session that says when a session ends.
NOTICE = {"sources": "com.example.deleted,com.example.session", "arguments": ["--spring.session.redis.repository-type=indexed"]}


@pytest.fixture(scope="module")
def notice(make_kept):
    return make_kept("notice", lease="1s", ping="5m", **NOTICE)


def logged_in(stage, name, at=0):
    b, port = Browser(), stage.replicas[at].port
    page = b.get(port, "/login", expect=200).text
    token = re.search(r'name="_csrf"[^>]*value="([^"]+)"', page).group(1)
    b.post(port, "/login", {"username": name, "password": "secret", "_csrf": token}, expect=302)
    return b


def business(stage, browser, at, target, expect=200, **form):
    token = browser.get(stage.replicas[at].port, "/csrf", expect=200).text
    browser.post(stage.replicas[at].port, target, {**form, "_csrf": token}, expect=expect)


def test_a_handler_behind_spring_security_reaches_its_users_on_both_replicas(notice):
    alice, bob = logged_in(notice, "alice", 0), logged_in(notice, "张三", 1)
    hers = [notice.connect(p, "/ws/notices", alice.cookie) for p in notice.pods]
    his = notice.connect(notice.pods[1], "/ws/notices", bob.cookie)
    business(notice, bob, 1, "/notices", userId="42", title="新通知", content="a=b & <c>")
    for c in hers:
        text = c.recv()
        assert json.loads(text)["title"] == "新通知" and "\\u003d" in text
        c.hears_nothing(0.1)
    his.hears_nothing(0.1)
    assert notice.redis.publish("wsidecar:user:张三", "hi") == 1 and his.recv() == "hi"  # the Principal's name is known to wsidecar


def test_who_is_not_logged_in_is_refused_as_before(notice):
    with pytest.raises(Refused) as refused:
        notice.connect(notice.pods[0], "/ws/notices")
    assert refused.value.status == 302 and "/login" in refused.value.response.header("Location")


def test_a_logout_of_spring_session_closes_its_stomp_connections(notice, make_kept):
    def play(stage):
        alice, other = logged_in(stage, "alice"), logged_in(stage, "alice")
        clients = [Stomp(stage.front(0).port, "/stomp", b.cookie) for b in (alice, other)]
        business(stage, alice, 0, "/logout", expect=302)
        shown = clients[0].ws.until_closed()
        clients[1].hears_nothing(0.3)
        clients[1].ws.close()
        return shown

    before = make_kept("notice", pods=False, replicas=1, **NOTICE)
    assert same(notice, before, play) == ([], 1008, "This connection was established under an authenticated HTTP Session that has expired")


def test_only_wsidecar_sends_events(notice):
    port = notice.replicas[0].port
    event = [("ce-type", "wsidecar.message"), ("ce-id", "x:1"), ("ce-connectionid", "x"), ("ce-source", "/wsidecar/y"),
             ("webhook-id", "x:1"), ("webhook-timestamp", "1"), ("webhook-signature", "v1,AAAA")]
    r = Browser().post(port, "/ws/notices", "forged", event)
    assert (r.status, r.text) == (403, "not signed by wsidecar\n")


def test_a_killed_app_and_a_killed_wsidecar_leave_users_reachable(notice):
    alice = logged_in(notice, "alice", 0)
    hers = [notice.connect(p, "/ws/notices", alice.cookie) for p in notice.pods]
    notice.stop(0)
    notice.begin(0)  # its own listener runs again, and its map has her session again
    alice = logged_in(notice, "alice", 0)
    business(notice, alice, 1, "/notices", userId="42", title="after", content="")
    for c in hers:
        assert json.loads(c.recv())["title"] == "after"
        c.hears_nothing(0.5)  # and has confirmed it: else it comes again, to the next test
    dies_with_its_pod(notice, "/ws/notices", alice.cookie, lambda: business(notice, alice, 0, "/notices", userId="42", title="again", content=""),
                      [*hers], lambda m: json.loads(m)["title"] == "again")


def dies_with_its_pod(stage, path, headers, push, others, right):
    """A connection on a third wsidecar, which is killed: the client redials, and everyone is told once."""
    pod = stage.pod(stage.replicas[1], lease="1s")
    lost = stage.connect(pod, path, headers)
    push()
    assert right(lost.recv()) and all(right(c.recv()) for c in others)
    pod.kill()
    stage.pods.remove(pod)
    pod.close()
    again = stage.connect(stage.pods[0], path, headers)
    push()
    for c in (again, *others):
        assert right(c.recv())
        c.hears_nothing(0.2)


@pytest.fixture(scope="module")
def message(make_kept):
    return make_kept("message", lease="1s", ping="5m")


def test_a_handler_with_a_pattern_and_a_jdk_serialized_push(message):
    here, there = (message.connect(p, "/ws/messages/zhangsan") for p in message.pods)
    other = message.connect(message.pods[0], "/ws/messages/lisi")
    Browser().post(message.replicas[1].port, "/messages", {"to": "zhangsan", "ids": "7,8"}, expect=200)
    for c in (here, there):
        assert [m["id"] for m in json.loads(c.recv())] == [7, 8]
    other.hears_nothing(0.1)


def test_a_killed_app_and_a_killed_wsidecar_leave_pushes_whole(message):
    here, there = (message.connect(p, "/ws/messages/wangwu") for p in message.pods)
    message.stop(0)
    message.begin(0)

    def push(to="wangwu"):
        Browser().post(message.replicas[0].port, "/messages", {"to": to, "ids": "9"}, expect=200)

    def right(m):
        return [one["id"] for one in json.loads(m)] == [9]

    push()
    assert right(here.recv()) and right(there.recv())
    dies_with_its_pod(message, "/ws/messages/zhaoliu", [], lambda: push("zhaoliu"), [], right)  # the app's map has one session for a name


@pytest.fixture(scope="module")
def table(make_kept):
    return make_kept("table", lease="1s", ping="5m")


def test_an_endpoint_with_path_parameters(table):
    u1, u2, u3 = (table.connect(table.pods[n % 2], f"/wsapp/T8/{u}") for n, u in enumerate(("u1", "u2", "u3")))
    other = table.connect(table.pods[0], "/wsapp/T9/u2")
    Browser().post(table.replicas[1].port, "/orders", {"serializer": "json", "tableId": "T8", "from": "u1", "dish": "鱼香肉丝"}, expect=200)
    for c in (u2, u3):
        assert json.loads(c.recv())["dish"] == "鱼香肉丝"
    for c in (u1, other):
        c.hears_nothing(0.1)


def test_a_killed_app_and_a_killed_wsidecar_leave_the_table_complete(table):
    u1, u2 = (table.connect(p, f"/wsapp/T5/u{n}") for n, p in enumerate(table.pods, 1))
    table.stop(0)
    table.begin(0)

    def push():
        Browser().post(table.replicas[0].port, "/orders", {"serializer": "json", "tableId": "T5", "from": "u9", "dish": "汤"}, expect=200)

    def right(m):
        return json.loads(m)["dish"] == "汤"

    push()
    assert right(u1.recv()) and right(u2.recv())
    dies_with_its_pod(table, "/wsapp/T5/u3", [], push, [u1, u2], right)
