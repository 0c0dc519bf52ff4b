"""Spans by OTLP/HTTP (tracing.otlp): their links from the client to the app's log and from the app's envelope to the client, and a
collector that is away, slow or refusing."""

import json
import signal
import time

import pytest

from support.app import Answer, commands, text
from support.collector import Collector
from support.waiting import wait_until

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
ABOVE = f"00-{TRACE}-00f067aa0ba902b7-01"
UNSAMPLED = f"00-{TRACE}-00f067aa0ba902b7-00"


@pytest.fixture
def collector():
    c = Collector()
    yield c
    c.close()


def traced(world, collector, sample=0, **config):
    return world.pod(tracing={"otlp": collector.url, "sample": sample, "service": "shop-ws"}, **config)


def one(spans):
    assert len(spans) == 1, spans
    return spans[0]


def test_from_the_client_to_the_apps_log(world, collector):
    pod = traced(world, collector, sample=1)
    c = world.connect(pod, "alice", path="/ws/7?token=sesame", headers=[("traceparent", ABOVE), ("Cookie", "s=sesame")])
    handshake = one(collector.wait_spans(http_route="/ws/{rest...}"))
    event = one(collector.wait_spans(event_type="wsidecar.connect"))
    logged = pod.app.events("connect")[0].header("traceparent")  # what an app puts into its log
    assert handshake["traceId"] == event["traceId"] == TRACE
    assert handshake["parentSpanId"] == "00f067aa0ba902b7"
    assert event["parentSpanId"] == handshake["spanId"]
    assert logged == f"00-{TRACE}-{event['spanId']}-01"
    assert handshake["kind"] == 2 and event["kind"] == 3
    assert int(handshake["startTimeUnixNano"]) <= int(event["startTimeUnixNano"])
    assert int(event["endTimeUnixNano"]) <= int(handshake["endTimeUnixNano"])
    assert abs(int(handshake["endTimeUnixNano"]) / 1e9 - time.time()) < 30
    assert handshake["of"] == {"http.request.method": "GET", "http.route": "/ws/{rest...}", "url.path": "/ws/7", "url.scheme": "http",
                               "wsidecar.connection.id": c.id, "http.response.status_code": 101}
    assert event["of"]["cloudevents.event_id"] == f"{c.id}:0" and event["of"]["http.response.status_code"] == 204
    resource = collector.requests[0]["resource"]
    assert resource["service.name"] == "shop-ws"
    assert resource["service.instance.id"] == event["of"]["cloudevents.event_source"].rpartition("/")[2]
    assert "sesame" not in json.dumps(collector.requests) and "alice" not in json.dumps(collector.requests)


def test_a_later_event_is_a_trace_of_its_own_and_a_failure_is_marked(world, collector):
    pod = traced(world, collector, sample=1)
    c = world.connect(pod, "alice", headers=[("traceparent", ABOVE)])
    pod.app.answer(message=[Answer(503), text("yes"), Answer(500)])
    c.send("a secret")
    assert c.recv() == "yes"
    c.send("another secret")
    c.close()
    good, bad = collector.wait_spans(2, event_type="wsidecar.message")
    assert len({s["traceId"] for s in (good, bad)} | {TRACE}) == 3
    assert "parentSpanId" not in good and "parentSpanId" not in bad
    requests = pod.app.events("message")
    assert [r.header("traceparent") for r in requests[:2]] == [f"00-{good['traceId']}-{good['spanId']}-01"] * 2, "the same on a retry"
    assert good["of"]["http.request.resend_count"] == 1 and "status" not in good
    assert bad["of"]["error.type"] == "app_error" and bad["status"]["code"] == 2
    assert collector.wait_spans(event_type="wsidecar.disconnect")
    assert "secret" not in json.dumps(collector.requests)


def test_the_callers_decision_stands(world, collector):
    pod = traced(world, collector, sample=1)
    world.connect(pod, "alice", headers=[("traceparent", UNSAMPLED)])
    assert pod.app.events("connect")[0].header("traceparent").startswith(f"00-{TRACE}-")
    assert pod.app.events("connect")[0].header("traceparent").endswith("-00")
    world.connect(pod, "bob")  # sampled: sent later than alice's would have been
    collector.wait_spans(event_type="wsidecar.connect")
    assert not [s for s in collector.spans() if s["traceId"] == TRACE]


def test_a_client_cannot_have_itself_recorded(world, collector):
    pod = traced(world, collector)
    for _ in range(5):
        world.connect(pod, "alice", headers=[("traceparent", ABOVE)]).close()
    assert all(e.header("traceparent").endswith("-00") for e in pod.app.events("connect")), "nor the app's part of it"
    time.sleep(1.5)
    assert not collector.spans()


def test_a_proxy_that_decides_is_believed_where_the_configuration_says_so(world, collector):
    pod = world.pod(tracing={"otlp": collector.url, "sample": 0, "callers": "trust"})
    world.connect(pod, "alice", headers=[("traceparent", ABOVE)])
    assert one(collector.wait_spans(event_type="wsidecar.connect"))["traceId"] == TRACE
    stranger = world.pod(tracing={"otlp": collector.url, "sample": 0, "callers": "trust"}, trusted_proxies=["10.9.9.9"])
    world.connect(stranger, "bob", headers=[("traceparent", ABOVE)])
    assert stranger.app.events("connect")[0].header("traceparent").endswith("-00")


@pytest.mark.parametrize("door", ["list", "channel"])
def test_from_the_envelope_to_the_client(world, collector, door):
    pod = traced(world, collector)
    c = world.connect(pod, "alice")
    envelope = {"to": {"user": "alice"}, "text": "a secret", "id": "o-7", "traceparent": ABOVE}
    if door == "list":
        world.push(envelope)
    else:
        world.publish("push", json.dumps(envelope))
    assert c.recv() == "a secret"
    c.hears_nothing(0.2)  # and answers the ping
    push = one(collector.wait_spans(message_id="o-7"))
    assert push["traceId"] == TRACE and push["parentSpanId"] == "00f067aa0ba902b7" and push["kind"] == 5
    assert push["of"]["messaging.destination.name"] == (world.key("outbox") if door == "list" else "channel")
    assert push["of"]["wsidecar.connections"] == 1 and push["of"]["messaging.message.body.size"] == 8
    assert "secret" not in json.dumps(collector.requests)


def test_pushes_that_wait_in_the_mailbox_keep_their_trace(world, collector):
    pod = traced(world, collector)
    world.connect(pod, "alice").close()
    world.push({"to": {"user": "bob"}, "text": "kept", "id": "o-8", "mailbox": True, "traceparent": ABOVE})
    wait_until(lambda: pod.metric("wsidecar_mailbox_stored_total") == 1, what="the mailbox")
    c = world.connect(pod, "bob")
    assert c.recv() == "kept"
    c.hears_nothing(0.2)  # and answers the ping
    assert one(collector.wait_spans(message_id="o-8"))["parentSpanId"] == "00f067aa0ba902b7"


def test_wsidecars_own_canaries_are_no_spans(world, collector):
    pod = traced(world, collector, sample=1)
    world.connect(pod, "alice")
    collector.wait_spans(event_type="wsidecar.connect")
    time.sleep(3)  # a canary each 2 s
    assert {s["kind"] for s in collector.spans()} == {2, 3}


def test_many_spans_go_in_batches_and_none_is_lost(world, collector):
    pod = traced(world, collector, sample=1)
    c = world.connect(pod, "alice")
    for i in range(1500):
        world.publish("user:alice", str(i))
    for i in range(1500):
        assert c.recv() == str(i)
    collector.wait_spans(1500, system="redis")
    assert pod.metric("wsidecar_spans_dropped_total") == 0
    wait_until(lambda: pod.metric("wsidecar_spans_exported_total") == len(collector.spans()), what="the count of spans")


def test_a_collector_that_is_away_costs_a_counter_and_one_line(world):
    away = Collector()
    away.close()
    pod = traced(world, away, sample=1)
    c = world.connect(pod, "alice")
    for i in range(3000):
        world.publish("user:alice", str(i))
    for i in range(3000):
        assert c.recv() == str(i)
    wait_until(lambda: pod.metric("wsidecar_spans_dropped_total", reason="collector") >= 512, 10, "spans dropped")
    assert len(pod.logged(component="tracing")) == 1
    assert not [r for r in pod.logs if r.get("component") == "app" and r.get("level") == "warn"], "the app is well"
    back = Collector(port=away.port)
    try:
        world.publish("user:alice", "traced again")
        wait_until(lambda: back.spans(system="redis"), 10, "spans again")
    finally:
        back.close()


def test_a_collector_that_hangs_holds_one_request_and_the_queue_is_bounded(world):
    slow = Collector(delay=True)
    try:
        pod = traced(world, slow, sample=1)
        c = world.connect(pod, "alice")
        wait_until(lambda: slow.requests, 5, "a first request")
        for i in range(4000):
            world.publish("user:alice", str(i))
        for i in range(4000):
            assert c.recv() == str(i)
        assert len(slow.requests) == 1
        assert pod.metric("wsidecar_spans_dropped_total", reason="queue") >= 4000 - 2048 - 512
        slow.released.set()
        wait_until(lambda: pod.metric("wsidecar_spans_exported_total") >= 2048, 10, "what was queued")
    finally:
        slow.close()


def test_what_the_collector_refuses_is_not_sent_again(world):
    refusing = Collector(status=400)
    try:
        pod = traced(world, refusing, sample=1)
        world.connect(pod, "alice")
        wait_until(lambda: pod.metric("wsidecar_spans_dropped_total", reason="collector") >= 2, 6, "refused spans")
        time.sleep(1.5)
        assert len({s["spanId"] for s in refusing.spans()}) == len(refusing.spans())
    finally:
        refusing.close()


def test_the_last_spans_leave_with_the_drain(world, collector):
    pod = traced(world, collector, sample=1)
    c = world.connect(pod, "alice")
    pod.process.send_signal(signal.SIGTERM)
    assert c.until_closed()[1] == 1001
    assert pod.process.wait(10) == 0
    assert one(collector.spans(event_type="wsidecar.disconnect"))["of"]["http.response.status_code"] == 204


def test_a_reload_turns_it_on_and_off(world, collector):
    def reload(tracing):
        pod.config["tracing"] = tracing
        pod.write_config()
        before = pod.metric("wsidecar_config_reloads_total", result="done")
        pod.process.send_signal(signal.SIGHUP)
        wait_until(lambda: pod.metric("wsidecar_config_reloads_total", result="done") > before, what="the reload")

    pod = world.pod()
    world.connect(pod, "alice")
    reload({"otlp": collector.url, "sample": 1})
    world.connect(pod, "bob")
    assert collector.wait_spans(event_type="wsidecar.connect")
    reload({"otlp": ""})
    pod.app.answers["connect"] = commands(("Ws-User", "carol"))
    pod.connect().close()
    before = len(collector.spans())
    time.sleep(1.5)
    assert len(collector.spans()) == before
