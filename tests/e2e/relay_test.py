"""The STOMP broker for the app's own relay (Spring's enableStompBrokerRelay): TCP on loopback, across pods through Redis."""

import socket
import time

import pytest

from support.stomp import Frame, encode
from support.waiting import wait_until


class Relay:
    """As Spring's relay opens it: one connection for the app itself, one for each of its clients."""

    def __init__(self, port):
        self.sock = socket.create_connection(("127.0.0.1", port), 8)
        self.buffer = b""
        self.frame("CONNECT", {"accept-version": "1.1,1.2", "login": "guest", "passcode": "guest", "host": "/", "heart-beat": "0,0"})
        self.connected = self.recv()
        assert self.connected.command == "CONNECTED"

    def frame(self, command, headers=(), body=""):
        self.sock.sendall(encode(command, headers, body).encode())
        return self

    def recv(self, timeout=8):
        deadline = time.monotonic() + timeout
        while b"\0" not in self.buffer:
            self.sock.settimeout(max(0.01, deadline - time.monotonic()))
            data = self.sock.recv(65536)
            if not data:
                raise ConnectionError("ended")
            self.buffer += data
        frame, self.buffer = self.buffer.split(b"\0", 1)
        return Frame(frame.decode().lstrip("\n") + "\0")

    def subscribe(self, destination, id="0"):
        self.frame("SUBSCRIBE", {"id": id, "destination": destination, "receipt": "s"})
        f = self.recv()
        assert f.command == "RECEIPT", f
        return self

    def hears_nothing(self, seconds=0.3):
        with pytest.raises(TimeoutError):
            raise AssertionError(f"nothing was to come, but {self.recv(seconds)}")


@pytest.fixture
def pods(world):
    out = []
    for _ in range(2):
        p = world.pod(relay={"address": "127.0.0.1:0"})
        p.relay = p.wait_logged(component="relay")[0]["port"]
        out.append(p)
    return out


def test_what_one_app_sends_reaches_the_subscribers_of_every_pod_and_its_own(pods):
    a, b = pods
    here, there, other = Relay(a.relay).subscribe("/topic/x"), Relay(b.relay).subscribe("/topic/x"), Relay(b.relay).subscribe("/topic/y")
    Relay(a.relay).frame("SEND", {"destination": "/topic/x", "content-type": "application/json", "simpOrigDestination": "/user/bob/q"},
                         '{"a":1}')
    for r in (here, there):
        m = r.recv()
        assert (m.command, m.body, m.headers["content-type"]) == ("MESSAGE", '{"a":1}', "application/json")
        assert m.headers["simpOrigDestination"] == "/user/bob/q" and m.headers["subscription"] == "0"
    other.hears_nothing()


def test_a_session_s_own_queue_is_no_pattern_s(pods):
    a, b = pods
    own, snoop = Relay(a.relay).subscribe("/queue/errors-user1f2e"), Relay(b.relay).subscribe("/queue/**")
    Relay(b.relay).frame("SEND", {"destination": "/queue/errors-user1f2e"}, "psst")
    assert own.recv().body == "psst"
    snoop.hears_nothing()


def test_pushes_of_the_list_reach_the_app_s_clients_too(pods, world):
    r = Relay(pods[1].relay).subscribe("/topic/x")
    world.push({"to": {"destination": "/topic/x"}, "text": "hi", "receipt": world.key("r")})
    assert r.recv().body == "hi"
    assert b'"delivered":1' in wait_until(lambda: world.redis.lindex(world.key("r"), 0), what="a receipt")


def test_no_event_comes_of_it_and_no_connection_is_counted(pods):
    r = Relay(pods[0].relay).subscribe("/topic/x")
    r.frame("SEND", {"destination": "/app/x"}, "1").frame("DISCONNECT", {"receipt": "bye"})
    assert r.recv().headers["receipt-id"] == "bye"
    assert r.sock.recv(100) == b""
    assert not pods[0].app.requests and pods[0].metric("wsidecar_connections") == 0


def test_an_error_ends_the_session_with_words(pods):
    r = Relay(pods[0].relay)
    r.frame("SUBSCRIBE", {"destination": "/topic/x"})
    f = r.recv()
    assert f.command == "ERROR" and "SUBSCRIBE needs an id" in f.headers["message"]
    assert r.sock.recv(100) == b""


def test_a_drain_closes_the_app_s_sessions_last(pods):
    r = Relay(pods[0].relay).subscribe("/topic/x")
    pods[0].terminate()
    assert pods[0].wait_exit() == 0
    with pytest.raises((ConnectionError, OSError)):
        r.recv()
