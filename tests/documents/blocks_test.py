"""What the documents show is what happens: configurations are valid, events and payloads are those of real traffic, Java is an app's,
and the names of settings, metrics and reasons exist."""

import glob
import json
import os
import re
import time

import pytest
import redis
import yaml

from support.app import commands, text
from support.documents import validate_envelope, validate_event, validate_message
from support.markdown import ROOT, TRIED, blocks, code_spans, lines_of, read, stands_in
from support.pod import run
from support.redis_server import Redis
from support.tokens import Key, key_set, openssl
from support.waiting import wait_until


def of(language):
    return [b for page in TRIED for b in blocks(page) if b.language == language]


# ------------------------------------------------------------------------------------------------------------ configuration


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The files that configurations of the documents name."""
    folder = tmp_path_factory.mktemp("files")
    for name in ("tls", "keys", "secrets"):
        (folder / name).mkdir()
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", str(folder / "tls/tls.key"),
            "-out", str(folder / "tls/tls.crt"), "-days", "2", "-subj", "/CN=shop.example")
    (folder / "tls/ca.crt").write_bytes((folder / "tls/tls.crt").read_bytes())
    (folder / "keys/jwks.json").write_text(key_set(Key(folder, "ES256", "k")))
    (folder / "secrets/push").write_text("0123456789abcdef0123456789abcdef\n")
    return folder


OF_OTHERS = ("http_connection_manager", "service.beta.kubernetes.io")  # config/proxies.md: Envoy's and AWS' own configuration


@pytest.mark.parametrize("block", of("yaml"), ids=str)
def test_a_configuration_is_valid(block, files, tmp_path):
    if block.text.startswith(OF_OTHERS):
        assert yaml.safe_load(block.text)
        return
    path = tmp_path / "wsidecar.yaml"
    path.write_text(re.sub(r"(?<=[ :])/(tls|keys|secrets)/", rf"{files}/\1/", block.text))
    r = run("check", "--config", str(path))
    assert r.returncode == 0, r.stderr


def settings():
    """Every setting, and every section of settings, by its path."""
    def walk(properties, above):
        for name, node in properties.items():
            yield above + name
            yield from walk(node.get("properties") or node.get("items", {}).get("properties") or {}, above + name + ".")
    found = set(walk(json.loads(read("config/wsidecar.schema.json"))["properties"], ""))
    return found | {s.partition(".")[2] for s in found if s.startswith(("routes.", "sources."))}


def test_settings_that_the_text_names_exist():
    known = settings()
    sections = {s.partition(".")[0] for s in known if "." in s} - {"path", "to", "except"}
    unknown = []
    for page in TRIED:
        for span in code_spans(page):
            name = re.fullmatch(r"((?:\w+\.)+\w+)(?:: .*)?", span)
            if name and name[1].split(".")[0] in sections and not name[1].endswith((".yaml", ".md", ".java", ".hpp", ".py", ".json")):
                unknown += [(page, span)] if name[1] not in known else []
    assert unknown == []


# ------------------------------------------------------------------------------------------------------------------ events


def head_and_body(block):
    head, _, body = block.text.rstrip("\n").partition("\n\n")
    lines = head.splitlines()
    return lines[0], [tuple(line.split(": ", 1)) for line in lines[1:]], body


VARYING = {  # what is another one each time, and its form
    "ce-id": r"[a-z0-9]{20}:\d+", "Idempotency-Key": r"[a-z0-9]{20}:\d+", "ce-source": r"/wsidecar/shop-1-[0-9a-f]{8}",
    "ce-time": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", "ce-connectionid": r"[a-z0-9]{20}", "traceparent": r"00-[0-9a-f]{32}-[0-9a-f]{16}-01"}


@pytest.fixture
def exchanged(world):
    """A connect and a message event as the documents have them, and what the client was answered."""
    pod = world.pod(name="shop-1", routes=[{"path": "/ws/{rest...}"}], origins="*")
    pod.app.answer(connect=commands(("Ws-User", "alice")), message=lambda r: text("thanks"))
    c = pod.connect("/ws/orders", [("Cookie", "SESSION=4711"), ("Origin", "http://shop.example"), ("User-Agent", "Mozilla/5.0")])
    c.send('{"dish":"noodles"}')
    assert c.recv() == "thanks"
    c.close()
    return {e.type: e for e in (pod.app.wait_event("connect"), pod.app.wait_event("message"))}


def test_the_events_of_the_wire_are_what_an_app_gets(exchanged):
    shown = [b for b in of("http") if b.page == "proto/README.md"]
    assert len(shown) == 2
    for block in shown:
        first, headers, body = head_and_body(block)
        event = exchanged[dict(headers)["ce-type"].removeprefix("wsidecar.")]
        validate_event(event)
        assert first == f"{event.method} {event.target} HTTP/1.1" and body == event.text
        assert [n for n, _ in headers] == [n for n, _ in event.headers]
        for (name, said), (_, got) in zip(headers, event.headers):
            form = VARYING.get(name)
            assert re.fullmatch(form, said) and re.fullmatch(form, got) if form else said == got, name
        about = dict(headers)
        assert about["ce-id"] == about["Idempotency-Key"] and about["ce-id"].startswith(about["ce-connectionid"] + ":")


def test_the_event_of_the_first_page_is_a_part_of_one(exchanged):
    (block,) = [b for b in of("http") if b.page == "README.md"]
    first, headers, body = head_and_body(block)
    event = exchanged["message"]
    assert first == f"{event.method} {event.target} HTTP/1.1" and body == event.text
    assert set(headers) <= set(event.headers)


# ----------------------------------------------------------------------------------------------------------------- payloads


def payload(page, member):
    (found,) = [json.loads(b.text) for b in of("json") if b.page == page and member in json.loads(b.text)]
    return found


def test_the_envelope_of_the_wire_is_delivered(world):
    envelope = payload("proto/README.md", "to")
    validate_envelope(envelope)
    pod = world.pod()
    bob, alice = (world.connect(pod, user=name, join=["table-7"]) for name in ("bob", "alice"))
    world.push(envelope, {"to": {"user": "bob"}, "text": "end"})
    assert json.loads(alice.recv()) == envelope["json"]
    assert bob.recv() == "end"


def test_the_receipt_of_the_wire_is_one(world):
    shown = payload("proto/README.md", "outcome")
    validate_message("receipt", shown)
    pod = world.pod()
    alice = world.connect(pod, user="alice")
    world.push({"to": {"user": "alice"}, "text": "x", "id": shown["id"], "receipt": world.key("receipts:orders")})
    alice.recv()

    def receipts():
        alice.hears_nothing(0.05)  # but the ping behind the push, which it answers
        return world.redis.lrange(world.key("receipts:orders"), 0, -1)
    got = json.loads(wait_until(receipts, 5, "the receipt")[0])
    assert set(got) == set(shown) and (got["id"], got["user"], got["outcome"]) == (shown["id"], shown["user"], shown["outcome"])


def test_the_presence_of_the_wire_is_one(world):
    shown = payload("proto/README.md", "instance")
    validate_message("presence", shown)
    pod = world.pod()
    world.connect(pod, user="alice", path="/ws/orders")
    (got,) = wait_until(lambda: world.presence("alice"), 5, "the entry").values()
    assert set(got) == set(shown) and got["path"] == shown["path"]


def test_all_payloads_of_the_documents_are_tried():
    assert [sorted(json.loads(b.text))[0] for b in of("json")] == ["except", "instance", "connection"]


# ------------------------------------------------------------------------------------------------------------ Java and nginx


@pytest.mark.parametrize("block", of("java"), ids=str)
def test_java_stands_in_an_app(block):
    apps = glob.glob(os.path.join(ROOT, "tests", "spring", "**", "*.java"), recursive=True)
    assert any(stands_in(block.text, path) for path in apps)


def test_the_source_of_the_first_page_is_that_of_the_app_beside_it():
    (block,) = [b for b in of("yaml") if b.page == "README.md"]
    assert stands_in(block.text, "tests/spring/notice/wsidecar.yaml")


def test_pages_of_the_tests_read_their_nginx_and_haproxy_here():
    """They are run by tests/e2e/proxies_test.py and tests/e2e/sockjs_test.py."""
    assert {b.page for b in of("nginx")} == {"config/proxies.md", "proto/README.md"} and {b.page for b in of("haproxy")} == {"config/proxies.md"}
    assert '"proxies.md"' in read("tests/e2e/proxies_test.py") and "proto/README.md" in read("tests/e2e/sockjs_test.py")


def rights_of_documents():
    return [b.text.strip() for b in blocks("sidecar/operating.md") if b.language == ""]


def test_an_app_that_only_pushes_may_push_and_nothing_else():
    (rights,) = [b for b in rights_of_documents() if "+@scripting" not in b]
    server = Redis(acl=[f"app on >secret {rights}"])
    try:
        app = redis.Redis(port=server.port, username="app", password="secret")
        assert app.rpush("wsidecar:outbox", "{}") == 1 and app.publish("wsidecar:push", "{}") == 0
        for refused in (["LRANGE", "wsidecar:outbox", "0", "-1"], ["RPUSH", "wsidecar:inbox:a", "x"], ["PUBLISH", "wsidecar:user:alice", "x"],
                        ["DEL", "wsidecar:outbox"]):
            with pytest.raises(redis.exceptions.NoPermissionError):
                app.execute_command(*refused)
    finally:
        server.close()


@pytest.fixture
def restricted():
    (rights,) = [b for b in rights_of_documents() if "+@scripting" in b]
    server = Redis(acl=[f"sidecar on >secret {rights}"])
    yield server
    server.close()


def test_the_permissions_of_the_documents_are_enough(world, restricted):
    server = world.redis_server = restricted
    world._redis, world.prefix = server.client(), "wsidecar:"
    world.config = {"redis": {"url": f"redis://sidecar:secret@127.0.0.1:{server.port}/0"}, "lease": "1s"}
    a, b = world.pod(), world.pod()
    assert not a.logged("NOPERM"), a.logged("NOPERM")
    alice, bob = world.connect(a, user="alice", join=["g"]), world.connect(b, user="bob", join=["g"], auto_pong=False)
    world.push({"to": {"group": "g"}, "text": "1"}, {"to": {"user": "carol"}, "text": "2", "mailbox": True})
    assert alice.recv() == bob.recv() == "1"
    assert world.publish("all", "3") == 2
    assert alice.recv() == "3"
    time.sleep(2.5)
    b.kill()
    wait_until(lambda: a.metric("wsidecar_reaped_instances_total") == 1, 8, "the takeover")
    assert world.connect(a, user="bob", join=["g"]).recv() == "1"
    assert world.connect(a, user="carol").recv() == "2"
    assert not a.logged("NOPERM"), a.logged("NOPERM")


# -------------------------------------------------------------------------------------------------------- names and figures


def test_metrics_that_the_text_names_exist(world):
    pod = world.pod()
    known = {line.split()[2] for line in pod.get("/metrics").text.splitlines() if line.startswith("# TYPE")}
    named = {(page, m) for page in TRIED for span in code_spans(page) for m in re.findall(r"\bwsidecar_[a-z_]+", span)}
    assert {n for n in named if n[1] not in known and n[1] not in ("wsidecar_limit",)} == set()


def test_each_reason_is_explained():
    """A reason that is new in sidecar/core/undelivered_reason.hpp has to be in the table of proto/README.md."""
    words = re.search(r"undelivered_words\{(.*?)\};", read("sidecar/core/undelivered_reason.hpp"), re.S)[1]
    known = set(re.findall(r'"([a-z_]+)"', words))
    table = read("proto/README.md").split("## Reasons")[1]
    explained = {r for cell in re.findall(r"^\| (`.*?`) \|", table, re.M) for r in re.findall(r"`(\w+)`", cell)}
    assert explained == known


def test_the_first_page_has_the_figures_of_the_benchmark():
    measured = read("tests/bench/README.md")
    costs = read("README.md").split("## What it costs")[1].split("\n## ")[0]
    figures = re.findall(r"\d{2,3},\d00\b(?! connections)", costs)
    assert len(figures) >= 9
    for figure in figures:
        n = int(figure.replace(",", "")) / 1000
        assert f"| {n:g}k |" in measured, figure


def test_the_maven_dependency_is_one_of_the_library():
    (block,) = [b for b in blocks("config/migrating.md") if b.language == "xml"]
    artifact, number = (re.search(rf"<{tag}>([^<]+)</{tag}>", block.text)[1] for tag in ("artifactId", "version"))
    modules = {m[1] for p in glob.glob(os.path.join(ROOT, "sidecar/java/*/pom.xml"))
               for m in re.finditer(r"<artifactId>(wsidecar-(?!parent)[^<]+)</artifactId>", read(os.path.relpath(p, ROOT)))}
    assert {artifact, re.search(r"Spring Boot 2.7: (\S+),", block.text)[1]} <= modules
    assert number == re.search(r"^project\(wsidecar VERSION (\S+)", read("CMakeLists.txt"), re.M)[1]


def test_the_version_is_one():
    number = re.search(r"^project\(wsidecar VERSION (\S+)", read("CMakeLists.txt"), re.M)[1]
    assert run("version").stdout == f"wsidecar {number}\n"
    released = re.findall(r"^## \[(\d+\.\d+\.\d+)\] - (\d{4}-\d\d-\d\d)$", read("CHANGELOG.md"), re.M)
    assert released[0][0] == number
    assert f"**Status:** {number}." in read("README.md")


def test_the_changelog_has_the_form_of_keep_a_changelog():
    kinds = re.findall(r"^### (.+)$", read("CHANGELOG.md"), re.M)
    assert set(kinds) - {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"} == {k for k in kinds if k.startswith("Upgrading from ")}
    assert read("CHANGELOG.md").index("## [Unreleased]") < read("CHANGELOG.md").index("## [0.2.0]")


def test_lines_of_says_what_it_should():
    assert lines_of("a: 1   # why\n\n# only a comment\n    b(); // c\n") == ["a: 1", "b();"]
