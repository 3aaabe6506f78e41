// The spans of a trace as a list: the slowest, the failed, those of one service. Sorted and filtered by the server.
import { useEffect, useMemo, useState } from "preact/hooks";
import { type ApiError, get } from "../api/client";
import { epoch } from "../api/live";
import type { ServiceShare, SpanTable, WaterfallRow } from "../api/traces";
import { count, duration, visible } from "../format";
import { useKeys, useSettled } from "../hooks";
import { hueClass } from "../known";
import { SearchField } from "../parts/controls";
import { Icon } from "../parts/icon";
import { Empty, Failure, Skeleton } from "../parts/notice";
import { Foreign } from "../parts/text";
import { VirtualRows } from "../parts/virtual";
import { change, parameter } from "../router";
import { PAGE_ROWS, Pages } from "./pages";
import { tracePath } from "./rows";

const ROW_HEIGHT = 28;
/** Columns that can be sorted, with their names; numbers begin with the largest. */
const COLUMNS = [
  { name: "service", text: "Service", end: false },
  { name: "name", text: "Span", end: false },
  { name: "start", text: "Begins at", end: true },
  { name: "duration", text: "Duration", end: true },
  { name: "self", text: "Itself", end: true },
] as const;

type Props = { trace: string; services: ServiceShare[]; whole: number; reveal: (id: string) => void };

export function SpansView({ trace, services, whole, reveal }: Props) {
  const sort = sortOf(parameter("sort"));
  const service = parameter("service");
  const failed = parameter("failed") === "1";
  const text = parameter("q");
  const query = new URLSearchParams({ sort });
  if (service) query.set("service", service);
  if (failed) query.set("failed", "true");
  const settled = useSettled(text);
  if (settled) query.set("q", settled);
  const { pages, error, retry } = useTable(tracePath(trace, "/table"), query.toString());
  const [cursor, setCursor] = useState(-1);
  useEffect(() => setCursor(-1), [pages]);
  useKeys((event) => {
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 15, PageUp: -15, Home: -Infinity, End: Infinity }[event.key];
    const row = pages?.at(cursor);
    if (step !== undefined && pages) setCursor(Math.max(0, Math.min(pages.total - 1, cursor + step)));
    else if (event.key === "Enter" && row && !(event.target instanceof Element && event.target.closest("a, button"))) reveal(row.id);
    else return false;
    return true;
  });
  return (
    <>
      <div class="bar">
        <SearchField value={text} label="Search spans" onInput={(q) => change({ q })} note={text && pages ? `${count(pages.total)} found` : ""} />
        <label class="select">
          <span class="hidden">Service</span>
          <select value={service} onChange={(event) => change({ service: event.currentTarget.value }, "push")}>
            <option value="">all services</option>
            {services.map((one) => (
              <option key={one.service} value={one.service}>
                {visible(one.service)} ({count(one.spans)})
              </option>
            ))}
          </select>
        </label>
        <button type="button" class="button" aria-pressed={failed} onClick={() => change({ failed: failed ? null : "1" }, "push")}>
          <Icon name="bad" /> Failed
        </button>
        <span class="bar-end faint">{pages ? `${count(pages.total)} ${pages.total === 1 ? "span" : "spans"}` : ""}</span>
      </div>
      {error && !pages ? <Failure error={error} retry={retry} /> : !pages ? <Skeleton rows={8} /> : pages.total === 0 ? <None /> : <Table {...{ pages, sort, cursor, whole, reveal }} />}
    </>
  );
}

function sortOf(text: string): string {
  const name = text.replace(/^-/, "");
  return COLUMNS.some((column) => column.name === name) ? text : "start";
}

function None() {
  return (
    <Empty icon="filter" title="No span fits the filter">
      <button type="button" class="button" onClick={() => change({ q: null, service: null, failed: null }, "push")}>
        Show all
      </button>
    </Empty>
  );
}

/** The list in this order: read in pages as one scrolls. The former list stays until the next one is here. */
function useTable(path: string, query: string): { pages: Pages<WaterfallRow> | null; error: ApiError | null; retry: () => void } {
  const [shown, setShown] = useState<Pages<WaterfallRow> | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const [serial, setSerial] = useState(0);
  const [, redraw] = useState(0);
  const seen = epoch.value;
  useEffect(() => {
    const load = async (from: number, rows: number, signal: AbortSignal) => {
      const found = await get<SpanTable>(`${path}?${query}&from=${from}&rows=${rows}`, signal);
      return { total: found.total ?? 0, from: found.from ?? from, rows: found.rows ?? [] };
    };
    const pages = new Pages<WaterfallRow>(load, () => redraw((count) => count + 1));
    const abort = new AbortController();
    load(0, PAGE_ROWS, abort.signal).then(
      (page) => {
        pages.take(page);
        setError(null);
        setShown(pages);
      },
      (caught: ApiError) => abort.signal.aborted || setError(caught),
    );
    return () => {
      abort.abort();
      pages.stop();
    };
  }, [path, query, serial, seen]);
  return { pages: shown, error, retry: () => setSerial((count) => count + 1) };
}

type TableProps = { pages: Pages<WaterfallRow>; sort: string; cursor: number; whole: number; reveal: (id: string) => void };

function Table({ pages, sort, cursor, whole, reveal }: TableProps) {
  const widest = useMemo(() => Math.max(whole, 1e-6), [whole]);
  return (
    <div class="spans" role="grid" aria-label="Spans" aria-rowcount={pages.total + 1} tabIndex={0} aria-activedescendant={cursor >= 0 ? `listed-${cursor}` : undefined}>
      <VirtualRows
        head={
          <div class="spans-row spans-head" role="row">
            {COLUMNS.map((column) => (
              <Head key={column.name} {...column} sort={sort} />
            ))}
          </div>
        }
        total={pages.total}
        rowHeight={ROW_HEIGHT}
        cursor={cursor}
        seen={(first, last) => pages.want(first, last)}
        row={(at) => {
          const row = pages.at(at);
          return (
            <div key={at} id={`listed-${at}`} role="row" aria-rowindex={at + 2} aria-selected={at === cursor} class={`spans-row ${at === cursor ? "chosen" : ""} ${row?.failed ? "row-bad" : ""}`} onClick={() => row && reveal(row.id)}>
              {row ? <Cells row={row} whole={widest} /> : <span class="awaited-bar" />}
            </div>
          );
        }}
      />
    </div>
  );
}

function Head({ name, text, end, sort }: { name: string; text: string; end: boolean; sort: string }) {
  const up = sort === name;
  const down = sort === `-${name}`;
  const next = end && name !== "start" ? (down ? name : `-${name}`) : up ? `-${name}` : name;
  return (
    <span role="columnheader" class={end ? "end" : ""} aria-sort={up ? "ascending" : down ? "descending" : undefined}>
      <button type="button" class="sort" onClick={() => change({ sort: next === "start" ? null : next }, "push")}>
        {text} <span aria-hidden="true">{up ? "↑" : down ? "↓" : ""}</span>
      </button>
    </span>
  );
}

function Cells({ row, whole }: { row: WaterfallRow; whole: number }) {
  return (
    <>
      <span role="gridcell" class="spans-service">
        <span class={`swatch ${hueClass(row.service)}`} aria-hidden="true" /> <Foreign class="clip" text={row.service ?? "unknown"} />
      </span>
      <span role="gridcell" class="spans-name">
        <Foreign class="clip" text={row.name ?? "unnamed"} />
        {row.kind && row.kind !== "internal" ? <span class="tag">{visible(row.kind)}</span> : null}
        {row.critical?.length ? <span class="tag">critical</span> : null}
        {row.failed ? (
          <span class="tone-bad" title="failed">
            <Icon name="bad" />
            <span class="hidden">failed</span>
          </span>
        ) : null}
      </span>
      <span role="gridcell" class="end">
        {duration(row.offset_ms)}
      </span>
      <span role="gridcell" class="end spans-duration">
        <svg class={`bar-svg ${row.failed ? "bar-bad" : ""}`} width="56" height="8" viewBox="0 0 56 8" aria-hidden="true">
          <rect width={Math.max(1, Math.min(1, (row.duration_ms ?? 0) / whole) * 56).toFixed(1)} height="8" rx="1" />
        </svg>
        {duration(row.duration_ms)}
      </span>
      <span role="gridcell" class="end">
        {duration(row.self_ms)}
      </span>
    </>
  );
}
