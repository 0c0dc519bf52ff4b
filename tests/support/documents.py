"""The machine-readable documents of proto/, as checks of real traffic."""

import datetime
import functools
import json
import os
import re

import jsonschema
import yaml

PROTO = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "proto")


@functools.lru_cache(None)
def document(name):
    with open(os.path.join(PROTO, name), encoding="utf-8") as f:
        return json.load(f) if name.endswith(".json") else yaml.safe_load(f)


FORMATS = jsonschema.FormatChecker()


@FORMATS.checks("date-time", raises=ValueError)
def _is_date_time(value):
    """RFC 3339; jsonschema's own check needs a package that may be absent, and then takes everything."""
    if isinstance(value, str):
        if not re.fullmatch(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", value, re.ASCII):
            return False
        datetime.datetime.fromisoformat(value[:10] + "T" + value[11:19])
    return True


def _resolve(node, root):
    while isinstance(node, dict) and "$ref" in node:
        ref = node["$ref"]
        if ref.startswith("./"):
            return document(ref[2:])
        node = root
        for part in ref.removeprefix("#/").split("/"):
            node = node[part]
    return node


def _check(value, schema):
    validator = jsonschema.Draft202012Validator(schema, format_checker=FORMATS)
    problems = [f"{'/'.join(map(str, e.absolute_path))}: {e.message}" for e in validator.iter_errors(value)]
    assert not problems, f"{problems} in {value!r}"


def validate_envelope(envelope):
    _check(envelope, document("envelope.schema.json"))


def validate_message(name, payload):
    """A payload of redis.asyncapi.yaml: `rejected`, `presence`."""
    api = document("redis.asyncapi.yaml")
    _check(payload, _resolve(api["components"]["messages"][name]["payload"], api))


def validate_event(request):
    """A request of the app stub against events.openapi.yaml: each header's form, and no ce-, ws- or webhook- header that is not there."""
    api = document("events.openapi.yaml")
    parameters = [_resolve(p, api) for p in api["webhooks"][request.type]["post"]["parameters"]]
    assert request.method == "POST"
    for p in parameters:
        values = request.all(p["name"])
        assert len(values) == 1 or (not values and not p["required"]), f"{p['name']}: {values}"
        for value in values:
            _check(value, p["schema"])
    known = {p["name"].lower() for p in parameters}
    for name, value in request.headers:
        low = name.lower()
        ours = low.startswith(("ce-", "ws-", "webhook-"))
        assert low in known or low.startswith("ws-path-") or not ours, name
        as_written = low.startswith("ws-path-") or low == "ws-state"  # bytes of the client's path or of the app
        if low.startswith(("ce-", "ws-", "webhook-", "stomp-")) and not as_written:
            assert all(" " <= c <= "~" for c in value), f"{name} is not percent-encoded: {value!r}"
    assert request.header("Idempotency-Key") == request.header("ce-id")
    connection, _, number = request.header("ce-id").rpartition(":")
    assert connection == request.header("ce-connectionid")
    assert number in ("end", request.header("ce-sequence"))
    signed = [request.header(f"webhook-{n}") is not None for n in ("id", "timestamp", "signature")]
    assert all(signed) or not any(signed), "signed in part"
    if request.type == "message":
        _check_body(request)
    else:
        assert not request.body, f"{request.type} with a body"


def _check_body(request):
    """A message event's body is what its Content-Type says, where that is wsidecar's own choice."""
    kind = request.header("Content-Type")
    if kind == "application/json":
        assert isinstance(json.loads(request.body), (dict, list)), request.body
    elif kind == "text/plain; charset=utf-8":
        request.body.decode()


def validate_admin(method, path, response):
    """An answer of the admin address against the schema of its path and status."""
    api = document("events.openapi.yaml")
    answers = api["paths"][path][method.lower()]["responses"]
    content = answers[response.status].get("content", {})
    kind = (response.header("Content-Type") or "").split(";")[0]
    if content:
        assert kind in content, f"{path} answers {kind}, the document says {list(content)}"
    if kind == "application/json" and content:
        _check(json.loads(response.body), _resolve(content[kind]["schema"], api))
