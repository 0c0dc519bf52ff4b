"""Notices addressed by user id, for users who logged in by name; the HTTP session is Spring Session's, in Redis."""

import base64
import hmac
import json
import re
import time

import pytest

from support.http import http
from support.spring import Browser
from support.waiting import wait_until
from support.ws import Refused


@pytest.fixture(scope="module")
def stage(make_stage):
    # The old endpoint and its listener run beside the new way, so that both can be compared.
    return make_stage("notice", arguments=["--spring.main.sources=com.example.deleted"], lease="1s")


def logged_in(stage, name, at=0):
    """Through the login page of one replica; its session is good at all of them."""
    b, port = Browser(), stage.replicas[at].port
    page = b.get(port, "/login", expect=200).text
    token = re.search(r'name="_csrf"[^>]*value="([^"]+)"', page).group(1)
    r = b.post(port, "/login", {"username": name, "password": "secret", "_csrf": token}, expect=302)
    assert "error" not in r.header("Location")
    return b


def business(stage, browser, at, target, expect=200, **form):
    """A form of the app, with its CSRF token."""
    token = browser.get(stage.replicas[at].port, "/csrf", expect=200).text
    browser.post(stage.replicas[at].port, target, {**form, "_csrf": token}, expect=expect)


def test_a_notice_by_user_id_reaches_every_connection_of_the_login_and_is_what_the_old_endpoint_sent(stage):
    a, b = stage.pods
    alice, bob = logged_in(stage, "alice", at=0), logged_in(stage, "bob", at=1)
    hers = [stage.connect(p, "/ws/notices", alice.cookie) for p in (a, b)]
    his = stage.connect(b, "/ws/notices", bob.cookie)
    before = stage.connect_to_endpoint(a.replica, "/ws/notices", alice.cookie)
    business(stage, bob, 1, "/notices", userId="42", title="新通知", content="a=b & <c>")
    expected = before.recv()
    assert json.loads(expected)["title"] == "新通知" and "\\u003d" in expected
    for c in hers:
        assert c.recv() == expected
    his.hears_nothing(0.2)


def test_a_login_name_that_is_not_ascii(stage):
    c = stage.connect(stage.pods[1], "/ws/notices", logged_in(stage, "张三").cookie)
    business(stage, logged_in(stage, "bob"), 0, "/notices", userId="44", title="t", content="c")
    assert json.loads(c.recv())["userId"] == 44
    assert stage.redis.publish("wsidecar:user:张三", "hi") == 1 and c.recv() == "hi"


def test_the_connect_event_has_the_http_session(stage):
    alice = logged_in(stage, "alice")
    business(stage, alice, 0, "/department", name="kitchen")
    c = stage.connect(stage.pods[1], "/ws/notices", alice.cookie)  # chosen on the one replica, known on the other
    assert stage.redis.publish("wsidecar:group:department-kitchen", "soup") == 1
    assert c.recv() == "soup"


def test_what_an_event_writes_into_the_session_is_kept_and_seen_by_the_other_replica(stage):
    bob = logged_in(stage, "bob", at=0)
    c = stage.connect(stage.pods[0], "/ws/notices", bob.cookie)
    c.send("garden")
    wait_until(lambda: bob.get(stage.replicas[1].port, "/department").text == "garden", 5, "the session's attribute")
    assert stage.redis.publish("wsidecar:group:department-garden", "weeds") == 1
    assert c.recv() == "weeds"


def test_a_login_that_has_ended_ends_the_connection_with_its_next_message(stage):
    bob = logged_in(stage, "bob")
    c = stage.connect(stage.pods[0], "/ws/notices", bob.cookie)
    cookie = bob.cookie
    business(stage, bob, 1, "/logout", expect=302)
    c.send("garden")
    assert c.closed()[0] == 4401
    with pytest.raises(Refused):
        stage.connect(stage.pods[0], "/ws/notices", cookie)


def test_without_a_login_there_is_no_connection(stage):
    for cookie in ([], [("Cookie", "SESSION=bm9ib2R5")]):
        with pytest.raises(Refused) as refused:
            stage.connect(stage.pods[0], "/ws/notices", cookie)
        assert refused.value.status == 401


def test_a_connect_event_makes_no_session(stage):
    before = set(stage.redis.keys("spring:session:sessions:*"))
    with pytest.raises(Refused):
        stage.connect(stage.pods[0], "/ws/notices")
    assert set(stage.redis.keys("spring:session:sessions:*")) == before


def last_seen(stage, name):
    return stage.redis.hgetall(f"last-seen:{name}")


def test_the_disconnect_event_is_the_users_too(stage):
    bob = logged_in(stage, "bob")
    c = stage.connect(stage.pods[0], "/ws/notices", bob.cookie)
    known = len(last_seen(stage, "bob"))
    c.close()
    wait_until(lambda: len(last_seen(stage, "bob")) == known + 1, 5, "the disconnect event")
    time.sleep(0.3)
    assert len(last_seen(stage, "bob")) == known + 1


def signature(event_id, timestamp, body=b"", secret="MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"):
    """As the Standard Webhooks specification says."""
    content = f"{event_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(base64.b64decode(secret), content, "sha256")).decode()


def test_nobody_but_wsidecar_can_send_an_event(stage):
    now = int(time.time())

    def sent(name, at=now, body=b"", signed="", **headers):
        event = {"ce-type": "wsidecar.disconnect", "ce-id": name, "ce-userid": "eve%2B+", "webhook-id": name,
                 "webhook-timestamp": str(at), "webhook-signature": signed, "Content-Length": str(len(body))}
        event.update({k.replace("_", "-"): v for k, v in headers.items()})
        return http(stage.replicas[0].port, "POST", "/ws-events/notices", [h for h in event.items() if h[1]], body, timeout=20).status

    assert sent("good:end", signed=signature("good:end", now)) == 200
    assert sent("two:end", signed="v1,AAAA " + signature("two:end", now)) == 200, "one of two secrets"
    assert sent("bare:end", webhook_id="", webhook_timestamp="") == 403
    assert sent("wrong:end", signed="v1,AAAA") == 403
    assert sent("key:end", signed=signature("key:end", now, secret="AAAA")) == 403
    assert sent("body:end", body=b"x", signed=signature("body:end", now)) == 403
    assert sent("old:end", at=now - 400, signed=signature("old:end", now - 400)) == 403
    assert sent("other:end", signed=signature("good:end", now), webhook_id="good:end") == 403
    assert set(last_seen(stage, "eve++")) == {"good:end", "two:end"}


def test_a_path_that_is_not_exempt_from_csrf_refuses_the_event(stage):
    """The trap of Spring Security: events carry no token."""
    pod = stage.pod(stage.replicas[0], prefix="csrf:", routes=[{"path": "/ws/notices", "name": "notices", "event_path": "/notices"}])
    with pytest.raises(Refused) as refused:
        stage.connect(pod, "/ws/notices", logged_in(stage, "alice").cookie)
    assert refused.value.status == 403


def test_an_endpoint_that_has_not_moved_yet_is_reached_through_wsidecar(stage):
    pod = stage.pod(stage.replicas[0], prefix="pass:", http="pass", routes=[{"path": "/ws/moved", "name": "notices"}])
    alice = logged_in(stage, "alice")
    c = stage.connect_to_endpoint(pod, "/ws/notices", alice.cookie)
    business(stage, alice, 1, "/notices", userId="42", title="t", content="still by the old handler")
    assert json.loads(c.recv())["content"] == "still by the old handler"


def test_a_survivor_says_who_has_gone_though_it_has_no_cookie(stage):
    alice = logged_in(stage, "alice")
    pod = stage.pod(stage.replicas[0], lease="1s")
    stage.connect(pod, "/ws/notices", alice.cookie)
    known = len(last_seen(stage, "alice"))
    pod.kill()
    wait_until(lambda: len(last_seen(stage, "alice")) > known, 15, "the survivor's disconnect event")
