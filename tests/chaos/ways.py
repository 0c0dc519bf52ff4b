"""The way from the pods to Redis, in a process of its own: answers get lost on it, and it may lead to another Redis."""

import json
import os
import subprocess
import sys
import threading
import time

if __name__ == "__main__":
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from support.fault_proxy import FaultProxy  # noqa: E402


class Ways:
    """What the test holds of it."""

    def __init__(self, target):
        self.process = subprocess.Popen([sys.executable, __file__, str(target)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())

    def _say(self, **words):
        self.process.stdin.write(json.dumps(words) + "\n")
        self.process.stdin.flush()

    def lead_to(self, target):
        self._say(target=target)

    def lose(self, link, marker, answer, within):
        """The link on which the marker comes by next is cut: before the command reaches Redis or (`answer`) before its answer comes back."""
        self._say(link=link, marker=marker, answer=answer, within=within)

    def close(self):
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()


def lose(proxy, link, marker, answer, within):
    proxy.hold(link, marker, answer=answer)
    end = time.monotonic() + within
    while proxy.caught is None and time.monotonic() < end:
        time.sleep(0.002)
    if proxy.caught is not None:
        time.sleep(0.02)  # Redis carries it out
        proxy.caught.reset()
    proxy.release()


def main():
    proxy = FaultProxy(int(sys.argv[1]))
    print(proxy.port, flush=True)
    for line in sys.stdin:
        words = json.loads(line)
        if "target" in words:
            proxy.target = words["target"]
            proxy.reset(refuse=0)
        else:
            threading.Thread(target=lose, args=(proxy,), kwargs=words, daemon=True).start()
    os._exit(0)


if __name__ == "__main__":
    main()
