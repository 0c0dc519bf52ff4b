"""Mutual TLS on the clients' address: listen.tls.client_ca and client_auth; the subject in ws-client-cert."""

import signal
import ssl
import subprocess

import pytest

from support import frames
from support.app import echo
from support.http import HttpConnection, Truncated
from support.waiting import wait_until
from support.ws import upgrade_request


class Authority:
    """Signs certificates for `serverAuth` and `clientAuth`."""

    def __init__(self, folder, name):
        self.folder, self.name = folder, name
        self.key, self.cert = str(folder / f"{name}.key"), str(folder / f"{name}.pem")
        self._openssl("req", "-x509", *self.NEW, "-days", "2", "-subj", f"/CN={name}", "-keyout", self.key, "-out", self.cert)

    NEW = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]

    @staticmethod
    def _openssl(*arguments):
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)

    def sign(self, file, subject, usage="clientAuth", days=2):
        key, request, cert = (self.folder / f"{file}.{end}" for end in ("key", "csr", "crt"))
        extensions = self.folder / f"{file}.ext"
        extensions.write_text(f"extendedKeyUsage={usage}\nsubjectAltName=DNS:shop.example\n")
        self._openssl("req", *self.NEW, "-utf8", "-subj", subject, "-keyout", key, "-out", request)
        self._openssl("x509", "-req", "-in", request, "-CA", self.cert, "-CAkey", self.key, "-CAcreateserial", "-days", days,
                      "-extfile", extensions, "-out", cert)
        return str(cert), str(key)


@pytest.fixture(scope="module")
def ca(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ca")
    ours, theirs = Authority(folder, "ours"), Authority(folder, "theirs")
    ours.theirs = theirs
    ours.server = dict(zip(("cert", "key"), ours.sign("server", "/CN=shop.example", "serverAuth")))
    ours.alice = ours.sign("alice", "/O=Shop, Inc/CN=alice")
    return ours


def dial(pod, ca, client=None, version=ssl.TLSVersion.TLSv1_3):
    context = ssl.create_default_context(cafile=ca.cert)
    context.maximum_version = version
    if client:
        context.load_cert_chain(*client)
    c = HttpConnection(pod.port)
    c.sock = context.wrap_socket(c.sock, server_hostname="shop.example")
    return c


def upgrade(pod, ca, client=None, version=ssl.TLSVersion.TLSv1_3, headers=()):
    with dial(pod, ca, client, version) as c:
        return c.send(upgrade_request(headers=headers)).response().status


def turned_away(pod, ca, client=None, version=ssl.TLSVersion.TLSv1_3):
    before = pod.metric("wsidecar_handshakes_total", result="client_cert")
    with pytest.raises((ssl.SSLError, OSError, Truncated)):
        upgrade(pod, ca, client, version)
    wait_until(lambda: pod.metric("wsidecar_handshakes_total", result="client_cert") == before + 1, what="it to be counted")


def pod_with(world, ca, **tls):
    return world.pod(listen={"tls": {**ca.server, "client_ca": ca.cert, **tls}})


def test_who_has_a_certificate_of_the_authority_comes_in_and_the_app_hears_his_name(world, ca):
    pod = pod_with(world, ca)
    pod.app.answer(message=echo)
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        with dial(pod, ca, ca.alice, version) as c:
            forged = [("ws-client-cert", "CN=admin"), ("Ws-Client-Cert", "CN=admin")]
            assert c.send(upgrade_request(headers=forged)).response().status == 101
            c.send(frames.frame(frames.TEXT, "hi"))
            message = pod.app.wait_event("message")
            c.send(frames.frame(frames.CLOSE, frames.close_payload(1000)))
            for event in (pod.app.events("connect")[-1], message, pod.app.wait_event("disconnect")):
                assert event.all("ws-client-cert") == ["CN=alice,O=Shop\\,%20Inc"], event.type


def test_nobody_else_comes_in_and_each_is_counted(world, ca):
    pod = pod_with(world, ca)
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        turned_away(pod, ca, None, version)
        turned_away(pod, ca, ca.theirs.sign("foreign", "/CN=alice"), version)
    turned_away(pod, ca, ca.sign("no_client", "/CN=alice", usage="serverAuth"))
    turned_away(pod, ca, ca.sign("expired", "/CN=alice", days=-1))
    assert pod.logged("certificate", reason="there is none")  # once in a burst
    assert not pod.app.events("connect")


def test_a_certificate_that_is_only_asked_for_may_be_left_out_but_not_be_wrong(world, ca):
    pod = pod_with(world, ca, client_auth="request")
    assert upgrade(pod, ca) == 101
    assert pod.app.events("connect")[-1].header("ws-client-cert") is None
    assert upgrade(pod, ca, ca.sign("nobody", "/CN=张三")) == 101
    assert pod.app.events("connect")[-1].header("ws-client-cert") == "CN=%E5%BC%A0%E4%B8%89"
    turned_away(pod, ca, ca.theirs.sign("foreign2", "/CN=alice"))


def test_a_browser_shows_its_users_certificate_to_any_page_so_the_origin_counts(world, ca):
    pod = pod_with(world, ca, client_auth="request")
    evil = [("Origin", "https://evil.example")]
    assert upgrade(pod, ca, ca.alice, headers=evil) == 403
    assert upgrade(pod, ca, ca.alice, headers=[("Origin", "https://shop.example")]) == 101
    assert upgrade(pod, ca, headers=evil) == 101, "without credentials a page can do no more than anybody"


def test_passed_requests_name_the_certificate_too_and_nobody_can_forge_it(world, ca):
    pod = world.pod(http="pass", listen={"tls": {**ca.server, "client_ca": ca.cert, "client_auth": "request"}})
    forged = [("ws-client-cert", "CN=admin")]
    for client, expected in ((ca.alice, ["CN=alice,O=Shop\\,%20Inc"]), (None, [])):
        with dial(pod, ca, client) as c:
            assert c.request("GET", "/page", forged).status == 200
            assert pod.app.requests[-1].all("ws-client-cert") == expected
        assert not pod.app.events("connect")


def test_authorities_change_without_a_restart(world, ca, tmp_path):
    file = tmp_path / "ca.pem"
    file.write_text(open(ca.cert, encoding="ascii").read())
    pod = pod_with(world, ca, client_ca=str(file))
    theirs = ca.theirs.sign("later", "/CN=later")
    assert upgrade(pod, ca, ca.alice) == 101
    turned_away(pod, ca, theirs)

    def reload(result):
        before = pod.metric("wsidecar_config_reloads_total", result=result)
        pod.process.send_signal(signal.SIGHUP)
        wait_until(lambda: pod.metric("wsidecar_config_reloads_total", result=result) > before, what=f"a reload that is {result}")

    file.write_text("no certificate")
    reload("refused")
    assert upgrade(pod, ca, ca.alice) == 101
    file.write_text(open(ca.theirs.cert, encoding="ascii").read())
    reload("done")
    assert upgrade(pod, ca, theirs) == 101
    turned_away(pod, ca, ca.alice)
