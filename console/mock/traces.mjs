// Answers about one trace, made up, in the shapes of docs/reference/api.md.
import * as documents from "./documents.mjs";
import { causes, group, plant, sum } from "./tree.mjs";

const HUGE = { f: [100_000, false], e: [20_000, true] };

/** The trace with this id; null where none is kept. */
export function find(state, id) {
  state.trees ??= new Map();
  if (!state.trees.has(id)) {
    if (!/^[0-9a-f]{1,32}$/.test(id) || id === "0".repeat(32)) return null;
    const huge = id === id[0].repeat(32) ? HUGE[id[0]] : undefined;
    const document = huge ? { ...documents.hugeTrace(...huge), id } : documents.trace(state.world, id, state.starts?.get(id));
    state.trees.set(id, plant(document));
  }
  return state.trees.get(id);
}

function shown(tree, at, collapsed, matches) {
  const row = tree.rows[at];
  const { span } = row;
  return {
    id: span.id,
    parent: span.parent,
    service: span.service,
    name: span.name,
    kind: span.kind,
    depth: row.depth,
    offset_ms: span.offset_ms,
    duration_ms: span.duration_ms,
    self_ms: row.self,
    failed: span.failed,
    children: row.children,
    descendants: row.size - 1,
    failed_below: row.failedBelow,
    collapsed,
    critical: row.critical.slice(0, 64),
    events: (span.events ?? []).map((event) => event.offset_ms),
    links: span.links?.length ?? 0,
    warnings: span.warnings?.length ?? 0,
    match: matches(at),
  };
}

const textOf = ({ span }) => `${span.service}\n${span.name}\n${span.id}\n${JSON.stringify(span.attributes)}`.toLowerCase();

function matcher(tree, q) {
  const text = (q ?? "").toLowerCase();
  if (!text) return { is: () => false, any: () => false, count: 0 };
  const sums = [];
  let count = 0;
  for (const row of tree.rows) sums.push((count += textOf(row).includes(text) ? 1 : 0));
  const upto = (end) => sums[end - 1] ?? 0;
  return { is: (at) => upto(at + 1) > upto(at), any: (at, size) => upto(at + size) > upto(at), count };
}

/** `question` has the parameters of the address, or the body. */
export function waterfall(tree, question) {
  const ids = (value) => new Set([value ?? []].flat().flatMap((text) => String(text).split(",")).filter(Boolean));
  const [closed, open] = [ids(question.collapsed), ids(question.expanded)];
  const depth = question.collapse_depth === undefined || question.collapse_depth === null ? Infinity : Number(question.collapse_depth);
  const critical = String(question.critical) === "true";
  const found = matcher(tree, question.q);
  const focus = question.focus ? tree.byId.get(question.focus) : undefined;
  const above = new Set();
  for (let at = focus; at !== undefined && at !== null; at = tree.rows[at].parent) if (at !== focus) above.add(at);
  const places = [];
  const [failed, matched] = [[], []];
  let focused = null;
  for (let at = 0; at < tree.rows.length; ) {
    const row = tree.rows[at];
    if (critical && row.critical.length === 0) {
      at += row.size;
      continue;
    }
    const folded = row.children > 0 && !above.has(at) && (closed.has(row.span.id) || (row.depth >= depth && !open.has(row.span.id)));
    const size = folded ? row.size : 1;
    if (row.span.failed || (folded && row.failedBelow)) failed.push(places.length);
    if (found.any(at, size)) matched.push(places.length);
    if (at === focus) focused = places.length;
    places.push([at, folded]);
    at += size;
  }
  const count = Math.min(2000, Number(question.rows ?? 200));
  let from = Number(question.from ?? 0);
  if (focused !== null && (focused < from || focused >= from + count)) from = Math.max(0, Math.min(places.length - count, focused - Math.floor(count / 3)));
  const rows = places.slice(from, from + count).map(([at, folded], place) => ({ row: from + place, ...shown(tree, at, folded, found.is) }));
  return {
    ...head(tree),
    rows_total: places.length,
    from,
    rows,
    matches: question.q ? { count: found.count, rows: matched.slice(0, 1000) } : undefined,
    focus: focused === null ? null : { row: focused },
    failed_rows: failed.slice(0, 1000),
    minimap: String(question.minimap) === "true" ? minimap(tree) : undefined,
  };
}

function head(tree) {
  if (!tree.head) {
    const services = [...group(tree.rows, (row) => row.span.service)].map(([service, rows]) => ({ service, spans: rows.length, failed: rows.filter((row) => row.span.failed).length, self_ms: sum(rows, (row) => row.self), critical_ms: sum(rows, (row) => row.pathMs) }));
    services.sort((one, other) => (one.service < other.service ? -1 : 1));
    tree.head = {
      schema: 1,
      id: tree.id,
      start: tree.start,
      start_unix_nanos: String(Date.parse(tree.start) * 1e6),
      duration_ms: tree.duration,
      spans: tree.rows.length,
      failed: tree.rows.filter((row) => row.span.failed).length,
      depth_max: tree.rows.reduce((most, row) => Math.max(most, row.depth), 0),
      services,
      warnings: tree.rows.some((row) => row.span.warnings) ? ["clocks differ: 1 span was moved by 3.2ms"] : [],
      causes: causes(tree),
    };
  }
  return tree.head;
}

function minimap(tree) {
  const longest = [...tree.rows].sort((one, other) => other.span.duration_ms - one.span.duration_ms).slice(0, 500);
  longest.sort((one, other) => one.span.offset_ms - other.span.offset_ms);
  return longest.map(({ span, depth }) => ({ offset_ms: span.offset_ms, duration_ms: span.duration_ms, service: span.service, depth, failed: span.failed }));
}

export function span(tree, id) {
  const at = tree.byId.get(id);
  if (at === undefined) return null;
  const row = tree.rows[at];
  const ancestors = [];
  for (let up = row.parent; up !== null && ancestors.length < 50; up = tree.rows[up].parent) {
    const above = tree.rows[up].span;
    ancestors.unshift({ id: above.id, service: above.service, name: above.name });
  }
  return {
    schema: 1,
    trace: tree.id,
    status: row.span.failed ? "error" : "unset",
    status_message: row.span.failed ? "deadline exceeded" : "",
    events: [],
    links: [],
    warnings: [],
    trace_state: "",
    scope: { name: "made-up", version: "1.2.3", attributes: {} },
    ...row.span,
    critical: row.critical.length > 0,
    depth: row.depth,
    self_ms: row.self,
    critical_ms: row.pathMs,
    children: row.children,
    descendants: row.size - 1,
    resource: { service: row.span.service, attributes: { "service.name": row.span.service, "host.name": "laptop", "process.pid": 4121, "telemetry.sdk.language": "go" } },
    ancestors,
  };
}

const SORTS = { start: (row) => row.span.offset_ms, duration: (row) => row.span.duration_ms, self: (row) => row.self, service: (row) => row.span.service, name: (row) => row.span.name };

export function table(tree, query) {
  const sort = query.get("sort") ?? "start";
  const key = SORTS[sort.replace("-", "")];
  const text = (query.get("q") ?? "").toLowerCase();
  const service = query.get("service");
  const kept = tree.rows.map((row, at) => [row, at]).filter(([row]) => (!service || row.span.service === service) && (query.get("failed") !== "true" || row.span.failed) && (!text || textOf(row).includes(text)));
  kept.sort(([one], [other]) => (key(one) < key(other) ? -1 : key(one) > key(other) ? 1 : 0) * (sort.startsWith("-") ? -1 : 1));
  const from = Number(query.get("from") ?? 0);
  const rows = kept.slice(from, from + Number(query.get("rows") ?? 200)).map(([, at], place) => ({ row: from + place, ...shown(tree, at, false, () => false) }));
  return { schema: 1, id: tree.id, duration_ms: tree.duration, total: kept.length, from, rows };
}

export function criticalPath(tree) {
  const segments = tree.path.slice(0, 5000).map(({ row, from, to }) => ({ span: tree.rows[row].span.id, service: tree.rows[row].span.service, name: tree.rows[row].span.name, from_ms: from, to_ms: to }));
  const whole = sum(tree.path, (one) => one.to - one.from);
  const of = (key) => [...group(segments, key)].map(([, parts]) => ({ service: parts[0].service, name: parts[0].name, ms: sum(parts, (one) => one.to_ms - one.from_ms), share: sum(parts, (one) => one.to_ms - one.from_ms) / whole, spans: new Set(parts.map((one) => one.span)).size })).sort((one, other) => other.ms - one.ms);
  return { schema: 1, id: tree.id, duration_ms: tree.duration, critical_ms: whole, segments, truncated: tree.path.length > 5000, services: of((one) => one.service).map(({ service, ms, share }) => ({ service, ms, share })), operations: of((one) => `${one.service}\n${one.name}`).slice(0, 200) };
}

/** Spans of the same way through services and operations as one node. */
function merge(tree) {
  const nodes = [];
  const ofRow = [];
  tree.rows.forEach((row, at) => {
    const parent = row.parent === null ? null : ofRow[row.parent];
    const siblings = parent === null ? (nodes.roots ??= new Map()) : parent.children;
    const key = `${row.span.service}\n${row.span.name}`;
    let node = siblings.get(key);
    if (!node) {
      node = { parent, depth: row.depth, service: row.span.service, name: row.span.name, spans: 0, failed: 0, total_ms: 0, self_ms: 0, first: row.span.id, children: new Map() };
      siblings.set(key, node);
      nodes.push(node);
    }
    node.spans += 1;
    node.failed += row.span.failed ? 1 : 0;
    node.total_ms += row.span.duration_ms;
    node.self_ms += row.self;
    ofRow[at] = node;
  });
  return nodes;
}

function preorder(roots) {
  const found = [];
  const stack = [...roots.values()].reverse();
  while (stack.length) {
    const node = stack.pop();
    found.push(node);
    stack.push(...[...node.children.values()].reverse());
  }
  return found;
}

const FRAMES_MAX = 5000;

export function flame(tree) {
  const all = preorder(merge(tree).roots);
  for (const node of all) node.value_ms = node.self_ms;
  for (const node of [...all].reverse()) if (node.parent) node.parent.value_ms += node.value_ms;
  const whole = sum(all.filter((node) => node.parent === null), (node) => node.value_ms) || 1;
  let at = 0;
  for (const node of all) {
    node.left = node.parent ? node.parent.next : at;
    node.width = node.value_ms / whole;
    node.next = node.left;
    if (node.parent) node.parent.next += node.width;
    else at += node.width;
  }
  const frames = all.filter((node) => node.width >= 0.0001).slice(0, FRAMES_MAX);
  frames.forEach((node, number) => (node.frame = number));
  return {
    schema: 1,
    id: tree.id,
    value_ms: whole,
    depth_max: frames.reduce((most, node) => Math.max(most, node.depth), 0),
    truncated: frames.length < all.length,
    frames: frames.map(({ frame, parent, depth, service, name, spans, failed, total_ms, self_ms, value_ms, left, width, first }) => ({ frame, parent: parent?.frame ?? null, depth, service, name, spans, failed, total_ms, self_ms, value_ms, left, width, first })),
  };
}

export function statistics(tree, by) {
  const attribute = by.startsWith("attribute:") ? by.slice(10) : null;
  const keys = { operation: (row) => `${row.span.service}\n${row.span.name}`, service: (row) => row.span.service, kind: (row) => row.span.kind, status: (row) => (row.span.failed ? "error" : "unset") };
  const keyOf = attribute ? (row) => row.span.attributes[attribute] : keys[by];
  if (!keyOf) return null;
  const [self, path] = [sum(tree.rows, (row) => row.self) || 1, sum(tree.rows, (row) => row.pathMs) || 1];
  const rows = [...group(tree.rows, keyOf)].filter(([key]) => key !== undefined).map(([key, spans]) => {
    const sorted = spans.map((row) => row.span.duration_ms).sort((one, other) => one - other);
    const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
    const total = sum(spans, (row) => row.span.duration_ms);
    const [own, waited] = [sum(spans, (row) => row.self), sum(spans, (row) => row.pathMs)];
    const named = by === "operation" || by === "service";
    return { service: named ? spans[0].span.service : null, name: by === "operation" ? spans[0].span.name : null, value: named ? null : String(key), spans: spans.length, failed: spans.filter((row) => row.span.failed).length, total_ms: total, min_ms: sorted[0], mean_ms: total / spans.length, p50_ms: at(0.5), p90_ms: at(0.9), p99_ms: at(0.99), max_ms: sorted.at(-1), self_ms: own, self_share: own / self, critical_ms: waited, critical_share: waited / path };
  });
  rows.sort((one, other) => other.self_ms - one.self_ms);
  return { schema: 1, id: tree.id, by, duration_ms: tree.duration, rows: rows.slice(0, 1000), truncated: rows.length > 1000 };
}

function changeOf(a, b) {
  if (!a) return "added";
  if (!b) return "removed";
  if (!a.failed && b.failed) return "failing";
  if (a.failed && !b.failed) return "mended";
  if (b.spans !== a.spans) return b.spans > a.spans ? "more" : "fewer";
  const delta = b.total_ms - a.total_ms;
  if (Math.abs(delta) <= 1 || Math.abs(delta) <= a.total_ms * 0.2) return "same";
  return delta > 0 ? "slower" : "faster";
}

export function compare(a, b) {
  const nodes = [];
  const stack = [[merge(a).roots, merge(b).roots, null, 0]];
  const visit = (ones, others, parent, depth) => {
    for (const key of new Set([...(ones?.keys() ?? []), ...(others?.keys() ?? [])])) {
      const [one, other] = [ones?.get(key), others?.get(key)];
      const side = (node) => (node ? { spans: node.spans, failed: node.failed, total_ms: node.total_ms, self_ms: node.self_ms } : null);
      const node = nodes.length;
      nodes.push({ node, parent, depth, service: (one ?? other).service, name: (one ?? other).name, a: side(one), b: side(other), delta_ms: (other?.total_ms ?? 0) - (one?.total_ms ?? 0), change: changeOf(one, other) });
      if (depth < 200 && nodes.length < FRAMES_MAX) visit(one?.children, other?.children, node, depth + 1);
    }
  };
  visit(...stack[0]);
  const whole = (tree) => ({ id: tree.id, start: tree.start, duration_ms: tree.duration, spans: tree.rows.length, failed: head(tree).failed, service: tree.rows[0].span.service, name: tree.rows[0].span.name });
  const byName = (tree) => new Map(head(tree).services.map((one) => [one.service, one]));
  const [left, right] = [byName(a), byName(b)];
  const services = [...new Set([...left.keys(), ...right.keys()])].map((service) => {
    const [one, other] = [left.get(service), right.get(service)];
    return { service, a_self_ms: one?.self_ms ?? 0, b_self_ms: other?.self_ms ?? 0, delta_ms: (other?.self_ms ?? 0) - (one?.self_ms ?? 0), a_spans: one?.spans ?? 0, b_spans: other?.spans ?? 0 };
  });
  services.sort((one, other) => Math.abs(other.delta_ms) - Math.abs(one.delta_ms));
  return { schema: 1, a: whole(a), b: whole(b), nodes, truncated: nodes.length >= FRAMES_MAX, services };
}
