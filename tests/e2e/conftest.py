"""Fixtures of the end-to-end tests."""

import contextlib

import pytest

from support.fault_proxy import FaultProxy
from support.redis_server import Redis
from support.world import World


@pytest.fixture(scope="module")
def shared(redis_server):
    """A world for all tests of a file that only look."""
    w = World(redis_server)
    yield w
    w.close()


@pytest.fixture
def own_redis():
    """Makes Redis servers that the test may break."""
    with contextlib.ExitStack() as made:
        yield lambda **options: made.enter_context(contextlib.closing(Redis(**options)))


@pytest.fixture
def proxy_to():
    """Makes proxies with faults: proxy_to(port)."""
    with contextlib.ExitStack() as made:
        yield lambda port: made.enter_context(contextlib.closing(FaultProxy(port)))
