"""Every key that changes by a reload, as the schema says, changes what the pod does: each has a check here, which fails when the
changed value is not the one in force. A key that is added to the configuration needs one."""

import json
import time

import pytest

from support.app import HANG, Answer
from support.collector import Collector
from support.http import http
from support.pod import run
from support.waiting import wait_until
from support.ws import Closed, Refused
from reload_test import reload

CHECKS = {}
ELSEWHERE = {
    "listen.tls.cert": "reload_test.py", "listen.tls.key": "reload_test.py", "routes": "reload_test.py",
    "redis.username": "below", "redis.password": "below", "redis.password_file": "below",
    "redis.tls.ca": "below", "redis.tls.cert": "below", "redis.tls.key": "below", "redis.tls.server_name": "below",
    "redis.tls.verify": "below",
    "app.max_answer": "answers_test.py", "tracing.callers": "tracing_test.py", "listen.proxy_protocol": "proxies_test.py",
    "listen.tls.client_auth": "mutual_tls_test.py", "listen.tls.client_ca": "mutual_tls_test.py",
    "push.require_signature": "signatures_test.py", "push.secret_file": "signatures_test.py",
    # In force from start, tested there; that a reload changes them has no check yet.
    "app.retry.lost_event_age": "events_handed_on_test.py",
    **{f"redis.sentinel.{key}": "redis_setups_test.py" for key in
       ("username", "password", "password_file", "tls.ca", "tls.cert", "tls.key", "tls.server_name", "tls.use", "tls.verify")},
}
SECRET = "whsec_c2VjcmV0IG9mIHRoaXJ0eSB0d28gYnl0ZXMhISE="


def live(key):
    def add(check):
        assert key not in CHECKS
        CHECKS[key] = check
        return check
    return add


def change(pod, key, value):
    """In force, and only this one differs from the pod's configuration."""
    tree = value
    for name in reversed(key.split(".")):
        tree = {name: tree}
    config = dict(pod.config)
    top = key.split(".")[0]
    config[top] = {**config.get(top, {}), **tree[top]} if isinstance(tree[top], dict) and "." in key else value
    if key.count(".") == 2:
        first, second, third = key.split(".")
        config[first] = {**pod.config.get(first, {}), second: {**pod.config.get(first, {}).get(second, {}), third: value}}
    pod.config, kept = config, pod.config
    reload(pod)
    return kept


def refused(connect, status):
    with pytest.raises(Refused) as e:
        connect()
    assert e.value.status == status
    return e.value.response


def ends_with(c, code):
    assert c.closed()[0] == code


def shown(name):
    def check(world, pod, key=name):
        value = pod.metric("wsidecar_limit", name=name)
        change(pod, key, int(value) // 2)
        assert pod.metric("wsidecar_limit", name=name) == int(value) // 2
    return check


@live("admin.token_file")
def _(world, pod):
    path = f"{pod.directory.name}/token"
    with open(path, "w", encoding="utf-8") as f:
        f.write("secret\n")
    page = [("Authorization", "Bearer secret"), ("Origin", "http://elsewhere")]
    assert pod.get("/connections", page).status == 403
    change(pod, "admin.token_file", path)
    assert pod.get("/connections", page).status == 200


@live("admin.loopback")
def _(world, pod):
    path = f"{pod.directory.name}/token"
    with open(path, "w", encoding="utf-8") as f:
        f.write("secret\n")
    assert pod.get("/connections").status == 200
    pod.config = {**pod.config, "admin": {**pod.config["admin"], "token_file": path}}
    change(pod, "admin.loopback", "token")
    assert pod.get("/connections").status == 403
    assert pod.get("/connections", [("Authorization", "Bearer secret")]).status == 200
    assert pod.get("/readyz").status == 200


@live("app.url")
def _(world, pod):
    other = world.app()
    c = pod.connect()
    assert http(pod.port, "GET", "/page").status == 200
    change(pod, "app.url", other.url)
    c.send("event")
    assert other.wait_event("message").text == "event"
    assert http(pod.port, "GET", "/page").status == 200
    assert [r.target for r in other.requests if not r.type] == ["/page"], "passed requests go where events go"


@live("app.timeout")
def _(world, pod):
    pod.app.answer(connect=Answer(204, delay=1))
    change(pod, "app.timeout", "100ms")
    refused(pod.connect, 504)


@live("app.concurrency")
def _(world, pod):
    pod.app.answer(message=Answer(204, delay=0.2))
    change(pod, "app.concurrency", 1)
    clients = [pod.connect() for _ in range(4)]
    for c in clients:
        c.send("x")
    pod.app.wait_events("message", 4)
    assert pod.app.most_active <= 2, "one, and the place for connect and disconnect"


@live("app.host")
def _(world, pod):
    change(pod, "app.host", "fixed.example")
    pod.connect()
    assert pod.app.wait_event("connect").header("Host") == "fixed.example"
    http(pod.port, "GET", "/page")
    assert [r.header("Host") for r in pod.app.requests if r.target == "/page"] == ["fixed.example"]


@live("app.max_header")
def _(world, pod):
    cookie = [("Cookie", "a=" + "x" * 2000)]
    pod.connect(headers=cookie)
    change(pod, "app.max_header", "2KiB")
    refused(lambda: pod.connect(headers=cookie), 431)


@live("app.health")
def _(world, pod):
    pod.app.answer(other=Answer(500))
    assert pod.readyz()[0] == 200
    change(pod, "app.health", "/health")
    wait_until(lambda: pod.readyz()[0] == 503, 3, "readyz asks")


@live("app.signing_secret")
def _(world, pod):
    change(pod, "app.signing_secret", [SECRET])
    pod.connect()
    assert pod.app.wait_event("connect").header("webhook-signature")


@live("app.signing_secret_file")
def _(world, pod):
    path = f"{pod.directory.name}/secret"
    with open(path, "w", encoding="utf-8") as f:
        f.write(SECRET + "\n")
    change(pod, "app.signing_secret_file", path)
    pod.connect()
    assert pod.app.wait_event("connect").header("webhook-signature")


@live("app.retry.deadline")
def _(world, pod):
    c = pod.connect()
    pod.app.answer(message=Answer(503))
    change(pod, "app.retry.deadline", "0s")
    c.send("x")
    ends_with(c, 1013)


@live("app.retry.down_deadline")
def _(world, pod):
    c = pod.connect()
    change(pod, "app.retry.down_deadline", "0s")
    pod.app.refuse()
    c.send("x")
    ends_with(c, 1013)
    pod.app.accept_again()


@live("app.retry.ambiguous")
def _(world, pod):
    c = pod.connect()
    pod.app.answer(message=[Answer(fault="half", status=200, body=b"half"), Answer(204)])
    change(pod, "app.retry.ambiguous", True)
    c.send("x")
    assert len({e.header("ce-id") for e in pod.app.wait_events("message", 2)}) == 1


@live("max_connections")
def _(world, pod):
    first = pod.connect()
    change(pod, "max_connections", 1)
    refused(pod.connect, 503)
    first.sock.close()
    wait_until(lambda: pod.metric("wsidecar_connections") == 0)
    pod.connect()


@live("accept_rate")
def _(world, pod):
    change(pod, "accept_rate", 5)
    held = [pod.connect() for _ in range(3)]
    assert held and pod.metric("wsidecar_limit_hits_total", name="accept_rate") > 0


@live("connections_per_user")
def _(world, pod):
    world.connect(pod, "alice")
    change(pod, "connections_per_user", 1)
    refused(lambda: world.connect(pod, "alice"), 503)


@live("connections_per_address")
def _(world, pod):
    change(pod, "connections_per_address", 1)
    held = pod.connect()
    refused(pod.connect, 503)
    held.sock.close()


@live("handshakes_per_user")
def _(world, pod):
    held = [world.connect(pod, "alice") for _ in range(3)]
    change(pod, "handshakes_per_user", 1)
    while len(held) < 30:
        try:
            held.append(world.connect(pod, "alice"))
        except Refused as e:
            assert e.status == 429
            break
    assert len(held) < 30
    world.connect(pod, "bob")


@live("handshakes_per_address")
def _(world, pod):
    client = [("X-Forwarded-For", "203.0.113.7")]
    held = [pod.connect(headers=client) for _ in range(12)]
    change(pod, "handshakes_per_address", 1)
    refused(lambda: [held.append(pod.connect(headers=client)) for _ in range(20)], 429)
    held.append(pod.connect(headers=[("X-Forwarded-For", "203.0.113.8")]))


@live("on_excess")
def _(world, pod):
    pod.config = {**pod.config, "connections_per_user": 1}
    reload(pod)
    first = world.connect(pod, "alice")
    change(pod, "on_excess", "close_oldest")
    world.connect(pod, "alice")
    ends_with(first, 4001)


@live("trusted_proxies")
def _(world, pod):
    claim = [("X-Forwarded-For", "198.51.100.1")]
    held = [pod.connect(headers=claim)]
    change(pod, "trusted_proxies", ["10.0.0.0/8"])
    held.append(pod.connect(headers=claim))
    http(pod.port, "GET", "/page", claim)
    assert [r.header("X-Forwarded-For") for r in pod.app.requests] == ["198.51.100.1, 127.0.0.1", "127.0.0.1", "127.0.0.1"]


@live("pass.timeout")
def _(world, pod):
    pod.app.answer(other=Answer(200, delay=1))
    change(pod, "pass.timeout", "100ms")
    assert http(pod.port, "GET", "/page").status == 504


@live("pass.concurrency")
def _(world, pod):
    shown("pass.concurrency")(world, pod)
    pod.app.answer(other=Answer(200, delay=0.3))
    change(pod, "pass.concurrency", 1)
    from support.http import HttpConnection
    held = [HttpConnection(pod.port).send(b"GET /page HTTP/1.1\r\nHost: h\r\n\r\n") for _ in range(2)]
    assert sorted(c.response().status for c in held) in ([200, 200], [200, 503])
    assert pod.app.most_active == 1


@live("replay_headers")
def _(world, pod):
    change(pod, "replay_headers", ["Referer"])
    c = pod.connect(headers=[("Referer", "http://shop.example/x"), ("User-Agent", "me")])
    c.send("x")
    e = pod.app.wait_event("message")
    assert e.header("Referer") == "http://shop.example/x" and e.header("User-Agent") is None


@live("forward_headers")
def _(world, pod):
    change(pod, "forward_headers", ["X-Tenant"])
    pod.connect(headers=[("X-Tenant", "acme")])
    assert pod.app.wait_event("connect").header("X-Tenant") == "acme"


@live("on_gap")
def _(world, pod):
    c = pod.connect()
    change(pod, "on_gap", "close")
    world.redis.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
    ends_with(c, 4010)


@live("outbox.confirm")
def _(world, pod):
    change(pod, "outbox.confirm", "write")
    c = world.connect(pod, "alice", auto_pong=False)
    world.push({"to": {"user": "alice"}, "text": "x"})
    assert c.recv() == "x"
    wait_until(lambda: pod.metric("wsidecar_delivered_total", door="list") == 1, 2, "the kernel's word")


def receipt_of(world, name, timeout=4):
    key = world.key(name)
    got = world.redis.blpop(key, timeout)
    return got and json.loads(got[1])


@live("outbox.grace")
def _(world, pod):
    change(pod, "outbox.grace", "0s")
    c = world.connect(pod, "alice")
    c.sock.close()
    wait_until(lambda: pod.metric("wsidecar_connections") == 0)
    world.push({"to": {"user": "alice"}, "text": "x", "receipt": world.key("receipts")})
    assert receipt_of(world, "receipts")["outcome"] in ("no_connection", "dropped")


@live("outbox.dedup_window")
def _(world, pod):
    change(pod, "outbox.dedup_window", "0s")
    c = world.connect(pod, "alice")
    world.push({"id": "1", "to": {"user": "alice"}, "text": "x"})
    assert c.recv() == "x"
    time.sleep(0.2)
    world.push({"id": "1", "to": {"user": "alice"}, "text": "x"})
    assert c.recv() == "x"


@live("outbox.receipts")
def _(world, pod):
    change(pod, "outbox.receipts", "each")
    c = world.connect(pod, "alice", join=["g"])
    world.push({"to": {"group": "g"}, "text": "x", "receipt": world.key("receipts")})
    assert c.recv() == "x"
    c.hears_nothing(0.3)  # and the ping is answered
    assert "alice" in json.dumps(receipt_of(world, "receipts"))


@live("outbox.receipt_prefix")
def _(world, pod):
    change(pod, "outbox.receipt_prefix", "app-receipts:")
    c = world.connect(pod, "alice")
    world.push({"to": {"user": "alice"}, "text": "x", "receipt": "app-receipts:" + world.prefix})
    assert c.recv() == "x" and not world.rejected()


live("inbox.count")(shown("inbox.count"))
live("mailbox.age")(lambda world, pod: (change(pod, "mailbox.age", "7s"), pod.metric("wsidecar_limit", name="mailbox.age") == 7 or pytest.fail()))


@live("inbox.bytes")
def _(world, pod):
    change(pod, "inbox.bytes", "1KiB")
    assert pod.logged(component="reload", key="inbox.bytes")


@live("readyz.redis")
def _(world, pod):
    change(pod, "readyz.redis", True)
    assert pod.readyz()[0] == 200


@live("readyz.app")
def _(world, pod):
    change(pod, "readyz.app", False)
    pod.app.refuse()
    time.sleep(0.2)
    assert pod.readyz()[0] == 200
    pod.app.accept_again()


@live("mailbox.count")
def _(world, pod):
    change(pod, "mailbox.count", 1)
    world.push(*({"to": {"user": "bob"}, "text": str(i), "mailbox": True} for i in range(3)))
    wait_until(lambda: pod.metric("wsidecar_mailbox_stored_total") == 3, 5, "three kept")
    c = world.connect(pod, "bob")
    assert c.recv() == "2"


@live("mailbox.bytes")
def _(world, pod):
    change(pod, "mailbox.bytes", "1KiB")
    world.push(*({"to": {"user": "bob"}, "text": str(i) * 700, "mailbox": True} for i in range(3)))
    wait_until(lambda: pod.metric("wsidecar_mailbox_stored_total") == 3, 5, "three kept")
    c = world.connect(pod, "bob")
    assert c.recv() == "2" * 700


@live("rejected.count")
def _(world, pod):
    change(pod, "rejected.count", 1)
    for i in range(3):
        world.push(f"no envelope {i}")
        wait_until(lambda: pod.metric("wsidecar_rejected_total") >= i + 1, 5, "it was rejected")
    assert len(world.rejected()) <= 2


@live("rejected.bytes")
def _(world, pod):
    change(pod, "rejected.bytes", "64KiB")
    for i in range(3):
        world.push(f"no envelope {i}" + "x" * 40_000)
        wait_until(lambda: pod.metric("wsidecar_rejected_total") >= i + 1, 5, "it was rejected")
    assert len(world.rejected()) == 1


@live("ping")
def _(world, pod):
    change(pod, "ping", "200ms")
    c = pod.connect()
    c.hears_nothing(0.8)
    assert c.pings


@live("pong_timeout")
def _(world, pod):
    pod.config = {**pod.config, "ping": "200ms"}
    change(pod, "pong_timeout", "200ms")
    c = pod.connect(auto_pong=False)
    wait_until(lambda: pod.metric("wsidecar_closes_total", reason="pong_timeout") == 1, 5, "it is gone")
    c.sock.close()


@live("origins")
def _(world, pod):
    page = [("Cookie", "a=b"), ("Origin", "https://shop.test")]
    refused(lambda: pod.connect(headers=page), 403)
    change(pod, "origins", ["https://shop.test"])
    pod.connect(headers=page)


@live("limits.message")
def _(world, pod):
    change(pod, "limits.message", "1KiB")
    c = pod.connect()
    c.send("x" * 2000)
    ends_with(c, 1009)


@live("limits.fragments")
def _(world, pod):
    change(pod, "limits.fragments", 1)
    c = pod.connect()
    c.frame(1, b"a", fin=False)
    c.frame(0, b"b")
    ends_with(c, 1008)


@live("limits.message_time")
def _(world, pod):
    change(pod, "limits.message_time", "300ms")
    c = pod.connect()
    c.frame(1, b"a", fin=False)
    ends_with(c, 1008)


@live("limits.messages_per_second")
def _(world, pod):
    change(pod, "limits.messages_per_second", 1)
    c = pod.connect()
    for _ in range(5):
        c.send("x")
    ends_with(c, 1008)


@live("limits.headers")
def _(world, pod):
    more = [("X-More", "x" * 3000)]
    pod.connect(headers=more)
    change(pod, "limits.headers", "2KiB")
    refused(lambda: pod.connect(headers=more), 431)


@live("limits.header_count")
def _(world, pod):
    more = [(f"X-{i}", "x") for i in range(20)]
    pod.connect(headers=more)
    change(pod, "limits.header_count", 15)
    refused(lambda: pod.connect(headers=more), 431)


@live("limits.handshake")
def _(world, pod):
    from support.http import HttpConnection
    change(pod, "limits.handshake", "200ms")
    c = HttpConnection(pod.port).send(b"GET /ws/test HTTP/1.1\r\n")
    assert c.response().status == 408


@live("limits.queue")
def _(world, pod):
    change(pod, "limits.queue", "4KiB")
    c = world.connect(pod, "alice", rcvbuf=4096)
    for _ in range(200):
        world.publish("user:alice", "x" * 5000)
    with pytest.raises(Closed) as e:
        while True:
            c.recv()
    assert e.value.code == 1013


@live("limits.memory")
def _(world, pod):
    before = pod.metric("wsidecar_limit", name="memory_bytes")
    change(pod, "limits.memory", "40%")
    wait_until(lambda: pod.metric("wsidecar_limit", name="memory_bytes") < before * 0.6, 3, "half of it")


@live("drain.delay")
def _(world, pod):
    change(pod, "drain.delay", "1s")
    begun = time.monotonic()
    pod.post("/drain")
    assert time.monotonic() - begun >= 0.9


@live("drain.period")
def _(world, pod):
    clients = [pod.connect() for _ in range(12)]
    change(pod, "drain.period", "1s")
    begun = time.monotonic()
    from support.http import HttpConnection
    c = HttpConnection(pod.admin_port).send(b"POST /drain HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n")
    for one in clients:
        ends_with(one, 1001)
    assert time.monotonic() - begun >= 0.4
    assert c.response().status == 200


@live("log.level")
def _(world, pod):
    change(pod, "log.level", "error")
    pod.logs.clear()
    reload(pod)
    time.sleep(0.2)
    assert not pod.logged(level="info")


@live("log.format")
def _(world, pod):
    change(pod, "log.format", "text")
    wait_until(lambda: any("the configuration was read again" in x for x in pod.noise), 3, "a line that is no JSON")


@live("tracing.otlp")
def _(world, pod):
    collector = Collector()
    pod.config = {**pod.config, "tracing": {"sample": 1}}
    change(pod, "tracing.otlp", collector.url)
    pod.connect()
    wait_until(lambda: collector.spans(), 8, "spans")


@live("tracing.sample")
def _(world, pod):
    collector = Collector()
    pod.config = {**pod.config, "tracing": {"otlp": collector.url, "sample": 0}}
    reload(pod)
    change(pod, "tracing.sample", 1)
    pod.connect()
    wait_until(lambda: collector.spans(), 8, "spans")


@live("tracing.service")
def _(world, pod):
    collector = Collector()
    pod.config = {**pod.config, "tracing": {"otlp": collector.url, "sample": 1}}
    change(pod, "tracing.service", "shop")
    pod.connect()
    wait_until(lambda: collector.spans(), 8, "spans")
    assert collector.requests[0]["resource"]["service.name"] == "shop"


def keys_that_a_reload_changes():
    def walk(properties, above=""):
        for name, node in properties.items():
            if "properties" in node:
                yield from walk(node["properties"], above + name + ".")
            elif not node.get("x-restart"):
                yield above + name
    return set(walk(json.loads(run("check", "--schema").stdout)["properties"]))


def test_each_key_that_a_reload_changes_has_a_check():
    assert keys_that_a_reload_changes() == set(CHECKS) | set(ELSEWHERE)


@pytest.mark.parametrize("key", sorted(CHECKS))
def test_a_changed_key_is_in_force(world, key):
    pod = world.pod(http="pass", readyz={"redis": False})
    CHECKS[key](world, pod)


@pytest.mark.parametrize("how", ["redis.password", "redis.password_file", "redis.username"])
def test_another_password_of_redis_is_used_for_the_next_connection(world, own_redis, tmp_path, how):
    server = world.redis_server = own_redis(requirepass="first")
    world._redis = server.client(password="first")
    pod = world.pod(redis={"password": "first"})
    world.redis.config_set("requirepass", "second")
    world._redis = server.client(password="second")
    world.redis.execute_command("ACL", "SETUSER", "sidecar", "on", ">second", "~*", "&*", "+@all")
    (tmp_path / "password").write_text("second\n")
    new = {"redis.password": {"password": "second"}, "redis.password_file": {"password_file": str(tmp_path / "password")},
           "redis.username": {"username": "sidecar", "password": "second"}}[how]
    reload(pod, redis={"url": server.url, **new})
    world.redis.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    world.redis.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
    pod.wait_ready(10)
    if how == "redis.username":
        assert "sidecar" in {c["user"] for c in world.redis.client_list()}


@pytest.mark.parametrize("how", ["verify", "ca", "server_name", "cert and key"])
def test_another_way_of_tls_to_redis_is_used_for_the_next_connection(world, own_redis, tmp_path, how):
    from redis_setups_test import openssl
    from support.redis_server import free_port
    for name in ("ca", "other"):
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key", "-out",
                f"{name}.pem", "-days", "2", "-subj", f"/CN={name}", cwd=tmp_path)
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "r.key", "-out", "r.csr", "-subj",
            "/CN=redis.test", cwd=tmp_path)
    (tmp_path / "ext").write_text("subjectAltName=DNS:redis.test\n")
    openssl("x509", "-req", "-in", "r.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out", "r.pem", "-days", "2",
            "-extfile", "ext", cwd=tmp_path)
    port = free_port()
    world.redis_server = own_redis(tls_port=port, tls_cert_file=f"{tmp_path}/r.pem", tls_key_file=f"{tmp_path}/r.key",
                                   tls_ca_cert_file=f"{tmp_path}/ca.pem", tls_auth_clients="yes" if how == "cert and key" else "no")
    right = {"ca": f"{tmp_path}/ca.pem", "server_name": "redis.test", "cert": f"{tmp_path}/r.pem", "key": f"{tmp_path}/r.key"}
    wrong = {"verify": {"ca": f"{tmp_path}/other.pem"}, "ca": {"ca": f"{tmp_path}/other.pem"}, "server_name": {"server_name": "x.test"},
             "cert and key": {"cert": "", "key": ""}}[how]
    redis = {"url": f"rediss://127.0.0.1:{port}/0", "tls": {**right, **wrong}}
    pod = world.pod(wait="listening", redis=redis)
    wait_until(lambda: pod.readyz()[1]["redis"] != "ok" and pod.logged(component="redis"), 5, "it does not work")
    reload(pod, redis={**redis, "tls": {**redis["tls"], "verify": False} if how == "verify" else right})
    pod.wait_ready(10)


def test_what_needs_the_token_on_loopback_too_is_refused_without_one():
    out = run("check", "--admin-loopback", "token")
    assert out.returncode == 2 and "token_file" in out.stdout + out.stderr


def test_a_hanging_app_holds_a_passed_request_no_longer_than_pass_timeout(world):
    world.config = {"app": {"timeout": "100ms"}, "pass": {"timeout": "700ms"}}
    pod = world.pod(http="pass")
    pod.app.answer(other=HANG)
    begun = time.monotonic()
    assert http(pod.port, "GET", "/page").status == 504
    assert 0.6 < time.monotonic() - begun < 3
