"""Chat: everybody on all servers hears what one says; connections are found by their id or by the user's."""

import pytest

from support.spring import Browser
from support.waiting import wait_until
from support.ws import Refused


@pytest.fixture(scope="module")
def stage(make_stage):
    return make_stage("chat")


@pytest.fixture(scope="module")
def original(make_stage):
    """The app as it was, without wsidecar."""
    return make_stage("chat", pods=False, arguments=["--spring.main.sources=com.example.deleted"])


class Guest:
    def __init__(self, stage, user, at, room="/chat/hall", beside=False):
        """Logged in at one replica, connected to the wsidecar beside it, or to the app's own endpoint."""
        self.browser = Browser()
        self.browser.post(stage.replicas[at].port, "/login", {"user": user}, expect=200)
        self.ws = stage.connect(stage.replicas[at] if beside else stage.pods[at], room, self.browser.cookie)
        hello, name, self.id = self.ws.recv().split(" ")
        assert (hello, name) == ("welcome", user)

    def says(self, text):
        self.ws.send(text)

    def hears(self):
        return self.ws.recv()


@pytest.fixture
def guests(stage):
    """c1 and c2 on the one pod, c3 on the other; gone at the end, so that tests do not hear each other."""
    here = [Guest(stage, "ana", 0), Guest(stage, "bo", 0), Guest(stage, "cy", 1)]
    yield here
    for g in here:
        g.ws.sock.close()
    wait_until(lambda: not sum(p.metric("wsidecar_connections") for p in stage.pods), 5, "all gone")


@pytest.mark.parametrize("text", ["hello 世界", '{"text":"世界"}', "[]", '"quoted"', " \n", "x" * 30000])
def test_everybody_on_all_servers_hears_what_one_says_once(guests, text):
    guests[0].says(text)
    for g in guests:
        assert g.hears() == text
    for g in guests:
        g.ws.hears_nothing(0.1)


def test_the_original_said_the_same_to_the_same(original):
    ana, cy = Guest(original, "ana", 0, beside=True), Guest(original, "cy", 1, beside=True)
    ana.says("hello 世界")
    assert [g.hears() for g in (ana, cy)] == ["hello 世界"] * 2
    ana.says("@ana me")
    assert ana.hears() == "@ana me"
    # And this is what it could not do: the other server's sessions are not in the map.
    ana.says("@cy psst")
    ana.says(f"@{cy.id} psst")
    cy.ws.hears_nothing(0.3)


def test_a_connection_is_found_by_user_id_and_by_connection_id_on_any_server(guests):
    ana, bo, cy = guests
    ana.says("@cy psst")
    assert cy.hears() == "@cy psst"
    ana.says(f"@{cy.id} this window")
    assert cy.hears() == f"@{cy.id} this window"
    cy.says("@ana yes")
    assert ana.hears() == "@ana yes"
    for g in guests:
        g.ws.hears_nothing(0.1)


def test_what_one_says_stays_in_order(guests):
    ana, _, cy = guests
    for n in range(50):
        ana.says(str(n))
    for g in (ana, cy):
        assert [g.hears() for _ in range(50)] == [str(n) for n in range(50)]


def test_inbound_goes_to_the_channel_without_the_app(stage, guests):
    lobby = Guest(stage, "di", 1, "/lobby")
    lobby.says("from the lobby 世界")
    for g in [*guests, lobby]:
        assert g.hears() == "from the lobby 世界"
    lobby.ws.sock.close()


def test_nobody_logged_in_is_refused(stage):
    with pytest.raises(Refused) as refused:
        stage.connect(stage.pods[0], "/chat/hall")
    assert refused.value.status == 401


def test_a_session_that_only_the_other_jvm_has_is_not_found(stage):
    """The trap of Tomcat's own sessions: stickiness in front, or Spring Session."""
    browser = Browser()
    browser.post(stage.replicas[0].port, "/login", {"user": "eve"}, expect=200)
    with pytest.raises(Refused) as refused:
        stage.connect(stage.pods[1], "/chat/hall", browser.cookie)
    assert refused.value.status == 401
    stage.connect(stage.pods[0], "/chat/hall", browser.cookie).sock.close()


def test_the_app_restarts_and_nobody_loses_the_connection(stage, guests):
    ana, bo, cy = guests
    stage.stop(0)
    ana.says("still here")
    stage.begin(0)
    for g in guests:
        assert g.hears() == "still here"
