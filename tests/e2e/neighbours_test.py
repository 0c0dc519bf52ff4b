"""What becomes of one client is nothing to the others: the queue of one that was cut off in the middle of a frame is used again."""

import time

import pytest


@pytest.mark.parametrize("end", ["reset", "drop"])
def test_a_client_cut_off_in_the_middle_of_a_frame_spoils_nobodys_stream(world, end):
    pod = world.pod()
    bob = world.connect(pod, "bob")
    for _ in range(3):
        alice = world.connect(pod, "alice", rcvbuf=4096)
        world.publish("user:alice", "x" * 8_000_000)  # the kernel takes a part
        time.sleep(0.3)
        assert pod.metric("wsidecar_outbound_queue_bytes") > 0
        getattr(alice, end)()
        time.sleep(0.3)
        for text in ("short", "y" * 100_000, "z" * 9_000_000):
            world.publish("user:bob", text)
            assert bob.recv() == text
