// The spans as rows with bars. Only the rows in sight exist in the page, so that a hundred thousand scroll as ten do.
import type { RefObject } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { count, duration, visible } from "../format";
import { hueClass } from "../known";
import { Icon } from "../parts/icon";

import { type Row, type TraceModel, positionOf, ticks } from "./model";

export const ROW_HEIGHT = 28;
/** Rows that are drawn beyond either edge. */
const BEYOND = 10;
/** Deeper rows are not moved further to the right. */
const DEPTH_DRAWN_MAX = 20;
/** Browsers cannot lay out taller boxes; beyond it the scroll is scaled. */
const TALL_MAX = 8_000_000;
const TICKS_MAX = 6;

type Props = {
  model: TraceModel;
  shown: Int32Array;
  folded: ReadonlySet<number>;
  found: ReadonlySet<number>;
  cursor: number;
  range: { from: number; to: number };
  choose: (row: number) => void;
  fold: (row: number) => void;
};

export function Waterfall(props: Props) {
  const { model, shown, cursor, range } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  const height = useHeight(scroller);
  const whole = shown.length * ROW_HEIGHT;
  const tall = Math.min(whole, TALL_MAX);
  const stretch = tall > height ? (whole - height) / (tall - height) : 1;
  const offset = top * stretch;
  const first = Math.max(0, Math.floor(offset / ROW_HEIGHT) - BEYOND);
  const last = Math.min(shown.length, Math.ceil((offset + height) / ROW_HEIGHT) + BEYOND);
  useReveal(scroller, cursor < 0 ? -1 : positionOf(shown, cursor), height, stretch);
  const marks = ticks(range.from, range.to, TICKS_MAX);
  const rows: Row[] = [];
  for (let at = first; at < last; at += 1) {
    const row = model.rows[shown[at] ?? -1];
    if (row) rows.push(row);
  }
  return (
    <div class="waterfall" role="treegrid" aria-label="Spans" aria-rowcount={shown.length} aria-activedescendant={cursor >= 0 ? `span-${cursor}` : undefined} tabIndex={0}>
      <div class="waterfall-head" role="row">
        <span class="waterfall-name" role="columnheader">
          Service and span
        </span>
        <span class="waterfall-scale" role="columnheader" aria-label="Time">
          {marks.filter((mark) => part(mark, range) < 94).map((mark) => (
            <span key={mark} class="tick" style={{ left: `${part(mark, range)}%` }}>
              {duration(mark)}
            </span>
          ))}
        </span>
      </div>
      <div class="waterfall-scroll" ref={scroller} onScroll={(event) => setTop(event.currentTarget.scrollTop)} role="presentation">
        <div class="waterfall-rows" role="presentation" style={{ height: `${tall}px` }}>
          <div class="waterfall-grid" aria-hidden="true" style={{ top: `${top}px`, height: `${height}px` }}>
            <span class="waterfall-name" />
            <span class="waterfall-scale">
              {marks.map((mark) => (
                <span key={mark} class="tick-line" style={{ left: `${part(mark, range)}%` }} />
              ))}
            </span>
          </div>
          <div class="waterfall-window" role="rowgroup" style={{ transform: `translateY(${first * ROW_HEIGHT - offset + top}px)` }}>
            {rows.map((row, at) => (
              <RowView key={row.index} row={row} at={first + at} {...props} />
            ))}
          </div>
        </div>
      </div>
    </div>
  );
}

function useHeight(scroller: RefObject<HTMLElement>): number {
  const [height, setHeight] = useState(600);
  useLayoutEffect(() => {
    const element = scroller.current;
    if (!element) return;
    setHeight(element.clientHeight);
    const observer = new ResizeObserver(() => setHeight(element.clientHeight));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return height;
}

/** Brings the chosen row into sight when it changes. */
function useReveal(scroller: RefObject<HTMLElement>, at: number, height: number, stretch: number): void {
  useEffect(() => {
    const element = scroller.current;
    if (!element || at < 0) return;
    const now = element.scrollTop * stretch;
    const row = at * ROW_HEIGHT;
    if (row < now) element.scrollTop = Math.max(0, row - ROW_HEIGHT) / stretch;
    else if (row + ROW_HEIGHT > now + height) element.scrollTop = (row + 2 * ROW_HEIGHT - height) / stretch;
  }, [at]);
}

function part(value: number, range: { from: number; to: number }): number {
  return Math.round(((value - range.from) / Math.max(1e-9, range.to - range.from)) * 100_000) / 1000;
}

function RowView({ row, at, folded, found, cursor, range, choose, fold }: Props & { row: Row; at: number }) {
  const { span } = row;
  const isFolded = folded.has(row.index);
  const left = part(row.offset, range);
  const right = part(row.offset + row.duration, range);
  const name = visible(span.name ?? "unnamed");
  const service = visible(span.service ?? "unknown");
  return (
    <div
      id={`span-${row.index}`}
      class={`span-row ${row.index === cursor ? "chosen" : ""} ${found.has(row.index) ? "found" : ""} ${row.critical ? "critical" : ""} ${span.failed ? "failed" : ""}`}
      role="row"
      aria-rowindex={at + 1}
      aria-level={row.depth + 1}
      aria-expanded={row.children ? !isFolded : undefined}
      aria-selected={row.index === cursor}
      onClick={() => choose(row.index)}
    >
      <span class="waterfall-name" role="gridcell" style={{ paddingLeft: `${8 + Math.min(row.depth, DEPTH_DRAWN_MAX) * 12}px` }}>
        {row.children ? (
          <button
            type="button"
            class="fold"
            tabIndex={-1}
            aria-label={isFolded ? "Unfold" : "Fold"}
            onClick={(event) => {
              event.stopPropagation();
              fold(row.index);
            }}
          >
            <Icon name={isFolded ? "right" : "down"} />
          </button>
        ) : (
          <span class="fold" />
        )}
        <span class={`swatch ${hueClass(span.service)}`} aria-hidden="true" />
        <bdi class="span-service">{service}</bdi>
        <bdi class="span-name">{name}</bdi>
        {span.failed ? (
          <span class="tone-bad span-failed" title="failed">
            <Icon name="bad" />
            <span class="hidden">failed</span>
          </span>
        ) : null}
        {isFolded ? <span class="fold-count">{count(row.end - row.index - 1)}</span> : null}
      </span>
      <span class="waterfall-scale" role="gridcell">
        <Bar left={left} right={right} row={row} />
      </span>
    </div>
  );
}

/** The bar and its duration, which stands on the side that has room. */
function Bar({ left, right, row }: { left: number; right: number; row: Row }) {
  const text = duration(row.duration);
  if (right < 0 || left > 100) return <span class={`bar-text ${left > 100 ? "at-end" : ""}`}>{left > 100 ? `${text} →` : `← ${text}`}</span>;
  const from = Math.max(0, left);
  const to = Math.min(100, right);
  const after = to < 88;
  return (
    <>
      <span class={`span-bar ${hueClass(row.span.service)}`} style={{ left: `${from}%`, width: `${Math.max(0, to - from)}%` }} />
      <span class={`bar-text ${after ? "" : from > 18 ? "before" : "inside"}`} style={after ? { left: `${to}%` } : { right: `${100 - (from > 18 ? from : to)}%` }}>
        {text}
      </span>
    </>
  );
}
