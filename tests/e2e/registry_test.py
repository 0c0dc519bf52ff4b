"""Contract section 4: presence, leases, survivors, fencing."""

import threading
import time

import pytest

from support.app import Answer, commands
from support.waiting import wait_until


def leftovers(world):
    """Keys of connections or instances that nobody has any more."""
    return sorted(k.decode() for k in world.redis.keys(world.prefix + "*")
                  if any(part in k.decode() for part in (":conn:", ":conns:", "where:", "presence:", ":lost")))


def test_presence_is_a_hash_of_the_users_connections(world):
    pod = world.pod(name="shop-0")
    c = world.connect(pod, user="alice", path="/ws/orders?token=secret")
    entry = world.presence("alice")[c.id]
    assert entry["instance"].startswith("shop-0-") and entry["instance"] == pod.instance
    assert entry["path"] == "/ws/orders"
    c.close()
    pod.app.wait_event("disconnect")
    wait_until(lambda: not leftovers(world), 3, f"nothing left but {leftovers(world)}")


def test_a_restarted_pod_is_not_taken_for_its_predecessor(world):
    first, second = world.pod(name="shop-0"), world.pod(name="shop-0")
    assert first.instance != second.instance


def test_login_by_message_registers_the_connection_anew(world):
    pod = world.pod()
    c = world.connect(pod)
    pod.app.answer(message=[commands(("Ws-User", "alice")), commands(("Ws-User", "bob"))])
    c.send("login")
    wait_until(lambda: world.presence("alice"), 3, "alice")
    assert world.publish("user:alice", "x") == 1
    assert c.recv() == "x"
    c.send("login")
    wait_until(lambda: world.presence("bob"), 3, "bob")
    assert not world.presence("alice")
    assert world.publish("user:alice", "x") == 0


def test_user_connections_count_without_a_race(world):
    pods = [world.pod(), world.pod()]
    for p in pods:
        p.app.answer(connect=commands(("Ws-User", "alice")))
    clients, threads = [], []

    def go(pod):
        clients.append(pod.connect())

    for i in range(20):
        threads.append(threading.Thread(target=go, args=(pods[i % 2],)))
        threads[-1].start()
    for t in threads:
        t.join()
    world.clients += clients
    assert len(world.presence("alice")) == 20
    for c in clients:
        c.send_close()
    left = []
    for p in pods:
        left += [int(r.header("ws-user-connections")) for r in p.app.wait_events("disconnect", 10)]
    assert sorted(left) == list(range(20))  # each count once: whoever sees 0 was the last


def test_kill_9_presence_goes_and_one_survivor_speaks(world):
    world.config = {"lease": "1s"}
    pods = [world.pod() for _ in range(3)]
    clients = [world.connect(pods[0], user=f"u{i}", path="/ws/a?x=1") for i in range(5)]
    pods[0].app.answer(message=Answer(204, [("Ws-State", '{"cart": 7}')]))
    clients[0].send("x")
    pods[0].app.wait_event("message")
    dead = pods[0].instance
    wait_until(lambda: world.redis.hget(world.key(f"conn:{clients[0].id}"), "state") == b'{"cart": 7}', 3, "the state")
    time.sleep(3.2)  # survivors must have been well for lease + 2 s
    killed = time.monotonic()
    pods[0].kill()
    wait_until(lambda: not any(world.presence(f"u{i}") for i in range(5)), 6, "presence to end")
    assert time.monotonic() - killed < 4.5  # lease + 2 s, and the poll
    wait_until(lambda: sum(len(p.app.events("disconnect")) for p in pods[1:]) == 5, 5, "five disconnect events")
    time.sleep(0.5)
    events = [e for p in pods[1:] for e in p.app.events("disconnect")]
    assert sorted(e.header("ce-id") for e in events) == sorted(f"{c.id}:end" for c in clients)
    one = next(e for e in events if e.ws == clients[0].id)
    assert one.header("ce-source") == f"/wsidecar/{dead}"
    assert one.header("ws-reason") == "pod_lost"
    assert one.decoded("ce-userid") == "u0"
    assert one.header("ce-subject") == "/ws/a"
    assert one.header("ws-state") == '{"cart": 7}'
    assert one.header("ws-user-connections") == "0"
    assert one.header("Cookie") is None
    wait_until(lambda: not leftovers(world), 3, "nothing left")


def test_what_one_app_does_not_take_another_pods_gets(world):
    world.config = {"lease": "1s", "app": {"retry": {"deadline": "1s", "down_deadline": "1s"}}}
    a, b, c = world.pod(), world.pod(), world.pod()
    b.app.answer(disconnect=Answer(503))
    client = world.connect(a, user="alice")
    time.sleep(3.2)
    a.kill()
    event = c.app.wait_event("disconnect", timeout=25)
    assert event.ws == client.id


def test_a_pod_that_was_frozen_too_long_finds_itself_replaced(world):
    world.config = {"lease": "1s"}
    a, b = world.pod(), world.pod()
    c = world.connect(a, user="alice")
    old = a.instance
    time.sleep(3.2)
    a.pause()
    b.app.wait_event("disconnect", timeout=8)
    d = world.connect(b, user="alice")
    a.resume()
    assert c.closed()[0] == 1012
    a.wait_ready()
    assert a.instance != old
    time.sleep(0.5)
    assert not a.app.events("disconnect")  # a survivor spoke for it
    assert list(world.presence("alice")) == [d.id]  # it deleted nothing that others registered since
    e = world.connect(a, user="carol")
    assert world.publish("user:carol", "x") == 1
    assert e.recv() == "x"
    world.push({"to": {"user": "carol"}, "text": "y"})
    assert e.recv() == "y"


def test_an_outage_of_redis_reaps_nobody(world, own_redis):
    world.redis_server = own_redis(appendonly="yes")
    world.config = {"lease": "1s"}
    a, b = world.pod(), world.pod()
    c, d = world.connect(a, user="alice"), world.connect(b, user="bob")
    world.redis_server.stop()
    time.sleep(3)  # both leases have ended
    world.redis_server.start()
    world._redis = None
    a.wait_ready()
    b.wait_ready()
    time.sleep(3.5)
    assert len(world.presence("alice")) == len(world.presence("bob")) == 1
    assert not a.app.events("disconnect") and not b.app.events("disconnect")
    for client in (c, d):
        client.round_trip()


def test_without_redis_connections_are_taken_and_registered_when_it_is_back(world, own_redis):
    server = world.redis_server = own_redis()
    server.stop()
    pod = world.pod(wait="listening")
    started = time.monotonic()
    c = world.connect(pod, user="alice")
    assert time.monotonic() - started < 1.5
    pod.app.answer(message=Answer(200, {"Content-Type": "text/plain"}, b"inbound goes on"))
    c.send("x")
    assert c.recv() == "inbound goes on"
    d = world.connect(pod, user="bob")
    d.close()
    pod.app.wait_event("disconnect", user="bob")
    server.start()
    wait_until(lambda: world.presence("alice"), 5, "alice")
    wait_until(lambda: world.publish("user:alice", "y") == 1, 5, "the subscription, which has a connection of its own")
    assert c.recv() == "y"
    assert not world.presence("bob")


def test_connections_that_end_while_redis_is_away_are_taken_out_when_it_is_back(world, own_redis):
    world.redis_server = own_redis(appendonly="yes", appendfsync="always")
    pod = world.pod()
    c = world.connect(pod, user="alice")
    world.redis_server.stop()
    c.close()
    pod.app.wait_event("disconnect")
    world.redis_server.start()
    world._redis = None
    wait_until(lambda: not leftovers(world), 5, "nothing left")


@pytest.mark.parametrize("other", [{"lease": "3s"}, {"outbox": {"pop": "right"}}, {"outbox": {"key": "queue"}}])
def test_an_instance_configured_otherwise_says_so_and_exits_2(world, other):
    world.config = {"lease": "2s"}
    world.pod()
    odd = world.pod(wait=None, **other)
    odd.expected_exit = {2}
    assert odd.wait_exit() == 2
    assert odd.logged("configured otherwise than the live instance", level="error")


def test_the_lease_can_change_once_nobody_is_left(world):
    first = world.pod(lease="2s")
    first.terminate()
    assert first.wait_exit() == 0
    world.pod(lease="3s")


def test_a_drained_pod_leaves_nothing_behind(world):
    a, b = world.pod(), world.pod()
    c = world.connect(a, user="alice")
    a.terminate()
    assert c.closed()[0] == 1001
    assert a.wait_exit() == 0
    assert not leftovers(world)
    assert world.redis.hkeys(world.key("instances")) == [b.instance.encode()]


def test_a_connect_event_whose_client_has_gone_gets_its_disconnect(world):
    pod = world.pod()
    pod.app.answer(connect=Answer(204, [("Ws-User", "alice")], delay=0.5))
    from support.http import HttpConnection
    from support.ws import upgrade_request
    with HttpConnection(pod.port) as h:
        h.send(upgrade_request())
        pod.app.wait_event("connect")
    event = pod.app.wait_event("disconnect")
    assert event.header("ws-reason") == "not_established"
    wait_until(lambda: not leftovers(world), 3, "nothing left")
