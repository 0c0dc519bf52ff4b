"""Fixtures of the end-to-end tests."""

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
    made = []

    def make(**options):
        made.append(Redis(**options))
        return made[-1]

    yield make
    for server in made:
        server.close()


@pytest.fixture
def proxy_to():
    """Makes proxies with faults: proxy_to(port)."""
    made = []

    def make(port):
        made.append(FaultProxy(port))
        return made[-1]

    yield make
    for proxy in made:
        proxy.close()
