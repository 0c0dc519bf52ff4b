#!/usr/bin/env python3
"""Runs the demo's scenario in headless Chromium (W3C WebDriver) and asserts what the page shows.

  check.py URL FOLDER      saves FOLDER/demo.png, also narrow and dark; exits 0, or 1 saying what differed
"""
import json
import os
import pathlib
import re
import signal
import sys
import time
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests"))

from support.browser import Browser  # noqa: E402

TABLES = {"Ana": "3", "Ben": "3", "Chidi": "5", "Dalia": "5", "Emre": "5", "张三": "7", "李雷": "7", "Freya": "7"}


def shown(browser):
    """What each diner's card shows: state, pod, how many messages, and the latest of them, newest first."""
    return browser.run("""
        return Object.fromEntries([...document.querySelectorAll(".diner")].map((c) => [c.dataset.diner, {
            state: c.dataset.state, pod: c.querySelector(".pod").textContent,
            count: parseInt(c.querySelector(".count").textContent),
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


class Evening:
    """What was sent, and to whom; the page must show exactly that."""

    def __init__(self, browser):
        self.browser = browser
        self.counts = dict.fromkeys(TABLES, 0)

    def expect(self, what, receivers):
        """Each of these diners gets one message more, `what`, with its latency; nobody else gets any."""
        line = re.compile(re.escape(what) + r" \d+(\.\d)? ms")
        for name in receivers:
            self.counts[name] += 1

        def arrived():
            cards = shown(self.browser)
            return all(cards[n]["count"] >= self.counts[n] and line.fullmatch(cards[n]["feed"][0]) for n in receivers)
        until(f"'{what}' at {', '.join(sorted(receivers))}", arrived)
        self.exact()
        print(f"check: {what!r} reached {', '.join(sorted(receivers))}")

    def exact(self):
        got = {name: card["count"] for name, card in shown(self.browser).items()}
        assert got == self.counts, f"messages received: {got}, wanted: {self.counts}"


def scenario(browser, url):
    browser.open(url)
    cards = until("eight open connections", lambda: (c := shown(browser)) and len(c) == 8
                  and all(x["state"] == "open" for x in c.values()) and c)
    assert {c["pod"] for c in cards.values()} == {"pod-a", "pod-b"}, cards
    for table in "357":
        assert {cards[n]["pod"] for n, t in TABLES.items() if t == table} == {"pod-a", "pod-b"}, f"table {table} is on one pod"
    empty = browser.run("return [...document.querySelectorAll('.empty')].filter((e) => e.checkVisibility()).length")
    assert empty == 8, f"{empty} of 8 cards say that nothing came yet"
    evening = Evening(browser)

    for name, table in (("Ana", "3"), ("Dalia", "5"), ("张三", "7")):
        browser.click(f'[data-diner="{name}"] button')
        dish = browser.run("return document.querySelector(arguments[0]).value", f'[data-diner="{name}"] select')
        evening.expect(f"{name}: {dish}", {n for n, t in TABLES.items() if t == table})

    for name in ("李雷", "Ana"):
        browser.run("document.querySelector('#call select').value = arguments[0]", name)
        browser.click("#call button")
        evening.expect("Your table is ready", {name})
    # Once everybody has a call and an announcement from each pod, an order that had gone to the wrong table has come too (lists and
    # channels keep their order) and is counted.
    for _ in range(2):
        browser.click("#announce button")
        evening.expect("The kitchen closes at ten", set(TABLES))

    figures = browser.run("return ['open', 'sent', 'delivered', 'median'].map((i) => document.getElementById(i).textContent)")
    assert figures[:3] == ["8", "7", str(sum(evening.counts.values()))], figures
    assert re.fullmatch(r"\d+(\.\d)? ms", figures[3]), figures
    print(f"check: nobody got anything else; {figures[1]} messages, {figures[2]} deliveries, median latency {figures[3]}")
    asleep(evening)


def asleep(evening):
    """A diner whose connection is closed for some seconds has, when it is back, what its table and it alone were sent meanwhile, in order."""
    browser = evening.browser
    browser.click('[data-diner="Chidi"] .sleep')
    until("Chidi asleep", lambda: shown(browser)["Chidi"]["state"] == "asleep")
    dishes = []
    for name in ("Dalia", "Emre"):
        browser.click(f'[data-diner="{name}"] button')
        dishes.append(f"{name}: " + browser.run("return document.querySelector(arguments[0]).value", f'[data-diner="{name}"] select'))
        evening.expect(dishes[-1], {"Dalia", "Emre"})
    browser.run("document.querySelector('#call select').value = 'Chidi'")
    browser.click("#call button")
    assert shown(browser)["Chidi"]["state"] == "asleep", "all that was to come while it slept"
    until("Chidi awake", lambda: shown(browser)["Chidi"]["state"] == "open")
    evening.counts["Chidi"] += 3
    told = "and has what came in the meantime: " + "; ".join([*dishes, "Your table is ready"])
    until(told, lambda: browser.run("return document.querySelector('#way').textContent").endswith(told))
    assert re.fullmatch(r"Your table is ready waited \d+ ms", shown(browser)["Chidi"]["feed"][0]), shown(browser)["Chidi"]
    evening.exact()
    print("check: Chidi slept, and had all of it in order when it was back")


def way_drawn(browser):
    """Has one message's dots on their way from Redis while the earlier times still stand at the diners."""
    until("a quiet map", lambda: browser.run("return !document.querySelector('#map .dot')"))
    browser.click('[data-diner="张三"] button')
    until("dots on the map", lambda: browser.run("return document.querySelectorAll('#map .dot').length") >= 3)
    browser.run("scrollTo(0, 0)")


def killed(browser):
    """The console is where the page says; a pod that is killed by the button loses nobody, and comes back."""
    consoles = browser.run("return [...document.querySelectorAll('#pods a')].map((a) => a.href)")
    assert len(consoles) == 2, consoles
    for address in consoles:
        with urllib.request.urlopen(address, timeout=5) as r:
            assert r.status == 200 and b"wsidecar console" in r.read(), address
    browser.click("#pods p:last-of-type button")
    until("everybody on pod-a", lambda: all(c["pod"] == "pod-a" and c["state"] == "open" for c in shown(browser).values()), 20)
    before = shown(browser)
    browser.click("#announce button")
    until("an announcement at everybody", lambda: all(c["count"] > before[n]["count"] for n, c in shown(browser).items()))
    until("pod-b again", lambda: open_console(consoles[1]), 20)
    print("check: pod-b was killed, its diners went on at pod-a, and it came back")


def open_console(address):
    try:
        with urllib.request.urlopen(address, timeout=2) as r:
            return r.status == 200
    except OSError:
        return False


def main():
    url, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the browser is closed too
    browser = Browser()
    try:
        scenario(browser, url)
        way_drawn(browser)
        browser.screenshot(folder / "demo.png")
        if os.environ.get("DEMO_LOOKS"):
            browser.emulate("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}])
            browser.screenshot(folder / "demo-dark.png")
            browser.emulate("Emulation.setDeviceMetricsOverride", width=420, height=1900, deviceScaleFactor=1, mobile=True)
            browser.screenshot(folder / "demo-narrow.png")
        severe = browser.console()  # before a pod is killed: of that the browser complains
        assert not severe, f"the browser's console: {severe}"
        killed(browser)
        print(f"check: passed, {folder / 'demo.png'}")
        return 0
    except (AssertionError, RuntimeError, OSError) as e:
        print(f"check: FAILED: {e}", file=sys.stderr)
        try:
            browser.screenshot(folder / "demo.png")
        except (RuntimeError, OSError):
            return 1  # the browser itself has gone
        print(json.dumps(shown(browser), ensure_ascii=False, indent=1), file=sys.stderr)
        return 1
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # nothing may come between this and the end of the driver
        browser.close()


if __name__ == "__main__":
    sys.exit(main())
