"""Users who redial whatever happens, an app that pushes to them meanwhile, and what nobody may miss."""

import json
import threading
import time

from support.app import commands
from support.ws import Closed, Refused
from support.waiting import wait_until


def answers_by_cookie(app, groups=("g1", "g2")):
    """The connect event's Cookie says who it is."""
    def answer(request):
        user = dict(x.strip().split("=", 1) for x in request.header("Cookie").split(";"))["user"]
        return commands(("Ws-User", user), *[("Ws-Join", g) for g in groups])
    app.answers["connect"] = answer


class User(threading.Thread):
    def __init__(self, name, pods, first):
        super().__init__(daemon=True)
        self.name_, self.pods, self.at = name, pods, first
        self.got, self.redials, self.stopping = [], 0, False
        self.connected = threading.Event()

    def run(self):
        while not self.stopping:
            pod = self.pods[self.at % len(self.pods)]
            try:
                ws = pod.connect("/ws/x", [("Cookie", f"user={self.name_}")], timeout=5)
            except (OSError, Refused, AssertionError, ValueError):
                self.at += 1
                time.sleep(0.1)
                continue
            self.connected.set()
            while not self.stopping:
                try:
                    self.got.append(ws.recv(0.5))
                except TimeoutError:
                    continue
                except (OSError, Closed, ValueError):
                    self.redials += 1
                    self.at += 1
                    break
            ws.sock.close()


class Crowd:
    def __init__(self, names, pods):
        self.users = [User(n, pods, i) for i, n in enumerate(names)]
        self.expected = {u.name_: [] for u in self.users}
        self.number = 0
        for u in self.users:
            u.start()
        for u in self.users:
            assert u.connected.wait(15), f"{u.name_} connects"

    def next_pushes(self):
        """One to each user, one to a group, one to all: who gets it is noted."""
        n, out = self.number, []
        self.number += 1
        for u in self.users:
            out.append({"to": {"user": u.name_}, "text": f"u {n}", "id": f"u-{u.name_}-{n}"})
            self.expected[u.name_].append(f"u {n}")
        for to, text in (({"group": "g1"}, f"g1 {n}"), ({"group": "g2"}, f"g2 {n}"), ({"all": True}, f"all {n}")):
            out.append({"to": to, "text": text, "id": text})
            for u in self.users:
                self.expected[u.name_].append(text)
        return [json.dumps(e) for e in out]

    def missing(self):
        return {u.name_: gone for u in self.users if (gone := [t for t in self.expected[u.name_] if t not in set(u.got)])}

    def wait_complete(self, timeout):
        try:
            wait_until(lambda: not self.missing(), timeout, "everything to arrive", step=0.2)
        except AssertionError:
            gone = self.missing()
            raise AssertionError(f"lost {sum(len(x) for x in gone.values())} of {sum(len(x) for x in self.expected.values())}: "
                                 + str({k: v[:5] for k, v in gone.items()})) from None

    def close(self):
        for u in self.users:
            u.stopping = True
        for u in self.users:
            u.join(10)


class Producer(threading.Thread):
    """Writes to the outbox `interval` s apart, each batch until Redis has taken it (then again, under the same ids, if that is not known)."""

    def __init__(self, crowd, write, interval=0.05):
        super().__init__(daemon=True)
        self.crowd, self.write, self.interval = crowd, write, interval
        self.stopping, self.retries = False, 0

    def run(self):
        while not self.stopping:
            batch = self.crowd.next_pushes()
            while True:
                try:
                    self.write(batch)
                    break
                except Exception:  # noqa: BLE001: whatever the client library makes of a node that has gone
                    self.retries += 1
                    time.sleep(0.1)
            time.sleep(self.interval)

    def stop(self):
        self.stopping = True
        self.join(60)
        assert not self.is_alive(), "the producer could not write"
