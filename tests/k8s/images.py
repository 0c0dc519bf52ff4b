"""The images that the tests run, built by podman: k8s/Dockerfile as it is, and an app's. As a program: builds both."""

import fcntl
import os
import pathlib
import subprocess
import sys
import tempfile

if __name__ == "__main__":
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from k8s.tools import CACHE, K8S, ROOT, output, podman, podman_call, podman_environment  # noqa: E402

BASE = "docker.io/library/debian:bookworm-slim"
WSIDECAR = "localhost/wsidecar-k8s-test:wsidecar"
APP = "localhost/wsidecar-k8s-test:app"
# What an image has no use for.
LEFT_OUT = ["dev/*", "var/cache/apt/*", "var/lib/apt/lists/*", "usr/share/man/*", "usr/share/locale/*",
            "etc/resolv.conf", "etc/hostname"]


def need_base():
    """debian:bookworm-slim: the one that is there, a registry's, or one made by debootstrap where no registry is to be had."""
    if podman_call("image", "exists", BASE).returncode == 0:
        return
    if podman_call("pull", "-q", BASE, timeout=300).returncode == 0:
        return
    with tempfile.TemporaryDirectory(prefix="wsidecar-base-") as root:
        output("debootstrap", "--variant=minbase", "bookworm", root, timeout=600)
        # As Debian's slim images: of the documents only the licences stay.
        output("find", f"{root}/usr/share/doc", "-type", "f", "!", "-name", "copyright", "-delete")
        exclude = " ".join(f"--exclude='./{e}'" for e in LEFT_OUT)
        subprocess.run(f"tar -C {root} --numeric-owner --sort=name {exclude} -cf - . | "
                       f"podman import -q -c 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' -c 'CMD [\"bash\"]' - {BASE}",
                       shell=True, check=True, capture_output=True, timeout=300, env=podman_environment())


def build(tag, dockerfile, context):
    """From podman's cache of layers when nothing has changed: a second. From nothing: some minutes. One at a time: the second to ask
    finds what the first has made."""
    with open(CACHE / "images.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        need_base()
        podman("build", "-q", "-t", tag, "-f", dockerfile, "--build-arg", f"BASE={BASE}", "--build-arg", f"JOBS={os.cpu_count()}", context,
               timeout=3000)
    return tag


def wsidecar():
    return build(WSIDECAR, K8S / "Dockerfile", ROOT)


def app():
    return build(APP, ROOT / "tests/k8s/app/Dockerfile", ROOT / "tests/k8s/app")


if __name__ == "__main__":
    print(app())
    print(wsidecar())
