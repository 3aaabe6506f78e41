// Small charts without axes and larger ones with them, drawn in SVG. A chart is a picture beside numbers; each has a
// sentence for those who do not see it.
import { useState } from "preact/hooks";
import type { Point } from "../api/types";
import { clock } from "../format";
import { useWidth } from "../hooks";

const SPARK = { width: 96, height: 24 };

/** Requests over the window; what failed is drawn beneath in its own colour. */
export function Sparkline({ series, label }: { series: Point[] | undefined; label: string }) {
  const points = series ?? [];
  if (points.length < 2) return <span class="faint">–</span>;
  const most = Math.max(1, ...points.map((point) => point.requests));
  const { width, height } = SPARK;
  const x = (at: number) => (at / (points.length - 1)) * width;
  const y = (value: number) => height - 1 - (value / most) * (height - 3);
  const line = path(points.map((point, at) => [x(at), y(point.requests)]));
  const bars = points.map((point, at) => [at, point.failed] as const).filter(([, failed]) => failed > 0);
  return (
    <svg class="spark" viewBox={`0 0 ${width} ${height}`} width={width} height={height} role="img" aria-label={label}>
      <path class="spark-area" d={`${line}L${width} ${height}L0 ${height}Z`} />
      <path class="spark-line" d={line} />
      {bars.map(([at, failed]) => (
        <rect key={at} class="spark-failed" x={x(at) - 0.8} width="1.6" y={Math.min(y(failed), height - 4)} height={height - Math.min(y(failed), height - 4)} />
      ))}
    </svg>
  );
}

function path(points: (readonly [number, number])[]): string {
  return points.map(([x, y], at) => `${at ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");
}

type Line = { name: string; class: string; value: (point: Point) => number | null; filled?: boolean };

const HEIGHT = 144;
const MARGIN = { left: 48, right: 8, top: 8, bottom: 20 };

/** Lines over the window with a scale, and the values under the pointer. */
export function Chart({ title, series, lines, write }: { title: string; series: Point[]; lines: Line[]; write: (value: number | null) => string }) {
  const [attach, measured] = useWidth<HTMLDivElement>(480);
  const [at, setAt] = useState<number | null>(null);
  const width = Math.max(240, measured);
  const inner = { width: width - MARGIN.left - MARGIN.right, height: HEIGHT - MARGIN.top - MARGIN.bottom };
  const values = lines.flatMap((line) => series.map(line.value)).filter((value): value is number => value !== null);
  const top = ceiling(Math.max(0, ...values));
  const x = (index: number) => MARGIN.left + (index / Math.max(1, series.length - 1)) * inner.width;
  const y = (value: number) => MARGIN.top + inner.height - (value / top) * inner.height;
  const shown = at !== null ? series[at] : series[series.length - 1];
  const move = (event: PointerEvent) => {
    const box = (event.currentTarget as Element).getBoundingClientRect();
    const share = (event.clientX - box.left - MARGIN.left) / inner.width;
    setAt(Math.max(0, Math.min(series.length - 1, Math.round(share * (series.length - 1)))));
  };
  return (
    <figure class="chart">
      <figcaption class="chart-head">
        <span class="chart-title">{title}</span>
        <span class="chart-legend">
          {lines.map((line) => (
            <span class="chart-key" key={line.name}>
              <span class={`chart-mark ${line.class}`} aria-hidden="true" />
              {line.name} <b>{shown ? write(line.value(shown)) : "–"}</b>
            </span>
          ))}
          <span class="faint chart-time">{at !== null && shown ? clock(new Date(shown.at_unix * 1000).toISOString()) : "latest"}</span>
        </span>
      </figcaption>
      <div ref={attach} class="chart-body">
        <svg width={width} height={HEIGHT} viewBox={`0 0 ${width} ${HEIGHT}`} role="img" aria-label={summary(title, lines, series, write)} onPointerMove={move} onPointerLeave={() => setAt(null)}>
          {[0, 0.5, 1].map((share) => (
            <g key={share}>
              <line class="grid" x1={MARGIN.left} x2={width - MARGIN.right} y1={y(top * share)} y2={y(top * share)} />
              <text class="axis" x={MARGIN.left - 8} y={y(top * share) + 4} text-anchor="end">
                {write(top * share)}
              </text>
            </g>
          ))}
          {[0, 0.5, 1].map((share) => {
            const point = series[Math.round(share * (series.length - 1))];
            return point ? (
              <text key={share} class="axis" x={x(share * (series.length - 1))} y={HEIGHT - 4} text-anchor={share === 0 ? "start" : share === 1 ? "end" : "middle"}>
                {clock(new Date(point.at_unix * 1000).toISOString())}
              </text>
            ) : null;
          })}
          {lines.map((line) => (
            <Series key={line.name} line={line} series={series} x={x} y={y} floor={MARGIN.top + inner.height} />
          ))}
          {at !== null ? <line class="cursor" x1={x(at)} x2={x(at)} y1={MARGIN.top} y2={MARGIN.top + inner.height} /> : null}
        </svg>
      </div>
    </figure>
  );
}

type SeriesProps = { line: Line; series: Point[]; x: (index: number) => number; y: (value: number) => number; floor: number };

/** One line, broken where there is no value. A value alone between gaps is a dot. */
function Series({ line, series, x, y, floor }: SeriesProps) {
  const runs: [number, number][][] = [];
  let run: [number, number][] = [];
  series.forEach((point, index) => {
    const value = line.value(point);
    if (value !== null) run.push([x(index), y(value)]);
    if ((value === null || index === series.length - 1) && run.length > 0) {
      runs.push(run);
      run = [];
    }
  });
  return (
    <g class={line.class}>
      {runs.map((points, index) => {
        const first = points[0];
        const last = points[points.length - 1];
        if (!first || !last) return null;
        if (points.length === 1) return <circle key={index} class="dot" cx={first[0]} cy={first[1]} r="1.5" />;
        const drawn = path(points);
        return (
          <g key={index}>
            {line.filled ? <path class="area" d={`${drawn}L${last[0].toFixed(1)} ${floor}L${first[0].toFixed(1)} ${floor}Z`} /> : null}
            <path class="line" d={drawn} />
          </g>
        );
      })}
    </g>
  );
}

/** The next of 1, 2 or 5 times a power of ten. */
export function ceiling(value: number): number {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  const step = [1, 2, 5, 10].find((candidate) => candidate * power >= value * 0.999) ?? 10;
  return step * power;
}

function summary(title: string, lines: Line[], series: Point[], write: (value: number | null) => string): string {
  const parts = lines.map((line) => {
    const values = series.map(line.value).filter((value): value is number => value !== null);
    return values.length ? `${line.name} from ${write(Math.min(...values))} to ${write(Math.max(...values))}` : `${line.name}: no values`;
  });
  return `${title}: ${parts.join("; ")}`;
}
