"""Fixtures of the end-to-end tests."""

import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from support.fault_proxy import FaultProxy  # noqa: E402
from support.redis_server import Redis  # noqa: E402
from support.world import World  # noqa: E402


@pytest.fixture(scope="session")
def redis_server():
    """One for a whole worker; each test has a prefix of its own in it."""
    server = Redis()
    yield server
    server.close()


@pytest.fixture
def world(redis_server):
    w = World(redis_server)
    yield w
    w.close()


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
