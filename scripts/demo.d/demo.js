"use strict";
// Everything drawn here came over a WebSocket: the page sends as a diner, and measures until other diners have it.

const DISHES = ["麻婆豆腐", "Dumplings", "宫保鸡丁", "Noodles", "Lemonade"];
const DINERS = [
  ["Ana", "3", 0], ["Ben", "3", 1],
  ["Chidi", "5", 0], ["Dalia", "5", 1], ["Emre", "5", 0],
  ["张三", "7", 0], ["李雷", "7", 1], ["Freya", "7", 1],
].map(([name, table, home]) => ({ name, table, home, pod: home, state: "connecting", tries: 0, received: 0 }));

const SLEEP = 5000; // as long as a phone in a pocket keeps its connection closed, here
const $ = (selector, from = document) => from.querySelector(selector);
const still = matchMedia("(prefers-reduced-motion: reduce)");
const narrow = matchMedia("(max-width: 640px)");
const inFlight = new Map();
const latencies = [];
let pods = [], number = 0, sent = 0, delivered = 0;

// ---------------------------------------------------------------------------------------------- connections

function connect(diner) {
  diner.pod = (diner.home + diner.tries) % pods.length; // as a load balancer would: another one when this one is gone
  const url = `ws://${location.hostname}:${pods[diner.pod].port}/ws/table/${diner.table}?name=${encodeURIComponent(diner.name)}`;
  const socket = new WebSocket(url);
  diner.socket = socket;
  const to = pods[diner.pod];
  socket.onopen = () => { diner.tries = 0; to.gone = false; };
  socket.onmessage = (event) => receive(diner, JSON.parse(event.data));
  socket.onclose = () => {
    if (diner.sleeping) return;
    diner.state = "reconnecting";
    if (!DINERS.some((d) => d.state === "open" && pods[d.pod] === to)) to.gone = true;
    setState(diner, "reconnecting");
    say("Connection lost", `${to.name}${to.gone ? " is gone" : ""}; ${diner.name} is connecting again.`);
    diner.tries += 1;
    setTimeout(() => connect(diner), Math.min(200 * 2 ** diner.tries, 3000) * (0.5 + Math.random() / 2));
  };
}

/** Its connection is closed and comes again; what is ordered at its table meanwhile, by the list, is kept. */
function sleep(diner) {
  diner.sleeping = { from: performance.now(), missed: [] };
  diner.socket.close(1000, "asleep");
  setState(diner, "asleep");
  say("Asleep:", `${diner.name} has no connection for ${SLEEP / 1000} s. Order something at table ${diner.table} meanwhile, or call ${diner.name}.`);
  setTimeout(() => {
    diner.slept = { ...diner.sleeping, to: performance.now() };
    diner.sleeping = null;
    connect(diner);
  }, SLEEP);
}

/** Whether it was sent while its receiver slept. */
const isOfMeantime = (diner, flight) => diner.slept && flight.at > diner.slept.from && flight.at < diner.slept.to;

function receive(diner, message) {
  if (message.type === "welcome") {
    setState(diner, "open");
    if (diner.slept) say("Awake:", `${diner.name} is on ${pods[diner.pod].name}.`);
    else if (diner.seen) say("Connected again", `${diner.name} is on ${pods[diner.pod].name} now.`);
    diner.seen = true;
    return;
  }
  const flight = inFlight.get(message.n);
  if (!flight) return;
  const latency = performance.now() - flight.at;
  delivered += 1;
  diner.received += 1;
  if (isOfMeantime(diner, flight)) {
    diner.slept.missed.push(textOf(message));
    list(diner, message, latency, "meantime");
    map.deliver(flight, diner, latency);
    say("Awake:", `${diner.name} is on ${pods[diner.pod].name} and has what came in the meantime: ${diner.slept.missed.join("; ")}`);
    count();
    return;
  }
  latencies.push(latency);
  if (latencies.length > 500) latencies.shift();
  flight.arrivals.push({ diner, latency });
  list(diner, message, latency);
  map.deliver(flight, diner, latency);
  tell(flight, message);
  count();
}

function send(diner, message) {
  if (diner.state !== "open") return;
  number += 1;
  sent += 1;
  const flight = { n: number, from: diner, at: performance.now(), arrivals: [], type: message.type };
  inFlight.set(number, flight);
  inFlight.delete(number - 200);
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
  for (const button of diner.card.querySelectorAll("button")) button.disabled = state !== "open";
  map.seat(diner);
  count();
}

const textOf = (message) => message.type === "order" ? `${message.from}: ${message.dish}` : message.text;

function list(diner, message, latency, how = "") {
  const item = document.createElement("li");
  item.className = `${message.type} ${how}`;
  item.append(textOf(message), " ", Object.assign(document.createElement("small"), { textContent: (how ? "waited " : "") + ms(latency) }));
  $(".count", diner.card).textContent = `${diner.received} received`;
  const feed = $(".feed", diner.card);
  feed.prepend(item);
  while (feed.scrollHeight > feed.clientHeight && feed.children.length > 1) feed.lastChild.remove();
}

function say(title, text) {
  $("#way").replaceChildren(Object.assign(document.createElement("strong"), { textContent: title }), ` ${text}`);
}

function tell(flight, message) {
  const times = flight.arrivals.map((a) => a.latency);
  const where = new Set(flight.arrivals.map((a) => pods[a.diner.pod].name));
  const title = { order: `Order at ${message.table}`, call: `Call for ${message.to}`, announce: "Announcement" }[flight.type];
  const door = flight.type === "announce" ? "channel" : "outbox list";
  say(`${title}:`, `${flight.from.name} on ${pods[flight.from.pod].name}, its app, Redis ${door}, ` +
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
      $("select", diner.card).selectedIndex = DINERS.indexOf(diner) * 2 % DISHES.length;
      $("select", diner.card).ariaLabel = `Dish for ${diner.name}`;
      $("button", diner.card).ariaLabel = `Order for ${diner.name}`;
      $("form", diner.card).onsubmit = (event) => {
        event.preventDefault();
        send(diner, { type: "order", dish: event.target.dish.value });
      };
      $(".sleep", diner.card).ariaLabel = `Close the connection of ${diner.name} for ${SLEEP / 1000} seconds`;
      $(".sleep", diner.card).onclick = () => sleep(diner);
      $(".diners", section).append(diner.card);
    }
    $("#tables").append(section);
  }
  for (const pod of pods.filter((p) => p.console)) {
    const link = Object.assign(document.createElement("a"), { href: pod.console, target: "_blank", rel: "noopener", textContent: `Console of ${pod.name}` });
    const kill = Object.assign(document.createElement("button"), { type: "button", textContent: `Kill ${pod.name}`, className: "kill" });
    kill.onclick = () => fetch(pod.kill, { method: "POST" }).then(
      () => say(`${pod.name} is killed.`, "kill -9: its diners come back on the other pod, and it is started again in 3 s."),
      () => say("Nothing happened.", `${pod.kill} does not answer.`));
    const both = document.createElement("p");
    both.append(link, " ", ...(pod.kill ? [kill] : []));  // in containers nothing here can kill one
    $("#pods").append(both);
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

const WIDE = { width: 960, height: 442, seats: [75, 885], pods: [240, 720], box: 260, sidecar: 200, app: 140, redis: 394, bend: 90 };
const NARROW = { width: 440, height: 486, seats: [27, 413], pods: [110, 330], box: 200, sidecar: 150, app: 116, redis: 440, bend: 70 };
const SEAT = 68, SIDECAR = 156, APP = 234, HEIGHT = 38; // y of the rows, the boxes' height

const map = {
  svg: $("#map"),
  edges: new Map(),

  element(name, attributes, text) {
    const e = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v);
    if (text !== undefined) e.textContent = text;
    this.svg.append(e);
    return e;
  },

  /** Lines first, boxes and diners over them. */
  draw() {
    const at = narrow.matches ? NARROW : WIDE;
    this.at = at;
    this.svg.replaceChildren();
    this.svg.setAttribute("viewBox", `0 0 ${at.width} ${at.height}`);
    const order = [...DINERS].sort((a, b) => a.home - b.home);
    order.forEach((d, i) => { d.x = at.seats[0] + i * (at.seats[1] - at.seats[0]) / (order.length - 1); });
    this.boxes = at.pods.map((x) => this.element("rect",
      { class: "pod-box", x: x - at.box / 2, y: SIDECAR - 22, width: at.box, height: 156, rx: 12 }));
    for (const d of DINERS) this.edge(`seat ${d.name}`, "");
    const redis = { x: at.width / 2, y: at.redis };
    at.pods.forEach((x, i) => {
      const side = Math.sign(redis.x - x);
      this.edge(`app ${i}`, `M${x},${SIDECAR + HEIGHT} V${APP}`);
      this.edge(`out ${i}`, `M${x},${APP + HEIGHT} C${x},${APP + 114} ${redis.x - side * at.bend},${redis.y} ${redis.x},${redis.y}`);
      this.edge(`in ${i}`, `M${redis.x},${redis.y} L${x + side * at.sidecar / 2},${SIDECAR + 20}`);
    });
    at.pods.forEach((x) => {
      this.part(x, SIDECAR, at.sidecar, "wsidecar");
      this.part(x, APP, at.app, "Java app");
    });
    // At the outer corners: the ways to Redis leave on the inner side.
    this.names = at.pods.map((x, i) => this.element("text",
      { class: i ? "small end" : "small start", x: x + (i ? 1 : -1) * (at.box / 2 - 4), y: SIDECAR + 152 }));
    this.store = this.part(redis.x, redis.y - 20, 116, "Redis", 20);
    for (const d of DINERS) {
      d.circle = this.element("circle", { class: "seat", cx: d.x, cy: SEAT, r: 15, stroke: `var(--table-${d.table})` });
      d.time = this.element("text", { class: "time", x: d.x, y: SEAT - 46, fill: `var(--table-${d.table})` });
      this.element("text", { x: d.x, y: SEAT - 25 }, d.name);
      this.element("text", { class: "small", x: d.x, y: SEAT + 4 }, d.table);
      this.seat(d);
    }
  },

  part(x, y, width, text, rx = 7) {
    const box = this.element("rect", { class: "part", x: x - width / 2, y, width, height: HEIGHT, rx });
    this.element("text", { x, y: y + 24 }, text);
    return box;
  },

  edge(name, d) {
    this.edges.set(name, this.element("path", { class: "edge", d }));
  },

  seat(diner) {
    diner.circle.classList.toggle("off", diner.state !== "open");
    const line = this.edges.get(`seat ${diner.name}`);
    const pod = this.at.pods[diner.pod];
    line.setAttribute("d", `M${diner.x},${SEAT + 16} L${pod + (diner.x - pod) / 5},${SIDECAR}`);
    line.classList.toggle("off", diner.state !== "open");
    pods.forEach((p, i) => {
      const open = DINERS.filter((d) => d.pod === i && d.state === "open").length;
      this.boxes[i].classList.toggle("gone", p.gone === true);
      this.names[i].classList.toggle("gone", p.gone === true);
      this.names[i].textContent = p.gone ? `${p.name}: gone` : `${p.name}: ${open} open`;
    });
  },

  send(flight) {
    flight.colour = `var(--table-${flight.from.table})`;
    const pod = flight.from.pod;
    flight.up = this.travel([[`seat ${flight.from.name}`, 0], [`app ${pod}`, 0], [`out ${pod}`, 0]], flight.colour, 520);
  },

  async deliver(flight, diner, latency) {
    const pod = diner.pod;
    await flight.up;
    this.hit(this.store);
    await this.travel([[`in ${pod}`, 0], [`seat ${diner.name}`, 1]], flight.colour, 420);
    if (!still.matches) diner.circle.animate([{ r: "15px" }, { r: "20px" }, { r: "15px" }], 260);
    diner.time.textContent = ms(latency);
    diner.time.animate([{ opacity: 1 }, { opacity: 1, offset: 0.75 }, { opacity: 0 }], 3500);
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
  try {
    pods = await (await fetch("pods.json")).json();
  } catch {
    say("Nothing to draw.", "The app behind this page does not answer; load it again when it does.");
    return;
  }
  build();
  map.draw();
  narrow.addEventListener("change", () => map.draw());
  for (const diner of DINERS) {
    setState(diner, "connecting");
    connect(diner);
  }
}
main();
