// The whole trace in small: one line per span, coloured by its service. Dragging over it shows that time alone.
import { useEffect, useRef, useState } from "preact/hooks";
import { duration } from "../format";
import { hueClass } from "../known";
import { useWidth } from "../hooks";

import { theme } from "../theme";
import type { TraceModel } from "./model";

const HEIGHT = 56;
/** A drag shorter than this is a click, which shows everything again. */
const DRAG_MIN = 4;

type Range = { from: number; to: number };
type Props = { model: TraceModel; range: Range; choose: (range: Range | null) => void };

export function Overview({ model, range, choose }: Props) {
  const [attach, width] = useWidth<HTMLDivElement>(800);
  const canvas = useRef<HTMLCanvasElement>(null);
  const [drag, setDrag] = useState<{ from: number; to: number } | null>(null);
  const scheme = useScheme();
  useEffect(() => {
    if (canvas.current) draw(canvas.current, model, width);
  }, [model, width, theme.value, scheme]);
  const at = (event: PointerEvent) => {
    const box = (event.currentTarget as Element).getBoundingClientRect();
    return Math.max(0, Math.min(width, event.clientX - box.left));
  };
  const finish = () => {
    if (!drag) return;
    const [from, to] = [Math.min(drag.from, drag.to), Math.max(drag.from, drag.to)];
    choose(to - from < DRAG_MIN ? null : { from: (from / width) * model.duration, to: (to / width) * model.duration });
    setDrag(null);
  };
  const left = drag ? Math.min(drag.from, drag.to) : (range.from / model.duration) * width;
  const right = drag ? Math.max(drag.from, drag.to) : (range.to / model.duration) * width;
  const whole = !drag && range.from <= 0 && range.to >= model.duration;
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
        <canvas ref={canvas} class="overview-canvas" role="img" aria-label={`The whole trace, ${duration(model.duration)} and ${model.rows.length} spans`} />
        {whole ? null : (
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
function useScheme(): boolean {
  const [dark, setDark] = useState(() => matchMedia("(prefers-color-scheme: dark)").matches);
  useEffect(() => {
    const query = matchMedia("(prefers-color-scheme: dark)");
    const listen = () => setDark(query.matches);
    query.addEventListener("change", listen);
    return () => query.removeEventListener("change", listen);
  }, []);
  return dark;
}

function draw(canvas: HTMLCanvasElement, model: TraceModel, width: number): void {
  const scale = devicePixelRatio || 1;
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(HEIGHT * scale);
  const context = canvas.getContext("2d");
  if (!context || !model.duration) return;
  const colours = coloursOf(canvas, [...model.services.map((service) => service.name)]);
  const high = canvas.height / model.rows.length;
  const thick = Math.max(1, Math.min(high * 0.7, 4 * scale));
  for (const row of model.rows) {
    context.fillStyle = colours.get(row.span.service ?? "unknown") ?? "#888";
    const left = (row.offset / model.duration) * canvas.width;
    context.fillRect(left, row.index * high, Math.max(1, (row.duration / model.duration) * canvas.width), thick);
  }
}

/** A canvas knows no classes: each colour is asked of an element that has the class. */
function coloursOf(canvas: HTMLCanvasElement, services: string[]): Map<string, string> {
  const probe = document.createElement("span");
  canvas.parentElement?.append(probe);
  const found = new Map<string, string>();
  for (const service of services) {
    probe.className = `probe ${hueClass(service)}`;
    found.set(service, getComputedStyle(probe).color);
  }
  probe.remove();
  return found;
}
