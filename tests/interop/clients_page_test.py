"""The code of config/clients.md, as it stands there: a client that dials again, in JavaScript and Java, and a page that listens."""

import contextlib
import glob
import json
import os
import re
import subprocess
import threading
import time

import pytest

from support.app import Answer, commands
from support.browser import Browser
from support.pod import ROOT
from support.redis_server import free_port
from support.stompjs import CLIENTS, HERE
from support.waiting import wait_until

PAGE = os.path.join(ROOT, "config", "clients.md")


def code(language, contains):
    with open(PAGE, encoding="utf-8") as f:
        blocks = re.findall(rf"```{language}\n(.*?)```", f.read(), re.DOTALL)
    found = [b for b in blocks if contains in b]
    assert len(found) == 1, f"{len(found)} blocks of {language} have {contains}"
    return found[0]


class Program:
    """Prints a line for each message; `got` is what it has printed."""

    def __init__(self, command, cwd):
        self.process = subprocess.Popen(command, cwd=cwd, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8")
        self.got = []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.got.append(line.rstrip("\n"))

    def expect(self, *lines, timeout=15):
        wait_until(lambda: self.got[-len(lines):] == list(lines), timeout, f"{lines}, not {self.got[-5:]}")

    def close(self):
        self.process.kill()
        self.process.wait()


def javascript(url, tmp_path):
    script = tmp_path / "client.cjs"
    script.write_text(f"""globalThis.WebSocket = require({json.dumps(os.path.join(CLIENTS, "ws"))});
{code("javascript", "function connect(")}
connect(process.argv[2], (m) => console.log(m), (c, r) => {{ console.log(`end ${{c}} ${{r}}`); }});
process.stdin.resume();""")
    return Program(["node", str(script), url], HERE)


def run_java(block, argument, url, tmp_path, jars=""):
    (tmp_path / "Connection.java").write_text(code("java", block))
    (tmp_path / "Main.java").write_text(f"""class Main {{
    public static void main(String[] a) throws Exception {{
        new Connection({argument}, System.out::println);
        Thread.sleep(600_000);
    }}
}}""")
    classes = ":".join([str(tmp_path), *glob.glob(os.path.join(jars, "*.jar"))])
    subprocess.run(["javac", "-Xlint:all", "-Werror", "-cp", classes, "-d", str(tmp_path), str(tmp_path / "Connection.java"), str(tmp_path / "Main.java")],
                   check=True, timeout=120)
    return Program(["java", "-XX:TieredStopAtLevel=1", "-cp", classes, "Main", url], tmp_path)


def java(url, tmp_path):
    return run_java("implements WebSocket.Listener", "java.net.URI.create(a[0])", url, tmp_path)


def okhttp(url, tmp_path):
    return run_java("extends WebSocketListener", "a[0]", url, tmp_path, os.path.join(ROOT, "build", "okhttp"))


@pytest.fixture(params=[javascript, java, okhttp], ids=lambda f: f.__name__)
def client(request, tmp_path):
    with contextlib.ExitStack() as made:
        yield lambda url: made.enter_context(contextlib.closing(request.param(url, tmp_path)))


def connected(world, pod):
    wait_until(lambda: world.presence("alice"), 30, "alice is there")


def test_it_dials_again_whatever_happens_and_has_what_came_meanwhile(world, client, request):
    port = free_port()
    pod = world.pod(listen={"address": f"127.0.0.1:{port}"})
    world.connect_as(pod, "alice")
    c = client(f"ws://127.0.0.1:{port}/ws/x")
    connected(world, pod)
    world.push({"to": {"user": "alice"}, "text": "hello 张三 " + "x" * 20_000})
    wait_until(lambda: c.got and c.got[-1].startswith("hello 张三 xxx"), 15, "a long one, whole")
    # The app closes with `come again`.
    world.push({"to": {"user": "alice"}, "text": "one", "close": {"code": 4002, "reason": "again"}})
    pod.app.wait_event("disconnect", 10)
    world.push({"to": {"user": "alice"}, "text": "two"})
    c.expect("two", timeout=20)
    assert c.got[-2] == "one"
    # A rolling update: the pod goes, another is there at the same address a moment later.
    pod.terminate()
    assert pod.wait_exit(20) == 0
    world.push({"to": {"user": "alice"}, "text": "three"})
    again = world.pod(pod.app, listen={"address": f"127.0.0.1:{port}"})
    c.expect("three", timeout=40)
    # Killed.
    again.kill()
    third = world.pod(pod.app, listen={"address": f"127.0.0.1:{port}"}, wait="listening")
    world.push({"to": {"user": "alice"}, "text": "four"})
    c.expect("four", timeout=60)
    # And told to stay away, or replaced by another connection of the user (on_excess: close_oldest), which it must not replace in turn.
    connected(world, third)
    world.push({"to": {"user": "alice"}, "close": {"code": {"java": 4500}.get(request.node.callspec.id, 4001), "reason": "banned"}})
    wait_until(lambda: len(pod.app.events("disconnect")) >= 3, 20, "gone")
    before = len(pod.app.events("connect"))
    world.push({"to": {"user": "alice"}, "text": "five"})
    wait_until(lambda: world.redis.llen(world.key("outbox")) == 0, 5, "routed")
    time.sleep(4)
    assert len(pod.app.events("connect")) == before and "five" not in c.got


@pytest.fixture
def browser():
    b = Browser()
    yield b
    b.close()


def test_a_page_that_listens(world, browser):
    """A real EventSource: through a drain to another pod, through a 503 that ends it for good, and with a gap told."""
    app = world.app()
    page = f"""<!doctype html><meta charset=utf-8><script>{code("javascript", "function listen(")}
        window.got = []; window.gaps = [];
        listen("/ws/orders", (m) => got.push(m), (names) => gaps.push(names));</script>"""
    app.answer(connect=commands(("Ws-Join", "table-7")),
               other=Answer(200, {"Content-Type": "text/html; charset=utf-8", "Set-Cookie": "SESSION=1; HttpOnly"}, page))
    port = free_port()
    how = {"listen": {"address": f"127.0.0.1:{port}"}, "routes": [{"path": "/ws/{rest...}", "sse": True}], "http": "pass",
           "history": [{"name": "group:table-*", "count": 20}]}
    pod = world.pod(app, **how)
    browser.open(f"http://127.0.0.1:{port}/")
    got = lambda: browser.run("return window.got")  # noqa: E731
    app.wait_event("connect", 10)
    n = 0
    def push(count=1):
        nonlocal n
        world.push(*({"to": {"group": "table-7"}, "text": f"{k}\n张三"} for k in range(n + 1, n + count + 1)))
        n += count
    push(3)
    wait_until(lambda: got() == [f"{k}\n张三" for k in range(1, 4)], 10, "three")
    assert app.events("connect")[0].header("Cookie") == "SESSION=1"
    pod.terminate()
    assert pod.wait_exit(20) == 0
    push(5)
    pod = world.pod(app, **how)
    wait_until(lambda: got() == [f"{k}\n张三" for k in range(1, 9)], 40, "what came meanwhile, once, in order")
    # An answer that ends an EventSource for good: the page makes a new one.
    app.answer(connect=Answer(403))
    pod.kill()
    pod = world.pod(app, wait="listening", **how)
    wait_until(lambda: len(app.events("connect")) >= 3, 40, "refused")
    push(2)
    app.answer(connect=commands(("Ws-Join", "table-7")))
    wait_until(lambda: got() == [f"{k}\n张三" for k in range(1, 11)], 60, "from where it was")
    assert browser.run("return window.gaps") == []
    assert any("lastEventId=" in e.target for e in app.events("connect"))
    pod.terminate()
    assert pod.wait_exit(20) == 0
    other = world.pod(app, **{**how, "listen": {"address": "127.0.0.1:0"}})
    push(40)
    wait_until(lambda: world.redis.llen(world.key("outbox")) == 0, 10, "routed")
    other.terminate()
    assert other.wait_exit(20) == 0
    world.pod(app, **how)
    wait_until(lambda: browser.run("return window.gaps") == [["group:table-7"]], 60, "a gap")
    wait_until(lambda: got()[-20:] == [f"{k}\n张三" for k in range(31, 51)], 10, "and what was kept")
