"""What the apps of the surviving pods hear of a pod that died: one kill -9, and all tests look at what came of it."""

import time
from dataclasses import dataclass

import pytest

from support.app import HANG, commands
from support.http import HttpConnection
from support.waiting import stays, wait_until
from support.ws import upgrade_request

pytestmark = pytest.mark.slow


@dataclass
class Aftermath:
    dead: object
    dead_instance: str
    survivors: list
    told: object  # what the survivors' apps were told, by connection id
    full: str  # a connection with everything
    others: set
    waiting: str  # its message was at the app
    connecting: str  # its connect event was at the app
    same_user: str  # of the same user, on a pod that lives


@pytest.fixture(scope="module")
def after(shared):
    shared.config = {"lease": "1s", "routes": [{"path": "/ws/{rest...}"},
                                               {"path": "/chat/{room}", "event_path": "/hooks/{event}/{room}"}]}
    a, b, c = shared.pod(), shared.pod(), shared.pod()
    same = shared.connect(b, user="%E5%BC%A0")
    a.app.answer(connect=commands(Ws_User="%E5%BC%A0", Ws_State="s%201"), message=HANG)
    full = shared.connect(a, path="/chat/%E6%A1%8C?token=1",
                          headers=[("Cookie", "S=1"), ("Authorization", "Bearer t"), ("User-Agent", "u")])
    others = {shared.connect(a, user=f"u{i}").id for i in range(30)}
    waiting = shared.connect(a, user="w")
    waiting.send("at most once")
    a.app.wait_event("message")
    a.app.answer(connect=HANG)
    with HttpConnection(a.port) as half:
        half.send(upgrade_request("/ws/half"))
        wait_until(lambda: a.app.events("connect")[-1].target == "/ws/half", 3)
        connecting = a.app.events("connect")[-1].ws
        instance = a.instance
        a.kill()

        def told(ws=None):
            return [r for p in (b, c) for r in p.app.events("disconnect", ws=ws)]
        wait_until(lambda: len(told()) >= 33, 15, "an event for each connection")
    yield Aftermath(a, instance, [b, c], told, full.id, others, waiting.id, connecting, same.id)


def test_the_event_says_what_the_registry_knows(after, shared):
    gone = after.told(after.full)[0]
    assert gone.target == "/hooks/disconnect/%E6%A1%8C"
    assert gone.header("ce-id") == gone.header("Idempotency-Key") == f"{after.full}:end"
    assert gone.header("ce-source") == f"/wsidecar/{after.dead_instance}"
    assert gone.header("ce-subject") == "/chat/%E6%A1%8C"
    assert gone.header("ce-connectionid") == after.full
    assert gone.decoded("ce-userid") == "张"
    assert gone.decoded("ws-state") == "s 1"
    assert gone.header("ws-path-room").encode("latin-1").decode() == "桌"
    assert gone.header("ws-close-code") == "1006"
    assert gone.header("ws-reason") == "pod_lost"
    assert gone.header("ws-user-connections") == "1"
    assert set(shared.presence("张")) == {after.same_user}


def test_the_event_has_nothing_of_the_handshake_and_no_sequence(after):
    gone = after.told(after.full)[0]
    for name in ("Cookie", "Authorization", "User-Agent", "X-Forwarded-For", "ce-sequence"):
        assert gone.header(name) is None


def test_each_connection_gets_one_event(after):
    assert {r.ws for r in after.told()} == after.others | {after.full, after.waiting, after.connecting}
    stays(lambda: len(after.told()) == 33, 1)


def test_a_connect_event_that_was_under_way_is_ended_too(after):
    gone = after.told(after.connecting)[0]
    assert gone.header("ce-id") == f"{after.connecting}:end"
    assert gone.header("ws-reason") in ("pod_lost", "not_established")


def test_a_message_that_was_under_way_is_not_sent_again(after):
    assert len(after.dead.app.events("message")) == 1
    assert not [r for p in after.survivors for r in p.app.events("message")]


def test_a_router_that_dies_is_taken_over_as_soon_as_any_other_instance(world):
    """While nobody routes, no canary comes back through the outbox. So the survivors dial again, in case they are at the wrong Redis; what they have
    seen of the dead instance still counts."""
    world.config = {"lease": "24s"}
    router = world.pod()
    router.wait_logged(message="routes the outbox")
    survivors = [world.pod(), world.pod()]
    started = time.monotonic()  # from here on, a survivor takes over after the lease + 2 s at the earliest
    alice = world.connect(router, user="alice", join=["g"], auto_pong=False)
    world.push({"to": {"group": "g"}, "text": "1"})
    assert alice.recv() == "1"
    router.kill()
    wait_until(lambda: world.redis.hlen(world.key("instances")) == 2, 60, "the takeover", step=0.1)
    took = time.monotonic() - started
    assert all(p.logged("no canary came back", message="connection lost") for p in survivors), "as in production: the lease is longer than that"
    assert took < 24 + 2 + 3, f"{took:.1f} s"
    assert world.connect(survivors[0], user="alice", join=["g"]).recv() == "1"
