"""A real redis-server of the test's own."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile

import redis

from support.waiting import wait_until

SERVER = os.environ.get("WSIDECAR_REDIS_SERVER", "redis-server")  # another version, or Valkey: tests/redis/other_servers


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Redis:
    """redis-server on a free port. `options` are its own, as in its file: Redis(appendonly="yes")."""

    def __init__(self, start=True, acl=(), **options):
        self.directory = tempfile.mkdtemp(prefix="wsidecar-redis-")
        self.port = free_port()
        self.options = {k.replace("_", "-"): v for k, v in options.items()}
        self.acl = acl
        self.process = None
        if start:
            self.start()

    @property
    def url(self):
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self):
        path = os.path.join(self.directory, "redis.conf")
        with open(path, "w", encoding="utf-8") as f:
            f.write(f'bind 127.0.0.1\nport {self.port}\nsave ""\ndir {self.directory}\n')
            for name, value in self.options.items():
                f.write(f"{name} {value}\n")
            for line in self.acl:
                f.write(f"user {line}\n")
        with open(os.path.join(self.directory, "log"), "ab") as log:
            self.process = subprocess.Popen([SERVER, path], stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        wait_until(self.alive, 10, "redis answers")
        return self

    def alive(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as s:
                s.settimeout(1)
                s.sendall(b"PING\r\n")
                answer = s.recv(64)
                return answer.startswith((b"+PONG", b"-NOAUTH"))
        except OSError:
            return False

    def client(self, **more):
        return redis.Redis(host="127.0.0.1", port=self.port, socket_timeout=10, **more)

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def kill(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def stop(self):
        """Orderly, so that what is to be kept is on the disk."""
        if self.process is not None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
            self.process.wait(10)
            self.process = None

    def restart(self, empty=False):
        self.kill()
        if empty:
            for name in os.listdir(self.directory):
                if name not in ("redis.conf", "log"):
                    target = os.path.join(self.directory, name)
                    shutil.rmtree(target) if os.path.isdir(target) else os.unlink(target)
        return self.start()

    def close(self):
        if self.process is not None:
            self.process.send_signal(signal.SIGCONT)
        self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)
