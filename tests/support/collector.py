"""A small OpenTelemetry collector: takes POST /v1/traces and holds every request to the JSON encoding of OTLP."""

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from support.waiting import wait_until

SPAN = {"traceId", "spanId", "parentSpanId", "flags", "name", "kind", "startTimeUnixNano", "endTimeUnixNano", "attributes", "status"}
NUMBER = re.compile(r"[0-9]{1,20}")


def attributes_of(record):
    """name -> value; each is one of the forms that AnyValue has."""
    out = {}
    for a in record["attributes"]:
        assert set(a) == {"key", "value"} and len(a["value"]) == 1, a
        (form, value), = a["value"].items()
        assert form in ("stringValue", "intValue"), a
        assert isinstance(value, str) and (form != "intValue" or re.fullmatch(r"-?[0-9]+", value)), a
        assert a["key"] not in out, f"{a['key']} twice"
        out[a["key"]] = value if form == "stringValue" else int(value)
    return out


def check_span(s):
    assert set(s) <= SPAN and set(s) >= SPAN - {"parentSpanId", "status"}, s
    assert re.fullmatch(r"[0-9a-f]{32}", s["traceId"]) and s["traceId"].strip("0"), s
    for key in ("spanId", "parentSpanId"):
        assert key not in s or re.fullmatch(r"[0-9a-f]{16}", s[key]) and s[key].strip("0"), s
    assert s["kind"] in (2, 3, 5) and s["flags"] & 1, s
    for key in ("startTimeUnixNano", "endTimeUnixNano"):
        assert isinstance(s[key], str) and NUMBER.fullmatch(s[key]), s
    assert int(s["startTimeUnixNano"]) <= int(s["endTimeUnixNano"]), s
    assert s.get("status", {"code": 2})["code"] == 2, s


class Collector:
    def __init__(self, status=200, port=0, delay=None):
        collector = self
        self.status, self.requests, self.faults = status, [], []
        self.released = threading.Event()
        if delay is None:
            self.released.set()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                try:
                    collector.take(self.path, self.headers, body)
                except (AssertionError, ValueError, KeyError) as e:
                    collector.faults.append(repr(e))
                collector.released.wait(30)
                self.send_response(collector.status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def take(self, path, headers, body):
        assert path == "/v1/traces" and headers["Content-Type"] == "application/json", (path, headers)
        resource, = json.loads(body)["resourceSpans"]
        scope, = resource["scopeSpans"]
        assert scope["scope"]["name"] == "wsidecar" and 1 <= len(scope["spans"]) <= 512
        for s in scope["spans"]:
            check_span(s)
            s["of"] = attributes_of(s)
        self.requests.append({"resource": attributes_of(resource["resource"]), "spans": scope["spans"]})

    def spans(self, **of):
        """Those with these attributes; event_type="wsidecar.connect" is cloudevents.event_type."""
        assert not self.faults, self.faults
        found = [s for r in list(self.requests) for s in r["spans"]]
        return [s for s in found if all(any(k.replace(".", "_").endswith(name) and v == value for k, v in s["of"].items())
                                        for name, value in of.items())]

    def wait_spans(self, count=1, timeout=6.0, **of):
        return wait_until(lambda: len(found := self.spans(**of)) >= count and found, timeout, f"{count} spans {of}")

    def close(self):
        self.released.set()
        self.server.shutdown()
        self.server.server_close()
        assert not self.faults, self.faults
