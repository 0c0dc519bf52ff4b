"""The console's page on a phone, a tablet and a small screen, in light and dark, by keyboard and for screen readers, and with trouble."""

import json

import pytest

from support.browser import Browser
from support.redis_server import Redis
from support.waiting import wait_until

WIDTHS = (390, 768, 1280)
# What cannot be read: a page wider than the screen, text that runs out of its box, a control without a size, weak contrast.
LOOK = r"""
const out = [];
const wide = document.documentElement.scrollWidth - window.innerWidth;
if (wide > 0) out.push(`the page is ${wide} px wider than the screen`);
for (const e of document.querySelectorAll(".tile, .tile output, .tile small, #states li, header p, .limits tbody th, h2, h3, .story"))
  if (e.offsetParent && e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).display !== "inline")
    out.push(`${e.tagName}#${e.id} runs out of its box: ${e.textContent}`);
// A word that is broken, other than names, which are of any length.
for (const e of document.querySelectorAll("td:not(.long), th, output, #states li")) {
  if (!e.offsetParent || e.closest("#routes")) continue;
  for (const n of e.childNodes) {
    if (n.nodeType !== 3 || !/^[^\s\-/]{2,}$/.test(n.textContent)) continue;
    const all = document.createRange();
    all.selectNode(n);
    if (new Set([...all.getClientRects()].map((r) => r.top)).size > 1) out.push(`broken: ${n.textContent}`);
  }
}
const light = (c) => { const [r, g, b] = c.map((v) => (v / 255 <= 0.03928 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4)); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
const rgb = (s) => s.match(/[\d.]+/g).map(Number);
const behind = (e) => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c.length < 4 || c[3] > 0) return c.slice(0, 3); } return [255, 255, 255]; };
for (const e of document.querySelectorAll("body *")) {
  const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
  if (!own || !e.offsetParent) continue;
  const a = light(rgb(getComputedStyle(e).color).slice(0, 3)), b = light(behind(e));
  const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  if (ratio < 4.5) out.push(`contrast ${ratio.toFixed(2)}: ${e.tagName}.${e.className} ${e.textContent.slice(0, 30)}`);
}
return [...new Set(out)];
"""


@pytest.fixture
def browser():
    b = Browser()
    yield b
    b.close()


@pytest.fixture
def own_redis():
    r = Redis()
    yield r
    r.close()


def size(browser, width, scheme="light"):
    browser.emulate("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 500)
    browser.emulate("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])


def text(browser, css):
    return browser.run("return [...document.querySelectorAll(arguments[0])].map((e) => e.textContent).join('|')", css)


def until(browser, css, wanted, timeout=15):
    try:
        wait_until(lambda: wanted in text(browser, css), timeout, f"{wanted!r} at {css}")
    except AssertionError as e:
        raise AssertionError(f"{e}; there is {text(browser, css)!r}") from None


def opened(browser, pod):
    browser.open(f"http://127.0.0.1:{pod.admin_port}/console")
    until(browser, "#live", "live")


def busy(world, pod):
    """Everything that a page can hold: long names, closes, pushes, limits that were hit."""
    client = world.connect(pod, user="alice.of.a.rather.long.name@shop.example", join=[f"table-{n}" for n in range(5)])
    world.push(*[{"to": {"user": "alice.of.a.rather.long.name@shop.example"}, "text": "x", "id": f"order-{n}-{'0123456789abcdef' * 3}"}
                 for n in range(25)], *[{"to": {"user": f"nobody{n}"}, "text": "x"} for n in range(3)], {"colour": 1})
    for _ in range(25):
        client.recv()
    client.hears_nothing(0.2)
    for n in range(20):
        c = world.connect(pod, user=f"user{n}")
        c.close(4000, "a reason that is as long as reasons sometimes are")
    return client


def test_it_is_right_at_every_width_in_light_and_dark(world, browser):
    pod = world.pod(name="orders-production-7d9f8b6c5-x2x4z", max_connections=1000)
    size(browser, 1280)
    opened(browser, pod)
    empty = {}
    for state in "empty", "busy":
        if state == "busy":
            busy(world, pod)
            browser.run("ask_user(arguments[0])", "alice.of.a.rather.long.name@shop.example")
            until(browser, "#answer h2", "User alice")
            until(browser, "#latest", "order-24")
            browser.run("document.querySelector('details').open = true")
        for width in WIDTHS:
            for scheme in "light", "dark":
                size(browser, width, scheme)
                wrong = browser.run(LOOK)
                assert not wrong, f"{state}, {width} px, {scheme}: " + "\n".join(wrong)
            empty[state, width] = browser.run("return document.documentElement.scrollHeight")
    assert empty["empty", 390] < 2600, f"a phone has to scroll through {empty['empty', 390]} px of nothing"
    size(browser, 390)
    tallest = browser.run("return Math.max(...[...document.querySelectorAll('tr')].map(row => row.getBoundingClientRect().height))")
    assert 0 < tallest < 90, f"what is wide is scrolled sideways, and not broken into many lines: a row has {tallest} px"
    # What is asked for most comes first on a phone.
    assert browser.run("return document.querySelector('#user-form').getBoundingClientRect().top + scrollY") < 400
    assert not browser.console()


def keys(browser, *pressed):
    actions = [a for k in pressed for a in ({"type": "keyDown", "value": k}, {"type": "keyUp", "value": k})]
    browser.call("POST", "/actions", {"actions": [{"type": "key", "id": "keyboard", "actions": actions}]})


def test_it_works_by_keyboard_alone(world, browser):
    pod = world.pod()
    world.connect(pod, user="alice")
    opened(browser, pod)
    until(browser, "#connections", "1")
    keys(browser, "\ue004")  # Tab: the first field
    assert browser.run("return document.activeElement.name") == "name"
    assert browser.run("return getComputedStyle(document.activeElement).outlineStyle") != "none", "one sees where one is"
    keys(browser, *"alice", "\ue007")
    until(browser, "#answer h2", "User alice")
    keys(browser, "\ue004", "\ue004")
    assert browser.run("return document.activeElement.name") == "id"
    keys(browser, *"m1", "\ue007")
    until(browser, "#answer h2", "Message m1")
    seen = set()
    for _ in range(40):
        keys(browser, "\ue004")
        seen.add(browser.run("const e = document.activeElement; return e.tagName + (e.getAttribute('aria-labelledby') || '')"))
    assert "SUMMARY" in seen and "SECTIONcloses-title" in seen and "SECTIONlatest-title" in seen, "what scrolls can be scrolled"


def test_who_goes_through_a_table_by_keyboard_keeps_the_place(world, browser):
    pod = world.pod()
    for n in range(3):
        world.connect(pod, user=f"user{n}").close(4000, "bye")
    opened(browser, pod)
    until(browser, "#closes", "user2")
    focused = "return document.activeElement.textContent"
    for _ in range(40):
        keys(browser, "\ue004")
        if browser.run(focused) == "user1":
            break
    uptime = text(browser, "#about")
    world.connect(pod, user="user3").close(4000, "bye")  # a row that comes in above
    until(browser, "#closes", "user3")
    wait_until(lambda: text(browser, "#about") != uptime, 5, "another snapshot")
    assert browser.run(focused) == "user1"
    keys(browser, "\ue007")
    until(browser, "#answer h2", "User user1")


def test_states_that_stay_are_not_said_again(world, browser):
    pod = world.pod()
    opened(browser, pod)
    browser.run("window.said = 0; new MutationObserver((all) => window.said += all.length)"
                ".observe(document.querySelector('#states'), {childList: true, subtree: true, characterData: true})")
    uptime = text(browser, "#about")
    wait_until(lambda: text(browser, "#about") != uptime, 5, "another snapshot")
    assert browser.run("return window.said") == 0


@pytest.mark.parametrize("how", ["ends", "hangs"])
def test_when_the_pod_is_gone_nothing_old_is_shown_as_true(world, browser, how):
    pod = world.pod()
    world.connect(pod, user="alice")
    opened(browser, pod)
    until(browser, "#redis", "redis: ok")
    assert not browser.run("return document.querySelector('#stale').offsetParent")
    pod.pause() if how == "hangs" else pod.kill()
    until(browser, "#stale", "No answer from this pod since", 20)
    assert text(browser, "#live") == "no connection"
    assert browser.run("return document.querySelectorAll('#states .good').length") == 0
    for width in WIDTHS:
        for scheme in "light", "dark":
            size(browser, width, scheme)
            wrong = browser.run(LOOK)
            assert not wrong, f"{width} px, {scheme}: " + "\n".join(wrong)
    if how == "hangs":
        pod.resume()
        until(browser, "#live", "live")
        until(browser, "#redis", "redis: ok")
        assert not browser.run("return document.querySelector('#stale').offsetParent")


def test_a_screen_reader_has_a_name_for_everything(world, browser):
    pod = world.pod()
    world.connect(pod, user="alice")
    opened(browser, pod)
    browser.run("ask_user('alice')")
    until(browser, "#answer h2", "User alice")
    nodes = browser.call("POST", "/goog/cdp/execute", {"cmd": "Accessibility.getFullAXTree", "params": {}})["nodes"]
    shown = [n for n in nodes if not n.get("ignored")]
    assert len(shown) > 50
    role = lambda n: n.get("role", {}).get("value")  # noqa: E731
    name = lambda n: n.get("name", {}).get("value")  # noqa: E731
    for wanted in ("button", "textbox", "table", "region", "meter"):
        of_it = [n for n in shown if role(n) == wanted]
        assert of_it and all(name(n) for n in of_it), [wanted, [n for n in of_it if not name(n)]]
    names = {(role(n), (name(n) or "").strip()) for n in shown}
    missing = {("textbox", "Where is this user?"), ("button", "Find the user"), ("textbox", "Where did this message go?"),
               ("table", "Latest pushes"), ("table", "Not delivered")} - names
    assert not missing, (missing, sorted(n for n in names if n[0] in ("textbox", "button", "table")))
    levels = browser.run("return [...document.querySelectorAll('h1,h2,h3')].map((h) => Number(h.tagName[1]))")
    assert levels[0] == 1 and levels.count(1) == 1 and all(b - a <= 1 for a, b in zip(levels, levels[1:]))
    assert browser.run("return document.documentElement.lang") == "en"


def test_with_redis_gone_it_says_unknown_and_never_none(world, browser, own_redis):
    world.redis_server = own_redis
    a, b = world.pod(name="shop-a"), world.pod(name="shop-b")
    world.connect(b, user="alice")
    opened(browser, a)
    world.redis_server.pause()
    until(browser, "#redis", "redis: commands", 20)
    until(browser, "#queues", "unknown: Redis is not well")
    assert "another pod" not in text(browser, "#queues")
    browser.run("ask_user('alice')")
    until(browser, "#answer", "none on this pod; on others: unknown")
    answer = text(browser, "#answer")
    assert "Waiting in the mailbox: unknown" in answer and "The rest is unknown" in answer and "not connected" not in answer
    browser.run("ask_message('m1')")
    until(browser, "#answer", "unknown (Redis does not answer")
    for width in WIDTHS:
        size(browser, width, "dark")
        wrong = browser.run(LOOK)
        assert not wrong, f"{width} px: " + "\n".join(wrong)
    world.redis_server.resume()
    until(browser, "#redis", "redis: ok", 20)
    browser.run("ask_user('alice')")
    until(browser, "#answer", "shop-b")


def test_with_the_app_gone_it_shows_what_waits(world, browser):
    pod = world.pod()
    c = world.connect(pod, user="alice")
    opened(browser, pod)
    pod.app.refuse()
    c.send("x")
    until(browser, "#app", "does not accept connections")
    until(browser, "#queues", "events that the app has not taken1, the oldest for")
    pod.app.accept_again()
    until(browser, "#queues", "events that the app has not taken0")


def test_an_empty_pod_says_so_in_every_table(world, browser):
    world.redis_server = None
    pod = world.pod()
    opened(browser, pod)
    for css, words in (("#undelivered", "nothing"), ("#longest", "all are empty"), ("#routes", "no connection"), ("#closes", "none yet"),
                       ("#latest", "none yet")):
        until(browser, css, words)
    spans = browser.run("return [...document.querySelectorAll('td.empty')].map((e) => e.colSpan)")
    assert spans and min(spans) > 1
    assert "outbox" not in text(browser, "#queues"), "there is none"
    assert json.loads(pod.get("/console/snapshot").body)["redis"] == "none"


def test_pushes_that_were_not_for_this_pod_are_no_noise(world, browser):
    a, b = world.pod(), world.pod()
    c = world.connect(b, user="alice")
    opened(browser, a)
    world.publish("push", json.dumps({"to": {"user": "alice"}, "text": "x", "id": "elsewhere"}))
    assert c.recv() == "x"
    world.push({"to": {"user": "nobody"}, "text": "x", "id": "seen"})
    wait_until(lambda: "seen" in text(browser, "#latest") or "seen" in json.dumps(json.loads(b.get("/console/snapshot").body)["pushes"]), 10, "it")
    assert "elsewhere" not in text(browser, "#latest")
    browser.run("ask_message('elsewhere')")
    until(browser, "#answer", "sent to 1 connection")
