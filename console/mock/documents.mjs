// The documents of the control API, made up from a world.
import { hex, pick, random } from "./random.mjs";

const POINTS = 60;

export function seconds(window) {
  return { "1m": 60, "5m": 300, "15m": 900 }[window] ?? 60;
}

function latency(speed, scale = 1) {
  return { count: 400, p50: speed * scale, p90: speed * scale * 2.1, p99: speed * scale * 4.7 };
}

function wobble(at, seed) {
  return 1 + 0.35 * Math.sin(at / 7 + seed) + 0.2 * Math.sin(at / 2.3 + seed * 3);
}

export function service(world, one, index, window, now) {
  if (one.bare) return { name: one.name, kind: one.kind, state: one.state };
  const span = seconds(window);
  const step = span / POINTS;
  const next = random(index * 1000 + Math.floor(now / 1000));
  const end = Math.floor(now / 1000);
  const series = Array.from({ length: POINTS }, (_, at) => {
    const moment = end - (POINTS - 1 - at) * step;
    const requests = Math.round(one.weight * 4 * step * Math.max(0, wobble(moment, index)));
    const failed = Math.min(requests, Math.round(requests * one.failing * (wobble(moment, index * 5) > 1.2 ? 4 : 0.6)));
    return { at_unix: Math.floor(moment), requests, failed, p99_ms: requests ? one.speed * 4 * wobble(moment, index + 9) : null };
  });
  const requests = series.reduce((sum, point) => sum + point.requests, 0);
  const failed = series.reduce((sum, point) => sum + point.failed, 0);
  const busy = requests > 0;
  const process = one.kind === "process";
  const running = one.state === "ready" || one.state === "unhealthy";
  const address = process ? `127.0.0.1:${41000 + index * 13}` : "sandbox.bank.example:443";
  return {
    name: one.name,
    kind: one.kind,
    state: one.state,
    detail: one.detail,
    language: one.language,
    command: one.command,
    url: one.url ?? `https://${one.name}.shop.localhost:8443`,
    origin: one.origin,
    pid: process && running ? 4000 + index : null,
    address,
    restarts: one.restarts,
    since_seconds: running ? 4321 + index * 60 : null,
    calls: one.calls,
    called_by: world.services.filter((other) => other.calls?.includes(one.name)).map((other) => other.name),
    rate_per_second: requests / span,
    error_share: requests ? failed / requests : null,
    requests,
    failed,
    in_flight: Math.floor(one.weight * next()),
    held: one.state === "starting" ? 2 : 0,
    latency_ms: busy ? latency(one.speed, wobble(end, index)) : { count: 0, p50: null, p90: null, p99: null },
    series,
    endpoints: [
      {
        id: `${one.name}@${address}`,
        address,
        state: one.state,
        overridden: false,
        healthy: running,
        health_error: one.state === "unhealthy" ? "GET /healthz answered 503" : null,
        ejected: false,
        weight: 1,
        in_flight: 0,
        requests: { total: requests, failed, by_status: { 200: requests - failed, 503: failed } },
        connect_failures: 0,
        latency_ms: busy ? latency(one.speed) : { count: 0, p50: null, p90: null, p99: null },
      },
    ],
  };
}

export function services(world, window, now) {
  return {
    schema: 1,
    window_seconds: seconds(window),
    generation: 3,
    ready: true,
    project: world.project,
    services: world.services.map((one, index) => service(world, one, index, window, now)),
  };
}

export function graph(world, window, now) {
  const all = services(world, window, now).services;
  const by = new Map(all.map((one) => [one.name, one]));
  const has = (list, from, to) => list.some(([one, other]) => one === from && other === to);
  const edge = (from, to, status, origin) => {
    const callee = by.get(to);
    const seen = status === "observed" || status === "undeclared";
    const share = from === "gateway" ? 0.6 : 0.4;
    return {
      from,
      to,
      status,
      declared: status !== "undeclared",
      requests: seen ? Math.round((callee?.requests ?? 0) * share) : 0,
      rate_per_second: seen ? (callee?.rate_per_second ?? 0) * share : 0,
      error_share: seen ? callee?.error_share : null,
      latency_ms: seen ? callee?.latency_ms : { p50: null, p90: null, p99: null },
      origin,
    };
  };
  const routed = [...new Set(world.routes.map(([, to]) => to))];
  const edges = routed.map((to) => edge("gateway", to, world.quiet ? "declared" : "observed", { file: "trunkline.yaml", line: world.routes.find((route) => route[1] === to)[2], column: 5 }));
  for (const one of world.services) {
    for (const to of one.calls ?? []) {
      const status = has(world.missing, one.name, to) ? "missing" : world.quiet || has(world.unseen, one.name, to) ? "declared" : "observed";
      edges.push(edge(one.name, to, status, one.origin));
    }
  }
  for (const [from, to] of world.undeclared) edges.push(edge(from, to, "undeclared", null));
  const total = all.reduce((sum, one) => sum + (one.rate_per_second ?? 0), 0);
  const nodes = all.map((one) => ({ id: one.name, kind: one.kind === "external" ? "external" : "service", state: one.state, rate_per_second: one.rate_per_second, error_share: one.error_share, latency_ms: one.latency_ms }));
  const gateway = { id: "gateway", kind: "gateway", state: "ready", rate_per_second: total * 0.4, error_share: world.services.length && !world.quiet ? 0.008 : null, latency_ms: total ? latency(24) : null };
  return { schema: 1, window_seconds: seconds(window), nodes: world.services.length ? [gateway, ...nodes] : [], edges };
}

export function totals(world, now) {
  const document = graph(world, "1m", now);
  return { rate_per_second: document.nodes[0]?.rate_per_second ?? 0, error_share: document.nodes[0]?.error_share ?? null, in_flight: 3, open_connections: 12 };
}

const PATHS = ["/api/orders", "/api/orders/8812", "/api/payments?page=2", "/", "/assets/app.js", "/api/auth/login", "/admin/reports/2026-01", "/api/orders/8812/invoice.pdf"];

/** The entrance number `serial`; the same number gives the same entrance. */
export function entrance(world, serial, time) {
  const next = random(serial * 97 + 5);
  const called = world.services.filter((one) => !one.bare && one.weight > 0);
  if (!called.length) return null;
  const route = pick(next, world.routes);
  const owner = called.find((one) => one.name === route[1]) ?? called[0];
  const failed = next() < 0.08;
  const status = failed ? pick(next, [500, 502, 503, 504]) : pick(next, [200, 200, 200, 200, 201, 204, 304, 404]);
  const nasty = world.nasty ? pick(next, world.nasty) : null;
  const inner = (owner.calls ?? []).filter(() => next() < 0.7);
  return {
    trace: hex(next, 32),
    time: new Date(time).toISOString(),
    method: pick(next, ["GET", "GET", "GET", "POST", "PUT", "DELETE"]),
    host: nasty ?? "shop.localhost:8443",
    path: nasty ? `/${nasty}` : pick(next, PATHS),
    status: failed && next() < 0.2 ? 0 : status,
    duration_ms: owner.speed * (0.4 + next() * 3) * (next() < 0.05 ? 12 : 1),
    caller: "127.0.0.1:52114",
    service: owner.name,
    route: route[0],
    reason: failed ? pick(next, ["connect_refused", "timeout", "breaker_open"]) : null,
    spans: 3 + inner.length * 3,
    services: ["gateway", owner.name, ...inner],
    failed,
  };
}

/** The gateway's entry and, below it, what each service asked of the others. */
export function trace(world, id, start = Date.now() - 60_000) {
  const next = random(Number.parseInt(id.slice(0, 8), 16) || 1);
  const spans = [];
  const add = (parent, service, name, kind, offset, duration, depth, attributes = {}) => {
    const span = { id: hex(next, 16), parent, service, name, kind, start: new Date(start + offset).toISOString(), offset_ms: offset, duration_ms: duration, depth, failed: false, attributes };
    spans.push(span);
    return span;
  };
  const descend = (parent, name, offset, budget, depth) => {
    const nasty = world.nasty ? pick(next, world.nasty) : null;
    const client = add(parent.id, parent.service, nasty ?? `GET ${name}`, "client", offset, budget, depth, { "http.request.method": "GET", "server.address": name, "trunkline.endpoint": `${name}@127.0.0.1:41013` });
    const server = add(client.id, name, nasty ?? `GET /${name}/{id}`, "server", offset + budget * 0.04, budget * 0.92, depth + 1, { "http.route": `/${name}/{id}`, "http.response.status_code": 200, "user_agent.original": nasty ?? "trunkline", "url.full": `https://shop.localhost/${name}/8812`, empty: null, list: [1, 2, 3] });
    let at = server.offset_ms + budget * 0.08;
    const calls = world.services.find((one) => one.name === name)?.calls ?? [];
    if (depth < 9) for (const callee of calls) {
      const part = (budget * 0.75) / calls.length;
      descend(server, callee, at, part * (0.7 + next() * 0.3), depth + 2);
      at += part * (next() < 0.3 ? 0.4 : 1);
    }
    if (next() < 0.5) add(server.id, name, "select orders", "internal", at, Math.max(0.02, server.offset_ms + server.duration_ms - at) * 0.8, depth + 2, { "db.system.name": "postgresql", "db.query.text": "SELECT id, total, state\n  FROM orders\n WHERE customer = $1\n ORDER BY placed DESC\n LIMIT 20" });
  };
  const [route, owner] = world.routes.length ? pick(next, world.routes) : ["/**", "none"];
  const own = world.services.find((one) => one.name === owner);
  const whole = (own?.speed ?? 20) * 2 * Math.exp((next() + next() + next() - 1.3) * 1.6);
  const path = route.replace("/**", "/8812");
  const root = add(null, "gateway", `GET ${route}`, "server", 0, whole, 0, { "http.request.method": "GET", "url.path": path, "http.response.status_code": 200, "network.protocol.version": "2", "trunkline.route": route, "trunkline.listener": "https" });
  descend(root, owner, whole * 0.03, whole * 0.9, 1);
  if (owner !== "auth" && next() < 0.5) descend(root, world.services.some((one) => one.name === "auth") ? "auth" : world.services[1]?.name ?? "none", whole * 0.01, whole * 0.02, 1);
  const broken = spans[spans.length - 2];
  if (next() < 0.15 && broken !== root) breakAt(world, spans, broken, next);
  const tried = spans.find((span) => span.kind === "client" && !span.failed);
  if (tried && next() < 0.5) tried.events = [{ name: "retry", offset_ms: tried.offset_ms + tried.duration_ms * 0.3, attributes: { attempt: 2, reason: "connect_refused" } }];
  if (next() < 0.2) root.links = [{ trace: hex(next, 32), span: hex(next, 16), attributes: { "messaging.operation": "receive" } }];
  if (next() < 0.1) spans[spans.length - 1].warnings = ["the clock of this service was 3.2ms ahead; the span was moved"];
  return { schema: 1, id, start: new Date(start).toISOString(), duration_ms: whole, services: [...new Set(spans.map((span) => span.service))], failed: broken.failed, spans };
}

/** One span fails, and some of those above it do so for that reason. */
function breakAt(world, spans, broken, next) {
  const message = world.nasty ? pick(next, world.nasty) : "connect: connection refused (127.0.0.1:41013)";
  const thrown = { name: "exception", offset_ms: broken.offset_ms + broken.duration_ms * 0.9, attributes: { "exception.type": "java.net.ConnectException", "exception.message": message, "exception.stacktrace": `java.net.ConnectException: ${message}\n${Array.from({ length: 24 }, (_, at) => `\tat com.shop.bank.Client.step${at}(Client.java:${120 + at})`).join("\n")}` } };
  for (let span = broken; span; span = spans.find((one) => one.id === span.parent)) {
    Object.assign(span, { failed: true, attributes: { ...span.attributes, "error.type": "timeout", "http.response.status_code": 504 } });
    if (span === broken) Object.assign(span, { events: [thrown], attributes: { ...span.attributes, "exception.type": "java.net.ConnectException" } });
    if (next() < 0.3) break;
  }
}

/** A trace of any size: wide, with chains, so that both scrolling and folding have work to do. */
export function hugeTrace(count, deep) {
  const next = random(count);
  const names = Array.from({ length: 14 }, (_, at) => `service-${at}`);
  const id = (at) => (at + 1).toString(16).padStart(16, "0");
  const spans = [{ id: id(0), parent: null, service: "gateway", name: "GET /report", kind: "server", offset_ms: 0, duration_ms: count, depth: 0, failed: false, attributes: {} }];
  for (let at = 1; at < count; at += 1) {
    const parent = deep || at % 5 ? spans[at - 1] : spans[Math.floor(next() * at * 0.1)];
    const offset = parent.offset_ms + Math.min(parent.duration_ms * 0.2, deep ? 0.4 : parent.duration_ms * next() * 0.4);
    const duration = Math.max(0.05, deep ? parent.duration_ms - 0.8 : parent.duration_ms * (0.2 + next() * 0.5));
    spans.push({ id: id(at), parent: parent.id, service: pick(next, names), name: `step ${at}`, kind: "internal", offset_ms: offset, duration_ms: duration, failed: next() < 0.001, attributes: { "item.number": at } });
  }
  return { schema: 1, id: "f".repeat(32), start: new Date().toISOString(), duration_ms: count, services: names, failed: true, spans };
}

export function configuration(world) {
  const setting = (key, value, line, isDefault = false) => ({ key, value, origin: isDefault ? null : { file: world.files[0]?.name ?? "trunkline.yaml", line, column: 5 }, default: isDefault });
  return {
    schema: 1,
    generation: 3,
    loaded_at: new Date(Date.now() - 600_000).toISOString(),
    files: world.files,
    listeners: world.services.length ? [
      { id: "https", address: "127.0.0.1:8443", origin: { file: "trunkline.yaml", line: 4, column: 1 }, settings: [setting("protocols", ["h2", "http/1.1"], 4, true), setting("headers", "secure", 6)] },
      { id: "http", address: "127.0.0.1:8000", origin: { file: "trunkline.yaml", line: 4, column: 1 }, settings: [setting("redirect", "https", 4, true)] },
    ] : [],
    routes: world.routes.map(([path, to, line]) => ({
      id: `${to}-${path.length}f4fca2`,
      origin: { file: "trunkline.yaml", line, column: 5 },
      match: { hosts: [], path: { kind: "glob", value: path }, methods: [] },
      action: { kind: "forward", targets: [{ service: to, weight: 1 }] },
      settings: [setting("to", to, line), ...(to === "payments" ? [setting("retry.attempts", 3, line)] : []), setting("timeout", "30s", line, true), setting("retry.attempts", 2, line, true), setting("body.limit", "1 MiB", line, true)],
    })),
    services: world.services.filter((one) => !one.bare).map((one) => ({
      name: one.name,
      origin: one.origin,
      settings: [setting("command", one.command, one.origin.line + 2), setting("calls", one.calls, one.origin.line + 3), setting("health.path", "/healthz", one.origin.line + 4), setting("health.interval", "10s", 1, true), setting("timeout.connect", "5s", 1, true), setting("passive.consecutive", "5", 1, one.name !== "orders"), ...(one.name === "payments" ? [setting("timeout.request", "10s", one.origin.line + 4), setting("timeout.attempt", "4s", one.origin.line + 4)] : []), setting("tls", null, 1, true)],
    })),
  };
}

const LINES = [
  (n) => JSON.stringify({ time: new Date().toISOString(), level: "info", msg: "created order", order: 8800 + n, trace_id: hex(random(n), 32), ms: 12.4 }),
  (n) => `\u001b[32mINFO\u001b[0m listening on :${3000 + n}`,
  () => JSON.stringify({ severity: "WARN", message: "slow query", ms: 212, query: "select * from orders where customer = $1" }),
  () => "java.net.BindException: Address already in use\u0007",
  () => JSON.stringify({ level: 50, msg: "payment refused", code: "card_declined", attempt: 2 }),
  (n) => `GET /healthz 200 ${n}ms`,
];

export function logLine(world, service, serial) {
  const text = world.nasty && serial % 2 ? world.nasty[serial % world.nasty.length] : LINES[serial % LINES.length](serial);
  return `${JSON.stringify({ time: new Date(Date.now() - 1000).toISOString(), service, stream: serial % 6 === 3 ? "stderr" : "stdout", text })}\n`;
}
