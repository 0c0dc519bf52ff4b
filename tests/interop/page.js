// Three clients of one user. Each section shows its state, its pod and, as a line each, what came: destination, a tab, body.
"use strict";
const [a, b] = new URLSearchParams(location.search).getAll("pod");
const destinations = ["/topic/news", "/topic/chat/1", "/user/queue/notices"];

function show(id, message) {
  const line = document.createElement("li");
  const binary = message.headers["content-type"] === "application/octet-stream";
  line.textContent = message.headers.destination + "\t" + (binary ? [...message.binaryBody] : message.body);
  document.querySelector(`#${id} ol`).append(line);
}

function state(id, now, pod) {
  const section = document.getElementById(id);
  section.dataset.state = now;
  section.dataset.pod = pod;
}

/** `pods` are dialled in turn. It is subscribed when the last subscription's receipt has come. */
function modern(id, pods) {
  let dialled = 0;
  const client = new StompJs.Client({
    reconnectDelay: 100,
    connectHeaders: { Authorization: "Bearer " + id },
    beforeConnect: () => {
      client.brokerURL = pods[dialled++ % pods.length];
    },
    onConnect: () => {
      client.watchForReceipt("all", () => state(id, "subscribed", client.brokerURL));
      for (const d of destinations) {
        client.subscribe(d, (m) => show(id, m), d === destinations.at(-1) ? { receipt: "all" } : {});
      }
    },
    onStompError: (frame) => state(id, "error: " + frame.headers.message, client.brokerURL),
    onWebSocketClose: () => state(id, "closed", client.brokerURL),
  });
  client.activate();
  return client;
}

/** As the tutorials have it. */
function old(id, pod) {
  const client = Stomp.over(new WebSocket(pod));
  client.debug = null;
  client.onreceipt = () => state(id, "subscribed", pod);
  client.connect({ Authorization: "Bearer " + id }, () => {
    for (const d of destinations) {
      client.subscribe(d, (m) => show(id, m), d === destinations.at(-1) ? { receipt: "all" } : {});
    }
  }, () => state(id, "closed", pod));
}

const first = modern("modern-a", [a, b]);
modern("modern-b", [b, a]);
old("old-b", b);

document.querySelector("form").addEventListener("submit", (e) => {
  e.preventDefault();
  first.publish({ destination: "/app/chat/1", body: e.target.text.value, headers: { "content-type": "text/plain;charset=utf-8" } });
});
