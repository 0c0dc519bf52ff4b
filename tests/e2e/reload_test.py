"""SIGHUP and changed files: what can change does, without dropping a connection; the rest is said (contract section 8)."""

import os
import signal
import ssl
import subprocess

import pytest
import yaml

from support.http import http
from support.waiting import wait_until
from support.ws import Refused


def rewrite(pod, how=None, **changes):
    """Writes the file anew; `how` as text instead."""
    if how is None:
        pod.config.update(changes)
        how = yaml.safe_dump(pod.config)
    with open(pod.config_path, "w", encoding="utf-8") as f:
        f.write(how)


def reload(pod, how=None, result="done", **changes):
    rewrite(pod, how, **changes)
    before = pod.metric("wsidecar_config_reloads_total", result=result)
    pod.process.send_signal(signal.SIGHUP)
    wait_until(lambda: pod.metric("wsidecar_config_reloads_total", result=result) > before, what=f"a reload that is {result}")


def test_passed_requests_and_tunnels_go_to_another_app_too(world):
    pod = world.pod(http="pass", routes=[{"path": "/ws/{rest...}"}])
    other = world.app()
    assert http(pod.port, "GET", "/page").status == 200
    assert [r.target for r in pod.app.requests] == ["/page"]
    reload(pod, app={"url": other.url})
    assert http(pod.port, "GET", "/page").status == 200
    with pytest.raises(Refused):
        pod.connect("/a-tunnel")
    pod.connect("/ws/a")
    wait_until(lambda: len(other.requests) == 3, 3, "all of them at the other app")
    assert {r.target for r in other.requests} == {"/page", "/a-tunnel", "/ws/a"}
    assert [r.target for r in pod.app.requests] == ["/page"]


def test_routes_and_limits_change_and_connections_stay(world):
    pod = world.pod(routes=[{"path": "/old"}])
    c = world.connect(pod, "alice", path="/old")
    with pytest.raises(Refused):
        pod.connect("/new")
    reload(pod, routes=[{"path": "/new", "limits": {"message": "1KiB"}}], max_connections=2)
    with pytest.raises(Refused) as e:
        pod.connect("/old")
    assert e.value.status == 404
    new = pod.connect("/new")
    with pytest.raises(Refused) as e:
        pod.connect("/new")
    assert e.value.status == 503
    new.send("x" * 2000)
    assert new.closed()[0] == 1009
    c.send("x" * 2000)
    assert pod.app.wait_event("message").body == b"x" * 2000
    world.publish("user:alice", "still here")
    assert c.recv() == "still here"
    said = pod.wait_logged(component="reload", key="routes")
    assert said and pod.logged(component="reload", key="max_connections", to=2) or pod.logged(key="max_connections", to="2")


def test_what_takes_a_restart_is_said_and_left_as_it_is(world):
    pod = world.pod()
    reload(pod, prefix="other:", lease="20s")
    assert pod.wait_logged("takes a restart", key="prefix") and pod.wait_logged("takes a restart", key="lease")
    c = world.connect(pod, "alice")
    world.publish("user:alice", "same prefix")
    assert c.recv() == "same prefix"


def test_a_bad_file_changes_nothing_and_every_problem_is_said(world):
    pod = world.pod(routes=[{"path": "/old"}])
    reload(pod, "routes: [{path: /new}]\npings: 3s\nlease: soon\n", result="refused")
    assert pod.wait_logged("pings") and pod.wait_logged("lease")
    pod.connect("/old")
    reload(pod)
    assert pod.metric("wsidecar_config_reloads_total", result="done") == 1


def test_a_misspelt_variable_is_warned_of_once(world):
    pod = world.pod(environment={"WSIDECR_REDIS_URL": "redis://elsewhere", "wsidecar_ping": "1s", "SIDECAR_PING": "1s"})
    reload(pod, ping="20s")
    said = [r["message"] for r in pod.logged("environment variable")]
    assert len(said) == 2 and "WSIDECR_REDIS_URL" in " ".join(said) and "wsidecar_ping" in " ".join(said), said


def test_a_changed_file_is_noticed_without_a_signal(world):
    pod = world.pod(routes=[{"path": "/old"}])
    rewrite(pod, routes=[{"path": "/new"}])
    wait_until(lambda: pod.metric("wsidecar_config_reloads_total", result="done") == 1, 15, "the look every 10 s")
    pod.connect("/new")


def test_another_app_address_is_for_the_next_event(world):
    pod = world.pod()
    c = world.connect(pod)
    other = world.app()
    reload(pod, app={"url": other.url})
    c.send("to the new one")
    assert other.wait_event("message").text == "to the new one"


def certificate(folder, name):
    cert, key = os.path.join(folder, "cert.pem"), os.path.join(folder, "key.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
                    f"/CN={name}", "-keyout", key, "-out", cert], check=True, capture_output=True)
    return cert, key


def served(pod):
    pem = ssl.get_server_certificate(("127.0.0.1", pod.port))
    out = subprocess.run(["openssl", "x509", "-noout", "-subject"], input=pem, capture_output=True, text=True, check=True)
    return out.stdout.strip().rsplit("=", 1)[1].strip()


def test_a_new_certificate_is_served_and_a_broken_one_is_not(world, tmp_path):
    cert, key = certificate(tmp_path, "first")
    pod = world.pod(listen={"address": "127.0.0.1:0", "tls": {"cert": cert, "key": key}})
    assert served(pod) == "first"
    certificate(tmp_path, "second")
    reload(pod)
    assert served(pod) == "second"
    with open(cert, "w", encoding="utf-8") as f:
        f.write("no certificate")
    reload(pod, result="refused")
    assert served(pod) == "second"


def test_a_new_token_opens_the_admin_address(world, tmp_path):
    token = tmp_path / "token"
    token.write_text("first\n")
    pod = world.pod(admin={"address": "127.0.0.1:0", "token_file": str(token)})
    token.write_text("second\n")
    reload(pod)
    assert pod.wait_logged(component="reload", key="admin.token_file")


