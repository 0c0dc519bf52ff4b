#!/usr/bin/env python3
"""Runs the demo's scenario in headless Chromium (W3C WebDriver) and asserts what the page shows.

  check.py URL FOLDER      saves FOLDER/demo.png, also narrow and dark; exits 0, or 1 saying what differed
"""
import base64
import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

TABLES = {"Ana": "3", "Ben": "3", "Chidi": "5", "Dalia": "5", "Emre": "5", "张三": "7", "李雷": "7", "Freya": "7"}
ARGUMENTS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1280,1200",
             "--hide-scrollbars", "--force-device-scale-factor=1"]


class Browser:
    def __init__(self):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        self.driver = subprocess.Popen(["chromedriver", f"--port={port}"], stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL)
        self.base = f"http://127.0.0.1:{port}"
        for _ in range(100):
            try:
                if self.call("GET", "/status")["ready"]:
                    break
            except OSError:
                time.sleep(0.1)
        options = {"goog:chromeOptions": {"args": ARGUMENTS}, "goog:loggingPrefs": {"browser": "ALL"}}
        session = self.call("POST", "/session", {"capabilities": {"alwaysMatch": options}})
        self.base += "/session/" + session["sessionId"]

    def call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data, {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as r:
                return json.load(r)["value"]
        except urllib.error.HTTPError as e:
            raise RuntimeError(json.load(e)["value"]["message"]) from e

    def open(self, url):
        self.call("POST", "/url", {"url": url})

    def run(self, script, *args):
        return self.call("POST", "/execute/sync", {"script": script, "args": list(args)})

    def click(self, css):
        element = self.call("POST", "/element", {"using": "css selector", "value": css})
        self.call("POST", f"/element/{next(iter(element.values()))}/click", {})

    def screenshot(self, path):
        path.write_bytes(base64.b64decode(self.call("GET", "/screenshot")))

    def emulate(self, command, **params):
        self.call("POST", "/goog/cdp/execute", {"cmd": command, "params": params})

    def console(self):
        return [e for e in self.call("POST", "/se/log", {"type": "browser"}) if e["level"] == "SEVERE"]

    def close(self):
        try:
            self.call("DELETE", "")
        except (OSError, RuntimeError):
            pass
        self.driver.terminate()
        self.driver.wait()


def shown(browser):
    """What each diner's card shows: state, pod and messages, newest first."""
    return browser.run("""
        return Object.fromEntries([...document.querySelectorAll(".diner")].map((c) => [c.dataset.diner, {
            state: c.dataset.state, pod: c.querySelector(".pod").textContent,
            feed: [...c.querySelectorAll(".feed li")].map((li) => li.textContent)}]));""")


def until(what, look, timeout=15):
    deadline = time.monotonic() + timeout
    while True:
        seen = look()
        if seen:
            return seen
        if time.monotonic() > deadline:
            raise AssertionError(f"not seen within {timeout} s: {what}")
        time.sleep(0.05)


def expect(browser, what, receivers):
    """Exactly these diners, and nobody else, have `what` on top, with a latency."""
    line = re.compile(re.escape(what) + r" \d+(\.\d)? ms")

    def who():
        return {name for name, card in shown(browser).items() if card["feed"] and line.fullmatch(card["feed"][0])}
    until(f"'{what}' at {sorted(receivers)}", lambda: who() >= receivers)
    time.sleep(0.2)  # for what must not come
    assert who() == receivers, f"'{what}' was to reach {sorted(receivers)}, it reached {sorted(who())}"
    print(f"check: {what!r} reached {', '.join(sorted(receivers))} and nobody else")


def scenario(browser, url):
    browser.open(url)
    cards = until("eight open connections", lambda: (c := shown(browser)) and len(c) == 8
                  and all(x["state"] == "open" for x in c.values()) and c)
    assert {c["pod"] for c in cards.values()} == {"pod-a", "pod-b"}, cards
    for table in "357":
        assert {cards[n]["pod"] for n, t in TABLES.items() if t == table} == {"pod-a", "pod-b"}, f"table {table} is on one pod"

    for name, table in (("Ana", "3"), ("Dalia", "5"), ("张三", "7")):
        browser.click(f'[data-diner="{name}"] button')
        dish = browser.run("return document.querySelector(arguments[0]).value", f'[data-diner="{name}"] select')
        expect(browser, f"{name}: {dish}", {n for n, t in TABLES.items() if t == table})

    for name in ("李雷", "Ana"):
        browser.run("document.querySelector('#call select').value = arguments[0]", name)
        browser.click("#call button")
        expect(browser, "Your table is ready", {"李雷"} if name == "李雷" else {"李雷", "Ana"})
    browser.click("#announce button")
    expect(browser, "The kitchen closes at ten", set(TABLES))

    figures = browser.run("return ['open', 'sent', 'delivered', 'median'].map((i) => document.getElementById(i).textContent)")
    assert figures[:3] == ["8", "6", "18"], figures
    assert re.fullmatch(r"\d+(\.\d)? ms", figures[3]), figures
    print(f"check: {figures[1]} messages, {figures[2]} deliveries, median latency {figures[3]}")


def main():
    url, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    browser = Browser()
    try:
        scenario(browser, url)
        browser.click('[data-diner="张三"] button')
        time.sleep(0.35)  # in the middle of its way
        browser.screenshot(folder / "demo.png")
        if os.environ.get("DEMO_LOOKS"):
            browser.emulate("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}])
            browser.screenshot(folder / "demo-dark.png")
            browser.emulate("Emulation.setDeviceMetricsOverride", width=420, height=1800, deviceScaleFactor=1, mobile=True)
            browser.screenshot(folder / "demo-narrow.png")
        severe = browser.console()
        assert not severe, f"the browser's console: {severe}"
        print(f"check: passed, {folder / 'demo.png'}")
        return 0
    except (AssertionError, RuntimeError, OSError) as e:
        print(f"check: FAILED: {e}", file=sys.stderr)
        browser.screenshot(folder / "demo.png")
        print(json.dumps(shown(browser), ensure_ascii=False, indent=1), file=sys.stderr)
        return 1
    finally:
        browser.close()


if __name__ == "__main__":
    sys.exit(main())
