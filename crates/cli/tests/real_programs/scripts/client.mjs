// Sends the requests of a list with Node's http on a kept connection, and prints what came back.
//
// Usage: node client.mjs BASE_URL REQUESTS_FILE FOLDER

import { Agent, request } from "node:http";
import { readFileSync, writeFileSync } from "node:fs";

const [base, requests, folder] = process.argv.slice(2);
const agent = new Agent({ keepAlive: true, maxSockets: 1 });

function send(asked, number) {
  return new Promise((resolve, reject) => {
    const body = asked.body === null ? null : readFileSync(asked.body);
    const headers = Object.fromEntries(asked.fields);
    if (body !== null && !asked.chunked) headers["Content-Length"] = body.length;
    if (body !== null && asked.chunked) headers["Transfer-Encoding"] = "chunked";
    const interim = [];
    const options = { method: asked.method, headers, agent, timeout: 15_000 };
    const sent = request(new URL(asked.path, base), options, (answer) => {
      const parts = [];
      answer.on("data", (part) => parts.push(part));
      answer.on("error", reject);
      answer.on("end", () => {
        const file = `${folder}/node-${number}`;
        writeFileSync(file, Buffer.concat(parts));
        const fields = pairs(answer.rawHeaders), trailers = pairs(answer.rawTrailers);
        resolve({ status: answer.statusCode, fields, trailers, interim, body: file });
      });
    });
    sent.on("information", (info) => interim.push({ status: info.statusCode, fields: pairs(info.rawHeaders) }));
    sent.on("timeout", () => sent.destroy(new Error("timed out")));
    sent.on("error", reject);
    if (body !== null && asked.chunked) {
      for (let at = 0; at < body.length; at += 70_000) sent.write(body.subarray(at, at + 70_000));
      sent.end();
    } else {
      sent.end(body ?? undefined);
    }
  });
}

function pairs(flat) {
  return flat.flatMap((name, at) => (at % 2 === 0 ? [[name.toLowerCase(), flat[at + 1]]] : []));
}

const answers = [];
for (const [number, asked] of JSON.parse(readFileSync(requests)).entries()) {
  answers.push(await send(asked, number));
}
agent.destroy();
console.log(JSON.stringify(answers));
