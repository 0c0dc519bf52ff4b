"""Fixtures of the tests with real Spring Boot apps: each runs with both generations of Spring Boot.

Another app is a module of pom.xml, its wsidecar.yaml, and a test file whose `stage` is make_stage(NAME).
"""

import contextlib
import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from support.redis_server import Redis  # noqa: E402
from support.kept import KeptStage  # noqa: E402
from support.spring import Stage, build  # noqa: E402


@pytest.fixture(scope="module", params=["boot2", "boot3"])
def generation(request):
    build(request.param)
    return request.param


@pytest.fixture(scope="module")
def own_redis(generation):
    """One for each generation: what waits for a user of the one is not for the other's."""
    server = Redis()
    yield server
    server.close()


@pytest.fixture(scope="module")
def make_stage(generation, own_redis):
    """make_stage(app, arguments=...): two replicas with their wsidecars, for all tests of a file."""
    with contextlib.ExitStack() as made:
        yield lambda app, arguments=(), **config: made.enter_context(
            contextlib.closing(Stage(generation, app, own_redis, arguments=arguments))).start(**config)


@pytest.fixture(scope="module")
def make_kept(generation, own_redis):
    """make_kept(app, pods=True, arguments=...): the app with the library; `pods=False`: as it was, without wsidecar."""
    with contextlib.ExitStack() as made:
        def make(app, arguments=(), pods=True, replicas=2, sources="com.example.deleted", **config):
            stage = KeptStage(generation, app, own_redis, replicas, pods, arguments, sources)
            return made.enter_context(contextlib.closing(stage)).start(**config)

        yield make
