// Where everything in the call graph is drawn: the gateway at the left, whom it calls to its right, and so on. Pure:
// the same graph gives the same picture, whatever the numbers on it.
import { type Arc, backArcs, ranks, untangle } from "./order";

export type Placed = { id: string; x: number; y: number; column: number };
export type Point = { x: number; y: number };
export type Drawn = { from: string; to: string; points: Point[]; backward: boolean };
export type Layout = { nodes: Map<string, Placed>; edges: Drawn[]; width: number; height: number };

export const NODE = { width: 200, height: 52 };
export const GAP = { column: 140, row: 20, bend: 20 };
const PAD = 24;
/** Rounds of moving nodes towards their neighbours. */
const ROUNDS = 10;

export function layout(ids: string[], edges: { from: string; to: string }[]): Layout {
  const sorted = [...new Set(ids)].sort((one, other) => Number(other === "gateway") - Number(one === "gateway") || (one < other ? -1 : 1));
  const index = new Map(sorted.map((id, at) => [id, at]));
  const known = edges.filter((edge) => edge.from !== edge.to && index.has(edge.from) && index.has(edge.to));
  const arcs: Arc[] = known.map((edge) => ({ from: index.get(edge.from) ?? 0, to: index.get(edge.to) ?? 0 }));
  const back = backArcs(sorted.length, arcs);
  const forward = arcs.map((arc, at) => (back.has(at) ? { from: arc.to, to: arc.from } : arc));
  const rank = ranks(sorted.length, forward, sorted[0] === "gateway" ? 0 : null);
  const { chains, columns, before, after } = split(sorted.length, forward, rank);
  untangle(columns, before, after);
  const y = spread(columns, before, after, sorted.length);
  return finish(sorted, known, back, { chains, columns, y, rank });
}

type Split = { chains: number[][]; columns: number[][]; before: number[][]; after: number[][] };

/** Arcs over several columns get a bend in each between, which takes room of its own. */
function split(nodes: number, arcs: Arc[], rank: number[]): Split {
  const columns: number[][] = Array.from({ length: Math.max(0, ...rank) + 1 }, () => []);
  rank.forEach((column, node) => columns[column]?.push(node));
  const before: number[][] = Array.from({ length: nodes }, () => []);
  const after: number[][] = Array.from({ length: nodes }, () => []);
  const chains = arcs.map((arc) => {
    const chain = [arc.from];
    for (let column = (rank[arc.from] ?? 0) + 1; column < (rank[arc.to] ?? 0); column += 1) {
      const bend = before.length;
      before.push([]);
      after.push([]);
      columns[column]?.push(bend);
      chain.push(bend);
    }
    chain.push(arc.to);
    for (let at = 1; at < chain.length; at += 1) {
      const [one, other] = [chain[at - 1] ?? 0, chain[at] ?? 0];
      after[one]?.push(other);
      before[other]?.push(one);
    }
    return chain;
  });
  return { chains, columns, before, after };
}

/** Heights: each node near the middle of its neighbours, in order, with the gaps kept. */
function spread(columns: number[][], before: number[][], after: number[][], nodes: number): number[] {
  const y: number[] = [];
  const tall = (node: number) => (node < nodes ? NODE.height + GAP.row : GAP.bend);
  for (const column of columns) {
    let at = 0;
    for (const node of column) {
      y[node] = at + tall(node) / 2;
      at += tall(node);
    }
    for (const node of column) y[node] = (y[node] ?? 0) - at / 2;
  }
  for (let round = 0; round < ROUNDS; round += 1) {
    const order = round % 2 === 0 ? columns : [...columns].reverse();
    for (const column of order) {
      const wanted = column.map((node) => {
        const near = [...(before[node] ?? []), ...(after[node] ?? [])].map((other) => y[other] ?? 0);
        return near.length ? near.reduce((sum, value) => sum + value, 0) / near.length : (y[node] ?? 0);
      });
      const gaps = column.map((node, at) => (at === 0 ? 0 : (tall(node) + tall(column[at - 1] ?? 0)) / 2));
      place(wanted, gaps).forEach((value, at) => (y[column[at] ?? 0] = value));
    }
  }
  return y;
}

/** The heights nearest to `wanted` (least squares) that keep the gaps: adjacent violators are pooled. */
export function place(wanted: number[], gaps: number[]): number[] {
  let offset = 0;
  const offsets = gaps.map((gap) => (offset += gap));
  const blocks: { sum: number; count: number }[] = [];
  wanted.forEach((value, at) => {
    blocks.push({ sum: value - (offsets[at] ?? 0), count: 1 });
    for (;;) {
      const last = blocks[blocks.length - 1];
      const previous = blocks[blocks.length - 2];
      if (!last || !previous || previous.sum / previous.count <= last.sum / last.count) break;
      blocks.splice(-2, 2, { sum: previous.sum + last.sum, count: previous.count + last.count });
    }
  });
  const placed = blocks.flatMap((block) => new Array<number>(block.count).fill(block.sum / block.count));
  return placed.map((value, at) => value + (offsets[at] ?? 0));
}

type Parts = { chains: number[][]; columns: number[][]; y: number[]; rank: number[] };

function finish(ids: string[], edges: { from: string; to: string }[], back: Set<number>, parts: Parts): Layout {
  const top = Math.min(0, ...parts.y.slice(0, ids.length).map((y) => y - NODE.height / 2), ...parts.y.map((y) => y - 8));
  const bottom = Math.max(0, ...parts.y.slice(0, ids.length).map((y) => y + NODE.height / 2), ...parts.y.map((y) => y + 8));
  const left = (column: number) => PAD + column * (NODE.width + GAP.column);
  const nodes = new Map<string, Placed>();
  ids.forEach((id, at) => {
    const column = parts.rank[at] ?? 0;
    nodes.set(id, { id, x: left(column), y: (parts.y[at] ?? 0) - top + PAD - NODE.height / 2, column });
  });
  const drawn = edges.map((edge, at) => {
    const chain = parts.chains[at] ?? [];
    const first = nodes.get(ids[chain[0] ?? 0] ?? "");
    const points: Point[] = chain.flatMap((node, step) => {
      const y = (parts.y[node] ?? 0) - top + PAD;
      const x = left((first?.column ?? 0) + step);
      if (step === 0) return [{ x: x + NODE.width, y }];
      if (step === chain.length - 1) return [{ x, y }];
      return [
        { x, y },
        { x: x + NODE.width, y },
      ];
    });
    const backward = back.has(at);
    return { ...edge, points: backward ? points.reverse() : points, backward };
  });
  const width = left(parts.columns.length - 1) + NODE.width + PAD;
  return { nodes, edges: drawn, width, height: bottom - top + 2 * PAD };
}

/** A smooth line through the points that leaves and arrives level. */
export function curve(points: Point[]): string {
  const first = points[0];
  if (!first) return "";
  let text = `M${round(first.x)} ${round(first.y)}`;
  for (let at = 1; at < points.length; at += 1) {
    const from = points[at - 1] ?? first;
    const to = points[at] ?? first;
    const half = (to.x - from.x) / 2;
    text += from.y === to.y ? `L${round(to.x)} ${round(to.y)}` : `C${round(from.x + half)} ${round(from.y)} ${round(to.x - half)} ${round(to.y)} ${round(to.x)} ${round(to.y)}`;
  }
  return text;
}

const round = (value: number) => Math.round(value * 10) / 10;

export type Label = { key: string; text: string; x: number; y: number; width: number };

const LETTER = 6;
const LABEL_HEIGHT = 15;

/** Puts each label on its line where no other label or node is; those without room are left out. */
export function placeLabels(found: Layout, texts: { key: string; edge: Drawn; text: string }[]): Label[] {
  const taken = [...found.nodes.values()].map((node) => ({ x: node.x + NODE.width / 2, y: node.y + NODE.height / 2, w: NODE.width, h: NODE.height }));
  const labels: Label[] = [];
  for (const { key, edge, text } of texts) {
    const w = text.length * LETTER + 8;
    for (const at of spots(edge.points)) {
      const box = { x: at.x, y: at.y, w, h: LABEL_HEIGHT };
      if (taken.some((other) => Math.abs(other.x - box.x) * 2 < other.w + box.w && Math.abs(other.y - box.y) * 2 < other.h + box.h)) continue;
      taken.push(box);
      labels.push({ key, text, x: round(at.x), y: round(at.y), width: round(w - 4) });
      break;
    }
  }
  return labels;
}

/** Where on a line a label may stand: on the level stretches of a long one, else along the curve. */
function spots(points: Point[]): Point[] {
  const found: Point[] = [];
  for (let at = 1; at + 2 < points.length; at += 2) {
    const [from, to] = [points[at], points[at + 1]];
    if (from && to) found.push({ x: (from.x + to.x) / 2, y: from.y });
  }
  const to = points[points.length - 1] ?? { x: 0, y: 0 };
  const from = points[points.length - 2] ?? to;
  for (const t of [0.5, 0.6, 0.4, 0.7, 0.3]) {
    // The curve is a cubic with level ends: x is nearly linear, y is a smooth step.
    const x = from.x + (to.x - from.x) * (1.5 * t * (1 - t) ** 2 + 1.5 * t * t * (1 - t) + t ** 3);
    found.push({ x, y: from.y + (to.y - from.y) * (3 * t * t - 2 * t ** 3) });
  }
  return found;
}
