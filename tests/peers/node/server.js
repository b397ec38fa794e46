// A WebSocket echo server on Node's default dual-stack socket, with two plain HTTP routes on the same port:
// GET /health and POST /echo. It logs what it sees as JSON lines. Flags: --port N, --deflate,
// --digests (every message is logged as its SHA-256, not only large ones).
'use strict';

const crypto = require('node:crypto');
const http = require('node:http');
const { WebSocketServer } = require('ws');

const flags = process.argv.slice(2);
const port = Number(flags[flags.indexOf('--port') + 1]);
const shown = flags.includes('--digests') ? -1 : 4096;
const log = (event) => process.stdout.write(`${JSON.stringify(event)}\n`);

function peerOf(socket) {
  const address = socket.remoteAddress;
  return `${address.includes(':') ? `[${address}]` : address}:${socket.remotePort}`;
}

const server = http.createServer((request, response) => {
  const { method, url } = request;
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => {
    const body = Buffer.concat(chunks);
    log({ event: 'request', peer: request.socket.peerName, method, path: url, bytes: body.length });
    if (url === '/health') {
      response.writeHead(200, { 'Content-Type': 'text/plain', 'Content-Length': 3 });
      response.end(method === 'HEAD' ? undefined : 'ok\n');
    } else if (url === '/echo' && method === 'POST') {
      // Without Content-Length, Node answers in chunks.
      const length = request.headers['content-length'];
      response.writeHead(200, length === undefined ? {} : { 'Content-Length': length });
      const half = body.length >> 1;
      response.write(body.subarray(0, half));
      response.end(body.subarray(half));
    } else {
      response.writeHead(404, { 'Content-Length': 0 });
      response.end();
    }
  });
});

server.on('connection', (socket) => {
  // The address is gone once the socket is closed.
  socket.peerName = peerOf(socket);
  log({ event: 'accepted', peer: socket.peerName });
});

const sockets = new WebSocketServer({ server, perMessageDeflate: flags.includes('--deflate') });
sockets.on('connection', (socket, request) => {
  const peer = request.socket.peerName;
  log({ event: 'opened', peer, path: request.url, deflate: socket.extensions.includes('permessage-deflate') });
  socket.on('message', (data, binary) => {
    const opcode = binary ? 'binary' : 'text';
    if (data.length > shown) {
      const sha256 = crypto.createHash('sha256').update(data).digest('hex');
      log({ event: 'message', peer, opcode, sha256, bytes: data.length });
    } else {
      log({ event: 'message', peer, opcode, text: data.toString() });
    }
    socket.send(data, { binary });
  });
  socket.on('error', (error) => log({ event: 'error', peer, message: error.message }));
  // 1005 and 1006 stand for a missing status code and a missing Close frame (RFC 6455 §7.4.1).
  socket.on('close', (code) => log({ event: 'closed', peer, code: code === 1005 || code === 1006 ? null : code }));
});

server.listen(port, () => {
  const { address } = server.address();
  log({ event: 'listening', address: `[${address}]:${port}` });
});
