"""The clients of npm in a real browser, on a page that the app serves through its pod."""

import base64
import os

import pytest

from support.app import Answer, commands, echo
from support.browser import Browser
from support.stompjs import CLIENTS, HERE
from support.waiting import wait_until

FILES = {
    "/": (os.path.join(HERE, "page.html"), "text/html; charset=utf-8"),
    "/page.js": (os.path.join(HERE, "page.js"), "text/javascript; charset=utf-8"),
    "/stompjs-7.js": (os.path.join(CLIENTS, "@stomp", "stompjs", "bundles", "stomp.umd.js"), "text/javascript; charset=utf-8"),
    "/stompjs-2.js": (os.path.join(CLIENTS, "stompjs", "lib", "stomp.js"), "text/javascript; charset=utf-8"),
}
TEXT = "\u00e4 <b>\u5f20\u4e09</b> \U0001f35c"


def serve(request):
    """The app's pages; each sets the session's cookie, which goes to both pods."""
    path, content_type = FILES[request.target.split("?")[0]]
    with open(path, "rb") as f:
        return Answer(200, {"Content-Type": content_type, "Set-Cookie": "SESSION=1; HttpOnly; SameSite=Lax"}, f.read())


def who_is_it(request):
    """Alice has two tabs, on either pod, Bob is on b."""
    user = {"Bearer modern-a": "alice", "Bearer old-b": "alice", "Bearer modern-b": "bob"}[request.decoded("stomp-Authorization")]
    return commands(("Ws-User", user)) if request.header("Cookie") == "SESSION=1" else Answer(401)


@pytest.fixture
def browser():
    b = Browser()
    yield b
    b.close()


def shown(browser):
    """id -> state, url of the pod, lines"""
    return browser.run("""return Object.fromEntries([...document.querySelectorAll("section")].map((s) => [s.id,
        {state: s.dataset.state, pod: s.dataset.pod, lines: [...s.querySelectorAll("li")].map((li) => li.textContent)}]));""")


def test_a_page_shows_what_two_pods_push_and_survives_the_death_of_one(world, browser):
    app_of_a, app_of_b = world.app(), world.app()
    for app in (app_of_a, app_of_b):
        app.answer(connect=who_is_it, other=serve, message=echo)
    world.config = {"lease": "1s"}  # so long the dead one's share waits
    a = world.pod(app_of_a, http="pass", routes=[{"path": "/stomp", "protocol": "stomp"}])
    page = f"http://127.0.0.1:{a.port}"
    b = world.pod(app_of_b, routes=[{"path": "/stomp", "protocol": "stomp", "origins": [page]}])
    url_a, url_b = (f"ws://127.0.0.1:{p.port}/stomp" for p in (a, b))
    browser.open(f"{page}/?pod={url_a}&pod={url_b}")
    pods = {"modern-a": url_a, "modern-b": url_b, "old-b": url_b}
    wanted = {name: [] for name in pods}

    def expect(*lines, at=tuple(pods), **states):
        for name in at:
            wanted[name] += lines

        def all_there():
            seen = shown(browser)
            return all(s["pod"] == pods[n] and s["state"] == states.get(n.replace("-", "_"), "subscribed")
                       and len(s["lines"]) >= len(wanted[n]) for n, s in seen.items())
        try:
            wait_until(all_there, 10, "what the page is to show")
        except AssertionError as e:
            raise AssertionError(f"{e}: {shown(browser)}") from None
        assert {n: s["lines"] for n, s in shown(browser).items()} == wanted

    expect()
    for app, names in ((app_of_a, {"modern-a"}), (app_of_b, {"modern-b", "old-b"})):
        events = app.events("connect")
        assert {e.decoded("stomp-Authorization") for e in events} == {f"Bearer {n}" for n in names}
        assert {e.header("Origin") for e in events} == {page}

    world.push('{"to": {"destination": "/topic/news"}, "json": {"text": "%s"}}' % TEXT)
    expect('/topic/news\t{"text":"%s"}' % TEXT)
    world.publish("destination:/topic/news", TEXT)
    expect(f"/topic/news\t{TEXT}")
    world.push({"to": {"user": "bob", "destination": "/queue/notices"}, "text": "Bob's"},
               {"to": {"destination": "/topic/other"}, "text": "nobody looks"},
               {"to": {"user": "alice", "destination": "/queue/notices"}, "text": "Alice's"})
    wanted["modern-b"].append("/user/queue/notices\tBob's")
    expect("/user/queue/notices\tAlice's", at=["modern-a", "old-b"])

    browser.run("document.querySelector('input').value = arguments[0]", TEXT)
    browser.click("button")
    expect(f"/topic/chat/1\t{TEXT}")
    assert app_of_a.wait_event("message").text == TEXT and not app_of_b.events("message")
    assert not browser.console()

    b.kill()
    pods["modern-b"] = url_a
    world.push({"to": {"user": "bob", "destination": "/queue/notices"}, "text": "while away"})
    expect("/user/queue/notices\twhile away", at=["modern-b"], old_b="closed")
    world.push({"to": {"destination": "/topic/news"}, "binary": base64.b64encode(bytes([0, 255, 10, 128])).decode()})
    expect("/topic/news\t0,255,10,128", at=["modern-a", "modern-b"], old_b="closed")
