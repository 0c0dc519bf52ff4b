"""What every folder of Python tests can use: a Redis, and a world of pods under a prefix of its own in it."""

import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

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
