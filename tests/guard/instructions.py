#!/usr/bin/env python3
"""Counts the instructions of the hot paths under callgrind, and compares them with those recorded in instructions.json.

  tests/guard/instructions.py BINARY            fails when one has grown by more than 10 %
  tests/guard/instructions.py BINARY --record   writes what it counts: say in the commit message what it buys

User space only: what the kernel does for a send() is not in it. The counts depend on compiler and flags, so they are compared
on the compiler that they were recorded with; elsewhere the step is left out (exit code 77).
"""
import json
import pathlib
import re
import subprocess
import sys
import tempfile

RECORD = pathlib.Path(__file__).with_name("instructions.json")
ALLOWED = 1.10
FEW, MANY = 1000, 2000  # the difference leaves out what happens once


def instructions(binary: str, name: str, count: int) -> int:
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            ["valgrind", "--tool=callgrind", "--collect-atstart=no", "--toggle-collect=hot_path", f"--callgrind-out-file={folder}/out",
             binary, name, str(count)], capture_output=True, text=True, timeout=300)
    found = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode != 0 or not found:
        raise SystemExit(f"{name}: callgrind counted nothing\n{done.stderr[-2000:]}")
    return int(found[1])


def compiler() -> str:
    return subprocess.run(["c++", "--version"], capture_output=True, text=True, check=True).stdout.splitlines()[0]


def main() -> int:
    binary, record = sys.argv[1], "--record" in sys.argv
    names = subprocess.run([binary], capture_output=True, text=True, check=True).stdout.splitlines()
    now = {n: round((instructions(binary, n, MANY) - instructions(binary, n, FEW)) / (MANY - FEW)) for n in names}
    if record:
        RECORD.write_text(json.dumps({"compiler": compiler(), "instructions": now}, indent=2) + "\n")
        print(RECORD.read_text())
        return 0
    recorded = json.loads(RECORD.read_text())
    if recorded["compiler"] != compiler():
        print(f"recorded with {recorded['compiler']}, this is {compiler()}")
        return 77
    before, grown = recorded["instructions"], []
    for name in sorted(now.keys() | before.keys()):
        a, b = before.get(name), now.get(name)
        print(f"{name:50} {a!s:>8} -> {b!s:>8}" + (f"  {100 * (b / a - 1):+.1f} %" if a and b else "  not recorded, or gone"))
        if not a or not b or b > a * ALLOWED:
            grown.append(name)
        elif b < a / ALLOWED:
            print("    less by more than 10 %: record it, so that it stays so")
    if grown:
        print(f"grown by more than {100 * (ALLOWED - 1):.0f} %, or not recorded: {', '.join(grown)}")
    return 1 if grown else 0


if __name__ == "__main__":
    sys.exit(main())
