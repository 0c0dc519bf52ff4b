"""Undertow and Jetty in Tomcat's place: the same handlers, endpoint classes and STOMP methods, and clients are shown the same."""

import itertools
import time

import pytest

from support.kept import same
from support.spring import Browser
from support.stomp import Stomp
from support.waiting import wait_until


@pytest.fixture(scope="module", params=["undertow", "jetty"])
def server(request):
    return request.param


@pytest.fixture(scope="module")
def now(make_kept, server):
    return make_kept(server, sources="", lease="1s", outbox={"grace": "100ms"}, prefix=f"{server}:",
                     arguments=[f"--wsidecar.prefix={server}:", "--wsidecar.send=channel"])


@pytest.fixture(scope="module")
def then(make_kept, server):
    return make_kept(server, sources="", pods=False, replicas=1)


def test_it_is_this_server(now, server):
    assert any(f"{server.capitalize()} started on port" in line for line in now.replicas[0].lines)


@pytest.mark.parametrize("path", ["/rough", "/rough-endpoint"])
def test_messages_come_back_in_order_on_each_replica(now, then, path):
    def play(stage):
        shown = []
        for n in range(2):
            c = stage.connect(stage.front(n % len(stage.replicas)), f"{path}?order{n}&")
            for m in ("hi 世界", "x" * 5000, "send 20"):
                c.send(m)
            shown.append([c.recv() for _ in range(22)])
            c.close(4003, "bye")
        return shown

    assert same(now, then, play) == [["hi 世界", "x" * 5000, *(f"n{i}" for i in range(20))]] * 2


@pytest.mark.parametrize("path", ["/rough", "/rough-endpoint"])
def test_handlers_hear_how_their_clients_went(now, then, path):
    def play(stage):
        c = stage.connect(stage.front(0), f"{path}?went{path[1:]}&")
        c.send("x")
        c.recv()
        c.close(4002, "bye")
        calls = f"/calls?name=went{path[1:]}"
        wait_until(lambda: Browser().get(stage.replicas[0].port, calls, expect=200).text != "[]", 10, "it is called")
        return Browser().get(stage.replicas[0].port, calls, expect=200).text

    assert same(now, then, play) == f'["went{path[1:]} closed 4002"]'


def test_a_refused_connection_has_the_handlers_code(now, then):
    assert same(now, then, lambda stage: stage.connect(stage.front(0), "/rough?refused&close").until_closed()[1]) == 1008


def test_stomp(now, then):
    def play(stage):
        clients = []
        for n in range(2):
            c = Stomp(stage.front(n % len(stage.replicas)).port, "/rough-stomp", login=f"user{n}")
            stage.clients.append(c.ws)
            clients.append(c)
            for destination in ("/user/queue/told", "/topic/all"):
                c.frame("SUBSCRIBE", {"id": destination, "destination": destination})
        time.sleep(1)  # the simple broker gives no receipts
        clients[0].send("/app/later", "x")
        shown = [clients[0].message().body]
        clients[0].send("/app/tell", "user1 psst")
        shown.append(clients[1].message().body)
        clients[1].send("/app/everyone", "hello")
        shown += [c.message().body for c in clients]
        for c in clients:
            c.ws.close()
        return shown

    assert same(now, then, play) == ["later x", "psst", "hello", "hello"]


def test_a_message_goes_by_the_channel_or_by_the_list(now, server):
    """wsidecar.send says channel here, and a message's own header says otherwise."""
    c = Stomp(now.front(0).port, "/rough-stomp", login="sender").subscribe("/topic/all", "a")
    with now.redis.monitor() as monitor:
        for destination in ("/app/everyone", "/app/everyone-by-list"):
            c.send(destination, destination)
            assert c.message().body == destination
        now.redis.echo("that was all")
        said = list(itertools.takewhile(lambda command: "that was all" not in command, (one["command"] for one in monitor.listen())))
    c.ws.close()
    ways = [one.split()[:2] for one in said  # and not what the end of an earlier session says
            if one.startswith((f"PUBLISH {server}:push ", f"RPUSH {server}:outbox ")) and "/app/everyone" in one]
    assert ways == [["PUBLISH", f"{server}:push"], ["RPUSH", f"{server}:outbox"]]
