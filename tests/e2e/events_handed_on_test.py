"""Disconnect events that one app does not take, or that Redis' answer or a pod is lost with: some app hears of each end, once."""

import threading
import time

import pytest

from support.app import HANG, Answer, commands
from support.waiting import stays, wait_until
from support.ws import Closed, Refused

QUICK = {"lease": "1s", "app": {"timeout": "1s", "retry": {"deadline": "600ms", "down_deadline": "600ms"}}}


def ends(connection, *pods):
    """The disconnect events of it that an app has taken, by which app."""
    return [(n, e) for n, p in enumerate(pods) for e in p.app.events("disconnect", ws=connection)]


def owed(world):
    return [k.decode() for k in world.redis.keys(world.key("lost*"))]


def refuses(pod):
    pod.app.answer(disconnect=Answer(503))


def does_not_listen(pod):
    pod.app.refuse()


def says_too_many(pod):
    pod.app.answer(disconnect=Answer(429, [("Retry-After", "1")]))


@pytest.mark.parametrize("trouble", [refuses, does_not_listen, says_too_many])
def test_what_its_app_does_not_take_another_pods_app_gets(world, trouble):
    world.config = QUICK
    a, b = world.pod(), world.pod()
    c = world.connect(a, user="alice", path="/ws/orders?token=1")
    a.app.answer(message=Answer(204, [("Ws-State", "cart=7")]))
    c.send("x")
    a.app.wait_event("message")
    trouble(a)
    c.close(4000, "enough")
    event = b.app.wait_event("disconnect", timeout=10, ws=c.id)
    assert event.header("ce-id") == event.header("Idempotency-Key") == f"{c.id}:end"
    assert event.header("ce-source") == f"/wsidecar/{a.instance}"
    assert event.header("ce-subject") == "/ws/orders" and event.decoded("ce-userid") == "alice"
    assert event.header("ws-close-code") == "4000" and event.decoded("ws-close-reason") in ("enough", None)
    assert event.header("ws-reason") != "pod_lost"
    assert event.decoded("ws-state") == "cart=7"
    wait_until(lambda: not owed(world), 3, f"nothing owed, not {owed(world)}")
    if trouble is does_not_listen:
        a.app.accept_again()
    a.app.answers.clear()
    stays(lambda: len(ends(c.id, b)) == 1, 0.7)
    assert not world.redis.exists(world.key(f"conn:{c.id}"), world.key(f"conns:{a.instance}"), world.key("presence:alice"))


def test_what_no_app_takes_is_offered_again_until_one_does(world):
    world.config = QUICK
    a, b = world.pod(), world.pod()
    c = world.connect(a, user="alice")
    for p in (a, b):
        refuses(p)
    c.close()
    wait_until(lambda: ends(c.id, b), 10, "an offer to b's app")
    assert ends(c.id, a)
    wait_until(lambda: len(ends(c.id, b)) > 2, 10, "more than one")
    b.app.answers.clear()
    a.app.answers.clear()
    before = len(ends(c.id, a, b))
    wait_until(lambda: len(ends(c.id, a, b)) > before, 20, "the last offer")
    wait_until(lambda: not owed(world), 3, "nothing owed")
    stays(lambda: len(ends(c.id, a, b)) == before + 1, 1)


def test_one_pod_alone_offers_it_again_to_its_own_app(world):
    world.config = QUICK
    pod = world.pod()
    c = world.connect(pod, user="alice")
    refuses(pod)
    c.close()
    wait_until(lambda: owed(world), 10, "it to be owed")
    pod.app.answers.clear()
    before = len(ends(c.id, pod))
    wait_until(lambda: len(ends(c.id, pod)) > before, 20, "the next offer")
    wait_until(lambda: not owed(world), 3, "nothing owed")


def test_a_pod_that_leaves_hands_on_what_its_app_does_not_take(world):
    world.config = QUICK
    a, b = world.pod(), world.pod()
    clients = [world.connect(a, user=f"u{n}") for n in range(3)]
    refuses(a)
    a.terminate()
    for c in clients:
        assert c.closed(8)[0] == 1001
    assert a.wait_exit(15) == 0
    for c in clients:
        assert b.app.wait_event("disconnect", timeout=10, ws=c.id).header("ce-id") == f"{c.id}:end"
    stays(lambda: len(b.app.events("disconnect")) == 3, 0.5)


def test_a_pod_that_is_killed_with_an_event_in_hand_leaves_it_to_another(world):
    world.config = {**QUICK, "app": {"timeout": "20s", "retry": {"deadline": "20s"}}}
    a, b = world.pod(), world.pod()
    c = world.connect(a, user="alice")
    time.sleep(3.1)  # b may reap from here on
    a.app.answer(disconnect=HANG)
    c.close()
    a.app.wait_event("disconnect")
    a.kill()
    event = b.app.wait_event("disconnect", timeout=8)
    assert event.header("ce-id") == f"{c.id}:end"
    stays(lambda: len(b.app.events("disconnect")) == 1, 0.5)


def test_what_nobody_takes_for_lost_event_age_is_given_up_and_counted(world):
    world.config = {**QUICK, "app": {"timeout": "1s", "retry": {"deadline": "300ms", "down_deadline": "300ms", "lost_event_age": "2s"}}}
    a, b = world.pod(), world.pod()
    c = world.connect(a, user="alice")
    for p in (a, b):
        refuses(p)
    c.close()
    given_up = lambda: sum(p.metric("wsidecar_disconnect_events_given_up_total") for p in (a, b))
    wait_until(lambda: given_up() == 1, 20, "the count", step=0.1)
    assert any(p.logged("given up", connection=c.id, level="warn") for p in (a, b))
    wait_until(lambda: not owed(world), 3, "nothing owed")
    before = len(ends(c.id, a, b))
    stays(lambda: len(ends(c.id, a, b)) == before, 0.7)


def test_what_ends_while_redis_is_away_is_handed_on_when_it_is_back(world, own_redis):
    server = world.redis_server = own_redis(appendonly="yes", appendfsync="always")
    world.config = QUICK
    a, b = world.pod(), world.pod()
    c = world.connect(a, user="alice")
    refuses(a)
    server.stop()
    d = world.connect(a, user="bob")  # of whom Redis has never heard
    c.close()
    d.close()
    for x in (c, d):
        wait_until(lambda: len(ends(x.id, a)) > 1, 5, "a second try")
    time.sleep(1)  # the deadline passes
    server.start()
    world._redis = None
    for x in (c, d):
        b.app.wait_event("disconnect", timeout=12, ws=x.id)
    stays(lambda: len(ends(c.id, b)) == len(ends(d.id, b)) == 1, 0.5)


# ------------------------------------------------------------------------------------------------- an answer that is lost

@pytest.mark.parametrize("stage", ["taking", "ending"])
def test_an_event_whose_taking_or_ending_redis_did_and_could_not_say_is_told(world, proxy_to, stage):
    world.config = {"lease": "1s"}
    proxy = proxy_to(world.redis_server.port)
    a, b = world.pod(redis={"url": proxy.url()}), world.pod()
    c = world.connect(b, user="alice")
    time.sleep(3.1)  # a may reap from here on
    b.kill()
    mine = world.key(f"lost:{a.instance}")
    if stage == "ending":
        proxy.hold("commands", f"{c.id}", answer=True)  # what names it: evacuation does not, the end of the work does
    deadline = time.monotonic() + 10
    while stage == "taking":
        proxy.hold("commands", "\r\nlost\r\n", answer=True)
        proxy.wait_held()
        taken = False
        for _ in range(20):  # Redis needs a moment for what is on its way to it
            taken = taken or bool(world.redis.llen(mine))
            time.sleep(0.002)
        if taken:
            break
        proxy.release()
        assert time.monotonic() < deadline, "the event was never taken"
    if stage == "ending":
        proxy.wait_held(10)
        a.app.wait_event("disconnect", timeout=5, ws=c.id)
    proxy.caught.reset()
    a.wait_ready()
    event = a.app.wait_event("disconnect", timeout=10, ws=c.id)
    assert event.header("ce-id") == f"{c.id}:end" and event.header("ws-reason") == "pod_lost"
    wait_until(lambda: not owed(world), 5, "nothing owed")
    stays(lambda: len(ends(c.id, a)) == 1, 0.7)


# ---------------------------------------------------------------------------------------------------- fenced handshakes

def dial(pod, came):
    def go():
        try:
            came.append(pod.connect(timeout=15))
        except (Refused, Closed, OSError, TimeoutError) as e:
            came.append(e)
    thread = threading.Thread(target=go)
    thread.start()
    return thread


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["its app is asked", "it is being registered", "it has just been registered"])
def test_a_handshake_under_way_on_a_pod_that_is_replaced_ends_once(world, proxy_to, moment):
    world.config = {"lease": "1s"}
    proxy = proxy_to(world.redis_server.port)
    a, b = world.pod(redis={"url": proxy.url()}), world.pod()
    world.connect(a, user="warm")  # Redis knows the scripts
    time.sleep(3.1)  # b may reap from here on
    answer = commands(("Ws-User", "open-me"))
    answer.delay = 0.8 if moment == "its app is asked" else 0
    a.app.answer(connect=answer)
    if moment != "its app is asked":
        proxy.hold("commands", "\r\nopen-me\r\n", answer=moment == "it has just been registered")
    came = []
    thread = dial(a, came)
    connection = a.app.wait_events("connect", 2)[-1].ws
    if moment != "its app is asked":
        proxy.wait_held()
        time.sleep(0.02)
    a.pause()
    wait_until(lambda: b.metric("wsidecar_reaped_instances_total") == 1, 8, "the takeover")
    time.sleep(0.2)
    proxy.release()
    a.resume()
    thread.join(10)
    a.wait_ready()
    (client,) = came
    if not isinstance(client, Exception):
        world.clients.append(client)
    told = lambda: [e for _, e in ends(connection, a, b)]
    if isinstance(client, Exception):
        wait_until(told, 8, "its end")
    else:
        try:
            client.recv(1.5)
        except Closed as e:
            assert e.code == 1012
            wait_until(told, 8, "its end")
        except TimeoutError:  # it lives on under the new name: then nobody has told its end, it is registered, and ends when it does
            assert not told()
            wait_until(lambda: list(world.presence("open-me")) == [connection], 3, "presence")
            client.close()
            wait_until(told, 8, "its end")
    stays(lambda: len(told()) == 1, 1)
    wait_until(lambda: not world.presence("open-me"), 3, "nothing left")
    assert not world.redis.exists(world.key(f"conn:{connection}"))
