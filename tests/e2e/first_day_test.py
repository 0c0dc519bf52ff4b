"""The mistakes of a first day: each is told once, with its cause and its cure."""

import contextlib
import os
import pty
import select
import shutil
import signal
import socket
import subprocess
import threading
import time

import pytest

from support.app import Answer
from support.pod import binary, clean_environment, run
from support.redis_server import Redis, free_port
from support.waiting import wait_until
from support.ws import Refused


def refused(pod, path="/ws/test"):
    with pytest.raises(Refused) as e:
        pod.connect(path)
    return e.value


# --------------------------------------------------------------------------------- what the app says to a connect event

CSRF = Answer(403, {"Content-Type": "application/json"}, b'{"status":403,"error":"Forbidden","message":"Invalid CSRF Token \'null\'"}')
ANSWERS = {
    "a login page": (Answer(302, {"Location": "/login?continue=SECRET"}), "Location /login", "exempt it from CSRF"),
    "no login": (Answer(401), "with 401", "login filter"),
    "forbidden": (Answer(403), "with 403", "csrf.ignoringRequestMatchers"),
    "CSRF": (CSRF, "CSRF protection refuses", "csrf.ignoringRequestMatchers"),
    "no handler": (Answer(404), "no handler", "add POST /ws/{rest...} to the app"),
    "another handler": (Answer(405), "WebSocketHandler", "add POST /ws/{rest...} to the app"),
    "a failure": (Answer(500), "with 500", "its own log"),
}


@pytest.mark.parametrize("what", ANSWERS)
def test_a_connect_event_that_is_refused_is_explained_once(world, what):
    answer, cause, cure = ANSWERS[what]
    pod = world.pod()
    pod.app.answers["connect"] = answer
    for _ in range(3):
        refused(pod)
    told = pod.wait_logged(cause, level="warn")
    assert len(told) == 1 and cure in told[0]["message"] and told[0]["path"] == "/ws/test", told
    assert "SECRET" not in pod.output()


def test_each_route_has_its_own_explanation_at_its_event_path(world):
    pod = world.pod(routes=[{"path": "/a"}, {"path": "/b", "event_path": "/hooks/{event}"}])
    pod.app.answers["connect"] = Answer(404)
    for path in "/a", "/b", "/a":
        refused(pod, path)
    assert len(pod.wait_logged("add POST /a to", level="warn")) == 1
    assert len(pod.wait_logged("add POST /hooks/{event} to", level="warn")) == 1


def test_a_page_in_place_of_an_answer_is_told(world):
    pod = world.pod()
    pod.app.answers["connect"] = Answer(200, {"Content-Type": "text/html"}, b"<!DOCTYPE html><html><form>Please sign in</form></html>")
    world.clients.append(pod.connect("/ws/test"))
    assert "client's first message" in pod.wait_logged("HTML page", level="warn")[0]["message"]
    assert "sign in" not in "".join(r["message"] for r in pod.logs)


def test_a_path_without_a_route_is_told(world):
    pod = world.pod(routes=[{"path": "/ws/{id}"}])
    assert refused(pod, "/wss/1").status == 404
    assert pod.wait_logged("no entry of routes")[0]["path"] == "/wss/1"


# --------------------------------------------------------------------------------------------------------- the app

class Elsewhere:
    """An app that is not where app.url says."""

    def __init__(self, url):
        self.url = url


class Listener:
    """Something that is no HTTP server: answers what comes with `bytes_`, and closes."""

    def __init__(self, bytes_):
        self.bytes = bytes_
        self.sock = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.sock.getsockname()[1]}"
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                s, _ = self.sock.accept()
            except OSError:
                return
            with s:
                s.settimeout(2)
                try:
                    if s.recv(65536):
                        s.sendall(self.bytes)
                except OSError:
                    pass

    def close(self):
        self.sock.close()


@pytest.fixture
def listener():
    with contextlib.ExitStack() as made:
        yield lambda bytes_: made.enter_context(contextlib.closing(Listener(bytes_)))


def test_an_app_on_the_wrong_port_is_told_at_the_start(world):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{s.getsockname()[1]}"
        pod = world.pod(Elsewhere(url), wait="listening")
        told = pod.wait_logged("the app accepts no connections", level="warn")
        assert told[0]["url"] == url and "app.url" in told[0]["cure"]


@pytest.mark.parametrize("says, status, cure", [(b"\x15\x03\x03\x00\x02\x02\x46", 503, "speaks TLS"), (b"", 503, "speak TLS"),
                                                (b"-ERR unknown command\r\n", 504, "speaks no HTTP")], ids=["TLS alert", "closes", "no HTTP"])
def test_an_app_that_speaks_no_plain_http_is_told(world, listener, says, status, cure):
    there = listener(says)
    pod = world.pod(Elsewhere(there.url), wait="listening")
    assert refused(pod).status == status
    told = pod.wait_logged("request failed", level="warn")
    assert cure in told[0]["cure"] and told[0]["url"] == there.url


def test_https_to_the_app_is_refused_with_the_cure():
    r = run("check", "--app", "https://127.0.0.1:8443")
    assert r.returncode == 2 and "app.url" in r.stderr and "plain HTTP connector on 127.0.0.1" in r.stderr


# ----------------------------------------------------------------------------------------------------------- Redis

LINKS = {"commands", "inbox", "router", "subscriber"}


def told_of_redis(pod, words):
    """The one line that tells why there is no connection to Redis: four connections fail, and for one reason."""
    line = pod.wait_logged(words, timeout=8)[0]
    time.sleep(0.5)
    told = pod.logged("cannot connect", level="warn")
    assert len(told) == 1 and line == told[0], told
    assert set(line["link"].split(", ")) == LINKS, line
    wait_until(lambda: words in pod.readyz()[1]["redis"], 5, "readyz says it too")
    return line["error"]


def redis_at(world, url, **more):
    return world.pod(redis={"url": url, **more}, wait="listening")


def nobody_listens(world, listener, own_redis):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return told_of_redis(redis_at(world, f"redis://127.0.0.1:{s.getsockname()[1]}/0"), "Connection refused")


def no_such_host(world, listener, own_redis):
    return told_of_redis(redis_at(world, "redis://redis.invalid:6379/0"), "redis.invalid:6379: ")


def no_redis(world, listener, own_redis):
    return told_of_redis(redis_at(world, listener(b"HTTP/1.1 400 Bad Request\r\n\r\n").url.replace("http", "redis")), "is not Redis")


def tls_at_a_plain_port(world, listener, own_redis):
    return told_of_redis(redis_at(world, own_redis().url.replace("redis:", "rediss:")), "does this port speak TLS?")


def plain_at_a_port_of_tls(world, listener, own_redis):
    return told_of_redis(redis_at(world, listener(b"\x15\x03\x01\x00\x02\x02\x46").url.replace("http", "redis")), "this port speaks TLS")


def a_replica(world, listener, own_redis):
    replica = own_redis(replicaof=f"127.0.0.1 {own_redis().port}")
    return told_of_redis(redis_at(world, replica.url), "a replica, not the master")


def redis_that_still_loads(world, listener, own_redis):
    url = listener(b"-LOADING Redis is loading the dataset in memory\r\n" * 9).url
    return told_of_redis(redis_at(world, url.replace("http", "redis")), "LOADING")


FAILURES = {nobody_listens: "see redis.url", no_such_host: "see redis.url", no_redis: "see redis.url", tls_at_a_plain_port: "see redis.url and redis.tls",
            plain_at_a_port_of_tls: "rediss://", a_replica: "see redis.url and redis.sentinels",
            redis_that_still_loads: "tried again until it has"}


@pytest.mark.parametrize("failure", FAILURES)
def test_why_redis_is_not_reached_is_told_once_with_the_setting(world, listener, own_redis, failure):
    assert FAILURES[failure] in failure(world, listener, own_redis)


def test_a_certificate_that_is_not_accepted_is_told_with_the_reason(world, own_redis, tmp_path):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "key.pem", "-out",
                    "cert.pem", "-days", "2", "-subj", "/CN=redis.test"], cwd=tmp_path, check=True, capture_output=True)
    port = free_port()
    own_redis(tls_port=port, tls_cert_file=f"{tmp_path}/cert.pem", tls_key_file=f"{tmp_path}/key.pem", tls_auth_clients="no",
              tls_ca_cert_file=f"{tmp_path}/cert.pem")
    url = f"rediss://127.0.0.1:{port}/0"
    assert "self-signed certificate (see redis.url and redis.tls)" in told_of_redis(redis_at(world, url), "certificate verify failed")
    tls = {"ca": f"{tmp_path}/cert.pem", "server_name": "elsewhere.test"}
    assert "it is not for 'elsewhere.test'" in told_of_redis(redis_at(world, url, tls=tls), "certificate verify failed")


def test_a_missing_certificate_is_told_although_nobody_listens_yet(world, tmp_path):
    nothing = f"{tmp_path}/nothing.pem"
    assert "No such file" in told_of_redis(redis_at(world, f"rediss://127.0.0.1:{free_port()}/0", tls={"ca": nothing}), nothing)


def test_certificates_for_a_redis_without_tls_are_warned_of(world, own_redis, tmp_path):
    pod = redis_at(world, own_redis().url, tls={"ca": f"{tmp_path}/ca.pem"})
    assert pod.wait_logged("redis.tls has no effect", level="warn")


def test_a_client_certificate_that_redis_wants_is_told(world, own_redis, tmp_path):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "key.pem", "-out",
                    "cert.pem", "-days", "2", "-subj", "/CN=redis.test", "-addext", "subjectAltName=DNS:redis.test"], cwd=tmp_path, check=True,
                   capture_output=True)
    port = free_port()
    own_redis(tls_port=port, tls_cert_file=f"{tmp_path}/cert.pem", tls_key_file=f"{tmp_path}/key.pem", tls_auth_clients="yes",
              tls_ca_cert_file=f"{tmp_path}/cert.pem")
    tls = {"ca": f"{tmp_path}/cert.pem", "server_name": "redis.test"}
    assert "redis.tls" in told_of_redis(redis_at(world, f"rediss://127.0.0.1:{port}/0", tls=tls), "is a client certificate wanted there?")


def test_a_cause_that_takes_the_place_of_another_is_told(world, own_redis):
    """Redis comes back with another password: that it is not reached was told before, and for another reason."""
    redis = own_redis()
    pod = redis_at(world, redis.url)
    pod.wait_ready()
    redis.kill()
    pod.wait_logged("Connection refused")
    redis.options["requirepass"] = "another"
    redis.start()
    assert "redis.password" in pod.wait_logged("NOAUTH", timeout=15)[0]["error"]


def test_what_happens_to_all_connections_to_redis_is_one_line(world, own_redis):
    redis = own_redis()
    pod = redis_at(world, redis.url)
    pod.wait_ready()

    def connected(since=0):
        return {name for r in pod.logged(message="connected")[since:] for name in r["link"].split(", ")}
    wait_until(lambda: connected() == LINKS, 5, "connected")
    lines = len(pod.logged(message="connected"))
    redis.restart()
    wait_until(lambda: connected(lines) == LINKS, 15, "connected again")
    (lost,) = pod.logged(message="connection lost")
    assert set(lost["link"].split(", ")) == LINKS


def test_redis_password_wrong_or_missing_is_told_with_the_setting(world):
    redis = Redis()
    try:
        client = redis.client()
        client.config_set("requirepass", "right")
        for auth, words in ("", "NOAUTH"), (":wrong@", "WRONGPASS"):
            pod = world.pod(redis={"url": redis.url.replace("redis://", f"redis://{auth}")}, wait="listening")
            assert "redis.password" in told_of_redis(pod, words)
            r = run("push", "--config", pod.config_path, "--user", "a", "x")
            assert r.returncode == 1 and words in r.stderr and "redis.password" in r.stderr
        pod = world.pod(redis={"url": redis.url[:-1] + "3"}, wait="listening")
        assert "redis.password" in told_of_redis(pod, "NOAUTH"), "it is not the database's number"
    finally:
        redis.close()


ACL = {"scripts": ("~* &* +@read +@write +@pubsub +@connection", "evalsha", "registry: NOPERM"),
       "keys": ("~other:* &* +@all", "keys", "registry: NOPERM"),
       "channels": ("~* resetchannels &other +@all", "channels", "Redis refuses some channels")}


@pytest.mark.parametrize("what", ACL)
def test_a_missing_permission_of_redis_is_told_with_the_place_that_lists_them(world, what):
    rules, words, state = ACL[what]
    redis = Redis()
    try:
        redis.client().execute_command("ACL", "SETUSER", "limited", "on", ">pw", *rules.split())
        pod = world.pod(redis={"url": redis.url.replace("redis://", "redis://limited:pw@")}, wait="listening")
        told = pod.wait_logged("NOPERM", timeout=5)
        assert words in told[0]["error"] and "operating.md" in told[0]["error"], told
        wait_until(lambda: state in pod.readyz()[1]["redis"], 5, "readyz")
    finally:
        redis.close()


def test_a_database_that_redis_does_not_have_is_told_with_the_setting(world):
    redis = Redis()
    try:
        pod = world.pod(redis={"url": f"redis://127.0.0.1:{redis.port}/77"}, wait="listening")
        assert "redis.url" in pod.wait_logged("DB index", timeout=5)[0]["error"]
    finally:
        redis.close()


# ----------------------------------------------------------------------------------------------------- configuration

YAML = {
    "a tab": ("app:\n\turl: http://127.0.0.1:1\n", "tab", ":2:"),
    "a pattern in braces": ("routes:\n  - {path: /ws/{id}, events: []}\n", "quote", ":2:"),
    "a pattern in braces, at the end": ("routes: [{path: /ws/{id}}]\nlease: 5s\n", "quote", ""),
    "an indentation": ("app:\n  url: http://127.0.0.1:1\n   timeout: 5s\n", "indented", ":3:"),
}


@pytest.mark.parametrize("what", YAML)
def test_what_is_no_yaml_comes_with_a_cure(tmp_path, what):
    text, cure, place = YAML[what]
    file = tmp_path / "w.yaml"
    file.write_text(text)
    r = run("check", "--config", str(file))
    assert r.returncode == 2 and cure in r.stderr and f"{file}{place}" in r.stderr, r.stderr


@pytest.mark.parametrize("text, meant", [("url: x\n", "app.url"), ("route: []\n", "routes"), ("source: []\n", "sources"), ("max_header: 1KiB\n", "app.max_header"),
                                         ("app: {timout: 1s}\n", "app.timeout")])
def test_an_unknown_key_comes_with_what_was_meant(tmp_path, text, meant):
    file = tmp_path / "w.yaml"
    file.write_text(text)
    r = run("check", "--config", str(file))
    assert r.returncode == 2 and f"did you mean '{meant}'?" in r.stderr, r.stderr


def test_check_warns_of_routes_where_anybody_can_be_anyone(tmp_path):
    file = tmp_path / "w.yaml"
    file.write_text('routes: [{path: "/ws/{who}", user: "{who}", events: []}, {path: "/safe/{who}", user: "{who}"}]\n')
    r = run("check", "--config", str(file))
    assert r.returncode == 0 and r.stderr.count("warning") == 1 and "/ws/{who}" in r.stderr and "any client can be anyone" in r.stderr


def test_the_admin_address_leads_to_the_console(world):
    r = world.pod().get("/")
    assert r.status == 302 and r.header("Location") == "/console"


def test_files_that_cannot_be_read_are_told_with_the_systems_words(tmp_path):
    folder, nothing = str(tmp_path), str(tmp_path / "nothing")
    for words, flag in ((["check", "--config"], None), (["check", "--redis-password-file"], "redis.password_file"),
                        (["check", "--admin-token-file"], "admin.token_file"), (["push", "--user", "a", "--file"], None)):
        for file, why in (folder, "Is a directory"), (nothing, "No such file or directory"):
            r = run(*words, file)
            assert r.returncode == 2 and file in r.stderr and why in r.stderr, r.stderr
            assert flag is None or flag in r.stderr


def test_a_file_that_is_not_permitted_is_told_so(tmp_path):
    os.chmod(tmp_path, 0o755)
    secret = tmp_path / "secret"
    secret.write_text("x")
    os.chmod(secret, 0)
    copy = shutil.copy(binary(), tmp_path)  # whose path others may read
    command = [copy, "check", "--config", str(secret)]
    if os.getuid() == 0:
        for folder in tmp_path.parents:
            if str(folder).startswith("/tmp/"):
                os.chmod(folder, 0o755)
        command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *command]
    r = subprocess.run(command, capture_output=True, text=True, timeout=20, env=clean_environment())
    assert r.returncode == 2 and "Permission denied" in r.stderr and str(secret) in r.stderr, r.stderr


def test_certificates_that_cannot_be_read_name_the_setting_and_the_file(tmp_path):
    nothing = str(tmp_path / "nothing")
    r = run("run", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--redis", "none", "--listen-tls-cert", nothing,
            "--listen-tls-key", nothing)
    said = r.stdout + r.stderr
    assert r.returncode in (1, 2) and "listen.tls" in said and nothing in said and "No such file" in said, said


def test_what_is_wrong_with_certificates_is_told_with_the_cure(tmp_path):
    for name in ("a", "b"):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key",
                        "-out", f"{name}.pem", "-subj", "/CN=a"], check=True, capture_output=True, cwd=tmp_path)
    (tmp_path / "text").write_text("no PEM")
    for cert, key, authorities, cure in (("text", "a.key", None, "listen.tls.cert is a PEM file: the certificate, then its chain"),
                                         ("a.pem", "text", None, "listen.tls.key is a PEM file with the certificate's key"),
                                         ("a.pem", "b.key", None, "listen.tls.cert and listen.tls.key are one pair"),
                                         ("a.pem", "a.key", "text", "listen.tls.client_ca is a PEM file with their certificates")):
        r = run("run", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--redis", "none", "--listen-tls-cert", str(tmp_path / cert),
                "--listen-tls-key", str(tmp_path / key), *(["--listen-tls-client-ca", str(tmp_path / authorities)] if authorities else []))
        assert r.returncode == 1 and cure in r.stdout and str(tmp_path) in r.stdout, r.stdout


# --------------------------------------------------------------------------------------------------------- resources

def test_room_for_one_client_is_an_error_that_says_how_much_more_is_needed(world):
    world.redis_server = None
    pod = world.pod(limit_files=100)
    told = pod.wait_logged("next to no clients", level="error")[0]
    assert told["clients"] < 100 <= told["clients"] + told["descriptors_at_least"] - 100 and told["descriptors"] == 100


def test_the_default_that_is_lowered_is_no_warning(world):
    world.redis_server = None
    pod = world.pod(limit_files=2000)
    assert pod.wait_logged("max_connections is lowered")[0]["level"] == "info"
    assert not pod.logged("next to no clients")
    chosen = world.pod(limit_files=2000, max_connections=40000)
    assert chosen.wait_logged("max_connections is lowered")[0]["level"] == "warn"


# ------------------------------------------------------------------------------------------------------ command line

def test_each_mistake_in_an_envelope_is_told_with_its_id_and_the_cure(world):
    pod = world.pod()
    world.push({"to": {"user": "a"}, "text": "x", "id": "o-1", "ttl": "60"}, {"to": {"user": "a"}, "txt": "x", "id": "o-2"},
               {"to": {"user": "a"}, "txt": "x", "id": "o-3"})
    told = pod.wait_logged("unknown_member", level="warn")
    assert len(told) == 1 and told[0]["id"] == "o-2" and "other than to, except, text, json" in told[0]["message"]
    assert pod.wait_logged("ttl is a number", level="warn")[0]["id"] == "o-1"
    world.redis.publish(world.key("push"), '{"to": {"user": "a"}, "text": "x", "id": "o-4", "mailbox": true}')
    assert pod.wait_logged("mailbox and receipt belong to the list", level="warn")[0]["id"] == "o-4"


def test_push_takes_the_message_without_a_flag(world):
    pod = world.pod()
    c = world.connect(pod, user="alice")
    r = run("push", "--config", pod.config_path, "--user", "alice", "hi there")
    assert r.returncode == 0 and r.stdout == "received by 1 pod\n", "nothing of the log between the answer's words"
    assert c.recv() == "hi there"
    r = run("push", "--redis", world.redis_server.url, "--prefix", "another:", "--user", "alice", "hi")
    assert r.returncode == 0 and r.stdout == "received by 0 pods\n" and "another:user:alice" in r.stderr and "prefix" in r.stderr
    assert run("push", "--user", "alice", "hi", "there").returncode == 2
    assert run("push", "--user", "alice", "hi", "--json", "1").returncode == 2


def test_who_is_not_there_is_asked_about():
    r = run("connections", "--admin", "127.0.0.1:1")
    assert r.returncode == 1 and "is wsidecar running?" in r.stderr and "--admin" in r.stderr


def test_help_of_a_command_is_about_the_command():
    r = run("push", "--help")
    assert "--user" in r.stdout and "--config" in r.stdout and "--limits-queue" not in r.stdout and "run --help" in r.stdout
    assert "--limits-queue" in run("run", "--help").stdout


def completions(*words):
    """What bash offers behind these words."""
    script = run("completion", "bash").stdout
    quoted = " ".join(f"'{w}'" for w in ("wsidecar", *words))
    r = subprocess.run(["bash", "-c", f"{script}\nCOMP_WORDS=({quoted}) COMP_CWORD={len(words)}\n_wsidecar\nprintf '%s\\n' \"${{COMPREPLY[@]}}\""],
                       capture_output=True, text=True, timeout=10)
    assert r.returncode == 0 and not r.stderr, r.stderr
    return r.stdout.split()


def test_bash_completes_commands_and_flags():
    assert completions("pu") == ["push"] and "trace" in completions("")
    assert completions("push", "--us") == ["--user"] and completions("--redis-u") == ["--redis-url", "--redis-username"]
    assert completions("completion", "") == ["bash", "zsh"] or {"bash", "zsh"} <= set(completions("completion", ""))
    assert "--user" not in completions("drain", "--")


def typed_in_zsh(directory, typed, wanted):
    """What zsh makes of these keys on its command line, once that has `wanted` in it."""
    (directory / "_wsidecar").write_text(run("completion", "zsh").stdout)
    process, terminal = pty.fork()
    if process == 0:
        os.execvpe("zsh", ["zsh", "-f"], clean_environment(TERM="dumb", HOME=str(directory)))
    shown = b""

    def shows(words):
        nonlocal shown
        if select.select([terminal], [], [], 0)[0]:
            shown += os.read(terminal, 65536)
        return words in shown
    try:
        os.write(terminal, f"PS1='> '; fpath=({directory} $fpath); autoload -Uz compinit; compinit -u -D; print LOAD''ED\n".encode())
        wait_until(lambda: shows(b"LOADED"), 30, "completion of zsh")
        os.write(terminal, typed.encode())
        wait_until(lambda: shows(wanted.encode()), 10, f"{wanted!r} for {typed!r}")
    except AssertionError as e:
        raise AssertionError(f"{e}: {shown!r}") from None
    finally:
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
        os.close(terminal)


@pytest.mark.parametrize("typed, wanted", [("wsidecar tra\t", "wsidecar trace "), ("wsidecar push --us\t", "wsidecar push --user "),
                                           ("wsidecar trace --us\t", "wsidecar trace --user "), ("wsidecar completion z\t", "completion zsh "),
                                           ("wsidecar explain --liv\t", "wsidecar explain --live ")])
def test_zsh_completes_commands_and_flags(tmp_path, typed, wanted):
    typed_in_zsh(tmp_path, typed, wanted)


def test_zsh_completion_is_zsh():
    script = run("completion", "zsh").stdout
    assert script.startswith("#compdef wsidecar\n") and "'push:" in script and "--redis-url[" in script
    assert subprocess.run(["zsh", "-n"], input=script, text=True, capture_output=True, timeout=10).returncode == 0
    assert run("completion", "fish").returncode == 2 and run("completion").returncode == 2


def test_the_manual_page_has_every_command_and_flag():
    page = run("man").stdout
    assert page.startswith(".TH WSIDECAR 1")
    for command in ("run", "push", "trace", "explain", "completion"):
        assert f'.SS "{command}' in page
    assert "\\-\\-redis\\-url" in page and "\\-\\-live" in page and "EXIT STATUS" in page
    r = subprocess.run(["man", "--warnings", "-l", "-"], input=page, text=True, capture_output=True, timeout=20,
                       env=clean_environment(MANWIDTH="100", MAN_KEEP_FORMATTING="", TERM="dumb", LC_ALL="C.UTF-8"))
    assert r.returncode == 0 and not r.stderr and "WSIDECAR_REDIS_URL" in r.stdout, r.stderr
