"""The tools that the tests of k8s/ need, from where scripts/install-deps k8s puts them."""

import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
K8S = ROOT / "k8s"
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "wsidecar"
# What is supported; kubernetes-validate carries the schemas.
VERSIONS = ["1.29", "1.30", "1.31", "1.32", "1.33", "1.34"]


def tool(name):
    path = CACHE / "bin" / name
    assert path.exists(), f"{path} is not there: scripts/install-deps k8s"
    return str(path)


def call(*command, **more):
    """Runs it to its end; the caller looks at the code."""
    return subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=more.pop("timeout", 60), **more)


def output(*command, **more):
    """What it prints; fails with what it complains of."""
    done = call(*command, **more)
    assert done.returncode == 0, f"{' '.join(map(str, command))}:\n{done.stderr}{done.stdout[-2000:]}"
    return done.stdout


def helm(*arguments, **more):
    return call(tool("helm"), *arguments, **more)
