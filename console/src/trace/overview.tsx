// The whole trace in small: its longest spans by time and depth, coloured by service, and where it waited below them.
// Dragging over it shows that time alone.
import { useEffect, useRef, useState } from "preact/hooks";
import type { MiniSpan } from "../api/traces";
import { count, duration } from "../format";
import { hueClass } from "../known";
import { useWidth } from "../hooks";
import { theme } from "../theme";
import type { Range } from "./scale";

const HEIGHT = 56;
/** A drag shorter than this is a click, which shows everything again. */
const DRAG_MIN = 4;

type Props = { spans: MiniSpan[]; whole: number; total: number; range: Range; choose: (range: Range | null) => void };

export function Overview({ spans, whole, total, range, choose }: Props) {
  const [attach, width] = useWidth<HTMLDivElement>(800);
  const canvas = useRef<HTMLCanvasElement>(null);
  const [drag, setDrag] = useState<Range | null>(null);
  const scheme = useScheme();
  useEffect(() => {
    if (canvas.current) draw(canvas.current, spans, whole, width);
  }, [spans, whole, width, theme.value, scheme]);
  const at = (event: PointerEvent) => {
    const box = (event.currentTarget as Element).getBoundingClientRect();
    return Math.max(0, Math.min(width, event.clientX - box.left));
  };
  const finish = () => {
    if (!drag) return;
    const [from, to] = [Math.min(drag.from, drag.to), Math.max(drag.from, drag.to)];
    choose(to - from < DRAG_MIN ? null : { from: (from / width) * whole, to: (to / width) * whole });
    setDrag(null);
  };
  const left = drag ? Math.min(drag.from, drag.to) : (range.from / whole) * width;
  const right = drag ? Math.max(drag.from, drag.to) : (range.to / whole) * width;
  const all = !drag && range.from <= 0 && range.to >= whole;
  return (
    <div class="overview" ref={attach}>
      <div
        class="overview-body"
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          setDrag({ from: at(event), to: at(event) });
        }}
        onPointerMove={(event) => drag && setDrag({ ...drag, to: at(event) })}
        onPointerUp={finish}
        onPointerCancel={() => setDrag(null)}
        title="Drag to show a part, click to show all"
      >
        <canvas ref={canvas} class="overview-canvas" role="img" aria-label={`The whole trace, ${duration(whole)} and ${count(total)} spans`} />
        {all ? null : (
          <svg class="overview-range" width={width} height={HEIGHT} aria-hidden="true">
            <rect class="overview-shade" width={Math.max(0, left)} height={HEIGHT} />
            <rect class="overview-shade" x={right} width={Math.max(0, width - right)} height={HEIGHT} />
            <rect class="overview-frame" x={left + 0.5} y="0.5" width={Math.max(1, right - left - 1)} height={HEIGHT - 1} />
          </svg>
        )}
      </div>
    </div>
  );
}

/** Drawn anew when the system changes between light and dark. */
export function useScheme(): boolean {
  const [dark, setDark] = useState(() => matchMedia("(prefers-color-scheme: dark)").matches);
  useEffect(() => {
    const query = matchMedia("(prefers-color-scheme: dark)");
    const listen = () => setDark(query.matches);
    query.addEventListener("change", listen);
    return () => query.removeEventListener("change", listen);
  }, []);
  return dark;
}

function draw(canvas: HTMLCanvasElement, spans: MiniSpan[], whole: number, width: number): void {
  const scale = devicePixelRatio || 1;
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(HEIGHT * scale);
  const context = canvas.getContext("2d");
  if (!context || !(whole > 0)) return;
  const colours = coloursOf(canvas, spans.map((span) => span.service ?? ""));
  const lanes = lanesOf(spans);
  const high = (canvas.height - 2 * scale) / Math.max(1, lanes.count);
  const thick = Math.max(1, Math.min(high * 0.7, 5 * scale));
  spans.forEach((span, at) => {
    const x = ((span.offset_ms ?? 0) / whole) * canvas.width;
    const y = scale + (lanes.of[at] ?? 0) * high;
    const wide = Math.max(scale, ((span.duration_ms ?? 0) / whole) * canvas.width);
    context.fillStyle = colours.get(span.service ?? "") ?? "#888";
    context.fillRect(x, y, wide, thick);
    if (span.failed) {
      context.fillStyle = colours.get(FAILED) ?? "#c00";
      context.fillRect(x, y + thick, Math.max(2 * scale, wide), Math.max(1, scale));
    }
  });
}

/** Spans of one depth that overlap get lanes of their own, as long as there is room. */
function lanesOf(spans: MiniSpan[]): { of: number[]; count: number } {
  const ends = new Map<number, number[]>();
  const inner = spans.map((span) => {
    const depth = span.depth ?? 0;
    const lanes = ends.get(depth) ?? [];
    ends.set(depth, lanes);
    const from = span.offset_ms ?? 0;
    let lane = lanes.findIndex((end) => end <= from);
    if (lane < 0) lane = lanes.length < LANES_MAX ? lanes.length : LANES_MAX - 1;
    lanes[lane] = from + (span.duration_ms ?? 0);
    return { depth, lane };
  });
  const begins = new Map<number, number>();
  let count = 0;
  for (const depth of [...ends.keys()].sort((one, other) => one - other)) {
    begins.set(depth, count);
    count += ends.get(depth)?.length ?? 0;
  }
  return { of: inner.map(({ depth, lane }) => (begins.get(depth) ?? 0) + lane), count };
}

const LANES_MAX = 6;
const FAILED = "\u0000failed";

/** A canvas knows no classes: each colour is asked of an element that has the class. */
function coloursOf(canvas: HTMLCanvasElement, services: string[]): Map<string, string> {
  const probe = document.createElement("span");
  canvas.parentElement?.append(probe);
  const found = new Map<string, string>();
  for (const service of new Set(services)) {
    probe.className = `probe ${hueClass(service)}`;
    found.set(service, getComputedStyle(probe).color);
  }
  probe.className = "probe probe-bad";
  found.set(FAILED, getComputedStyle(probe).color);
  probe.remove();
  return found;
}
