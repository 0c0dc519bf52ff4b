"""Waiting for what must come to pass, instead of sleeping."""

import time


def wait_until(condition, timeout=5.0, what=None, step=0.01):
    """Calls `condition` until it gives something true, and returns that."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout} s: {what or condition}")
        time.sleep(step)


def stays(condition, seconds=0.3, what=None, step=0.02):
    """Fails when `condition` stops being true within the time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert condition(), f"did not stay so for {seconds} s: {what or condition}"
        time.sleep(step)
