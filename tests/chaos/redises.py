"""Redis as it fails in the field: an appendonly file without its last second, a replica promoted without the last writes, Sentinel,
a wall clock that steps."""

import mmap
import os
import struct
import subprocess
import tempfile

import redis

from support.redis_server import Redis, free_port
from support.waiting import wait_until

KEEPING = {"appendonly": "yes", "auto-aof-rewrite-percentage": "0", "aof-use-rdb-preamble": "no"}


class SteppedRedis(Redis):
    """Its wall clock may be set off by whole seconds while it runs."""

    shim = None

    def start(self):
        if SteppedRedis.shim is None:
            SteppedRedis.shim = os.path.join(tempfile.mkdtemp(prefix="wsidecar-clock-"), "clock.so")
            subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-o", SteppedRedis.shim, os.path.join(os.path.dirname(__file__), "clock.c")],
                           check=True)
        self.offsets = os.path.join(self.directory, "clock-offset")
        if not os.path.exists(self.offsets):
            self.step(0)
        os.environ.update(LD_PRELOAD=SteppedRedis.shim, CLOCK_OFFSET_FILE=self.offsets)
        try:
            return super().start()
        finally:
            del os.environ["LD_PRELOAD"], os.environ["CLOCK_OFFSET_FILE"]

    def step(self, offset):
        """From now on the clock is off by so many seconds (not: by so many more)."""
        if not os.path.exists(self.offsets):
            with open(self.offsets, "wb") as f:
                f.write(struct.pack("q", 0))
        with open(self.offsets, "r+b") as f, mmap.mmap(f.fileno(), 8) as m:
            m[:8] = struct.pack("q", offset)


class Masters:
    """What the pods take for one Redis: a master and, for failovers, a replica; with `sentinel` a Sentinel that promotes it."""

    def __init__(self, replicas=False, sentinel=False, stepped=False, sync="no"):
        kind = SteppedRedis if stepped else Redis
        self.master = kind(**KEEPING, appendfsync=sync)
        self.replica = self.sentinel = None
        if replicas or sentinel:
            self.replica = kind(**KEEPING, appendfsync=sync, **{"repl-diskless-sync-delay": "0"})
            self.follow()
        if sentinel:
            self.sentinel = Sentinel(self.master.port)

    @property
    def port(self):
        return self.master.port

    def client(self, **more):
        return redis.Redis(port=self.port, socket_timeout=10, **more)

    def follow(self):
        self.replica.client().replicaof("127.0.0.1", self.master.port)
        self.wait_in_step()

    def wait_in_step(self):
        """A master that was restarted is copied anew first."""
        wait_until(lambda: self.replica.client().info("replication").get("master_link_status") == "up", 20, "the replica follows", step=0.05)

    def size(self):
        """Bytes of the file that is written on."""
        folder = os.path.join(self.master.directory, "appendonlydir")
        name = max(n for n in os.listdir(folder) if n.endswith(".incr.aof"))
        path = os.path.join(folder, name)
        return path, os.path.getsize(path)

    def kill(self):
        self.master.kill()

    def start(self):
        self.master.start()

    def lose_the_end(self, mark):
        """Of a Redis that is down: its file ends where it ended when `mark` = size() was taken."""
        path, size = mark
        os.truncate(path, size)

    def cut_off_the_replica(self):
        """What is written from now on does not reach it."""
        self.replica.client().replicaof("127.0.0.1", 1)

    def promote(self):
        """The replica is the master, and the old master is gone. Sentinel does it where there is one."""
        new = self.replica
        if self.sentinel:
            wait_until(lambda: new.client().info("replication")["role"] == "master", 30, "Sentinel promotes the replica", step=0.05)
        else:
            new.client().replicaof("NO", "ONE")
        self.master, self.replica = new, self.master

    def old_master_follows(self):
        """It comes back, and what only it has goes."""
        self.replica.start()
        self.follow()

    def close(self):
        for r in (self.sentinel, self.replica, self.master):
            if r is not None:
                r.close()


class Sentinel:
    def __init__(self, port):
        self.directory = tempfile.mkdtemp(prefix="wsidecar-sentinel-")
        self.port = free_port()
        path = os.path.join(self.directory, "sentinel.conf")
        with open(path, "w", encoding="utf-8") as f:
            f.write(f"bind 127.0.0.1\nport {self.port}\ndir {self.directory}\nsentinel monitor chaos 127.0.0.1 {port} 1\n"
                    "sentinel down-after-milliseconds chaos 3000\nsentinel failover-timeout chaos 3000\n")
        with open(os.path.join(self.directory, "log"), "ab") as log:
            self.process = subprocess.Popen(["redis-server", path, "--sentinel"], stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        client = redis.Redis(port=self.port, socket_timeout=2)

        def knows_the_replica():
            try:
                return client.execute_command("SENTINEL", "REPLICAS", "chaos")
            except redis.exceptions.RedisError:
                return False
        wait_until(knows_the_replica, 25, "Sentinel knows the replica", step=0.2)

    def close(self):
        self.process.kill()
        self.process.wait()
