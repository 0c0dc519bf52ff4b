"""Contract section 3: the envelope's members, through both doors."""

import json
import time

import pytest

from support.waiting import wait_until


@pytest.fixture(params=["channel", "list"])
def send(request, world):
    """Sends an envelope, or several as an array, through one of the doors."""
    def through(*envelopes):
        body = json.dumps(envelopes[0] if len(envelopes) == 1 else list(envelopes))
        world.publish("push", body) if request.param == "channel" else world.push(body)
    return through


def test_each_kind_of_target_alone_and_in_arrays(world, send):
    a, b = world.pod(), world.pod()
    c = world.connect(a, user="alice", join=["g"], alias=["userId=42"])
    d = world.connect(b, user="bob", join=["h"])
    for to in ({"user": "alice"}, {"alias": "userId=42"}, {"group": "g"}, {"connection": c.id}):
        send({"to": to, "json": to})
        assert json.loads(c.recv()) == to
    for to in ({"user": ["alice", "bob"]}, {"group": ["g", "h", "none"]}, {"connection": [d.id, c.id]},
               {"user": "bob", "alias": ["userId=42"]}, {"all": True}):
        send({"to": to, "json": to})
        assert json.loads(c.recv()) == json.loads(d.recv()) == to


def test_except_takes_the_same_members(world, send):
    pod = world.pod()
    c = world.connect(pod, user="alice", join=["g"], alias=["x=1"])
    d = world.connect(pod, user="bob", join=["g"])
    for who in ({"user": "alice"}, {"alias": "x=1"}, {"connection": c.id}, {"user": ["nobody", "alice"]}):
        send({"to": {"group": "g"}, "except": who, "text": "not alice"})
        assert d.recv() == "not alice"
    send({"to": {"all": True}, "except": {"group": "g"}, "text": "nobody"}, {"to": {"all": True}, "text": "end"})
    assert c.recv() == d.recv() == "end"


def test_a_user_with_several_connections_gets_it_on_each_once(world, send):
    a, b = world.pod(), world.pod()
    clients = [world.connect(p, user="alice", join=["g"], alias=["x=1"]) for p in (a, a, b)]
    send({"to": {"user": "alice", "group": "g", "alias": "x=1", "connection": [c.id for c in clients], "all": True}, "text": "once"},
         {"to": {"user": "alice"}, "text": "end"})
    for c in clients:
        assert [c.recv(), c.recv()] == ["once", "end"]


def test_names_of_every_character_and_length_but_nul_cr_lf(world, send):
    from urllib.parse import quote
    pod = world.pod()
    longest = "é" * 128
    c = world.connect(pod, user=quote(longest), join=[quote("a,b:c=d {e}*")])
    send({"to": {"user": longest}, "text": "1"})
    assert c.recv() == "1"
    send({"to": {"group": "a,b:c=d {e}*"}, "text": "2"})
    assert c.recv() == "2"
    for name in (longest + "x", "", "a\x00b", "a\rb", "a\nb", 7, None, {}, [["a"]], []):
        send({"to": {"user": name}, "text": "no"})
    wait_until(lambda: len(world.rejected()) == 10, 3, "ten records")
    assert {r["reason"].split(":")[0] for r in world.rejected()} <= {"bad_name", "bad_target", "no_target"}


def test_payloads(world, send):
    pod = world.pod()
    c = world.connect(pod, user="a")
    send({"to": {"user": "a"}, "text": "Grüße \u0000 \U0001F600"})
    assert c.recv() == "Grüße \u0000 \U0001F600"
    send({"to": {"user": "a"}, "text": ""})
    assert c.recv() == ""
    send({"to": {"user": "a"}, "binary": ""})
    assert c.recv() == b""
    send({"to": {"user": "a"}, "binary": "AAEC/w=="})
    assert c.recv() == b"\x00\x01\x02\xff"
    for value in (None, True, 0, -1.5, 12345678901234567890, "x", [], {}, {"a": [1, {"b": None}], "é": "ü"}):
        send({"to": {"user": "a"}, "json": value})
        text = c.recv()
        assert json.loads(text) == value and " " not in text


def test_json_goes_out_as_it_was_written_but_for_the_spaces(world):
    pod = world.pod()
    c = world.connect(pod, user="a")
    world.push('{"to": {"user": "a"}, "json": {"price": 1.10, "id": 123456789012345678901234567890, "z": 1, "a": 2}}')
    assert json.loads(c.recv(), parse_float=str, parse_int=str) == {"price": "1.10", "id": "123456789012345678901234567890", "z": "1", "a": "2"}


def test_ttl_and_time(world, send):
    pod = world.pod()
    c = world.connect(pod, user="a")
    old = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 60))
    send({"to": {"user": "a"}, "text": "late", "ttl": 30, "time": old}, {"to": {"user": "a"}, "text": "within", "ttl": 90, "time": old},
         {"to": {"user": "a"}, "text": "from now on", "ttl": 0.9}, {"to": {"user": "a"}, "text": "offset", "ttl": 5, "time": "2999-01-01T00:00:00.5+02:00"})
    assert [c.recv() for _ in range(3)] == ["within", "from now on", "offset"]
    pod.wait_reason("expired")
    for wrong in ({"ttl": -1}, {"ttl": "5"}, {"time": "yesterday"}, {"time": 5}, {"ttl": True}):
        send({"to": {"user": "a"}, "text": "no", **wrong})
    wait_until(lambda: len(world.rejected()) == 5, 3, "five records")


def test_an_id_reaches_a_connection_once_within_the_window_and_again_after_it(world, send):
    pod = world.pod(outbox={"dedup_window": "50s"})
    c, d = world.connect(pod, user="a", join=["g"]), world.connect(pod, user="b", join=["g"])
    send({"to": {"user": "a"}, "text": "1", "id": "n"})
    send({"to": {"group": "g"}, "text": "2", "id": "n"})  # alice had it
    send({"to": {"group": "g"}, "text": "3", "id": "m"})
    assert [c.recv(), c.recv()] == ["1", "3"]
    assert [d.recv(), d.recv()] == ["2", "3"]
    pod.wait_reason("duplicate")


def test_commands_without_a_payload(world, send):
    a, b = world.pod(), world.pod()
    c, d = world.connect(a, user="a"), world.connect(b, user="a")
    send({"to": {"user": "a"}, "join": ["g", "h"]})
    for name in ("group:g", "group:h"):
        wait_until(lambda name=name: world.redis.pubsub_numsub(world.key(name))[0][1] == 2, 3, "the subscriptions")
    world.publish("group:h", "x")
    assert c.recv() == d.recv() == "x"
    world.push({"to": {"group": "h"}, "text": "y"})
    assert c.recv() == d.recv() == "y"
    send({"to": {"group": "g"}, "leave": "h"})
    wait_until(lambda: world.redis.pubsub_numsub(world.key("group:h"))[0][1] == 0, 3, "the subscriptions' end")
    send({"to": {"connection": c.id}, "close": {"code": 4500}})
    assert c.closed() == (4500, "")
    send({"to": {"user": "a"}, "text": "last", "close": {"code": 1000, "reason": "再见"}})
    assert d.until_closed() == (["last"], 1000, "再见")
    assert a.app.wait_event("disconnect").header("ws-close-code") == "4500"
    gone = b.app.wait_event("disconnect")
    assert (gone.header("ws-close-code"), gone.decoded("ws-close-reason")) == ("1000", "再见")


@pytest.mark.parametrize("close", [{"code": 1005}, {"code": 1006}, {"code": 1015}, {"code": 999}, {"code": 5000}, {"code": "4000"}, {},
                                   {"code": 4000, "reason": "x" * 124}, {"code": 4000, "why": "x"}, 4000])
def test_a_close_that_no_frame_may_have_is_rejected(shared, close):
    if not shared.pods:
        shared.client = shared.connect(shared.pod(), user="a")
    before = len(shared.rejected())
    shared.push({"to": {"user": "a"}, "close": close}, {"to": {"user": "a"}, "text": "still here"})
    assert shared.client.recv() == "still here"
    assert len(shared.rejected()) == before + 1


@pytest.mark.parametrize("envelope, reason", [
    ('{"to":{"user":"a","role":"x"},"text":"x"}', "bad_target"), ('{"to":{},"text":"x"}', "no_target"), ('{"to":"a","text":"x"}', "bad_target"),
    ('{"to":{"all":false},"text":"x"}', "no_target"), ('{"to":{"user":"a"}}', "no_payload"), ('{"to":{"user":"a"},"text":5}', "bad_payload"),
    ('{"to":{"user":"a"},"text":"x","id":5}', "bad_id"), ('{"to":{"user":"a"},"text":"x","text":"y"}', "repeated_member"),
    ('{"to":{"user":"a"},"text":"x","except":{"role":"b"}}', "bad_target"), ('[{"to":{"user":"a"},"text":"x"}', "not_json"),
    ('{"to":{"user":"a"},"json":' + "[" * 20000 + "]" * 20000 + "}", "not_json"), ('{"to":{"user":"a"},"text":"\\ud800"}', "bad_payload"),
    ('{"to":{"user":"a"},"text":"x"} {}', "not_json"), ("", "not_json"), ("null", "not_object"), ('{"to":{"user":"a"},"join":5}', "bad_member"),
    ('{"to":{"user":"a"},"text":"x","headers":{"a":1}}', "bad_headers"), ('{"to":{"user":"a"},"text":"x","mailbox":"yes"}', "bad_member"),
])
def test_what_is_wrong_is_said_and_stops_nothing(shared, envelope, reason):
    if not shared.pods:
        shared.client = shared.connect(shared.pod(), user="a")
    before = len(shared.rejected())
    shared.push(envelope, {"to": {"user": "a"}, "text": "behind"})
    assert shared.client.recv() == "behind"
    (record,) = shared.rejected()[before:]
    assert record["reason"].split(":")[0] == reason
    assert record["envelope"] == envelope


def test_an_empty_array_is_nothing(world, send):
    pod = world.pod()
    c = world.connect(pod, user="a")
    world.push("[]", {"to": {"user": "a"}, "text": "behind"})
    assert c.recv() == "behind"
    assert not world.rejected()
