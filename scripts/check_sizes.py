#!/usr/bin/env python3
"""Checks that C++ files, classes and functions stay small enough to be read.

A file has at most 450 lines, a function 80, a class 40 member functions.
  scripts/check_sizes.py            checks
  scripts/check_sizes.py --all      prints the ten largest of each kind
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
LIMITS = {"file": 450, "function": 80, "class": 40}
NOT_CODE = re.compile(r'//[^\n]*|/\*.*?\*/|R"(?P<d>[^(\s]*)\(.*?\)(?P=d)"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])\'', re.S)
CLASS = re.compile(r"\b(?:class|struct)\s+(?:\w+::)*(\w+)(?:\s+final)?\s*(?::[^;{]*)?$", re.S)
FUNCTION = re.compile(r"(~?[\w:]+(?:<[^<>]*>)?|operator\s*[^\s(]+)\s*\((?!\*)")
NO_FUNCTION = re.compile(r"^\s*(?:if|for|while|switch|return|catch|using|friend|static_assert|enum|do|else|namespace|typedef)\b")


def without_text(source: str) -> str:
    """The same length and lines, without comments and the contents of strings."""
    return NOT_CODE.sub(lambda m: re.sub(r"[^\n]", " ", m.group(0)), source)


def scan(source: str):
    """Yields (kind, name, size) of the classes and functions of a file."""
    text = without_text(source)
    text = re.sub(r"^[ \t]*#(?:[^\n\\]|\\\n|\\.)*", lambda m: re.sub(r"[^\n]", " ", m.group(0)), text, flags=re.M)
    stack, begin = [], 0  # of blocks: [kind, name, line, member functions]
    line_at = lambda i: text.count("\n", 0, i) + 1
    parentheses = 0
    for i, c in enumerate(text):
        if c == "(":
            parentheses += 1
        elif c == ")":
            parentheses -= 1
        elif c in "{;}" and parentheses == 0:
            head = text[begin:i].strip()
            head = re.sub(r"^(?:(?:public|private|protected)\s*:\s*)+", "", head)
            head = re.sub(r"^template\s*<[^{};]*?>\s*(?=\w)", "", head)
            outer = stack[-1] if stack else None
            in_code = any(b[0] == "function" for b in stack)
            is_function = not in_code and not NO_FUNCTION.match(head) and FUNCTION.search(head) and not re.search(
                r"^[^()]*=(?!=)[^()]*\(", head.replace("operator=", ""))
            if c == "{":
                found = CLASS.search(head)
                if head.startswith("namespace") or head.startswith("extern"):
                    stack.append(["namespace", "", 0, 0])
                elif found and not in_code and "enum" not in head.split():
                    stack.append(["class", found.group(1), line_at(begin), 0])
                elif is_function:
                    if outer and outer[0] == "class":
                        outer[3] += 1
                    start = begin + len(text[begin:i]) - len(text[begin:i].lstrip())
                    stack.append(["function", FUNCTION.search(head).group(1), line_at(start), 0])
                else:
                    stack.append(["block", "", 0, 0])
            elif c == ";":
                if outer and outer[0] == "class" and is_function:
                    outer[3] += 1
            elif stack:
                kind, name, start, functions = stack.pop()
                if kind == "function":
                    yield "function", name, line_at(i) - start + 1
                elif kind == "class":
                    yield "class", name, functions
            # `= default;` and initializers in braces go on with the same statement.
            begin = i + 1


def main() -> int:
    sizes = {}
    for folder in ("proto", "config", "sidecar"):
        for file in sorted((ROOT / folder).rglob("*.?pp")):
            name, source = file.relative_to(ROOT).as_posix(), file.read_text(encoding="utf-8")
            sizes["file " + name] = source.count("\n")
            for kind, what, size in scan(source):
                key = f"{kind} {name} {what}"
                sizes[key] = max(sizes.get(key, 0), size)
    if "--all" in sys.argv:
        for kind in LIMITS:
            for key in sorted((k for k in sizes if k.split()[0] == kind), key=lambda k: -sizes[k])[:10]:
                print(sizes[key], key)
    problems = []
    for key, size in sizes.items():
        limit = LIMITS[key.split()[0]]
        if size > limit:
            problems.append(f"{key}: {size}, at most {limit}")
    for p in problems:
        print(p, file=sys.stderr)
    print(f"{len(sizes)} files, classes and functions, {len(problems)} problems")
    return 1 if problems or not sizes else 0


if __name__ == "__main__":
    sys.exit(main())
