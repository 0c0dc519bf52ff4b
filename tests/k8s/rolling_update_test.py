"""Pods of the chart, replaced one after the other under load: nothing is lost, nobody is sent away all at once."""

import asyncio
import collections
import contextlib
import json
import time

import pytest

from chaos.fleet import Fleet
from chaos.ledger import Ledger
from chaos.producer import Producer
from chaos.stage import Stage
from k8s.cluster import Cluster, Talker

CLIENTS, PUSHES, MESSAGES = 2000, 500, 200  # a second
DELAY, PERIOD = 2, 10


class Rolling(Stage):
    """The accounting of the chaos tests, over a cluster of pods."""

    def __init__(self, cluster, clients, pushes, seed=1):  # not the chaos stage's own: pods come from the chart
        self.cluster, self.redis, self.prefix = cluster, cluster.redis, cluster.PREFIX
        self.ledger = Ledger()
        self.fleet = Fleet([cluster.balancer.port], clients, seed, kind=Talker)
        self.producer = Producer(self.ledger, self.redis.port, self.prefix + "outbox", [c.user for c in self.fleet.clients], pushes, seed)

    async def talk(self, rate):
        """Clients say something to the app, `rate` times a second in all."""
        started, said = time.monotonic(), 0
        while True:
            await asyncio.sleep(0.01)
            due = int((time.monotonic() - started) * rate) - said
            said += due
            for client in self.fleet.random.choices(self.fleet.clients, k=due):
                if client.open and not client.closing:
                    client.say()


@pytest.fixture
def cluster():
    with contextlib.ExitStack() as made:
        yield lambda **how: made.enter_context(contextlib.closing(Cluster(**how)))


def closes_of(pod, clients):
    """Seconds from the pod's end being called for to each close frame of it: pods end one after the other."""
    last = max(c.ended_at for c in pod.everyone())
    return sorted(when - pod.terminating_at for client in clients for when, _ in client.closes if pod.terminating_at <= when <= last)


def ledger_of_app(pod):
    return json.loads(pod.containers[-1].logs().strip().splitlines()[-1])


def ended_as_it_should(pod, grace):
    """Order, exit codes, time: what the kubelet would have seen."""
    sidecar = next(c for c in pod.everyone() if c.spec["name"] == "wsidecar")
    app = next(c for c in pod.containers if c.spec["name"] == "app")
    assert pod.killed == [], pod.notes
    assert sidecar.exit == 0 and sidecar.hook_code == 0 and app.exit == 0, (pod.notes, sidecar.logs()[-3000:])
    assert max(sidecar.ended_at, app.ended_at) - pod.terminating_at < grace, pod.notes
    assert pod.liveness_failures() == 0
    if sidecar.native:
        assert sidecar.ended_at >= app.ended_at
        assert sidecar.ended_at - max(app.ended_at, sidecar.hook_ended_at) < 2, f"SIGTERM after a drain ends it at once: {pod.notes}"


@pytest.mark.slow
def test_three_pods_are_replaced_under_load(cluster):
    c = cluster(config={"drain": {"delay": f"{DELAY}s", "period": f"{PERIOD}s"}, "lease": "5s"}, sidecar={"appStopSeconds": 5, "appPreStop": "exec"})
    first = [c.start() for _ in range(3)]
    stage = Rolling(c, CLIENTS, PUSHES)
    everyone = list(first)

    async def play():
        await stage.fleet.start()
        stage.producer.start()
        talking = asyncio.ensure_future(stage.talk(MESSAGES))
        await asyncio.sleep(3)
        for old in first:
            everyone.append(await asyncio.to_thread(c.start))
            await asyncio.to_thread(c.end, old)
        await asyncio.sleep(3)
        talking.cancel()
        await asyncio.to_thread(stage.producer.stop)
        await stage.settle(30)
        account = stage.ledger.close(stage.fleet.clients, await asyncio.to_thread(stage.left_in_redis))
        await stage.fleet.end()
        await asyncio.gather(*(asyncio.to_thread(c.end, pod) for pod in list(c.pods)))
        return account

    account = asyncio.run(play())
    clients = stage.fleet.clients
    asked, answered = sum(x.asked for x in clients), sum(len(x.answered) for x in clients)
    cut = sorted(age for x in clients for age in x.cut)
    print(f"\n{account}\nmessages {asked}, answered {answered}, answered twice {sum(x.repeated for x in clients)}, crossed with a close: "
          f"{len(cut)}, the oldest {max(cut, default=0) * 1000:.0f} ms")
    for pod in first:
        mine = closes_of(pod, clients)
        seconds = collections.Counter(int(t) for t in mine)
        print(f"{pod.name}: {len(mine)} closes in {min(mine):.1f} to {max(mine):.1f} s, in each second {dict(sorted(seconds.items()))}; app {ledger_of_app(pod)}")
        for note in pod.notes:
            print("   ", *note)

    # What crossed with a close on the wire reached the app, but its answer had no connection any more: the client said it again.
    taken = sum(ledger_of_app(pod)["message"] for pod in everyone)
    print(f"messages that the apps took: {taken}")

    assert account.accepted > 10_000 and account.breaches() == [] and account.kept == 0 and account.repeated == 0, account
    assert answered == asked > 5_000
    assert asked <= taken <= asked + len(cut) and len(cut) < asked / 100
    for pod in first:
        ended_as_it_should(pod, pod.spec["terminationGracePeriodSeconds"])
        app = ledger_of_app(pod)
        assert app["answers_cut"] == 0 and app["connect"] == app["disconnect"], app
        mine = closes_of(pod, clients)
        assert len(mine) > CLIENTS / 6 and min(mine) >= DELAY - 0.1 and max(mine) <= DELAY + PERIOD + 1
        assert max(mine) - min(mine) > 0.7 * PERIOD
        assert max(collections.Counter(int(t) for t in mine).values()) < 2 * len(mine) / PERIOD
    assert {code for client in clients for _, code in client.closes} == {1001}


@pytest.mark.slow
@pytest.mark.parametrize("kubernetes", ["1.28", "1.34"])
def test_a_pod_starts_and_ends_in_order(cluster, kubernetes):
    """1.28: the sidecar is a plain container, gets its SIGTERM when its hook is done, and the app its own."""
    c = cluster(config={"drain": {"delay": "1s", "period": "1s"}}, sidecar={"appStopSeconds": 2}, kubernetes=kubernetes)
    pod, other = c.start(), c.start()
    stage = Rolling(c, 60, 60)

    async def play():
        await stage.fleet.start()
        stage.producer.start()
        talking = asyncio.ensure_future(stage.talk(60))
        await asyncio.sleep(0.5)
        await asyncio.to_thread(c.end, pod)
        talking.cancel()
        await asyncio.to_thread(stage.producer.stop)
        await stage.settle(15)
        account = stage.ledger.close(stage.fleet.clients, await asyncio.to_thread(stage.left_in_redis))
        await stage.fleet.end()
        return account

    account = asyncio.run(play())
    assert account.accepted > 60 and account.breaches() == [] and account.repeated == 0, account
    assert sum(len(x.answered) for x in stage.fleet.clients) == sum(x.asked for x in stage.fleet.clients) > 60
    order = [what for _, what in pod.notes]
    assert order[:3] == (["wsidecar runs", "wsidecar has started", "app runs"] if kubernetes == "1.34" else ["wsidecar runs", "app runs", "ready"])
    ended_as_it_should(pod, pod.spec["terminationGracePeriodSeconds"])
    app = ledger_of_app(pod)
    assert app["connect"] == app["disconnect"] == 30 and app["answers_cut"] == 0, app
    assert other.ready and {code for x in stage.fleet.clients for _, code in x.closes} == {1001}
