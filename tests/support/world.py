"""What a test lives in: one Redis, some pods, each with its app, under a key prefix of their own."""

import itertools
import json
import os

from support.app import App, commands
from support.documents import validate_event, validate_message
from support.pod import Pod, merge

_numbers = itertools.count(1)


class World:
    def __init__(self, redis):
        self.redis_server = redis
        self.prefix = f"t{os.getpid()}-{next(_numbers)}:"
        self.pods = []
        self.apps = []
        self.clients = []
        self.config = {}
        self._redis = None

    @property
    def redis(self):
        if self._redis is None:
            self._redis = self.redis_server.client()
        return self._redis

    def app(self, unix=None):
        a = App(unix)
        self.apps.append(a)
        return a

    def pod(self, app=None, name=None, wait="ready", arguments=(), environment=None, limit_files=None, **config):
        """A pod with an app of its own, unless one is given; `config` are top-level settings."""
        app = app or self.app()
        defaults = {
            "listen": {"address": "127.0.0.1:0"},
            "admin": {"address": "127.0.0.1:0"},
            "app": {"url": app.url},
            "redis": {"url": self.redis_server.url if self.redis_server else "none"},
            "prefix": self.prefix,
            "drain": {"delay": "10ms", "period": "100ms"},
        }
        p = Pod(merge(merge(defaults, self.config), config), name, wait, arguments, environment, limit_files)
        p.app = app
        self.pods.append(p)
        return p

    def connect(self, pod, user=None, path="/ws/test", headers=(), join=(), alias=(), **how):
        """A connection whose connect event was answered with these names."""
        self.connect_as(pod, user, join, alias)
        c = pod.connect(path, headers, **how)
        self.clients.append(c)
        c.id = pod.app.events("connect")[-1].ws if pod.app.events("connect") else None
        return c

    @staticmethod
    def connect_as(pod, user=None, join=(), alias=()):
        """From now on connect events are answered with these names."""
        pairs = [("Ws-User", user)] if user else []
        pairs += [("Ws-Join", g) for g in join] + [("Ws-Alias", a) for a in alias]
        if pairs:
            pod.app.answers["connect"] = commands(*pairs)

    def key(self, name):
        return self.prefix + name

    def publish(self, address, payload):
        return self.redis.publish(self.key(address), payload)

    def push(self, *envelopes):
        """To the outbox list, at its right end."""
        return self.redis.rpush(self.key("outbox"), *[e if isinstance(e, (bytes, str)) else json.dumps(e)
                                                      for e in envelopes])

    def rejected(self):
        records = [json.loads(x) for x in self.redis.lrange(self.key("rejected"), 0, -1)]
        for r in records:
            validate_message("rejected", r)
        return records

    def presence(self, user):
        entries = {k.decode(): json.loads(v) for k, v in self.redis.hgetall(self.key(f"presence:{user}")).items()}
        for e in entries.values():
            validate_message("presence", e)
        return entries

    def close(self):
        for c in self.clients:
            c.sock.close()
        for a in self.apps:
            a.answers.clear()  # what hung ends, and is then taken when it comes again
            a.release()
        failures = []
        for p in self.pods:
            try:
                p.close()
            except AssertionError as e:
                failures.append(str(e))
        for a in self.apps:
            a.close()
            for event in a.events():
                try:
                    validate_event(event)  # every event of every test is what the document says
                except AssertionError as e:
                    failures.append(f"{event.type}: {e}")
        if self._redis is not None:
            self._redis.close()
        assert not failures, "\n\n".join(failures)
