// The drawing of the call graph: laws that hold for every graph.
import assert from "node:assert/strict";
import { test } from "node:test";
import { NODE, layout, place, placeLabels } from "../../src/graph/layout";
import { crossings } from "../../src/graph/order";
import { edgeKey } from "../../src/graph/words";

type Edge = [string, string];

const drawn = (ids: string[], edges: Edge[]) => layout(ids, edges.map(([from, to]) => ({ from, to })));

function overlaps(found: ReturnType<typeof layout>): string[] {
  const nodes = [...found.nodes.values()];
  return nodes.flatMap((one, at) => nodes.slice(at + 1).filter((other) => Math.abs(one.x - other.x) < NODE.width && Math.abs(one.y - other.y) < NODE.height).map((other) => `${one.id} ${other.id}`));
}

/** A generator of the same graphs each time. */
function graphs(many: number): { ids: string[]; edges: Edge[] }[] {
  let state = 1;
  const next = (below: number) => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return (state >> 8) % below;
  };
  return Array.from({ length: many }, () => {
    const ids = ["gateway", ...Array.from({ length: 1 + next(40) }, (_, at) => `s${at}`)];
    const edges: Edge[] = Array.from({ length: next(80) }, () => [ids[next(ids.length)] ?? "", ids[next(ids.length)] ?? ""]);
    return { ids, edges };
  });
}

test("the gateway is first and callees are further right", () => {
  const found = drawn(["b", "a", "gateway"], [["gateway", "a"], ["a", "b"]]);
  const x = ["gateway", "a", "b"].map((id) => found.nodes.get(id)?.x ?? 0);
  assert.deepEqual([...x].sort((one, other) => one - other), x);
  assert.equal(new Set(x).size, 3);
});

test("every node has its place, none lies on another, all lie within", () => {
  for (const { ids, edges } of graphs(120)) {
    const found = drawn(ids, edges);
    assert.equal(found.nodes.size, ids.length);
    assert.deepEqual(overlaps(found), []);
    for (const node of found.nodes.values()) {
      assert.ok(node.x >= 0 && node.y >= 0 && node.x + NODE.width <= found.width && node.y + NODE.height <= found.height);
    }
  }
});

test("every line begins and ends at its nodes", () => {
  for (const { ids, edges } of graphs(60)) {
    const found = drawn(ids, edges);
    for (const edge of found.edges) {
      const [left, right] = edge.backward ? [edge.to, edge.from] : [edge.from, edge.to];
      const points = edge.backward ? [...edge.points].reverse() : edge.points;
      const first = found.nodes.get(left);
      const last = found.nodes.get(right);
      assert.deepEqual(points[0], { x: (first?.x ?? 0) + NODE.width, y: (first?.y ?? 0) + NODE.height / 2 });
      assert.deepEqual(points[points.length - 1], { x: last?.x, y: (last?.y ?? 0) + NODE.height / 2 });
    }
  }
});

test("circles and unknown ends do no harm", () => {
  const found = drawn(["a", "b", "c"], [["a", "b"], ["b", "c"], ["c", "a"], ["a", "a"], ["a", "nobody"]]);
  assert.equal(found.edges.filter((edge) => edge.backward).length, 1);
  assert.equal(found.edges.length, 3);
  assert.equal(drawn([], []).nodes.size, 0);
});

test("the picture does not depend on the order of the document", () => {
  for (const { ids, edges } of graphs(20)) {
    const one = drawn(ids, edges);
    const other = drawn([...ids].reverse(), edges);
    assert.deepEqual([...one.nodes.values()].sort((a, b) => (a.id < b.id ? -1 : 1)), [...other.nodes.values()].sort((a, b) => (a.id < b.id ? -1 : 1)));
  }
});

test("lines that need not cross do not", () => {
  const found = drawn(["gateway", "a", "b", "x", "y"], [["gateway", "a"], ["gateway", "b"], ["a", "y"], ["b", "x"]]);
  const y = (id: string) => found.nodes.get(id)?.y ?? 0;
  assert.equal(Math.sign(y("a") - y("b")), Math.sign(y("y") - y("x")));
  assert.equal(crossings([[0, 1], [2, 3]], [[3], [2], [], []]), 1);
  assert.equal(crossings([[1, 0], [2, 3]], [[3], [2], [], []]), 0);
});

test("gaps are kept and nobody moves further than needed", () => {
  assert.deepEqual(place([0, 10, 20], [0, 10, 10]), [0, 10, 20]);
  assert.deepEqual(place([5, 5], [0, 10]), [0, 10]);
  assert.deepEqual(place([], []), []);
});

test("labels lie neither on nodes nor on each other", () => {
  for (const { ids, edges } of graphs(40)) {
    const found = drawn(ids, edges);
    const labels = placeLabels(found, found.edges.map((edge, at) => ({ key: `${edgeKey(edge)}${at}`, edge, text: "12.3/s · 45ms" })));
    labels.forEach((one, at) => {
      for (const other of labels.slice(at + 1)) assert.ok(Math.abs(one.x - other.x) >= one.width || Math.abs(one.y - other.y) >= 14);
      for (const node of found.nodes.values()) {
        const inside = one.x > node.x && one.x < node.x + NODE.width && one.y > node.y && one.y < node.y + NODE.height;
        assert.ok(!inside);
      }
    });
  }
});

test("two hundred services are drawn in less than a second", () => {
  const ids = ["gateway", ...Array.from({ length: 200 }, (_, at) => `s${at}`)];
  const edges: Edge[] = ids.flatMap((id, at) => [3, 7, 19].map((step): Edge => [id, ids[(at + step) % ids.length] ?? ""]).filter(([, to]) => ids.indexOf(to) > at));
  const began = performance.now();
  drawn(ids, edges);
  assert.ok(performance.now() - began < 1000);
});
