"""Every link of the documents leads somewhere, and so does every page that the program, the charts and the comments name."""

import os
import re
import subprocess

import pytest

from support.markdown import ROOT, anchors, blocks, links, pages, read

PAGES = pages()


def problem(page, target):
    """What is wrong with a link, seen from the page; None: nothing."""
    path, _, anchor = target.partition("#")
    path = os.path.normpath(os.path.join(os.path.dirname(page), path)) if path else page
    if not os.path.exists(os.path.join(ROOT, path)):
        return f"{target}: there is no {path}"
    if anchor and path.endswith(".md") and anchor not in anchors(path):
        return f"{target}: {path} has no such heading"
    return None


def test_there_are_pages():
    assert {"README.md", "config/README.md", "proto/README.md", "sidecar/README.md", "tests/bench/README.md"} <= set(PAGES)


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    found = [t for t in links(page) if not re.match(r"[a-z]+:", t)]
    assert [p for t in found if (p := problem(page, t))] == []


@pytest.mark.parametrize("page", PAGES)
def test_links_to_the_web_are_https(page):
    outside = [t for t in links(page) if re.match(r"[a-z]+:", t)]
    assert [t for t in outside if not t.startswith(("https://", "http://localhost", "http://127.0.0.1", "mailto:"))] == []


@pytest.mark.parametrize("page", PAGES)
def test_headings_of_a_page_have_anchors_of_their_own(page):
    assert [a for a in anchors(page) if re.search(r"-\d+$", a) and re.sub(r"-\d+$", "", a) in anchors(page)] == []


def named_pages():
    """(file, page with an anchor or without) of each page that something other than a document names."""
    files = subprocess.run(["grep", "-rIlE", r"[a-z0-9/_-]+\.md", *(os.path.join(ROOT, d) for d in ("sidecar", "config", "proto", "k8s", "scripts"))],
                           capture_output=True, text=True, check=True).stdout.split()
    for file in files:
        if not file.endswith(".md"):
            for name in re.findall(r"(?<![\w./-])((?:\w[\w-]*/)+\w+\.md(?:#[\w-]+)?|[A-Z]+\.md)", read(file)):
                yield os.path.relpath(file, ROOT), name


@pytest.mark.parametrize("file, name", sorted(set(named_pages())))
def test_pages_that_code_and_charts_name_are_there(file, name):
    beside = problem(file, name)
    assert beside is None or problem("README.md", name) is None, f"{file} names {name}: {beside}"


def test_the_first_page_is_short_and_leads_to_all_others():
    assert read("README.md").count("\n") <= 250
    reached, left = set(), ["README.md"]
    while left:
        page = left.pop()
        reached.add(page)
        for target in links(page):
            path = os.path.normpath(os.path.join(os.path.dirname(page), target.partition("#")[0]))
            path = os.path.join(path, "README.md") if os.path.isdir(os.path.join(ROOT, path)) else path
            if path in PAGES and path not in reached:
                left.append(path)
    assert set(PAGES) - reached == set()


def test_no_block_is_left_open():
    for page in PAGES:
        fences = len(re.findall(r"^ *```", read(page), re.M))
        assert fences == 2 * len(list(blocks(page))), page
