// A client of one of npm's libraries that does what matrix_test.py asks for: client.js LIBRARY URL. See client.py.
"use strict";
const OFFERED = ["chat.v9", "chat.v2"];
const GOODBYE = [4005, "bye ✓"];
const PARTS = ["f".repeat(70000), "r".repeat(10), "ä".repeat(1000)];
const [library, url] = process.argv.slice(2);

const again = () => setTimeout(dial, 100);
function ended(code, reason) {
  if (!code || code === 1006) return again();
  console.log(`closed ${code} ${reason ?? ""}`.trimEnd());
  process.exit(0);
}

/** Libraries that look as a browser's WebSocket does. */
function browsers(Class, options) {
  const c = new Class(url, OFFERED, options);
  c.binaryType = "arraybuffer";
  c.onopen = () => c.send(`hello ${c.protocol}`);
  c.onmessage = ({ data }) => {
    if (data === "!close") c.close(...GOODBYE);
    else c.send(data === "!fragments" ? "!none" : data);
  };
  c.onerror = () => {};
  c.onclose = (e) => ended(e.code, e.reason);
}

/** ws, in its own words. */
function ws(name) {
  const c = new (require(name))(url, OFFERED);
  c.on("open", () => c.send(`hello ${c.protocol}`));
  c.on("message", (data, binary) => {
    if (name === "ws7") binary = typeof data !== "string";
    const text = binary ? null : data.toString();
    if (text === "!close") c.close(...GOODBYE);
    else if (text === "!fragments") PARTS.forEach((p, i) => c.send(p, { fin: i === PARTS.length - 1 }));
    else c.send(binary ? data : text);
  });
  c.on("error", () => {});
  c.on("close", (code, reason) => ended(code, reason?.toString()));
}

function theturtle32() {
  const { client: Client } = require("websocket");
  const client = new Client({ maxReceivedFrameSize: 1 << 24, maxReceivedMessageSize: 1 << 24, fragmentOutgoingMessages: true, fragmentationThreshold: 16384 });
  client.on("connectFailed", again);
  client.on("connect", (c) => {
    c.sendUTF(`hello ${c.protocol}`);
    c.on("message", (m) => {
      if (m.utf8Data === "!close") c.close(...GOODBYE);
      else if (m.utf8Data === "!fragments") c.sendUTF(PARTS.join(""));
      else m.type === "utf8" ? c.sendUTF(m.utf8Data) : c.sendBytes(m.binaryData);
    });
    c.on("error", () => {});
    c.on("close", ended);
  });
  client.connect(url, OFFERED);
}

function faye() {
  const faye = require("faye-websocket");
  const c = new faye.Client(url, OFFERED, { maxLength: 1 << 24 });
  c.on("open", () => c.send(`hello ${c.protocol}`));
  c.on("message", ({ data }) => {
    if (data === "!close") c.close(...GOODBYE);
    else c.send(data === "!fragments" ? "!none" : data);
  });
  c.on("error", () => {});
  c.on("close", (e) => ended(e.code, e.reason));
}

/** Those that dial again by themselves: they are asked not to, so that each close is seen. */
const WebSocketOfWs = () => require("ws");
const libraries = {
  ws8: () => ws("ws"),
  ws7: () => ws("ws7"),
  undici: () => browsers(require("undici").WebSocket),
  theturtle32,
  faye,
  "isomorphic-ws": () => browsers(require("isomorphic-ws")),
  "reconnecting-websocket": () => browsers(require("reconnecting-websocket"), { WebSocket: WebSocketOfWs(), maxRetries: 0 }),
  partysocket: () => browsers(require("partysocket/ws").default, { WebSocket: WebSocketOfWs(), maxRetries: 0 }),
  sockette: () => {
    globalThis.WebSocket = WebSocketOfWs();
    const c = require("sockette")(url, {
      protocols: OFFERED,
      maxAttempts: 0,
      onopen: (e) => c.send(`hello ${e.target.protocol}`),
      onmessage: ({ data }) => (data === "!close" ? c.close(...GOODBYE) : c.send(data === "!fragments" ? "!none" : data)),
      onerror: () => {},
      onclose: (e) => ended(e.code, e.reason),
    });
  },
};
function dial() {
  libraries[library]();
}
process.on("uncaughtException", (e) => {
  console.error(`! ${e.stack}`);
  again();
});
dial();
