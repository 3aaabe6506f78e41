// Traces as rows.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Span } from "../../src/api/types";
import { buildTrace, matches, positionOf, ticks, visibleRows } from "../../src/trace/model";

/** "a 0-100, b<a 10-40" */
function trace(text: string) {
  const spans: Span[] = text.split(",").map((part) => {
    const [names = "", times = ""] = part.trim().split(" ");
    const [id = "", parent] = names.split("<");
    const [from = 0, to = 0] = times.split("-").map(Number);
    return { id, parent, service: id.toUpperCase(), name: `do ${id}`, offset_ms: from, duration_ms: to - from, attributes: { of: id } };
  });
  return buildTrace({ id: "t", spans });
}

const ids = (model: ReturnType<typeof trace>) => model.rows.map((row) => `${"·".repeat(row.depth)}${row.span.id}`).join(" ");

test("rows stand below their parents, in order of start", () => {
  assert.equal(ids(trace("c<a 50-60, a 0-100, b<a 10-40, d<b 20-30")), "a ·b ··d ·c");
});

test("missing parents and circles make roots", () => {
  assert.equal(ids(trace("a<gone 0-10, b<a 1-2")), "a ·b");
  assert.equal(trace("a<b 0-10, b<a 1-2, c<c 3-4").rows.length, 3);
});

test("the end of a row is behind its last descendant", () => {
  const { rows } = trace("a 0-100, b<a 10-40, d<b 20-30, c<a 50-60");
  assert.deepEqual(rows.map((row) => row.end), [4, 3, 3, 4]);
});

test("the critical path waits for the child that finished last", () => {
  const model = trace("a 0-100, b<a 10-40, c<a 20-90, d<c 30-80");
  assert.deepEqual(model.rows.filter((row) => row.critical).map((row) => row.span.id), ["a", "c", "d"]);
  const whole = model.segments.reduce((sum, segment) => sum + segment.to - segment.from, 0);
  assert.equal(whole, 100);
  assert.deepEqual(model.services.map(({ name, critical_ms }) => [name, critical_ms]), [["D", 50], ["A", 30], ["C", 20], ["B", 0]]);
});

test("children one after the other are all on the critical path", () => {
  const model = trace("a 0-100, b<a 10-40, c<a 45-90");
  assert.ok(model.rows.every((row) => row.critical));
});

test("a child that seems to outlive its parent is still what it waited for", () => {
  const model = trace("a 0-100, b<a 10-101, c<b 20-90");
  assert.deepEqual(model.services.map(({ name, critical_ms }) => [name, critical_ms]), [["C", 70], ["B", 20], ["A", 10]]);
});

test("the critical path begins at the longest root, not at the first", () => {
  const model = trace("early<unknown 0-5, a 1-100, b<a 10-90");
  assert.deepEqual(model.services.map(({ name, critical_ms }) => [name, critical_ms]), [["B", 80], ["A", 19], ["EARLY", 0]]);
});

test("what the server says about the critical path counts", () => {
  const model = buildTrace({ id: "t", spans: [{ id: "a", offset_ms: 0, duration_ms: 10, critical: false }, { id: "b", parent: "a", offset_ms: 1, duration_ms: 2, critical: true }] });
  assert.deepEqual(model.rows.map((row) => row.critical), [false, true]);
});

test("folded rows hide what is below them", () => {
  const { rows } = trace("a 0-100, b<a 10-40, d<b 20-30, c<a 50-60");
  assert.deepEqual([...visibleRows(rows, new Set([1]), null)], [0, 1, 3]);
  assert.deepEqual([...visibleRows(rows, new Set(), (row) => row.depth === 1)], [1, 3]);
  assert.equal(positionOf(Int32Array.from([0, 1, 3]), 3), 2);
});

test("search looks into names, services and attributes", () => {
  const { rows } = trace("a 0-100, bee<a 10-40");
  assert.deepEqual(matches(rows, "BEE"), [1]);
  assert.deepEqual(matches(rows, "of=a"), [0]);
  assert.deepEqual(matches(rows, " "), []);
});

test("fields that are absent or null are no trouble", () => {
  const model = buildTrace({ id: "t", spans: [{ id: "a" }, { id: "b", parent: "a", service: null, name: null, attributes: null, duration_ms: null, start: "not a time" }] });
  assert.equal(model.rows.length, 2);
  assert.equal(buildTrace({ id: "t", spans: [] }).rows.length, 0);
});

test("a hundred thousand spans, in a chain or side by side, take less than three seconds", () => {
  for (const parent of [(at: number) => at - 1, () => 0]) {
    const spans: Span[] = Array.from({ length: 100_000 }, (_, at) => ({ id: String(at), parent: at ? String(parent(at)) : null, offset_ms: at / 1000, duration_ms: 200 - at / 1000 }));
    const began = performance.now();
    const model = buildTrace({ id: "t", spans });
    visibleRows(model.rows, new Set([5]), null);
    assert.equal(model.rows.length, 100_000);
    assert.ok(performance.now() - began < 3000);
  }
});

test("ticks are round and within", () => {
  assert.deepEqual(ticks(0, 100, 5), [0, 20, 40, 60, 80, 100]);
  assert.deepEqual(ticks(13, 27, 5), [15, 20, 25]);
  assert.deepEqual(ticks(5, 5, 5), [5]);
});
