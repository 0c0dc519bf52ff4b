"""Contract sections 8 and 9: configuration and command line of the real binary."""

import functools
import json
import os
import re
import subprocess

import pytest
import yaml

from support.pod import ROOT, run
from support.waiting import wait_until

COMMANDS = ["run", "check", "push", "connections", "drain", "version"]


@pytest.mark.parametrize("command", COMMANDS)
def test_help_everywhere(command):
    r = run(command, "--help")
    assert r.returncode == 0 and f"wsidecar {command}" in r.stdout and not r.stderr
    if command != "version":
        assert "--redis" in r.stdout and "--config" in r.stdout


def test_help_and_version_without_a_command():
    r = run("--help")
    assert r.returncode == 0 and all(c in r.stdout for c in COMMANDS)
    assert run("version").stdout.startswith("wsidecar ") and run("--version").stdout == run("version").stdout


@pytest.mark.parametrize("words", [["dance"], ["run", "--colour", "red"], ["push", "--user"], ["push", "--user", "a"], ["push", "--text", "x"],
                                   ["push", "--user", "a", "--text", "x", "--json", "1"], ["push", "--user", "a", "--json", "{"],
                                   ["push", "--user", "a", "--file", "/nonexistent"], ["run", "--lease", "soon"],
                                   ["check", "--config", "/nonexistent.yaml"], ["check", "stray"]])
def test_wrong_usage_is_2_with_words(words):
    r = run(*words)
    assert r.returncode == 2 and r.stderr and not r.stdout, r


def test_all_problems_at_once_with_their_places(tmp_path):
    file = tmp_path / "w.yaml"
    file.write_text("lease: soon\nping: 1s\nping: 2s\nhttp: maybe\nroutes:\n  - {path: ws, protocol: smoke}\nnothing: 1\n")
    r = run("run", "--config", str(file))
    assert r.returncode == 2
    lines = r.stderr.splitlines()
    for start in ("1:8: ", "3:1: ", "4:7: ", "6:26: ", "7:1: "):
        assert any(line.startswith(f"{file}:{start}") for line in lines), (start, lines)


def test_the_annotated_file_is_what_there_is_without_a_file():
    with_file = run("check", "--config", os.path.join(ROOT, "config", "wsidecar.yaml"))
    assert with_file.returncode == 0
    assert with_file.stdout == run("check").stdout
    assert yaml.safe_load(with_file.stdout)["limits"]["message"] == "128KiB"


def test_the_environment_names_the_file_that_no_flag_names(tmp_path):
    file, other = tmp_path / "w.yaml", tmp_path / "other.yaml"
    file.write_text("lease: 5s\n")
    other.write_text("lease: 9s\n")
    assert yaml.safe_load(run("check", WSIDECAR_CONFIG=str(file)).stdout)["lease"] == "5s"
    assert yaml.safe_load(run("check", "--config", str(other), WSIDECAR_CONFIG=str(file)).stdout)["lease"] == "9s"
    assert yaml.safe_load(run("check", WSIDECAR_CONFIG="").stdout)["lease"] == "15s"
    missing = run("check", WSIDECAR_CONFIG=str(tmp_path / "missing.yaml"))
    assert missing.returncode == 2 and "missing.yaml" in missing.stderr and "'WSIDECAR_CONFIG'" in missing.stderr
    missing = run("check", "--config", str(tmp_path / "missing.yaml"), WSIDECAR_CONFIG=str(file))
    assert missing.returncode == 2 and "'--config'" in missing.stderr


def test_flags_override_environment_overrides_file(tmp_path):
    file = tmp_path / "w.yaml"
    file.write_text("lease: 5s\nprefix: 'file:'\nredis: {url: 'redis://file:1/0'}\n")
    shown = yaml.safe_load(run("check", "--config", str(file), "--lease", "9s", "--redis", "redis://flag:3/0",
                               WSIDECAR_LEASE="7s", WSIDECAR_PREFIX="env:", WSIDECAR_REDIS_URL="redis://env:2/0").stdout)
    assert (shown["lease"], shown["prefix"], shown["redis"]["url"]) == ("9s", "env:", "redis://flag:3/0")


def test_check_masks_secrets(tmp_path):
    (tmp_path / "p").write_text("HIDDEN1\n")
    file = tmp_path / "w.yaml"
    file.write_text(f"redis: {{url: 'redis://u:HIDDEN2@h:1/0', password_file: {tmp_path}/p}}\napp: {{signing_secret: [whsec_SElEREVO]}}\n")
    r = run("check", "--config", str(file))
    assert r.returncode == 0 and "HIDDEN" not in r.stdout and "SElEREVO" not in r.stdout and "***" in r.stdout


def test_the_json_schema_can_be_printed():
    with open(os.path.join(ROOT, "config", "wsidecar.schema.json"), encoding="utf-8") as f:
        assert json.loads(run("check", "--schema").stdout) == json.load(f)


def bounded(schema, path=()):
    """Each setting of the schema that is a number or a size, with its least and its largest value."""
    for key, member in (schema.get("properties") or {}).items():
        if "minimum" in member and "maximum" in member and member["type"] != "number":
            yield ".".join((*path, key)), member
        yield from bounded(member, (*path, key))


def test_the_schema_takes_exactly_the_numbers_that_wsidecar_takes(tmp_path):
    """An editor, or the chart, refuses what would not start."""
    found = dict(bounded(json.loads(run("check", "--schema").stdout)))
    assert len(found) > 30 and {"max_connections", "shards", "limits.queue", "app.concurrency", "ping"} <= set(found)
    for key, member in found.items():
        for value, taken in (member["minimum"], True), (member["maximum"], True), (member["minimum"] - 1, False), (member["maximum"] + 1, False):
            if value < 0:
                continue
            text = str(value)
            for word in reversed(key.split(".")):
                text = f"{{{word}: {text}}}"
            (tmp_path / "c.yaml").write_text(text)
            said = run("check", "--config", tmp_path / "c.yaml").stderr
            assert (f"'{key}'" in said and re.search(" is (at least|at most|a whole number|a duration)", said) is not None) == (not taken), (text, said)


@pytest.mark.parametrize("key, good, bad", [
    ("lease", ["1s", "1000ms", "2m", "1d"], ["0", "0s", "900ms", "15"]), ("ping", ["0", "0s", "25s", "1ms"], ["25", "25 s", "-1s"]),
    ("app.timeout", ["10ms", "1s"], ["9ms", "0", "0s", "0ms"]), ("limits.queue", ["1024", "1KiB", "1MiB"], ["0", "512", "1B", "0KiB", "1 KiB"]),
    ("limits.memory", ["1%", "80%", "100%"], ["0%", "101%", "80"]), ("listen.address", ["0.0.0.0:8000", "[::]:0", ":8000"], ["0.0.0.0", "8000"]),
    ("trusted_proxies", ["private", "10.0.0.0/8", "fd00::/8"], ["ingress", "10.0.0.0/"]),
    ("origins", ["same", "*", "null", "https://shop.example", "capacitor://localhost"], ["shop.example", "https:"]),
    ("routes.path", ["/", "/ws/{a}/{b...}", "/ws/a-b_c.d", "/{a}/x"], ["/ws/{a", "/ws/a}", "/ws/{a}b", "/ws/{}", "/w s", "ws"])])
def test_the_schema_s_patterns_refuse_only_what_wsidecar_refuses(tmp_path, key, good, bad):
    schema = json.loads(run("check", "--schema").stdout)
    member = schema["properties"]["routes"]["items"]["properties"]["path"] if key == "routes.path" else functools.reduce(
        lambda at, word: at["properties"][word], key.split("."), schema)
    pattern = member.get("pattern") or member["anyOf"][0]["pattern"]
    for value in good + bad:
        text = f'"{value}"'
        for word in reversed(key.split(".")):
            text = f"[{{path: {text}}}]" if key == "routes.path" and word == "path" else f"{{{word}: {text}}}"
        (tmp_path / "c.yaml").write_text(text)
        said = run("check", "--config", tmp_path / "c.yaml").stderr
        if value in good:
            assert re.search(pattern, value) and "is " not in said, (value, said)
        else:
            assert not re.search(pattern, value) and said, value


def test_an_address_that_is_taken_is_1_with_words(world):
    pod = world.pod()
    r = run("run", "--listen", f"127.0.0.1:{pod.port}", "--admin", "127.0.0.1:0", "--redis", "none")
    assert r.returncode == 1 and "Address already in use" in r.stdout


def test_what_cannot_start_names_the_setting_the_value_and_the_cure(world):
    pod = world.pod()
    taken = f"127.0.0.1:{pod.port}"
    for setting, words in (("listen.address", ["--listen", taken, "--admin", "127.0.0.1:0"]),
                           ("admin.address", ["--listen", "127.0.0.1:0", "--admin", taken]),
                           ("relay.address", ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--relay-address", taken])):
        r = run("run", *words, "--redis", "none")
        error = json.loads(r.stdout.splitlines()[-1])["error"]
        assert r.returncode == 1 and setting in error and taken in error and "another process" in error, r.stdout
        assert "/usr/include" not in r.stdout and "system:" not in r.stdout
    r = run("run", "--listen", "192.0.2.1:8000", "--admin", "127.0.0.1:0", "--redis", "none")
    assert "no interface" in r.stdout and "192.0.2.1:8000" in r.stdout


def test_an_encrypted_key_is_refused_without_asking_the_terminal(world, tmp_path):
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-passout", "pass:secret", "-keyout", key, "-out", cert,
                    "-subj", "/CN=a"], check=True, capture_output=True)
    r = run("run", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--redis", "none", "--listen-tls-cert", str(cert),
            "--listen-tls-key", str(key))
    error = json.loads(r.stdout.splitlines()[-1])["error"]
    assert r.returncode == 1 and str(key) in error and "encrypted" in error and "openssl pkey" in error and "pass phrase" not in r.stdout + r.stderr
    pod = world.pod(wait="listening", redis={"tls": {"verify": False, "cert": str(cert), "key": str(key)},
                                             "url": f"rediss://127.0.0.1:{world.redis_server.port}"})
    assert "is encrypted" in pod.wait_logged("cannot connect", level="warn")[0]["error"]


def test_the_lists_of_the_file_are_no_variables(world):
    r = run("check", WSIDECAR_ROUTES="[{path: /x}]", WSIDECAR_SOURCES_0_CHANNEL="x")
    assert r.returncode == 0 and r.stderr.count("warning") == 2
    assert "WSIDECAR_ROUTES has no effect" in r.stderr and "'sources' can only be set in the configuration file" in r.stderr


def test_a_misspelt_variable_is_warned_of(world):
    r = run("check", WSIDECAR_REDIS_ULR="redis://elsewhere", WSIDECAR_REDIS_PORT_6379_TCP="tcp://10.0.0.1:6379")
    assert r.returncode == 0 and r.stderr.count("warning") == 1
    assert "WSIDECAR_REDIS_ULR" in r.stderr and "WSIDECAR_REDIS_URL" in r.stderr
    pod = world.pod(environment={"WSIDECAR_PINGS": "10s"})
    assert len(pod.wait_logged("WSIDECAR_PINGS", level="warn")) == 1


def test_a_url_of_redis_drops_nothing_silently(tmp_path):
    for url in ("redis://:p@127.0.0.1:1#w@127.0.0.1:2/0", "redis://127.0.0.1:1?db=2", "redis://127.0.0.1:1/0?ssl_cert_reqs=none"):
        path = tmp_path / "c.yaml"
        path.write_text(f'redis:\n  url: "{url}"\n')
        r = run("check", "--config", str(path))
        assert r.returncode == 2 and r.stderr.startswith(f"{path}:2:8: ") and "redis.url" in r.stderr
        assert url not in r.stderr


def test_push_through_channels_and_list(world, tmp_path):
    pod = world.pod()
    c = world.connect(pod, user="alice", join=["g"])

    def push(*words):
        r = run("push", "--config", pod.config_path, *words)
        assert r.returncode == 0, r
        return r.stdout

    assert "1 pod" in push("--user", "alice", "--text", "hi")
    assert c.recv() == "hi"
    assert "0 pods" in push("--user", "nobody", "--text", "hi")
    push("--group", "g", "--json", '{"a": 1}')
    assert json.loads(c.recv()) == {"a": 1}
    push("--all", "--text", "all")
    assert c.recv() == "all"
    push("--connection", c.id, "--text", "you")
    assert c.recv() == "you"
    (tmp_path / "f").write_bytes(b"\xff\x00")
    push("--user", "alice", "--file", str(tmp_path / "f"))
    assert c.recv() == b"\xff\x00"
    push("--user", "alice", "--user", "bob", "--text", "two")
    assert c.recv() == "two"
    push("--list", "--user", "alice", "--text", "list")
    assert c.recv() == "list"


def test_push_without_redis_goes_through_the_running_instance(world):
    world.redis_server = None
    pod = world.pod()
    c = world.connect(pod, user="alice")
    r = run("push", "--redis", "none", "--admin", f"127.0.0.1:{pod.admin_port}", "--user", "alice", "--text", "hi")
    assert r.returncode == 0, r
    assert c.recv() == "hi"


def test_what_fails_is_1_with_words():
    for words in (["connections", "--admin", "127.0.0.1:1"], ["drain", "--admin", "127.0.0.1:1"],
                  ["push", "--redis", "none", "--admin", "127.0.0.1:1", "--user", "a", "--text", "x"]):
        r = run(*words)
        assert r.returncode == 1 and "127.0.0.1:1" in r.stderr, r


def test_connections_and_drain_of_the_running_instance(world):
    pod = world.pod()
    c = world.connect(pod, user="%E5%BC%A0%E4%B8%89")
    admin = f"127.0.0.1:{pod.admin_port}"
    r = run("connections", "--admin", admin, "--user", "张三")
    assert r.returncode == 0 and json.loads(r.stdout)["connections"][0]["id"] == c.id
    c.close()
    r = run("drain", "--admin", admin)
    assert r.returncode == 0 and json.loads(r.stdout) == {"drained": True}
    wait_until(lambda: pod.readyz()[0] == 503, 1, "unready")
