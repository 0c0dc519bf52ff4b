"""The main job: clients on any pod, pushes from anywhere, every message arrives."""

import json

from support.app import echo
from support.documents import validate_admin
from support.waiting import wait_until


def test_a_message_reaches_the_app_and_its_answer_the_client(world):
    pod = world.pod()
    pod.app.answer(message=echo)
    c = world.connect(pod)
    c.send('{"dish": "宫保鸡丁"}')
    assert c.recv() == '{"dish": "宫保鸡丁"}'
    c.send(b"\x00\x01\xff")
    assert c.recv() == b"\x00\x01\xff"
    kinds = [r.type for r in pod.app.events()]
    assert kinds == ["connect", "message", "message"]
    c.close()
    pod.app.wait_event("disconnect")


def test_a_push_through_each_door_reaches_the_user_on_whichever_pod(world):
    a, b = world.pod(), world.pod()
    c1 = world.connect(a, user="alice")
    c2 = world.connect(b, user="bob", join=["table-7"])
    assert world.publish("user:alice", '{"hi":1}') == 1
    assert c1.recv() == '{"hi":1}'
    assert world.publish("user:bob", b"\xff\x00") == 1
    assert c2.recv() == b"\xff\x00"
    assert world.publish("group:table-7", "soup") == 1
    assert c2.recv() == "soup"
    assert world.publish("all", "closing time") == 2
    assert c1.recv() == c2.recv() == "closing time"
    world.publish("push", json.dumps({"to": {"user": ["alice", "bob"]}, "json": {"a": [1, 2]}}))
    assert c1.recv() == c2.recv() == '{"a":[1,2]}'
    world.push({"to": {"user": "bob"}, "text": "from the list"})
    assert c2.recv() == "from the list"
    world.push({"to": {"all": True}, "text": "to all", "except": {"user": "bob"}})
    assert c1.recv() == "to all"
    r = a.post("/push", {"to": {"group": "table-7"}, "text": "through http"})
    assert r.status == 202, r.body
    assert c2.recv() == "through http"


def test_messages_of_the_list_arrive_in_its_order(world):
    _, b = world.pod(), world.pod()
    c = world.connect(b, user="alice")
    for start in range(0, 300, 50):
        world.push(*[{"to": {"user": "alice"}, "text": str(i)} for i in range(start, start + 50)])
    assert [c.recv() for _ in range(300)] == [str(i) for i in range(300)]
    c.hears_nothing(0.1)  # it answers the last ping
    wait_until(lambda: world.redis.xlen(world.key(f"inbox:{b.instance}")) == 0, 3, "an empty inbox")


def test_presence_and_user_connections_count_on_all_pods(world):
    a, b = world.pod(), world.pod()
    c1 = world.connect(a, user="alice")
    c2 = world.connect(b, user="alice")
    presence = world.presence("alice")
    assert {p["instance"] for p in presence.values()} == {a.instance, b.instance}
    assert set(presence) == {c1.id, c2.id}
    c1.close()
    gone = a.app.wait_event("disconnect")
    assert gone.header("ws-user-connections") == "1"
    c2.close()
    gone = b.app.wait_event("disconnect")
    assert gone.header("ws-user-connections") == "0"
    wait_until(lambda: not world.redis.exists(world.key("presence:alice")), 3, "presence to end")


def test_kill_9_a_survivor_sends_the_disconnect_events(world):
    world.config = {"lease": "1s"}
    a, b = world.pod(), world.pod()
    c = world.connect(a, user="alice", path="/ws/x?token=1")
    pod_a = a.instance
    a.kill()
    gone = b.app.wait_event("disconnect", timeout=12)
    assert gone.header("ce-id") == f"{c.id}:end"
    assert gone.header("ce-source") == f"/wsidecar/{pod_a}"
    assert gone.header("ws-reason") == "pod_lost"
    assert gone.decoded("ce-userid") == "alice"
    assert gone.header("ce-sequence") is None
    assert not world.presence("alice")


def test_sigterm_drains_closes_with_1001_and_exits_0(world):
    pod = world.pod()
    c = world.connect(pod, user="alice")
    pod.terminate()
    assert c.closed()[0] == 1001
    assert pod.wait_exit() == 0
    assert pod.app.wait_event("disconnect").header("ws-close-code") == "1001"
    assert not world.presence("alice")
    left = [k.decode() for k in world.redis.keys(world.prefix + "*")]
    assert not [k for k in left if "conn" in k or "lease" in k or "where" in k], left


def test_the_admin_address_answers_as_the_document_says(world):
    pod = world.pod()
    c = world.connect(pod, user="alice", join=["g"])
    for path in ("/livez", "/startupz", "/readyz", "/metrics", "/connections"):
        validate_admin("GET", path, pod.get(path))
    validate_admin("POST", "/push", pod.post("/push", {"to": {"user": "alice"}, "text": "hi"}))
    validate_admin("POST", "/push", pod.post("/push", {"to": {}, "text": "hi"}))
    pod.app.refuse()
    validate_admin("GET", "/readyz", pod.get("/readyz"))
    pod.app.accept_again()
    c.close()
    validate_admin("POST", "/drain", pod.post("/drain"))
