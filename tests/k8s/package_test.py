"""What a release consists of: the Debian package and the packed charts, signed, from a registry."""

import os
import re
import socket
import subprocess

import pytest

from k8s import images
from k8s.render import HERE
from k8s.tools import ROOT, call, output, podman_call, tool
from support.pod import binary
from support.waiting import wait_until

VERSION = re.search(r"project\(wsidecar VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text())[1]


@pytest.fixture(scope="module")
def signed(tmp_path_factory):
    """dist/ with charts that a key of this test has signed, and the key's public half."""
    home, dist = tmp_path_factory.mktemp("gpg"), tmp_path_factory.mktemp("dist")
    home.chmod(0o700)
    gpg = ["gpg", "--homedir", home, "--batch", "--pinentry-mode", "loopback", "--passphrase", ""]
    output(*gpg, "--quick-generate-key", "Release <release@example>", "rsa2048", "sign", "1d", timeout=120)
    (home / "secret.gpg").write_bytes(subprocess.run([str(c) for c in gpg] + ["--export-secret-keys"], check=True, capture_output=True).stdout)
    (home / "public.gpg").write_bytes(subprocess.run([str(c) for c in gpg] + ["--export"], check=True, capture_output=True).stdout)
    call("gpgconf", "--homedir", home, "--kill", "gpg-agent")
    output(ROOT / "scripts/package", "charts", timeout=120, cwd=ROOT,
           env=os.environ | {"DIST": str(dist), "SIGN_KEY": "Release", "SIGN_KEYRING": str(home / "secret.gpg")})
    return dist, home / "public.gpg"


def test_the_release_s_files_are_all_there_with_their_sums(signed):
    dist, _ = signed
    wanted = {f"{chart}-{VERSION}{end}" for chart in ("wsidecar", "wsidecar-app") for end in (".tgz", ".tgz.prov", ".values.schema.json")}
    assert wanted | {"SHA256SUMS"} == {p.name for p in dist.iterdir()}
    output("sha256sum", "--check", "--strict", "SHA256SUMS", cwd=dist)


def test_signatures_are_verified_and_a_changed_chart_is_not(signed, tmp_path):
    dist, keys = signed
    for chart in ("wsidecar", "wsidecar-app"):
        output(tool("helm"), "verify", "--keyring", keys, dist / f"{chart}-{VERSION}.tgz")
    bad = tmp_path / f"wsidecar-{VERSION}.tgz"
    bad.write_bytes((dist / bad.name).read_bytes() + b"x")
    (tmp_path / f"{bad.name}.prov").write_bytes((dist / f"{bad.name}.prov").read_bytes())
    assert call(tool("helm"), "verify", "--keyring", keys, bad).returncode != 0


@pytest.fixture
def registry(tmp_path):
    """Debian's docker-registry on loopback."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    (tmp_path / "registry.yml").write_text(f"version: 0.1\nstorage: {{filesystem: {{rootdirectory: {tmp_path}/data}}}}\n"
                                           f"http: {{addr: '127.0.0.1:{port}'}}\nlog: {{level: error}}\n")
    process = subprocess.Popen(["docker-registry", "serve", str(tmp_path / "registry.yml")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_until(lambda: socket.socket().connect_ex(("127.0.0.1", port)) == 0, 20, "the registry")
    yield f"127.0.0.1:{port}"
    process.kill()
    process.wait()


def test_an_oci_registry_gives_charts_schema_and_signature_back(signed, registry, tmp_path):
    dist, keys = signed
    if "--plain-http" not in output(tool("helm"), "push", "--help"):
        pytest.fail("this helm speaks no plain HTTP to a registry")
    for chart in ("wsidecar", "wsidecar-app"):
        output(tool("helm"), "push", "--plain-http", dist / f"{chart}-{VERSION}.tgz", f"oci://{registry}/charts")
    output(tool("helm"), "pull", "--plain-http", "--verify", "--keyring", keys, f"oci://{registry}/charts/wsidecar-app", "--version", VERSION,
           "--destination", tmp_path)
    assert (tmp_path / f"wsidecar-app-{VERSION}.tgz").read_bytes() == (dist / f"wsidecar-app-{VERSION}.tgz").read_bytes()
    chart = [tool("helm"), "template", "shop", "--plain-http", f"oci://{registry}/charts/wsidecar-app", "--version", VERSION, "--namespace", "web",
             "--kube-version", "1.34"]
    rendered = output(*chart, "--values", HERE / "cases/minimal.yaml")
    golden = (HERE / "golden/minimal.yaml").read_text()
    assert rendered == golden
    refused = call(*chart, "--values", HERE / "cases/minimal.yaml", "--set", "replicas=three")
    assert refused.returncode != 0 and "replicas" in refused.stderr


# ------------------------------------------------------------------------------------------------------------ the Debian package

@pytest.fixture(scope="module")
def deb(tmp_path_factory):
    build, dist = os.path.dirname(os.path.abspath(binary())), tmp_path_factory.mktemp("deb")
    output("cpack", "-G", "DEB", "-B", dist, cwd=build, timeout=300)
    (package,) = dist.glob("*.deb")
    return package


def test_the_debian_package_holds_program_service_and_configuration(deb):
    assert deb.name == f"wsidecar_{VERSION}_amd64.deb"
    files = {line.split()[-1]: line.split()[0] for line in output("dpkg-deb", "-c", deb).splitlines()}
    assert files["./usr/bin/wsidecar"] == "-rwxr-xr-x" and files["./etc/wsidecar/wsidecar.yaml"] == "-rw-r--r--"
    assert {"./lib/systemd/system/wsidecar.service", "./usr/share/wsidecar/wsidecar.schema.json", "./usr/share/doc/wsidecar/copyright",
            "./usr/share/man/man1/wsidecar.1.gz", "./usr/share/bash-completion/completions/wsidecar",
            "./usr/share/zsh/vendor-completions/_wsidecar"} <= files.keys()
    control = output("dpkg-deb", "-f", deb)
    for library in ("libssl3", "libhiredis0.14", "libc6 (>=", "libboost-json1.81.0", "ca-certificates"):
        assert library in control
    assert output("dpkg-deb", "-I", deb, "conffiles").strip() == "/etc/wsidecar/wsidecar.yaml"


def test_the_debian_package_installs_on_a_bare_debian_runs_and_goes_again(deb):
    images.base()
    script = ("set -e; apt-get update -qq; apt-get install -y -qq --no-install-recommends /wsidecar.deb >/dev/null 2>&1; wsidecar version; "
              "wsidecar check --config /etc/wsidecar/wsidecar.yaml >/dev/null; cmp /etc/wsidecar/wsidecar.yaml /usr/share/wsidecar/wsidecar.yaml; "
              "echo '# mine' >>/etc/wsidecar/wsidecar.yaml; dpkg -i /wsidecar.deb >/dev/null; tail -n 1 /etc/wsidecar/wsidecar.yaml; "
              "dpkg -P wsidecar >/dev/null; test ! -e /usr/bin/wsidecar; test ! -e /etc/wsidecar; echo gone")
    done = podman_call("run", "--rm", "-v", f"{deb}:/wsidecar.deb:ro", images.BASE, "sh", "-c", script, timeout=400)
    assert done.returncode == 0 and done.stdout.split("\n")[:3] == [f"wsidecar {VERSION}", "# mine", "gone"], done.stdout + done.stderr


def test_cmake_install_touches_nothing_outside_its_prefix(tmp_path):
    output("cmake", "--install", os.path.dirname(os.path.abspath(binary())), "--prefix", tmp_path / "usr", "--component", "program")
    assert output(tmp_path / "usr/bin/wsidecar", "version") == f"wsidecar {VERSION}\n"
    assert (tmp_path / "usr/share/wsidecar/wsidecar.yaml").exists()


def test_the_service_is_one_that_systemd_takes():
    text = (ROOT / "scripts/package.d/wsidecar.service").read_text()
    assert "ExecStart=/usr/bin/wsidecar run --config /etc/wsidecar/wsidecar.yaml" in text
    if call("sh", "-c", "command -v systemd-analyze").returncode == 0:
        said = call("systemd-analyze", "verify", "--man=no", ROOT / "scripts/package.d/wsidecar.service")
        assert not re.search("Unknown|Failed to parse|Invalid", said.stderr), said.stderr
