"use strict";
// Everything that comes from users (names, ids, reasons) becomes text: nothing here writes HTML.

const $ = (id) => document.getElementById(id);

function node(name, className, ...children) {
  const e = document.createElement(name);
  if (className) e.className = className;
  e.append(...children.map((c) => (c instanceof Node ? c : document.createTextNode(String(c)))));
  return e;
}
const cell = (content, className) => node("td", className, content);
const number = (content) => cell(content, "n");
/** A name, of any length: broken where the room ends. Others are only broken between words. */
const long = (content) => cell(content, "long");

/** One cell as wide as the table. */
function nothing(text) {
  const td = node("td", "empty", text);
  td.colSpan = 8;
  return node("tr", "", td);
}

/** Rows that are as they were stay, and so does the place of who goes through them by keyboard. */
function rows(id, all, none) {
  const body = $(id).tBodies[0];
  const fresh = all.length ? all : [nothing(none)];
  if (fresh.length === body.rows.length && fresh.every((r, i) => r.isEqualNode(body.rows[i]))) return;
  const focused = body.contains(document.activeElement) ? document.activeElement.textContent : undefined;
  body.replaceChildren(...fresh);
  if (focused !== undefined) [...body.querySelectorAll("button")].find((b) => b.textContent === focused)?.focus();
}
const row = (...cells) => node("tr", "", ...cells);
/** A row with its name as its head. */
function headed(name, ...cells) {
  const th = node("th", "", ...(Array.isArray(name) ? name : [name]));
  th.scope = "row";
  return node("tr", "", th, ...cells);
}
const pair = (name, value) => headed(name, number(value));
/** `limits.messages_per_second` may be broken behind its dots and underscores. */
const breakable = (name) => name.split(/(?<=[._])/).flatMap((part) => [part, document.createElement("wbr")]);

// ---------------------------------------------------------------------------------------------------------- numbers

const digits = (n, most = 0) => n.toLocaleString("en", { maximumFractionDigits: most });
const rate = (n) => digits(n, n < 10 ? 1 : 0);
const clock = (time) => new Date(time).toLocaleTimeString("en-GB");

function bytes(n) {
  for (const unit of ["B", "KiB", "MiB"]) {
    if (n < 1024) return `${digits(n, n < 10 && unit !== "B" ? 1 : 0)} ${unit}`;
    n /= 1024;
  }
  return `${digits(n, 1)} GiB`;
}

function span(seconds) {
  if (seconds === null || seconds === undefined) return "\u2013";
  if (seconds < 0.9995) return `${digits(seconds * 1000, seconds < 0.00995 ? 1 : 0)} ms`;
  if (seconds < 120) return `${digits(seconds, 1)} s`;
  if (seconds < 7200) return `${digits(seconds / 60)} min`;
  return seconds < 172800 ? `${digits(seconds / 3600, 1)} h` : `${digits(seconds / 86400, 1)} d`;
}

const in_bytes = new Set(["memory_bytes", "app.max_header", "app.max_answer", "limits.message", "limits.headers", "limits.queue", "limits.frame",
  "outbox.max_envelope", "pending_bytes", "read_ahead", "stomp.transactions", "admin.bodies", "sockjs.ended",
  "history.reads"]);
const in_seconds = new Set(["app.retry.deadline", "limits.handshake", "limits.first_frame", "mailbox.age"]);
const amount = (name, n) => (in_bytes.has(name) ? bytes(n) : in_seconds.has(name) ? span(n) : digits(n));

// ------------------------------------------------------------------------------------------------------------ lines

const past = new Map();

function line(id, value) {
  const svg = $(id).parentElement.querySelector("svg");
  const values = past.get(id) || [];
  values.push(value ?? 0);
  if (values.length > 120) values.shift();
  past.set(id, values);
  const most = Math.max(...values, 1e-9);
  let path = svg.querySelector("path");
  if (!path) {
    svg.setAttribute("viewBox", "0 0 119 100");
    svg.setAttribute("preserveAspectRatio", "none");
    path = svg.appendChild(document.createElementNS("http://www.w3.org/2000/svg", "path"));
  }
  const from = 120 - values.length;
  path.setAttribute("d", values.map((v, i) => `${i ? "L" : "M"}${from + i} ${97 - 90 * v / most}`).join(""));
}

// ------------------------------------------------------------------------------------------------------- a snapshot

function state(id, text, good) {
  if ($(id).textContent !== text) $(id).textContent = text;  // a screen reader says it whenever it is set
  $(id).className = good === undefined ? "" : good ? "good" : "bad";
}

function user_button(user) {
  if (!user) return "";
  const b = node("button", "name", user);
  b.type = "button";
  b.addEventListener("click", () => ask_user(user));
  return b;
}

function id_button(id) {
  if (!id) return "";
  const b = node("button", "name", id.length > 40 ? `${id.slice(0, 39)}\u2026` : id);
  b.type = "button";
  b.title = id;
  b.addEventListener("click", () => ask_message(id));
  return b;
}

const colour = (outcome) => ({ delivered: "good", sent: "good", stored: "warm", under_way: "dim", routed_again: "warm", not_here: "dim" }[outcome] || "bad");

function target(t) {
  if (t.kind === "all") return "everybody";
  return `${t.kind} ${t.name}${t.destination ? ` at ${t.destination}` : ""}`;
}

function push_row(p) {
  return row(cell(clock(p.time), "time"), long(id_button(p.id)), cell(p.door), long(p.to.map(target).join(", ")),
    cell(p.reason ? `${p.outcome}: ${p.reason}` : p.outcome, colour(p.outcome)), number(digits(p.connections)),
    number(p.seconds ? span(p.seconds) : ""));
}

function limit_row(l) {
  const used = number(l.used === null ? "" : amount(l.name, l.used));
  if (l.used !== null && l.value) {
    const meter = node("meter");
    meter.max = l.value;
    meter.high = l.value * 0.8;
    meter.optimum = 0;
    meter.value = l.used;
    meter.ariaLabel = `${l.name} in use`;
    used.append(node("br"), meter);
  }
  const value = l.value === null ? "" : l.value === 0 ? "off" : amount(l.name, l.value);
  return headed(breakable(l.name), number(value), used, cell(digits(l.hits), l.hits ? "n warm" : "n dim"));
}
const is_near = (l) => l.hits > 0 || (l.used > 0 && l.value > 0);

/** What only Redis, or the pod that routes, knows. */
function outbox_rows(s) {
  const q = s.queues;
  if (s.redis === "none") return [];
  if (s.redis !== "ok") return [pair("outbox", "unknown: Redis is not well")];
  if (!q.routes_outbox) return [pair("outbox", "routed by another pod")];
  return [pair("outbox: entries", digits(q.outbox_length)), pair("outbox: its first entry has waited", span(q.outbox_head_age_seconds)),
    pair("mailboxes", digits(q.mailboxes)), pair("histories", `${digits(s.history.names)}, ${bytes(s.history.bytes)}`)];
}

function show(s) {
  $("instance").textContent = s.instance;
  $("about").textContent = `version ${s.version}, up ${span(s.uptime_seconds)}`;
  state("ready", s.ready ? "ready" : "not ready", s.ready);
  state("app", `app: ${s.app}`, s.app === "ok");
  state("redis", `redis: ${s.redis}`, s.redis === "ok" || s.redis === "none");
  const drain = s.drain.state === "closing" ? `closing, ${digits(s.drain.remaining)} left` : s.drain.state;
  state("drain", drain, s.drain.state === "serving");

  const limit = s.limits.find((l) => l.name === "max_connections");
  $("connections").textContent = digits(s.connections.open);
  $("connections-of").textContent = limit ? `of ${digits(limit.value)}` : "";
  $("accepted").textContent = rate(s.rates.accepted);
  $("refused").textContent = `${rate(s.rates.refused)} refused`;
  $("messages").textContent = rate(s.rates.messages_in);
  $("events").textContent = `${rate(s.rates.events)} events`;
  $("pushes").textContent = rate(s.rates.pushes);
  $("delivered").textContent = `${rate(s.rates.delivered)} delivered`;
  for (const what of ["event", "push"]) {
    const l = s.latency[what];
    $(what).textContent = l.count ? `${span(l.p50)} / ${span(l.p99)}`.replace(/(\d) /g, "$1\u00a0") : "\u2013";
    line(what, l.p99);
  }
  line("connections", s.connections.open);
  line("accepted", s.rates.accepted);
  line("messages", s.rates.messages_in);
  line("pushes", s.rates.pushes);

  const q = s.queues;
  rows("queues", [pair("bytes to clients", bytes(q.outbound_bytes)), pair("requests in flight to the app", digits(q.app_in_flight)),
    pair("requests waiting for the app", digits(q.app_queued)), pair("pushes not confirmed", digits(q.unconfirmed)),
    pair("events that the app has not taken", q.events_waiting ? `${digits(q.events_waiting)}, the oldest for ${span(q.event_oldest_seconds)}` : "0"),
    ...outbox_rows(s),
    pair("event loop late by", s.loop_lag_seconds < 0.05 ? "less than 50 ms" : span(s.loop_lag_seconds))]);
  rows("longest", q.longest.map((c) => row(cell(c.connection), long(user_button(c.user)), long(c.path), number(bytes(c.queued_bytes)))), "all are empty");
  rows("registry", [pair("users here", digits(s.registry.users)), pair("aliases", digits(s.registry.aliases)), pair("groups", digits(s.registry.groups)),
    headed(s.redis === "ok" || s.redis === "none" ? "instances in Redis" : "instances when Redis last answered",
      long(s.registry.instances.join(", ") || (s.redis === "none" ? "no Redis" : "unknown")))]);
  rows("routes", s.connections.by_route.map((r) => pair(r.path, digits(r.connections))), "no connection");
  rows("undelivered", [...s.undelivered, ...s.rejected.map((r) => ({ reason: `rejected: ${r.reason}`, count: r.count }))]
    .map((u) => pair(u.reason, digits(u.count))), "nothing");
  rows("limits", s.limits.filter(is_near).map(limit_row), "none");
  rows("limits-rest", s.limits.filter((l) => !is_near(l)).map(limit_row), "none");
  rows("closes", s.closes.slice(0, 15).map((c) => row(cell(clock(c.time), "time"), long(user_button(c.user)), cell(c.connection), number(c.code), cell(c.cause), long(c.reason))), "none yet");
  // Every pod hears a channel's push: those that have nobody for it have nothing to tell.
  rows("latest", s.pushes.filter((p) => p.outcome !== "not_here").map(push_row), "none yet");
}

// --------------------------------------------------------------------------------------------------------- questions

const of_numbers = new Set(["queued", "unconfirmed", "connections", "took"]);
function head_of(name) {
  const th = node("th", of_numbers.has(name) ? "n" : "", name);
  th.scope = "col";
  return th;
}
function table(label, names, all, none, kind = "") {
  const t = node("table", kind, node("thead", "", node("tr", "", ...names.map(head_of))), node("tbody"));
  t.ariaLabel = label;
  t.tBodies[0].append(...(all.length ? all : [nothing(none)]));
  const scroller = node("div", "scroller", t);
  scroller.tabIndex = 0;
  scroller.role = "region";
  scroller.ariaLabel = label;
  return scroller;
}

/** Who did not answer: what they know is unknown. */
function unknown(a) {
  if (!a.redis) return [node("p", "bad", `Redis does not answer: this is only what ${a.instance} knows. The rest is unknown.`)];
  return a.silent.length ? [node("p", "bad", `No answer from ${a.silent.join(", ")}: what they know is unknown.`)] : [];
}

async function ask(url, build) {
  const answer = $("answer");
  answer.hidden = false;
  try {
    const r = await fetch(url, { cache: "no-store" });
    const body = await r.json();
    answer.replaceChildren(...(r.ok ? build(body) : [node("p", "bad", body.error || r.status)]));
  } catch (e) {
    answer.replaceChildren(node("p", "bad", `no answer: ${e.message}`));
  }
  answer.dataset.of = url;
}

const push_heads = ["time", "pod", "via", "to", "outcome", "connections", "took"];
/** A push as a pod tells of it, with its id where the table is not about one. */
function told_row(p, with_id) {
  const outcome = node("td", colour(p.outcome), p.reason ? `${p.outcome}: ${p.reason}` : p.outcome);
  return row(cell(clock(p.time), "time"), ...(with_id ? [long(id_button(p.id))] : []), long(p.instance), cell(p.door), long(p.to.map(target).join(", ")),
    outcome, number(digits(p.connections)), number(p.seconds ? span(p.seconds) : ""));
}

function mailbox_of(u) {
  if (u.mailbox === null) return [node("h3", "", "Waiting in the mailbox: unknown, Redis does not answer")];
  const m = u.mailbox;
  return [node("h3", "", `Waiting in the mailbox: ${digits(m.count)}`, m.count ? `, ${bytes(m.bytes)}` : "",
    m.waited_for_seconds === undefined ? "" : `; disconnected a moment ago, pushes of the next ${span(m.waited_for_seconds)} are kept`),
  ...(m.oldest.length ? [table("Waiting in the mailbox", ["id", "bytes", "until", "kept for"], m.oldest.map((k) =>
    row(long(id_button(k.id)), cell(bytes(k.bytes)), cell(new Date(k.until).toLocaleString("en-GB")), cell(k.why))))] : [])];
}

function ask_user(name) {
  $("user-form").elements.name.value = name;
  return ask(`console/user?name=${encodeURIComponent(name)}`, (u) => [
    node("h2", "", `User ${u.user}`), ...unknown(u),
    table("Connections", ["connection", "pod", "path", "since", "groups", "queued", "unconfirmed"], u.connections.map((c) => row(cell(c.connection),
      long(c.here ? `${c.instance} (this one)` : c.instance), long(c.path), cell(clock(c.since), "time"), long(c.groups ? c.groups.join(", ") : "unknown"),
      number(c.groups ? bytes(c.queued_bytes) : "unknown"), number(c.groups ? digits(c.unconfirmed) : "unknown"))),
    u.complete ? "not connected" : u.redis ? "none on the pods that answered" : "none on this pod; on others: unknown"),
    ...mailbox_of(u),
    node("h3", "", "Latest pushes"),
    table("Latest pushes", ["time", "id", ...push_heads.slice(1)], u.pushes.map((p) => told_row(p, true)), "none"),
  ]);
}

function ask_message(id) {
  $("message-form").elements.id.value = id;
  return ask(`console/message?id=${encodeURIComponent(id)}`, (m) => [
    node("h2", "", `Message ${m.id}`), node("p", "conclusion", m.conclusion), ...unknown(m),
    table("What became of it", ["time", "where", "what"], m.story.map((l) =>
      row(cell(l.time ? clock(l.time) : "now", "time"), long(l.instance), long(l.text))), "nothing is known about it", "story"),
  ]);
}

for (const [form, field, question] of [["user-form", "name", ask_user], ["message-form", "id", ask_message]]) {
  $(form).addEventListener("submit", (e) => {
    e.preventDefault();
    question($(form).elements[field].value);
  });
}

// ------------------------------------------------------------------------------------------------------------- live

const silence = 5000;  // a snapshot comes each second
let last;  // when the last one came
let asked = Date.now();

/** What the page shows is no longer so, or may not be: it says since when, and no state is good any more. */
function stale() {
  if (!$("stale").hidden) return;
  state("live", "no connection", false);
  for (const id of ["ready", "app", "redis", "drain"]) $(id).className = "";
  document.body.classList.add("stale");
  $("stale").textContent = last === undefined ? "This pod has not answered yet."
    : `No answer from this pod since ${clock(last)}. This page shows its last report.`;
  $("stale").hidden = false;
}

function listen() {
  const source = new EventSource("console/events");
  source.onmessage = (e) => {
    last = asked = Date.now();
    $("stale").hidden = true;
    document.body.classList.remove("stale");
    state("live", "live", true);
    show(JSON.parse(e.data));
  };
  source.onerror = () => {
    stale();
    if (source.readyState === EventSource.CLOSED) setTimeout(listen, 3000);  // refused: too many viewers, perhaps
  };
}
listen();
setInterval(() => Date.now() - asked > silence && stale(), 1000);  // a process that hangs closes no connection
