"""The image: small, nothing in it but the binary and what that loads, and content with the least rights."""

import json
import re
import tarfile

import pytest

from k8s import images
from k8s.tools import ROOT, podman, podman_call

HARDENED = ["--read-only", "--read-only-tmpfs=false", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--network", "none"]


@pytest.fixture(scope="module")
def image():
    return images.wsidecar()


@pytest.fixture(scope="module")
def files(image, tmp_path_factory):
    """path -> (size, mode, link) of all that is in it."""
    path = tmp_path_factory.mktemp("image") / "rootfs.tar"
    name = podman("create", image).strip()
    try:
        podman("export", "-o", path, name)
    finally:
        podman("rm", name)
    with tarfile.open(path) as tar:
        yield {m.name: (m.size, m.mode, m.linkname) for m in tar if not m.isdir()}


def wsidecar(image, *arguments, options=()):
    return podman_call("run", "--rm", *HARDENED, *options, image, *arguments)


def test_it_is_below_40_mb_beyond_libc(files):
    beyond = sum(size for path, (size, _, _) in files.items() if not re.search(r"/(libc|libm|ld-linux-[^/]*)\.so", path))
    print(f"{beyond / 1e6:.1f} MB beyond libc, {sum(s for s, _, _ in files.values()) / 1e6:.1f} MB in all")
    assert beyond < 40e6


def test_nothing_is_in_it_but_the_binary_its_libraries_certificates_and_papers(files):
    known = (r"usr/local/bin/wsidecar|(usr/)?lib(64)?/.*\.so(\.[0-9.]+)?|etc/ssl/certs/ca-certificates.crt|usr/lib/ssl/(certs|cert.pem)|"
             r"etc/(passwd|group|nsswitch.conf)|usr/share/wsidecar/(sbom.spdx.json|licences/[a-z0-9.+-]+)|"
             r"(dev|proc|sys|run|etc)/.*|\.dockerenv|\.containerenv")  # the runtime's own
    assert [p for p in files if not re.fullmatch(known, p)] == []
    assert [p for p, (_, mode, _) in files.items() if mode & 0o6000 or mode & 0o002 and not files[p][2]] == []


def test_it_runs_as_nobody_with_a_read_only_root_and_no_capabilities(image):
    assert json.loads(podman("image", "inspect", image))[0]["Config"]["User"] == "10001:10001"
    done = wsidecar(image, "version")
    assert done.returncode == 0 and done.stdout.startswith("wsidecar "), done.stderr


def test_the_usual_command_reads_the_mounted_configuration(image, tmp_path):
    tmp_path.chmod(0o755)
    config = tmp_path / "wsidecar.yaml"
    config.write_text("redis: {url: none}\nroutes: [{path: no-slash}]\n")
    done = wsidecar(image, options=["-v", f"{tmp_path}:/etc/wsidecar:ro"])
    assert done.returncode == 2 and "/etc/wsidecar/wsidecar.yaml:2:" in done.stderr + done.stdout


def test_the_labels_name_the_version_that_the_binary_has(image):
    labels = json.loads(podman("image", "inspect", image))[0]["Labels"]
    assert wsidecar(image, "version").stdout.split()[-1] == labels["org.opencontainers.image.version"]
    assert labels["org.opencontainers.image.licenses"] == "BSL-1.0" and labels["org.opencontainers.image.title"] == "wsidecar"
    chart = (ROOT / "k8s/charts/wsidecar/Chart.yaml").read_text()
    assert f'appVersion: "{labels["org.opencontainers.image.version"]}"' in chart


def test_the_bill_of_materials_names_every_library(image, files):
    name = podman("create", image).strip()
    try:
        raw = podman_call("cp", f"{name}:/usr/share/wsidecar/sbom.spdx.json", "-").stdout
    finally:
        podman("rm", name)
    sbom = json.loads(raw[raw.index("{"):raw.rindex("}") + 1])
    assert sbom["spdxVersion"] == "SPDX-2.3" and sbom["documentDescribes"] == ["SPDXRef-wsidecar"]
    packages = {p["name"]: p for p in sbom["packages"]}
    assert all(p["versionInfo"] and p["SPDXID"] for p in packages.values())
    assert {r["relatedSpdxElement"] for r in sbom["relationships"]} == {p["SPDXID"] for p in packages.values()} - {"SPDXRef-wsidecar"}
    for name, p in packages.items():
        if name != "wsidecar":
            assert p["externalRefs"][0]["referenceLocator"].startswith("pkg:deb/debian/")
            assert f"usr/share/wsidecar/licences/{name}" in files
    wanted = {"libssl": "libssl3", "libcrypto": "libssl3", "libstdc++": "libstdc++6", "libhiredis": "libhiredis0.14", "libz": "zlib1g",
              "libyaml-cpp": "libyaml-cpp0.7", "libmimalloc": "libmimalloc2.0", "libspdlog": "libspdlog1.10", "libc": "libc6", "libboost_json": "libboost-json1.81.0"}
    for library, package in wanted.items():
        assert any(re.search(rf"/{re.escape(library)}\.so", f) for f in files), library
        assert package in packages, package
