"""Frames, as RFC 6455 has them and as clients that misbehave send them."""

import json
import socket
import struct
import time

import pytest

from support.app import HANG, commands, echo, text
from support.frames import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, close_payload, frame
from support.waiting import stays, wait_until
from support.ws import Closed


@pytest.fixture(scope="module")
def pod(shared):
    p = shared.pod()
    p.app.answer(message=echo)
    return p


@pytest.fixture
def c(pod):
    ws = pod.connect()
    yield ws
    ws.drop()


# --------------------------------------------------------------------------------------------- messages


@pytest.mark.parametrize("message", ["x", "张三 🍜", "a" * 125, "b" * 126, "c" * 65535, "d" * 65536, "e" * 131072,
                                     b"\x00\xff", b"f" * 131072])
def test_a_message_goes_there_and_back(c, message):
    c.send(message)
    assert c.recv() == message


def test_a_message_in_fragments_is_one(c):
    parts = ["one ".encode(), "张".encode()[:1], "张".encode()[1:], b"", b" end"]
    for i, part in enumerate(parts):
        c.frame(CONTINUATION if i else TEXT, part, fin=i == len(parts) - 1)
    assert c.recv() == "one 张 end"
    c.frame(BINARY, b"\xff", fin=False).frame(CONTINUATION, b"\xfe")
    assert c.recv() == b"\xff\xfe"


def test_a_frame_that_comes_byte_by_byte_is_taken(c):
    for byte in frame(TEXT, "slow" * 40):
        c.raw(bytes([byte]))
    assert c.recv() == "slow" * 40


def test_many_frames_in_one_packet_are_all_taken_in_order(c):
    c.raw(b"".join(frame(TEXT, str(i)) for i in range(200)))
    assert [c.recv() for _ in range(200)] == [str(i) for i in range(200)]


def test_an_empty_message_is_an_event_too(pod, c):
    before = len(pod.app.events("message"))
    c.send("").send(b"")
    events = pod.app.wait_events("message", before + 2)[before:]
    assert [r.body for r in events] == [b"", b""]
    assert events[0].header("Content-Type").startswith("text/plain")


def test_a_ping_is_answered_with_its_payload_also_between_fragments(c):
    c.frame(TEXT, "a", fin=False)
    c.ping(b"\x00" * 125)
    assert c.pong() == b"\x00" * 125
    c.frame(CONTINUATION, "b")
    assert c.recv() == "ab"
    c.ping()
    assert c.pong() == b""


def test_an_unasked_pong_is_nothing(c):
    c.frame(PONG, b"nobody asked")
    c.round_trip()


def test_a_mask_of_zeros_is_a_mask(c):
    c.raw(b"\x81\x82\x00\x00\x00\x00hi")
    assert c.recv() == "hi"


# ------------------------------------------------------------------------------------------ misbehaviour

WRONG = {
    "not masked": (1002, frame(TEXT, "x", mask=False)),
    "an unmasked ping": (1002, frame(PING, mask=False)),
    "an unmasked close": (1002, frame(CLOSE, close_payload(1000), mask=False)),
    "RSV1 without compression": (1002, frame(TEXT, "x", rsv=4)),
    "RSV2": (1002, frame(TEXT, "x", rsv=2)),
    "RSV3": (1002, frame(TEXT, "x", rsv=1)),
    "opcode 3": (1002, frame(3, "x")),
    "opcode 7": (1002, frame(7, "x")),
    "opcode 11": (1002, frame(11, "x")),
    "opcode 15": (1002, frame(15, "x")),
    "a ping in fragments": (1002, frame(PING, "x", fin=False)),
    "a close in fragments": (1002, frame(CLOSE, close_payload(1000), fin=False)),
    "a ping of 126 bytes": (1002, frame(PING, b"x" * 126)),
    "a close of 126 bytes": (1002, frame(CLOSE, close_payload(1000, "x" * 124))),
    "a continuation of nothing": (1002, frame(CONTINUATION, "x")),
    "a last continuation of nothing": (1002, frame(CONTINUATION, "x", fin=False)),
    "a message within another": (1002, frame(TEXT, "x", fin=False) + frame(TEXT, "y")),
    "a length in more bytes than needed": (1002, frame(TEXT, "x", length_bytes=2)),
    "a length in eight bytes for two": (1002, frame(TEXT, "x" * 200, length_bytes=8)),
    "a length with the highest bit": (1002, b"\x82\xff" + struct.pack("!Q", 1 << 63) + b"abcd"),
    "a close body of one byte": (1002, frame(CLOSE, b"\x03")),
    "close code 0": (1002, frame(CLOSE, close_payload(0))),
    "close code 999": (1002, frame(CLOSE, close_payload(999))),
    "close code 1004": (1002, frame(CLOSE, close_payload(1004))),
    "close code 1005": (1002, frame(CLOSE, close_payload(1005))),
    "close code 1006": (1002, frame(CLOSE, close_payload(1006))),
    "close code 1015": (1002, frame(CLOSE, close_payload(1015))),
    "close code 2000": (1002, frame(CLOSE, close_payload(2000))),
    "close code 5000": (1002, frame(CLOSE, close_payload(5000))),
    "a close reason that is no UTF-8": (1007, frame(CLOSE, close_payload(1000, b"\xff"))),
    "text that is no UTF-8": (1007, frame(TEXT, b"\xff")),
    "text that is UTF-16's half": (1007, frame(TEXT, b"\xed\xa0\x80")),
    "overlong UTF-8": (1007, frame(TEXT, b"\xc0\xaf")),
    "beyond U+10FFFF": (1007, frame(TEXT, b"\xf4\x90\x80\x80")),
    "a character cut at the end": (1007, frame(TEXT, "张".encode()[:2])),
    "a character cut over fragments, wrongly": (1007, frame(TEXT, "张".encode()[:2], fin=False) + frame(CONTINUATION, "x")),
    "a character cut at the end of fragments": (1007, frame(TEXT, "a", fin=False) + frame(CONTINUATION, "张".encode()[:1])),
    "bad UTF-8 in a fragment whose end never comes": (1007, frame(TEXT, b"ok \xff", fin=False)),
    "a message of one byte too much": (1009, frame(BINARY, b"x" * (128 * 1024 + 1))),
    "a length that claims too much": (1009, b"\x82\xff" + struct.pack("!Q", 1 << 40) + b"abcd"),
    "fragments that are too much together": (1009, frame(BINARY, b"x" * 100000, fin=False)
                                             + frame(CONTINUATION, b"x" * 100000)),
}


@pytest.mark.parametrize("what", WRONG)
def test_misbehaviour_is_closed_with_the_standard_code(pod, what):
    code, data = WRONG[what]
    before = len(pod.app.events("message"))
    counted = pod.metric("wsidecar_closes_total", code=str(code))
    c = pod.connect()
    connection = pod.app.events("connect")[-1].ws
    c.raw(data + frame(TEXT, "behind it"))
    assert c.closed()[0] == code
    assert pod.app.wait_event("disconnect", ws=connection).header("ws-close-code") == str(code)
    assert len(pod.app.events("message")) == before
    assert pod.metric("wsidecar_closes_total", code=str(code)) == counted + 1


def test_a_sound_message_before_the_wrong_frame_is_delivered(pod):
    c = pod.connect()
    c.raw(frame(TEXT, "sound") + frame(3, "wrong"))
    got, code, _ = c.until_closed()
    assert code == 1002 and got in ([], ["sound"])
    wait_until(lambda: [r for r in pod.app.events("message") if r.body == b"sound"], 3, "the sound message")


@pytest.mark.parametrize("code, data", [(1000, frame(CLOSE, close_payload(1000))), (1002, frame(3, "x")), (1007, frame(TEXT, b"\xff")),
                                        (1009, b"\x82\xff" + struct.pack("!Q", 1 << 40) + b"abcd")],
                         ids=["1000", "1002", "1007", "1009"])
def test_who_shuts_his_sending_side_gets_the_close_all_the_same(pod, code, data):
    for _ in range(10):
        c = pod.connect()
        c.raw(data)
        c.sock.shutdown(socket.SHUT_WR)
        assert c.closed()[0] == code


def test_what_was_queued_before_a_close_is_written(world):
    pod = world.pod()
    c = world.connect(pod, rcvbuf=4096)
    for n in range(8):
        world.publish("all", str(n) * 60_000)
    time.sleep(0.3)
    c.send_close(1000)
    c.sock.shutdown(socket.SHUT_WR)
    got, code, _ = c.until_closed()
    assert [m[0] for m in got] == list("01234567") and code == 1000
    assert pod.app.wait_event("disconnect").header("ws-close-code") == "1000"


def test_too_many_fragments_are_closed(world):
    pod = world.pod(limits={"fragments": 10})
    c = world.connect(pod)
    c.frame(TEXT, "x", fin=False)
    for _ in range(8):
        c.frame(CONTINUATION, "", fin=False)
    c.frame(CONTINUATION, "")
    assert pod.app.wait_event("message").text == "x"
    c.frame(TEXT, "x", fin=False)
    c.raw(frame(CONTINUATION, "", fin=False) * 10)
    assert c.closed()[0] in (1008, 1009)


def test_a_routes_own_message_limit_holds(world):
    pod = world.pod(limits={"message": "2KiB"}, routes=[{"path": "/a"}, {"path": "/b", "limits": {"message": "1KiB"}}])
    a, b = world.connect(pod, path="/a"), world.connect(pod, path="/b")
    a.send("x" * 2048)
    assert len(pod.app.wait_event("message").body) == 2048
    a.send("x" * 2049)
    assert a.closed()[0] == 1009
    b.send("x" * 1025)
    assert b.closed()[0] == 1009


def test_too_many_messages_a_second_are_closed_with_1008(world):
    pod = world.pod(limits={"messages_per_second": 10})
    c = world.connect(pod)
    for i in range(5):
        c.send(str(i))
    pod.app.wait_events("message", 5)
    c.round_trip()
    for i in range(40):
        c.send(str(i))
    assert c.closed()[0] == 1008
    assert pod.app.wait_event("disconnect").header("ws-close-code") == "1008"
    assert len(pod.app.events("message")) <= 25


def test_pings_count_for_no_messages_but_do_not_grow_without_bound(c):
    c.raw(frame(PING, b"x" * 100) * 20000)
    c.ping(b"last")
    pongs = []
    while not pongs or pongs[-1] != b"last":
        pongs.append(c.pong())
    c.send("still here")
    assert c.recv() == "still here"


# ------------------------------------------------------------------------------------------- the close


@pytest.mark.parametrize("payload, answered, told, reason", [
    (close_payload(1000, "bye"), 1000, "1000", "bye"),
    (close_payload(1001), 1001, "1001", None),
    (close_payload(4321, "午饭 %"), 4321, "4321", "午饭 %"),
    (close_payload(3000), 3000, "3000", None),
    (b"", 1005, "1005", None),
])
def test_a_close_is_echoed_and_told(pod, payload, answered, told, reason):
    c = pod.connect()
    connection = pod.app.events("connect")[-1].ws
    c.frame(CLOSE, payload)
    fin, rsv, opcode, back = c.recv_frame()
    assert (fin, rsv, opcode) == (True, 0, CLOSE)
    assert (struct.unpack("!H", back[:2])[0] if back else 1005) == answered
    with pytest.raises(Closed):
        c.recv_frame()  # the server ends the TCP connection
    gone = pod.app.wait_event("disconnect", ws=connection)
    assert gone.header("ws-close-code") == told
    assert gone.decoded("ws-close-reason") == reason


@pytest.mark.parametrize("how", ["drop", "reset"])
def test_an_end_without_a_close_frame_is_1006(pod, how):
    c = pod.connect()
    connection = pod.app.events("connect")[-1].ws
    getattr(c, how)()
    assert pod.app.wait_event("disconnect", ws=connection).header("ws-close-code") == "1006"


def test_frames_behind_a_close_are_not_read(pod):
    before = len(pod.app.events("message"))
    c = pod.connect()
    c.raw(frame(CLOSE, close_payload(1000)) + frame(TEXT, "too late"))
    c.until_closed()
    stays(lambda: len(pod.app.events("message")) == before, 0.1)


def test_the_apps_close_waits_for_the_clients_and_is_told(world):
    pod = world.pod()
    pod.app.answer(message=commands(Ws_Close="4400 again please"))
    c = world.connect(pod)
    c.send("x")
    fin, _, opcode, payload = c.recv_frame()
    assert (opcode, payload) == (CLOSE, close_payload(4400, "again please"))
    c.frame(CLOSE, payload)
    with pytest.raises(Closed):
        c.recv_frame()
    gone = pod.app.wait_event("disconnect")
    assert gone.header("ws-close-code") == "4400"
    assert gone.header("ws-close-reason") == "again%20please"


@pytest.mark.slow
def test_a_client_that_does_not_answer_the_close_is_ended(world):
    pod = world.pod()
    pod.app.answer(message=commands(Ws_Close="4400 x"))
    c = world.connect(pod)
    c.send("x")
    assert c.recv_frame()[2] == CLOSE
    with pytest.raises(Closed):
        c.recv_frame(12)
    assert pod.app.wait_event("disconnect").header("ws-close-code") == "4400"


def test_going_away_is_1001(world):
    pod = world.pod()
    c = world.connect(pod)
    pod.terminate()
    assert c.closed()[0] == 1001


# ------------------------------------------------------------------------------------------------ pings


def test_a_client_that_answers_no_ping_is_gone_with_1006(world):
    pod = world.pod(ping="300ms", pong_timeout="300ms")
    c = world.connect(pod, auto_pong=False)
    began = time.monotonic()
    got, code, _ = c.until_closed(5)
    assert code == 1006 and c.pings and time.monotonic() - began < 3
    assert pod.app.wait_event("disconnect").header("ws-close-code") == "1006"


def test_a_client_that_answers_pings_stays(world):
    pod = world.pod(ping="200ms", pong_timeout="300ms")
    c = world.connect(pod)
    c.hears_nothing(1.5)
    assert len(c.pings) >= 3
    c.round_trip()


def test_any_byte_is_a_sign_of_life(world):
    pod = world.pod(ping="200ms", pong_timeout="400ms")
    c = world.connect(pod, auto_pong=False)
    for _ in range(15):
        c.send("no pong, but here")
        time.sleep(0.1)
    assert len(pod.app.wait_events("message", 15)) == 15
    with pytest.raises(TimeoutError):
        c.recv(0.01)  # pings only, no end


def test_the_time_stands_still_while_the_app_is_slow_and_nothing_is_read(world):
    world.config = {"app": {"timeout": "20s"}}
    pod = world.pod(ping="200ms", pong_timeout="300ms")
    pod.app.answer(message=HANG)
    c = world.connect(pod)
    # The client has sent so much that its pongs lie behind it, unread.
    c.raw(frame(TEXT, "x" * 8000) * 40)
    try:
        c.hears_nothing(1.5)
    except Closed as e:
        raise AssertionError("ended while it was not read") from e
    pod.app.answer(message=text("ok"))
    assert not pod.app.events("disconnect")


def test_bytes_before_the_ping_that_are_still_leaving_are_a_sign_of_life(world):
    pod = world.pod(ping="200ms", pong_timeout="400ms", limits={"sndbuf": "8KiB", "queue": "4MiB"})
    c = world.connect(pod, user="modem", rcvbuf=4096, auto_pong=False)
    for i in range(10):
        world.publish("user:modem", str(i) * 60000)
    wanted, began = 600_000, time.monotonic()
    while c.received_bytes < wanted:
        c._fill(time.monotonic() + 2)  # Closed, if it was given up
        c.buffer = b""
        time.sleep(min(0.05, max(0.0, began + 2 * c.received_bytes / wanted - time.monotonic())))
    assert time.monotonic() - began > 1


def test_ping_per_route(world):
    pod = world.pod(routes=[{"path": "/quick", "ping": "100ms"}, {"path": "/calm"}])
    quick, calm = world.connect(pod, path="/quick"), world.connect(pod, path="/calm")
    quick.hears_nothing(1)
    assert len(quick.pings) >= 2
    calm.hears_nothing(0.1)
    assert not calm.pings


# ----------------------------------------------------------------------------------------- slow clients


def test_a_client_that_does_not_read_is_closed_with_1013_and_memory_is_bounded(world):
    pod = world.pod(limits={"queue": "64KiB", "sndbuf": "16KiB"})
    c = world.connect(pod, user="slow", rcvbuf=4096)
    quick = world.connect(pod, user="quick")
    for _ in range(100):
        world.publish("user:slow", "x" * 20000)
    world.publish("user:quick", "hello")
    assert quick.recv() == "hello"
    gone = pod.app.wait_event("disconnect", timeout=12, user="slow")
    assert gone.header("ws-close-code") == "1013"
    got, code, _ = c.until_closed(15)
    assert code in (1013, 1006) and len(got) < 100


def test_a_client_that_answers_no_ping_is_told_of_once_with_the_cure(world):
    pod = world.pod(ping="200ms", pong_timeout="200ms")
    for _ in range(3):
        c = world.connect(pod, auto_pong=False)
        with pytest.raises(Closed):
            while True:
                c.recv(3)
    line = pod.wait_logged("never answered one")
    assert len(line) == 1 and "confirm: write" in str(line[0]) and "ping: 0s" in str(line[0])


def test_a_route_may_do_without_pongs(world):
    pod = world.pod(routes=[{"path": "/plain", "confirm": "write", "ping": "0s"}], pong_timeout="200ms")
    c = world.connect(pod, "alice", path="/plain", auto_pong=False)
    time.sleep(0.7)
    world.push({"to": {"user": "alice"}, "text": "hello", "receipt": world.key("receipts")})
    assert c.recv() == "hello"
    outcome = json.loads(world.redis.blpop(world.key("receipts"), 3)[1])
    assert outcome["outcome"] == "delivered"
    c.round_trip()
