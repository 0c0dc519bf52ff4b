#!/usr/bin/env python3
"""Checks the include directions of the house: a file may include its own room and rooms on lower floors only.

Fails on an upward or sideways include, on a cycle between the files of a room, and on Asio or Beast below the
floor of sidecar/net, and on an include of a folder that is kept behind an interface. `--graph` prints the edges between rooms instead.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Longest prefix first: a room and the floor it stands on.
FLOORS = {
    "proto/text": 0, "proto/json": 1,
    **{f"proto/{wing}": 2 for wing in ("http", "ws", "stomp", "sockjs", "spring", "trace")},
    "proto": 3, "config": 3, "sidecar/core": 4, "sidecar/net": 5, "sidecar/redis": 5,
    "sidecar/app": 6, "sidecar/cli": 7, "sidecar": 8,
}
# A folder whose files only these files outside it may include: what a protocol is stays behind an interface.
BEHIND = {"sidecar/core/stomp": {"sidecar/core/gateway.cpp", "sidecar/core/connection.cpp"}}
# Beast's HTTP parsers and Asio's buffers are values (sans-io), but only net/ and above need them.
ASIO = re.compile(r"#\s*include\s*<boost/(asio|beast)")
INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.M)


def room(path: str) -> str:
    return max((r for r in FLOORS if path.startswith(r + "/")), key=len, default="")


def main() -> int:
    problems, edges, files = [], {}, {}
    for folder in ("proto", "config", "sidecar"):
        for file in sorted((ROOT / folder).rglob("*")):
            if file.suffix not in (".hpp", ".cpp"):
                continue
            name = file.relative_to(ROOT).as_posix()
            here, text = room(name), file.read_text(encoding="utf-8")
            files[name] = INCLUDE.findall(text)
            if FLOORS[here] < FLOORS["sidecar/net"] and ASIO.search(text):
                problems.append(f"{name}: Asio or Beast below sidecar/net")
            for target in files[name]:
                there = room(target)
                if not there or not (ROOT / target).exists():
                    problems.append(f'{name}: "{target}" is not a file of this house, written from its root')
                    continue
                for folder, may in BEHIND.items():
                    if target.startswith(folder + "/") and not name.startswith(folder + "/") and name not in may:
                        problems.append(f"{name} includes {target}: only {', '.join(sorted(may))} may")
                if here != there:
                    edges.setdefault(here, set()).add(there)
                    if FLOORS[there] >= FLOORS[here]:
                        problems.append(f"{name} ({here}) includes {target} ({there}): only lower floors")
    problems += cycles(files)
    if "--graph" in sys.argv:
        for here in sorted(edges):
            print(here, "->", ", ".join(sorted(edges[here])))
    for p in problems:
        print(p, file=sys.stderr)
    print(f"{len(files)} files, {len(problems)} problems")
    return 1 if problems or not files else 0


def cycles(files: dict) -> list:
    found, state = [], {}

    def visit(name, trail):
        state[name] = 1
        for target in files.get(name, ()):
            if state.get(target) == 1:
                found.append("cycle: " + " -> ".join(trail + [name, target]))
            elif target in files and target not in state:
                visit(target, trail + [name])
        state[name] = 2

    for name in files:
        if name not in state:
            visit(name, [])
    return found


if __name__ == "__main__":
    sys.exit(main())
