"""push.secret_file and push.require_signature: who can write to Redis cannot speak for the app."""

import base64
import hashlib
import hmac
import json
import subprocess

import pytest

from support import stomp
from support.pod import binary, clean_environment
from support.waiting import wait_until

SECRET = "whsec_" + base64.b64encode(b"a secret of thirty-two bytes ...").decode()


def signed(envelope, secret=SECRET, **how):
    """As an app signs: over the text without the signature, appended to it."""
    text = json.dumps(envelope, **how)
    key = base64.b64decode(secret[6:]) if secret.startswith("whsec_") else secret.encode()
    signature = "v1," + base64.b64encode(hmac.new(key, text.encode(), hashlib.sha256).digest()).decode()
    return json.dumps({**envelope, "signature": signature}, **how)


@pytest.fixture
def secret_file(tmp_path):
    path = tmp_path / "secret"
    path.write_text(SECRET + "\nan older secret\n")
    return path


def strict(world, secret_file, **more):
    return world.pod(push={"secret_file": str(secret_file), "require_signature": True}, **more)


def last_rejected(world, count):
    wait_until(lambda: len(world.rejected()) == count, 5, f"{count} rejected")
    return world.rejected()[-1]["reason"]


def test_signed_envelopes_arrive_by_both_doors_and_others_are_rejected_with_a_reason(world, secret_file):
    a, b = strict(world, secret_file), strict(world, secret_file)
    c = world.connect(a, user="alice", join=["g"])
    d = world.connect(b, user="bob", join=["g"])
    to = {"to": {"group": "g"}}
    for number, send in enumerate((lambda e: world.publish("push", e), world.push)):
        send(signed({**to, "text": "1"}))
        send(signed({**to, "text": "2"}, "an older secret", separators=(",", ":"), ensure_ascii=False))
        send(signed({**to, "id": f"x{number}", "json": {"é": "ü"}, "ttl": 60}, indent=1))
        assert [c.recv() for _ in range(3)] == [d.recv() for _ in range(3)] == ["1", "2", '{"\\u00e9":"\\u00fc"}']
        send(json.dumps({**to, "text": f"unsigned {number}"}))
        assert last_rejected(world, 3 * number + 1).startswith("unsigned")
        send(signed({**to, "text": f"forged {number}"}, "another secret"))
        assert last_rejected(world, 3 * number + 2).startswith("bad_signature")
        send(signed({**to, "text": "x"}).replace('"x"', f'"y{number}"'))
        assert last_rejected(world, 3 * number + 3).startswith("bad_signature")
    world.push(signed({**to, "text": "end"}))
    assert c.recv() == d.recv() == "end"
    assert a.metric("wsidecar_rejected_total", reason="unsigned") + b.metric("wsidecar_rejected_total", reason="unsigned") == 3


def test_addressed_channels_are_closed_and_internal_lists_take_nothing_unsigned(world, secret_file):
    pod = strict(world, secret_file)
    c = world.connect(pod, user="alice", join=["g"], alias=["x=1"])
    for number, address in enumerate(("user:alice", "alias:x=1", "group:g", "connection:" + c.id, "all")):
        assert world.publish(address, f"forged {number}") == 1
        assert last_rejected(world, number + 1).startswith("unsigned")
    envelope = '{"to":["user"],"id":"1","text":"forged"}'.replace('["user"]', '{"user":["alice"]}')
    world.redis.rpush(world.key("outbox:returned"), envelope)
    assert last_rejected(world, 6).startswith("unsigned")
    world.redis.xadd(world.key("inbox:" + pod.instance), {"e": envelope, "n": "0", "o": "", "s": "ualice", "f": "", "r": "", "i": "1"})
    pod.wait_reason("bad_inbox_entry")
    world.push(signed({"to": {"user": "alice"}, "text": "end"}))
    assert c.recv() == "end"


def test_what_wsidecar_itself_sends_is_signed(world, secret_file):
    route = {"path": "/stomp", "protocol": "stomp", "broadcast": True}
    a, b = (strict(world, secret_file, routes=[route, {"path": "/ws/{rest...}"}], connections_per_user=1, on_excess="close_oldest")
            for _ in range(2))
    c, d = stomp.Stomp(a.port), stomp.Stomp(b.port)
    c.subscribe("/topic/x")
    d.send("/topic/x", "to all")  # by way of Redis
    assert c.message().body == "to all"
    world.publish("destination:/topic/x", "forged")
    world.publish("broadcast:/topic/x", '{"to":{"destination":["/topic/x"]},"text":"forged"}')
    wait_until(lambda: len(world.rejected()) == 2, 5, "both rejected")
    d.send("/topic/x", "end")
    assert c.message().body == "end"
    old = world.connect(a, user="alice")
    world.connect(b, user="alice")  # close_oldest goes by the push channel
    assert old.closed(5)[0] == 4001
    assert a.get("/readyz").status == b.get("/readyz").status == 200  # the outbox's canaries too


def test_post_push_and_the_command_sign_for_who_may_use_them(world, secret_file):
    pod = strict(world, secret_file)
    c = world.connect(pod, user="alice", join=["g"])
    assert pod.post("/push", {"to": {"user": "alice"}, "text": "1"}).status == 202
    assert c.recv() == "1"
    assert pod.post("/push", [{"to": {"user": "alice"}, "text": "2"}, {"to": {"user": "alice"}, "text": "3"}]).status == 202
    assert [c.recv(), c.recv()] == ["2", "3"]
    assert pod.post("/push", signed({"to": {"user": "alice"}, "text": "4"})).status == 202
    assert c.recv() == "4"
    assert pod.post("/push", signed({"to": {"user": "alice"}, "text": "5"}, "another")).status == 400

    def command(*arguments):
        return subprocess.run([binary(), "push", "--config", pod.config_path, *arguments], capture_output=True, text=True, timeout=20,
                              env=clean_environment())
    for number, arguments in enumerate((["--user", "alice"], ["--user", "alice", "--list"], ["--group", "g", "--user", "nobody"])):
        done = command(*arguments, "--text", f"by command {number}")
        assert done.returncode == 0, done.stderr
        assert c.recv() == f"by command {number}"
    assert not world.rejected()


def test_without_the_requirement_a_wrong_signature_is_refused_and_none_is_none(world, secret_file):
    pod = world.pod(push={"secret_file": str(secret_file)})
    c = world.connect(pod, user="alice")
    for send in (lambda e: world.publish("push", e), world.push):
        send(json.dumps({"to": {"user": "alice"}, "text": "unsigned"}))
        send(signed({"to": {"user": "alice"}, "text": "forged"}, "another"))
        send(signed({"to": {"user": "alice"}, "text": "signed"}))
        assert [c.recv(), c.recv()] == ["unsigned", "signed"]
    assert world.publish("user:alice", "by channel") == 1
    assert c.recv() == "by channel"
    assert {r["reason"].split(":")[0] for r in world.rejected()} == {"bad_signature"}


def test_without_a_secret_a_signature_is_not_looked_at(world):
    pod = world.pod()
    c = world.connect(pod, user="alice")
    world.push(signed({"to": {"user": "alice"}, "text": "signed"}))
    assert c.recv() == "signed"


def test_the_mailbox_keeps_what_was_signed(world, secret_file):
    pod = strict(world, secret_file)
    world.push(signed({"to": {"user": "alice"}, "text": "kept", "mailbox": True}))
    wait_until(lambda: world.redis.keys(world.key("mailbox:*")), what="the mailbox")
    c = world.connect(pod, user="alice")
    assert c.recv() == "kept"
