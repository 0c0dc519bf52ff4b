"""The alerts: each fires at what it is for, and only then; the README says what to do."""

import re

import pytest
import yaml

from k8s.tools import K8S, output

RULES = K8S / "alerts/wsidecar.yaml"
AT = 'job="shop",instance="a:9090",prefix="shop:"'
B = 'job="shop",instance="b:9090",prefix="shop:"'

# Two pods at work, for an hour of a sample a minute.
HEALTHY = {
    f"wsidecar_redis_up{{{AT}}}": "1x60", f"wsidecar_redis_up{{{B}}}": "1x60",
    f"wsidecar_app_up{{{AT}}}": "1x60", f"wsidecar_app_up{{{B}}}": "1x60",
    f"wsidecar_drain_state{{{AT}}}": "0x60", f"wsidecar_drain_state{{{B}}}": "0x60",
    f"wsidecar_router{{{AT}}}": "1x60", f"wsidecar_router{{{B}}}": "0x60",
    f"wsidecar_outbox_head_age_seconds{{{AT}}}": "1x60", f"wsidecar_outbox_head_age_seconds{{{B}}}": "0x60",
    f'wsidecar_undelivered_total{{{AT},reason="no_connection"}}': "0+10x60",  # nobody was there: the app's own business
    f'wsidecar_undelivered_total{{{AT},reason="queue"}}': "3x60",  # long ago
    f'wsidecar_rejected_total{{{AT},reason="bad_json"}}': "2x60",
    f"wsidecar_pubsub_gaps_total{{{AT}}}": "1x60",
    f'wsidecar_push_delivery_seconds_bucket{{{AT},le="0.1"}}': "0+600x60", f'wsidecar_push_delivery_seconds_bucket{{{AT},le="10"}}': "0+600x60",
    f'wsidecar_push_delivery_seconds_bucket{{{AT},le="+Inf"}}': "0+600x60",
    f'wsidecar_event_duration_seconds_bucket{{{AT},le="0.1"}}': "0+600x60", f'wsidecar_event_duration_seconds_bucket{{{AT},le="5"}}': "0+600x60",
    f'wsidecar_event_duration_seconds_bucket{{{AT},le="+Inf"}}': "0+600x60",
    f"wsidecar_app_requests_queued{{{AT}}}": "3x60", f"wsidecar_event_oldest_seconds{{{AT}}}": "2x60",
    f"wsidecar_connections{{{AT}}}": "5000x60", f'wsidecar_limit{{{AT},name="max_connections"}}': "50000x60",
    f'wsidecar_handshakes_total{{{AT},result="accepted"}}': "0+60x60", f'wsidecar_handshakes_total{{{AT},result="abandoned"}}': "0+60x60",
    f'wsidecar_handshakes_total{{{AT},result="draining"}}': "0+2x60",
    f"wsidecar_reaped_instances_total{{{AT}}}": "1x60", f'wsidecar_lease_lost_total{{{AT},finding="expired"}}': "1x60",
    f"wsidecar_loop_lag_seconds{{{AT}}}": "0.01x60", f"wsidecar_receipts_failed_total{{{AT}}}": "0x60",
    f'wsidecar_config_reloads_total{{{AT},result="refused"}}': "0x60", f'wsidecar_config_reloads_total{{{AT},result="done"}}': "0+1x60",
}
# What goes wrong at the 20th minute: over HEALTHY. The alert fires within `minutes` more.
NEW = "_x20 4x40"  # a series that was not there before
WRONG = {
    "WsidecarRedisDown": ({f"wsidecar_redis_up{{{B}}}": "1x19 0x40"}, 2),
    "WsidecarAppDown": ({f"wsidecar_app_up{{{AT}}}": "1x19 0x40"}, 3),
    "WsidecarNoRouter": ({f"wsidecar_router{{{AT}}}": "1x19 0x40"}, 2),
    "WsidecarOutboxLate": ({f"wsidecar_outbox_head_age_seconds{{{AT}}}": "1x19 45x40"}, 2),
    "WsidecarMessagesLost": ({f'wsidecar_undelivered_total{{{AT},reason="queue"}}': "3x19 5x40"}, 1),
    "WsidecarMessagesLost, its first": ({f'wsidecar_undelivered_total{{{B},reason="mailbox_full"}}': NEW}, 1),
    "WsidecarPushesExpire": ({f'wsidecar_undelivered_total{{{AT},reason="expired"}}': "0x19 0+5x40"}, 7),
    "WsidecarEnvelopesRejected": ({f'wsidecar_rejected_total{{{AT},reason="bad_json"}}': "2x19 3x40"}, 1),
    "WsidecarEnvelopesRejected, the first": ({f'wsidecar_rejected_total{{{AT},reason="no_target"}}': NEW}, 1),
    "WsidecarSubscriptionGap": ({f"wsidecar_pubsub_gaps_total{{{AT}}}": "1x19 2x40"}, 1),
    "WsidecarPushesSlow": ({f'wsidecar_push_delivery_seconds_bucket{{{AT},le="0.1"}}': "0+500x60"}, 6),
    "WsidecarAppSlow": ({f'wsidecar_event_duration_seconds_bucket{{{AT},le="0.1"}}': "0+500x60"}, 6),
    "WsidecarAppSlow, by its queue": ({f"wsidecar_app_requests_queued{{{AT}}}": "3x19 200x40"}, 6),
    "WsidecarEventsWait": ({f"wsidecar_event_oldest_seconds{{{AT}}}": "2x19 90x40"}, 2),
    "WsidecarNearlyFull": ({f"wsidecar_connections{{{AT}}}": "5000x19 45000x40"}, 6),
    "WsidecarHandshakesRefused": ({f'wsidecar_handshakes_total{{{AT},result="max_connections"}}': "0x19 0+60x40"}, 9),
    "WsidecarDrainStuck": ({f"wsidecar_drain_state{{{AT}}}": "0x19 1x40"}, 6),
    "WsidecarPodLost": ({f"wsidecar_reaped_instances_total{{{AT}}}": "1x19 2x40"}, 1),
    "WsidecarLeaseLost": ({f'wsidecar_lease_lost_total{{{AT},finding="expired"}}': "1x19 2x40"}, 1),
    "WsidecarLeaseLost, the first": ({f'wsidecar_lease_lost_total{{{AT},finding="data_lost"}}': NEW}, 1),
    "WsidecarLoopSlow": ({f"wsidecar_loop_lag_seconds{{{AT}}}": "0.01x19 0.3x40"}, 6),
    "WsidecarReloadRefused": ({f'wsidecar_config_reloads_total{{{AT},result="refused"}}': "0x19 1x40"}, 1),
    "WsidecarReceiptsFailed": ({f"wsidecar_receipts_failed_total{{{AT}}}": "0x19 1x40"}, 1),
}
# These look wrong and are not.
RIGHT = {
    "an app that ends behind its drain": {f"wsidecar_app_up{{{AT}}}": "1x19 0x40", f"wsidecar_drain_state{{{AT}}}": "0x19 2x40"},
    "a drain in its time": {f"wsidecar_drain_state{{{AT}}}": "0x19 1x2 2x40"},
    "the router's place taken over": {f"wsidecar_router{{{AT}}}": "1x19 0x40", f"wsidecar_router{{{B}}}": "0x19 1x40"},
    "pushes to nobody, the first": {f'wsidecar_undelivered_total{{{B},reason="no_connection"}}': NEW},
    "a new pod whose counters are still empty": {f'wsidecar_undelivered_total{{{B},reason="queue"}}': "_x20 0x40"},
}


def alerts():
    return [r for g in yaml.safe_load(RULES.read_text())["groups"] for r in g["rules"]]


def promtool(tmp_path, changes, minutes):
    """minute -> set of the alerts that fire then."""
    series = [{"series": s, "values": v} for s, v in (HEALTHY | changes).items()]
    path = tmp_path / "test.yaml"

    def asks(minute, expected):
        samples = [{"labels": f'{{alertname="{name}"}}', "value": 1} for name in sorted(expected)]
        return {"expr": 'group by (alertname) (ALERTS{alertstate="firing"})', "eval_time": f"{minute}m", "exp_samples": samples}
    path.write_text(yaml.safe_dump({"rule_files": [str(RULES)], "evaluation_interval": "1m",
                                    "tests": [{"interval": "1m", "input_series": series,
                                               "promql_expr_test": [asks(m, e) for m, e in minutes.items()]}]}, width=1000))
    return output("promtool", "test", "rules", path)


def test_promtool_takes_the_rules():
    assert f"SUCCESS: {len(alerts())} rules found" in output("promtool", "check", "rules", RULES)


def test_every_alert_is_tried():
    assert {name.split(",")[0] for name in WRONG} == {a["alert"] for a in alerts()}


def test_nothing_fires_while_all_is_well(tmp_path):
    promtool(tmp_path, {}, {m: set() for m in (15, 30, 59)})


@pytest.mark.parametrize("what", WRONG)
def test_fires(what, tmp_path):
    changes, minutes = WRONG[what]
    always = what in ("WsidecarPushesSlow", "WsidecarAppSlow")  # slow from the start
    promtool(tmp_path, changes, ({} if always else {19: set()}) | {20 + minutes: {what.split(",")[0]}})


@pytest.mark.parametrize("what", RIGHT)
def test_does_not_fire_at(what, tmp_path):
    promtool(tmp_path, RIGHT[what], {m: set() for m in (19, 21, 23, 26, 30, 40)})


def test_the_readme_has_a_line_for_every_alert():
    rows = re.findall(r"^\| `(Wsidecar\w+)` \| (.+) \|$", (K8S / "README.md").read_text(), re.M)
    assert [name for name, _ in rows] == [a["alert"] for a in alerts()]
    anchors = set(re.findall(r'<a id="(\w+)"></a>', (K8S / "README.md").read_text()))
    for a in alerts():
        page, anchor = a["annotations"]["runbook_url"].split("#")
        assert page == "https://wsidecar.example/k8s/README.md" and anchor == a["alert"].lower() and anchor in anchors


def test_each_alert_says_which_service_it_is_about():
    """Services may share a job (pods that are found by annotations): their prefixes tell them apart."""
    for a in alerts():
        assert "$labels.prefix" in a["annotations"]["summary"], a["alert"]
        for labels in re.findall(r"\bby \(([^)]*)\)", a["expr"]):
            assert {"namespace", "job", "prefix"} <= set(labels.split(", ")), a["alert"]


def test_one_service_of_two_without_a_router_is_told(tmp_path):
    other = 'wsidecar_router{job="shop",instance="c:9090",prefix="billing:"}'
    promtool(tmp_path, {other: "1x19 0x40"}, {19: set(), 22: {"WsidecarNoRouter"}})
