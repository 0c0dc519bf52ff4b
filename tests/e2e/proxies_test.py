"""What stands in front: the PROXY protocol, addresses with ports and brackets, the port and scheme that a proxy names."""

import contextlib
import os
import re
import shutil
import socket
import ssl
import struct
import subprocess
import tempfile
import time

import pytest

from support.app import commands
from support.http import HttpConnection, http
from support.nginx import Nginx
from support.pod import ROOT
from support.redis_server import free_port
from support.sse import Sse
from support.waiting import wait_until
from support.ws import Refused, Ws, upgrade_request

COOKIE = ("Cookie", "SESSION=1")
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def attempt(pod, headers=(), **how):
    try:
        c = pod.connect("/ws/test", headers, **how)
    except Refused as e:
        return e.response.status
    c.drop()
    return 101


# ------------------------------------------------------------------------------------------------- PROXY protocol


def binary(client="203.0.113.7", command=0x21):
    if ":" in client:
        family, addresses = 0x21, socket.inet_pton(socket.AF_INET6, client) + socket.inet_pton(socket.AF_INET6, "::2")
    else:
        family, addresses = 0x11, socket.inet_aton(client) + socket.inet_aton("10.0.0.1")
    body = addresses + struct.pack("!HH", 49152, 443) + b"\x04\0\x04abcd"
    return SIGNATURE + bytes([command, family]) + struct.pack("!H", len(body)) + body


HEADERS = {
    "version 1": (b"PROXY TCP4 203.0.113.7 10.0.0.1 49152 443\r\n", "203.0.113.7"),
    "version 1, IPv6": (b"PROXY TCP6 2001:db8::1 ::2 49152 443\r\n", "2001:db8::1"),
    "version 1, nobody": (b"PROXY UNKNOWN\r\n", "127.0.0.1"),
    "version 2": (binary(), "203.0.113.7"),
    "version 2, IPv6": (binary("2001:db8::1"), "2001:db8::1"),
    "version 2, a health check": (binary(command=0x20), "127.0.0.1"),
}


@pytest.fixture(scope="module")
def proxied(shared):
    return shared.pod(listen={"proxy_protocol": True}, http="pass")


@pytest.mark.parametrize("what", HEADERS)
@pytest.mark.parametrize("by_byte", [True, False])
def test_the_address_of_a_proxy_header_is_the_clients(proxied, what, by_byte):
    header, client = HEADERS[what]
    before = len(proxied.app.events("connect"))
    c = HttpConnection(proxied.port)
    if by_byte:
        for at in range(len(header)):
            c.send(header[at:at + 1])
            time.sleep(0.002 if at % 10 == 0 else 0)
        c.send(upgrade_request())
    else:
        c.send(header + upgrade_request())
    assert c.response().status == 101
    event = proxied.app.wait_events("connect", before + 1)[-1]
    assert event.header("X-Forwarded-For") == event.header("X-Real-IP") == client
    c.close()


def test_a_request_that_is_passed_on_and_those_behind_it_have_the_address_too(proxied):
    c = HttpConnection(proxied.port)
    for n in range(2):
        c.send((HEADERS["version 2"][0] if n == 0 else b"") + b"GET /page HTTP/1.1\r\nHost: h\r\n\r\n")
        assert c.response().status == 200
        pages = [r for r in list(proxied.app.requests) if r.target == "/page"]
        assert [r.header("X-Forwarded-For") for r in pages] == ["203.0.113.7"] * (n + 1)
    c.close()


@pytest.mark.parametrize("data", [upgrade_request(), b"PROXY TCP4 203.0.113.7 10.0.0.1 49152\r\n" + upgrade_request(),
                                  b"PROXY " + b"x" * 200, binary()[:12] + b"\x11" + binary()[13:],
                                  SIGNATURE + b"\x21\x11\xff\xff" + b"x" * 100],
                         ids=["none", "no line's end", "too long", "unknown command", "longer than it may be"])
def test_a_connection_without_a_sound_header_is_closed_and_counted(proxied, data):
    counted = proxied.metric("wsidecar_handshakes_total", result="proxy_header")
    before = len(proxied.app.events("connect"))
    with socket.create_connection(("127.0.0.1", proxied.port), 5) as s:
        s.settimeout(5)
        s.sendall(data)
        try:
            assert s.recv(100) == b""
        except ConnectionResetError:
            pass
    wait_until(lambda: proxied.metric("wsidecar_handshakes_total", result="proxy_header") == counted + 1, 3, "the count")
    proxied.wait_logged("listen.proxy_protocol")
    assert len(proxied.app.events("connect")) == before


def test_who_sends_half_a_header_is_not_waited_for_longer_than_for_a_head(world):
    pod = world.pod(listen={"proxy_protocol": True}, limits={"handshake": "300ms"})
    with socket.create_connection(("127.0.0.1", pod.port), 5) as s:
        s.settimeout(5)
        s.sendall(b"PROXY TCP4 203")
        began = time.monotonic()
        assert s.recv(100) == b""
        assert time.monotonic() - began < 2
    assert pod.metric("wsidecar_handshakes_total", result="timeout") == 1


def test_the_header_stands_before_tls(world, tmp_path):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                    f"{tmp_path}/k.pem", "-out", f"{tmp_path}/c.pem", "-days", "2", "-subj", "/CN=shop.example"], check=True,
                   capture_output=True)
    pod = world.pod(listen={"proxy_protocol": True, "tls": {"cert": f"{tmp_path}/c.pem", "key": f"{tmp_path}/k.pem"}})
    raw = socket.create_connection(("127.0.0.1", pod.port), 5)
    raw.sendall(HEADERS["version 2, IPv6"][0])
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with context.wrap_socket(raw) as s:
        s.sendall(upgrade_request())
        assert s.recv(1000).startswith(b"HTTP/1.1 101 ")
        assert pod.app.wait_event("connect").header("X-Real-IP") == "2001:db8::1"


def test_connections_are_counted_by_the_address_that_the_header_names(world):
    pod = world.pod(listen={"proxy_protocol": True}, connections_per_address=1)

    def status(header):
        c = HttpConnection(pod.port)
        c.send(header + upgrade_request())
        return c, c.response().status
    one, first = status(binary("203.0.113.1"))
    other, second = status(binary("203.0.113.2"))
    assert (first, second) == (101, 101)
    assert status(binary("203.0.113.1"))[1] == 503
    one.close()
    other.close()


# ------------------------------------------------------------------------------------------------------- addresses


@pytest.fixture(scope="module")
def plain(shared):
    return shared.pod(connections_per_address=1)


@pytest.mark.parametrize("headers, client", [
    ([("X-Forwarded-For", "203.0.113.7:49152")], "203.0.113.7"),
    ([("X-Forwarded-For", "[2001:db8::1]:4711")], "2001:db8::1"),
    ([("X-Forwarded-For", "[2001:db8::2]")], "2001:db8::2"),
    ([("X-Forwarded-For", "192.0.2.1:80, 10.0.0.4:1234")], "192.0.2.1"),
    ([("X-Forwarded-For", "192.0.2.2, 100.64.3.4")], "192.0.2.2"),
    ([("Forwarded", 'for="[2001:db8::3]:4711";proto=https, for=10.0.0.4')], "2001:db8::3"),
    ([("X-Real-IP", "192.0.2.9:1234")], "192.0.2.9"),
])
def test_the_client_behind_proxies_is_an_address_without_port_and_brackets(plain, headers, client):
    before = len(plain.app.events("connect"))
    plain.connect("/ws/test", headers).drop()
    assert plain.app.wait_events("connect", before + 1)[-1].header("X-Real-IP") == client


def test_two_clients_of_a_gateway_that_writes_ports_are_two_addresses(plain):
    one = plain.connect("/ws/test", [("X-Forwarded-For", "198.51.100.1:1000")])
    other = plain.connect("/ws/test", [("X-Forwarded-For", "198.51.100.2:1000")])
    assert attempt(plain, [("X-Forwarded-For", "198.51.100.1:2000")]) == 503
    one.drop()
    other.drop()


# ------------------------------------------------------------------------------------------------- scheme and port


@pytest.mark.parametrize("headers, host, status", [
    ([("Origin", "https://shop.example:8443"), ("X-Forwarded-Host", "shop.example"), ("X-Forwarded-Port", "8443")], "inner", 101),
    ([("Origin", "https://shop.example:8443"), ("X-Forwarded-Port", "8443")], "shop.example", 101),
    ([("Origin", "https://shop.example:8444"), ("X-Forwarded-Port", "8443")], "shop.example", 403),
    ([("Origin", "https://shop.example"), ("X-Forwarded-Proto", "https"), ("X-Forwarded-Port", "443")], "shop.example", 101),
    ([("Origin", "https://shop.example"), ("X-Forwarded-Proto", "wss")], "shop.example", 101),
    ([("Origin", "http://shop.example"), ("X-Forwarded-Proto", "https")], "shop.example", 403),
    ([("Origin", "https://shop.example"), ("X-Forwarded-Proto", "http")], "shop.example", 403),
    ([("Sec-Fetch-Site", "cross-site")], "shop.example", 403),
    ([("Sec-Fetch-Site", "same-site")], "shop.example", 403),
    ([("Sec-Fetch-Site", "same-origin")], "shop.example", 101),
])
def test_the_same_origin_is_the_one_that_the_client_asked_for(plain, headers, host, status):
    assert attempt(plain, [COOKIE, *headers, ("X-Forwarded-For", f"203.0.113.{len(str(headers)) % 250}")], host=host) == status


@pytest.mark.parametrize("origin", ["capacitor://localhost", "ionic://localhost", "chrome-extension://aabbcc", "file://"])
def test_pages_in_shells_can_be_listed(world, origin):
    pod = world.pod(origins=["https://shop.example", origin])
    assert attempt(pod, [COOKIE, ("Origin", origin)]) == 101
    assert attempt(pod, [COOKIE, ("Origin", "capacitor://other")]) == 403


def test_an_app_hears_of_https_where_a_proxy_says_wss(plain):
    before = len(plain.app.events("connect"))
    plain.connect("/ws/test", [("X-Forwarded-Proto", "wss"), ("X-Forwarded-For", "203.0.113.99")]).drop()
    event = plain.app.wait_events("connect", before + 1)[-1]
    assert (event.header("X-Forwarded-Proto"), event.header("X-Forwarded-Port")) == ("https", "443")


# ---------------------------------------------------------------------------------------------------- subprotocols


def test_the_app_sees_which_subprotocols_were_offered_and_later_which_was_chosen(world):
    pod = world.pod(routes=[{"path": "/ws/{rest...}", "subprotocols": ["ocpp1.6", "ocpp2.0.1"]}, {"path": "/stomp", "protocol": "stomp"}])
    c = pod.connect("/ws/a", subprotocols=("v9", "ocpp2.0.1"))
    assert c.response.header("Sec-WebSocket-Protocol") == "ocpp2.0.1"
    connect = pod.app.wait_event("connect")
    assert connect.header("ws-subprotocols") == "v9, ocpp2.0.1"
    assert connect.header("ws-subprotocol") is None
    c.send("x")
    message = pod.app.wait_event("message")
    assert message.header("ws-subprotocol") == "ocpp2.0.1" and message.header("ws-subprotocols") is None
    c.close()
    assert pod.app.wait_event("disconnect").header("ws-subprotocol") == "ocpp2.0.1"
    none = pod.connect("/ws/b", [("ws-subprotocol", "forged"), ("ws-subprotocols", "forged")])
    none.send("x")
    for event in (pod.app.wait_events("connect", 2)[-1], pod.app.wait_events("message", 2)[-1]):
        assert event.header("ws-subprotocol") is None and event.header("ws-subprotocols") is None


def test_an_offer_that_is_not_ascii_reaches_the_app_percent_encoded(world):
    """A WebSocket with it is refused. Server-sent events have no subprotocols, and whatever stands there is for the app to read."""
    pod = world.pod(routes=[{"path": "/ws/{rest...}", "sse": True}])
    offer = [("Sec-WebSocket-Protocol", "a%41\xff, \x9b31m")]
    with pytest.raises(Refused, match="400"):
        pod.connect(headers=offer)
    Sse(pod.port, headers=offer)
    assert pod.app.wait_event("connect").header("ws-subprotocols") == "a%41%FF, %9B31m"


def test_a_token_that_is_offered_as_a_subprotocol_reaches_the_app(world):
    pod = world.pod(forward_headers=["Sec-WebSocket-Protocol"])
    pod.app.answer(connect=commands(Ws_Subprotocol="bearer"))
    c = pod.connect(subprotocols=("bearer", "eyJhbGciOiJIUzI1NiJ9.e30.x-_y"))
    assert c.response.header("Sec-WebSocket-Protocol") == "bearer"
    event = pod.app.wait_event("connect")
    assert event.header("ws-subprotocols") == event.header("Sec-WebSocket-Protocol") == "bearer, eyJhbGciOiJIUzI1NiJ9.e30.x-_y"


# ------------------------------------------------------------------------------------------------ config/proxies.md


with open(os.path.join(ROOT, "config", "proxies.md"), encoding="utf-8") as page:
    BLOCKS = re.findall(r"^```(nginx|haproxy)\n(.*?)^```$", page.read(), re.S | re.M)
LISTENED = [{"path": "/ws/{rest...}", "sse": True}]


@contextlib.contextmanager
def haproxy(block, port):
    """The block as it stands there, but for its addresses; the port that it listens on."""
    own = free_port()
    block, binds = re.subn(r"bind :\d+", f"bind 127.0.0.1:{own}", block)
    block, servers = re.subn(r"shop:8000", f"127.0.0.1:{port}", block)
    assert binds == servers == 1
    with tempfile.NamedTemporaryFile("w", suffix=".cfg") as f:
        f.write(block)
        f.flush()
        process = subprocess.Popen([shutil.which("haproxy") or "/usr/sbin/haproxy", "-db", "-f", f.name], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

        def listens():
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", own), 1):
                return True
        try:
            wait_until(listens, 20, "haproxy listens")
            yield own
        finally:
            process.kill()
            process.wait()


def behind(pod, port, **more):
    """What an app hears of a client with cookies, a page's Origin and forged words on its address; the client gets what is pushed."""
    forged = [("X-Forwarded-For", "1.2.3.4"), ("Forwarded", "for=1.2.3.4;proto=https"), ("X-Forwarded-Host", "forged.example"),
              ("X-Forwarded-Port", "1")]
    c = Ws(port, "/ws/test", [COOKIE, ("Origin", f"http://shop.example:{port}"), *forged], host=f"shop.example:{port}", **more)
    c.send("hello")
    assert pod.app.wait_event("message").text == "hello"
    event = pod.app.wait_event("connect")
    c.close()
    assert pod.app.wait_event("disconnect").header("ws-close-code") == "1000"
    assert "forged" not in (event.header("X-Forwarded-Host") or "")
    return event


def test_a_balancers_health_check_begins_with_a_proxy_header_on_the_admin_port(world):
    """As AWS' NLB sends it, on whatever port its target group's health check has."""
    pod = world.pod(listen={"proxy_protocol": True})
    for front, path, status in ((b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0", "/readyz", 200), (b"PROXY UNKNOWN\r\n", "/readyz", 200), (b"", "/readyz", 200),
                                (b"PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n", "/connections", 403), (b"PROXY \r\n", "/readyz", None)):
        with socket.create_connection(("127.0.0.1", pod.admin_port), 5) as s:
            s.sendall(front + f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
            answer = s.makefile("rb").read()
        assert answer.startswith(b"HTTP/1.1 %d " % status) if status else answer == b"", (front, answer)


def a_stream_that_goes_is_noticed(pod, port):
    """At once, and not when the proxy has to write to the page that has gone."""
    ends = len(pod.app.events("disconnect"))
    s = Sse(port, "/ws/listens", [("Host", f"shop.example:{port}")])
    s.until(lambda: s.last_id)
    s.close()
    wait_until(lambda: len(pod.app.events("disconnect")) > ends, 4, "the end of the stream")


def test_the_nginx_of_the_page(world):
    first, location = [block for kind, block in BLOCKS if kind == "nginx"]
    pod = world.pod(http="pass", trusted_proxies=["loopback"], routes=LISTENED)
    nginx = Nginx([pod.port], location, first)
    try:
        event = behind(pod, nginx.port)
        assert event.header("X-Forwarded-For") == "1.2.3.4, 127.0.0.1, 127.0.0.1"
        assert event.header("X-Forwarded-Proto") == "http"
        assert http(nginx.port, "GET", "/page").status == 200
        a_stream_that_goes_is_noticed(pod, nginx.port)
    finally:
        nginx.close()


def test_the_haproxy_of_the_page(world):
    plain_block, tcp_block = [block for kind, block in BLOCKS if kind == "haproxy"]
    pod = world.pod(http="pass", routes=LISTENED)
    with haproxy(plain_block, pod.port) as port:
        event = behind(pod, port)
        assert event.header("X-Forwarded-For") == "1.2.3.4, 127.0.0.1, 127.0.0.1"
        assert event.header("X-Forwarded-Proto") == "http"
        assert http(port, "GET", "/page").status == 200
        a_stream_that_goes_is_noticed(pod, port)
    pod = world.pod(listen={"proxy_protocol": True}, trusted_proxies=["10.0.0.0/8"])
    with haproxy(tcp_block, pod.port) as port:
        assert behind(pod, port).header("X-Forwarded-For") == "127.0.0.1"
