"""`scripts/bench --sanitized asan`: the works at small size on a binary with sanitizers, which must find nothing."""
import os
import signal
import subprocess
import sys
import tempfile

from stack import ROOT, TOOLS, Stack, run_load

WORKS = {
    "fanout": ["--connections", "200", "--window", "4"],
    "unicast": ["--connections", "200", "--window", "64"],
    "outbox": ["--connections", "200", "--window", "128"],
    "echo": ["--connections", "64", "--window", "64"],
}
LOOK_AT_THE_END = {"ASAN_OPTIONS": "abort_on_error=0:detect_leaks=1:detect_stack_use_after_return=0",
                   "UBSAN_OPTIONS": "print_stacktrace=1", "TSAN_OPTIONS": "halt_on_error=0"}
FOUND = ("ERROR: ", "WARNING: ThreadSanitizer", "runtime error:")


def measured(binary: str, mode: str, seconds: float):
    stack = Stack(str(TOOLS / "echo_app"), binary=binary, stderr=True)
    try:
        load, *_ = run_load(stack, str(TOOLS / "wsload"), "--mode", mode, *WORKS[mode], "--seconds", str(seconds))
        stack.sidecar.send_signal(signal.SIGTERM)
        return load, stack.sidecar.wait(60)
    finally:
        stack.close()


def one(binary: str, mode: str, seconds: float) -> bool:
    """Whether all arrived once and in order, and the sanitizer said nothing until the end."""
    with tempfile.NamedTemporaryFile("r") as log:
        os.environ["BENCH_LOG"] = log.name
        try:
            load, code = measured(binary, mode, seconds)
        except (OSError, RuntimeError, ValueError, subprocess.SubprocessError) as e:
            print(f"  {mode}: {e!r}; wsidecar said:", log.read(), sep="\n")
            return False
        said = log.read()
    faults = {k: load[k] for k in ("lost", "repeated", "reordered", "closed")}
    found = [line for line in said.splitlines() if any(word in line for word in FOUND)]
    print(f"  {mode}: {load['received']} received, {faults}, exit code {code}", *found, sep="\n    ")
    return load["received"] > 0 and not any(faults.values()) and code == 0 and not found


def run(o) -> int:
    os.environ.update(LOOK_AT_THE_END)
    failed = []
    for preset in o.sanitized.split(","):
        print(f"{preset}:")
        failed += [f"{preset} {mode}" for mode in WORKS if not one(str(ROOT / f"build/{preset}/wsidecar"), mode, min(o.seconds, 2))]
    if failed:
        print(f"FAILED: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0
