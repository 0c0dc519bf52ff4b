"""Redis, an app, pods on fixed ports that can be killed and replaced, a fleet of clients, and the ledger over all of it."""

import asyncio
import json
import os
import random
import socket
import subprocess
import sys
import time
import urllib.request

from chaos.fleet import Fleet
from chaos.ledger import Ledger
from chaos.producer import Producer
from support.pod import Pod, next_binary
from support.redis_server import Redis


def free_ports(count):
    """Below the ephemeral range: a port waits here for its pod to come back."""
    held = []
    while len(held) < count:
        s = socket.socket()
        try:
            s.bind(("127.0.0.1", random.randrange(15000, 32000)))
            held.append(s)
        except OSError:
            s.close()
    ports = [s.getsockname()[1] for s in held]
    for s in held:
        s.close()
    return ports


class Stage:
    def __init__(self, pods, clients, rate, seed, lease="2s", redis_options=None, config=None):
        self.random = random.Random(seed)
        self.redis = Redis(**(redis_options or {}))
        self.prefix = f"chaos-{os.getpid()}:"
        self.app_port = 0
        self.start_app()
        self.lease, self.config = lease, config or {}
        self.program = None  # of the pods that start from now on; none: the binary under test
        self.ports = free_ports(pods)
        self.pods = [self.start_pod(n) for n in range(pods)]
        self.ledger = Ledger()
        self.fleet = Fleet(self.ports, clients, seed)
        self.producer = Producer(self.ledger, self.redis.port, self.prefix + "outbox", [c.user for c in self.fleet.clients], rate, seed)

    def start_app(self):
        self.app = subprocess.Popen([sys.executable, os.path.join(os.path.dirname(__file__), "app_stub.py"), str(self.app_port)],
                                    stdout=subprocess.PIPE, text=True)
        self.app_port = int(self.app.stdout.readline())

    def end_app(self):
        self.app.kill()
        self.app.wait()
        self.app.stdout.close()

    def start_pod(self, n):
        return Pod({"listen": {"address": f"127.0.0.1:{self.ports[n]}"}, "admin": {"address": "127.0.0.1:0"},
                    "app": {"url": f"http://127.0.0.1:{self.app_port}"}, "redis": {"url": self.redis.url}, "prefix": self.prefix,
                    "lease": self.lease, "drain": {"delay": "100ms", "period": "1s"},
                    "routes": [{"path": "/ws/{user}", "user": "{user}"}], **self.config}, name=f"pod-{n}", wait="", program=self.program)

    # ------------------------------------------------------------------------------------------------- faults

    def kill_pod(self):
        """kill -9, and a new one on its port after a moment, as Kubernetes does."""
        n = self.random.randrange(len(self.pods))
        self.ledger.fault(f"kill -9 of pod {n}")
        self.pods[n].kill()
        self.pods[n].close()
        self.pods[n] = self.start_pod(n)

    def freeze_pod(self, seconds):
        n = self.random.randrange(len(self.pods))
        self.ledger.fault(f"pod {n} stands still for {seconds:.1f} s")
        self.pods[n].pause()

        def go_on():
            self.pods[n].resume()
            self.ledger.fault(f"pod {n} goes on")
        asyncio.get_running_loop().call_later(seconds, go_on)

    def upgrade_pod(self, n):
        """To the next release."""
        self.program = next_binary()
        self.replace_pod(n)

    def downgrade_pod(self, n):
        self.program = None
        self.replace_pod(n)

    def replace_pod(self, n=None):
        """SIGTERM, its end, a new one: a rolling update's step. No fault: nothing may repeat. Order holds as long as a target's pod lives."""
        n = self.random.randrange(len(self.pods)) if n is None else n
        begun = time.monotonic()
        self.pods[n].terminate()
        code = self.pods[n].wait_exit(15)
        assert code == 0, f"pod {n} ended with {code}"
        self.ledger.moved(begun, time.monotonic())
        self.pods[n].close()
        self.pods[n] = self.start_pod(n)

    def kill_redis(self, down=1.0):
        self.ledger.fault("kill -9 of Redis")
        self.redis.kill()
        time.sleep(down)
        self.redis.start()
        self.ledger.fault("Redis is back")

    def kill_app(self, down=0.5):
        """The app of all pods. No fault of delivery: nothing may repeat."""
        self.end_app()
        time.sleep(down)
        self.start_app()

    def flush_redis(self):
        """All data goes. What had not been delivered is lost with it: not what is accepted from now on."""
        self.ledger.fault("FLUSHALL")
        start = time.monotonic()
        self.redis.client().flushall()
        self.ledger.forgive(time.monotonic() - start + 1.0)  # on a busy machine the command takes its time

    def delete_leases(self):
        self.ledger.fault("leases deleted")
        r = self.redis.client()
        r.delete(*r.scan_iter(self.prefix + "lease:*", count=1000), self.prefix + "router")

    def write_garbage(self, count=200):
        r = self.redis.client()
        for n in range(count):
            r.rpush(self.prefix + "outbox", self.random.choice(
                [b"no json", b"\xff\xfe", b'{"to":{}}', b'{"to":{"user":"u0"},"text":"x","unknown":1}', b"[" * 500, b"{}" * 3,
                 b'{"to":{"user":"u0"},"binary":"*"}']))

    def silence_clients(self, share=0.2):
        """They are there, and read nothing any more: half-open to the server. Their page redials after a while."""
        self.ledger.fault("clients fall silent")
        for c in self.random.sample(self.fleet.clients, int(len(self.fleet.clients) * share)):
            c.fall_silent(3.0)

    def cut_clients(self, share=0.2):
        """RST of some clients: their phones changed the network."""
        self.ledger.fault("clients cut off")
        for c in self.random.sample(self.fleet.clients, int(len(self.fleet.clients) * share)):
            if c.transport is not None:
                c.transport.abort()

    # ---------------------------------------------------------------------------------------------- accounting

    def left_in_redis(self):
        """Ids of pushes that are somewhere in Redis."""
        r = self.redis.client()
        texts = list(r.lrange(self.prefix + "outbox", 0, -1)) + list(r.lrange(self.prefix + "outbox:returned", 0, -1))
        texts += list(r.lrange(self.prefix + "rejected", 0, -1))
        for key in r.scan_iter(self.prefix + "inbox:*", count=1000):
            texts += [fields[b"e"] for _, fields in r.xrange(key)]
        for key in r.scan_iter(self.prefix + "mailbox:user:*", count=1000):
            texts += r.zrange(key, 0, -1)
        out = set()
        for t in texts:
            at = t.find(b'"id":"')
            if at >= 0:
                out.add(t[at + 6:t.index(b'"', at + 6)].decode())
        return out

    async def settle(self, timeout):
        """Until nobody waits for anything, or the time is over."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            missing = self.ledger.accepted.keys() - self.ledger.forgiven - {p.decode() for c in self.fleet.clients for p, _ in c.got}
            if not missing and self.fleet.opened == len(self.fleet.clients) and not await asyncio.to_thread(self.left_in_redis):
                break
            await asyncio.sleep(0.25)
        await asyncio.sleep(0.5)  # what comes twice has come by now

    def events(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.app_port}/ledger", timeout=5) as r:
            return json.load(r)

    def close(self):
        self.producer.stopping.set()
        for p in self.pods:
            p.close()
        self.end_app()
        self.redis.close()


IN_THE_LOOP = {"cut_clients", "freeze_pod", "silence_clients"}  # they touch the clients, or its timers; the others may wait


async def play(stage, seconds, faults, settle=40):
    """Runs the load for `seconds` and each of `faults`, (when, name of a method of Stage, arguments...), at its time. The account
    when all is quiet."""
    await stage.fleet.start()
    stage.producer.start()
    started = time.monotonic()
    for when, name, *arguments in sorted(faults):
        await asyncio.sleep(max(0.0, when - (time.monotonic() - started)))
        fault = getattr(stage, name)
        if name in IN_THE_LOOP:
            fault(*arguments)
        else:
            await asyncio.to_thread(fault, *arguments)
    await asyncio.sleep(max(0.0, seconds - (time.monotonic() - started)))
    await asyncio.to_thread(stage.producer.stop)
    await stage.settle(settle)
    account = stage.ledger.close(stage.fleet.clients, await asyncio.to_thread(stage.left_in_redis))
    await stage.fleet.end()
    return account
