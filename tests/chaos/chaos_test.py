"""The short form of scripts/chaos: every push that Redis accepted arrives, whatever is killed on the way."""

import asyncio
import contextlib
import time

import pytest

from chaos.stage import Stage, play
from chaos.wide_stage import WideStage, play_wide

SAFE_REDIS = {"appendonly": "yes", "appendfsync": "always"}


@pytest.fixture
def stage():
    usual = {"pods": 3, "clients": 120, "rate": 400, "seed": 7}
    with contextlib.ExitStack() as made:
        yield lambda **options: made.enter_context(contextlib.closing(Stage(**{**usual, **options})))


def nothing_lost(stage, seconds, faults, repeats=True, left=0):
    account = asyncio.run(play(stage, seconds, faults))
    print(account)
    assert account.accepted > 0 and account.breaches() == [], f"{account}; faults: {stage.ledger.faults}"
    assert account.kept == 0, account
    assert len(stage.redis.client().lrange(stage.prefix + "rejected", 0, -1)) == left
    if not repeats:
        assert account.repeated == 0, account
    return account


@pytest.mark.slow
def test_wsidecars_are_killed_and_replaced(stage):
    s = stage(lease="1s")
    nothing_lost(s, 8, [(1, "kill_pod"), (3.5, "kill_pod"), (6, "kill_pod")])

    def all_ended():
        events = s.events()
        return not events["open"] and not events["unknown"] and events
    end = time.monotonic() + 20
    while not all_ended():
        assert time.monotonic() < end, f"connections without a disconnect event: {s.events()}"
        time.sleep(0.2)


@pytest.mark.slow
def test_redis_is_killed_and_comes_back_with_its_data(stage):
    nothing_lost(stage(redis_options=SAFE_REDIS), 7, [(1.5, "kill_redis", 0.5), (4.5, "kill_redis", 0.2)])


@pytest.mark.slow
def test_clients_lose_their_network(stage):
    nothing_lost(stage(), 5, [(t, "cut_clients", 0.4) for t in (1, 2, 3, 4)])


@pytest.mark.slow
def test_a_pod_stands_still_for_longer_than_its_lease(stage):
    nothing_lost(stage(lease="1s"), 9, [(4, "freeze_pod", 4.0)])


@pytest.mark.slow
def test_clients_vanish_without_a_word(stage):
    nothing_lost(stage(config={"ping": "1s", "pong_timeout": "1s"}), 7, [(1, "silence_clients", 0.3), (4, "silence_clients", 0.3)])


@pytest.mark.slow
def test_clients_that_never_read_cost_the_others_nothing(stage):
    s = stage(rate=1500, config={"limits": {"queue": "32KiB", "sndbuf": "8KiB"}})
    account = nothing_lost(s, 6, [(1, "silence_clients", 0.1), (3, "silence_clients", 0.1)])
    assert account.received >= account.accepted


@pytest.mark.slow
def test_garbage_in_the_outbox_stops_nothing(stage):
    s = stage()
    nothing_lost(s, 4, [(1, "write_garbage"), (2, "write_garbage")], repeats=False, left=400)


@pytest.mark.slow
def test_leases_deleted_and_data_lost_heal_by_themselves(stage):
    nothing_lost(stage(lease="1s"), 8, [(1, "delete_leases"), (3, "flush_redis"), (6, "delete_leases")])


@pytest.mark.slow
def test_the_app_restarts_and_no_client_notices(stage):
    s = stage(pods=2)
    nothing_lost(s, 5, [(1, "kill_app"), (3, "kill_app")], repeats=False)
    assert all(c.dials == 0 for c in s.fleet.clients)


@pytest.mark.slow
def test_a_rolling_update_repeats_nothing(stage):
    nothing_lost(stage(pods=2), 6, [(1, "replace_pod"), (4, "replace_pod")], repeats=False)


@pytest.mark.slow
def test_all_doors_and_addresses_while_pods_die_and_redis_goes_back_in_time():
    """The short form of scripts/chaos' wide form."""
    faults = [(1, "cut_clients"), (2, "kill_pod"), (4, "lose_answer"), (8, "step_clock"), (9, "fail_over")]
    s = WideStage(3, 60, 80, 7, [name for _, name in faults], lease=1)
    try:
        account = asyncio.run(play_wide(s, 12, faults, settle=30))
    finally:
        s.close()
    assert account.accepted > 500 and account.received > account.accepted, account
    assert account.breaches() == [], f"{account}; faults: {s.ledger.faults}"
