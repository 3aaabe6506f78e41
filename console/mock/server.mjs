// Serves the built console with the headers of the real one, and answers its requests with made-up documents. For work on
// the console and for its tests; needs nothing but Node.
//
//   node mock/server.mjs [--port 4180] [--world shop|many|hostile|empty|quiet] [--token SECRET]
//
// With --api http://127.0.0.1:20001 the page is the built one, and the documents are those of a running Trunkline.
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createServer, request as send } from "node:http";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import * as documents from "./documents.mjs";
import { obey, passTime } from "./policies.mjs";
import * as search from "./trace_search.mjs";
import * as traces from "./traces.mjs";
import { WORLDS } from "./worlds.mjs";

const DIST = fileURLToPath(new URL("../dist", import.meta.url));
export const CSP =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const HEADERS = { "content-security-policy": CSP, "x-content-type-options": "nosniff", "referrer-policy": "no-referrer" };
const TYPES = { ".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml" };
const PAGE = /^\/(?:|services(?:\/[^/]*)?|graph|requests|traces(?:\/[^/]*)?|compare|dependencies|resilience|configuration)$/;
const REQUESTS_MAX = 1000;

/** Starts a server and returns it with its address. Port 0 takes a free one. */
export async function start({ port = 0, world: name = "shop", token = "", api = "" } = {}) {
  const state = { world: WORLDS[name](), token, origin: api, serial: 0, requests: [], readers: new Set(), broken: false, illegal: false, seconds: 0 };
  const began = Date.now() - 120_000;
  for (; state.serial < 150; ) remember(state, began + state.serial * 700);
  const server = createServer((request, response) => {
    answer(state, request, response).catch((error) => {
      if (!response.headersSent) problem(response, 500, "failed", String(error));
    });
  });
  const timer = setInterval(() => tick(state), 1000);
  const entrances = setInterval(() => incoming(state), 700);
  await new Promise((resolve) => server.listen(port, "127.0.0.1", resolve));
  const stop = () => {
    clearInterval(timer);
    clearInterval(entrances);
    server.closeAllConnections();
    server.close();
  };
  return { url: `http://127.0.0.1:${server.address().port}`, stop, state };
}

function remember(state, time) {
  state.serial += 1;
  const entrance = documents.entrance(state.world, state.serial, time);
  if (entrance) state.requests.unshift(entrance);
  state.requests.length = Math.min(state.requests.length, REQUESTS_MAX);
  return entrance;
}

function incoming(state) {
  const entrance = remember(state, Date.now());
  if (entrance) for (const reader of state.readers) event(reader, "request", entrance);
}

function tick(state) {
  state.seconds += 1;
  tell(state, passTime(state, state.seconds));
  for (const reader of state.readers) event(reader, "snapshot", snapshot(state));
}

function tell(state, happened) {
  if (happened) for (const reader of state.readers) event(reader, "resilience", happened);
}

function snapshot(state) {
  const now = Date.now();
  const services = documents.services(state.world, "1m", now).services.map(({ series, endpoints, ...rest }) => rest);
  return { services, graph: documents.graph(state.world, "5m", now), totals: documents.totals(state.world, now) };
}

function event(response, name, data) {
  response.write(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`);
}

function json(response, body, status = 200) {
  response.writeHead(status, { ...HEADERS, "content-type": "application/json" });
  response.end(JSON.stringify(body));
}

function problem(response, status, code, detail, hint) {
  response.writeHead(status, { ...HEADERS, "content-type": "application/problem+json" });
  response.end(JSON.stringify({ code, status, title: code, detail, hint }));
}

async function answer(state, request, response) {
  const url = new URL(request.url, "http://mock");
  const path = decodeURI(url.pathname);
  if (path.startsWith("/assets/")) return file(response, path, request);
  if (!path.startsWith("/v1/")) {
    if (PAGE.test(url.pathname) && request.headers.accept?.includes("text/html")) return file(response, "/index.html", request);
    return problem(response, 404, "not_found", "no such path");
  }
  if (state.origin) return relay(state.origin, request, response);
  if (state.broken) return request.socket.destroy();
  if (state.token && request.headers.authorization !== `Bearer ${state.token}`) return problem(response, 401, "token", "a token is needed", "send it as a Bearer token");
  return api(state, request, response, url);
}

function relay(origin, request, response) {
  const { host, ...headers } = request.headers;
  const onward = send(new URL(request.url, origin), { method: request.method, headers }, (answer) => {
    response.writeHead(answer.statusCode, { ...answer.headers, ...HEADERS });
    answer.pipe(response);
  });
  onward.on("error", () => response.destroy());
  response.on("close", () => onward.destroy());
  request.pipe(onward);
}

async function file(response, path, request) {
  if (path.includes("..")) return problem(response, 404, "not_found", "no such path");
  let bytes;
  try {
    bytes = await readFile(join(DIST, path));
  } catch {
    return problem(response, 404, "not_found", "no such path");
  }
  const tag = `"${createHash("sha256").update(bytes).digest("hex").slice(0, 16)}"`;
  const cache = path.startsWith("/assets/") ? "public, max-age=31536000, immutable" : "no-cache";
  const headers = { ...HEADERS, "content-type": TYPES[extname(path)] ?? "application/octet-stream", "cache-control": cache, etag: tag };
  if (request.headers["if-none-match"] === tag) return response.writeHead(304, headers).end();
  response.writeHead(200, headers);
  response.end(bytes);
}

function api(state, request, response, url) {
  const { world } = state;
  const window = url.searchParams.get("window") ?? undefined;
  const path = url.pathname;
  const restart = /^\/v1\/services\/(.+)\/restart$/.exec(path);
  if (request.method === "POST" && restart) return void setTimeout(() => (decodeURIComponent(restart[1]) === "bank" ? problem(response, 409, "not_here", "this service is not run here") : json(response, { ready: true })), 600);
  if (request.method === "POST" && path === "/v1/reload") return json(response, { generation: 4, changed: true, warnings: [] });
  if (path.startsWith("/v1/resilience")) return resilience(state, request, response, url);
  if (path === "/v1/status") return json(response, { schema: 1, project: world.project, version: "0.1.0", ready: true, generation: 3 });
  if (path === "/v1/services") return json(response, documents.services(world, window, Date.now()));
  if (path === "/v1/graph") return json(response, documents.graph(world, window ?? "5m", Date.now()));
  if (path === "/v1/requests") return json(response, { schema: 1, requests: filtered(state, url.searchParams) });
  if (path === "/v1/configuration") return json(response, documents.configuration(world));
  if (path === "/v1/explain") return explain(response, url.searchParams);
  if (path === "/v1/logs") return logs(state, request, response, url.searchParams);
  if (path === "/v1/events") return events(state, request, response);
  if (path === "/v1/dependencies") return json(response, search.dependencies(state, url.searchParams));
  if (path === "/v1/attributes") return json(response, search.attributes(state, url.searchParams.get("match") ?? ""));
  if (path === "/v1/traces" || path.startsWith("/v1/traces/")) return void traced(state, request, response, url).catch((error) => problem(response, 500, "failed", String(error)));
  return problem(response, 404, "not_found", "no such path");
}

function resilience(state, request, response, url) {
  const [name, word] = url.pathname.split("/").slice(3).map(decodeURIComponent);
  if (name === undefined) return json(response, { policies: state.world.policies });
  if (name === "events" && word === undefined) {
    const after = Number(url.searchParams.get("after") ?? 0);
    return json(response, { events: state.world.events.filter((one) => one.number > after) });
  }
  if (request.method !== "POST" || word === undefined) return problem(response, 404, "not_found", "no such path");
  const { status, code, detail, hint, answer, event: happened } = obey(state, name, word);
  if (status) return problem(response, status, code, detail, hint);
  tell(state, happened);
  return json(response, answer);
}

async function traced(state, request, response, url) {
  const [first, what, span] = url.pathname.split("/").slice(3).map(decodeURIComponent);
  const query = url.searchParams;
  if (first === undefined) return found(response, search.search(state, query));
  if (first === "services") return json(response, search.services(state));
  if (first === "operations") return json(response, search.operations(state, query.get("service")));
  search.traces(state);
  const gone = () => problem(response, 404, "not_found", "this trace is not kept");
  if (first === "compare") {
    const [a, b] = [traces.find(state, query.get("a") ?? ""), traces.find(state, query.get("b") ?? "")];
    return a && b ? json(response, traces.compare(a, b)) : gone();
  }
  const tree = traces.find(state, first);
  if (!tree) return gone();
  if (what === "waterfall") return json(response, traces.waterfall(tree, request.method === "POST" ? JSON.parse(await body(request)) : Object.fromEntries(query)));
  if (what === "table") return json(response, traces.table(tree, query));
  if (what === "flame") return json(response, traces.flame(tree));
  if (what === "critical-path") return json(response, traces.criticalPath(tree));
  if (what === "statistics") return found(response, { answer: traces.statistics(tree, query.get("by") ?? "operation"), status: 400, code: "bad_request", detail: "nothing can be added up by that" });
  if (what === "spans") return found(response, { answer: traces.span(tree, span ?? ""), status: 404, code: "not_found", detail: "the trace has no such span" });
  if (what === undefined) return json(response, { resourceSpans: [], trace: tree.id });
  return problem(response, 404, "not_found", "no such path");
}

function found(response, { answer, status, code, detail, hint }) {
  return answer ? json(response, answer) : problem(response, status, code, detail, hint);
}

async function body(request) {
  let text = "";
  for await (const part of request) text += part;
  return text;
}

function filtered(state, query) {
  const service = query.get("service");
  const status = query.get("status");
  const text = query.get("text")?.toLowerCase();
  const least = Number.parseFloat(query.get("min_duration") ?? "0");
  return state.requests
    .filter((one) => !service || one.services.includes(service))
    .filter((one) => !status || one.failed === (status === "failed"))
    .filter((one) => !text || `${one.path}${one.host}${one.trace}`.toLowerCase().includes(text))
    .filter((one) => one.duration_ms >= least)
    .slice(0, Number(query.get("limit") ?? 100));
}

function explain(response, query) {
  if (!/^https?:\/\//.test(query.get("url") ?? "")) return problem(response, 400, "bad_request", "`url`: expected a URL with scheme and host, such as https://shop.localhost/api/orders");
  return json(response, {
    listener: "https",
    route: { id: "/api/orders/**", origin: { file: "trunkline.yaml", line: 10, column: 5 } },
    filters: ["headers", "retry"],
    targets: [{ service: "orders", percent: 100, endpoints: ["orders@127.0.0.1:41039"] }],
    passed_over: [{ route: "/api/auth/**", because: "the path does not match" }],
  });
}

function logs(state, request, response, query) {
  response.writeHead(200, { ...HEADERS, "content-type": "application/x-ndjson" });
  const service = query.get("service") ?? "";
  let serial = 0;
  if (state.world.quiet) return response.write("\n");
  for (; serial < 60; serial += 1) response.write(documents.logLine(state.world, service, serial));
  const timer = setInterval(() => response.write(documents.logLine(state.world, service, serial++)), 1500);
  request.on("close", () => clearInterval(timer));
}

function events(state, request, response) {
  response.writeHead(200, { ...HEADERS, "content-type": "text/event-stream", "cache-control": "no-store" });
  response.write("retry: 1000\n\n");
  state.readers.add(response);
  event(response, "snapshot", snapshot(state));
  request.on("close", () => state.readers.delete(response));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({ options: { port: { type: "string", default: "4180" }, world: { type: "string", default: "shop" }, token: { type: "string", default: "" }, api: { type: "string", default: "" } } });
  const { url } = await start({ ...values, port: Number(values.port) });
  console.log(`the console with ${values.api ? `the documents of ${values.api}` : "made-up documents"}: ${url}`);
}
