#!/usr/bin/python3
"""The client matrix: WebSocket, STOMP and SockJS clients of PyPI, npm, Maven Central, the Go proxy, crates.io and Debian's packages, as people
have them, each with the same work on a real wsidecar. Prints one table.

    tests/interop/matrix.py [--only PART] [NAME...]     after tests/interop/matrix/install, which keeps them in ~/.cache/wsidecar/interop

Exit 1: a cell failed. 77: no client could be installed. Registries that are not reached leave their clients out, loudly.
"""

import argparse
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.dirname(HERE), os.path.join(HERE, "matrix")]

import raw  # noqa: E402
import messaging  # noqa: E402
from support.redis_server import Redis  # noqa: E402
from support.world import World  # noqa: E402

CACHE = os.environ.get("WSIDECAR_CLIENTS") or os.path.expanduser("~/.cache/wsidecar/interop")
AT_ONCE = 4


def python(script):
    return ["/usr/bin/python3", "-W", "ignore", os.path.join(HERE, "matrix", script)], {"PYTHONPATH": os.path.join(CACHE, "py")}


def node(script):
    return ["node", os.path.join(HERE, "matrix", script)], {"NODE_PATH": os.path.join(CACHE, "js", "node_modules")}


def java():
    jars = os.path.join(CACHE, "java")
    return ["java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx128m", "-cp", f"{jars}/classes:{jars}/lib/*", "Client"], {}


def go():
    return [os.path.join(CACHE, "go", "client")], {}


def rust():
    return [os.path.join(CACHE, "rs", "client")], {}


def perl():
    return ["perl", os.path.join(HERE, "matrix", "client.pl")], {}


# ecosystem: how its clients are run, and their names.
RAW = {
    "py": (python("client.py"), ["websockets_asyncio", "websockets_sync", "aiohttp", "websocket_client", "wsproto", "tornado", "autobahn", "ws4py",
                                 "picows", "trio_websocket", "simple_websocket", "httpx_ws", "lomond"]),
    "js": (node("client.js"), ["ws8", "ws7", "undici", "theturtle32", "faye", "isomorphic-ws", "reconnecting-websocket", "partysocket", "sockette"]),
    "java": (java(), ["JdkClient", "OkHttpClientOne", "JavaWebSocketClient", "NvClient", "TyrusClient", "JettyClient", "NettyClient",
                      "ReactorNettyClient", "VertxClient", "AhcClient"]),
    "go": (go(), ["gorilla", "fasthttp", "coder", "gobwas", "gws", "xnet"]),
    "rs": (rust(), ["tungstenite", "fastwebsockets", "fastwebsockets-url"]),
    "deb": (perl(), ["mojolicious", "anyevent"]),
}


def installed(ecosystem):
    return os.path.exists(os.path.join(CACHE, ecosystem, ".installed"))


def wanted(name, only):
    return not only or any(o in name for o in only)


def run_raw(world, only):
    trials = []
    settings = {"routes": [{"path": "/ws/{user}", "user": "{user}", "subprotocols": ["chat.v2"], "deflate": True}], "ping": "1s",
                "pong_timeout": "20s", "lease": "2s"}
    pod = {"now": world.pod(**settings)}
    heard = raw.Heard(pod["now"].app)
    for ecosystem, ((command, environment), names) in RAW.items():
        if installed(ecosystem):
            trials += [raw.Trial(world, pod, heard, f"{ecosystem} {n}", [*command, n], environment) for n in names
                       if wanted(f"{ecosystem} {n}", only)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(lambda t: t.run(), trials))

    def restart():
        old = pod["now"]
        old.kill()
        pod["now"] = world.pod(app=old.app, **settings)
    raw.survive(trials, restart)
    return [(t.name, t.results) for t in trials]


def print_table(title, cells, rows):
    if not rows:
        return
    print(f"\n{title}: {len(rows)} clients")
    width = max(len(name) for name, _ in rows)
    print(" " * width, *(c.rjust(max(4, len(c))) for c in cells))
    for name, results in rows:
        print(name.ljust(width), *(results.get(c, "-").split()[0].rjust(max(4, len(c))) for c in cells))


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--only", choices=["raw", "stomp", "sockjs"])
    arguments.add_argument("names", nargs="*")
    given = arguments.parse_args()
    left_out = [e for e in RAW if not installed(e)]
    if len(left_out) == len(RAW):
        print("client matrix: no client is installed: tests/interop/matrix/install", file=sys.stderr)
        sys.exit(77)
    begun = time.monotonic()
    parts = {"raw": (raw.CELLS, run_raw), "stomp": (messaging.STOMP_CELLS, messaging.run_stomp), "sockjs": (messaging.SOCKJS_CELLS, messaging.run_sockjs)}
    parts = {p: x for p, x in parts.items() if given.only in (None, p) and (p == "raw" or installed("js"))}
    failures = []
    redis = Redis()

    def run_part(part):
        """All at once: clients wait for most of the time."""
        world = World(redis)
        try:
            return parts[part][1](world, given.names)
        finally:
            world.close()
    try:
        with ThreadPoolExecutor(len(parts)) as pool:
            for part, rows in zip(parts, pool.map(run_part, parts)):
                print_table(part, parts[part][0], rows)
                failures += [f"{part} {name}: {cell}: {result}" for name, results in rows for cell, result in results.items()
                             if result.startswith("FAIL")]
    finally:
        redis.close()
    used = sum(os.times()[:4])
    print(f"\n{time.monotonic() - begun:.0f} s, {used:.0f} s of processor time; n/a: the library has no such thing; lib: its own fault; down: only the server compresses")
    for ecosystem in left_out:
        print(f"LEFT OUT: the clients of {ecosystem}, which could not be installed")
    for f in failures:
        print(f)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
