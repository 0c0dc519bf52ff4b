"""Fixtures of the tests with real clients."""

import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from support.redis_server import Redis  # noqa: E402
from support.stompjs import Node  # noqa: E402
from support.world import World  # noqa: E402


@pytest.fixture(scope="session")
def redis_server():
    server = Redis()
    yield server
    server.close()


@pytest.fixture
def world(redis_server):
    w = World(redis_server)
    yield w
    w.close()


@pytest.fixture
def node(world):
    """Goes before the pods do: these then have nobody to wait for."""
    n = Node()
    yield n
    n.close()
