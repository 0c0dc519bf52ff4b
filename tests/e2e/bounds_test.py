"""What a client, a neighbour or a page can take of a pod has a bound, is shown and counted, and is given back."""

import json
import os
import resource
import socket
import time

import pytest

from support.app import Answer
from support.http import HttpConnection
from support.stomp import Stomp
from support.waiting import wait_until
from support.ws import Refused


def dial(pod, data=b"", source="127.0.0.1"):
    s = socket.socket()
    s.settimeout(5)
    s.bind((source, 0))
    s.connect(("127.0.0.1", pod.port))
    s.sendall(data)
    return s


def test_few_descriptors_lower_max_connections_and_every_dial_beyond_gets_its_503(world):
    pod = world.pod(limit_files=256)
    said = pod.wait_logged("max_connections is lowered")[0]["in_force"]
    assert said == pod.metric("wsidecar_limit", name="max_connections")
    assert 20 < said < 256
    held = [pod.connect() for _ in range(said)]
    for _ in range(300 - said):
        with pytest.raises(Refused) as e:
            pod.connect()
        assert e.value.status == 503
    assert pod.metric("wsidecar_limit_used", name="max_connections") == said
    for c in held:
        c.sock.close()
    wait_until(lambda: pod.metric("wsidecar_connections") == 0)
    pod.connect()


def test_a_process_without_a_descriptor_left_still_says_503(world):
    pod = world.pod()
    held = [pod.connect() for _ in range(3)]
    numbers = [int(n) for n in os.listdir(f"/proc/{pod.process.pid}/fd")]
    soft, hard = resource.prlimit(pod.process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pod.process.pid, resource.RLIMIT_NOFILE, (max(numbers) + 1, hard))
    statuses = set()
    for _ in range(20):
        try:
            held.append(pod.connect())  # a number below the highest may be free
        except Refused as e:
            statuses.add(e.status)
    assert statuses == {503}
    assert pod.logged("clients are refused (503)")
    resource.prlimit(pod.process.pid, resource.RLIMIT_NOFILE, (soft, hard))
    time.sleep(0.2)
    pod.connect()
    assert pod.metric("wsidecar_handshakes_total", result="descriptors") > 0


def test_idle_connections_of_one_address_keep_nobody_else_out(world):
    pod = world.pod(limit_files=512, routes=[{"path": "/ws", "protocol": "sockjs"}])
    most = pod.metric("wsidecar_limit", name="pending_connections")
    held = [dial(pod, b"GET /ws/info HTTP/1.1\r\nHost: h\r\n\r\n", "127.0.0.66") for _ in range(int(most) + 40)]
    begun = time.monotonic()
    other = dial(pod, b"GET /ws/info HTTP/1.1\r\nHost: h\r\n\r\n", "127.0.0.2")
    assert b" 200 " in other.recv(4096)
    assert time.monotonic() - begun < 2
    status, told = pod.readyz()
    assert status == 200 and told["pending_connections"] == "full"
    assert pod.metric("wsidecar_pending_connections_full") == 1
    assert pod.metric("wsidecar_limit_hits_total", name="pending_connections") > 0
    assert pod.wait_logged("to make room")
    for s in held:
        s.close()
    wait_until(lambda: pod.metric("wsidecar_limit_used", name="pending_connections") < most / 2)


def test_silent_connections_of_one_address_are_no_rush_for_others_to_wait_for(world):
    pod = world.pod(limit_files=512)
    most = int(pod.metric("wsidecar_limit", name="pending_connections"))
    held = [dial(pod, source="127.0.0.66") for _ in range(most + 40)]
    begun = time.monotonic()
    world.connect(pod)
    assert time.monotonic() - begun < 1.5
    for s in held:
        s.close()


def test_stomp_clients_that_never_connect_make_room_for_others(world):
    pod = world.pod(max_connections=2, routes=[{"path": "/stomp", "protocol": "stomp", "sockjs": True}, {"path": "/ws/{rest...}"}])
    held = [pod.connect("/stomp") for _ in range(2)]
    with pytest.raises(Refused, match="503"):
        pod.connect("/ws/x")  # they may still say it
    time.sleep(2.1)
    c = pod.connect("/ws/x")
    assert held[0].closed(5)[0] == 1013
    assert pod.metric("wsidecar_closes_total", code="1013", reason="first_frame") == 1
    c.send("hello")
    pod.app.wait_events("message", 1)
    said = Stomp(pod.port)
    assert held[1].closed(5)[0] == 1013
    time.sleep(2.1)
    with pytest.raises(Refused, match="503"):
        pod.connect("/ws/y")  # who has said CONNECT stays
    said.frame("DISCONNECT", {"receipt": "r"})
    assert said.recv().command == "RECEIPT"


def test_every_bound_has_its_value_its_use_and_its_counter(world):
    pod = world.pod(http="pass")
    names = {n: {l["name"] for m, l, _ in pod.samples() if m == n} for n in
             ("wsidecar_limit", "wsidecar_limit_used", "wsidecar_limit_hits_total")}
    for name in ("pending_connections", "pending_bytes", "max_connections", "pass.concurrency", "admin.connections",
                 "admin.bodies", "console.viewers", "console.questions", "app.concurrency", "inbox.count", "limits.queue", "sockjs.ended"):
        assert name in names["wsidecar_limit"] and pod.metric("wsidecar_limit", name=name) > 0, name
        assert name in names["wsidecar_limit_used"], name
        assert name in names["wsidecar_limit_hits_total"], name
    shown = {x["name"] for x in json.loads(pod.get("/console/snapshot").body)["limits"]}
    assert names["wsidecar_limit"] <= shown, "the console shows each"


def test_memory_that_one_stomp_client_hoards_is_its_own_end(world):
    pod = world.pod(redis={"url": "none"}, routes=[{"path": "/stomp", "protocol": "stomp"}])
    c = Stomp(pod.port)
    for t in range(6):
        c.frame("BEGIN", {"transaction": f"t{t}"})
        for _ in range(20):
            try:
                c.frame("SEND", [("destination", "/app/x"), ("transaction", f"t{t}")] + [(f"h{i}", "x" * 900) for i in range(60)])
            except OSError:
                break
    wait_until(lambda: pod.metric("wsidecar_stomp_errors_total", reason="transaction_too_big") == 1)
    assert pod.metric("wsidecar_limit_hits_total", name="stomp.transactions") == 1
    assert pod.metric("wsidecar_client_bytes", kind="begun") < 65536


def test_passed_requests_over_their_number_wait_and_one_client_has_half_of_the_places(world):
    pod = world.pod(http="pass", **{"pass": {"concurrency": 2, "timeout": "5s"}})
    pod.app.answer(other=Answer(200, delay=0.3))
    waiting = []
    for i in range(6):
        c = HttpConnection(pod.port)
        c.send(b"GET /slow HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 198.51.100.%d\r\n\r\n" % (i % 2))
        waiting.append(c)
    for c in waiting:
        assert c.response().status == 200
    assert pod.app.most_active == 2


def test_the_admin_port_reads_no_body_of_whom_it_refuses(world):
    pod = world.pod(admin={"address": "127.0.0.1:0"})
    before = pod.rss()
    held = []
    for _ in range(60):
        s = socket.create_connection(("127.0.0.1", pod.admin_port), 5)
        s.settimeout(5)
        s.sendall(b"POST /nothing HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4000000\r\n\r\n")
        try:
            s.sendall(b"x" * 1_000_000)
        except OSError:
            pass
        held.append(s)
    assert pod.rss() - before < 20 << 20
    idle = [socket.create_connection(("127.0.0.1", pod.admin_port), 5) for _ in range(200)]
    assert pod.readyz()[0] == 200
    assert pod.metric("wsidecar_limit_used", name="admin.connections") <= 64
    assert pod.metric("wsidecar_limit_hits_total", name="admin.connections") > 0
    for s in held + idle:
        s.close()
