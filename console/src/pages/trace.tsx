// One request from the gateway to the last service it reached: where the time went, what failed, span by span.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Trace } from "../api/types";
import { count, duration, moment, parseDuration, visible } from "../format";
import { hueClass } from "../known";
import { useDocument, useKeys, useSettled } from "../hooks";
import { SearchField } from "../parts/controls";
import { Icon } from "../parts/icon";
import { Empty, Failure, Skeleton } from "../parts/notice";
import { Copy, Foreign } from "../parts/text";
import { change, href, parameter } from "../router";
import { SpanDetails } from "../trace/details";
import { type Row, type TraceModel, buildTrace, matches, positionOf, visibleRows } from "../trace/model";
import { Overview } from "../trace/overview";
import { Waterfall } from "../trace/waterfall";

export function TracePage({ id }: { id: string }) {
  const reading = useDocument<Trace>(`/v1/traces/${encodeURIComponent(id)}`);
  const model = useMemo(() => (reading.data ? buildTrace(reading.data) : null), [reading.data]);
  if (reading.error?.status === 404) {
    return (
      <Empty icon="search" title="This trace is not kept">
        <p>
          Traces are kept for a while and in a bounded number. <a href={href("/requests")}>See the last requests</a>
        </p>
      </Empty>
    );
  }
  if (!reading.data || !model) return <div class="page">{reading.error ? <Failure error={reading.error} retry={reading.refresh} /> : <Skeleton rows={10} />}</div>;
  if (model.rows.length === 0) return <Empty title="This trace has no spans" />;
  return <Content key={reading.data.id} trace={reading.data} model={model} refresh={reading.refresh} />;
}

/** The address follows the chosen span a moment later: browsers refuse addresses that change too often. */
const ADDRESS_AFTER_MS = 250;

function Content({ trace, model, refresh }: { trace: Trace; model: TraceModel; refresh: () => void }) {
  const [cursor, setCursor] = useState(() => model.byId.get(parameter("span")) ?? -1);
  const [open, setOpen] = useState(parameter("span") !== "");
  const [folded, setFolded] = useState<ReadonlySet<number>>(() => new Set());
  const critical = parameter("critical") === "1";
  const text = parameter("q");
  const settled = useSettled(text);
  const found = useMemo(() => matches(model.rows, settled), [model, settled]);
  const foundSet = useMemo(() => new Set(found), [found]);
  const shown = useMemo(() => visibleRows(model.rows, folded, critical ? (row) => row.critical : null), [model, folded, critical]);
  const range = useRange(model.duration);
  useAddress(open && cursor >= 0 ? (model.rows[cursor]?.span.id ?? null) : null);
  const choose = (row: number, show = true) => {
    setFolded((before) => unfoldTo(model.rows, before, row));
    setCursor(row);
    if (show) setOpen(true);
  };
  const fold = (row: number) => setFolded((before) => toggled(before, row));
  const jump = (back: boolean) => {
    const among = found.length ? found : model.rows.filter((row) => row.span.failed).map((row) => row.index);
    const next = back ? among.findLast((row) => row < cursor) : among.find((row) => row > cursor);
    const target = next ?? (back ? among[among.length - 1] : among[0]);
    if (target !== undefined) choose(target, open);
  };
  const close = () => setOpen(false);
  useKeys((event) => pressed(event, { model, shown, folded, cursor, open, choose, fold, jump, close, critical }));
  const row = open ? model.rows[cursor] : undefined;
  return (
    <div class="page page-full trace">
      <TraceHead trace={trace} model={model} refresh={refresh} />
      <div class="bar">
        <SearchField value={text} label="Search spans" onInput={(q) => change({ q })} onEnter={jump} note={text ? (text === settled ? `${count(found.length)} found` : "…") : ""} />
        <button type="button" class="button" aria-pressed={critical} onClick={() => change({ critical: critical ? null : "1" }, "push")} title="Only the spans that the request waited for (c)">
          Critical path
        </button>
        {model.failed ? (
          <button type="button" class="button" onClick={() => jump(false)} title="Next failed span (n)">
            <span class="tone-bad">
              <Icon name="bad" />
            </span>
            {count(model.failed)} failed
          </button>
        ) : null}
        <span class="bar-end button-row">
          <button type="button" class="button quiet" onClick={() => setFolded(new Set(model.rows.filter((one) => one.children && one.depth > 0).map((one) => one.index)))}>
            Fold all
          </button>
          <button type="button" class="button quiet" onClick={() => setFolded(new Set())}>
            Unfold all
          </button>
        </span>
      </div>
      <Overview model={model} range={range} choose={(chosen) => change({ from: chosen ? write(chosen.from) : null, to: chosen ? write(chosen.to) : null })} />
      <div class={`trace-frame ${row ? "with-panel" : ""}`}>
        <Waterfall model={model} shown={shown} folded={folded} found={foundSet} cursor={cursor} range={range} choose={choose} fold={fold} />
        {row ? <SpanDetails model={model} row={row} close={close} choose={choose} /> : null}
      </div>
    </div>
  );
}

const write = (ms: number) => `${Number(ms.toPrecision(6))}ms`;

/** The time that is shown, from the address. */
function useRange(whole: number): { from: number; to: number } {
  const from = Math.max(0, parseDuration(parameter("from")) ?? 0);
  const to = Math.min(whole, parseDuration(parameter("to")) ?? whole);
  return useMemo(() => (to > from ? { from, to } : { from: 0, to: Math.max(whole, 1e-6) }), [from, to, whole]);
}

function useAddress(span: string | null): void {
  const first = useRef(true);
  useEffect(() => {
    if (first.current) {
      first.current = false;
      return;
    }
    const timer = setTimeout(() => change({ span }), ADDRESS_AFTER_MS);
    return () => clearTimeout(timer);
  }, [span]);
}

function toggled(before: ReadonlySet<number>, row: number): ReadonlySet<number> {
  const after = new Set(before);
  if (!after.delete(row)) after.add(row);
  return after;
}

function unfoldTo(rows: Row[], before: ReadonlySet<number>, row: number): ReadonlySet<number> {
  const after = new Set(before);
  for (let at = rows[row]?.parent ?? -1; at >= 0; at = rows[at]?.parent ?? -1) after.delete(at);
  return after.size === before.size ? before : after;
}

type Hands = {
  model: TraceModel;
  shown: Int32Array;
  folded: ReadonlySet<number>;
  cursor: number;
  open: boolean;
  critical: boolean;
  choose: (row: number, show?: boolean) => void;
  fold: (row: number) => void;
  jump: (back: boolean) => void;
  close: () => void;
};

const PAGE_ROWS = 15;

function pressed(event: KeyboardEvent, hands: Hands): boolean {
  const { shown, cursor, choose, open } = hands;
  const at = cursor < 0 ? -1 : positionOf(shown, cursor);
  const go = (to: number) => {
    const row = shown[Math.max(0, Math.min(shown.length - 1, to))];
    if (row !== undefined) choose(row, open);
    return true;
  };
  switch (event.key) {
    case "ArrowDown":
      return go(at + 1);
    case "ArrowUp":
      return go(at - 1);
    case "PageDown":
      return go(at + PAGE_ROWS);
    case "PageUp":
      return go(at - PAGE_ROWS);
    case "Home":
      return go(0);
    case "End":
      return go(shown.length - 1);
    case "ArrowLeft":
    case "ArrowRight":
      return sideways(event.key === "ArrowRight", hands);
    case "n":
    case "N":
      hands.jump(event.key === "N");
      return true;
    case "c":
      change({ critical: hands.critical ? null : "1" }, "push");
      return true;
    case "Enter":
      if (event.target instanceof Element && event.target.closest("a, button")) return false;
      if (cursor >= 0) choose(cursor);
      return true;
    case "Escape":
      if (open) hands.close();
      else change({ from: null, to: null });
      return true;
    default:
      return false;
  }
}

function sideways(right: boolean, { model, folded, cursor, open, choose, fold }: Hands): boolean {
  const row = model.rows[cursor];
  if (!row) return false;
  const isFolded = folded.has(cursor);
  if (right && row.children) {
    if (isFolded) fold(cursor);
    else choose(cursor + 1, open);
  } else if (!right && row.children && !isFolded) fold(cursor);
  else if (!right && row.parent >= 0) choose(row.parent, open);
  return true;
}

const SERVICES_SHOWN = 12;

function TraceHead({ trace, model, refresh }: { trace: Trace; model: TraceModel; refresh: () => void }) {
  const root = model.rows[0]?.span;
  return (
    <>
      <div class="page-head">
        <a class="button quiet" href={href("/requests")} aria-label="All requests" title="All requests">
          <Icon name="back" />
        </a>
        <h1 class="mono clip">
          <Foreign text={root?.name ?? "unnamed"} />
        </h1>
        <Outcome failed={root?.failed === true} within={model.failed} />
        <span class="bar-end facts-line">
          <span>
            <b>{duration(model.duration)}</b>
          </span>
          <span>
            <b>{count(model.rows.length)}</b> spans
          </span>
          <span>
            <b>{model.services.length}</b> services
          </span>
          <span class="faint">{moment(trace.start ?? root?.start)}</span>
          <span class="mono faint trace-id">
            {visible(trace.id)} <Copy text={trace.id} label="Copy trace id" />
          </span>
          <button type="button" class="button quiet small" onClick={refresh} aria-label="Read again" title="Read again">
            <Icon name="restart" />
          </button>
        </span>
      </div>
      <TimeByService model={model} />
    </>
  );
}

/** What became of the request; a call that failed within it may have been made good. */
function Outcome({ failed, within }: { failed: boolean; within: number }) {
  if (failed) {
    return (
      <span class="state tone-bad">
        <Icon name="bad" /> failed
      </span>
    );
  }
  return (
    <span class={`state ${within ? "tone-warn" : "tone-ready"}`}>
      <Icon name={within ? "warn" : "ready"} /> {within ? "ok, with failures within" : "ok"}
    </span>
  );
}

/** How long the request waited for each service: the critical path, added up. */
function TimeByService({ model }: { model: TraceModel }) {
  const whole = model.services.reduce((sum, service) => sum + service.critical_ms, 0);
  if (!(whole > 0)) return null;
  let at = 0;
  const waited = model.services.filter((service) => service.critical_ms > 0);
  const beside = model.services.length - waited.length;
  return (
    <div class="time-by">
      <svg class="time-by-bar" viewBox="0 0 1000 8" preserveAspectRatio="none" role="img" aria-label="Time on the critical path by service">
        {model.services.map((service) => {
          const width = (service.critical_ms / whole) * 1000;
          at += width;
          return width > 0 ? <rect key={service.name} class={hueClass(service.name)} x={at - width} width={Math.max(0, width - 2)} height="8" /> : null;
        })}
      </svg>
      <ul class="time-by-list">
        {waited.slice(0, SERVICES_SHOWN).map((service) => (
          <li key={service.name}>
            <span class={`swatch ${hueClass(service.name)}`} aria-hidden="true" />
            <Foreign text={service.name} /> <b>{duration(service.critical_ms)}</b> <span class="faint">{Math.round((service.critical_ms / whole) * 100)}%</span>
          </li>
        ))}
        {waited.length > SERVICES_SHOWN ? <li class="faint">and {waited.length - SERVICES_SHOWN} more</li> : null}
        {beside > 0 ? <li class="faint">{beside} beside the critical path</li> : null}
      </ul>
    </div>
  );
}
