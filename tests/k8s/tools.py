"""The tools that the tests of k8s/ need, from where scripts/install-deps k8s puts them."""

import functools
import os
import pathlib
import resource
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
K8S = ROOT / "k8s"
HERE = ROOT / "tests/k8s"
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


@functools.lru_cache(None)
def podman_environment():
    """podman's settings of our own, for a machine has none or those of others: runc and cgroupfs also work without systemd and on
    cgroup v1, and a container cannot have higher limits than the one who starts it."""
    limits = [f'"{name}={n}:{n}"' for name, kind, most in (("nofile", resource.RLIMIT_NOFILE, 20000), ("nproc", resource.RLIMIT_NPROC, 10000))
              for hard in [resource.getrlimit(kind)[1]] for n in [most if hard < 0 else min(hard, most)]]
    path = CACHE / "containers.conf"
    path.write_text(f'[containers]\ndefault_ulimits=[{",".join(limits)}]\n[engine]\nruntime="runc"\ncgroup_manager="cgroupfs"\n'
                    'events_logger="file"\n')
    return os.environ | {"CONTAINERS_CONF": str(path)}


def podman_call(*arguments, **more):
    return call("podman", *arguments, env=podman_environment(), **{"timeout": 120} | more)


def podman(*arguments, **more):
    return output("podman", *arguments, env=podman_environment(), **{"timeout": 120} | more)


def helm(*arguments, **more):
    return call(tool("helm"), *arguments, **more)
