"""The moment of the 101: registered, subscribed, and nothing lost in between; TLS."""

import json
import ssl
import subprocess
import time

import pytest

from support import frames
from support.app import Answer, commands, echo, text
from support.http import HttpConnection, request_bytes
from support.waiting import wait_until
from support.ws import Refused, Ws, upgrade_request


def test_a_push_that_the_app_writes_within_the_connect_handler_arrives_behind_its_answer(world):
    pod = world.pod()

    def connect(r):
        world.push({"to": {"connection": r.ws}, "text": "from the list"})
        return text("welcome", Ws_User="alice")
    pod.app.answer(connect=connect)
    for _ in range(5):
        c = world.connect(pod)
        assert [c.recv(), c.recv()] == ["welcome", "from the list"]


def test_a_user_whom_the_path_names_is_reached_within_the_connect_handler(world):
    pod = world.pod(routes=[{"path": "/u/{id}", "user": "{id}"}])

    def connect(r):
        assert world.publish("user:alice", "live") == 1
        world.push({"to": {"user": "alice"}, "text": "from the list"})
        return text("welcome")
    pod.app.answer(connect=connect)
    c = world.connect(pod, path="/u/alice")
    assert c.recv() == "welcome"
    assert sorted([c.recv(), c.recv()]) == ["from the list", "live"]


def test_a_connection_that_the_app_has_not_accepted_counts_for_nobody(world):
    pod = world.pod()
    pod.app.answer(connect=Answer(204, delay=0.3))
    with HttpConnection(pod.port) as c:
        c.send(upgrade_request())
        pod.app.wait_event("connect")
        assert json.loads(pod.get("/connections").body)["count"] == 0
        assert pod.metric("wsidecar_connections") == 0
        assert c.response().status == 101
        assert json.loads(pod.get("/connections").body)["count"] == 1
        assert pod.metric("wsidecar_connections") == 1
    wait_until(lambda: pod.metric("wsidecar_connections") == 0, 3, "nobody")


def test_a_push_may_close_or_move_a_connection_that_the_app_has_not_accepted_yet(world):
    pod = world.pod()

    def connect(r):
        world.push({"to": {"connection": r.ws}, "join": ["early"], "text": "joined"},
                   {"to": {"connection": r.ws}, "text": "bye", "close": {"code": 4100, "reason": "so soon"}})
        time.sleep(0.1)
        return text("welcome")
    pod.app.answer(connect=connect)
    c = world.connect(pod)
    assert c.until_closed() == (["welcome", "joined", "bye"], 4100, "so soon")


def test_pushes_for_a_connection_that_the_app_then_refuses_reach_nobody(world):
    pod = world.pod()

    def connect(r):
        world.push({"to": {"connection": r.ws}, "text": "secret"})
        time.sleep(0.1)
        return Answer(403, {"Content-Type": "text/plain"}, "no")
    pod.app.answer(connect=connect)
    with pytest.raises(Refused) as e:
        pod.connect()
    assert (e.value.status, e.value.response.text) == (403, "no")
    wait_until(lambda: world.redis.llen(world.key("outbox")) == 0, 3, "the outbox to be taken")
    pod.app.answer(connect=text("welcome"))
    c = world.connect(pod)
    assert c.recv() == "welcome"
    c.hears_nothing(0.2)


def test_once_the_101_is_there_everything_is_registered_and_subscribed(world):
    pods = [world.pod(), world.pod()]
    for i in range(10):
        pod = pods[i % 2]
        pod.app.answer(connect=commands(Ws_User=f"u{i}", Ws_Join=f"g{i}", Ws_Alias=f"a{i}"))
        c = world.connect(pod)
        for kind in ("user:u", "group:g", "alias:a"):
            assert world.publish(f"{kind}{i}", kind) == 1
            assert c.recv() == kind
        assert set(world.presence(f"u{i}")) == {c.id}


def test_a_redis_that_hangs_delays_the_101_by_a_second_at_most(world, own_redis):
    world.redis_server = own_redis()
    pod = world.pod()
    pod.app.answer(connect=commands(Ws_User="alice"), message=echo)
    world.redis_server.pause()
    try:
        began = time.monotonic()
        c = world.connect(pod)
        assert time.monotonic() - began < 1.6
        c.send("inbound goes on")
        assert c.recv() == "inbound goes on"
    finally:
        world.redis_server.resume()
    wait_until(lambda: world.presence("alice"), 10, "to be registered when Redis is back")
    c.round_trip()


def test_while_redis_is_known_to_be_down_the_101_comes_at_once(world, own_redis):
    world.redis_server = own_redis()
    pod = world.pod()
    pod.app.answer(connect=commands(Ws_User="alice"), message=echo)
    world.redis_server.kill()
    wait_until(lambda: pod.readyz()[1]["redis"] != "ok", 10, "readyz to tell")
    began = time.monotonic()
    c = world.connect(pod)
    assert time.monotonic() - began < 0.3
    c.send("inbound goes on")
    assert c.recv() == "inbound goes on"
    world.redis_server.start()
    wait_until(lambda: world.presence("alice"), 10, "to be registered when Redis is back")
    wait_until(lambda: world.publish("user:alice", "pushed"), 10, "the subscription")
    assert c.recv() == "pushed"


# ---------------------------------------------------------------------------------------------------- TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    d = tmp_path_factory.mktemp("tls")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days",
                    "2", "-subj", "/CN=shop.example", "-addext", "subjectAltName=DNS:shop.example", "-keyout", d / "key.pem",
                    "-out", d / "cert.pem"], check=True, capture_output=True)
    return {"cert": str(d / "cert.pem"), "key": str(d / "key.pem")}


def secured(pod, certificate):
    context = ssl.create_default_context(cafile=certificate["cert"])
    c = HttpConnection(pod.port)
    c.sock = context.wrap_socket(c.sock, server_hostname="shop.example")
    return c


def test_tls(world, certificate):
    world.config = {"listen": {"tls": certificate}, "http": "pass"}
    pod = world.pod()
    pod.app.answer(message=echo)
    with secured(pod, certificate) as c:
        assert c.request("GET", "/page").status == 200  # http: pass, and the connection is kept
        c.send(upgrade_request("/ws/x", [("Cookie", "S=1"), ("Origin", "https://shop.example")]) + frames.frame(frames.TEXT, "early"))
        r = c.response()
        assert r.status == 101
        ws = object.__new__(Ws)
        ws.sock, ws.buffer, ws.timeout, ws.auto_pong, ws.received_bytes, ws.pings = c.sock, r.rest, 5, True, 0, []

        def fill(deadline):
            ws.buffer += c.sock.recv(1 << 18)
        ws._fill = fill
        assert ws.recv() == "early"
        for message in ("张三", "x" * 100000, b"\xff" * 131072):
            ws.send(message)
            assert ws.recv() == message
        connect = pod.app.events("connect")[0]
        assert connect.header("X-Forwarded-Proto") == "https"
        assert connect.header("X-Forwarded-Port") == "443"


@pytest.mark.parametrize("suite", ["ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-CHACHA20-POLY1305", "AES128-SHA", "AES256-GCM-SHA384",
                                   "ECDHE-RSA-AES128-SHA", "DHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-SHA384"])
def test_tls_1_2_has_forward_secrecy_and_authenticated_encryption(world, tmp_path, suite):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=shop.example", "-keyout",
                    tmp_path / "key.pem", "-out", tmp_path / "cert.pem"], check=True, capture_output=True)
    world.config = {"listen": {"tls": {"cert": str(tmp_path / "cert.pem"), "key": str(tmp_path / "key.pem")}}}
    pod = world.pod()
    said = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{pod.port}", "-tls1_2", "-cipher", suite], input=b"",
                          capture_output=True, timeout=10).stdout.decode()
    taken = suite in ("ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-CHACHA20-POLY1305")
    assert (f"Cipher is {suite}" in said) == taken


def test_a_client_that_speaks_no_tls_is_no_harm(world, certificate):
    world.config = {"listen": {"tls": certificate}}
    pod = world.pod()
    with HttpConnection(pod.port) as c:
        c.send(request_bytes("GET", "/ws/x"))
        c.sock.settimeout(3)
        try:
            while c.sock.recv(1000):
                pass
        except ConnectionResetError:
            pass
    with secured(pod, certificate) as c:
        c.send(upgrade_request())
        assert c.response().status == 101
