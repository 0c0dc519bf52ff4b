"""An app whose @ServerEndpoint class stays, on the library of sidecar/java: clients are shown what the original showed them."""

import pytest

from support.spring import Browser
from support.waiting import wait_until
from support.ws import Refused


@pytest.fixture(scope="module")
def chat(make_kept):
    return make_kept("chat", lease="1s")


@pytest.fixture(scope="module")
def chat_before(make_kept):
    return make_kept("chat", pods=False, replicas=1)


def guest(stage, user, at=0):
    browser = Browser()
    browser.post(stage.replicas[at].port, "/login", {"user": user}, expect=200)
    c = stage.connect(stage.front(at), "/chat/hall", browser.cookie)
    hello, name, c.id = c.recv().split(" ")
    assert (hello, name) == ("welcome", user)
    return c


def talk(stage):
    """What two windows are shown."""
    ana, bo = guest(stage, "ana"), guest(stage, "bo")
    ana.send("hello 世界")
    heard = [ana.recv(), bo.recv()]
    ana.send("@bo psst")
    heard.append(bo.recv())
    bo.send(f"@{ana.id} this window")
    heard.append(ana.recv().replace(ana.id, "ID"))
    ana.send("@nobody hm")
    for n in range(20):
        bo.send(str(n))
    heard += sorted(c.recv() for c in (ana, bo) for _ in range(20))  # Spring's listener container has a thread for each message
    for c in (ana, bo):
        c.hears_nothing(0.1)
        c.close()
    return heard


def test_a_server_endpoint_shows_what_it_showed(chat, chat_before):
    assert talk(chat) == talk(chat_before)
    chat.all_gone()


def test_a_server_endpoint_is_heard_on_both_replicas(chat):
    ana, cy = guest(chat, "ana", 0), guest(chat, "cy", 1)
    ana.send("hello")
    assert (ana.recv(), cy.recv()) == ("hello", "hello")
    for c in (ana, cy):
        c.close()


def test_a_handshake_that_the_configurator_fails_is_refused(chat):
    with pytest.raises(Refused):
        chat.connect(chat.pods[0], "/chat/hall")


def test_a_killed_app_costs_no_connection_and_its_map_has_the_session_again(chat):
    ana, cy = guest(chat, "ana", 0), guest(chat, "cy", 1)
    chat.stop(0)
    chat.begin(0)
    assert ana.recv() == f"welcome ana {ana.id}"  # opened again in the new process, by what was written down
    cy.send("still here?")
    assert (ana.recv(), cy.recv()) == ("still here?", "still here?")
    ana.send("yes")
    assert (ana.recv(), cy.recv()) == ("yes", "yes")
    for c in (ana, cy):
        c.close()
    chat.all_gone()


def test_a_killed_wsidecar_ends_its_sessions_in_the_app_beside_it(chat):
    pod = chat.pod(chat.replicas[0], lease="1s")
    browser = Browser()
    browser.post(chat.replicas[0].port, "/login", {"user": "di"}, expect=200)
    di = chat.connect(pod, "/chat/hall", browser.cookie)
    id = di.recv().split(" ")[2]
    assert id in chat.records()
    pod.kill()
    wait_until(lambda: id not in chat.records(), 15, "the session is gone")
    eve = guest(chat, "eve", 0)
    eve.send("@di are you there")  # its map has let go of it, and nothing fails
    eve.send("all")
    assert eve.recv() == "all"
    eve.close()
