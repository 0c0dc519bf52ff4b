// Real STOMP and SockJS clients, told what to do by support/stompjs.py: ["open", name, library, options] or
// [method, name, ...arguments] a line comes in, {"client": name, "is": what, ...} goes out for whatever happens to a client. Ends with its standard input.
"use strict";
const readline = require("node:readline");
const { Client, Versions } = require("@stomp/stompjs");
const Legacy = require("stompjs");
const SockJS = require("sockjs-client");

globalThis.WebSocket ??= require("ws"); // node has none of its own before version 22
Legacy.WebSocketClass = WebSocket;

const say = (client, is, more) => process.stdout.write(JSON.stringify({ client, is, ...more }) + "\n");

/** What a frame holds; a body that is no UTF-8 in base64. */
function told(frame) {
  const bytes = Buffer.from(frame.binaryBody ?? frame.body);
  const text = bytes.toString("utf-8");
  return { headers: frame.headers, ...(Buffer.from(text).equals(bytes) ? { body: text } : { base64: bytes.toString("base64") }) };
}

/** What both libraries do alike: messages are kept until they are acknowledged. */
class Common {
  messages = new Map();
  transactions = new Map();

  constructor(say) {
    this.say = say;
  }

  take(message) {
    this.messages.set(message.headers["message-id"], message);
    this.say("message", told(message));
  }

  ack(id, headers) {
    this.messages.get(id).ack(headers);
  }

  nack(id, headers) {
    this.messages.get(id).nack(headers);
  }

  unsubscribe(id) {
    this.client.unsubscribe(id);
  }

  begin(name) {
    this.transactions.set(name, this.client.begin(name));
  }

  commit(name) {
    this.transactions.get(name).commit();
  }

  abort(name) {
    this.transactions.get(name).abort();
  }
}

/** sockjs-client, by one of its transports. */
function sockjs(url, transport) {
  return new SockJS(url.replace(/^ws/, "http"), null, { transports: [transport], timeout: 5000 }); // else it trusts one quick /info
}

/** @stomp/stompjs; with several urls it dials the next one each time, as behind a load balancer. */
class Modern extends Common {
  constructor(say, { urls, versions, transport, ...options }) {
    super(say);
    let dialled = 0;
    const next = () => urls[dialled++ % urls.length];
    this.client = new Client({
      ...(versions && { stompVersions: new Versions(versions) }),
      ...(transport
        ? { webSocketFactory: () => sockjs(next(), transport) }
        : { beforeConnect: (client) => (client.brokerURL = next()) }),
      onConnect: (frame) =>
        say("connected", { ...told(frame), spoken: this.client.connectedVersion, protocol: this.client.webSocket.protocol }),
      onDisconnect: () => say("disconnected"),
      onStompError: (frame) => say("error", told(frame)),
      onWebSocketClose: (e) => say("closed", { code: e.code, reason: e.reason }),
      onWebSocketError: () => say("trouble"),
      onHeartbeatReceived: () => say("beat"),
      onHeartbeatLost: () => say("beat lost"),
      onUnhandledMessage: (frame) => say("unhandled", told(frame)),
      onUnhandledReceipt: (frame) => say("unhandled", told(frame)),
      onUnhandledFrame: (frame) => say("unhandled", told(frame)),
      ...options,
    });
    this.client.activate();
  }

  watch(headers) {
    if (headers?.receipt) {
      this.client.watchForReceipt(headers.receipt, (frame) => this.say("receipt", { id: frame.headers["receipt-id"] }));
    }
  }

  subscribe(destination, headers) {
    this.watch(headers);
    this.client.subscribe(destination, (m) => this.take(m), headers);
  }

  publish({ base64, ...frame }) {
    this.watch(frame.headers);
    this.client.publish({ ...frame, ...(base64 && { binaryBody: new Uint8Array(Buffer.from(base64, "base64")) }) });
  }

  deactivate(options) {
    this.client.deactivate(options).then(() => this.say("deactivated"));
  }
}

/** stompjs 2.3.3, the client of most tutorials, made with Stomp.client(url) or Stomp.over(socket). */
class Old extends Common {
  constructor(say, { urls, over, connectHeaders = {}, heartbeatOutgoing = 10000, heartbeatIncoming = 10000 }) {
    super(say);
    this.client = over ? Legacy.over(new WebSocket(urls[0])) : Legacy.client(urls[0]);
    this.client.debug = (line) => line === "<<< PONG" && say("beat");
    this.client.heartbeat = { outgoing: heartbeatOutgoing, incoming: heartbeatIncoming };
    this.client.onreceipt = (frame) => say("receipt", { id: frame.headers["receipt-id"] });
    this.client.onreceive = (frame) => say("unhandled", told(frame));
    this.client.ws.addEventListener("close", (e) => say("closed", { code: e.code, reason: e.reason }));
    this.client.connect(
      connectHeaders,
      (frame) => say("connected", { ...told(frame), spoken: frame.headers.version, protocol: this.client.ws.protocol }),
      (e) => e instanceof Legacy.Frame && say("error", told(e)), // else words about the close
    );
  }

  subscribe(destination, headers) {
    this.client.subscribe(destination, (m) => this.take(m), { ...headers });
  }

  publish({ destination, headers, body }) {
    this.client.send(destination, { ...headers }, body);
  }

  deactivate() {
    this.client.disconnect(() => this.say("deactivated"));
  }
}

/** sockjs-client as it is. */
class Bare {
  constructor(say, { urls, transport }) {
    this.socket = sockjs(urls[0], transport);
    this.socket.onopen = () => say("connected", { transport: this.socket.transport });
    this.socket.onmessage = (e) => say("message", { body: e.data });
    this.socket.onheartbeat = () => say("beat");
    this.socket.onclose = (e) => say("closed", { code: e.code, reason: e.reason });
  }

  send(...messages) {
    for (const m of messages) {
      this.socket.send(m);
    }
  }

  close(code, reason) {
    this.socket.close(code, reason);
  }
}

const clients = new Map();
readline
  .createInterface({ input: process.stdin })
  .on("line", (line) => {
    const [method, name, ...rest] = JSON.parse(line);
    if (method === "open") {
      const [library, options] = rest;
      clients.set(name, new { modern: Modern, old: Old, sockjs: Bare }[library]((is, more) => say(name, is, more), options));
    } else {
      clients.get(name)[method](...rest);
    }
  })
  .on("close", () => process.exit(0));
