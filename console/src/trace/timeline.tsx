// The view of a trace in time: the whole in small, rows with bars, and the span that is looked at. Its keys, too.
import { useEffect, useRef } from "preact/hooks";
import type { WaterfallRow } from "../api/traces";
import { count, duration, parseDuration, visible } from "../format";
import { useKeys, useSettled } from "../hooks";
import { SearchField } from "../parts/controls";
import { Icon } from "../parts/icon";
import { change, parameter } from "../router";
import { SpanDetails } from "./details";
import { type Folding, UNFOLDED, foldedFrom, isFolding, toggled } from "./folding";
import { Overview } from "./overview";
import type { Opened } from "./rows";
import type { Range } from "./scale";
import { Waterfall } from "./waterfall";

/** Where the reader is: a row, and the span in it once that is known. */
export type Cursor = { at: number; id: string | null };

type Props = {
  shown: Opened;
  folding: Folding;
  setFolding: (folding: Folding) => void;
  cursor: Cursor;
  setCursor: (cursor: Cursor) => void;
  open: boolean;
  setOpen: (open: boolean) => void;
  reveal: (id: string) => void;
  seen: (first: number) => void;
};

export function Timeline(props: Props) {
  const { shown, folding, setFolding, cursor, setCursor, open, setOpen, reveal, seen } = props;
  const { head, pages } = shown;
  const critical = parameter("critical") === "1";
  const text = parameter("q");
  const whole = head.duration_ms ?? 0;
  const range = useRange(whole);
  const choose = (at: number, row = pages.at(at), show = true) => {
    setCursor({ at, id: row?.id ?? null });
    if (show) setOpen(true);
  };
  const fold = (row: WaterfallRow) => {
    // The folded row is where the reader is, so that nobody stands in what is hidden.
    choose(row.row, row, false);
    setFolding(toggled(folding, row));
  };
  const jump = (back: boolean) => {
    const among = (text ? head.matches?.rows : head.failed_rows) ?? [];
    const next = back ? among.findLast((at) => at < cursor.at) : among.find((at) => at > cursor.at);
    const target = next ?? (back ? among[among.length - 1] : among[0]);
    if (target !== undefined) choose(target, pages.at(target), open);
  };
  const hands: Hands = { ...props, total: pages.total, choose, fold, jump, critical };
  useKeys((event) => pressed(event, hands));
  // The row may arrive after the cursor.
  const here = pages.at(cursor.at);
  useEffect(() => {
    if (here && cursor.id === null) setCursor({ at: cursor.at, id: here.id });
  }, [here, cursor.id]);
  const settled = useSettled(text);
  const found = settled === text && head.matches ? `${count(head.matches.count)} found` : "…";
  return (
    <>
      <div class="bar">
        <SearchField value={text} label="Search spans" onInput={(q) => change({ q })} onEnter={jump} note={text ? found : ""} />
        <button type="button" class="button" aria-pressed={critical} onClick={() => change({ critical: critical ? null : "1" }, "push")} title="Only the spans that the request waited for (c)">
          Critical path
        </button>
        {head.failed ? (
          <button type="button" class="button" onClick={() => jump(false)} title="Next failed span (n)">
            <span class="tone-bad">
              <Icon name="bad" />
            </span>
            {count(head.failed)} failed
          </button>
        ) : null}
        <span class="bar-end button-row">
          <button type="button" class="button quiet" onClick={() => foldAll(hands)}>
            Fold all
          </button>
          <button type="button" class="button quiet" onClick={() => setFolding(UNFOLDED)} disabled={!isFolding(folding)}>
            Unfold all
          </button>
        </span>
      </div>
      <Overview spans={shown.minimap} whole={whole} total={head.spans ?? 0} range={range} choose={(chosen) => change({ from: chosen ? write(chosen.from) : null, to: chosen ? write(chosen.to) : null })} />
      <div class={`trace-frame ${open && cursor.id ? "with-panel" : ""}`}>
        <Waterfall pages={pages} cursor={cursor.at} range={range} choose={choose} fold={fold} seen={seen} />
        {open && cursor.id ? (
          <SpanDetails trace={head.id} id={cursor.id} row={here?.id === cursor.id ? here : undefined} whole={whole} causes={head.causes ?? []} close={() => setOpen(false)} reveal={reveal} />
        ) : null}
      </div>
      {pages.error ? (
        <p class="trace-warning tone-bad" role="alert">
          <Icon name="bad" /> Some rows could not be read.{" "}
          <button type="button" class="link" onClick={() => pages.retry()}>
            Try again
          </button>
        </p>
      ) : null}
      <p class="hidden" aria-live="polite">
        {here ? `${visible(here.service)} ${visible(here.name)}, ${duration(here.duration_ms)}` : ""}
      </p>
    </>
  );
}

const write = (ms: number) => `${Number(ms.toPrecision(6))}ms`;

/** The time that is shown, from the address. */
function useRange(whole: number): Range {
  const from = Math.max(0, parseDuration(parameter("from")) ?? 0);
  const to = Math.min(whole, parseDuration(parameter("to")) ?? whole);
  const kept = useRef<Range>({ from: 0, to: 1 });
  const range = to > from ? { from, to } : { from: 0, to: Math.max(whole, 1e-6) };
  if (range.from !== kept.current.from || range.to !== kept.current.to) kept.current = range;
  return kept.current;
}

function foldAll({ setFolding, setCursor, cursor }: Hands): void {
  setFolding(foldedFrom(1));
  setCursor({ at: Math.min(cursor.at, 0), id: null });
}

type Hands = Omit<Props, "setOpen"> & {
  setOpen: (open: boolean) => void;
  total: number;
  critical: boolean;
  choose: (at: number, row?: WaterfallRow, show?: boolean) => void;
  fold: (row: WaterfallRow) => void;
  jump: (back: boolean) => void;
};

const PAGE_STEP = 15;

function pressed(event: KeyboardEvent, hands: Hands): boolean {
  const { cursor, choose, open, total } = hands;
  const go = (to: number) => {
    const at = Math.max(0, Math.min(total - 1, to));
    choose(at, hands.shown.pages.at(at), open);
    return true;
  };
  switch (event.key) {
    case "ArrowDown":
      return go(cursor.at + 1);
    case "ArrowUp":
      return go(cursor.at - 1);
    case "PageDown":
      return go(cursor.at + PAGE_STEP);
    case "PageUp":
      return go(cursor.at - PAGE_STEP);
    case "Home":
      return go(0);
    case "End":
      return go(total - 1);
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
      if (event.target instanceof Element && event.target.closest("a, button, summary")) return false;
      if (cursor.at >= 0) choose(cursor.at);
      return true;
    case "Escape":
      if (open) hands.setOpen(false);
      else change({ from: null, to: null });
      return true;
    default:
      return false;
  }
}

function sideways(right: boolean, { shown, cursor, open, choose, fold, reveal }: Hands): boolean {
  const row = shown.pages.at(cursor.at);
  if (!row) return false;
  if (right && row.children) {
    if (row.collapsed) fold(row);
    else choose(cursor.at + 1, shown.pages.at(cursor.at + 1), open);
  } else if (!right && row.children && !row.collapsed) fold(row);
  else if (!right && row.parent) {
    const at = shown.pages.before(cursor.at, (other) => other.id === row.parent);
    if (at >= 0) choose(at, shown.pages.at(at), open);
    else reveal(row.parent);
  }
  return true;
}
