// A STOMP client of one of npm's libraries that does what ../matrix.py asks for: stomp.js LIBRARY TRANSPORT BASE USER. It subscribes to
// /user/queue/notices, sends what it gets there to /app/echo, and prints a JSON line for whatever happens. `!ack` in a body: subscribes
// to /topic/acks-USER with client-individual, acknowledges the first message and refuses the second. `!bye`: disconnects.
"use strict";
const [library, transport, base, user] = process.argv.slice(2);
const say = (is, more) => console.log(JSON.stringify({ is, ...more }));
const SockJS = { sockjs16: "sockjs16", sockjs11: "sockjs11" };

function socket() {
  const [kind, name] = transport.split("/");
  if (kind === "ws") return new (require("ws"))(base.replace("http", "ws") + "/stomp/websocket", ["v12.stomp", "v11.stomp", "v10.stomp"]);
  return new (require(SockJS[kind]))(base + "/stomp", null, { transports: [name] });
}

/** What all libraries have, each in its own words. */
function work(c) {
  let acks = 0;
  c.subscribe("/user/queue/notices", {}, (body) => {
    if (body === "!ack") {
      c.subscribe("/topic/acks-" + user, { ack: "client-individual" }, (text, message) => {
        say("ack", { text });
        acks++ === 0 ? message.ack() : message.nack();
      });
    } else if (body === "!bye") c.disconnect();
    else c.send("/app/echo", body);
  });
  c.send("/app/echo", "hello");
}

function modern(name) {
  const { Client } = require(name);
  const client = new Client({ webSocketFactory: socket, connectHeaders: { login: user, passcode: "s3:cret" }, reconnectDelay: 200 });
  client.onConnect = () =>
    work({
      subscribe: (destination, headers, heard) => client.subscribe(destination, (m) => heard(m.body, m), headers),
      send: (destination, body) => client.publish({ destination, body }),
      disconnect: () => client.deactivate(),
    });
  client.onWebSocketClose = (e) => say("closed", { code: e.code });
  client.onStompError = (f) => say("error", { message: f.headers.message });
  client.activate();
}

function rx() {
  const { RxStomp } = require("@stomp/rx-stomp");
  const client = new RxStomp();
  client.configure({ webSocketFactory: socket, connectHeaders: { login: user, passcode: "s3:cret" }, reconnectDelay: 200 });
  client.stompClient.onWebSocketClose = (e) => say("closed", { code: e.code });
  client.activate();
  let first = true;
  client.connected$.subscribe(() => {
    if (!first) return client.publish({ destination: "/app/echo", body: "hello" }); // it subscribes again by itself
    first = false;
    work({
      subscribe: (destination, subHeaders, heard) => client.watch({ destination, subHeaders }).subscribe((m) => heard(m.body, m)),
      send: (destination, body) => client.publish({ destination, body }),
      disconnect: () => client.deactivate(),
    });
  });
}

/** stompjs 2.3.3 and webstomp: they do not dial again. */
function old(name) {
  const lib = name === "webstomp" ? require("webstomp-client") : require("stompjs");
  const client = lib.over(socket(), { debug: false });
  client.debug = () => {};
  const again = () => setTimeout(() => old(name), 200);
  const ws = client.ws;
  let gone = false;
  client.connect({ login: user, passcode: "s3:cret" }, () => {
    const before = ws.onclose;
    ws.onclose = (e) => {
      say("closed", { code: e.code });
      before?.(e);
    };
    work({
      subscribe: (destination, headers, heard) => client.subscribe(destination, (m) => heard(m.body, m), headers),
      send: (destination, body) => (name === "webstomp" ? client.send(destination, body) : client.send(destination, {}, body)),
      disconnect: () => client.disconnect(() => {}),
    });
  }, (e) => {
    say("error", { message: String(e?.headers?.message ?? e) });
    if (!gone) again();
    gone = true;
  });
}

({ stompjs7: () => modern("stomp7"), stompjs6: () => modern("stomp6"), stompjs5: () => modern("stomp5"), "rx-stomp": rx,
   "stompjs2.3.3": () => old("stompjs"), webstomp: () => old("webstomp") })[library]();
process.on("uncaughtException", (e) => console.error(`! ${e.stack}`));
