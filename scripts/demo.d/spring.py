"""scripts/demo --spring: a chat of Spring Boot whose classes know nothing of wsidecar, on two pods that share one Redis.

The app is tests/spring/kept/sample; each pod's wsidecar is configured by what the app prints at its start.
"""
import argparse
import os
import signal
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests"))
sys.dont_write_bytecode = True

from support.kept import KeptStage  # noqa: E402
from support.redis_server import Redis  # noqa: E402
from support.stomp import Stomp  # noqa: E402


def check(pods):
    """What one says on pod a, both hear."""
    a, b = (Stomp(p.port, "/chat").subscribe("/topic/chat") for p in pods)
    a.send("/app/say", '{"from":"a","text":"hello 世界"}', content_type="application/json")
    for c in (a, b):
        said = c.message().body
        assert "hello 世界" in said, said
        c.close()
    print("demo: what is said on one pod is heard on both")


def main():
    options = argparse.ArgumentParser(prog="scripts/demo --spring", description=__doc__)
    options.add_argument("--check", action="store_true")
    o = options.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    redis = Redis()
    stage = None
    try:
        stage = KeptStage("boot3", "sample", redis, sources="").start(http="pass")
        if o.check:
            check(stage.pods)
            return
        ports = [p.port for p in stage.pods]
        print(f"""
  Open  http://127.0.0.1:{ports[0]}/  and  http://127.0.0.1:{ports[1]}/  side by side: two pods, one chat.

  The app is tests/spring/kept/sample: a simple broker and a @MessageMapping method. It was started with one dependency and one
  property more than it had. Ctrl-C ends everything.
""", flush=True)
        signal.pause()
    except KeyboardInterrupt:
        pass
    finally:
        if stage is not None:
            stage.close()
        redis.close()


main()
