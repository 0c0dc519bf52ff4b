"""A route's `jwt`: who a client is, by a JSON Web Token that wsidecar checks itself."""

import signal
import time

import pytest

from support import stomp
from support.app import echo
from support.sockjs import Refused as SockJsRefused, sockjs
from support.tokens import Key, hs256, key_set, soon
from support.waiting import wait_until
from support.ws import Closed, Refused

SECRET = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def secret_file(tmp_path):
    path = tmp_path / "secret"
    path.write_text(SECRET + "\n")
    return path


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")
    return [Key(folder, alg, kid) for alg, kid in (("RS256", "r1"), ("ES256", "e1"), ("EdDSA", "o1"))]


def pod_with(world, file, kind="secret_file", route=None, **jwt):
    return world.pod(routes=[{"path": "/ws/{rest...}", "jwt": {kind: str(file), **jwt}, **(route or {})}])


def bearer(token):
    return {"Authorization": "Bearer " + token}


def refused(pod, headers=(), reason=None, path="/ws/test", **how):
    before = pod.metric("wsidecar_handshakes_total", result=reason)
    with pytest.raises(Refused) as e:
        pod.connect(path, headers, **how)
    assert e.value.status == 401, e.value
    assert pod.metric("wsidecar_handshakes_total", result=reason) == before + 1, reason
    return e.value.response


def test_the_token_names_the_user_and_his_groups_and_the_app_hears_it(world, secret_file):
    pod = pod_with(world, secret_file, issuer="https://login.example", audience=["shop"], groups="/realm_access/roles")
    claims = {"sub": "张三", "iss": "https://login.example", "aud": ["shop", "x"], "exp": soon(60), "realm_access": {"roles": ["staff"]}}
    c = pod.connect(headers=bearer(hs256(SECRET, claims)))
    event = pod.app.wait_event("connect")
    assert event.header("ce-userid") == "%E5%BC%A0%E4%B8%89"
    assert event.header("ws-user-connections") == "1"
    assert world.publish("user:张三", "to the user") == 1
    assert c.recv() == "to the user"
    world.push({"to": {"group": "staff"}, "text": "to the group"})
    assert c.recv() == "to the group"


def test_what_is_no_good_is_401_before_the_app_is_asked_with_its_reason(world, secret_file):
    pod = pod_with(world, secret_file, issuer="me", audience=["shop"])
    good = {"sub": "alice", "iss": "me", "aud": "shop", "exp": soon(60)}
    assert refused(pod, reason="jwt_missing").header("WWW-Authenticate") == "Bearer"
    for token, reason in ((hs256("x" * 32, good), "jwt_signature"),
                          (hs256(SECRET, {**good, "exp": soon(-60)}), "jwt_expired"),
                          (hs256(SECRET, {**good, "nbf": soon(60)}), "jwt_not_yet"),
                          (hs256(SECRET, {**good, "iss": "you"}), "jwt_issuer"),
                          (hs256(SECRET, {**good, "aud": "bank"}), "jwt_audience"),
                          (hs256(SECRET, {**good, "sub": ""}), "jwt_claims"),
                          (hs256(SECRET, good, alg="none"), "jwt_algorithm"),
                          (hs256(SECRET, good, alg="HS512"), "jwt_algorithm"),
                          (hs256(SECRET, good).rpartition(".")[0] + ".", "jwt_signature"),
                          ("x", "jwt_malformed")):
        answer = refused(pod, bearer(token), reason)
        assert answer.header("WWW-Authenticate") == 'Bearer error="invalid_token"'
    # A clock may be off a little, 30 s by default.
    pod.connect(headers=bearer(hs256(SECRET, {**good, "exp": soon(-20), "nbf": soon(20)})))
    assert len(pod.app.events("connect")) == 1
    assert pod.logged("see the route's", reason="jwt_missing")  # once in a burst
    assert not any(part in line for line in pod.raw_output for part in (SECRET, hs256(SECRET, good).split(".")[2]))


def test_keys_of_each_kind_in_one_set_and_no_public_key_is_a_secret(world, keys, tmp_path):
    file = tmp_path / "jwks.json"
    file.write_text(key_set(*keys))
    pod = pod_with(world, file, "jwks_file")
    for key in keys:
        pod.connect(headers=bearer(key.token({"sub": "user-of-" + key.kid})))
        wait_until(lambda: pod.app.events("connect")[-1].header("ce-userid") == "user-of-" + key.kid, what=key.alg)
        refused(pod, bearer(key.token({"sub": "a"}, kid="other")), "jwt_key")
        for public in (key.public_der, key.jwk.get("n", key.jwk.get("x")), file.read_text()):
            refused(pod, bearer(hs256(public, {"sub": "admin"}, kid=key.kid)), "jwt_algorithm")


def test_where_it_is_looked_for(world, secret_file):
    token = hs256(SECRET, {"sub": "alice"})
    pod = pod_with(world, secret_file, **{"from": ["header", "cookie", "subprotocol", "query:ticket"]})
    same = [("Origin", "https://shop.example")]
    pod.connect(headers=bearer(token))
    pod.connect(headers=[("Cookie", "a=b; access_token=" + token)])
    pod.connect("/ws/test?x=1&ticket=" + token)
    # Browsers end a connection whose 101 takes none of what they offered.
    assert pod.connect(headers=same, subprotocols=["bearer", token]).response.header("Sec-WebSocket-Protocol") == "bearer"
    assert pod.connect(headers=same, subprotocols=[token]).response.header("Sec-WebSocket-Protocol") == token
    assert len(pod.app.events("connect")) == 5
    assert {e.header("ce-userid") for e in pod.app.events("connect")} == {"alice"}
    # A cookie comes with a foreign page's handshake too: the origin is looked at first.
    with pytest.raises(Refused) as e:
        pod.connect(headers=[("Cookie", "access_token=" + token), ("Origin", "https://evil.example")])
    assert e.value.status == 403


def test_a_chosen_subprotocol_goes_before_bearer(world, secret_file):
    pod = pod_with(world, secret_file, route={"subprotocols": ["v1.acme"]})
    c = pod.connect(subprotocols=["v1.acme", "bearer", hs256(SECRET, {"sub": "alice"})])
    assert c.response.header("Sec-WebSocket-Protocol") == "v1.acme"


def test_a_place_that_is_not_named_is_not_looked_at(world, secret_file):
    token = hs256(SECRET, {"sub": "alice"})
    pod = pod_with(world, secret_file)
    refused(pod, [("Cookie", "access_token=" + token)], "jwt_missing")
    refused(pod, (), "jwt_missing", path="/ws/test?access_token=" + token)


def test_a_token_that_expires_closes_the_connection_with_4401(world, secret_file):
    pod = pod_with(world, secret_file)
    pod.app.answer(message=echo)
    c = pod.connect(headers=bearer(hs256(SECRET, {"sub": "alice", "exp": soon(1.5)})))
    stays = pod.connect(headers=bearer(hs256(SECRET, {"sub": "alice", "exp": soon(3600)})))
    c.send("before")
    assert c.recv() == "before"
    began = time.monotonic()
    with pytest.raises(Closed) as e:
        c.recv(timeout=5)
    assert e.value.code == 4401 and time.monotonic() - began < 3
    assert pod.app.wait_event("disconnect").header("ws-close-code") == "4401"
    stays.send("still here")
    assert stays.recv() == "still here"


def test_stomp_and_sockjs_clients_need_it_too_and_end_when_it_expires(world, secret_file):
    pod = world.pod(routes=[{"path": "/stomp", "protocol": "stomp", "jwt": {"secret_file": str(secret_file)}},
                            {"path": "/sock", "protocol": "sockjs", "jwt": {"secret_file": str(secret_file)}}])
    with pytest.raises(Refused):
        stomp.Stomp(pod.port)
    c = stomp.Stomp(pod.port, headers=bearer(hs256(SECRET, {"sub": "alice", "exp": soon(1.5)})))
    assert pod.app.wait_event("connect").header("ce-userid") == "alice"
    c.error(4401)
    with pytest.raises(SockJsRefused) as e:
        sockjs("xhr", pod.port)
    assert e.value.status == 401
    s = sockjs("xhr", pod.port, headers=bearer(hs256(SECRET, {"sub": "bob", "exp": soon(1.5)})))
    assert s.closed(5) == (4401, "token expired")


def test_keys_change_without_a_restart_and_a_bad_file_changes_nothing(world, keys, tmp_path):
    file = tmp_path / "jwks.json"
    old, new = keys[0], keys[1]
    file.write_text(key_set(old))
    pod = pod_with(world, file, "jwks_file")
    pod.connect(headers=bearer(old.token({"sub": "a"})))
    refused(pod, bearer(new.token({"sub": "a"})), "jwt_algorithm")

    def reload(result):
        before = pod.metric("wsidecar_config_reloads_total", result=result)
        pod.process.send_signal(signal.SIGHUP)
        wait_until(lambda: pod.metric("wsidecar_config_reloads_total", result=result) > before, what=f"a reload that is {result}")

    file.write_text(key_set(old, new))
    reload("done")
    pod.connect(headers=bearer(old.token({"sub": "a"})))
    pod.connect(headers=bearer(new.token({"sub": "a"})))
    file.write_text("{}")
    reload("refused")
    assert pod.logged("JSON Web Key Set")
    pod.connect(headers=bearer(new.token({"sub": "a"})))
    file.write_text(key_set(new))
    reload("done")
    refused(pod, bearer(old.token({"sub": "a"})), "jwt_algorithm")


def test_a_changed_key_file_is_noticed_without_a_signal(world, keys, tmp_path):
    file = tmp_path / "jwks.json"
    file.write_text(key_set(keys[0]))
    pod = pod_with(world, file, "jwks_file")
    file.write_text(key_set(keys[2]))
    wait_until(lambda: pod.metric("wsidecar_config_reloads_total", result="done") == 1, 15, "the look every 10 s")
    pod.connect(headers=bearer(keys[2].token({"sub": "a"})))
