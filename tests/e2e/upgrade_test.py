"""Releases whose formats in Redis are neighbours mix; others do not start beside each other."""

import asyncio
import json

import pytest

from chaos.stage import Stage, play
from support.waiting import wait_until


def live_neighbour(world, format_number):
    """What an instance of another release leaves in Redis."""
    r = world.redis.client()
    r.hset(world.prefix + "instances", "other", json.dumps({"since": "2026-01-01T00:00:00Z", "format": format_number}))
    r.set(world.prefix + "lease:other", "1", px=30_000)


@pytest.mark.parametrize("format_number", [3, 2, 1])
def test_an_instance_starts_beside_its_own_format_and_the_neighbours(world, format_number):
    live_neighbour(world, format_number)
    pod = world.pod()
    assert pod.readyz()[1]["redis"] == "ok"


@pytest.mark.parametrize("format_number", [4, 0])
def test_an_instance_two_formats_away_says_so_and_exits_2(world, format_number):
    live_neighbour(world, format_number)
    pod = world.pod(wait="")
    pod.expected_exit = {2}
    assert pod.wait_exit(10) == 2
    said = pod.logged("the live instance other has", level="error")
    assert said and "format 2" in json.dumps(said) and str(format_number) in json.dumps(said)


def test_what_a_dead_instance_left_stops_nobody(world):
    live_neighbour(world, 7)
    world.redis.client().delete(world.prefix + "lease:other")
    pod = world.pod()
    wait_until(lambda: pod.readyz()[1]["redis"] == "ok", 5, "Redis")


@pytest.mark.slow
def test_a_rolling_upgrade_and_back_under_load_loses_and_repeats_nothing():
    stage = Stage(pods=3, clients=120, rate=400, seed=11)
    try:
        account = asyncio.run(play(stage, 14, [(1, "upgrade_pod", 0), (4, "upgrade_pod", 1), (6.5, "upgrade_pod", 2), (9, "downgrade_pod", 0)]))
        assert account.accepted > 0 and account.breaches() == [], account
        assert account.kept == 0 and account.repeated == 0, account
        about = stage.redis.client().hgetall(stage.prefix + "instances")
        assert {json.loads(v)["format"] for v in about.values()} == {2, 3}
    finally:
        stage.close()
