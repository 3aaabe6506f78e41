import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { test, type TestContext } from "node:test";

import { json } from "./exchange.js";
import { html } from "./html.js";
import { createListener } from "./listener.js";
import type { Fields, Log } from "./log.js";
import { Metrics } from "./metrics.js";
import type { Route } from "./router.js";

const ROUTES: Route[] = [
  { method: "POST", pattern: "/things", handle: async (exchange) => json(201, await exchange.object()) },
  { method: "GET", pattern: "/things/:id", handle: (exchange) => json(200, exchange.params) },
  { method: "GET", pattern: "/broken", handle: () => Promise.reject(new Error("a secret of ours")) },
];

async function start(t: TestContext): Promise<{ url: string; lines: Fields[] }> {
  const lines: Fields[] = [];
  const log: Log = (level, msg, fields) => lines.push({ level, msg, ...fields });
  const server = createServer(createListener({ name: "test-service", routes: ROUTES, metrics: new Metrics(), log }));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, lines };
}

async function post(url: string, body: string, type = "application/json"): Promise<number> {
  return (await fetch(url, { method: "POST", body, headers: { "content-type": type } })).status;
}

test("a body is bounded, and must be a JSON object", async (t) => {
  const { url } = await start(t);
  assert.equal(await post(`${url}/things`, '{"a":1}'), 201);
  assert.equal(await post(`${url}/things`, "{"), 400);
  assert.equal(await post(`${url}/things`, "[]"), 400);
  assert.equal(await post(`${url}/things`, "a=1", "text/plain"), 415);
  assert.equal(await post(`${url}/things`, JSON.stringify({ a: "x".repeat(65_536) })), 413);
});

test("a caller who goes away is counted as one, and is no error of ours", async (t) => {
  const { url, lines } = await start(t);
  const { port } = new URL(url);
  const socket = connect(Number(port), "127.0.0.1");
  socket.write("POST /things HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{");
  await once(socket, "ready");
  await fetch(`${url}/things/1`);
  socket.destroy();
  const deadline = Date.now() + 5_000;
  while (!lines.some((line) => line["status"] === 499) && Date.now() < deadline) await fetch(`${url}/things/1`);
  const line = lines.find((entry) => entry["status"] === 499);
  assert.equal(line?.["route"], "/things");
  assert.equal(line?.["aborted"], true);
  assert.ok(!lines.some((entry) => entry["level"] === "error"));
});

test("unknown paths are 404, and other methods 405 with what is allowed", async (t) => {
  const { url } = await start(t);
  const unknown = await fetch(`${url}/nowhere`);
  assert.equal(unknown.status, 404);
  assert.equal(unknown.headers.get("content-type"), "application/problem+json");
  const other = await fetch(`${url}/things`, { method: "DELETE" });
  assert.equal(other.status, 405);
  assert.equal(other.headers.get("allow"), "POST");
});

test("an error of ours tells the caller nothing and the log everything", async (t) => {
  const { url, lines } = await start(t);
  const response = await fetch(`${url}/broken`, { headers: { "x-request-id": "r-1" } });
  assert.equal(response.status, 500);
  assert.equal(response.headers.get("x-request-id"), "r-1");
  assert.doesNotMatch(await response.text(), /secret/);
  const failed = lines.find((line) => line["msg"] === "request failed");
  assert.equal(failed?.["error"], "a secret of ours");
  assert.equal(failed?.["correlation_id"], "r-1");
});

test("metrics and log lines carry the route's pattern, never the path", async (t) => {
  const { url, lines } = await start(t);
  const id = "4bf92f3577b34da6a3ce929d0e0e4736";
  const headers = { traceparent: `00-${id}-00f067aa0ba902b7-01` };
  assert.deepEqual(await (await fetch(`${url}/things/a%2Fb`, { headers })).json(), { id: "a/b" });
  await fetch(`${url}/nowhere`);
  const metrics = await (await fetch(`${url}/metrics`)).text();
  assert.match(metrics, /^http_requests_total\{method="GET",route="\/things\/:id",status="200"\} 1$/m);
  assert.match(metrics, /^http_requests_total\{method="GET",route="unmatched",status="404"\} 1$/m);
  assert.match(metrics, /^http_request_duration_seconds_bucket\{route="\/things\/:id",le="\+Inf"\} 1$/m);
  assert.match(metrics, /^process_start_time_seconds \d+/m);
  const line = lines.find((entry) => entry["route"] === "/things/:id");
  assert.equal(line?.["trace_id"], id);
  assert.ok(!lines.some((entry) => entry["route"] === "/metrics"), "what machines ask all the time is not logged");
});

test("values in markup are text", () => {
  const names = [html`<i>${"a<b"}</i>`, html`<b title="${'"'}"></b>`];
  assert.equal(html`<p>${names}${undefined}${3}</p>`.markup, '<p><i>a&lt;b</i><b title="&quot;"></b>3</p>');
});
