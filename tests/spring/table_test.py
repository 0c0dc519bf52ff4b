"""Table ordering: everyone at a table but who ordered, behind the nginx that the app always had. No line of Java is added."""

import json

import pytest

from support.nginx import LOCATION, Nginx
from support.spring import Browser
from support.ws import Refused

ORIGIN = ("Origin", "https://shop.example")
COOKIE = ("Cookie", "JSESSIONID=1234")
SERIALIZERS = ["string", "json", "genericJson", "jdk"]


@pytest.fixture(scope="module")
def stage(make_stage):
    return make_stage("table", arguments=["--spring.main.sources=com.example.deleted"])


@pytest.fixture(scope="module")
def front(stage):
    nginx = Nginx([p.port for p in stage.pods])
    yield nginx
    nginx.close()


def order(stage, at=0, **form):
    Browser().post(stage.replicas[at].port, "/orders", form, expect=200)


@pytest.mark.parametrize("serializer", SERIALIZERS)
def test_the_others_at_the_table_see_the_order_however_it_was_serialized(stage, front, serializer):
    # Round robin: the diners of one table are on both pods.
    table = f"T8-{serializer}"
    u1, u2, u3 = (stage.connect(front, f"/wsapp/{table}/{u}", [ORIGIN, COOKIE]) for u in ("u1", "u2", "u3"))
    other = stage.connect(front, f"/wsapp/T9-{serializer}/u4", [ORIGIN, COOKIE])
    order(stage, 1, serializer=serializer, tableId=table, **{"from": "u1"}, dish="鱼香肉丝")
    expected = {"tableId": table, "from": "u1", "dish": "鱼香肉丝", "count": 2, "price": 12.5, "wishes": ["hot"]}
    for c in (u2, u3):
        text = c.recv()
        assert json.loads(text) == expected and "12.50" in text
    for c in (u1, other):
        c.hears_nothing(0.2)


def test_diners_are_on_both_pods(stage, front):
    before = [p.metric("wsidecar_connections") for p in stage.pods]
    for u in ("a", "b"):
        stage.connect(front, f"/wsapp/T1/{u}", [ORIGIN])
    assert [p.metric("wsidecar_connections") for p in stage.pods] == [n + 1 for n in before]


def test_the_old_endpoint_sent_the_same(stage):
    """The one serializer that the old listener could read."""
    path = "/wsapp/T5/"
    old = [stage.connect_to_endpoint(r, path + "u2") for r in stage.replicas]
    new = [stage.connect(p, path + "u2") for p in stage.pods]
    sender = [stage.connect_to_endpoint(stage.replicas[0], path + "u1"), stage.connect(stage.pods[0], path + "u1")]
    order(stage, serializer="json", tableId="T5", **{"from": "u1"}, dish="noodles")
    frames = [json.loads(c.recv()) for c in old + new]
    assert frames == [frames[0]] * 4
    for c in sender:
        c.hears_nothing(0.2)


@pytest.mark.parametrize("serializer", SERIALIZERS)
def test_a_bare_text_for_everybody_is_that_text(stage, serializer):
    """`convertAndSend(TOPIC, "hello")`, with `to: {all: true}`."""
    source = {"channel": "websocket:order_food", "to": {"all": True}}
    pod = stage.pod(stage.replicas[0], prefix=f"hello-{serializer}:", sources=[source])
    clients = [stage.connect(pod, f"/wsapp/{t}/u") for t in ("T1", "T2")]
    Browser().post(stage.replicas[1].port, "/hello", {"serializer": serializer}, expect=200)
    for c in clients:
        assert c.recv() == "hello"


def test_a_request_that_is_no_upgrade_goes_to_the_app_though_nginx_says_connection_upgrade(front):
    assert Browser().get(front.port, "/wsapp/menu", expect=200).text == "noodles"


def test_another_page_is_refused(stage, front):
    with pytest.raises(Refused) as refused:
        stage.connect(front, "/wsapp/T8/u1", [("Origin", "https://evil.example"), COOKIE])
    assert refused.value.status == 403


def test_without_origins_every_page_is_refused_and_told_the_setting_until_nginx_says_the_host(stage):
    pod = stage.pod(stage.replicas[0], origins="same")
    with_host = LOCATION.replace("proxy_http_version", "proxy_set_header Host $host;\n            proxy_http_version")
    bare, full = Nginx([pod.port]), Nginx([pod.port], with_host)
    try:
        with pytest.raises(Refused) as refused:
            stage.connect(bare, "/wsapp/T8/u1", [ORIGIN, COOKIE])
        assert refused.value.status == 403 and "origins" in refused.value.response.text
        c = stage.connect(full, "/wsapp/T7/u1", [ORIGIN, COOKIE])
        order(stage, serializer="string", tableId="T7", **{"from": "u2"}, dish="tea")
        assert json.loads(c.recv())["dish"] == "tea"
    finally:
        bare.close()
        full.close()
