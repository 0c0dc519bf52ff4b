"""The images that the tests run, built by podman: k8s/Dockerfile as it is, and an app's. As a program: builds both."""

import fcntl
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

if __name__ == "__main__":
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from k8s.tools import CACHE, K8S, ROOT, call, output, podman, podman_call, podman_environment  # noqa: E402

BASE = "docker.io/library/debian:bookworm-slim"
WSIDECAR = "localhost/wsidecar-k8s-test:wsidecar"
APP = "localhost/wsidecar-k8s-test:app"
PAUSE = "localhost/wsidecar-k8s-test:pause"  # what holds a pod's namespaces
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
        try:
            output("debootstrap", "--variant=minbase", "bookworm", root, timeout=1800)
        finally:
            call("umount", f"{root}/proc")  # left there by a debootstrap that was cut off
        # As Debian's slim images: of the documents only the licences stay.
        output("find", f"{root}/usr/share/doc", "-type", "f", "!", "-name", "copyright", "-delete")
        exclude = " ".join(f"--exclude='./{e}'" for e in LEFT_OUT)
        subprocess.run(f"tar -C {root} --numeric-owner --sort=name {exclude} -cf - . | "
                       f"podman import -q -c 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' -c 'CMD [\"bash\"]' - {BASE}",
                       shell=True, check=True, capture_output=True, timeout=300, env=podman_environment())


def base():
    with open(CACHE / "images.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        need_base()


def compiled_before():
    """Arguments that hand in the machine's own compiler cache: what `scripts/build` has compiled is not compiled again in the image."""
    cache = subprocess.run(["ccache", "--get-config", "cache_dir"], capture_output=True, text=True, check=False).stdout.strip() \
        if shutil.which("ccache") else ""
    return ["-v", f"{cache}:/ccache", "--build-arg", "CCACHE_DIR=/ccache"] if cache and os.path.isdir(cache) else []


def build(tag, dockerfile, context, more=()):
    """From podman's cache of layers when nothing has changed: a second. From nothing: some minutes. One at a time: the second to ask
    finds what the first has made."""
    with open(CACHE / "images.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if os.environ.get("WSIDECAR_K8S_IMAGES") == "as they are" and podman_call("image", "exists", tag).returncode == 0:
            return tag  # of a developer who has made them from a binary that was there
        need_base()
        podman("build", "-q", "-t", tag, "-f", dockerfile, "--build-arg", f"BASE={BASE}", "--build-arg", f"JOBS={os.cpu_count()}", *more, context,
               timeout=3000)
    return tag


def wsidecar():
    return build(WSIDECAR, K8S / "Dockerfile", ROOT, compiled_before())


def app():
    return build(APP, ROOT / "tests/k8s/app/Dockerfile", ROOT / "tests/k8s/app")


def pause():
    with tempfile.TemporaryDirectory(prefix="wsidecar-pause-") as directory:
        output("gcc", "-static", "-Os", "-s", "-o", f"{directory}/pause", ROOT / "tests/k8s/node/pause.c")
        output("tar", "-C", directory, "--sort=name", "--mtime=@0", "--owner=0", "--group=0", "-cf", f"{directory}/pause.tar", "pause")
        podman("import", "-q", "-c", 'ENTRYPOINT ["/pause"]', f"{directory}/pause.tar", PAUSE)
    return PAUSE


def archive():
    """All images in one file, for a node. Made anew when one of them has changed."""
    wsidecar(), app()
    with open(CACHE / "images.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if podman_call("image", "exists", PAUSE).returncode != 0:
            pause()
        all_of_them = [WSIDECAR, APP, PAUSE]
        ids = "".join(podman("image", "inspect", "--format", "{{.Id}}", *all_of_them).split())
        path = CACHE / f"node-images-{hashlib.sha256(ids.encode()).hexdigest()[:12]}.tar"
        if not path.exists():
            for old in CACHE.glob("node-images-*.tar"):
                old.unlink()
            podman("save", "-q", "-m", "-o", f"{path}.new", *all_of_them)
            os.rename(f"{path}.new", path)
        return path


if __name__ == "__main__":
    print(app())
    print(wsidecar())
