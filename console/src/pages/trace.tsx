// One trace: where the time went, what failed, span by span. The server builds the tree, folds it, finds the critical path
// and adds up; the page asks for what is in sight, so that a trace of a hundred thousand spans opens like one of ten.
import { useEffect, useRef, useState } from "preact/hooks";
import { get } from "../api/client";
import type { SpanDocument } from "../api/traces";
import { useKeys, useSettled } from "../hooks";
import { Choice } from "../parts/controls";
import { Empty, Failure, Skeleton } from "../parts/notice";
import { change, href, parameter } from "../router";
import { CriticalView } from "../trace/critical";
import { FlameView } from "../trace/flame";
import { type Folding, isFolding, isSpanId, opened, readFolding, writeFolding } from "../trace/folding";
import { TraceHead } from "../trace/head";
import { type Anchor, type Opened, tracePath, useWaterfall } from "../trace/rows";
import { SpansView } from "../trace/spans";
import { StatisticsView } from "../trace/statistics";
import { type Cursor, Timeline } from "../trace/timeline";

const VIEWS = [
  { value: "timeline", text: "Timeline" },
  { value: "flame", text: "Flame graph" },
  { value: "spans", text: "Spans" },
  { value: "statistics", text: "Statistics" },
  { value: "critical", text: "Critical path" },
] as const;

type ViewName = (typeof VIEWS)[number]["value"];

export function TracePage({ id }: { id: string }) {
  const [folding, setFolding] = useState<Folding>(() => readFolding(parameter("depth"), parameter("fold"), parameter("open")));
  const [cursor, setCursor] = useState<Cursor>(() => ({ at: -1, id: isSpanId(parameter("span")) ? parameter("span") : null }));
  const [open, setOpen] = useState(cursor.id !== null);
  const [serial, setSerial] = useState(0);
  const top = useRef(0);
  const view: ViewName = VIEWS.find((one) => one.value === parameter("view"))?.value ?? "timeline";
  const timeline = view === "timeline";
  const text = useSettled(timeline ? parameter("q") : "");
  const anchor: Anchor = { focus: cursor.id, top: top.current };
  const { shown, error, loading, reload } = useWaterfall(id, { folding, critical: timeline && parameter("critical") === "1", text }, anchor, serial);
  useFocus(shown, setCursor);
  useAddress({ span: open ? cursor.id : null, ...writeFolding(folding) }, timeline);
  const root = useRoot(shown);
  const reveal = useReveal(id, folding, (span, above) => {
    setFolding(opened(folding, above));
    setCursor({ at: -1, id: span });
    setOpen(true);
    setSerial((count) => count + 1);
    if (!timeline) change({ view: null }, "push");
  });
  useKeys((event) => {
    const chosen = /^[1-5]$/.test(event.key) ? VIEWS[Number(event.key) - 1] : undefined;
    if (chosen) choose(chosen.value);
    return chosen !== undefined;
  });
  if (error?.status === 404 && !shown) return <Gone />;
  if (!shown) return <div class="page">{error ? <Failure error={error} retry={reload} /> : <Skeleton rows={10} />}</div>;
  if (!shown.head.spans) return <Empty title="This trace has no spans" />;
  return (
    <div class="page page-full trace" aria-busy={loading}>
      <TraceHead head={shown.head} root={root} reload={reload} reveal={reveal} />
      <div class="trace-views">
        <Choice label="View" value={view} options={[...VIEWS]} onChange={choose} />
        {error ? <span class="tone-bad">{error.message}</span> : null}
      </div>
      {timeline ? (
        <Timeline {...{ shown, folding, setFolding, cursor, setCursor, open, setOpen, reveal }} seen={(first) => (top.current = first)} />
      ) : view === "flame" ? (
        <FlameView trace={id} reveal={reveal} />
      ) : view === "spans" ? (
        <SpansView trace={id} services={shown.head.services ?? []} whole={shown.head.duration_ms ?? 0} reveal={reveal} />
      ) : view === "statistics" ? (
        <StatisticsView trace={id} />
      ) : (
        <CriticalView trace={id} reveal={reveal} />
      )}
    </div>
  );
}

function choose(view: string): void {
  // What the views have in their addresses is theirs alone, but for the text that is looked for.
  change({ view: view === "timeline" ? null : view, sort: null, frame: null, by: null }, "push");
}

function Gone() {
  return (
    <Empty icon="search" title="This trace is not kept">
      <p>
        Traces are kept for a while and in a bounded number. <a href={href("/traces")}>See the last traces</a>
      </p>
    </Empty>
  );
}

/** Once a view was opened at a span, the reader is there; where the span is not in the view, nowhere. */
function useFocus(shown: Opened | null, setCursor: (change: (cursor: Cursor) => Cursor) => void): void {
  useEffect(() => {
    if (!shown?.asked) return;
    const { asked, focused } = shown;
    // Who has gone on meanwhile is not called back.
    setCursor((now) => (now.id === asked ? { at: focused?.row ?? -1, id: asked } : now));
  }, [shown]);
}

/** The first row, which names the trace, though the view may have been opened far below it. */
function useRoot(shown: Opened | null) {
  const [root, setRoot] = useState(shown?.pages.at(0));
  const first = shown?.pages.at(0);
  useEffect(() => {
    if (first) setRoot(first);
    else shown?.pages.want(0, 1);
  }, [shown, first]);
  return first ?? root;
}

/** The address follows a moment later: browsers refuse addresses that change too often. */
const ADDRESS_AFTER_MS = 250;

function useAddress(query: Record<string, string | null>, active: boolean): void {
  const first = useRef(true);
  const key = JSON.stringify(query);
  useEffect(() => {
    if (first.current || !active) {
      first.current = false;
      return;
    }
    const timer = setTimeout(() => change(query), ADDRESS_AFTER_MS);
    return () => clearTimeout(timer);
  }, [key, active]);
}

/** Goes to a span by its id: where something is folded, what is above the span is asked for first. */
function useReveal(trace: string, folding: Folding, go: (span: string, above: string[]) => void): (span: string) => void {
  return (span) => {
    if (!span) return;
    if (!isFolding(folding)) return go(span, []);
    get<SpanDocument>(tracePath(trace, `/spans/${encodeURIComponent(span)}`)).then(
      (found) => go(span, (found.ancestors ?? []).map((one) => one.id)),
      () => go(span, []),
    );
  };
}
