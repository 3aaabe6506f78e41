// The search of traces, the comparison of two, and dependencies.
import assert from "node:assert/strict";
import { test } from "node:test";
import { changeOf, readTraceId, shownNodes } from "../../src/pages/compare_list";
import { dependencyGraph, errorsOf, secondsOf, sortEdges } from "../../src/pages/dependency_graph";
import { handDrawn, nearest, radius, scaleOf } from "../../src/pages/scatter_scale";
import { type TraceFilter, isFiltered, mistakes, readTags, sortTraces, toggleTag, traceQuery, writeTags } from "../../src/pages/trace_query";

const none: TraceFilter = { services: [], operation: "", kind: "", status: "", tags: "", filter: "", min: "", max: "", since: "", until: "" };

test("conditions are cut at spaces, but not within quotes", () => {
  const cases: [string, string[]][] = [
    ["", []],
    ["  a=1   !b ", ["a=1", "!b"]],
    ['user.name="J. Doe" c>5', ["user.name=J. Doe", "c>5"]],
    ['"key with space"=x', ["key with space=x"]],
    ['path~"a \\"b\\" c"', ['path~a "b" c']],
    ["path~\\d+\\.js", ["path~\\d+\\.js"]],
    ['open="never closed', ["open=never closed"]],
    ["a=\u202e\u0000", ["a=\u202e\u0000"]],
  ];
  for (const [text, expected] of cases) assert.deepEqual(readTags(text), expected, text);
});

test("conditions that are written are read the same", () => {
  for (const tags of [["a=1", "!b"], ["user=J. Doe"], ['q="x"'], ["back\\slash"], ["path~\\d+ \\w"], ["line=a\nb"]]) assert.deepEqual(readTags(writeTags(tags)), tags, tags.join());
});

test("a condition is added, and taken out again", () => {
  assert.equal(toggleTag("a=1", "b=2 3"), 'a=1 "b=2 3"');
  assert.equal(toggleTag('a=1 "b=2 3"', "b=2 3"), "a=1");
  assert.equal(toggleTag("", "a"), "a");
});

test("only what is meant is asked", () => {
  assert.equal(traceQuery(none).toString(), "");
  const all: TraceFilter = { services: ["a&b", "c"], operation: "GET /", kind: "server", status: "error", tags: "x=1 !y", filter: '{"not":{}}', min: "1.5ms", max: "2s", since: "15m", until: "2026-01-31T12:00:00Z" };
  const query = traceQuery(all);
  assert.deepEqual([query.getAll("service"), query.getAll("attribute")], [["a&b", "c"], ["x=1", "!y"]]);
  assert.deepEqual([query.get("min_duration"), query.get("max_duration"), query.get("kind"), query.get("status"), query.get("since")], ["1500us", "2000ms", "server", "error", "15m"]);
  const odd = traceQuery({ ...none, kind: "__proto__", status: "constructor", filter: "[1]", min: "soon" });
  assert.equal(odd.toString(), "");
  assert.deepEqual([isFiltered(none), isFiltered({ ...none, tags: "x" })], [false, true]);
});

test("what was typed wrongly is told before it is asked", () => {
  assert.deepEqual(mistakes(none), {});
  assert.deepEqual(Object.keys(mistakes({ ...none, min: "soon", max: "1 week", filter: "{" })), ["min", "max", "filter"]);
  assert.deepEqual(Object.keys(mistakes({ ...none, min: "2s", max: "1s" })), ["max"]);
  assert.deepEqual(Object.keys(mistakes({ ...none, filter: "null" })), ["filter"]);
});

test("the traces of a page can be put in another order", () => {
  const traces = [{ id: "new", duration_ms: 2, spans: 9, failed: 0 }, { id: "mid", duration_ms: 7, spans: null, failed: 1 }, { id: "old", duration_ms: 2, spans: 3, failed: 0 }];
  const order = (sort: string) => sortTraces(traces, sort).map((one) => one.id).join(" ");
  assert.deepEqual([order("-start"), order("start"), order("-duration"), order("spans"), order("-failed")], ["new mid old", "old mid new", "mid new old", "mid old new", "mid new old"]);
  for (const odd of ["", "__proto__", "-constructor"]) assert.equal(order(odd), "new mid old", odd);
});

const box = { left: 10, top: 5, width: 100, height: 50 };

test("a point stands within its picture, whatever its time", () => {
  const durations = [0, 1e-9, 0.5, 12, 3600_000, Number.MAX_VALUE];
  const points = durations.map((duration_ms, at) => ({ id: String(at), offset_ms: at * 10, duration_ms }));
  for (const some of [points, points.slice(2, 3), [], [{ id: "x", offset_ms: null, duration_ms: null }]]) {
    const scale = scaleOf(some, 50, box);
    for (const one of some) {
      const [x, y] = [scale.x(one.offset_ms ?? 0), scale.y(one.duration_ms ?? 0)];
      assert.ok(x >= 10 && x <= 110 && y >= 5 && y <= 55, `${one.duration_ms}: ${x} ${y}`);
    }
  }
});

test("places lead back to times and durations", () => {
  const scale = scaleOf([{ id: "a", offset_ms: 0, duration_ms: 1 }, { id: "b", offset_ms: 50, duration_ms: 1000 }], 50, box);
  assert.ok(Math.abs(scale.offset(scale.x(20)) - 20) < 1e-9);
  assert.ok(Math.abs(scale.duration(scale.y(31)) - 31) < 1e-9);
  assert.deepEqual([handDrawn(31.4159), handDrawn(0.0314), handDrawn(12345)], ["31ms", "31us", "12000ms"]);
  assert.ok(radius(1) < radius(100) && radius(1e12) <= 8);
});

test("the nearest point is found, if one is within reach", () => {
  const points = [{ id: "a", offset_ms: 0, duration_ms: 1 }, { id: "b", offset_ms: 50, duration_ms: 1000 }];
  const scale = scaleOf(points, 50, box);
  assert.equal(nearest(points, scale, scale.x(50) + 3, scale.y(1000), 5), 1);
  assert.equal(nearest(points, scale, 60, 30, 5), -1);
});

test("of a comparison only what changed is shown, with what is above it", () => {
  const nodes = [
    { node: 0, parent: null, service: "web", name: "GET /", change: "same" },
    { node: 1, parent: 0, service: "orders", name: "list", change: "same" },
    { node: 2, parent: 1, service: "bank", name: "charge", change: "slower" },
    { node: 3, parent: 0, service: "auth", name: "check", change: "same" },
  ];
  const ids = (changed: boolean, text: string, of: { node: number; parent: number | null; change: string }[] = nodes) => shownNodes(of, changed, text).map((one) => one.node);
  assert.deepEqual([ids(false, ""), ids(true, ""), ids(false, "AUTH"), ids(true, "auth"), ids(true, "charge")], [[0, 1, 2, 3], [0, 1, 2], [0, 3], [], [0, 1, 2]]);
  const circle = [{ node: 0, parent: 1, change: "added" }, { node: 1, parent: 0, change: "same" }];
  assert.deepEqual(ids(true, "", circle), [0, 1]);
  assert.deepEqual([changeOf("slower").word, changeOf("same").word, changeOf("__proto__").word, changeOf(null).word], ["slower", "", "", ""]);
});

test("the id of a trace is found in what is pasted", () => {
  const id = "4bf92f3577b34da6a3ce929d0e0e4736";
  const cases: [string, string | null][] = [[id, id], [` ${id.toUpperCase()} `, id], [`http://127.0.0.1:20001/traces/${id}?span=1`, id], ["", null], ["not an id", null], ["zzzz4bf9", null], ["a3ce929d0e0e4736", `${"0".repeat(16)}a3ce929d0e0e4736`]];
  for (const [text, expected] of cases) assert.equal(readTraceId(text), expected, text);
});

const found = {
  from: "2026-01-31T12:00:00Z",
  to: "2026-01-31T12:01:40Z",
  services: [{ service: "orders", calls: 200, failed: 10 }],
  edges: [
    { caller: "web", callee: "orders", calls: 200, failed: 10, p50_ms: 2, p99_ms: 9, kind: "call", source: "both" },
    { caller: "orders", callee: "postgres", calls: 0, failed: 0, p50_ms: null, p99_ms: null, kind: "database", source: "spans" },
  ],
};

test("dependencies are drawn as a graph, with rates over their time", () => {
  assert.equal(secondsOf(found), 100);
  const graph = dependencyGraph(found, [{ name: "orders", state: "ready" }]);
  assert.deepEqual(graph.nodes.map((node) => [node.id, node.kind, node.state, node.rate_per_second]).sort(), [["orders", "service", "ready", 2], ["postgres", "database", null, null], ["web", "service", null, null]]);
  assert.deepEqual(graph.edges.map((edge) => [edge.from, edge.to, edge.rate_per_second, edge.error_share]), [["web", "orders", 2, 0.05], ["orders", "postgres", 0, null]]);
  assert.deepEqual(dependencyGraph({}, []), { window_seconds: 1, nodes: [], edges: [] });
  assert.deepEqual([errorsOf({ calls: 0, failed: 0 }), errorsOf({ calls: 4, failed: 1 }), errorsOf({})], [null, 0.25, null]);
});

test("dependencies are sorted by any column, those without a value last", () => {
  const order = (sort: string) => sortEdges(found.edges, sort).map((edge) => edge.caller).join(" ");
  assert.deepEqual([order("-calls"), order("calls"), order("-p99"), order("p99"), order("callee"), order("__proto__")], ["web orders", "orders web", "web orders", "web orders", "web orders", "orders web"]);
});
