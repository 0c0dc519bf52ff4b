"""Orders in Redis streams, in each way that opsForStream() writes them: as maps, texts, objects of its hash mappers."""

import itertools
import json

import pytest

from support.spring import Browser
from support.waiting import wait_until

_ids = itertools.count(1001)


@pytest.fixture(scope="module")
def stage(make_stage):
    return make_stage("orders")


def test_an_order_arrives_however_it_was_written(stage):
    number = next(_ids)
    user = f"u{number}"  # of another generation's run she would get what that one had not confirmed
    here, there = (stage.connect(pod, f"/ws/orders/{user}") for pod in stage.pods)
    other = stage.connect(stage.pods[0], "/ws/orders/somebody")
    wait_until(lambda: all(stage.redis.exists(s["stream"]) for s in stage.config()["sources"] if "key_format" not in s), 5, "the groups")
    Browser().post(stage.replicas[1].port, "/orders", {"to": user, "id": number}, expect=200)
    text = {"userId": user, "id": number}
    # ObjectHashMapper writes numbers as text, and does not say which were.
    of_texts = {"id": str(number), "userId": user, "address": {"city": "杭州"},
                "items": [{"dish": "鱼香肉丝", "price": "28.0"}, {"dish": "rice", "price": "2.5"}]}
    typed = {"id": number, "userId": user, "address": {"city": "杭州"},
             "items": [{"dish": "鱼香肉丝", "price": 28.0}, {"dish": "rice", "price": 2.5}]}
    expected = sorted(json.dumps(x, sort_keys=True) for x in (text, text, of_texts, of_texts, of_texts, typed))
    for c in (here, there):
        assert sorted(json.dumps(json.loads(c.recv()), sort_keys=True) for _ in range(6)) == expected
    other.hears_nothing(0.2)
    assert not stage.redis.lrange("wsidecar:rejected", 0, -1)


def test_all_is_acknowledged_and_the_streams_stay(stage):
    streams = [s["stream"] for s in stage.config()["sources"] if "key_format" not in s]
    number = next(_ids)
    c = stage.connect(stage.pods[0], f"/ws/orders/u{number}")
    wait_until(lambda: all(stage.redis.exists(s) for s in streams), 5, "the groups")
    Browser().post(stage.replicas[0].port, "/orders", {"to": f"u{number}", "id": number}, expect=200)
    for _ in range(6):
        c.recv()
    for s in streams:
        assert stage.redis.xlen(s) > 0
        wait_until(lambda s=s: stage.redis.xpending(s, "wsidecar")["pending"] == 0, 3, f"{s} acknowledged")
