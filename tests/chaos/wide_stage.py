"""Redis (or a master, a replica and Sentinel), an app, many pods, all kinds of clients, and the faults of the wide form."""

import asyncio
import collections
import json
import os
import random
import subprocess
import sys
import tempfile
import time

import redis

from chaos.redises import Masters, SteppedRedis
from chaos.stage import free_ports
from chaos.ways import Ways
from chaos.wide_fleet import WideFleet
from chaos.wide_ledger import WideLedger
from chaos.wide_producer import WideProducer
from support.pod import Pod

LOSES_DATA = {"roll_back", "fail_over", "flush_redis"}
FAULTS = ["kill_pod", "freeze_pod", "replace_pod", "cut_clients", "silence_clients", "kill_app", "delete_leases", "flush_scripts", "write_garbage",
          "kill_redis", "roll_back", "fail_over", "flush_redis", "step_clock", "lose_answer"]


class WideStage:
    def __init__(self, pods, clients, rate, seed, faults=(), lease=2.0, sentinel=False):
        self.random = random.Random(seed)
        self.lease = lease
        self.prefix, self.notices = f"chaos-{os.getpid()}:", f"notices-{os.getpid()}"
        self.directory = tempfile.TemporaryDirectory(prefix="wsidecar-chaos-")
        self.masters = Masters(replicas="fail_over" in faults, sentinel=sentinel, stepped="step_clock" in faults)
        assert not (sentinel and "lose_answer" in faults), "Sentinel leads past the proxy on which answers get lost"
        self.ways = None if sentinel else Ways(self.masters.port) if {"lose_answer", "fail_over"} & set(faults) else None
        self.app_port, self.app_log = 0, os.path.join(self.directory.name, "events")
        self.start_app()
        self.ledger = WideLedger()
        self.ports = free_ports(pods)
        self.lives = [0] * pods
        self.pods = [self.start_pod(n) for n in range(pods)]
        for p in self.pods:
            p.wait_listening()
        self.old_logs = []
        self.fleet, self.producer = self.take_part(clients, rate, seed)

    def take_part(self, clients, rate, seed):
        """(who receives, who pushes)"""
        fleet = WideFleet(self.ports, clients, seed)
        return fleet, WideProducer(self.ledger, self.masters, self.prefix, self.notices, fleet, rate, seed)

    def start_app(self):
        program = os.path.join(os.path.dirname(__file__), "wide_app.py")
        self.app = subprocess.Popen([sys.executable, program, str(self.app_port), self.app_log], stdout=subprocess.PIPE, text=True)
        self.app_port = int(self.app.stdout.readline())

    def end_app(self):
        self.app.kill()
        self.app.wait()
        self.app.stdout.close()

    def start_pod(self, n):
        way = {"url": f"redis://127.0.0.1:{self.ways.port if self.ways else self.masters.port}/0"}
        if self.masters.sentinel:
            way = {"sentinels": [f"127.0.0.1:{self.masters.sentinel.port}"], "master": "chaos"}
        return Pod({"listen": {"address": f"127.0.0.1:{self.ports[n]}"}, "admin": {"address": "127.0.0.1:0"},
                    "app": {"url": f"http://127.0.0.1:{self.app_port}", "retry": {"deadline": "3s"}}, "redis": way, "prefix": self.prefix,
                    "lease": f"{int(self.lease * 1000)}ms", "drain": {"delay": "100ms", "period": "1s"}, "ping": "2s", "pong_timeout": "3s",
                    "mailbox": {"count": 100000, "bytes": "1MiB"},
                    "routes": [{"path": "/ws/{user}/{slot}"}, {"path": "/stomp/{user}/{slot}", "protocol": "stomp"}],
                    "sources": [{"list": self.notices, "to": {"user": "{/for}"}, "data": "/what",
                                 "delivered": {"post": "/delivered", "body": "/what"}}]}, name=f"pod-{n}", wait="")

    # ------------------------------------------------------------------------------------------------- faults

    def kill_pod(self):
        """kill -9, and a new one on its port after a moment, as Kubernetes does."""
        n = self.random.randrange(len(self.pods))
        self.ledger.fault(f"kill -9 of pod {n}")
        now = time.monotonic()
        self.pods[n].kill()
        self.ledger.deaths.append((n, now))
        # What is for its connections goes to its inbox until it is taken over, and then again to their users.
        self.ledger.touch(now - 0.5, time.monotonic() + self.lease + 6, n, "killed")
        self.new_pod(n)

    def new_pod(self, n):
        self.old_logs.append((n, list(self.pods[n].raw_output)))
        self.pods[n].close()
        self.pods[n] = self.start_pod(n)

    def freeze_pod(self, seconds=None):
        n = self.random.randrange(len(self.pods))
        seconds = seconds or self.lease * self.random.uniform(0.5, 3)
        self.ledger.fault(f"pod {n} stands still for {seconds:.1f} s")
        self.ledger.touch(time.monotonic() - 0.5, time.monotonic() + seconds + self.lease + 6, n, "frozen")
        frozen = self.pods[n]
        frozen.pause()

        def go_on():
            if self.pods[n] is frozen and frozen.process.poll() is None:
                frozen.resume()
                self.ledger.fault(f"pod {n} goes on")
        asyncio.get_running_loop().call_later(seconds, go_on)

    def replace_pod(self):
        """SIGTERM, its end, a new one: a rolling update's step. No fault: nothing may repeat."""
        n = self.random.randrange(len(self.pods))
        self.ledger.fault(f"pod {n} is replaced")
        self.pods[n].resume()
        self.pods[n].terminate()
        code = self.pods[n].wait_exit(20)
        assert code == 0, f"pod {n} ended with {code}:\n{self.pods[n].output()}"
        self.new_pod(n)

    def kill_redis(self):
        """It comes back with all that it had."""
        down = self.random.uniform(0.1, 2)
        self.ledger.fault(f"kill -9 of Redis for {down:.1f} s")
        begin = time.monotonic()
        self.masters.kill()
        with self.producer.gate:
            time.sleep(down)
            self.masters.start()
            self.redis_is_back(begin)

    def roll_back(self):
        """appendonly everysec, and the machine dies: the file's last second is not on the disk."""
        lost = self.random.uniform(0.2, 1.0)
        self.ledger.fault(f"kill -9 of Redis, which loses its last {lost:.2f} s")
        begin, end = time.monotonic(), self.masters.size()
        time.sleep(lost)
        self.masters.kill()
        with self.producer.gate:
            self.masters.lose_the_end(end)
            time.sleep(self.random.uniform(0.05, 1))
            self.masters.start()
            self.redis_is_back(begin)
        self.ledger.losses.append((begin, time.monotonic()))

    def fail_over(self):
        """The master dies, and the replica that is promoted has not had its last writes."""
        lost = self.random.uniform(0.05, 0.8)
        self.masters.wait_in_step()
        self.ledger.fault(f"a failover that loses {lost:.2f} s")
        begin = time.monotonic()
        self.masters.cut_off_the_replica()
        time.sleep(lost)
        self.masters.kill()
        with self.producer.gate:
            self.masters.promote()
            self.redis_is_back(begin)
            if self.ways:
                self.ways.lead_to(self.masters.port)
        self.ledger.losses.append((begin, time.monotonic()))
        self.masters.old_master_follows()

    def redis_is_back(self, begin):
        mark = int(self.masters.client().get(self.prefix + "mark") or -1)
        now = time.monotonic()
        self.ledger.came_back(mark)
        self.ledger.outages.append((begin, now + 2))
        if self.ledger.faults and "kill -9 of Redis for" not in self.ledger.faults[-1][1]:
            self.ledger.touch(begin - 3, now + 1, -1, "Redis went back")
        # Until all have registered anew, a part of a push can wait while newer ones go on.
        self.ledger.touch(begin - 0.5, now + 4, -1, "Redis was away", repeats=False)
        self.ledger.fault("Redis is back")

    def flush_redis(self):
        """All data goes, and with it what had not been delivered: not what is accepted from now on."""
        self.ledger.fault("FLUSHALL")
        begin = time.monotonic()
        with self.producer.gate:
            self.masters.client().flushall()
            self.ledger.gone |= set(self.ledger.pushes)
            now = time.monotonic()
            self.ledger.outages.append((begin, now + 2))
            self.ledger.losses.append((now, now))
            self.ledger.touch(begin - 3, now + 2, -1, "FLUSHALL")
            self.ledger.garbage = 0

    def step_clock(self):
        by = self.random.choice([-60, -20, -3, 0, 5, 20, 60])
        self.ledger.fault(f"Redis' clock is off by {by} s")
        for r in (self.masters.master, self.masters.replica):
            if isinstance(r, SteppedRedis):
                r.step(by)

    def lose_answer(self):
        """Of the next script on one link: it was carried out or not. Whatever it moves is there once: nothing is forgiven."""
        for _ in range(5):
            link = self.random.choice(["router", "router", "commands", "commands", "inbox", "subscriber"])
            marker = self.random.choice({"router": ["EVALSHA", "LMOVE", "BLMOVE"], "commands": ["EVALSHA", "delivered", "conn"],
                                         "inbox": ["XREAD"], "subscriber": ["SUBSCRIBE", "PING"]}[link])
            answer = self.random.random() < 0.7
            self.ledger.fault(f"the {'answer to' if answer else 'command'} {marker} of a {link} link is lost")
            if link == "subscriber":
                self.ledger.outages.append((time.monotonic(), time.monotonic() + 6))
            self.ways.lose(link, marker, answer, 0.5)
            time.sleep(0.6)

    def delete_leases(self):
        self.ledger.fault("leases deleted")
        r = self.masters.client()
        r.delete(self.prefix + "router", *r.scan_iter(self.prefix + "lease:*", count=1000))

    def flush_scripts(self):
        self.ledger.fault("SCRIPT FLUSH")
        self.masters.client().script_flush()

    def kill_app(self, down=0.5):
        """The app of all pods. No fault of delivery: nothing may repeat."""
        self.ledger.fault("kill -9 of the app")
        self.ledger.touch(time.monotonic() - 1, time.monotonic() + down + 2, -2, "the app was away")
        self.end_app()
        time.sleep(down)
        self.start_app()

    def write_garbage(self, count=50):
        self.ledger.fault("garbage")
        with self.producer.gate:
            r = self.masters.client()
            for _ in range(count):
                r.rpush(self.prefix + "outbox", self.random.choice(
                    [b"no json", b"\xff\xfe", b'{"to":{}}', b'{"to":{"user":"u0"},"text":"x","unknown":1}', b"[" * 500, b"{}" * 3,
                     b'{"to":{"user":"u0"},"binary":"*"}']))
            r.incr(self.prefix + "garbage", count)

    def silence_clients(self, share=0.1):
        """They are there, and read nothing any more: half-open to the server. Their page redials after a while."""
        self.ledger.fault("clients fall silent")
        for c in self.some_clients(share):
            c.fall_silent(3.0)

    def cut_clients(self, share=0.15):
        """RST of some clients: their phones changed the network."""
        self.ledger.fault("clients cut off")
        for c in self.some_clients(share):
            if c.transport is not None:
                c.transport.abort()

    def some_clients(self, share):
        there = [c for c in self.fleet.clients if c.ready]
        return self.random.sample(there, int(len(there) * share))

    # ---------------------------------------------------------------------------------------------- accounting

    def waiting(self):
        """What Redis still holds of pushes: key -> how many."""
        r = self.masters.client()
        out = {self.notices: n} if (n := r.llen(self.notices)) else {}
        for kind, count in (("outbox*", None), ("parts*", None), ("parked*", None), ("inbox:*", r.xlen), ("overflow:*", None),
                            ("mailbox:user:*", r.zcard), ("mailbox:alias:*", r.zcard), ("mailbox:subscription:*", r.zcard), ("estate:*", r.xlen),
                            ("tally:*", None), ("fan:*", None), ("lost*", None), ("callbacks*", None), ("body:*", None)):
            for key in r.scan_iter(self.prefix + kind, count=1000):
                try:
                    n = count(key) if count else r.llen(key)
                except redis.exceptions.ResponseError:
                    n = r.hlen(key) if r.type(key) == b"hash" else 1
                if n:
                    out[key.decode()[len(self.prefix):]] = n
        for key in self.kept_streams(r):
            out[key.decode()[len(self.prefix):]] = r.xlen(key)
        return out

    def kept_streams(self, r):
        """Streams of pushes that wait for members of groups, topics or all who are between two connections."""
        return [key for key in r.scan_iter(self.prefix + "kept:*", count=1000) if r.type(key) == b"stream" and r.xlen(key)]

    def kept(self):
        """Ids of those pushes."""
        r = self.masters.client()
        return {fields[b"i"].decode() for key in self.kept_streams(r) for _, fields in r.xrange(key) if b"i" in fields}

    async def settle(self, timeout, estates):
        """Until all are connected and nothing in Redis waits any more, or the time is over; `estates`: also what is kept for heirs of dead
        pods and for members who are away, until outbox.grace is over. What still waits: key -> how many. (Canaries come and go: what waits stays in all looks.)"""
        self.fleet.come_home()
        end, looks = time.monotonic() + timeout, collections.deque(maxlen=8)
        while time.monotonic() < end:
            try:
                left = await asyncio.to_thread(self.waiting)
            except redis.exceptions.ConnectionError:  # Sentinel cuts off all clients of a Redis that it reconfigures
                continue
            looks.append({k for k in left if estates or not k.startswith(("estate:", "kept:", "body:"))})
            stuck = set.intersection(*looks)
            if len(looks) == 8 and not stuck and self.fleet.ready == len(self.fleet.clients):
                return {}
            await asyncio.sleep(0.4)
        return {k: left.get(k, 0) for k in stuck}

    def registry(self):
        """Connections that are registered and not there, and the other way round."""
        r, wrong = self.masters.client(), []
        for user, clients in self.fleet.by_user.items():
            if user[0] == "x":
                continue
            has = {i.decode() for i in r.hkeys(self.prefix + "presence:" + user)}
            ids = {c.connection.id for c in clients if c.connection}
            if user[0] == "s":
                if len(has) != len(ids | set()) and len(has) != sum(c.ready for c in clients):
                    wrong.append(f"{user}: {len(has)} registered, {sum(c.ready for c in clients)} there")
            elif has != ids:
                wrong.append(f"{user}: registered {sorted(has)}, there {sorted(ids)}")
        return wrong

    def receipts(self):
        r, out = self.masters.client(), collections.defaultdict(list)
        for key in r.scan_iter(self.prefix + "receipts:*", count=1000):
            for text in r.lrange(key, 0, -1):
                o = json.loads(text)
                out[o["id"]].append(o)
        return out

    def rejected(self):
        """Numbers of pushes that were rejected -> why, and how many entries were none."""
        numbers, others = {}, 0
        for text in self.masters.client().lrange(self.prefix + "rejected", 0, -1):
            try:
                e = json.loads(json.loads(text).get("envelope", ""))
                numbers[int((e.get("id") or e["what"])[1:])] = json.loads(text)["reason"]
            except (ValueError, KeyError, TypeError, AttributeError):
                others += 1
        return numbers, others

    def events(self):
        """(connects, ends, told) as the app has taken them."""
        connects, ends, told = (collections.defaultdict(list) for _ in range(3))
        with open(self.app_log, encoding="utf-8") as f:
            for line in f:
                e = json.loads(line)
                if e["kind"] == "connect":
                    connects[e["ws"]].append((e["id"], int(e["source"].split("pod-")[1].split("-")[0]), e["t"]))
                elif e["kind"] == "disconnect":
                    ends[e["ws"]].append((e["id"], e["why"], e["t"]))
                else:
                    for i in e["ids"]:
                        told[i].append(e["t"])
        return connects, ends, told

    def logs(self, folder, account):
        """All pods' logs, for who looks for the cause."""
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, "breaches"), "w", encoding="utf-8") as f:
            for name, words in account.WORDS.items():
                f.writelines(f"{words}: {line}\n" for line in getattr(account, name))
        logs = self.old_logs + [(n, list(p.raw_output)) for n, p in enumerate(self.pods)]
        for at, (n, lines) in enumerate(logs):
            with open(os.path.join(folder, f"{at:03}-pod-{n}.log"), "w", encoding="utf-8") as f:
                f.write("\n".join(lines) + "\n")

    def close(self):
        self.producer.stopping.set()
        trouble = []
        for p in self.pods:
            try:
                p.close()
            except AssertionError as e:
                trouble.append(str(e))
        self.end_app()
        if self.ways:
            self.ways.close()
        self.masters.close()
        self.directory.cleanup()
        assert not trouble, trouble


IN_THE_LOOP = {"cut_clients", "freeze_pod", "silence_clients"}  # they touch the clients, or its timers; the others may wait


async def until(condition, timeout):
    """The last answer of `condition`, a thread's; nothing: all is well."""
    end = time.monotonic() + timeout
    while (wrong := await asyncio.to_thread(condition)) and time.monotonic() < end:
        await asyncio.sleep(0.5)
    return wrong


async def play_wide(stage, seconds, faults, settle=60, estates=False):
    """Runs the load for `seconds` and each of `faults`, (when, name), at its time. The account when all is quiet."""
    ledger, fleet = stage.ledger, stage.fleet
    await fleet.start(at_once=20)
    ledger.started = started = time.monotonic()
    stage.producer.start()
    for when, name in faults:
        await asyncio.sleep(max(0.0, when - (time.monotonic() - started)))
        fault = getattr(stage, name)
        if name in IN_THE_LOOP:
            fault()
        else:
            await asyncio.to_thread(fault)
    await asyncio.sleep(max(0.0, seconds - (time.monotonic() - started)))
    for p in stage.pods:
        p.resume()
    await asyncio.to_thread(stage.producer.stop)
    left = await stage.settle(settle, estates)
    wrong = await until(stage.registry, 10)
    kept = await asyncio.to_thread(stage.kept)
    receipts = await asyncio.to_thread(stage.receipts)
    rejected, others = await asyncio.to_thread(stage.rejected)
    told = stage.events()[2]
    account = ledger.close(fleet, receipts, rejected, told, kept)
    account.registry = wrong
    account.left = [f"{k}: {n}" for k, n in left.items()]
    garbage = int(await asyncio.to_thread(stage.masters.client().get, stage.prefix + "garbage") or 0)
    if others > garbage:
        account.rejected.append(f"{others} entries of no push, {garbage} were written")
    await fleet.end()

    def without_end():
        connects, ends, _ = stage.events()
        return connects.keys() - ends.keys()
    await until(without_end, 15 + 2 * stage.lease)
    ledger.close_events(account, *stage.events()[:2])
    return account
