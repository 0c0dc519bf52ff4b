// Plain ws as apps use it: one process, a Map of users, pushes from Redis, each message POSTed to the app on kept connections
// and its answer sent back, one at a time for a connection.
//   node server.js PORT REDIS_PORT APP_PORT HEARTBEAT_SECONDS
import http from 'node:http';
import { createClient } from 'redis';
import { WebSocketServer } from 'ws';

const [port, redisPort, appPort, heartbeat] = process.argv.slice(2).map(Number);
const users = new Map();
const agent = new http.Agent({ keepAlive: true, maxSockets: 64 });

function ask(text) {
  return new Promise((resolve, reject) => {
    const options = { port: appPort, host: '127.0.0.1', method: 'POST', path: '/ws/bench', agent,
      headers: { 'Content-Type': 'text/plain', 'Content-Length': Buffer.byteLength(text) } };
    const request = http.request(options, (response) => {
      const parts = [];
      response.on('data', (part) => parts.push(part));
      response.on('end', () => resolve(Buffer.concat(parts)));
      response.on('error', reject);
    });
    request.on('error', reject);
    request.end(text);
  });
}

const server = new WebSocketServer({ port, host: '127.0.0.1', perMessageDeflate: false, backlog: 4096 });
server.on('connection', (socket, request) => {
  const user = new URL(request.url, 'http://a').searchParams.get('user');
  users.set(user, socket);
  socket.last = Promise.resolve();
  socket.on('message', (text) => {
    socket.last = socket.last.then(() => ask(text)).then((answer) => socket.send(answer, { binary: false }));
  });
  socket.on('close', () => users.delete(user));
  socket.on('error', () => {});
});
setInterval(() => { for (const socket of server.clients) socket.ping(); }, heartbeat * 1000);

const redis = createClient({ socket: { port: redisPort, host: '127.0.0.1' } });
await redis.connect();
await redis.pSubscribe('wsidecar:*', (text, channel) => {
  if (channel === 'wsidecar:all') {
    for (const socket of server.clients) socket.send(text);
  } else {
    users.get(channel.slice('wsidecar:user:'.length))?.send(text);
  }
});
