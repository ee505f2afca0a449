// A service on Node's own http: files, a store, an echo, trailers, early hints, an upgrade.
//
// Usage: node upstream.mjs HOST PORT FOLDER KEEP_ALIVE_MS

import { createServer } from "node:http";
import { existsSync, readFileSync } from "node:fs";

const [host, port, folder, keepAlive] = process.argv.slice(2);
const store = new Map();
let connections = 0;

const server = createServer((request, response) => {
  response.setHeader("X-Connection", request.socket.number);
  const parts = [];
  request.on("data", (part) => parts.push(part));
  request.on("end", () => answer(request, response, Buffer.concat(parts)));
});
server.keepAliveTimeout = Number(keepAlive);
server.on("connection", (socket) => {
  socket.number = ++connections;
  socket.on("error", () => {});
});

// Sends back whatever comes, in capitals, once the protocol was switched.
server.on("upgrade", (request, socket, first) => {
  socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: shout\r\n\r\n");
  const shout = (bytes) => socket.write(bytes.toString("latin1").toUpperCase());
  if (first.length > 0) shout(first);
  socket.on("data", shout);
  socket.on("end", () => socket.end());
});
server.listen({ host, port: Number(port), backlog: 1024 });

function answer(request, response, body) {
  const path = new URL(request.url, "http://here").pathname;
  const words = path.split("/").slice(1);
  if (request.method === "PUT") {
    store.set(words[1], body);
    return whole(response, 201, "kept");
  }
  if (request.method === "POST") return echo(request, response, body);
  switch (words[0]) {
    case "healthz": return whole(response, 200, "ok");
    case "empty": return response.writeHead(204).end();
    case "seen": return whole(response, 200, JSON.stringify(pairs(request.rawHeaders)));
    case "hints": return hints(response);
    case "trailers": return trailers(response);
    case "slow": return setTimeout(() => whole(response, 200, "late"), Number(words[1]));
    case "store": return whole(response, 200, store.get(words[1]));
    case "chunked": return inChunks(response, read(words[1]));
    default: return file(request, response, words[0]);
  }
}

function file(request, response, name) {
  if (!existsSync(`${folder}/${name}`)) return whole(response, 404, "no such thing");
  response.setHeader("ETag", '"one"');
  if (request.headers["if-none-match"]) return response.writeHead(304).end();
  whole(response, 200, read(name));
}

function echo(request, response, body) {
  if (request.headers["content-length"] !== undefined) return whole(response, 200, body);
  inChunks(response, body);
}

// Two writes: Node then sends chunks.
function inChunks(response, body) {
  response.write(body.subarray(0, body.length / 2));
  response.end(body.subarray(body.length / 2));
}

function hints(response) {
  response.writeEarlyHints({ link: "</style.css>; rel=preload; as=style" }, () => {
    response.writeEarlyHints({ link: "</code.js>; rel=preload; as=script" }, () => {
      whole(response, 200, "hinted");
    });
  });
}

function trailers(response) {
  response.writeHead(200, { Trailer: "X-Sum" });
  response.write("sum");
  response.addTrailers({ "X-Sum": "42" });
  response.end();
}

function whole(response, status, body) {
  response.writeHead(status, { "Content-Length": Buffer.byteLength(body) });
  response.end(body);
}

function read(name) {
  return readFileSync(`${folder}/${name}`);
}

function pairs(flat) {
  return flat.flatMap((name, at) => (at % 2 === 0 ? [[name, flat[at + 1]]] : []));
}
