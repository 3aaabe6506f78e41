// What the page of a trace makes of rows that live on the server: folding, pages, scales, flame graph, statistics.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Frame } from "../../src/api/traces";
import { drawnFrames, fits, neighbour } from "../../src/trace/flame_model";
import { IDS_MAX, UNFOLDED, foldedFrom, foldingQuery, isFolding, isSpanId, opened, readFolding, toggled, writeFolding } from "../../src/trace/folding";
import { PAGE_ROWS, type Page, Pages } from "../../src/trace/pages";
import { clockTicks, decades, part, ticks } from "../../src/trace/scale";
import { sortStatistics } from "../../src/trace/statistics_order";

const row = (id: string, depth: number, collapsed = false) => ({ id, depth, collapsed });

test("a row folds and unfolds, whether it is told by id or by depth", () => {
  const one = toggled(UNFOLDED, row("a", 2));
  assert.deepEqual(foldingQuery(one), { collapsed: ["a"] });
  assert.deepEqual(foldingQuery(toggled(one, row("a", 2, true))), {});
  const deep = toggled(foldedFrom(1), row("b", 3, true));
  assert.deepEqual(foldingQuery(deep), { collapse_depth: 1, expanded: ["b"] });
  assert.deepEqual(foldingQuery(toggled(deep, row("b", 3))), { collapse_depth: 1 });
  assert.deepEqual(foldingQuery(toggled(foldedFrom(2), row("c", 1))), { collapse_depth: 2, collapsed: ["c"] });
});

test("what stands above a span that is to be seen is opened", () => {
  assert.equal(opened(UNFOLDED, ["a", "b"]), UNFOLDED);
  const folded = toggled(toggled(UNFOLDED, row("a", 0)), row("x", 1));
  assert.deepEqual(foldingQuery(opened(folded, ["a", "b"])), { collapsed: ["x"] });
  assert.deepEqual(foldingQuery(opened(foldedFrom(1), ["a", "b"])), { collapse_depth: 1, expanded: ["a", "b"] });
});

test("folding stands in the address as long as it is short, and comes back from it", () => {
  const folding = toggled(toggled(foldedFrom(2), row("00f067aa0ba902b7", 1)), row("b7ad6b7169203331", 4, true));
  const { depth, fold, open } = writeFolding(folding);
  assert.deepEqual([depth, fold, open], ["2", "00f067aa0ba902b7", "b7ad6b7169203331"]);
  assert.deepEqual(readFolding(depth ?? "", fold ?? "", open ?? ""), folding);
  assert.equal(isFolding(readFolding("__proto__", "<script>.zz", "-1")), false);
  assert.deepEqual(["00f067aa0ba902b7", "00F067AA0BA902B7", "00f067", ""].map(isSpanId), [true, false, false, false]);
  let many = UNFOLDED;
  for (let at = 0; at < IDS_MAX + 5; at += 1) many = toggled(many, row(at.toString(16), 0));
  assert.equal(many.closed.size, IDS_MAX);
  assert.equal(many.closed.has("0"), false);
  assert.equal(writeFolding(many).fold, null);
});

/** A server with so many rows; `asked` has the first row of each question. */
function server(total: number, answer?: (from: number) => Promise<Page<number>>) {
  const asked: number[] = [];
  let told = 0;
  const load = async (from: number, rows: number) => {
    asked.push(from);
    if (answer) return answer(from);
    return { total, from, rows: Array.from({ length: Math.max(0, Math.min(rows, total - from)) }, (_, at) => from + at) };
  };
  const pages = new Pages<number>(load, () => (told += 1));
  pages.take({ total, from: 0, rows: [] });
  return { pages, asked, told: () => told };
}

const settle = async () => {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
};

test("rows in sight are asked for once, and in pages", async () => {
  const { pages, asked, told } = server(1000);
  pages.want(0, 40);
  pages.want(5, 45);
  assert.equal(pages.at(3), undefined);
  await settle();
  pages.want(0, 40);
  await settle();
  assert.deepEqual([asked, pages.at(3), pages.at(PAGE_ROWS), told()], [[0], 3, undefined, 1]);
  pages.want(PAGE_ROWS - 5, PAGE_ROWS + 5);
  await settle();
  assert.deepEqual([asked, pages.at(PAGE_ROWS + 4)], [[0, PAGE_ROWS], PAGE_ROWS + 4]);
});

test("fast scrolling asks for where it ends, not for all that passed by", async () => {
  const { pages, asked } = server(100_000);
  for (let at = 0; at < 90_000; at += 1000) pages.want(at, at + 40);
  await settle();
  assert.ok(asked.length <= 4, String(asked));
  assert.equal(pages.at(89_010), 89_010);
});

test("of a long list only so many rows are kept, those near the reader", async () => {
  const { pages } = server(100_000);
  for (let at = 0; at < 20_000; at += PAGE_ROWS) {
    pages.want(at, at + 40);
    await settle();
  }
  assert.equal(pages.at(0), undefined);
  assert.equal(pages.at(19_800), 19_800);
  pages.want(0, 40);
  await settle();
  assert.equal(pages.at(0), 0);
});

test("a failure is told and not repeated before somebody says so", async () => {
  let broken = true;
  const { pages, asked } = server(1000, async (from) => {
    if (broken) throw new Error("gone");
    return { total: 1000, from, rows: Array.from({ length: PAGE_ROWS }, (_, at) => from + at) };
  });
  pages.want(0, 40);
  await settle();
  pages.want(0, 40);
  await settle();
  assert.deepEqual([asked.length, String(pages.error)], [1, "Error: gone"]);
  broken = false;
  pages.retry();
  await settle();
  assert.deepEqual([pages.error, pages.at(7)], [null, 7]);
});

test("a server that gives less than it says is not asked for ever", async () => {
  const { pages, asked } = server(1000, async (from) => ({ total: 1000, from, rows: [] }));
  pages.want(0, 40);
  await settle();
  assert.equal(asked.length, 1);
  assert.match(String(pages.error), /fewer rows/);
});

test("nothing is drawn any more once a list was given up", async () => {
  const { pages, told } = server(1000);
  pages.want(0, 40);
  pages.stop();
  await settle();
  assert.deepEqual([told(), pages.at(0)], [0, undefined]);
});

test("the nearest row before is found where no row is missing between", async () => {
  const { pages } = server(1000);
  pages.want(0, 40);
  await settle();
  assert.equal(pages.before(50, (value) => value % 7 === 0), 49);
  assert.equal(pages.before(500, () => true), -1);
  assert.equal(pages.before(0, () => true), -1);
});

test("the scale has round moments, and few", () => {
  assert.deepEqual(ticks(0, 100, 6), [0, 20, 40, 60, 80, 100]);
  assert.deepEqual(ticks(0.2, 0.9, 6), [0.2, 0.4, 0.6000000000000001, 0.8]);
  for (const [from, to] of [[0, 0], [5, 5], [0, Number.POSITIVE_INFINITY], [Number.NaN, 1], [0, 1e-12], [0, 1e15]]) {
    assert.ok(ticks(from!, to!, 6).length <= 8, `${from} ${to}`);
  }
  assert.equal(part(5, { from: 0, to: 10 }), 50);
  assert.ok(Number.isFinite(part(5, { from: 5, to: 5 })));
});

test("clock times on a scale are round where the reader is", () => {
  const minute = 60_000;
  assert.deepEqual(clockTicks(90_000, 90_000 + 5 * minute, 6, 0), [2, 3, 4, 5, 6].map((at) => at * minute));
  assert.deepEqual(clockTicks(0, 40 * 3600_000, 4, 5.5 * 3600_000).map((at) => (at + 5.5 * 3600_000) % (12 * 3600_000)), [0, 0, 0]);
  for (const [from, to] of [[0, 0], [0, Number.NaN], [0, 1e300]]) assert.ok(clockTicks(from!, to!, 8, 0).length <= 9);
  assert.ok(clockTicks(0, 400 * 86_400_000, 8, 0).length <= 9);
});

test("a logarithmic scale has powers of ten, and more where there are few", () => {
  assert.deepEqual(decades(0.5, 2000), [1, 10, 100, 1000]);
  assert.deepEqual(decades(3, 60), [5, 10, 20, 50]);
  assert.ok(decades(0, 1e300).length <= 24);
});

const frame = (number: number, parent: number | null, depth: number, left: number, width: number): Frame => ({ frame: number, parent, depth, left, width, service: "web", name: `step ${number}` });
const frames = [frame(0, null, 0, 0, 1), frame(1, 0, 1, 0, 0.25), frame(2, 0, 1, 0.25, 0.5), frame(3, 2, 2, 0.25, 0.4), frame(4, 0, 1, 0.75, 0.0001)];

test("a frame fills the width when it is looked at, and what is above stays as its head", () => {
  const all = drawnFrames(frames, undefined, 1000, 0, 10).map((one) => [one.frame.frame, one.left, one.width]);
  assert.deepEqual(all, [[0, 0, 1000], [1, 0, 250], [2, 250, 500], [3, 250, 400]]);
  const zoomed = drawnFrames(frames, frames[2], 1000, 0, 10).map((one) => [one.frame.frame, one.left, one.width, one.above]);
  assert.deepEqual(zoomed, [[0, 0, 1000, true], [2, 0, 1000, false], [3, 0, 800, false]]);
  assert.deepEqual(drawnFrames(frames, undefined, 1000, 2, 3).map((one) => one.frame.frame), [3]);
});

test("arrows walk through a flame graph", () => {
  const go = (from: number, key: string) => neighbour(frames, frames[from]!, key)?.frame;
  assert.deepEqual([go(0, "ArrowDown"), go(3, "ArrowUp"), go(1, "ArrowRight"), go(1, "ArrowLeft"), go(0, "ArrowUp"), go(3, "ArrowDown")], [2, 2, 2, undefined, undefined, undefined]);
  assert.deepEqual([fits(frames[1]!, "STEP 1"), fits(frames[1]!, ""), fits(frames[1]!, "other")], [true, false, false]);
});

test("statistics are sorted by any column, odd names of columns are none", () => {
  const rows = [{ service: "a", spans: 1, self_ms: 5 }, { service: "b", spans: 3 }, { service: "c", spans: 2, self_ms: 9 }];
  const order = (sort: string) => sortStatistics(rows, sort).map((one) => one.service).join("");
  assert.deepEqual([order("-self"), order("spans"), order("-spans"), order("what"), order("-what")], ["cab", "acb", "bca", "abc", "cba"]);
  for (const odd of ["__proto__", "constructor"]) assert.equal(order(odd), "abc");
});
