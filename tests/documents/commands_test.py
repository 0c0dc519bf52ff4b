"""The commands of the documents are run as they stand there: against pods with the default prefix, on ports of the test's own."""

import json
import os
import re
import shlex
import shutil
import subprocess

import pytest
import yaml

from support.app import commands
from support.http import http
from support.markdown import ROOT, TRIED, blocks, code_spans, pages, read
from support.pod import binary, clean_environment, run
from support.redis_server import Redis, free_port
from support.stomp import Stomp
from support.waiting import wait_until
from support.world import World

COMPOSE = os.path.join(ROOT, "scripts", "demo.d", "compose.yaml")


def shell_lines():
    for page in TRIED:
        for block in blocks(page):
            if block.language == "sh":
                yield from ((page, line.strip()) for line in block.text.replace("\\\n", " ").splitlines() if line.strip())


LINES = list(shell_lines())


def words_of(line):
    return shlex.split(line, comments=True)


def of(command):
    return [line for _, line in LINES if words_of(line)[0] == command]


class Stage:
    """Alice on a raw and on a STOMP route, with the default prefix in a Redis of its own."""

    def __init__(self):
        self.redis = Redis()
        self.world = World(self.redis)
        self.world.prefix = "wsidecar:"
        self.pod = self.world.pod(routes=[{"path": "/ws/{rest...}"}, {"path": "/stomp", "protocol": "stomp"}])
        self.pod.app.answers["connect"] = commands(("Ws-User", "alice"), ("Ws-Join", "table-7"))
        self.raw = self.pod.connect("/ws/orders")
        self.stomp = Stomp(self.pod.port)
        self.stomp.subscribe("/topic/orders", id="1")
        self.stomp.subscribe("/user/queue/notices", id="2")
        self.environment = clean_environment(WSIDECAR_ADMIN_ADDRESS=f"127.0.0.1:{self.pod.admin_port}", WSIDECAR_REDIS_URL=self.redis.url)

    def run(self, words, **more):
        done = subprocess.run(words, capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL, env=self.environment, **more)
        assert done.returncode == 0, f"{words}: {done.stderr}{done.stdout}"
        return done.stdout

    def close(self):
        self.raw.sock.close()
        self.stomp.ws.sock.close()
        self.world.close()
        self.redis.close()


@pytest.fixture
def stage():
    s = Stage()
    yield s
    s.close()


def payload_of(words):
    """What a client gets of a push by redis-cli, wsidecar or curl."""
    if words[1:2] == ["PUBLISH"]:
        return words[3]
    if "--json" in words:
        return words[words.index("--json") + 1]
    if words[1:2] == ["push"]:
        return words[-1]
    envelope = json.loads(next(w for w in words if w.startswith('{"to"')))
    return envelope.get("text") or json.dumps(envelope["json"], separators=(",", ":"))


def gets(stage, words):
    """The client that the push is for gets it."""
    if "destination" in " ".join(words):
        frame = stage.stomp.recv()
        assert frame.command == "MESSAGE" and frame.body == payload_of(words)
    else:
        assert stage.raw.recv() == payload_of(words)


@pytest.mark.parametrize("line", of("redis-cli"))
def test_redis_cli(stage, line):
    if "--scan" in line:
        return deletes_the_keys_of_an_old_version(stage, line)
    words = words_of(line)
    reply = stage.run(["redis-cli", "-p", str(stage.redis.port), *words[1:]])
    assert int(reply) >= 1
    gets(stage, words)
    return None


def deletes_the_keys_of_an_old_version(stage, line):
    stage.pod.terminate()
    stage.pod.wait_exit()
    client = stage.world.redis
    client.flushall()
    client.hset("wsidecar:config", mapping={"lease": "15000", "pop": "left", "outbox": "outbox"})  # as version 0.1 wrote it
    client.set("other", "1")
    pod = stage.world.pod(wait="")
    pod.expected_exit = {2}
    assert pod.wait_exit(10) == 2
    assert pod.logged("was written by a version before 0.2")
    pipeline = line.replace("redis-cli", f"redis-cli -p {stage.redis.port}")
    stage.run(["bash", "-ec", pipeline])
    assert client.keys("*") == [b"other"]
    stage.world.pod()


@pytest.mark.parametrize("line", of("curl"))
def test_curl(stage, line):
    words = [w.replace("127.0.0.1:9090", f"127.0.0.1:{stage.pod.admin_port}") for w in words_of(line)]
    stage.run(["curl", "-sS", "-f", *words[1:]])
    gets(stage, words)


def is_command(line):
    return words_of(line)[1].isalpha()


@pytest.mark.parametrize("line", [line for line in of("wsidecar") if is_command(line)])
def test_a_command_of_wsidecar(stage, line, tmp_path):
    shutil.copy(os.path.join(ROOT, "config", "wsidecar.yaml"), tmp_path)
    words = words_of(line)
    if words[1] == "drain":
        stage.raw.timeout = 20
    stage.run([binary(), *words[1:]], cwd=tmp_path)
    if words[1] == "push":
        gets(stage, words)


@pytest.mark.parametrize("line", [line for line in of("wsidecar") if not is_command(line)])
def test_wsidecar_is_started_as_the_documents_say(stage, line):
    """With ports of the test's own in place of those that are there."""
    app, port, admin = stage.world.app(), free_port(), free_port()
    assert "http://127.0.0.1:8080" in line and ("redis://127.0.0.1:6379/0" in line or "--redis none" in line)
    line = line.replace("http://127.0.0.1:8080", app.url).replace("redis://127.0.0.1:6379/0", stage.redis.url)
    own = ["--listen", f"127.0.0.1:{port}", "--admin", f"127.0.0.1:{admin}", "--drain-delay", "0s", "--drain-period", "100ms"]
    process = subprocess.Popen([binary(), *words_of(line)[1:], *own], stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL, env=clean_environment())
    try:
        def ready():
            try:
                return http(admin, "GET", "/readyz").status == 200
            except OSError:
                return False
        wait_until(ready, 10, "readyz")
        assert http(admin, "GET", "/console").status == 200
    finally:
        process.terminate()
        assert process.wait(10) == 0


@pytest.mark.parametrize("line", [line for _, line in LINES if line.startswith("scripts/")])
def test_a_script_has_the_options_that_the_documents_name(line):
    words = words_of(line)
    path = os.path.join(ROOT, words[0])
    assert os.access(path, os.X_OK)
    known = read(words[0])
    for option in (w for w in words[1:] if w.startswith("--")):
        assert option in known, f"{words[0]} has no {option}"


@pytest.mark.parametrize("line", [line for page, line in LINES if page == "CONTRIBUTING.md" and not line.startswith("scripts/")])
def test_what_a_contributor_runs_is_there(line):
    """Builds and tests are not run within a test; their targets, files and options exist."""
    words = words_of(line)
    for path in (w for w in words if w.startswith("tests/")):
        assert os.path.exists(os.path.join(ROOT, path)), path
    programs = {os.path.basename(w) for w in words if w.startswith("build/dev/")} | {w for w, before in zip(words[1:], words) if before == "--target"}
    assert all(re.fullmatch("simulate|test_(config|proto|core|net|redis|app)", p) for p in programs), programs
    if "simulate" in programs:
        assert all(option in read("tests/simulation/simulate.cpp") for option in words if option.startswith("--"))


def test_helm_is_run_by_the_tests_of_the_charts():
    assert {page for page, line in LINES if line.startswith("helm ")} == {"README.md"}  # tests/k8s/documents_test.py


# ------------------------------------------------------------------------------------------------- the compose file


def compose():
    with open(COMPOSE, encoding="utf-8") as f:
        return yaml.safe_load(f)["services"]


@pytest.mark.parametrize("line", of("docker") + [s for s in code_spans("README.md") if s.startswith("docker ")])
def test_docker_compose_is_given_what_is_there(line):
    words = words_of(line)
    assert words[:2] == ["docker", "compose"] and os.path.samefile(os.path.join(ROOT, words[words.index("-f") + 1]), COMPOSE)
    action, arguments = words[4], words[5:]
    assert {"up": arguments == ["--build"], "kill": set(arguments) <= set(compose())}[action]


def test_the_compose_file_names_what_is_there():
    services = compose()
    folder = os.path.dirname(COMPOSE)
    for service in services.values():
        for volume in service.get("volumes", []):
            assert os.path.exists(os.path.join(folder, volume.split(":")[0])), volume
        if "build" in service:
            context = os.path.join(folder, service["build"]["context"])
            assert os.path.exists(os.path.join(context, service["build"]["dockerfile"]))
        assert service.get("network_mode", "service:redis") == "service:redis"
    inside = {int(p.rsplit(":", 1)[1]) for p in services["redis"]["ports"]}
    forwarded = {int(re.match(r"tcp-listen:(\d+),", services[f"console-{n}"]["command"][0])[1]) for n in "ab"}
    configs = [pod_config(n) for n in "ab"]
    assert inside == forwarded | {int(c["listen"]["address"].rsplit(":", 1)[1]) for c in configs}
    for name, config in zip("ab", configs):
        assert services[f"console-{name}"]["command"][1] == "tcp:" + config["admin"]["address"]


def pod_config(name):
    with open(os.path.join(os.path.dirname(COMPOSE), f"pod-{name}.yaml"), encoding="utf-8") as f:
        return yaml.safe_load(f)


# ---------------------------------------------------------------------------------------------------------- in the text


def said_in_the_text():
    """(page, command) of every `wsidecar COMMAND ...` in a sentence or a table."""
    for page in TRIED:
        for span in code_spans(page):
            if re.match(r"wsidecar [a-z]", span):
                yield page, span


@pytest.mark.parametrize("page, span", sorted(set(said_in_the_text())))
def test_commands_in_the_text_exist_with_their_options(page, span):
    helped = run(span.split()[1], "--help")
    assert helped.returncode == 0, span
    for option in re.findall(r"--[a-z-]+", span):
        assert option in helped.stdout, span


def test_every_block_of_the_documents_is_run_by_a_test():
    """What this file does not run, blocks_test.py does, or the test that is named."""
    languages = {b.language for page in TRIED for b in blocks(page)}
    assert languages <= {"", "sh", "yaml", "json", "http", "java", "nginx", "haproxy", "xml"}
    assert {words_of(line)[0].split("/")[0] for page, line in LINES if page != "CONTRIBUTING.md"} <= {"redis-cli", "curl", "wsidecar", "scripts", "helm", "docker"}


def test_other_pages_have_tests_of_their_own():
    """What needs a browser, helm or kustomize is not run here."""
    tests = {"config/clients.md": "tests/interop/clients_page_test.py", "k8s/README.md": "tests/k8s/documents_test.py",
             "k8s/charts/wsidecar/README.md": "tests/k8s/documents_test.py", "k8s/charts/wsidecar-app/README.md": "tests/k8s/documents_test.py"}
    assert {page for page in pages() if page not in TRIED and list(blocks(page))} == set(tests)
    assert [page for page, test in tests.items() if page not in read(test)] == []
