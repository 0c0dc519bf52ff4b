"""Histories and server-sent events of a service on several shards, on a Redis Cluster of three masters."""

import contextlib
import json
import re
import threading
import time

import pytest

from cluster_test import on, slot_of
from shards_test import addresses, prefix_of, shard_of
from support.app import commands
from support.cluster import Cluster
from support.sse import Sse
from support.stomp import Stomp
from support.waiting import wait_until

pytestmark = pytest.mark.slow

HISTORY = [{"name": "group:*", "count": 500, "age": "10m"}, {"name": "destination:/topic/*", "count": 5}, {"name": "all", "count": 500}]
ROUTES = [{"path": "/ws/{rest...}", "sse": True}, {"path": "/stomp", "protocol": "stomp", "events": ["connect", "message", "disconnect"]}]
A_PLACE = r"\d+:\d+-\d+"


@pytest.fixture
def cluster():
    with contextlib.closing(Cluster()) as c:
        yield c


@pytest.fixture
def service(world, cluster):
    return on(world, cluster, history=HISTORY, routes=ROUTES)


def groups_on_all_masters(world, cluster):
    """Four names in different shards, which are on all three masters."""
    found = {}
    for name in addresses("group", 16):
        found.setdefault(cluster.node_of(slot_of(prefix_of(world, f"group:{name}"))).port, []).append(name)
    assert len(found) == 3
    one_each = [names[0] for names in found.values()]
    return [*one_each, next(n for names in found.values() for n in names if n not in one_each)]


def to(group, n):
    return {"to": {"group": group}, "text": f"{group} {n}", "id": f"{group}:{n}"}


def routed(world, groups, most):
    """Each group's history has its pushes."""
    wait_until(lambda: all(world.redis.xlen(f"{prefix_of(world, f'group:{g}')}history:group:{g}") >= most for g in groups), 8, "the histories")


def joins(pod, groups, *more):
    pod.app.answers["connect"] = commands(*[("Ws-Join", g) for g in groups], *more)


def listen(pod, groups, last_id=None, *more):
    joins(pod, groups, *more)
    s = Sse(pod.port, last_id=last_id)
    s.until(lambda: s.retry is not None)
    return s


def names_in_gap(s):
    e = s.recv()
    assert e.event == "gap", e
    return json.loads(e.data)["names"]


def in_order(got, groups, last):
    """What came for each group is one unbroken run up to its last."""
    for g in groups:
        of = [int(t.split()[1]) for t in got if t.startswith(g + " ")]
        assert of == list(range(of[0], last + 1)), (g, [x for x in zip(of, of[1:]) if x[1] != x[0] + 1][:5])


def pusher(world, groups, last, pause=0.003):
    def run():
        for n in range(1, last + 1):
            world.redis.rpush(world.key("outbox"), *[json.dumps(to(g, n)) for g in groups])
            time.sleep(pause)
    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_who_joins_groups_of_several_shards_gets_the_last_of_each(service, cluster):
    a, b = service.pod(), service.pod()
    groups = groups_on_all_masters(service, cluster)
    service.push(*[to(g, n) for n in range(1, 6) for g in groups], {"to": {"all": True}, "text": "for all"})
    routed(service, groups, 5)
    wait_until(lambda: service.redis.xlen(service.key("history:all")) == 1, 5, "the history of all")
    for pod, last, live in ((a, (3, 4, 5), "six"), (b, (4, 5, "six"), "seven")):
        joins(pod, groups, ("Ws-History", ",".join(f"{g}=3" for g in groups) + ",*=9"))
        c = pod.connect()
        got = [c.recv() for _ in range(3 * len(groups) + 1)]
        for g in groups:
            assert [t for t in got if t.startswith(g + " ")] == [f"{g} {n}" for n in last]
        assert "for all" in got
        service.push(*[to(g, live) for g in groups])
        assert sorted(c.recv() for _ in groups) == sorted(f"{g} {live}" for g in groups)
        c.hears_nothing(0.2)
        c.close()
        routed(service, groups, 6)


def test_a_push_to_groups_of_several_shards_is_in_each_history_and_comes_once(service, cluster):
    pod = service.pod()
    groups = groups_on_all_masters(service, cluster)
    service.push({"to": {"group": groups}, "text": "for four", "id": "one"})
    routed(service, groups, 1)
    joins(pod, groups, ("Ws-History", ",".join(f"{g}=3" for g in groups)))
    c = pod.connect()
    assert c.recv() == "for four"
    c.hears_nothing()


def test_stomp_subscriptions_ask_the_shard_of_their_destination(service):
    pod = service.pod()
    topics = [f"/topic/{n}" for n in "abcd"]
    service.push(*[{"to": {"destination": t}, "text": f"{t} {n}"} for n in range(1, 4) for t in topics])
    wait_until(lambda: all(service.redis.xlen(f"{prefix_of(service, f'destination:{t}')}history:destination:{t}") == 3 for t in topics), 8, "kept")
    pod.app.answers["connect"] = commands(("Ws-User", "alice"))
    s = Stomp(pod.port)
    for i, t in enumerate(topics):
        s.subscribe(t, f"s{i}", wait=False, history="2")
        assert [s.message().body for _ in range(2)] == [f"{t} 2", f"{t} 3"]
    service.push(*[{"to": {"destination": t}, "text": f"{t} live"} for t in topics])
    assert sorted(s.message().body for _ in topics) == sorted(f"{t} live" for t in topics)
    s.hears_nothing(0.2)


def test_nothing_is_lost_doubled_or_moved_between_histories_and_live(service, cluster):
    pods = [service.pod(pong_timeout="60s") for _ in range(2)]
    groups = groups_on_all_masters(service, cluster)
    last = 400
    for pod in pods:
        joins(pod, groups, ("Ws-History", ",".join(f"{g}=20" for g in groups)))
    thread = pusher(service, groups, last)
    clients = []
    while thread.is_alive():
        clients += [pod.connect() for pod in pods if len(clients) < 24]
        time.sleep(0.05)
    assert len(clients) >= 8
    for c in clients:
        got = []
        while sum(t.endswith(f" {last}") for t in got) < len(groups):
            got.append(c.recv(8))
        in_order(got, groups, last)
        c.hears_nothing(0.05)


def test_an_event_stream_that_is_cut_has_each_push_once(service, cluster):
    """The id has a place for each shard, so a client that is cut off again and again misses nothing in any of them."""
    pods = [service.pod() for _ in range(2)]
    groups = groups_on_all_masters(service, cluster)
    last = 200
    s = listen(pods[0], groups)
    s.until(lambda: s.last_id)
    thread = pusher(service, groups, last)
    got, cuts = [], 0
    while sum(t.endswith(f" {last}") for t in got) < len(groups):
        for _ in range(13):
            e = s.recv()
            assert e.event != "gap", e
            assert all(re.fullmatch(A_PLACE, p) for p in e.id.split(",")), e.id
            got.append(e.data)
            if sum(t.endswith(f" {last}") for t in got) == len(groups):
                break
        last_id = e.id
        s.close()
        cuts += 1
        s = listen(pods[cuts % 2], groups, last_id)
    thread.join()
    assert cuts > 20
    in_order(got, groups, last)
    assert len(got) == last * len(groups)
    s.hears_nothing(0.5)


def test_a_resume_after_quiet_and_what_is_for_all(service, cluster):
    pod = service.pod(ping="300ms")
    groups = groups_on_all_masters(service, cluster)
    s = listen(pod, groups)
    s.until(lambda: s.last_id)
    first = s.last_id
    s.until(lambda: s.last_id != first)  # a comment at rest says how far it is
    s.close()
    service.push(*[to(g, 1) for g in groups], {"to": {"all": True}, "text": "all 1"})
    routed(service, groups, 1)
    wait_until(lambda: service.redis.xlen(service.key("history:all")) == 1, 5, "kept for all")
    again = listen(pod, groups, s.last_id)
    assert sorted(again.message() for _ in range(len(groups) + 1)) == sorted([*(f"{g} 1" for g in groups), "all 1"])
    again.hears_nothing(0.3)


def test_a_group_of_which_the_id_says_nothing_is_named_in_a_gap(service, cluster):
    """Also an id from the time before the service had several shards: it is in the order of shard 0."""
    pod = service.pod(outbox={"grace": "500ms"})
    one, other, *_ = [g for g in groups_on_all_masters(service, cluster) if shard_of(f"group:{g}") != 0]
    s = listen(pod, [one])
    s.until(lambda: s.last_id)
    s.close()
    assert {p.split(":")[0] for p in s.last_id.split(",")} == {"0", str(shard_of(f"group:{one}"))}
    assert names_in_gap(listen(pod, [one, other], s.last_id)) == [f"group:{other}"]
    of_first = next(p for p in s.last_id.split(",") if p.startswith("0:"))
    assert names_in_gap(listen(pod, [one], of_first.removeprefix("0:"))) == [f"group:{one}"]


@pytest.mark.parametrize("last, reason", [("7:1", "malformed_id"), ("64:1-1", "malformed_id"), ("0:1-1,0:2-1", "malformed_id"), (",", "malformed_id"),
                                          ("-1:1-1", "malformed_id"), ("0:1-1,", "malformed_id"), ("3:4102444800000-0", "future_id")])
def test_an_id_that_nobody_gave_is_told(service, last, reason):
    pod = service.pod()
    group = next(g for g in addresses("group", 16) if shard_of(f"group:{g}") == 3)
    s = listen(pod, [group], last)
    assert names_in_gap(s) in ([], ["all"])
    assert pod.metric("wsidecar_history_problems_total", reason=reason) == 1
    service.push(to(group, 2))
    e = s.recv()
    assert e.data == f"{group} 2" and e.id != last and "4102444800000" not in e.id


def test_a_master_that_is_down_costs_only_the_histories_of_its_shards(service, cluster):
    pod = service.pod()
    groups = groups_on_all_masters(service, cluster)
    service.push(*[to(g, n) for n in range(1, 4) for g in groups])
    routed(service, groups, 3)
    first = cluster.node_of(slot_of(service.prefix))
    down = next(g for g in groups if cluster.node_of(slot_of(prefix_of(service, f"group:{g}"))) is not first)
    victim = cluster.node_of(slot_of(prefix_of(service, f"group:{down}")))
    well = [g for g in groups if cluster.node_of(slot_of(prefix_of(service, f"group:{g}"))) is not victim]
    s = listen(pod, groups)
    s.until(lambda: s.last_id)
    s.close()
    victim.kill()
    wait_until(lambda: "shard" in pod.readyz()[1]["redis"], 10, "the shard to be named")
    joins(pod, groups, ("Ws-History", ",".join(f"{g}=2" for g in groups)))
    begun = time.monotonic()
    c = pod.connect()
    assert sorted(c.recv() for _ in range(2 * len(well))) == sorted(f"{g} {n}" for g in well for n in (2, 3))
    assert time.monotonic() - begun < 3
    c.hears_nothing(0.2)
    assert pod.metric("wsidecar_history_problems_total", reason="unread") >= 1
    assert f"group:{down}" in names_in_gap(listen(pod, groups, s.last_id))


def test_histories_move_with_their_slots(service, cluster):
    a, b = service.pod(), service.pod()
    groups = groups_on_all_masters(service, cluster)
    s = listen(a, groups)
    s.until(lambda: s.last_id)
    s.close()
    service.push(*[to(g, n) for n in range(1, 4) for g in groups])
    routed(service, groups, 3)
    for g in groups:
        slot = slot_of(prefix_of(service, f"group:{g}"))
        cluster.move(slot, next(n for n in cluster.nodes if n is not cluster.node_of(slot)))
    time.sleep(1)  # until the pods have met the first MOVED
    wait_until(lambda: all(p.readyz()[1]["redis"] == "ok" for p in (a, b)), 20, "the pods to follow")
    for pod in (a, b):
        joins(pod, groups, ("Ws-History", ",".join(f"{g}=2" for g in groups)))
        c = pod.connect()
        assert sorted(c.recv() for _ in range(2 * len(groups))) == sorted(f"{g} {n}" for g in groups for n in (2, 3))
    again = listen(b, groups, s.last_id)
    got = [again.message() for _ in range(3 * len(groups))]
    in_order(got, groups, 3)


def test_metrics_and_the_console_know_the_histories_of_all_shards(service, cluster):
    pods = [service.pod() for _ in range(2)]
    groups = groups_on_all_masters(service, cluster)
    service.push(*[to(g, 1) for g in groups])
    routed(service, groups, 1)
    wait_until(lambda: sum(p.metric("wsidecar_histories") for p in pods) == len(groups), 8, "all names counted")
    for g in groups:
        said = json.loads(pods[0].get(f"/console/history?name=group:{g}").body)
        assert said["count"] == 1, said
    pods[0].kill()
    wait_until(lambda: pods[1].metric("wsidecar_histories") == len(groups), 20, "who routes all shards counts all")
