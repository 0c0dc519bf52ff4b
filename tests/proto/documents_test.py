"""proto/*.json and *.yaml are well-formed, agree with the envelope table, and their examples hold."""

import json
import os
import sys

import jsonschema
import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from support.documents import PROTO, _check, _resolve, document, validate_envelope  # noqa: E402

with open(os.path.join(os.path.dirname(__file__), "envelopes.json"), encoding="utf-8") as f:
    TABLE = json.load(f)


@pytest.mark.parametrize("case", TABLE, ids=lambda c: c["name"])
def test_the_schema_says_of_an_envelope_what_the_table_says(case):
    if case["valid"]:
        validate_envelope(case["envelope"])
    else:
        with pytest.raises(AssertionError):
            validate_envelope(case["envelope"])


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


def test_the_channels_are_those_of_the_configuration():
    from support.pod import ROOT
    import yaml
    with open(os.path.join(ROOT, "config", "wsidecar.yaml"), encoding="utf-8") as f:
        kinds = set(yaml.safe_load(f)["channels"])
    assert kinds - set(document("redis.asyncapi.yaml")["channels"]) == {"destination"}  # with STOMP
