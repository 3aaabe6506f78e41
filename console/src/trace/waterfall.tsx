// The spans as rows with bars: what the request waited for is underlined, events are ticks, failures have a mark.
import { count, duration, visible } from "../format";
import { hueClass } from "../known";
import type { WaterfallRow } from "../api/traces";
import { Icon } from "../parts/icon";
import { VirtualRows } from "../parts/virtual";
import type { Pages } from "./pages";
import { type Range, part, ticks } from "./scale";

export const ROW_HEIGHT = 28;
/** Deeper rows are not moved further to the right. */
const DEPTH_DRAWN_MAX = 20;
const TICKS_MAX = 6;

type Props = {
  pages: Pages<WaterfallRow>;
  cursor: number;
  range: Range;
  choose: (place: number, row: WaterfallRow | undefined) => void;
  fold: (row: WaterfallRow) => void;
  seen: (first: number, last: number) => void;
};

export function Waterfall({ pages, cursor, range, choose, fold, seen }: Props) {
  const marks = ticks(range.from, range.to, TICKS_MAX);
  return (
    <div class="waterfall" role="treegrid" aria-label="Spans" aria-rowcount={pages.total} aria-activedescendant={cursor >= 0 ? `span-${cursor}` : undefined} tabIndex={0}>
      <VirtualRows
        head={
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
        }
        total={pages.total}
        rowHeight={ROW_HEIGHT}
        cursor={cursor}
        seen={(first, last) => {
          pages.want(first, last);
          seen(first, last);
        }}
        ground={
          <>
            <span class="waterfall-name" />
            <span class="waterfall-scale">
              {marks.map((mark) => (
                <span key={mark} class="tick-line" style={{ left: `${part(mark, range)}%` }} />
              ))}
            </span>
          </>
        }
        row={(at) => {
          const row = pages.at(at);
          const props = { at, range, chosen: at === cursor, choose: () => choose(at, row) };
          return row ? <RowView key={at} row={row} fold={() => fold(row)} {...props} /> : <Awaited key={at} {...props} />;
        }}
      />
    </div>
  );
}

type RowProps = { at: number; range: Range; chosen: boolean; choose: () => void };

/** Stands for a row that is on its way. */
function Awaited({ at, chosen, choose }: RowProps) {
  return (
    <div id={`span-${at}`} class={`span-row awaited ${chosen ? "chosen" : ""}`} role="row" aria-rowindex={at + 1} aria-busy="true" onClick={choose}>
      <span class="waterfall-name" role="gridcell">
        <span class="awaited-bar" />
      </span>
      <span class="waterfall-scale" role="gridcell" />
    </div>
  );
}

function RowView({ row, at, range, chosen, choose, fold }: RowProps & { row: WaterfallRow; fold: () => void }) {
  const depth = row.depth ?? 0;
  const hidden = row.collapsed ? (row.failed_below ?? 0) : 0;
  return (
    <div
      id={`span-${at}`}
      class={`span-row ${chosen ? "chosen" : ""} ${row.match ? "found" : ""} ${row.critical?.length ? "critical" : ""} ${row.failed ? "failed" : ""}`}
      role="row"
      data-span={row.id}
      aria-rowindex={at + 1}
      aria-level={depth + 1}
      aria-expanded={row.children ? !row.collapsed : undefined}
      aria-selected={chosen}
      onClick={choose}
    >
      <span class="waterfall-name" role="gridcell" style={{ paddingLeft: `${8 + Math.min(depth, DEPTH_DRAWN_MAX) * 12}px` }}>
        {row.children ? (
          <button
            type="button"
            class="fold"
            tabIndex={-1}
            aria-label={row.collapsed ? "Unfold" : "Fold"}
            onClick={(event) => {
              event.stopPropagation();
              fold();
            }}
          >
            <Icon name={row.collapsed ? "right" : "down"} />
          </button>
        ) : (
          <span class="fold" />
        )}
        <span class={`swatch ${hueClass(row.service)}`} aria-hidden="true" />
        <bdi class="span-service">{visible(row.service ?? "unknown")}</bdi>
        <bdi class="span-name">{visible(row.name ?? "unnamed")}</bdi>
        {row.failed ? (
          <span class="tone-bad span-failed" title="failed">
            <Icon name="bad" />
            <span class="hidden">failed</span>
          </span>
        ) : null}
        {row.warnings ? (
          <span class="tone-warn span-failed" title={`${count(row.warnings)} ${row.warnings === 1 ? "warning" : "warnings"}`}>
            <Icon name="warn" />
            <span class="hidden">has warnings</span>
          </span>
        ) : null}
        {row.links ? (
          <span class="faint span-failed" title={`${count(row.links)} ${row.links === 1 ? "link" : "links"} to other spans`}>
            <Icon name="link" />
            <span class="hidden">has links</span>
          </span>
        ) : null}
        {row.collapsed ? (
          <span class="fold-count" title={hidden ? `${count(hidden)} of them failed` : undefined}>
            {count(row.descendants)}
            {hidden ? (
              <span class="tone-bad">
                {" "}
                <Icon name="bad" />
                {count(hidden)}
              </span>
            ) : null}
          </span>
        ) : null}
      </span>
      <span class="waterfall-scale" role="gridcell">
        <Bar row={row} range={range} />
      </span>
    </div>
  );
}

/** The bar and its duration, which stands on the side that has room. */
function Bar({ row, range }: { row: WaterfallRow; range: Range }) {
  const offset = row.offset_ms ?? 0;
  const left = part(offset, range);
  const right = part(offset + (row.duration_ms ?? 0), range);
  const text = duration(row.duration_ms);
  if (right < 0 || left > 100) return <span class={`bar-text ${left > 100 ? "at-end" : ""}`}>{left > 100 ? `${text} →` : `← ${text}`}</span>;
  const within = (value: number) => Math.max(0, Math.min(100, value));
  const [from, to] = [within(left), within(right)];
  const after = to < 88;
  return (
    <>
      <span class={`span-bar ${hueClass(row.service)}`} style={{ left: `${from}%`, width: `${to - from}%` }} />
      {(row.critical ?? []).map(([begins, ends]) => {
        const [start, end] = [part(begins, range), part(ends, range)];
        return end < 0 || start > 100 ? null : <span key={begins} class="span-critical" style={{ left: `${within(start)}%`, width: `${within(end) - within(start)}%` }} />;
      })}
      {(row.events ?? []).map((event, at) => {
        const place = part(event, range);
        return place < 0 || place > 100 ? null : <span key={at} class="span-event" style={{ left: `${place}%` }} />;
      })}
      <span class={`bar-text ${after ? "" : from > 18 ? "before" : "inside"}`} style={after ? { left: `${to}%` } : { right: `${100 - (from > 18 ? from : to)}%` }}>
        {text}
      </span>
    </>
  );
}
