// Found traces as points: when they began to the right, how long they took upwards. A failed one is a square, not only
// red. Dragging over a part of the picture searches there alone; a click opens the nearest.
import { useMemo, useState } from "preact/hooks";
import type { Bar, ScatterPoint, SearchOverview } from "../api/traces";
import { clock, count, duration, moment, visible } from "../format";
import { useWidth } from "../hooks";
import { clockTicks, decades } from "../trace/scale";
import { change, href, navigate } from "../router";
import { type Box, type Scale, handDrawn, nearest, radius, scaleOf } from "./scatter_scale";
import type { TraceFilter } from "./trace_query";

const HEIGHT = { plot: 168, bars: 28, axis: 18 };
const MARGIN = { left: 56, right: 12, top: 8 };
const TICKS_MAX = 8;
const DRAG_MIN = 6;
/** How near a pointer has to be to a point. */
const REACH = 14;

type Corner = { x: number; y: number };

export function Scatter({ overview, filter }: { overview: SearchOverview; filter: TraceFilter }) {
  const [attach, measured] = useWidth<HTMLElement>(900);
  const width = Math.max(280, measured);
  const points = useMemo(() => [...(overview.points ?? [])].sort((one, other) => (one.offset_ms ?? 0) - (other.offset_ms ?? 0)), [overview.points]);
  const begins = Date.parse(overview.from ?? "");
  const whole = Math.max(0, Date.parse(overview.to ?? "") - begins, ...points.map((point) => point.offset_ms ?? 0)) || 1;
  const box: Box = { left: MARGIN.left, top: MARGIN.top, width: width - MARGIN.left - MARGIN.right, height: HEIGHT.plot };
  const scale = scaleOf(points, whole, box);
  const [at, setAt] = useState(-1);
  const [drag, setDrag] = useState<{ from: Corner; to: Corner } | null>(null);
  const place = (event: PointerEvent): Corner => {
    const bounds = (event.currentTarget as Element).getBoundingClientRect();
    return { x: event.clientX - bounds.left, y: event.clientY - bounds.top };
  };
  const open = (index: number) => {
    const point = points[index];
    if (point) navigate(href(`/traces/${encodeURIComponent(point.id)}`));
  };
  const finish = () => {
    if (!drag) return;
    setDrag(null);
    if (Math.abs(drag.to.x - drag.from.x) < DRAG_MIN && Math.abs(drag.to.y - drag.from.y) < DRAG_MIN) open(nearest(points, scale, drag.to.x, drag.to.y, REACH));
    else change({ ...within(drag, scale, begins, box), cursor: null }, "push");
  };
  const keys = (event: KeyboardEvent) => {
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (step) setAt(at < 0 ? points.length - 1 : Math.max(0, Math.min(points.length - 1, at + step)));
    else if (event.key === "Enter" && at >= 0) open(at);
    else if (event.key === "Escape") setAt(-1);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const shown = points[at];
  const failed = points.filter((point) => point.failed).length;
  const high = MARGIN.top + HEIGHT.plot + HEIGHT.axis + HEIGHT.bars;
  return (
    <figure class="scatter" ref={attach}>
      <svg
        width={width}
        height={high}
        viewBox={`0 0 ${width} ${high}`}
        role="application"
        aria-label={`${count(points.length)} traces by time and duration, ${count(failed)} failed. Arrow keys go from one to the next, Enter opens it.`}
        // An SVG has attributes as they are written.
        tabindex={0}
        onKeyDown={keys}
        onPointerDown={(event) => {
          if (event.button !== 0) return;
          event.currentTarget.setPointerCapture(event.pointerId);
          setDrag({ from: place(event), to: place(event) });
        }}
        onPointerMove={(event) => {
          const here = place(event);
          if (drag) setDrag({ ...drag, to: here });
          else setAt(nearest(points, scale, here.x, here.y, REACH));
        }}
        onPointerUp={finish}
        onPointerCancel={() => setDrag(null)}
        onPointerLeave={() => setAt(-1)}
      >
        <Axes scale={scale} box={box} begins={begins} whole={whole} />
        <Bars bars={overview.histogram ?? []} begins={begins} barMs={overview.bar_ms ?? 0} scale={scale} top={MARGIN.top + HEIGHT.plot + HEIGHT.axis} />
        {points.map((point, index) => (
          <PointView key={point.id} point={point} scale={scale} lit={index === at} />
        ))}
        {drag ? <rect class="scatter-drag" x={Math.min(drag.from.x, drag.to.x)} y={Math.min(drag.from.y, drag.to.y)} width={Math.abs(drag.to.x - drag.from.x)} height={Math.abs(drag.to.y - drag.from.y)} /> : null}
      </svg>
      <figcaption class="scatter-note" aria-live="polite">
        {shown ? <About point={shown} /> : <Percentiles overview={overview} filter={filter} />}
      </figcaption>
    </figure>
  );
}

/** What a drawn rectangle says of time and duration. As high or as wide as the picture is no limit. */
function within({ from, to }: { from: Corner; to: Corner }, scale: Scale, begins: number, box: Box): Record<string, string | null> {
  const [left, right] = [Math.min(from.x, to.x), Math.max(from.x, to.x)];
  const [top, bottom] = [Math.min(from.y, to.y), Math.max(from.y, to.y)];
  const query: Record<string, string | null> = {};
  if (right - left >= DRAG_MIN) {
    query.since = new Date(begins + scale.offset(left)).toISOString();
    query.until = new Date(begins + scale.offset(right) + 1).toISOString();
  }
  if (bottom - top >= DRAG_MIN) {
    query.min = bottom >= box.top + box.height ? null : handDrawn(scale.duration(bottom));
    query.max = top <= box.top ? null : handDrawn(scale.duration(top));
  }
  return query;
}

function Axes({ scale, box, begins, whole }: { scale: Scale; box: Box; begins: number; whole: number }) {
  const far = whole > 36 * 3_600_000;
  return (
    <g>
      {decades(scale.least, scale.most).map((value) => (
        <g key={value}>
          <line class="grid" x1={box.left} x2={box.left + box.width} y1={scale.y(value)} y2={scale.y(value)} />
          <text class="axis" x={box.left - 8} y={scale.y(value) + 4} text-anchor="end">
            {duration(value)}
          </text>
        </g>
      ))}
      {Number.isNaN(begins)
        ? null
        : clockTicks(begins, begins + whole, Math.min(TICKS_MAX, Math.floor(box.width / 64)), new Date(begins).getTimezoneOffset() * -60_000).map((at) => {
            const x = scale.x(at - begins);
            const time = new Date(at).toISOString();
            const anchor = x < box.left + 24 ? "start" : x > box.left + box.width - 24 ? "end" : "middle";
            const text = far ? moment(time).slice(5, 16) : clock(time);
            return (
              <g key={at}>
                <line class="grid" x1={x} x2={x} y1={box.top} y2={box.top + box.height} />
                <text class="axis" x={x} y={box.top + box.height + 14} text-anchor={anchor}>
                  {at % 60_000 === 0 ? text.slice(0, far ? undefined : 5) : text}
                </text>
              </g>
            );
          })}
      <line class="grid-base" x1={box.left} x2={box.left + box.width} y1={box.top + box.height} y2={box.top + box.height} />
    </g>
  );
}

/** How many there were in time, the failed at the foot of each bar. */
function Bars({ bars, begins, barMs, scale, top }: { bars: Bar[]; begins: number; barMs: number; scale: Scale; top: number }) {
  const most = Math.max(1, ...bars.map((bar) => bar.traces ?? 0));
  return (
    <g>
      {bars.map((bar) => {
        const offset = Date.parse(bar.start ?? "") - begins;
        if (!Number.isFinite(offset)) return null;
        const x = scale.x(offset);
        const wide = Math.max(1, scale.x(offset + barMs) - x - 1);
        const high = ((bar.traces ?? 0) / most) * HEIGHT.bars;
        const bad = ((bar.failed ?? 0) / most) * HEIGHT.bars;
        return (
          <g key={bar.start}>
            {high > 0 ? <rect class="histogram-bar" x={x} y={top + HEIGHT.bars - high} width={wide} height={high} /> : null}
            {bad > 0 ? <rect class="histogram-bad" x={x} y={top + HEIGHT.bars - bad} width={wide} height={bad} /> : null}
          </g>
        );
      })}
    </g>
  );
}

function PointView({ point, scale, lit }: { point: ScatterPoint; scale: Scale; lit: boolean }) {
  const [x, y, r] = [scale.x(point.offset_ms ?? 0), scale.y(point.duration_ms ?? 0), radius(point.spans)];
  const name = `point ${point.failed ? "point-bad" : ""} ${lit ? "lit" : ""}`;
  return point.failed ? <rect class={name} x={x - r * 0.9} y={y - r * 0.9} width={r * 1.8} height={r * 1.8} /> : <circle class={name} cx={x} cy={y} r={r} />;
}

function About({ point }: { point: ScatterPoint }) {
  return (
    <>
      <b>{duration(point.duration_ms)}</b> <bdi>{visible(point.service)}</bdi> <bdi class="faint">{visible(point.name)}</bdi>
      <span class="faint">
        {count(point.spans)} spans{point.failed ? `, ${count(point.failed)} failed` : ""}, {moment(point.start)}
      </span>
    </>
  );
}

function Percentiles({ overview, filter }: { overview: SearchOverview; filter: TraceFilter }) {
  const { durations } = overview;
  const limited = filter.min || filter.max || filter.since || filter.until;
  return (
    <>
      {durations ? (
        <span class="scatter-numbers">
          half below <b>{duration(durations.p50_ms)}</b> · 90 % below <b>{duration(durations.p90_ms)}</b> · 99 % below <b>{duration(durations.p99_ms)}</b> · longest <b>{duration(durations.max_ms)}</b>
        </span>
      ) : null}
      <span class="scatter-legend faint" aria-hidden="true">
        <svg width="10" height="10" viewBox="0 0 10 10">
          <circle class="point" cx="5" cy="5" r="4" />
        </svg>
        ok
        <svg width="10" height="10" viewBox="0 0 10 10">
          <rect class="point point-bad" x="1" y="1" width="8" height="8" />
        </svg>
        with failures
      </span>
      {limited ? (
        <button type="button" class="button quiet small" onClick={() => change({ min: null, max: null, since: null, until: null, cursor: null }, "push")}>
          Show all times
        </button>
      ) : (
        <span class="faint">drag to look closer</span>
      )}
    </>
  );
}
