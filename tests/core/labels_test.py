"""Labels that the code counts with are in their family from the start: increase() does not see a counter's first step else."""

import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def known(family):
    """The values that metrics.hpp presets for the family's one label."""
    text = (ROOT / "sidecar/core/metrics.hpp").read_text(encoding="utf-8")
    declared = re.search(r"family " + family + r"\{(.*?)\};", text, re.S).group(1)
    return set(re.findall(r'"([a-z_]+)"', declared[declared.rindex("{"):]))


def counted(*patterns):
    found = set()
    for file in (ROOT / "sidecar").rglob("*.[ch]pp"):
        text = file.read_text(encoding="utf-8")
        for pattern in patterns:
            for match in re.findall(pattern, text):
                found |= set(re.findall(r'"([a-z_]+)"', match))
    return found


def test_every_reason_of_an_undelivered_message_is_there_from_the_start():
    reasons = counted(r"undelivered\.at\(\{([^}]*)\}", r"not_sent\(([^;]*)\);", r"drop_queue\(([^;]*)\);", r"drop_inbound\(([^;]*)\);",
                      r"left_out\(conn, ([^;]*)\);", r"case event_outcome::(?!done|given_up)(\w+: return [^;]*);")
    reasons |= {"collapsed", "slow_consumer"}  # gateway.hpp
    assert len(reasons) > 15
    assert not reasons - known("undelivered")
