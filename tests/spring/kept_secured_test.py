"""Rules of spring-security-messaging on the inbound channel, unchanged: who may say and hear what is what Spring Security says."""

import re
import time

import pytest

from support.sockjs import SockJsWebSocket
from support.kept import same
from support.spring import Browser
from support.stomp import Stomp


@pytest.fixture(scope="module")
def now(make_kept):
    return make_kept("secured", sources="", lease="1s", ping="5m")


@pytest.fixture(scope="module")
def then(make_kept):
    return make_kept("secured", sources="", pods=False, replicas=1)


def logged_in(stage, user):
    """A browser, and the header that its CONNECT carries."""
    b, port = Browser(), stage.replicas[0].port
    page = b.get(port, "/login", expect=200).text
    b.post(port, "/login", {"username": user, "password": "secret", "_csrf": re.search(r'name="_csrf"[^>]*value="([^"]+)"', page).group(1)}, expect=302)
    header, token = b.get(port, "/csrf", expect=200).text.split(" ")
    return b, {header: token}


def connected(stage, user, token=True, path="/stomp"):
    b, csrf = logged_in(stage, user)
    c = Stomp(stage.front(0).port, path, b.cookie, connect=False)
    stage.clients.append(c.ws)
    c.frame("CONNECT", {"accept-version": "1.2", "host": "x", **(csrf if token else {})})
    return c


def refused(stage, user, command, destination, token=True):
    """The frame that comes back before the connection is closed."""
    c = connected(stage, user, token)
    if token:
        c.expect("CONNECTED", user_name=user)
        if not stage.pods:
            time.sleep(0.3)  # Spring's own sender may still hold the session: an ERROR that waits for it is lost with the close
        c.frame(command, {"destination": destination, "id": "1"}, "x" if command == "SEND" else "")
    f = c.recv()
    c.ws.until_closed()
    return f.command, f.headers, f.body


def test_connect_needs_the_csrf_token(now, then):
    assert same(now, then, lambda stage: refused(stage, "alice", "", "", token=False))[0] == "ERROR"


@pytest.mark.parametrize("command, destination", [("SEND", "/app/admin/close"), ("SUBSCRIBE", "/topic/other"), ("SUBSCRIBE", "/queue/done-user1")])
def test_what_the_rules_forbid_is_refused_with_an_error(now, then, command, destination):
    assert same(now, then, lambda stage: refused(stage, "alice", command, destination))[0] == "ERROR"


def test_a_message_to_a_broker_destination_is_refused_by_wsidecar_itself(now, then):
    """Its words are wsidecar's: the frame does not reach the application."""
    assert same(now, then, lambda stage: refused(stage, "alice", "SEND", "/topic/rooms")[0]) == "ERROR"


def hears_what_was_missed(c, seconds):
    """A test before may have left this user between two connections: wsidecar gives him what was said since, and plain Spring does not."""
    with pytest.raises(TimeoutError):
        while True:
            c.recv(seconds)


def test_what_the_rules_allow_is_done_with_the_login(now, then):
    def play(stage):
        shown = []
        for user in ("alice", "root"):
            c = connected(stage, user)
            c.expect("CONNECTED", user_name=user)
            for id, destination in (("r", "/topic/rooms"), ("d", "/user/queue/done")):
                c.frame("SUBSCRIBE", {"id": id, "destination": destination})
            hears_what_was_missed(c, 0.5)  # the simple broker gives no receipts
            c.frame("SEND", {"destination": "/app/say"}, "hi")
            shown.append(c.message().body)
            if user == "root":
                c.frame("SEND", {"destination": "/app/admin/close"}, "room")
                shown.append(c.message().body)
            c.hears_nothing(0.5)  # and has confirmed it: else it comes again, to the next one
            c.ws.close()
        return shown

    assert same(now, then, play) == ["alice [ROLE_USER] hi", "root [ROLE_ADMIN, ROLE_USER] hi", "closed room"]


def test_sockjs_carries_the_token_too(now, then):
    def play(stage):
        b, csrf = logged_in(stage, "alice")
        shown = []
        for headers in (csrf, {}):
            c = SockJsWebSocket(stage.front(0).port, "/sock", b.cookie)
            lines = "".join(f"{k}:{v}\n" for k, v in {"accept-version": "1.2", "host": "x", **headers}.items())
            c.send(f"CONNECT\n{lines}\n\0")
            shown.append(c.recv().split("\n")[0])
        return shown

    assert same(now, then, play) == ["CONNECTED", "ERROR"]


@pytest.mark.parametrize("path", ["/stomp", "/raw", "/endpoint"])
def test_a_logout_closes_the_connections_of_its_http_session_and_no_others(now, then, path):
    def play(stage):
        b, csrf = logged_in(stage, "alice")
        other, others = logged_in(stage, "alice")
        clients = [stage.connect(stage.front(0), path, one.cookie) for one in (b, b, other)]
        if path == "/stomp":
            for c, token in zip(clients, (csrf, csrf, others)):
                c.send("CONNECT\naccept-version:1.2\n" + "".join(f"{k}:{v}\n" for k, v in token.items()) + "\n\0")
                assert c.recv().startswith("CONNECTED")
        elif not stage.pods:
            time.sleep(0.3)  # Tomcat knows a session a moment after its 101
        port = stage.replicas[0].port
        page = b.get(port, "/logout", expect=200).text
        b.post(port, "/logout", {"_csrf": re.search(r'name="_csrf"[^>]*value="([^"]+)"', page).group(1)}, expect=302)
        shown = [c.until_closed()[1:] for c in clients[:2]]
        clients[2].hears_nothing(0.3)
        clients[2].close()
        return shown

    # Tomcat's words, and its code where the specification gives one.
    assert same(now, then, play) == [(1008, "This connection was established under an authenticated HTTP session that has ended.")] * 2


def test_an_app_that_is_asked_to_end_has_not_logged_out_anybody(now):
    b, _ = logged_in(now, "alice")
    clients = [now.connect(now.front(0), path, b.cookie) for path in ("/raw", "/endpoint")]
    now.replicas[0].process.terminate()
    now.replicas[0].process.wait(30)  # its server has ended the HTTP sessions
    now.stop(0)
    now.begin(0)
    clients[1].send("still here")
    assert clients[1].recv() == "still here"
    clients[0].hears_nothing(0.3)
    for c in clients:
        c.close()


def test_a_login_outlives_the_app(now):
    c = connected(now, "root")
    c.expect("CONNECTED", user_name="root")
    c.subscribe("/topic/rooms", "r")
    now.stop(0)
    now.begin(0)
    c.send("/app/say", "after")
    assert c.message().body == "root [ROLE_ADMIN, ROLE_USER] after"


def test_who_is_not_logged_in_does_not_connect(now, then):
    def play(stage):
        c = Stomp(stage.front(0).port, "/stomp", connect=False)
        c.frame("CONNECT", {"accept-version": "1.2", "host": "x"})
        return c.recv().command

    with pytest.raises(Exception):  # Spring's login page
        play(then)
    assert play(now) == "ERROR"
