"""Fixtures of the tests with real clients."""

import pytest

from support.stompjs import Node


@pytest.fixture
def node(world):
    """Goes before the pods do: these then have nobody to wait for."""
    n = Node()
    yield n
    n.close()
