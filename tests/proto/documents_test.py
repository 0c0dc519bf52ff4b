"""proto/*.json and *.yaml are well-formed, agree with the envelope table, and their examples hold."""

import base64
import json
import os
import re
import sys

import jsonschema
import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from support.documents import PROTO, _check, _resolve, document, validate_envelope  # noqa: E402

with open(os.path.join(os.path.dirname(__file__), "envelopes.json"), encoding="utf-8") as f:
    TABLE = json.load(f)


def once(pairs):
    """A JSON object whose members stand in it once."""
    assert len(dict(pairs)) == len(pairs), "repeated member"
    return dict(pairs)


def no_constant(name):
    raise AssertionError(f"{name} is no JSON")


def read(case):
    """The envelope of a row, as strict JSON in UTF-8; AssertionError where it is none."""
    if "envelope" in case:
        return case["envelope"]
    text = case["raw"].encode() if "raw" in case else base64.b64decode(case["base64"])
    try:
        value = json.loads(text.decode(), object_pairs_hook=once, parse_constant=no_constant)
        json.dumps(value, ensure_ascii=False).encode()  # no lone surrogates
        return value
    except ValueError as e:
        raise AssertionError(e) from e


# What a schema cannot say: limits in bytes, depth, and bits that base64's padding leaves over.
BEYOND_A_SCHEMA = {"binary with bits left over", "nested 66 levels deep", "name of 258 bytes in 129 characters",
                   "close reason of 126 bytes in 63 characters"}


@pytest.mark.parametrize("case", TABLE, ids=lambda c: c["name"])
def test_the_schema_says_of_an_envelope_what_the_table_says(case):
    if case["valid"]:
        validate_envelope(read(case))
    elif case["name"] not in BEYOND_A_SCHEMA:
        with pytest.raises(AssertionError):
            validate_envelope(read(case))


def test_the_table_has_each_member_taken_and_each_reason_refused():
    taken, refused = [c for c in TABLE if c["valid"]], [c for c in TABLE if not c["valid"]]
    assert len({c["name"] for c in TABLE}) == len(TABLE)
    members = set(document("envelope.schema.json")["$defs"]["push"]["properties"])
    assert members == {m for c in taken for m in c.get("envelope", {})}
    with open(os.path.join(PROTO, "envelope.hpp"), encoding="utf-8") as f:
        promised = re.search(r"Reasons: (.*?)\.", f.read().replace("\n/// ", " ")).group(1)
    assert set(re.sub(r" \(.*?\)", "", promised).split(", ")) == {c["reason"] for c in refused}


def schemas(node):
    """Every JSON Schema in an OpenAPI or AsyncAPI document."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key in ("schema", "payload") and isinstance(value, dict):
                yield value
            yield from schemas(value)
    elif isinstance(node, list):
        for value in node:
            yield from schemas(value)


@pytest.mark.parametrize("name", sorted(n for n in os.listdir(PROTO) if n.endswith((".json", ".yaml"))))
def test_each_document_holds_valid_schemas_and_references(name):
    root = document(name)
    for schema in schemas(root) if name.endswith(".yaml") else [root]:
        jsonschema.Draft202012Validator.check_schema(_resolve(schema, root))

    def follow(node):
        if isinstance(node, dict):
            if "$ref" in node:
                _resolve(node, root)
            for value in node.values():
                follow(value)
        elif isinstance(node, list):
            for value in node:
                follow(value)
    follow(root)


def test_the_examples_hold():
    for example in document("envelope.schema.json")["examples"]:
        validate_envelope(example)
    api = document("redis.asyncapi.yaml")
    for message in api["components"]["messages"].values():
        for example in message["examples"]:
            _check(example["payload"], _resolve(message["payload"], api))


EVERY = """ws-subprotocol ce-specversion ce-type ce-id ce-source ce-subject ce-time ce-connectionid ce-userid ws-state ws-attempt traceparent
ws-client-cert ws-transport webhook-id webhook-timestamp webhook-signature Idempotency-Key ce-sequence"""
OWN = {"connect": "ws-user-connections ws-subprotocols ws-stomp-headers", "message": "Content-Type ws-destination ws-stomp-headers", "disconnect": "ws-close-code ws-close-reason ws-reason ws-user-connections"}
COMMANDS = "Set-Cookie Ws-User Ws-Alias Ws-Join Ws-Leave Ws-History Ws-State Ws-Messages Ws-Close Ws-Subprotocol Ws-Destination"
STATUSES = {"connect": "2XX 3XX 4XX 429 503 504 5XX", "message": "2XX 3XX 401 4XX 429 500 502 503 504", "disconnect": "2XX 4XX 429 5XX"}


@pytest.mark.parametrize("event", OWN)
def test_each_event_has_its_headers_and_answers(event):
    api = document("events.openapi.yaml")
    post = api["webhooks"][event]["post"]
    parameters = [_resolve(p, api) for p in post["parameters"]]
    assert {p["name"] for p in parameters} == set(f"{EVERY} {OWN[event]}".split())
    for p in parameters:
        _check(p["example"], p["schema"])
    assert {str(s) for s in post["responses"]} == set(STATUSES[event].split())
    if event != "disconnect":
        commands = post["responses"]["2XX"]["headers"]
        assert set(commands) == set(COMMANDS.split())
        for command in commands.values():
            _check(command["example"], command["schema"])


def contents(node):
    """Every media type object with an example."""
    if isinstance(node, dict):
        if "schema" in node and "example" in node and "name" not in node:
            yield node
        for value in node.values():
            yield from contents(value)
    elif isinstance(node, list):
        for value in node:
            yield from contents(value)


def test_the_examples_of_bodies_hold():
    api = document("events.openapi.yaml")
    found = [c for c in contents(api)]
    assert len(found) > 5
    for c in found:
        _check(c["example"], _resolve(c["schema"], api))
    for schema in api["components"]["schemas"].values():
        for example in schema["examples"]:
            _check(example, schema)


def test_the_admin_paths_are_those_of_the_contract():
    paths = document("events.openapi.yaml")["paths"]
    assert set(paths) == {"/livez", "/startupz", "/readyz", "/metrics", "/connections", "/push", "/drain"}


def test_every_operation_of_the_redis_side_names_a_channel_with_a_known_message():
    api = document("redis.asyncapi.yaml")
    assert set(api["channels"]) == {"user", "alias", "group", "connection", "all", "push", "outbox", "rejected", "presence", "receipt"}
    assert {o["channel"]["$ref"] for o in api["operations"].values()} == {f"#/channels/{c}" for c in api["channels"]}
    for channel in api["channels"].values():
        assert set(re.findall(r"{(.*?)}", channel["address"])) == set(channel["parameters"])
        assert channel["messages"]


def test_the_channels_are_those_of_the_configuration():
    from support.pod import ROOT
    import yaml
    with open(os.path.join(ROOT, "config", "wsidecar.yaml"), encoding="utf-8") as f:
        kinds = set(yaml.safe_load(f)["channels"])
    assert kinds - set(document("redis.asyncapi.yaml")["channels"]) == {"destination"}  # with STOMP
