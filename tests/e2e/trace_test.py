"""`wsidecar trace` and the console's questions, asked of all pods: where a message went, and what is not known."""

import json
import threading
import time
from urllib.parse import quote

import pytest

from support.pod import run
from support.stomp import Stomp
from support.waiting import wait_until


def message(pod, name):
    r = pod.get(f"/console/message?id={quote(name)}")
    assert r.status == 200, r.text
    return json.loads(r.body)


def user(pod, name):
    r = pod.get(f"/console/user?name={quote(name)}")
    assert r.status == 200, r.text
    return json.loads(r.body)


def concludes(pod, name, words, timeout=5):
    """The answer about a message, once it ends so."""
    def told():
        m = message(pod, name)
        return words in m["conclusion"] and m
    try:
        return wait_until(told, timeout, f"{name}: {words}")
    except AssertionError:
        raise AssertionError(json.dumps(message(pod, name), indent=1, ensure_ascii=False)) from None


def told(story):
    return "\n".join(f'{line["instance"]}: {line["text"]}' for line in story)


def trace(pod, *words):
    return run("trace", "--admin", f"127.0.0.1:{pod.admin_port}", *words)


def confirm(client, count=1):
    out = [client.recv() for _ in range(count)]
    client.hears_nothing(0.2)
    return out


# -------------------------------------------------------------------------------------------------------- a message

def test_any_pod_tells_the_whole_story(world):
    a, b, c = world.pod(name="shop-a"), world.pod(name="shop-b"), world.pod(name="shop-c")
    alice = world.connect(b, user="alice")
    world.push({"to": {"user": "alice"}, "text": "SECRET", "id": "o-17", "receipt": world.key("receipts")})
    assert confirm(alice) == ["SECRET"]
    for pod in a, b, c:
        m = concludes(pod, "o-17", "delivered")
        assert m["complete"] and m["silent"] == [] and set(m["instances"]) == {a.instance, b.instance, c.instance}
        story = told(m["story"])
        assert "took it from the outbox and gave it to the pods" in story.splitlines()[0]
        assert f"{b.instance}: for user alice: delivered to connection {alice.id}, confirmed after" in story
        assert f"receipts in {world.key('receipts')}: receipt: delivered for alice" in story
        assert "SECRET" not in json.dumps(m)
        r = trace(pod, "o-17")
        assert r.returncode == 0 and not r.stderr and r.stdout.startswith("push o-17: delivered\n"), r
        assert b.instance in r.stdout and "confirmed after" in r.stdout
    assert json.loads(trace(a, "o-17", "--json").stdout)["conclusion"] == "delivered"


def test_why_it_did_not_come(world):
    world.config = {"outbox": {"grace": "1s"}}
    a, b = world.pod(), world.pod()
    world.push({"to": {"user": "nobody"}, "text": "x", "id": "o-1"}, {"to": {"user": "away"}, "text": "x", "id": "o-2", "mailbox": True},
               {"to": {"user": "away"}, "text": "x", "id": "o-3", "ttl": 1, "time": "2026-01-01T00:00:00Z"})
    for pod in a, b:
        assert "user nobody had no connection on any pod" in told(concludes(pod, "o-1", "not delivered: no_connection")["story"])
        m = concludes(pod, "o-2", "waits in the mailbox of user away")
        assert "put it into the mailbox of user away: nobody was connected" in told(m["story"])
        assert "mailbox of user away: waits there, entry 1 of 1, until 20" in told(m["story"])
        assert "its ttl was over" in told(concludes(pod, "o-3", "not delivered: expired")["story"])
        assert "waits in the mailbox" in trace(pod, "o-2").stdout
    confirm(world.connect(b, user="away"))
    concludes(a, "o-2", "delivered")


def test_a_push_that_reached_some_says_whom_it_did_not_reach(world):
    a, b = world.pod(), world.pod()
    alice = world.connect(b, user="alice")
    world.push({"to": {"user": ["alice", "dave"]}, "text": "x", "id": "o-1"})
    confirm(alice)
    concludes(a, "o-1", "delivered; not delivered (no_connection) to user dave")


def test_a_name_that_nobody_knows_is_said_to_be_unknown(world):
    a, _ = world.pod(), world.pod()
    assert "no pod knows this name" in trace(a, "--user", "aliec").stdout


def test_a_push_to_a_pod_that_hangs_is_unknown_and_not_lost(world):
    world.config = {"lease": "60s"}
    a, b = world.pod(), world.pod()
    world.connect(b, user="alice")
    instance = b.instance
    b.pause()
    try:
        world.push({"to": {"user": "alice"}, "text": "x", "id": "o-1"})
        concludes(a, "o-1", "unknown: routed, perhaps to a pod that was not heard (no answer from 1 pod)", 10)
        said = trace(a, "o-1").stdout
        assert f"no answer, so what they know is unknown: {instance}" in said and "not delivered" not in said
    finally:
        b.resume()


def test_what_newer_ones_pushed_out_of_a_mailbox_is_said_to_be(world):
    world.config = {"outbox": {"grace": "1s"}, "mailbox": {"count": 2}}
    pods = world.pod(), world.pod(), world.pod()
    world.push(*[{"to": {"user": "away"}, "text": "x", "id": f"o-{n}", "mailbox": True} for n in range(4)])
    for pod in pods:
        for name in "o-0", "o-1":
            story = told(concludes(pod, name, "not delivered: dropped, mailbox_full")["story"]).splitlines()
            assert "put it into the mailbox of user away" in story[0]
            assert "removed it from the mailbox of user away, to make room for a newer push (mailbox.count" in story[1]
        for name in "o-2", "o-3":
            concludes(pod, name, "waits in the mailbox of user away")
    assert "mailbox_full" in trace(pods[2], "o-0").stdout.splitlines()[0]
    # What left it otherwise, long ago: nobody knows how, and nobody says that it was not delivered.
    world.redis.delete(world.key("mailbox:user:away"))
    concludes(pods[1], "o-3", "has left the mailbox of user away: it was too old (mailbox.age), or a pod that no longer knows delivered it")


def test_what_is_sent_and_not_confirmed_is_said_to_be(world):
    a, b, c = world.pod(), world.pod(), world.pod()
    alice = world.connect(b, user="alice")
    world.push({"to": {"user": "alice"}, "text": "x", "id": "o-17"})
    for pod in a, b, c:
        m = concludes(pod, "o-17", "sent, and not confirmed yet")
        assert f"{b.instance}: for user alice: queued or sent, and not confirmed yet" in told(m["story"])
    assert "1 push unconfirmed" in trace(a, "--user", "alice").stdout
    confirm(alice)  # reads the push, and answers the ping behind it
    concludes(c, "o-17", "delivered")


def test_what_the_client_refused_is_said_to_be(world):
    world.config = {"routes": [{"path": "/stomp", "protocol": "stomp"}]}
    a, b = world.pod(), world.pod()
    world.connect_as(b, "alice")
    alice = Stomp(b.port).subscribe("/user/queue/orders", ack="client-individual")
    world.push({"to": {"user": "alice", "destination": "/queue/orders"}, "text": "x", "id": "o-17"})
    alice.frame("NACK", {"id": alice.message().headers["ack"]})
    story = told(concludes(a, "o-17", "rejected")["story"])
    assert f"{b.instance}: for user alice" in story and "the client refused it (NACK)" in story


@pytest.mark.parametrize("envelope, reason", [({"to": {"user": "a"}, "text": "x", "id": "o-19", "ttl": -1}, "bad_ttl"),
                                              ({"to": {"user": "a"}, "text": "x", "id": "o-19", "colour": 1}, "unknown_member"),
                                              ({"text": "x", "id": "o-19"}, "no_target"),
                                              ('{"to": {"user": "a"}, "text": "x", "id": "o-19", ', "not_json"),
                                              ([{"to": {"user": "a"}, "text": "x", "id": "o-19", "ttl": -1}], "bad_ttl")])
def test_a_rejected_one_is_found_with_its_reason(world, envelope, reason):
    a, b = world.pod(), world.pod()
    world.push(*[{"to": {"user": "x"}, "colour": n} for n in range(30)])
    world.push(envelope)
    world.push(*[{"to": {"user": "x"}, "colour": n} for n in range(30)])
    for pod in a, b:
        m = concludes(pod, "o-19", "rejected")
        assert f"rejected: {reason}" in told(m["story"]), m
    assert f"rejected: {reason}" in trace(a, "o-19").stdout


def test_an_id_that_is_part_of_another_is_another(world):
    pod = world.pod()
    world.push({"to": {"user": "a"}, "colour": 1, "id": "o-19"}, {"to": {"user": "b"}, "text": "o-1", "id": "p", "mailbox": True})
    concludes(pod, "o-19", "rejected")
    concludes(pod, "p", "waits in the mailbox")
    assert message(pod, "o-1")["story"] == [] == message(pod, "9")["story"]
    r = trace(pod, "o-1")
    assert r.returncode == 1 and "no pod has seen it" in r.stdout


def test_what_waits_in_the_outbox_is_found_there(world):
    """A pod that registers holds the outbox back: here one that never does."""
    pod = world.pod()
    world.redis.sadd(world.key("incomplete"), "somebody")
    world.redis.hset(world.key("instances"), "somebody", json.dumps({"since": "x", "format": 1}))
    world.redis.set(world.key("lease:somebody"), "1", px=60000)
    world.push({"to": {"user": "a"}, "text": "x", "id": "before"}, {"to": {"user": "a"}, "text": "x", "id": "o-20"})
    m = concludes(pod, "o-20", "waits in the outbox")
    assert m["silent"] == ["somebody"] and not m["complete"], "it is registered, and does not answer"
    assert "no answer, so what they know is unknown: somebody" in trace(pod, "o-20").stdout


def test_names_that_need_escapes_are_found(world):
    pod = world.pod()
    for id_ in ('a "quoted" \\ id', "张三/1", "a\ttab", "%41"):
        world.push({"to": {"user": "a"}, "colour": 1, "id": id_}, {"to": {"user": "away"}, "text": "x", "id": id_ + "2", "mailbox": True})
        concludes(pod, id_, "rejected")
        concludes(pod, id_ + "2", "waits in the mailbox of user away")
        assert "rejected" in trace(pod, "--id", id_).stdout
    r = trace(pod, "a\ttab")
    assert "\t" not in r.stdout, "no control character reaches the terminal"


def test_a_pod_that_is_gone_is_not_waited_for_in_vain(world):
    world.config = {"lease": "3s"}
    a, b = world.pod(), world.pod()
    alice = world.connect(b, user="alice")
    gone = b.instance
    world.push({"to": {"user": "alice"}, "text": "x", "id": "m1"})
    confirm(alice)
    concludes(a, "m1", "delivered")
    b.kill()
    started = time.monotonic()
    m = message(a, "m1")
    assert time.monotonic() - started < 4
    assert m["silent"] == [gone] and not m["complete"]
    assert "no answer from 1 pod" in m["conclusion"] or "does not know of it any more" in m["conclusion"], m
    wait_until(lambda: message(a, "m1")["silent"] == [], 15, "its reaping")


@pytest.mark.parametrize("redis", [{}, {"sharded": True}], ids=["plain", "sharded"])
def test_pods_answer_whatever_channels_they_subscribe_to(world, redis):
    world.config = {"redis": redis}
    a, b = world.pod(channels=["all"]), world.pod(channels=[])
    alice = world.connect(b, user="alice")
    world.push({"to": {"user": "alice"}, "text": "x", "id": "m1"})
    confirm(alice)
    assert concludes(a, "m1", "delivered")["complete"]


# ----------------------------------------------------------------------------------------------------------- a user

def test_a_user_on_all_pods(world):
    a, b = world.pod(), world.pod()
    one, two = world.connect(a, user="alice", join=["g"]), world.connect(b, user="alice", join=["h"], alias=["id=1"])
    world.push({"to": {"user": "alice"}, "text": "x", "id": "m1"})
    confirm(one), confirm(two)
    for pod in a, b:
        u = user(pod, "alice")
        assert u["complete"] and {c["connection"] for c in u["connections"]} == {one.id, two.id}
        there = next(c for c in u["connections"] if not c["here"])
        assert there["groups"] in (["g"], ["h"]) and there["unconfirmed"] == 0, "details of the other pod's"
        r = trace(pod, "--user", "alice")
        assert r.returncode == 0 and r.stdout.startswith("user alice: 2 connections\n"), r
        assert one.id in r.stdout and two.id in r.stdout and "m1" in r.stdout and "0 pushes waiting" in r.stdout
        assert "m1  for user alice: delivered to connection" in r.stdout
    assert trace(a).returncode == 2 and trace(a, "m1", "--user", "alice").returncode == 2


# ---------------------------------------------------------------------------------------------------- what is unknown

def test_while_redis_is_away_nothing_is_said_to_be_none(world, own_redis):
    world.redis_server = own_redis()
    a, b = world.pod(), world.pod()
    alice = world.connect(b, user="alice")
    here = world.connect(a, user="bob")
    world.push({"to": {"user": "alice"}, "text": "x", "id": "m1"})
    confirm(alice)
    for stop, go_on in (world.redis_server.pause, world.redis_server.resume), (world.redis_server.kill, world.redis_server.start):
        stop()
        started = time.monotonic()
        u, m = user(a, "alice"), message(a, "m1")
        assert time.monotonic() - started < 9
        assert not u["redis"] and not u["complete"] and u["connections"] == [] and u["mailbox"] is None
        assert not m["redis"] and not m["complete"] and (m["conclusion"].startswith("unknown") or "routed" in m["conclusion"])
        assert all(x["length"] is None for x in m["lists"])
        r = trace(a, "--user", "alice")
        assert "0 connections here, on other pods unknown" in r.stdout and "mailbox     unknown" in r.stdout
        assert "Redis does not answer" in trace(a, "m1").stdout
        assert [c["connection"] for c in user(a, "bob")["connections"]] == [here.id]
        go_on()
        wait_until(lambda: user(a, "alice")["complete"], 20, "Redis back")
        assert len(user(a, "alice")["connections"]) == 1


# ------------------------------------------------------------------------------------------------------------ bounds

def test_questions_are_bounded(world, own_redis):
    world.redis_server = own_redis()
    pod = world.pod()
    world.redis_server.pause()
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(pod.get("/console/user?name=a").status)) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(15)
    world.redis_server.resume()
    assert sorted(answers) == [200] * 4 + [503] * 4
    assert pod.metric("wsidecar_limit", name="console.questions") == 4
    assert pod.metric("wsidecar_limit_hits_total", name="console.questions") == 4
    wait_until(lambda: pod.metric("wsidecar_limit_used", name="console.questions") == 0, 5, "their places")
    wait_until(lambda: pod.readyz()[1]["redis"] == "ok", 15, "Redis back")


def test_answers_are_bounded_in_bytes_and_leave_nothing_behind(world):
    a, b = world.pod(), world.pod()
    name = "u" * 250
    clients = [world.connect(b, user=name, join=[f"{'g' * 240}{n}"]) for n in range(30)]
    world.push(*[{"to": {"user": name, "group": ["x" * 200 + str(n)]}, "text": "x", "id": f"{'i' * 200}{n}"} for n in range(30)])
    for c in clients:
        confirm(c, 30)
    u = user(a, name)
    assert u["complete"] and len(u["connections"]) == 30, "Redis has those that did not fit into the answer"
    assert 0 < len(u["pushes"]) <= 20
    assert len(json.dumps(u)) < 64 * 1024
    wait_until(lambda: not world.redis.keys(world.key("answers:*")), 12, "no list of answers left")


def test_a_large_rejected_one_is_found_and_costs_redis_little(world):
    pod = world.pod()
    large = {"to": {"user": "a"}, "id": "o-23", "text": "x" * 3_000_000}
    world.push(large)
    wait_until(world.rejected, 3, "the record")
    world.redis.config_set("slowlog-log-slower-than", 10000)
    world.redis.slowlog_reset()
    m = concludes(pod, "o-23", "rejected")
    assert "too_large" in told(m["story"])
    slow = [e for e in world.redis.slowlog_get() if b"EVAL" in e["command"]]
    assert len(slow) <= 1, slow  # one may be this busy machine's doing


def test_a_long_rejected_list_costs_redis_little(world):
    pod = world.pod()
    record = json.dumps({"reason": "bad_json", "envelope": '{"id":"needle' + "x" * 60000, "time": "2026-01-01T00:00:00.000Z"})
    world.redis.rpush(world.key("rejected"), *[record] * 300)
    world.redis.config_set("slowlog-log-slower-than", 10000)
    world.redis.slowlog_reset()
    try:
        m = message(pod, "needle")
        rejected = next(x for x in m["lists"] if x["list"] == "rejected")
        assert rejected["length"] == 300 and 0 < rejected["looked_at"] < 60 and not rejected["found"]
        slow = [e for e in world.redis.slowlog_get() if b"EVAL" in e["command"]]
        assert len(slow) <= 1, slow  # one may be this busy machine's doing
    finally:
        world.redis.config_set("slowlog-log-slower-than", 10000)
