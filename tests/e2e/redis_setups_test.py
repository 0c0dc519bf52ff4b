"""Redis as it is really run: passwords, ACLs, Unix sockets, TLS, sentinels, a cluster."""

import json
import os
import socket
import ssl
import subprocess
import tempfile
import threading
import time

import pytest
import redis as redis_client

from support.redis_server import free_port
from support.waiting import wait_until


def works(world, pod, publish=None):
    c = world.connect(pod, user="alice", join=["g"])
    (publish or world.publish)("user:alice", "channel")
    assert c.recv() == "channel"
    assert pod.post("/push", {"to": {"group": "g"}, "text": "list"}).status == 202
    assert c.recv() == "list"
    return c


def test_password(world, own_redis, tmp_path):
    server = world.redis_server = own_redis(requirepass="p@ss:w/rd")
    world._redis = server.client(password="p@ss:w/rd")
    (tmp_path / "password").write_text("p@ss:w/rd\n")
    world.config = {"redis": {"password_file": str(tmp_path / "password")}}
    works(world, world.pod())
    world.config = {"redis": {"url": f"redis://:p%40ss%3Aw%2Frd@127.0.0.1:{server.port}/0"}}
    works(world, world.pod())


def test_a_wrong_password_is_said_in_words(world, own_redis):
    server = world.redis_server = own_redis(requirepass="right")
    world._redis = server.client(password="right")
    world.config = {"redis": {"password": "wrong"}}
    pod = world.pod(wait="listening")
    wait_until(lambda: "WRONGPASS" in pod.readyz()[1]["redis"], 3, "the reason in readyz")
    pod.wait_logged("WRONGPASS", level="warn")


def test_the_least_rights_that_an_acl_user_needs(world, own_redis):
    # The keys and channels of the prefix, and these commands; the documentation names them.
    commands = ("+ping +client|setname +role +info +eval +evalsha +script|load +publish +subscribe +unsubscribe +blmove +xread +rpush "
                "+lpush +hset +hsetnx +hget +hmget +hgetall +hdel +hexists +hkeys +hlen +hincrby +get +mget +set +del +exists +pexpire +time "
                "+lindex +llen +lrange +lpop +lrem +ltrim +xadd +xdel +xlen +xrange +xtrim +xinfo|stream +sadd +srem +spop "
                "+smembers +sismember +zadd +zcard +zpopmin +zrange +zrangebyscore +zrem +expire +pttl +memory|usage +srandmember +scard +sscan +hstrlen +zscore +xrevrange")
    server = world.redis_server = own_redis(acl=[f"sidecar on >secret ~{world.prefix}* &{world.prefix}* -@all {commands}"])
    world._redis = server.client()
    world.config = {"redis": {"url": f"redis://sidecar:secret@127.0.0.1:{server.port}/0"}, "lease": "1s"}
    a, b = world.pod(), world.pod()
    works(world, a)
    world.push("no envelope")
    wait_until(world.rejected, 3, "a rejected one")
    gone = world.connect(b, user="bob", join=["g"], auto_pong=False)
    world.push({"to": {"user": "bob"}, "text": "1"}, {"to": {"group": "g"}, "text": "2", "receipt": world.key("receipts")},
               {"to": {"all": True}, "text": "3"}, {"to": {"user": "carol"}, "text": "4", "mailbox": True})
    assert [gone.recv() for _ in range(3)] == ["1", "2", "3"]
    assert world.connect(a, user="carol").recv() == "4"
    for path in ("message?id=m1", "user?name=bob"):
        assert json.loads(a.get(f"/console/{path}").body)["complete"], "questions to all pods need no more rights"
    time.sleep(3.2)
    b.kill()
    wait_until(lambda: a.metric("wsidecar_reaped_instances_total") == 1, 6, "the takeover")
    again = world.connect(a, user="bob", join=["g"])
    assert sorted(again.recv() for _ in range(3)) == ["1", "2", "3"]
    assert not a.logged("NOPERM"), a.logged("NOPERM")
    assert a.metric("wsidecar_redis_errors_total", kind="NOPERM") == 0


@pytest.mark.parametrize("forbidden, source, told", [("xreadgroup", {"stream": "orders"}, "source 'orders': Redis refuses to read"),
                                                     ("xadd", {"list": "notices"}, "(XADD)"),
                                                     ("llen", {"list": "notices"}, "Redis refuses a commit")])
def test_a_forbidden_command_that_a_list_or_stream_needs_is_told_at_once(world, own_redis, forbidden, source, told):
    server = world.redis_server = own_redis(acl=[f"sidecar on >secret ~* &* +@all -{forbidden}"])
    world._redis = server.client()
    pod = world.pod(wait="listening", redis={"url": f"redis://sidecar:secret@127.0.0.1:{server.port}/0"},
                    sources=[{**source, "to": {"user": "{/u}"}}])
    wait_until(lambda: told in pod.readyz()[1]["redis"], 5, told, step=0.05)
    pod.wait_logged("Redis ", level="error", component="router")
    if forbidden != "xadd":  # of which the script says no more
        assert "section Permissions" in json.dumps(pod.logged("Redis refuses", component="router"))
    server.client().execute_command("ACL", "SETUSER", "sidecar", f"+{forbidden}")
    pod.wait_ready()


def test_unix_socket(world, own_redis):
    folder = tempfile.mkdtemp(prefix="wsr-")
    server = world.redis_server = own_redis(unixsocket=f"{folder}/r.sock")
    world.config = {"redis": {"url": f"unix://{folder}/r.sock"}}
    works(world, world.pod())
    assert server.alive()


def test_a_database_number(world):
    world.config = {"redis": {"url": world.redis_server.url.replace("/0", "/3")}}
    pod = world.pod()
    c = world.connect(pod, user="alice")
    other = world.redis_server.client(db=3)
    assert other.exists(world.key("presence:alice")) and not world.redis.exists(world.key("presence:alice"))
    world.publish("user:alice", "pub/sub ignores it")
    assert c.recv() == "pub/sub ignores it"


def openssl(*words, cwd):
    subprocess.run(["openssl", *words], cwd=cwd, check=True, capture_output=True)


def test_tls_with_a_verified_name(world, own_redis, tmp_path):
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "ca.key", "-out", "ca.pem",
            "-days", "2", "-subj", "/CN=test authority", cwd=tmp_path)
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "r.key", "-out", "r.csr", "-subj",
            "/CN=redis.test", cwd=tmp_path)
    (tmp_path / "ext").write_text("subjectAltName=DNS:redis.test\n")
    openssl("x509", "-req", "-in", "r.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out", "r.pem", "-days", "2",
            "-extfile", "ext", cwd=tmp_path)
    port = free_port()
    server = world.redis_server = own_redis(tls_port=port, tls_cert_file=f"{tmp_path}/r.pem", tls_key_file=f"{tmp_path}/r.key",
                                            tls_ca_cert_file=f"{tmp_path}/ca.pem", tls_auth_clients="no")
    url = f"rediss://127.0.0.1:{port}/0"
    for name in "redis.test", "redis.test.":
        world.config = {"redis": {"url": url, "tls": {"ca": f"{tmp_path}/ca.pem", "server_name": name}}}
        works(world, world.pod())
    world.config = {"redis": {"url": url, "tls": {"ca": f"{tmp_path}/ca.pem", "server_name": "other.test"}}}
    other = world.pod(wait="listening")
    wait_until(lambda: "TLS" in other.readyz()[1]["redis"], 3, "the refused name")
    assert server.alive()


def promoted(client):
    try:
        return client.info("replication")["role"] == "master"
    except redis_client.ConnectionError:
        return False  # the failover ends all connections


@pytest.mark.slow
def test_sentinel_failover_loses_no_connection(world, own_redis):
    master = own_redis()
    replica = own_redis(replicaof=f"127.0.0.1 {master.port}")
    folder = tempfile.mkdtemp(prefix="wss-")
    sentinels, ports = [], []
    for _ in range(3):
        port = free_port()
        path = os.path.join(folder, f"{port}.conf")
        with open(path, "w", encoding="utf-8") as f:
            f.write(f"port {port}\nbind 127.0.0.1\ndir {folder}\nsentinel monitor main 127.0.0.1 {master.port} 2\n"
                    "sentinel down-after-milliseconds main 500\nsentinel failover-timeout main 3000\n")
        sentinels.append(subprocess.Popen(["redis-server", path, "--sentinel"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        ports.append(port)
    try:
        world.redis_server = master
        world.config = {"redis": {"sentinels": [f"127.0.0.1:{p}" for p in ports], "master": "main"}}
        pod = world.pod()
        c = works(world, pod)
        assert pod.logged("the host in redis.url is not used", level="warn", port=master.port)
        wait_until(lambda: replica.client().exists(world.key("presence:alice")), 15, "replication")
        asked = redis_client.Redis(port=ports[0])
        wait_until(lambda: len(asked.sentinel_sentinels("main")) == 2, 10, "the sentinels to find one another")
        master.kill()
        world.redis_server, world._redis = replica, None
        wait_until(lambda: promoted(replica.client()), 20, "the failover")
        pod.wait_ready(15)
        wait_until(lambda: world.publish("user:alice", "after") == 1, 10, "the subscription")
        got = c.recv()
        assert got == "after"
        world.push({"to": {"user": "alice"}, "text": "list"})
        while (got := c.recv(15)) == "after":
            pass
        assert got == "list"
    finally:
        for p in sentinels:
            p.terminate()
            p.wait()


class Sentinels:
    """As many sentinels as asked for, which know the master as main."""

    def __init__(self, master, count=1, lines=(), tls=None):
        self.folder, self.processes, self.ports = tempfile.mkdtemp(prefix="wss-"), [], []
        for _ in range(count):
            port = free_port()
            path = os.path.join(self.folder, f"{port}.conf")
            with open(path, "w", encoding="utf-8") as f:
                own = [f"port {port}"] if tls is None else ["port 0", f"tls-port {port}", *tls]
                f.write("\n".join(["bind 127.0.0.1", f"dir {self.folder}", *own, f"sentinel monitor main 127.0.0.1 {master.port} {count // 2 + 1}",
                                   "sentinel down-after-milliseconds main 500", "sentinel failover-timeout main 3000", *lines]) + "\n")
            self.processes.append(subprocess.Popen(["redis-server", path, "--sentinel"], stdout=subprocess.DEVNULL,
                                                   stderr=subprocess.DEVNULL))
            self.ports.append(port)

    @property
    def addresses(self):
        return [f"127.0.0.1:{p}" for p in self.ports]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for p in self.processes:
            p.terminate()
            p.wait()


@pytest.mark.parametrize("own", [None, "of-sentinels"])
def test_sentinels_with_a_password_of_redis_or_of_their_own(world, own_redis, tmp_path, own):
    server = world.redis_server = own_redis(requirepass="of-redis")
    world._redis = server.client(password="of-redis")
    with Sentinels(server, lines=["sentinel auth-pass main of-redis", f"requirepass {own or 'of-redis'}"]) as s:
        settings = {"sentinels": s.addresses, "master": "main", "password": "of-redis"}
        if own:
            (tmp_path / "password").write_text(own + "\n")
            settings["sentinel"] = {"password_file": str(tmp_path / "password")}
        world.config = {"redis": settings}
        works(world, world.pod())
        if own:
            world.config = {"redis": {**settings, "sentinel": {"password": "wrong"}}}
            pod = world.pod(wait="listening")
            wait_until(lambda: "WRONGPASS" in pod.readyz()[1]["redis"], 3, "the sentinel's own words")
            assert "redis.sentinel.password" in pod.readyz()[1]["redis"]


def test_what_is_wrong_with_a_sentinel_names_the_setting(world, own_redis):
    closed = free_port()
    server = world.redis_server = own_redis()
    for sentinel, said in ((f"127.0.0.1:{closed}", "refused (see redis.sentinels and redis.sentinel.tls)"),
                           (f"127.0.0.1:{server.port}", "(is this a sentinel? see redis.sentinels)")):
        pod = world.pod(wait="listening", redis={"sentinels": [sentinel], "master": "main"})
        wait_until(lambda: said in pod.readyz()[1]["redis"], 5, said)


def test_what_is_wrong_with_a_cluster_names_the_setting(world, own_redis):
    server = world.redis_server = own_redis()
    world.prefix = "{" + world.prefix.rstrip(":") + "}:"
    for port, said in ((free_port(), "(see redis.url)"), (server.port, "(see redis.cluster)")):
        pod = world.pod(wait="listening", redis={"url": f"redis://127.0.0.1:{port}", "cluster": True})
        wait_until(lambda: said in pod.readyz()[1]["redis"], 5, said)


@pytest.mark.slow
def test_three_sentinels_and_one_password_for_all_survive_a_failover(world, own_redis):
    # As Bitnami's chart sets Redis up unless told otherwise.
    word = {"requirepass": "s3cret", "masterauth": "s3cret"}
    master = own_redis(**word)
    replica = own_redis(replicaof=f"127.0.0.1 {master.port}", **word)
    with Sentinels(master, 3, ["sentinel auth-pass main s3cret", "requirepass s3cret"]) as s:
        world.redis_server, world._redis = master, master.client(password="s3cret")
        world.config = {"redis": {"sentinels": s.addresses, "master": "main", "password": "s3cret"}}
        pod = world.pod()
        c = works(world, pod)
        after = replica.client(password="s3cret")
        wait_until(lambda: after.exists(world.key("presence:alice")), 15, "replication")
        asked = redis_client.Redis(port=s.ports[0], password="s3cret")
        wait_until(lambda: len(asked.sentinel_sentinels("main")) == 2, 10, "the sentinels to find one another")
        master.kill()
        world.redis_server, world._redis = replica, replica.client(password="s3cret")
        wait_until(lambda: promoted(replica.client(password="s3cret")), 20, "the failover")
        pod.wait_ready(15)
        world.push({"to": {"user": "alice"}, "text": "list"})
        assert c.recv(20) == "list"


def test_sentinels_by_tls_as_redis_itself_and_what_is_wrong_in_words(world, own_redis, tmp_path):
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "k.pem", "-out", "c.pem", "-days",
            "2", "-subj", "/CN=redis.test", "-addext", "subjectAltName=DNS:redis.test", cwd=tmp_path)
    files = {"tls_cert_file": f"{tmp_path}/c.pem", "tls_key_file": f"{tmp_path}/k.pem", "tls_ca_cert_file": f"{tmp_path}/c.pem",
             "tls_auth_clients": "no"}
    tls_port = free_port()
    server = world.redis_server = own_redis(tls_port=tls_port, tls_replication="yes", **files)

    class At:
        port = tls_port
    lines = [f"{k.replace('_', '-')} {v}" for k, v in files.items()] + ["tls-replication yes"]
    with Sentinels(At, tls=lines) as s:
        settings = {"url": "rediss://ignored", "sentinels": s.addresses, "master": "main",
                    "tls": {"ca": f"{tmp_path}/c.pem", "server_name": "redis.test"}}
        world.config = {"redis": settings}
        works(world, world.pod())
        world.config = {"redis": {**settings, "sentinel": {"tls": {"use": "never"}}}}
        pod = world.pod(wait="listening")
        wait_until(lambda: "TLS" in pod.readyz()[1]["redis"], 5, "a word on TLS")
        assert "redis.sentinel.tls" in pod.readyz()[1]["redis"]
        world.config = {"redis": {**settings, "sentinel": {"tls": {"ca": "/nonexistent.pem"}}}}
        pod = world.pod(wait="listening")
        wait_until(lambda: "/nonexistent.pem" in pod.readyz()[1]["redis"], 5, "the file's name")
    assert server.alive()


def test_a_renewed_authority_is_read_at_the_next_attempt(world, own_redis, tmp_path):
    for name in ("right", "wrong"):
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key", "-out",
                f"{name}.pem", "-days", "2", "-subj", "/CN=redis.test", "-addext", "subjectAltName=DNS:redis.test", cwd=tmp_path)
    port = free_port()
    world.redis_server = own_redis(tls_port=port, tls_cert_file=f"{tmp_path}/right.pem", tls_key_file=f"{tmp_path}/right.key",
                                   tls_ca_cert_file=f"{tmp_path}/right.pem", tls_auth_clients="no")
    authority = tmp_path / "ca.pem"
    authority.write_text((tmp_path / "wrong.pem").read_text())
    pod = world.pod(wait="listening", redis={"url": f"rediss://127.0.0.1:{port}/0", "tls": {"ca": str(authority), "server_name": "redis.test"}})
    wait_until(lambda: "TLS" in pod.readyz()[1]["redis"], 5, "the refused certificate")
    authority.write_text((tmp_path / "right.pem").read_text())
    pod.wait_ready(10)


def test_a_sentinel_by_its_ipv6_address(world, own_redis):
    server = world.redis_server = own_redis()
    with Sentinels(server, lines=["bind ::1 127.0.0.1"]) as s:
        world.config = {"redis": {"sentinels": [f"[::1]:{s.ports[0]}"], "master": "main"}}
        works(world, world.pod())


@pytest.mark.parametrize("tls, url_host, sent", [({"server_name": "redis.shop.example"}, "127.0.0.1", "redis.shop.example"),
                                                 ({"server_name": "redis.shop.example", "verify": False}, "127.0.0.1", "redis.shop.example"),
                                                 ({"server_name": "redis.shop.example."}, "127.0.0.1", "redis.shop.example"),
                                                 ({"verify": False}, "localhost", "localhost"), ({"verify": False}, "127.0.0.1", None),
                                                 ({"server_name": "[::1]", "verify": False}, "localhost", None),
                                                 ({"server_name": "::1"}, "localhost", None)])
def test_the_name_that_is_asked_for_by_tls(world, tmp_path, tls, url_host, sent):
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "k.pem", "-out", "c.pem", "-days",
            "2", "-subj", "/CN=x", cwd=tmp_path)
    names = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "c.pem", tmp_path / "k.pem")
    context.sni_callback = lambda connection, name, _: names.append(name)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        def serve():
            while True:
                try:
                    with context.wrap_socket(listener.accept()[0], server_side=True):
                        pass
                except ssl.SSLError:
                    pass
                except OSError:
                    return
        threading.Thread(target=serve, daemon=True).start()
        world.pod(wait="listening", redis={"url": f"rediss://{url_host}:{listener.getsockname()[1]}/0", "tls": tls})
        wait_until(lambda: names, 5, "a handshake")
    assert names[0] == sent


@pytest.mark.slow
def test_cluster_with_a_hash_tag_in_the_prefix(world, own_redis):
    nodes = [own_redis(cluster_enabled="yes", cluster_port=free_port(), cluster_config_file="nodes.conf", cluster_node_timeout="2000") for _ in range(3)]
    subprocess.run(["redis-cli", "--cluster", "create", *[f"127.0.0.1:{n.port}" for n in nodes], "--cluster-yes"], check=True,
                   capture_output=True, timeout=60)
    client = redis_client.RedisCluster(host="127.0.0.1", port=nodes[0].port) if hasattr(redis_client, "RedisCluster") else None
    world.prefix = "{" + world.prefix.rstrip(":") + "}:"
    world.redis_server = nodes[0]
    world.config = {"redis": {"cluster": True}}
    a, b = world.pod(), world.pod()
    works(world, a, publish=lambda name, text: nodes[1].client().publish(world.key(name), text))
    c = world.connect(b, user="bob")
    assert a.post("/push", {"to": {"user": "bob"}, "text": "across"}).status == 202
    assert c.recv() == "across"
    traced = {"to": {"user": "bob"}, "text": "traced", "id": "m1", "receipt": world.key("receipts")}
    assert a.post("/push", traced).status == 202
    assert c.recv() == "traced"
    c.hears_nothing(0.2)

    def told():
        m = json.loads(a.get("/console/message?id=m1").body)
        return m["complete"] and m["conclusion"] == "delivered" and "receipt: delivered for bob" in json.dumps(m["story"])
    wait_until(told, 5, "the story, asked of both pods")
    if client is not None:
        assert client.hlen(world.key("presence:bob")) == 1


def test_a_policy_that_evicts_is_warned_of_at_the_start(world, own_redis):
    world.redis_server = own_redis(maxmemory_policy="allkeys-lru")
    pod = world.pod()
    (line,) = pod.wait_logged("evicts keys")
    assert line["level"] == "warn" and line["maxmemory-policy"] == "allkeys-lru"


def test_noeviction_is_not_warned_of(world):
    pod = world.pod()
    world.connect(pod, user="a")
    assert not pod.logged("evicts keys")
