"""The pod runner itself: what a pod does wrong is seen."""

import contextlib
import time

import pytest

from k8s import images
from k8s.cluster import Cluster

NO_DRAIN = {"drain": {"delay": 0, "period": 0}}


def app(script):
    return {"app": {"image": images.APP, "pullPolicy": "Never", "command": ["sh", "-c", script]}}


@pytest.fixture
def cluster():
    with contextlib.ExitStack() as made:
        yield lambda *a, **how: made.enter_context(contextlib.closing(Cluster(*a, **how)))


def test_an_app_that_hears_no_sigterm_is_killed_when_the_grace_period_is_over(cluster):
    c = cluster(NO_DRAIN, app("trap '' TERM; while :; do sleep 1; done"), sidecar={"appStopSeconds": 0})
    pod = c.make()
    assert pod.spec["terminationGracePeriodSeconds"] == 25
    pod.terminate()
    assert pod.killed == ["app"] and pod.containers[0].exit == 137
    assert 25 <= pod.containers[0].ended_at - pod.terminating_at < 28
    assert pod.native[0].exit == 0  # it had drained, and its SIGTERM came last


def test_a_sidecar_that_does_not_start_stops_the_pod(cluster):
    c = cluster({"redis": {"url": "redis://redis:6379/0", "password_file": "/etc/wsidecar/nowhere"}}, app("sleep 600"),
                sidecar={"probes": {"startup": {"failureThreshold": 3}}})
    started = time.monotonic()
    with pytest.raises(AssertionError, match="startupProbe"):
        c.make()
    assert time.monotonic() - started < 10


def test_a_user_who_is_root_is_refused(cluster):
    c = cluster(NO_DRAIN, app("sleep 600"), sidecar={"securityContext": {"runAsNonRoot": True, "runAsUser": 0}})
    with pytest.raises(AssertionError, match="runAsNonRoot"):
        c.make()


def test_an_init_container_that_fails_keeps_the_app_from_starting(cluster):
    values = app("sleep 600") | {"initContainers": [{"name": "migrate", "image": images.APP, "command": ["false"], "securityContext": {"runAsUser": 10002}}]}
    with pytest.raises(AssertionError, match="migrate"):
        cluster(NO_DRAIN, values).make()


def test_a_pod_whose_app_never_listens_is_not_ready_and_its_sidecar_lives(cluster):
    pod = cluster(NO_DRAIN, app("sleep 600")).make()
    time.sleep(3)
    assert not pod.ready and pod.native[0].exit is None and pod.liveness_failures() == 0


def test_a_password_from_a_secret_reaches_redis(cluster):
    c = cluster(NO_DRAIN, app("python3 /app.py"), sidecar={"secrets": {"redisPassword": {"value": "geheim: \"x\""}}})
    c.redis.client().config_set("requirepass", 'geheim: "x"')
    c.make().wait_ready(20)
    assert c.redis.client(password='geheim: "x"').exists("shop:router") == 1
