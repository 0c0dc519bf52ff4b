"""The reasons of undelivered messages are explained where users look for them."""

import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def test_every_reason_of_an_undelivered_message_is_in_the_table():
    header = (ROOT / "sidecar/core/undelivered_reason.hpp").read_text(encoding="utf-8")
    words = set(re.findall(r'"([a-z_]+)"', header[header.index("undelivered_words{"):header.index("static_assert")]))
    readme = (ROOT / "proto/README.md").read_text(encoding="utf-8")
    table = readme[readme.index("| reason | meaning |"):]
    table = table[:table.index("\n\n")] if "\n\n" in table else table
    explained = {word for line in table.splitlines() for word in re.findall(r"`([a-z_]+)`", line.split("|")[1])}
    assert len(words) > 30
    assert words == explained
