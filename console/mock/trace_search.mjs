// The search of made-up traces, and what is made of all of them.
import * as documents from "./documents.mjs";
import { hex, random } from "./random.mjs";

const TRACES = 400;
const EVERY_MS = 27_000;
const BARS = 40;

/** The last traces of the world, the newest first; made once. */
export function traces(state) {
  if (!state.traces) {
    const now = Date.now();
    state.starts = new Map();
    state.traces = [];
    const next = random(4711);
    for (let at = 0; at < (state.world.services.length && !state.world.quiet ? TRACES : 0); at += 1) {
      const id = hex(next, 32);
      const start = now - 4000 - at * EVERY_MS - Math.floor(next() * EVERY_MS * 0.8);
      state.starts.set(id, start);
      state.traces.push(summary(documents.trace(state.world, id, start)));
    }
  }
  return state.traces;
}

function summary(document) {
  const [root] = document.spans;
  const by = new Map();
  for (const span of document.spans) {
    const one = by.get(span.service) ?? { service: span.service, spans: 0, failed: 0 };
    one.spans += 1;
    one.failed += span.failed ? 1 : 0;
    by.set(span.service, one);
  }
  const failed = document.spans.filter((span) => span.failed).length;
  return { id: document.id, service: root.service, name: root.name, status: 200, start: document.start, start_unix_nanos: `${Date.parse(document.start)}000000`, duration_ms: document.duration_ms, spans: document.spans.length, failed, orphans: 0, services: [...by.keys()].sort(), by_service: [...by.values()].sort((one, other) => (one.service < other.service ? -1 : 1)), all: document.spans };
}

const DURATION = /^(\d+(?:\.\d+)?)(us|ms|s|m|h|d)$/;
const UNITS = { us: 0.001, ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

function millis(text) {
  const [, value, unit] = DURATION.exec(text) ?? [];
  return value === undefined ? null : Number(value) * UNITS[unit];
}

function moment(text, now) {
  const ago = millis(text);
  return ago === null ? Date.parse(text) : now - ago;
}

/** One span meets all conditions on spans. */
function spanFits(span, query) {
  const all = (name) => query.getAll(name);
  if (all("service").length && !all("service").includes(span.service)) return false;
  if (query.get("operation") && query.get("operation") !== span.name) return false;
  if (query.get("kind") && query.get("kind") !== span.kind) return false;
  if (query.get("status") === "error" && !span.failed) return false;
  if (query.get("min_duration") && span.duration_ms < millis(query.get("min_duration"))) return false;
  if (query.get("max_duration") && span.duration_ms > millis(query.get("max_duration"))) return false;
  return all("attribute").every((condition) => {
    const [, key, value] = /^([^=]*)(?:=(.*))?$/s.exec(condition);
    if (key.startsWith("!")) return !Object.hasOwn(span.attributes, key.slice(1));
    const has = Object.hasOwn(span.attributes, key);
    return value === undefined ? has : has && String(span.attributes[key]) === value;
  });
}

const KNOWN = ["service", "operation", "kind", "status", "attribute", "filter", "min_duration", "max_duration", "since", "until", "limit", "cursor", "overview", "facet"];

/** The answer, or what is wrong with the question. */
export function search(state, query) {
  const unknown = [...query.keys()].find((name) => !KNOWN.includes(name));
  if (unknown) return { status: 400, code: "bad_request", detail: `\`${unknown}\` is no parameter of this path` };
  if (query.getAll("attribute").some((condition) => condition === "too.much")) return { status: 422, code: "query_budget", detail: "the question reads more than 64 MiB", hint: "narrow the time or the conditions" };
  const now = Date.now();
  const [since, until] = [query.get("since") ? moment(query.get("since"), now) : 0, query.get("until") ? moment(query.get("until"), now) : now];
  const found = traces(state).filter((one) => Date.parse(one.start) >= since && Date.parse(one.start) <= until && one.all.some((span) => spanFits(span, query)));
  const limit = Number(query.get("limit") ?? 20);
  const cursor = query.get("cursor");
  const from = cursor ? found.findIndex((one) => `${one.start_unix_nanos}-${one.id}` === cursor) + 1 : 0;
  const page = found.slice(from, from + limit);
  const last = page.at(-1);
  const answer = { schema: 1, traces: page.map(({ all, ...rest }) => rest), next: last && from + limit < found.length ? `${last.start_unix_nanos}-${last.id}` : null, partial: false };
  const wanted = Number(query.get("overview") ?? 0);
  return { answer: wanted ? { ...answer, overview: overview(found.slice(0, wanted), found.length > wanted, query.getAll("facet")) } : answer };
}

function overview(found, more, keys) {
  if (!found.length) return { traces: 0, more: false, from: null, to: null, histogram: [], bar_ms: 0, points: [], durations: {}, facets: {} };
  const starts = found.map((one) => Date.parse(one.start));
  const [from, to] = [Math.min(...starts), Math.max(...starts) + 1];
  const bar = (to - from) / BARS;
  const histogram = Array.from({ length: BARS }, (_, at) => {
    const within = found.filter((_, index) => Math.floor((starts[index] - from) / bar) === at);
    return { start: new Date(from + at * bar).toISOString(), traces: within.length, failed: within.filter((one) => one.failed).length };
  });
  const sorted = found.map((one) => one.duration_ms).sort((one, other) => one - other);
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
  return {
    traces: found.length,
    more,
    from: new Date(from).toISOString(),
    to: new Date(to).toISOString(),
    histogram,
    bar_ms: bar,
    points: found.map((one, index) => ({ id: one.id, start: one.start, offset_ms: starts[index] - from, duration_ms: one.duration_ms, spans: one.spans, failed: one.failed, service: one.service, name: one.name })),
    durations: { p50_ms: at(0.5), p90_ms: at(0.9), p99_ms: at(0.99), max_ms: sorted.at(-1) },
    facets: facets(found, keys),
  };
}

function facets(found, keys) {
  const counted = (valuesOf) => {
    const counts = new Map();
    for (const one of found) {
      for (const value of new Set(valuesOf(one))) {
        const count = counts.get(value) ?? { value, traces: 0, failed: 0 };
        count.traces += 1;
        count.failed += one.failed ? 1 : 0;
        counts.set(value, count);
      }
    }
    return [...counts.values()].sort((one, other) => other.traces - one.traces).slice(0, 20);
  };
  return {
    services: counted((one) => one.services),
    entrances: counted((one) => [`${one.service}\n${one.name}`]).map(({ value, traces, failed }) => ({ service: value.split("\n")[0], name: value.split("\n")[1], traces, failed, p50_ms: 81, p99_ms: 402 })),
    status: counted((one) => [one.failed ? "failed" : "ok"]).map(({ value, traces }) => ({ value, traces })),
    attributes: keys.map((key) => ({ key, level: "any", values: counted((one) => one.all.flatMap((span) => (Object.hasOwn(span.attributes, key) && span.attributes[key] !== null ? [String(span.attributes[key])] : []))) })),
  };
}

export function services(state) {
  return { schema: 1, services: [...new Set(traces(state).flatMap((one) => one.services))].sort() };
}

export function operations(state, service) {
  const all = traces(state).flatMap((one) => one.all).filter((span) => !service || span.service === service);
  return { schema: 1, operations: [...new Map(all.map((span) => [span.name, { name: span.name, kind: span.kind }])).values()] };
}

export function attributes(state, match) {
  const keys = new Set(traces(state).slice(0, 20).flatMap((one) => one.all.flatMap((span) => Object.keys(span.attributes))));
  return { schema: 1, keys: [...keys].filter((key) => key.includes(match)).map((key) => ({ key, level: "span", type: "string", count: 12 })), truncated: false };
}

export function dependencies(state, query) {
  const now = Date.now();
  const since = query.get("since") ?? "1h";
  const around = query.get("service");
  const graph = documents.graph(state.world, "15m", now);
  const seconds = (millis(since) ?? 3_600_000) / 1000;
  const kinds = { bank: "external" };
  const calls = (edge) => Math.round((edge.rate_per_second ?? 0) * seconds);
  const seen = graph.edges.filter((edge) => calls(edge) > 0).map((edge) => ({ caller: edge.from, callee: edge.to, calls: calls(edge), failed: Math.round(calls(edge) * (edge.error_share ?? 0)), share: 0.1, p50_ms: edge.latency_ms?.p50 ?? null, p99_ms: edge.latency_ms?.p99 ?? null, kind: kinds[edge.to] ?? "call", source: edge.from === "gateway" ? "both" : "spans" }));
  if (state.world.project === "shop") seen.push({ caller: "orders", callee: "postgresql", calls: 8123, failed: 0, share: 0.2, p50_ms: 1.2, p99_ms: 9.1, kind: "database", source: "spans" }, { caller: "orders", callee: "mail-queue", calls: 201, failed: 3, share: 0.01, p50_ms: null, p99_ms: null, kind: "message", source: "spans" });
  const edges = seen.filter((edge) => !around || edge.caller === around || edge.callee === around);
  const names = [...new Set(edges.map((edge) => edge.callee))];
  const total = (name, of) => edges.filter((edge) => edge.callee === name).reduce((sum, edge) => sum + edge[of], 0);
  return { schema: 1, from: new Date(now - seconds * 1000).toISOString(), to: new Date(now).toISOString(), exact: state.world.project !== "many", services: names.map((service) => ({ service, calls: total(service, "calls"), failed: total(service, "failed") })), edges };
}
