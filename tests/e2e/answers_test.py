"""The app's answers: bodies, commands and what is not taken of them."""

import gzip
import zlib

import pytest

from support.app import Answer, commands, text
from support.waiting import stays, wait_until
from support.ws import Refused


@pytest.fixture(scope="module")
def pod(shared):
    return shared.pod()


@pytest.fixture(autouse=True)
def fresh_answers(pod):
    pod.app.answers.clear()


def typed(kind, body, *more):
    return Answer(200, [("Content-Type", kind)] * (kind is not None) + list(more), body)


def asked(pod, answer, message="x"):
    """A client whose message was answered so."""
    pod.app.answer(message=answer)
    c = pod.connect()
    c.id = pod.app.events("connect")[-1].ws
    c.send(message)
    return c


def bad_answers(pod):
    return pod.reasons().get("bad_answer", 0)


# -------------------------------------------------------------------------------------------------- bodies


@pytest.mark.parametrize("kind", ["text/plain", "text/plain; charset=utf-8", "TEXT/HTML;Charset=UTF-8", "text/csv",
                                  "application/json", "application/json; charset=\"utf-8\"", "application/problem+json",
                                  "application/xml", "application/atom+xml; x=y", "Application/JSON"])
def test_a_text_body_is_a_text_message(pod, kind):
    c = asked(pod, typed(kind, "午饭".encode()))
    assert c.recv() == "午饭"


@pytest.mark.parametrize("kind", ["application/octet-stream", "image/png", "application/cbor", None, "nonsense", "text"])
def test_any_other_body_is_a_binary_message(pod, kind):
    c = asked(pod, typed(kind, b"\x00\xff\xfe"))
    assert c.recv() == b"\x00\xff\xfe"


@pytest.mark.parametrize("charset", ["iso-8859-1", "ISO-8859-1", "latin1", '"iso-8859-1"'])
def test_the_charset_of_plain_spring_mvc_is_honoured(pod, charset):
    c = asked(pod, typed(f"text/plain;charset={charset}", "Käse für Zoë".encode("latin-1")))
    assert c.recv() == "Käse für Zoë"


@pytest.mark.parametrize("charset", ["GBK", "gb18030", "Big5", "UTF-16BE"])
def test_other_charsets_are_converted(pod, charset):
    c = asked(pod, typed(f"text/plain; charset={charset}", "午飯".encode(charset)))
    assert c.recv() == "午飯"


@pytest.mark.parametrize("kind, body", [("text/plain", b"\xff\xfe"), ("application/json", b'"\xed\xa0\x80"'),
                                        ("text/plain; charset=GBK", b"\x81"), ("text/plain; charset=no-such", b"x\xff")])
def test_what_is_no_text_is_not_sent_and_counted(pod, kind, body):
    before = bad_answers(pod)
    c = asked(pod, [typed(kind, body, ("Ws-State", "taken")), text("next")])
    c.send("y")
    assert c.recv() == "next"
    assert bad_answers(pod) == before + 1
    assert pod.app.events("message", ws=c.id)[-1].header("ws-state") == "taken"


@pytest.mark.parametrize("answer", [Answer(204), Answer(200), Answer(202), Answer(200, chunked=True),
                                    Answer(200, {"Content-Type": "text/plain"})])
def test_an_empty_answer_is_no_message(pod, answer):
    c = asked(pod, [answer, text("next")])
    c.send("y")
    assert c.recv() == "next"


@pytest.mark.parametrize("status", [200, 201, 202, 203, 206])
def test_any_2xx_with_a_body_is_a_message(pod, status):
    c = asked(pod, Answer(status, {"Content-Type": "text/plain"}, "yes"))
    assert c.recv() == "yes"


def test_a_chunked_answer_and_one_up_to_the_close_are_whole(pod):
    c = asked(pod, [Answer(200, {"Content-Type": "text/plain"}, "in chunks", chunked=True),
                    Answer(raw=b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nto the end"),
                    Answer(raw=b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nold")])
    assert c.recv() == "in chunks"
    c.send("y")
    assert c.recv() == "to the end"
    c.send("z")
    assert c.recv() == "old"


def test_interim_answers_are_skipped(pod):
    c = asked(pod, Answer(raw=b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
                              b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"))
    assert c.recv() == "ok"


def test_a_large_answer_is_sent_whole(pod):
    c = asked(pod, typed("text/plain", b"x" * 500_000))
    assert c.recv() == "x" * 500_000


def test_the_connect_answers_body_is_the_first_message(pod):
    pod.app.answer(connect=text("welcome"), message=text("answer"))
    c = pod.connect()
    c.send("x")
    assert [c.recv(), c.recv()] == ["welcome", "answer"]


def test_the_connect_answers_body_comes_before_live_messages(world):
    pod = world.pod()
    pod.app.answer(connect=text("welcome", Ws_User="alice", Ws_Join="g"))
    c = world.connect(pod)
    world.publish("user:alice", "live")
    assert [c.recv(), c.recv()] == ["welcome", "live"]


def test_a_disconnect_answers_body_and_commands_are_ignored(world):
    pod = world.pod()
    pod.app.answer(disconnect=text("nobody", Ws_Join="g", Ws_User="x", Ws_Close="4000 y"))
    c = world.connect(pod, user="alice")
    c.close()
    pod.app.wait_event("disconnect")
    wait_until(lambda: not world.redis.keys(world.prefix + "*g*") or True, 1)
    stays(lambda: not world.presence("x"), 0.1)
    assert len(pod.app.events("disconnect")) == 1


# ------------------------------------------------------------------------------------------------ commands


def test_a_user_named_on_connect_is_reached(world):
    pod = world.pod()
    c = world.connect(pod, user="%E5%BC%A0%E4%B8%89")
    world.publish("user:张三", "hello")
    assert c.recv() == "hello"


def test_a_login_by_message_registers_the_connection_anew(world):
    pod = world.pod()
    pod.app.answer(message=text("welcome", Ws_User="alice"))
    c = world.connect(pod)
    assert not world.presence("alice")
    c.send("login alice")
    assert c.recv() == "welcome"
    # Who reads the answer and asks for the user then must find it.
    assert set(world.presence("alice")) == {c.id}
    world.publish("user:alice", "hello")
    assert c.recv() == "hello"
    pod.app.answer(message=commands(Ws_User="bob"))
    c.send("login bob")
    wait_until(lambda: set(world.presence("bob")) == {c.id}, 3, "bob")
    assert not world.presence("alice")
    world.publish("user:alice", "not for bob")
    world.publish("user:bob", "for bob")
    assert c.recv() == "for bob"
    c.send("x")
    assert pod.app.wait_events("message", 3)[-1].header("ce-userid") == "bob"
    c.close()
    gone = pod.app.wait_event("disconnect")
    assert gone.header("ce-userid") == "bob" and gone.header("ws-user-connections") == "0"


def test_aliases_repeat_and_are_separated_by_commas(world):
    pod = world.pod()
    c = world.connect(pod, user="alice", alias=["userId=42, tenant:7", "%E5%BC%A0%2C%20x"])
    for alias in ("userId=42", "tenant:7", "张, x"):
        world.publish("alias:" + alias, "to " + alias)
        assert c.recv() == "to " + alias


def test_groups_are_joined_and_left_on_any_event(world):
    pod = world.pod()
    c = world.connect(pod, join=["table-7, %E6%A1%8C", "bar"])
    for group in ("table-7", "桌", "bar"):
        world.publish("group:" + group, "to " + group)
        assert c.recv() == "to " + group
    pod.app.answer(message=text("moved", Ws_Join="table-8", Ws_Leave="table-7, bar"))
    c.send("move")
    assert c.recv() == "moved"
    world.publish("group:table-7", "not here")
    world.publish("group:bar", "not here")
    world.publish("group:table-8", "here")
    assert c.recv() == "here"
    world.publish("group:桌", "still")
    assert c.recv() == "still"


@pytest.mark.parametrize("name", ["ws-user", "WS-USER", "Ws-User"])
def test_commands_are_taken_without_regard_to_case(world, name):
    pod = world.pod()
    pod.app.answer(connect=commands((name, "alice")))
    c = world.connect(pod)
    world.publish("user:alice", "hello")
    assert c.recv() == "hello"


def test_a_body_may_be_several_messages(pod):
    several = Answer(200, [("Ws-Messages", "text=6, binary=3,text=0,text=3"), ("Ws-Close", "4001")], "午饭".encode() + b"\x00\xff\xfeend")
    assert asked(pod, several).until_closed()[0] == ["午饭", b"\x00\xff\xfe", "", "end"]
    pod.app.answer(connect=several)
    assert pod.connect().until_closed()[0] == ["午饭", b"\x00\xff\xfe", "", "end"]


def test_of_a_body_that_is_not_its_messages_nothing_is_sent_and_it_is_counted(pod):
    before = bad_answers(pod)
    c = asked(pod, Answer(200, [("Ws-Messages", "text=2,text=9")], b"abcd"))
    wait_until(lambda: bad_answers(pod) > before, 5, "counted")
    c.hears_nothing(0.1)


def test_a_close_comes_behind_the_body(pod):
    c = asked(pod, text("goodbye", Ws_Close="4001 see%20you"))
    assert c.until_closed() == (["goodbye"], 4001, "see you")


def test_a_close_on_connect_comes_behind_the_101_and_the_body(pod):
    pod.app.answer(connect=text("full", Ws_Close="4500 do not"))
    c = pod.connect()
    connection = pod.app.events("connect")[-1].ws
    assert c.until_closed() == (["full"], 4500, "do not")
    assert pod.app.wait_event("disconnect", ws=connection).header("ws-close-code") == "4500"


@pytest.mark.parametrize("close, code, reason", [("4001", 4001, ""), ("4999 x", 4999, "x"), ("1000 done", 1000, "done"),
                                                 ("3000", 3000, ""), ("4001 %E5%86%8D%E8%A7%81", 4001, "再见"),
                                                 ("1008 policy", 1008, "policy")])
def test_close_codes_are_passed_through(pod, close, code, reason):
    c = asked(pod, commands(Ws_Close=close))
    assert c.closed() == (code, reason)


@pytest.mark.parametrize("close", ["x", "999", "1005 x", "1006", "5000 x", "40010", "", "4001x"])
def test_a_close_that_cannot_be_is_counted_and_the_connection_stays(pod, close):
    before = bad_answers(pod)
    c = asked(pod, text("still here", Ws_Close=close))
    assert c.recv() == "still here"
    c.round_trip()
    assert bad_answers(pod) == before + 1


def test_a_close_reason_of_more_than_123_bytes_is_no_protocol_error(pod):
    before = bad_answers(pod)
    c = asked(pod, commands(Ws_Close="4001 " + "x" * 200))
    code, reason = c.closed()
    assert code == 4001 and len(reason) <= 123
    assert bad_answers(pod) == before + 1


def test_a_state_of_2_kib_is_taken_a_longer_one_is_not(pod):
    before = bad_answers(pod)
    c = asked(pod, [commands(Ws_State="s" * 2048), commands(Ws_State="l" * 2049), commands()])
    c.send("y").send("z")
    _, second, third = pod.app.wait_events("message", 3, ws=c.id)
    assert second.header("ws-state") == third.header("ws-state") == "s" * 2048
    assert bad_answers(pod) == before + 1


def test_a_command_that_is_none_is_told_with_its_name_and_counted(pod):
    before = bad_answers(pod)
    c = asked(pod, Answer(200, [("Content-Type", "text/plain"), ("Ws-Jion", "table-7")], "still here"))
    assert c.recv() == "still here"
    assert bad_answers(pod) == before + 1
    assert pod.wait_logged("no command", level="warn") is not None
    assert pod.logged("no command", header="Ws-Jion")


@pytest.mark.parametrize("header", [("Ws-User", ""), ("Ws-User", "u" * 257), ("Ws-User", "a%0Ab"), ("Ws-User", "caf%E9"), ("Ws-Join", "g" * 257),
                                    ("Ws-Alias", "a%00b")])
def test_a_name_that_cannot_be_is_counted(pod, header):
    before = bad_answers(pod)
    c = asked(pod, Answer(200, [("Content-Type", "text/plain"), header], "still here"))
    assert c.recv() == "still here"
    assert bad_answers(pod) == before + 1


def test_a_subprotocol_that_was_not_offered_is_counted(pod):
    before = bad_answers(pod)
    pod.app.answer(connect=commands(Ws_Subprotocol="v9"))
    pod.connect(subprotocols=["v1"])
    assert bad_answers(pod) == before + 1


def test_commands_of_a_rejected_answer_are_not_taken(world):
    pod = world.pod()
    pod.app.answer(message=[Answer(400, [("Ws-User", "alice"), ("Ws-Close", "4001 x")], "no"), text("next")])
    c = world.connect(pod)
    c.send("x").send("y")
    assert c.recv() == "next"
    assert not world.presence("alice")


def test_commands_are_not_relayed_to_a_refused_client(pod):
    pod.app.answer(connect=Answer(403, [("Ws-User", "alice"), ("Content-Type", "text/plain"), ("X-Inner", "1")], "no"))
    with pytest.raises(Refused) as e:
        pod.connect()
    r = e.value.response
    assert r.status == 403 and r.text == "no"
    assert r.header("Ws-User") is None and r.header("X-Inner") is None


# ------------------------------------------------------------------------------- names from the route's path


@pytest.fixture
def named(world):
    return world.pod(routes=[{"path": "/u/{userId}/t/{table}", "user": "{userId}", "groups": ["table-{table}", "all-tables"]}])


def test_a_route_names_the_user_and_the_groups(world, named):
    c = world.connect(named, path="/u/%E5%BC%A0/t/7")
    assert named.app.wait_event("connect").decoded("ce-userid") == "张"
    for address in ("user:张", "group:table-7", "group:all-tables"):
        world.publish(address, address)
        assert c.recv() == address
    c.close()
    assert named.app.wait_event("disconnect").decoded("ce-userid") == "张"


def test_the_connect_events_answer_overrules_the_route(world, named):
    c = world.connect(named, path="/u/alice/t/7", user="bob", join=["vip"])
    named.app.answers.clear()
    assert set(world.presence("bob")) == {c.id}
    assert not world.presence("alice")
    world.publish("user:alice", "not for bob")
    world.publish("user:bob", "for bob")
    assert c.recv() == "for bob"
    world.publish("group:vip", "vip")
    assert c.recv() == "vip"
    c.send("x")
    assert named.app.wait_event("message").header("ce-userid") == "bob"


def test_the_connect_events_answer_can_leave_the_routes_groups(world, named):
    named.app.answer(connect=commands(Ws_Leave="table-7", Ws_Join="table-8"))
    c = world.connect(named, path="/u/alice/t/7")
    world.publish("group:table-7", "not here")
    world.publish("group:table-8", "here")
    assert c.recv() == "here"


def test_a_refused_connect_leaves_nothing_of_the_routes_names(world, named):
    named.app.answer(connect=Answer(403))
    with pytest.raises(Refused):
        named.connect("/u/alice/t/7")
    wait_until(lambda: not world.presence("alice"), 3, "nobody")
    wait_until(lambda: not [k for k in world.redis.keys(world.prefix + "*") if b":conn:" in k or b"where:" in k], 3, "no names left")


def test_names_work_without_a_connect_event(world):
    pod = world.pod(routes=[{"path": "/u/{userId}", "user": "{userId}", "events": ["message", "disconnect"]}])
    c = pod.connect("/u/alice")
    world.publish("user:alice", "hello")
    assert c.recv() == "hello"
    assert not pod.app.events("connect")
    c.close()
    assert pod.app.wait_event("disconnect").header("ce-userid") == "alice"


@pytest.mark.parametrize("path", ["/u/" + "x" * 257 + "/t/7", "/u/a/t/" + "x" * 257])
def test_a_name_from_the_path_that_is_too_long_is_400(named, path):
    with pytest.raises(Refused) as e:
        named.connect(path)
    assert e.value.status == 400
    assert not named.app.requests


# ------------------------------------------------------------------------------------------------- limits and codings


def test_an_answer_over_app_max_answer_is_told_as_such(world):
    world.config = {"app": {"max_answer": "64KiB"}}
    pod = world.pod()
    pod.app.answer(message=text("x" * 65536))
    c = world.connect(pod)
    c.send("a")
    assert len(c.recv()) == 65536
    pod.app.answer(message=text("x" * 65537))
    c.send("b")
    pod.wait_reason("answer_too_big")
    assert ("wsidecar_limit_hits_total", {"name": "app.max_answer"}, 1) in list(pod.samples())
    assert pod.wait_logged("answer_too_big", cure="app.max_answer is the largest answer to an event")
    pod.app.answer(message=text("still here"))
    c.send("c")
    assert c.recv() == "still here"
    pod.app.answer(connect=text("x" * 65537))
    with pytest.raises(Refused) as e:
        pod.connect()
    assert e.value.status == 502 and b"app.max_answer" in e.value.response.body


@pytest.mark.parametrize("coding, pack", [("gzip", gzip.compress), ("deflate", zlib.compress), ("deflate", lambda b: zlib.compress(b)[2:-4])])
def test_a_compressed_answer_is_read(pod, coding, pack):
    c = asked(pod, typed("text/plain", pack("午饭".encode()), ("Content-Encoding", coding)))
    assert c.recv() == "午饭"


@pytest.mark.parametrize("coding, body", [("br", b"x"), ("gzip", b"no gzip"), ("gzip", gzip.compress(b"soup", mtime=0)[:-1])])
def test_an_answer_in_an_unknown_coding_is_a_bad_answer(pod, coding, body):
    before = bad_answers(pod)
    c = asked(pod, typed("text/plain", body, ("Content-Encoding", coding)))
    wait_until(lambda: bad_answers(pod) == before + 1, 3, "the count")
    c.hears_nothing(0.1)


def test_a_long_close_reason_is_cut_at_a_character(pod):
    c = asked(pod, commands(Ws_Close="4001 " + "%E5%BC%A0" * 60))
    assert c.closed() == (4001, "张" * 41)
