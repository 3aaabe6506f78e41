// The rows of a trace as they are shown now: read page by page from the server, which builds the tree, folds it and finds
// the critical path. While another view of them is read, the former stays.
import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError, ask, get } from "../api/client";
import { epoch } from "../api/live";
import type { MiniSpan, WaterfallDocument, WaterfallRow } from "../api/traces";
import { type Folding, foldingQuery } from "./folding";
import { PAGE_ROWS, Pages } from "./pages";

/** Longer questions are sent as a body: servers bound their request lines. */
const QUERY_MAX = 6000;

export type View = { folding: Folding; critical: boolean; text: string };

/** What the next view is opened at: a span that shall be in it, and the first row in sight. */
export type Anchor = { focus: string | null; top: number };

export type Opened = { head: WaterfallDocument; pages: Pages<WaterfallRow>; minimap: MiniSpan[]; focused: { id: string; row: number } | null; asked: string | null; key: string };

export type Waterfalls = { shown: Opened | null; error: ApiError | null; loading: boolean; reload: () => void };

export function useWaterfall(trace: string, view: View, anchor: Anchor, serial: number): Waterfalls {
  const [shown, setShown] = useState<Opened | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const [, redraw] = useState(0);
  const [reloads, setReloads] = useState(0);
  const minimap = useRef<{ of: string; spans: MiniSpan[] } | null>(null);
  const wanted = useRef(anchor);
  wanted.current = anchor;
  const question = { ...foldingQuery(view.folding), ...(view.critical ? { critical: true } : {}), ...(view.text ? { q: view.text } : {}) };
  const read = `${reloads}.${epoch.value}`;
  const key = JSON.stringify([trace, question, serial, read]);
  useEffect(() => {
    const abort = new AbortController();
    const load = async (from: number, rows: number, signal: AbortSignal) => {
      const found = await readRows(trace, { ...question, from, rows }, signal);
      return { total: found.rows_total ?? 0, from: found.from ?? from, rows: found.rows ?? [] };
    };
    const pages = new Pages<WaterfallRow>(load, () => redraw((count) => count + 1));
    const { focus, top } = wanted.current;
    const small = minimap.current?.of === `${trace} ${read}` ? minimap.current.spans : null;
    const first = { ...question, from: Math.max(0, top - PAGE_ROWS / 4), rows: PAGE_ROWS, ...(focus ? { focus } : {}), ...(small ? {} : { minimap: true }) };
    readRows(trace, first, abort.signal).then(
      (head) => {
        const spans = head.minimap ?? small ?? [];
        minimap.current = { of: `${trace} ${read}`, spans };
        pages.take({ total: head.rows_total ?? head.rows?.length ?? 0, from: head.from ?? 0, rows: head.rows ?? [] });
        setError(null);
        setShown({ head, pages, minimap: spans, focused: focus && head.focus ? { id: focus, row: head.focus.row } : null, asked: focus, key });
      },
      (caught: unknown) => {
        if (!abort.signal.aborted) setError(caught instanceof ApiError ? caught : new ApiError(0, "", String(caught)));
      },
    );
    return () => {
      abort.abort();
      pages.stop();
    };
  }, [key]);
  return { shown, error, loading: shown?.key !== key && error === null, reload: () => setReloads((count) => count + 1) };
}

export function tracePath(trace: string, rest = ""): string {
  return `/v1/traces/${encodeURIComponent(trace)}${rest}`;
}

function readRows(trace: string, question: Record<string, unknown>, signal: AbortSignal): Promise<WaterfallDocument> {
  const query = new URLSearchParams(Object.entries(question).map(([name, value]) => [name, String(value)]));
  const text = query.toString();
  const path = tracePath(trace, "/waterfall");
  return text.length > QUERY_MAX ? ask(path, question, signal) : get(`${path}?${text}`, signal);
}
