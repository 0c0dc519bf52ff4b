"""The console's page in a real browser."""

from urllib.parse import quote

import pytest

from support.browser import Browser
from support.waiting import wait_until

MISCHIEF = '<img src=x onerror="document.title=1">'


@pytest.fixture
def browser():
    b = Browser()
    yield b
    b.close()


class Page:
    def __init__(self, browser, pod):
        self.browser = browser
        browser.open(f"http://127.0.0.1:{pod.admin_port}/console")

    def text(self, css):
        return self.browser.run("return [...document.querySelectorAll(arguments[0])].map((e) => e.textContent).join('|')", css)

    def until(self, css, wanted, timeout=8):
        def seen():
            return wanted in self.text(css)
        try:
            wait_until(seen, timeout, f"{wanted!r} at {css}")
        except AssertionError as e:
            raise AssertionError(f"{e}; there is {self.text(css)!r}") from None

    def ask(self, form, text):
        self.browser.run(f"document.querySelector('#{form} input').value = arguments[0]", text)
        self.browser.click(f"#{form} button")


def test_the_page_follows_the_pod_and_finds_users_and_messages(world, browser):
    a, b = world.pod(name="shop-a"), world.pod(name="shop-b")
    page = Page(browser, a)
    page.until("#live", "live")
    page.until("#connections", "0")
    assert page.text("#instance") == a.instance and page.text("#ready") == "ready"
    assert page.text("#app") == "app: ok" and page.text("#redis") == "redis: ok" and page.text("#drain") == "serving"

    one = world.connect(a, user="alice", join=["table-7"])
    two = world.connect(b, user="alice")
    rude = world.connect(a, user=quote(MISCHIEF))
    page.until("#connections", "2")  # by itself: nobody reloads
    page.until("#routes", "/ws/{rest...}2")

    world.push({"to": {"user": "alice"}, "text": "x", "id": "m1"}, {"to": {"user": "absent"}, "text": "x", "id": "m2", "mailbox": True},
               {"to": {"user": MISCHIEF}, "text": "x", "id": MISCHIEF})
    for c in (one, two, rude):
        assert c.recv() == "x"
        c.hears_nothing(0.2)
    page.ask("user-form", "alice")
    page.until("#answer h2", "User alice")
    page.until("#answer", one.id)
    answer = page.text("#answer")
    assert two.id in answer and f"{a.instance} (this one)" in answer and b.instance in answer and "table-7" in answer
    assert "m1" in answer and "delivered" in answer and "Waiting in the mailbox: 0" in answer
    page.ask("user-form", "absent")
    page.until("#answer h2", "User absent")
    assert "Waiting in the mailbox: 1" in page.text("#answer") and "m2" in page.text("#answer")
    page.ask("message-form", "m1")
    page.until("#answer h2", "Message m1")
    assert "delivered" in page.text("#answer") and b.instance in page.text("#answer")

    # What users call themselves is text, wherever it is shown.
    page.ask("user-form", MISCHIEF)
    page.until("#answer h2", f"User {MISCHIEF}")
    page.until("#latest", MISCHIEF)
    rude.close(4000, MISCHIEF)
    page.until("#closes", MISCHIEF)
    page.until("#connections", "1")
    browser.click("#closes .name")  # asks for who left
    page.until("#answer", "not connected")
    assert browser.run("return document.querySelectorAll('img').length") == 0
    assert browser.run("return document.title") == "wsidecar console"
    assert not browser.console()

    a.app.refuse()
    a.get("/readyz")
    page.until("#app", "does not accept connections")
    page.until("#ready", "not ready")
    assert browser.run("return document.getElementById('app').className") == "bad"
    a.kill()
    page.until("#live", "no connection")
