"""A real Kubernetes of one node, in namespaces of its own: etcd, API server, controllers, scheduler, kubelet with containerd, kube-proxy.

As a program, it brings a node up, runs a command in its network with its kubeconfig, and takes it down again:

  tests/k8s/node.py bash
"""

import contextlib
import ctypes
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

if __name__ == "__main__":
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from k8s import images  # noqa: E402
from k8s.tools import CACHE, HERE, call, output, tool  # noqa: E402

CLONE_NEWNET = 0x40000000
LIBC = ctypes.CDLL(None, use_errno=True)


def enter_network(fd):
    """Puts this thread, and what it starts, into the network namespace that `fd` is open on."""
    if LIBC.setns(fd, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


class Node:
    def __init__(self):
        archive = images.archive()
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="wsidecar-node-"))
        self.cgroup = self.directory.name
        os.link(archive, self.directory / "images.tar") if os.stat(archive).st_dev == os.stat(self.directory).st_dev \
            else shutil.copy(archive, self.directory / "images.tar")
        self.environment = os.environ | {"KUBECONFIG": str(self.directory / "admin.conf"), "PATH": f"{CACHE}/node:{CACHE}/bin:{os.environ['PATH']}"}
        self.pid = None
        self.process = None
        try:
            self._make_cgroups()
            self._start()
        except BaseException:
            self.close()
            raise

    # ------------------------------------------------------------------------------------------------------------ up and down

    def _cgroup_directories(self):
        """One for each hierarchy of version 1, or the one of version 2."""
        root = pathlib.Path("/sys/fs/cgroup")
        if (root / "cgroup.controllers").exists():
            return [root / self.cgroup]
        return [d / self.cgroup for d in root.iterdir() if d.is_dir() and not d.is_symlink() and (d / "cgroup.procs").exists()]

    def _make_cgroups(self):
        for directory in self._cgroup_directories():
            with contextlib.suppress(OSError):  # a hierarchy that is mounted read-only is not needed
                directory.mkdir()
            for name in ("cpuset.cpus", "cpuset.mems"):
                if (directory / name).exists() and (directory.parent / name).exists():
                    (directory / name).write_text((directory.parent / name).read_text())

    def _start(self):
        log = (self.directory / "inside.log").open("w")
        self.process = subprocess.Popen(
            ["unshare", "--mount", "--propagation", "slave", "--net", "--pid", "--uts", "--fork", "--kill-child", "--mount-proc",
             "bash", HERE / "node/inside", self.directory, CACHE / "node", self.cgroup],
            stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True, cwd=self.directory,
            preexec_fn=lambda: LIBC.prctl(1, signal.SIGKILL))  # PR_SET_PDEATHSIG: nothing is left of a test that is killed
        log.close()
        end = time.monotonic() + 120
        while not self._is_up():
            assert self.process.poll() is None and time.monotonic() < end, f"the node does not come up: {self.troubles()}"
            time.sleep(0.2)

    def _is_up(self):
        if self.pid is None:
            children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
            self.pid = int(children[0]) if children else None
        if not (self.directory / "ready").exists():
            return False
        done = self.inside("kubectl", "wait", "--for=condition=Ready", "node/node1", "--timeout=1s")
        return done.returncode == 0 and self.inside("kubectl", "get", "serviceaccount", "default").returncode == 0

    def troubles(self):
        return {log.name: log.read_text(errors="replace")[-1000:] for log in self.directory.glob("*.log")
                if log.name in ("inside.log", "images.log", "kubelet.log", "kube-apiserver.log")}

    def close(self):
        if self.process is not None:
            # The first process of the namespace: all others go with it, and `unshare` collects it and ends.
            with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
                if self.pid is not None:
                    os.kill(self.pid, signal.SIGKILL)
                    self.process.wait(20)
            self.process.kill()
            self.process.wait()
        end = time.monotonic() + 10
        while left := [d for d in self._cgroup_directories() if d.exists()]:
            for directory in left:
                for inner, _, _ in os.walk(directory, topdown=False):
                    with contextlib.suppress(OSError):
                        os.rmdir(inner)
            if time.monotonic() > end:
                break
            time.sleep(0.05)
        shutil.rmtree(self.directory, ignore_errors=True)
        for point in ("/var/lib/cni", "/var/lib/kubelet"):  # where its own were mounted
            with contextlib.suppress(OSError):
                os.rmdir(point)

    # --------------------------------------------------------------------------------------------------------------- its use

    def inside(self, *command, timeout=120, **more):
        return call("nsenter", "-t", self.pid, "-n", *command, env=self.environment, timeout=timeout, **more)

    @contextlib.contextmanager
    def network(self):
        """This thread, and threads and processes that it starts, are in the node's network."""
        before, there = os.open("/proc/thread-self/ns/net", os.O_RDONLY), os.open(f"/proc/{self.pid}/ns/net", os.O_RDONLY)
        try:
            enter_network(there)
            yield
        finally:
            enter_network(before)
            os.close(before)
            os.close(there)

    def kubectl(self, *arguments, **more):
        done = self.inside("kubectl", *arguments, **more)
        assert done.returncode == 0, f"kubectl {' '.join(map(str, arguments))}:\n{done.stderr}{done.stdout[-2000:]}"
        return done.stdout

    def get(self, kind, namespace, *arguments):
        return json.loads(self.kubectl("get", kind, "-n", namespace, "-o", "json", *arguments))

    def helm(self, *arguments, **more):
        done = self.inside(tool("helm"), *arguments, **more)
        assert done.returncode == 0, f"helm {' '.join(map(str, arguments))}:\n{done.stderr}{done.stdout[-2000:]}"
        return done.stdout

    def process_of(self, pod, words):
        """The id, seen from here, of the process of a pod whose command line holds `words`."""
        uid = pod["metadata"]["uid"]
        for directory in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                command = (directory / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                if words in command and uid in (directory / "cgroup").read_text():
                    return int(directory.name)
            except OSError:
                continue
        raise AssertionError(f"no process of {pod['metadata']['name']} is called {words}")


def main():
    node = Node()
    try:
        print(output("nsenter", "-t", node.pid, "-n", "kubectl", "get", "node", "-o", "wide", env=node.environment), end="")
        return subprocess.call(["nsenter", "-t", str(node.pid), "-n", *sys.argv[1:]], env=node.environment)
    finally:
        node.close()


if __name__ == "__main__":
    sys.exit(main())
