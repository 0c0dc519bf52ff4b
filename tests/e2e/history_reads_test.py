"""How much of histories may be on its way at once: charged before Redis is asked, whoever asks, and nobody loses anything by it."""

import threading
import time

import pytest

from support.app import commands
from support.http import HttpConnection, request_bytes
from support.sse import Sse
from support.stomp import Stomp
from support.waiting import wait_until

SIZE = 2_000
KEPT = 100
ROUTES = [{"path": "/ws/{rest...}", "sse": True}, {"path": "/named/{user}", "sse": True, "user": "{user}", "groups": ["table-7"]},
          {"path": "/stomp", "protocol": "stomp", "limits": {"queue": "4MiB"}}]


@pytest.fixture
def pod(world):
    pod = world.pod(routes=ROUTES, history=[{"name": "all"}, {"name": "group:*", "count": 1000}, {"name": "destination:*", "count": 1000}],
                    handshakes_per_user=0)
    pod.app.answer(connect=commands(("Ws-Join", "table-7"), ("Ws-History", f"table-7={KEPT}")))
    return pod


def keep(world, to):
    world.push(*({"to": to, "text": f"{n:04}" + "x" * SIZE} for n in range(KEPT)))
    wait_until(lambda: not world.redis.exists(world.key("outbox")), 10, "the routing")


class Watched:
    """The highest use that the metric shows meanwhile."""

    def __init__(self, pod):
        self.pod, self.most, self.ended = pod, 0, threading.Event()
        self.thread = threading.Thread(target=self.watch)

    def watch(self):
        while not self.ended.is_set():
            self.most = max(self.most, self.pod.metric("wsidecar_limit_used", name="history.reads"))
            time.sleep(0.01)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()


def all_at_once(pod, count, path):
    """Asks for `count` streams behind the first message, each from another address, before it reads any of them."""
    first = Sse(pod.port, path)
    at = first.recv().id
    first.close()
    asked = [Unread(pod.port, path, [("Last-Event-ID", at), ("X-Forwarded-For", f"203.0.113.{n}")]) for n in range(count)]
    return [s.begin() for s in asked]


class Unread(Sse):
    """Sends its request, and reads the answer when it is told to."""

    timeout = 30

    def __init__(self, port, path, headers):
        self.connection = HttpConnection(port, self.timeout)
        self.sock = self.connection.sock
        self.connection.send(request_bytes("GET", path, [("Accept", "text/event-stream"), *headers]))

    def begin(self):
        self.response = self.connection.head()
        assert self.response.status == 200
        self.chunked = self.response.header("Transfer-Encoding") == "chunked"
        self.events, self.comments, self.retry, self.last_id, self.ended = [], [], None, "", None
        self._raw, self._text = b"", ""
        self._data, self._type, self._id = [], "", ""
        return self


def whole(streams):
    for s in streams:
        assert [int(s.message(30)[:4]) for _ in range(1, KEPT)] == list(range(1, KEPT))


def test_many_resumes_at_once_stay_within_the_bound_and_each_is_whole(world, pod):
    keep(world, {"group": "table-7"})
    most = pod.metric("wsidecar_limit", name="history.reads")
    with Watched(pod) as watched:
        whole(all_at_once(pod, 80, "/ws/test"))
    assert 0 < watched.most <= most
    assert pod.metric("wsidecar_limit_hits_total", name="history.reads") > 0, "some have waited for others"
    assert pod.metric("wsidecar_history_problems_total", reason="unread") == 0
    assert pod.metric("wsidecar_limit_used", name="history.reads") == 0


def test_one_users_many_connections_read_a_few_at_once(world, pod):
    keep(world, {"group": "table-7"})
    whole(all_at_once(pod, 40, "/named/alice"))
    assert pod.metric("wsidecar_limit_hits_total", name="history.reads_per_client") > 0
    assert pod.metric("wsidecar_limit_used", name="history.reads") == 0


def test_one_stomp_clients_many_subscriptions_read_a_few_at_once(world, pod):
    for n in range(8):
        keep(world, {"destination": f"/topic/{n}"})
    c = Stomp(pod.port, "/stomp")
    world.redis.execute_command("CLIENT", "PAUSE", 500, "ALL")  # so that none of the eight is read before the last one is asked for
    for n in range(8):
        c.frame("SUBSCRIBE", {"id": f"s{n}", "destination": f"/topic/{n}", "history": str(KEPT), "receipt": f"r{n}"})
    got = {}
    receipts = 0
    while receipts < 8:
        f = c.recv(20)
        if f.command == "RECEIPT":
            receipts += 1
        else:
            got.setdefault(f.headers["subscription"], []).append(int(f.body[:4]))
    assert got == {f"s{n}": list(range(KEPT)) for n in range(8)}
    assert pod.metric("wsidecar_limit_hits_total", name="history.reads_per_client") > 0
    assert pod.metric("wsidecar_limit_used", name="history.reads") == 0
