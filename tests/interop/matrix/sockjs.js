// sockjs-client of one version, by one transport, that does what ../matrix.py asks for: sockjs.js VERSION TRANSPORT URL. See client.py.
"use strict";
const [version, transport, url] = process.argv.slice(2);
const SockJS = require(version);

function dial() {
  const c = new SockJS(url, null, version === "sockjs10" ? { transports: transport } : { transports: [transport] });
  c.onopen = () => c.send(`hello ${c.transport}`);
  c.onmessage = ({ data }) => (data === "!close" ? c.close(4005, "bye ✓") : c.send(data));
  c.onclose = ({ code, reason }) => {
    if (code === 1002 || code === 1006 || code === 2000 || code === 1005) return setTimeout(dial, 200);
    console.log(`closed ${code} ${reason ?? ""}`.trimEnd());
    setTimeout(() => process.exit(0), 300); // what it has to tell the server is on its way
  };
}
process.on("uncaughtException", (e) => console.error(`! ${e.stack}`));
dial();
