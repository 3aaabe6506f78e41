// A trace as rows in the order of its tree, built once. Nothing here recurses, so that a chain of a hundred thousand
// spans is as harmless as a flat one; parents that are missing or go in circles make roots, never a loop.
import type { Span, Trace } from "../api/types";

export type Row = {
  index: number;
  span: Span;
  depth: number;
  /** Row of the parent, -1 for a root. */
  parent: number;
  children: number;
  /** The row after the last descendant. */
  end: number;
  offset: number;
  duration: number;
  self: number;
  critical: boolean;
};

export type Segment = { row: number; from: number; to: number };

export type TraceModel = {
  rows: Row[];
  byId: Map<string, number>;
  duration: number;
  failed: number;
  services: { name: string; spans: number; critical_ms: number }[];
  segments: Segment[];
};

export function buildTrace(trace: Trace): TraceModel {
  const spans = trace.spans ?? [];
  const rows = order(spans, offsets(spans));
  const duration = rows.reduce((most, row) => Math.max(most, row.offset + row.duration), 0);
  const segments = criticalPath(rows);
  if (!spans.some((span) => typeof span.critical === "boolean")) {
    for (const segment of segments) {
      const row = rows[segment.row];
      if (row) row.critical = true;
    }
  }
  const byId = new Map(rows.map((row) => [row.span.id, row.index]));
  return { rows, byId, duration, failed: rows.filter((row) => row.span.failed).length, services: services(rows, segments), segments };
}

/** Offsets as given, or from the moments of start. */
function offsets(spans: Span[]): Float64Array {
  const found = new Float64Array(spans.length);
  let base: number | null = null;
  spans.forEach((span, at) => {
    if (typeof span.offset_ms === "number") found[at] = Math.max(0, span.offset_ms);
    else {
      const start = Date.parse(span.start ?? "");
      if (!Number.isNaN(start)) {
        base ??= Math.min(...spans.slice(0, 1000).map((one) => Date.parse(one.start ?? "")).filter((one) => !Number.isNaN(one)));
        found[at] = Math.max(0, start - base);
      }
    }
  });
  return found;
}

function order(spans: Span[], offset: Float64Array): Row[] {
  const byId = new Map(spans.map((span, at) => [span.id, at]));
  const children: number[][] = spans.map(() => []);
  const roots: number[] = [];
  spans.forEach((span, at) => {
    const parent = span.parent ? byId.get(span.parent) : undefined;
    if (parent === undefined || parent === at) roots.push(at);
    else children[parent]?.push(at);
  });
  const early = (one: number, other: number) => (offset[one] ?? 0) - (offset[other] ?? 0) || one - other;
  roots.sort(early);
  const rows: Row[] = [];
  const placed = new Uint8Array(spans.length);
  const walk = (root: number) => {
    const stack = [{ at: root, parent: -1, depth: 0 }];
    for (let next = stack.pop(); next; next = stack.pop()) {
      const span = spans[next.at];
      if (!span || placed[next.at]) continue;
      placed[next.at] = 1;
      const index = rows.length;
      const duration = Math.max(0, span.duration_ms ?? 0);
      const below = (children[next.at] ?? []).sort(early);
      rows.push({ index, span, depth: next.depth, parent: next.parent, children: below.length, end: index + 1, offset: offset[next.at] ?? 0, duration, self: span.self_ms ?? duration, critical: span.critical === true });
      for (let child = below.length - 1; child >= 0; child -= 1) stack.push({ at: below[child] ?? 0, parent: index, depth: next.depth + 1 });
    }
  };
  roots.forEach(walk);
  spans.forEach((_, at) => {
    if (!placed[at]) walk(at);
  });
  for (let at = rows.length - 1; at >= 0; at -= 1) {
    const row = rows[at];
    const parent = row && row.parent >= 0 ? rows[row.parent] : undefined;
    if (row && parent) parent.end = Math.max(parent.end, row.end);
  }
  return rows;
}

/** Moments closer than this are the same: spans are written in microseconds. */
const CLOCK_MS = 0.001;

/** Which span the trace waited for at each moment: from the end backwards, always the child that finished last. */
export function criticalPath(rows: Row[]): Segment[] {
  // Spans whose parent is not known are roots too: the longest one is the request, as the server has it.
  const [one, ...others] = rows.filter((row) => row.parent < 0);
  if (!one) return [];
  const first = others.reduce((longest, row) => (row.duration > longest.duration ? row : longest), one);
  const segments: Segment[] = [];
  const work = [{ row: first, until: first.offset + first.duration }];
  for (let next = work.pop(); next; next = work.pop()) {
    const { row, until } = next;
    const last = Math.min(row.offset + row.duration, until);
    let cursor = last;
    const take = (from: number, to: number) => {
      if (to > from) segments.push({ row: row.index, from, to });
    };
    for (const child of childrenByEnd(rows, row)) {
      // A child may seem to end after its parent: it is looked at only as long as the parent waited.
      const end = Math.min(child.offset + child.duration, last);
      if (child.offset >= cursor || end <= row.offset || end > cursor + CLOCK_MS) continue;
      take(end, cursor);
      work.push({ row: child, until: Math.min(end, cursor) });
      cursor = Math.max(row.offset, child.offset);
    }
    take(row.offset, cursor);
  }
  return segments;
}

function childrenByEnd(rows: Row[], row: Row): Row[] {
  const found: Row[] = [];
  for (let at = row.index + 1; at < row.end; ) {
    const child = rows[at];
    if (!child) break;
    found.push(child);
    at = child.end;
  }
  return found.sort((one, other) => other.offset + other.duration - (one.offset + one.duration));
}

function services(rows: Row[], segments: Segment[]): TraceModel["services"] {
  const found = new Map<string, { name: string; spans: number; critical_ms: number }>();
  const of = (row: Row | undefined) => {
    const name = row?.span.service ?? "unknown";
    let entry = found.get(name);
    if (!entry) {
      entry = { name, spans: 0, critical_ms: 0 };
      found.set(name, entry);
    }
    return entry;
  };
  for (const row of rows) of(row).spans += 1;
  for (const segment of segments) of(rows[segment.row]).critical_ms += segment.to - segment.from;
  return [...found.values()].sort((one, other) => other.critical_ms - one.critical_ms || other.spans - one.spans);
}

/** The rows that are shown: all but those below a folded one, or only those that `keep` says. */
export function visibleRows(rows: Row[], folded: ReadonlySet<number>, keep: ((row: Row) => boolean) | null): Int32Array {
  const shown = new Int32Array(rows.length);
  let count = 0;
  for (let at = 0; at < rows.length; ) {
    const row = rows[at];
    if (!row) break;
    if (!keep || keep(row)) shown[count++] = at;
    at = folded.has(at) ? row.end : at + 1;
  }
  return shown.slice(0, count);
}

/** Where `row` is among the shown, or where it would be. */
export function positionOf(shown: Int32Array, row: number): number {
  let low = 0;
  let high = shown.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((shown[middle] ?? 0) < row) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The rows in whose service, name or attributes the text is found. */
export function matches(rows: Row[], text: string): number[] {
  const wanted = text.trim().toLowerCase();
  if (!wanted) return [];
  return rows.filter((row) => searchText(row).includes(wanted)).map((row) => row.index);
}

const texts = new WeakMap<Row, string>();

function searchText(row: Row): string {
  let text = texts.get(row);
  if (text === undefined) {
    const { id, service, name, kind, attributes } = row.span;
    const pairs = Object.entries(attributes ?? {}).map(([key, value]) => `${key}=${typeof value === "object" ? JSON.stringify(value) : String(value)}`);
    text = [id, service, name, kind, ...pairs].join("\n").toLowerCase();
    texts.set(row, text);
  }
  return text;
}

/** Round moments for the scale above the bars. */
export function ticks(from: number, to: number, most: number): number[] {
  const range = to - from;
  if (!(range > 0)) return [from];
  const power = 10 ** Math.floor(Math.log10(range / most));
  const step = ([1, 2, 5, 10].find((candidate) => range / (candidate * power) <= most) ?? 10) * power;
  const found: number[] = [];
  for (let at = Math.ceil(from / step - 1e-9) * step; at <= to + step * 1e-6; at += step) found.push(at + 0);
  return found;
}
