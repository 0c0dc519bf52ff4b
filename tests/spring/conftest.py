"""Fixtures of the tests with real Spring Boot apps: each runs with both generations of Spring Boot.

Another app is a module of pom.xml, its wsidecar.yaml, and a test file whose `stage` is make_stage(NAME).
"""

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
    made = []

    def make(app, arguments=(), **config):
        made.append(Stage(generation, app, own_redis, arguments=arguments))
        return made[-1].start(**config)

    yield make
    for stage in made:
        stage.close()


@pytest.fixture(scope="module")
def make_kept(generation, own_redis):
    """make_kept(app, pods=True, arguments=...): the app with the library; `pods=False`: as it was, without wsidecar."""
    made = []

    def make(app, arguments=(), pods=True, replicas=2, sources="com.example.deleted", **config):
        made.append(KeptStage(generation, app, own_redis, replicas, pods, arguments, sources))
        return made[-1].start(**config)

    yield make
    for stage in made:
        stage.close()
