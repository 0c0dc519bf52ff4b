"""The Markdown documents of the repository: their blocks, links, headings and the code in their text."""

import glob
import os
import re
from dataclasses import dataclass

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# The pages whose blocks and names tests/documents runs and looks up; the other pages have tests of their own.
TRIED = ("README.md", "CHANGELOG.md", "SECURITY.md", "config/README.md", "config/migrating.md", "config/proxies.md", "proto/README.md",
         "sidecar/README.md", "sidecar/operating.md", "tests/bench/README.md")
ELSEWHERE = ("build", ".git", "node_modules", ".pytest_cache")


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as f:
        return f.read()


def pages():
    """Every document, by its path from the root."""
    found = glob.glob(os.path.join(ROOT, "**", "*.md"), recursive=True)
    paths = (os.path.relpath(p, ROOT) for p in found if os.path.realpath(p) == p)  # not the chart's second name in another
    return sorted(p for p in paths if not set(ELSEWHERE) & set(p.split(os.sep)[:-1]))


@dataclass
class Block:
    page: str
    line: int
    language: str
    text: str

    def __str__(self):
        return f"{self.page}:{self.line}"


FENCE = re.compile(r"^( *)```(\w*)[^\n]*\n(.*?)^\1```[ ]*$", re.S | re.M)


def blocks(page):
    """The fenced blocks of a page, without the indentation of a list."""
    text = read(page)
    for m in FENCE.finditer(text):
        inner = "".join(line.removeprefix(m[1]) for line in m[3].splitlines(keepends=True))
        yield Block(page, text.count("\n", 0, m.start()) + 1, m[2], inner)


def prose(page):
    """The page without its fenced blocks and comments."""
    return re.sub(r"<!--.*?-->", "", FENCE.sub("", read(page)), flags=re.S)


def links(page):
    """The targets of the page's links and pictures."""
    text = re.sub(r"`[^`\n]*`", "`code`", prose(page))
    return re.findall(r"!?\[[^\]]*\]\(([^)\s]+)\)", text) + re.findall(r"^\[[^\]]+\]: (\S+)", text, re.M)


def code_spans(page):
    return re.findall(r"`([^`\n]+)`", prose(page).replace("\\|", "|"))


def anchors(page):
    """The anchors that GitHub makes of a page's headings, in order."""
    seen, out = {}, []
    for heading in re.findall(r"^#{1,6} (.+)$", prose(page), re.M):
        said = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
        slug = re.sub(r"[^\w\- ]", "", said).replace(" ", "-")
        number = seen.get(slug, 0)
        seen[slug] = number + 1
        out.append(f"{slug}-{number}" if number else slug)
    return out


def lines_of(text):
    """What says something in Java or YAML: neither blank nor comment, without indentation."""
    stripped = (re.sub(r"\s+(//|#) .*", "", line).strip() for line in text.splitlines())
    return [line for line in stripped if line and not line.startswith(("//", "# ", "/*", "*"))]


def stands_in(block, path):
    """Whether the lines of the block follow one another in the file."""
    wanted, have = lines_of(block), lines_of(read(path))
    return any(have[i:i + len(wanted)] == wanted for i in range(len(have) - len(wanted) + 1))
