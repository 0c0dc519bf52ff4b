"use strict";
// Everything drawn here came over a WebSocket: the page sends as a diner, and measures until other diners have it.

const DISHES = ["麻婆豆腐 Mapo tofu", "宫保鸡丁 Kung pao chicken", "饺子 Dumplings", "Lemonade"];
const DINERS = [
  ["Ana", "3", 0], ["Ben", "3", 1],
  ["Chidi", "5", 0], ["Dalia", "5", 1], ["Emre", "5", 0],
  ["张三", "7", 0], ["李雷", "7", 1], ["Freya", "7", 1],
].map(([name, table, home]) => ({ name, table, home, pod: home, state: "connecting", tries: 0 }));

const $ = (selector, from = document) => from.querySelector(selector);
const still = matchMedia("(prefers-reduced-motion: reduce)");
const inFlight = new Map();
const latencies = [];
let pods = [], number = 0, sent = 0, delivered = 0;

// ---------------------------------------------------------------------------------------------- connections

function connect(diner) {
  diner.pod = (diner.home + diner.tries) % pods.length; // as a load balancer would: another one when this one is gone
  const url = `ws://${location.hostname}:${pods[diner.pod].port}/ws/table/${diner.table}?name=${encodeURIComponent(diner.name)}`;
  const socket = new WebSocket(url);
  diner.socket = socket;
  socket.onopen = () => { diner.tries = 0; };
  socket.onmessage = (event) => receive(diner, JSON.parse(event.data));
  socket.onclose = () => {
    setState(diner, "reconnecting");
    diner.tries += 1;
    setTimeout(() => connect(diner), Math.min(200 * 2 ** diner.tries, 3000) * (0.5 + Math.random() / 2));
  };
}

function receive(diner, message) {
  if (message.type === "welcome") {
    setState(diner, "open");
    return;
  }
  const flight = inFlight.get(message.n);
  if (!flight) return;
  const latency = performance.now() - flight.at;
  delivered += 1;
  latencies.push(latency);
  flight.arrivals.push({ diner, latency });
  list(diner, message, latency);
  map.deliver(flight, diner);
  tell(flight, message);
  count();
}

function send(diner, message) {
  if (diner.state !== "open") return;
  number += 1;
  sent += 1;
  const flight = { n: number, from: diner, at: performance.now(), arrivals: [], type: message.type };
  inFlight.set(number, flight);
  diner.socket.send(JSON.stringify({ ...message, n: number }));
  map.send(flight);
  count();
}

/** A waiter has no table: anybody's open connection carries the call, from whichever pod. */
function anyone() {
  const open = DINERS.filter((d) => d.state === "open");
  return open[number % Math.max(open.length, 1)];
}

// ---------------------------------------------------------------------------------------------------- the page

const ms = (t) => `${t < 10 ? t.toFixed(1) : Math.round(t)} ms`;

function setState(diner, state) {
  diner.state = state;
  diner.card.dataset.state = state;
  $(".state", diner.card).textContent = state;
  $(".pod", diner.card).textContent = pods[diner.pod].name;
  $("button", diner.card).disabled = state !== "open";
  map.seat(diner);
  count();
}

function list(diner, message, latency) {
  const item = document.createElement("li");
  item.className = message.type;
  const what = message.type === "order" ? `${message.from}: ${message.dish}` : message.text;
  item.append(what, " ", Object.assign(document.createElement("small"), { textContent: ms(latency) }));
  const feed = $(".feed", diner.card);
  feed.prepend(item);
  while (feed.children.length > 3) feed.lastChild.remove();
}

function tell(flight, message) {
  const times = flight.arrivals.map((a) => a.latency);
  const where = new Set(flight.arrivals.map((a) => pods[a.diner.pod].name));
  const strong = document.createElement("strong");
  strong.textContent = { order: `Order at ${message.table}`, call: `Call for ${message.to}`, announce: "Announcement" }[flight.type];
  const door = flight.type === "call" ? "outbox list" : "channel";
  $("#way").replaceChildren(strong, ` — ${flight.from.name} on ${pods[flight.from.pod].name}, its app, Redis ${door}, ` +
    `then ${[...where].sort().join(" and ")}: ${times.length} ${times.length === 1 ? "diner" : "diners"} within ${ms(Math.max(...times))}`);
}

function count() {
  $("#open").textContent = DINERS.filter((d) => d.state === "open").length;
  $("#sent").textContent = sent;
  $("#delivered").textContent = delivered;
  const sorted = [...latencies].sort((a, b) => a - b);
  $("#median").textContent = sorted.length ? ms(sorted[sorted.length >> 1]) : "–";
}

function build() {
  for (const table of ["3", "5", "7"]) {
    const section = $("#table-template").content.cloneNode(true).firstElementChild;
    section.style.setProperty("--colour", `var(--table-${table})`);
    $("h2", section).textContent = `Table ${table}`;
    for (const diner of DINERS.filter((d) => d.table === table)) {
      diner.card = $("#diner-template").content.cloneNode(true).firstElementChild;
      diner.card.dataset.diner = diner.name;
      $("h3", diner.card).textContent = diner.name;
      $("select", diner.card).append(...DISHES.map((d) => new Option(d)));
      $("form", diner.card).onsubmit = (event) => {
        event.preventDefault();
        send(diner, { type: "order", dish: event.target.dish.value });
      };
      $(".diners", section).append(diner.card);
    }
    $("#tables").append(section);
  }
  $("#call select").append(...DINERS.map((d) => new Option(d.name)));
  $("#call").onsubmit = (event) => {
    event.preventDefault();
    if (anyone()) send(anyone(), { type: "call", to: event.target.to.value, text: event.target.text.value });
  };
  $("#announce").onsubmit = (event) => {
    event.preventDefault();
    if (anyone()) send(anyone(), { type: "announce", text: event.target.text.value });
  };
}

// ------------------------------------------------------------------------------------------------------ the map

const map = {
  svg: $("#map"),
  pod: [{ x: 240 }, { x: 720 }],
  redis: { x: 480, y: 388 },
  edges: new Map(),

  element(name, attributes, text) {
    const e = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v);
    if (text !== undefined) e.textContent = text;
    this.svg.append(e);
    return e;
  },

  draw() {
    const order = [...DINERS].sort((a, b) => a.home - b.home);
    order.forEach((d, i) => { d.x = 75 + i * (810 / (order.length - 1)); d.y = 44; });
    for (const d of DINERS) this.edge(`seat ${d.name}`, d, { x: this.pod[d.home].x, y: 152 });
    this.pod.forEach((p, i) => {
      this.edge(`app ${i}`, { x: p.x, y: 190 }, { x: p.x, y: 246 });
      this.edge(`out ${i}`, { x: p.x, y: 284 }, this.redis, i ? 90 : -90);
      this.edge(`in ${i}`, this.redis, { x: p.x + (i ? -100 : 100), y: 172 }, 0);
    });
    this.pod.forEach((p, i) => {
      this.element("rect", { class: "pod-box", x: p.x - 130, y: 130, width: 260, height: 176, rx: 12, fill: "none" });
      this.element("text", { class: "small", x: p.x - 96, y: 298 }, pods[i].name);
      p.sidecar = this.element("rect", { class: "part", x: p.x - 100, y: 152, width: 200, height: 38, rx: 7 });
      this.element("text", { x: p.x, y: 176 }, "wsidecar");
      p.app = this.element("rect", { class: "part", x: p.x - 70, y: 246, width: 140, height: 38, rx: 7 });
      this.element("text", { x: p.x, y: 270 }, "Java app");
    });
    this.store = this.element("rect", { class: "part", x: 420, y: 368, width: 120, height: 40, rx: 20 });
    this.element("text", { x: 480, y: 393 }, "Redis");
    for (const d of DINERS) {
      d.circle = this.element("circle", { class: "seat off", cx: d.x, cy: d.y, r: 15, stroke: `var(--table-${d.table})` });
      this.element("text", { x: d.x, y: d.y - 23 }, d.name);
      this.element("text", { class: "small", x: d.x, y: d.y + 4 }, d.table);
    }
    // Boxes cover the lines, dots cover the boxes.
    for (const box of this.svg.querySelectorAll(".pod-box")) this.svg.prepend(box);
  },

  edge(name, from, to, bend = 0) {
    const d = bend ? `M${from.x},${from.y} C${from.x},${from.y + 60} ${to.x + bend},${to.y} ${to.x},${to.y}`
      : `M${from.x},${from.y} L${to.x},${to.y}`;
    this.edges.set(name, this.element("path", { class: "edge", d }));
  },

  seat(diner) {
    diner.circle.classList.toggle("off", diner.state !== "open");
    const line = this.edges.get(`seat ${diner.name}`);
    line.setAttribute("d", `M${diner.x},${diner.y} L${this.pod[diner.pod].x + (diner.x - this.pod[diner.pod].x) / 5},152`);
    line.style.opacity = diner.state === "open" ? 1 : 0.25;
  },

  send(flight) {
    flight.colour = `var(--table-${flight.from.table})`;
    const pod = flight.from.pod;
    flight.up = this.travel([[`seat ${flight.from.name}`, 0], [`app ${pod}`, 0], [`out ${pod}`, 0]], flight.colour, 520);
  },

  async deliver(flight, diner) {
    const pod = diner.pod;
    await flight.up;
    this.hit(this.store);
    await this.travel([[`in ${pod}`, 0], [`seat ${diner.name}`, 1]], flight.colour, 420);
    diner.circle.animate([{ r: "15px" }, { r: "20px" }, { r: "15px" }], still.matches ? 1 : 260);
  },

  hit(box) {
    box.classList.add("hit");
    setTimeout(() => box.classList.remove("hit"), 350);
  },

  /** Moves a dot along edges (1: backwards); lights them up instead where motion is not wanted. */
  travel(names, colour, duration) {
    const lines = names.map(([name, back]) => ({ line: this.edges.get(name), back }));
    if (still.matches || document.hidden) {
      for (const { line } of lines) {
        line.classList.add("lit");
        setTimeout(() => line.classList.remove("lit"), 600);
      }
      return Promise.resolve();
    }
    const lengths = lines.map(({ line }) => line.getTotalLength());
    const total = lengths.reduce((a, b) => a + b, 0);
    const dot = this.element("circle", { class: "dot", r: 6.5, fill: colour });
    return new Promise((resolve) => {
      const start = performance.now();
      const step = (now) => {
        const share = Math.min(Math.max((now - start) / duration, 0), 1);
        let at = share * total, i = 0;
        while (i < lines.length - 1 && at > lengths[i]) at -= lengths[i++];
        const p = lines[i].line.getPointAtLength(lines[i].back ? lengths[i] - at : at);
        dot.setAttribute("cx", p.x);
        dot.setAttribute("cy", p.y);
        if (share < 1) {
          requestAnimationFrame(step);
        } else {
          dot.remove();
          resolve();
        }
      };
      step(start);
    });
  },
};

async function main() {
  pods = await (await fetch("pods.json")).json();
  build();
  map.draw();
  for (const diner of DINERS) {
    setState(diner, "connecting");
    connect(diner);
  }
}
main();
