// Which rows of a trace hide what is below them. The server does the folding; here is only what it is told: ids of spans
// that are folded, a depth from which on all are, and ids that are open in spite of that. Pure.
import type { WaterfallRow } from "../api/traces";

export type Folding = { depth: number | null; closed: ReadonlySet<string>; open: ReadonlySet<string> };

export const UNFOLDED: Folding = { depth: null, closed: new Set(), open: new Set() };

/** As many as the server takes; of more, the oldest are forgotten. */
export const IDS_MAX = 1000;
/** Ids that are written into the address: browsers and chats cut long ones. */
const WRITTEN_MAX = 40;

/** Folds an open row, opens a folded one. */
export function toggled(folding: Folding, row: Pick<WaterfallRow, "id" | "depth" | "collapsed">): Folding {
  const deep = folding.depth !== null && (row.depth ?? 0) >= folding.depth;
  if (row.collapsed) return { ...folding, closed: without(folding.closed, [row.id]), open: deep ? joined(folding.open, [row.id]) : folding.open };
  return { ...folding, open: without(folding.open, [row.id]), closed: deep ? folding.closed : joined(folding.closed, [row.id]) };
}

/** Folds everything from this depth on, and opens everything above. */
export function foldedFrom(depth: number | null): Folding {
  return { ...UNFOLDED, depth };
}

/** Opens these spans, which stand above one that is to be seen. */
export function opened(folding: Folding, ids: string[]): Folding {
  if (!isFolding(folding)) return folding;
  return { ...folding, closed: without(folding.closed, ids), open: folding.depth === null ? folding.open : joined(folding.open, ids) };
}

/** What the server takes for the id of a span; a question with anything else is refused as a whole. */
export function isSpanId(text: string): boolean {
  return /^[0-9a-f]{16}$/.test(text);
}

export function isFolding(folding: Folding): boolean {
  return folding.depth !== null || folding.closed.size > 0;
}

function without(ids: ReadonlySet<string>, some: string[]): ReadonlySet<string> {
  const after = new Set(ids);
  for (const id of some) after.delete(id);
  return after.size === ids.size ? ids : after;
}

function joined(ids: ReadonlySet<string>, more: string[]): ReadonlySet<string> {
  return new Set([...ids, ...more].slice(-IDS_MAX));
}

/** For the address; of what is too long for one, only the depth is written. */
export function writeFolding(folding: Folding): { depth: string | null; fold: string | null; open: string | null } {
  const ids = (of: ReadonlySet<string>) => (of.size > 0 && of.size <= WRITTEN_MAX ? [...of].join(".") : null);
  return { depth: folding.depth === null ? null : String(folding.depth), fold: ids(folding.closed), open: ids(folding.open) };
}

export function readFolding(depth: string, fold: string, open: string): Folding {
  const ids = (text: string) => new Set(text.split(".").filter(isSpanId).slice(0, IDS_MAX));
  return { depth: /^\d{1,6}$/.test(depth) ? Number(depth) : null, closed: ids(fold), open: ids(open) };
}

/** What the server is told. */
export function foldingQuery(folding: Folding): Record<string, unknown> {
  const query: Record<string, unknown> = {};
  if (folding.closed.size) query.collapsed = [...folding.closed];
  if (folding.depth !== null) query.collapse_depth = folding.depth;
  if (folding.depth !== null && folding.open.size) query.expanded = [...folding.open];
  return query;
}
