"""Writes pushes into the outbox at a rate and notes which Redis has accepted. A thread."""

import json
import random
import threading
import time

import redis


class Producer(threading.Thread):
    def __init__(self, ledger, port, key, users, rate, seed, host="localhost", ids="p"):
        """`ids`: what the pushes' ids begin with. Runs on the same Redis must differ in it."""
        super().__init__(daemon=True)
        self.host, self.ids = host, ids
        self.ledger, self.port, self.key, self.users, self.rate = ledger, port, key, users, rate
        self.random = random.Random(seed)
        self.numbers = {}
        self.stopping = threading.Event()
        self.count = 0

    def run(self):
        client = redis.Redis(host=self.host, port=self.port, socket_timeout=2, socket_connect_timeout=1, retry=None)
        started, sent = time.monotonic(), 0
        while not self.stopping.is_set():
            due = int((time.monotonic() - started) * self.rate) - sent
            if due <= 0:
                time.sleep(0.002)
                continue
            due = min(due, 200)
            sent += due
            batch = []
            for _ in range(due):
                user = self.random.choice(self.users)
                number = self.numbers[user] = self.numbers.get(user, -1) + 1
                ident = f"{self.ids}{self.count}"
                self.count += 1
                batch.append((ident, user, number, json.dumps({"to": {"user": user}, "text": ident, "id": ident})))
            now = time.monotonic()
            try:
                client.rpush(self.key, *[e for *_, e in batch])
            except redis.exceptions.RedisError as e:
                # An error reply is a refusal; silence can be either.
                if not isinstance(e, redis.exceptions.ResponseError):
                    self.ledger.unknown.update(i for i, *_ in batch)
                time.sleep(0.05)
                continue
            for ident, user, number, _ in batch:
                self.ledger.accepted[ident] = (user, number, now)

    def stop(self):
        self.stopping.set()
        self.join(10)
