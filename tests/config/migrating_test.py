"""The migration guide shows code that is compiled and run: each block stands in one of the apps of tests/spring."""

import glob
import os
import re

import pytest

from support.markdown import lines_of, stands_in

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
APPS = os.path.join(ROOT, "tests", "spring")

with open(os.path.join(ROOT, "config", "migrating.md"), encoding="utf-8") as guide:
    GUIDE = guide.read()
BLOCKS = re.findall(r"^```(java|yaml)\n(.*?)^```$", GUIDE, re.S | re.M)


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


@pytest.mark.parametrize("language, block", BLOCKS, ids=[block.split("\n")[0].strip()[:50] for _, block in BLOCKS])
def test_each_block_of_the_guide_stands_in_an_app(language, block):
    paths = glob.glob(os.path.join(APPS, "**", f"*.{language}"), recursive=True)
    assert any(stands_in(block, path) for path in paths), block


def test_the_guide_shows_every_apps_configuration():
    for path in glob.glob(os.path.join(APPS, "*", "wsidecar.yaml")):
        shown = [line for line in lines_of(read(path)) if not line.startswith("app:")]
        assert any(lines_of(block) == shown for language, block in BLOCKS if language == "yaml"), path


def test_the_guide_counts_the_lines_as_they_are():
    def count(app, folder):
        texts = [read(p) for p in glob.glob(os.path.join(APPS, app, folder, "*.java"))]
        return sum(not line.startswith(("import ", "package ")) for text in texts for line in lines_of(text))

    rows = re.findall(r"^\| \[(\w+)\]\(\S+\): .* \| (\d+) \| (\d+) \|$", GUIDE, re.M)
    assert len(rows) == 5
    assert rows == [(app, str(count(app, "deleted")), str(count(app, "added"))) for app, *_ in rows]


def test_what_the_guide_names_as_deleted_is_what_the_apps_delete():
    for path in glob.glob(os.path.join(APPS, "*", "deleted", "*.java")):
        assert f"`{os.path.basename(path)[:-5]}`" in GUIDE, path


def test_the_methods_of_the_stomp_app_have_the_bodies_that_they_had():
    def bodies(folder):
        text = read(os.path.join(APPS, "stomp", folder, "ChatController.java"))
        return dict(re.findall(r"^    (?!public )[\w<>]+ (\w+)\([^{]*\{\n(.*?)^    \}$", text, re.S | re.M))

    assert set(bodies("deleted")) == {"say", "ask", "last", "note", "rooms", "refused"}
    assert bodies("added") == bodies("deleted")
