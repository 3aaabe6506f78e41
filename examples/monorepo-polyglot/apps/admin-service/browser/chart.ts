// Events by minute, as bars. Drawn anew with each answer: sixty bars are nothing to a browser.

import { replaceChildren, svg } from "./kit/dom.js";
import { clock, plural } from "./kit/format.js";

interface Minute {
  minute: string;
  count: number;
}

const WIDTH = 720;
const HEIGHT = 310;
const LEFT = 46;
const BOTTOM = 26;
const TOP = 10;
const GRID_LINES = 4;
const TICKS_EVERY_MINUTES = 15;

export function drawChart(target: Element, minutes: Minute[]): void {
  const most = roundUp(Math.max(...minutes.map(({ count }) => count), GRID_LINES));
  const peak = minutes.reduce((sum, { count }) => Math.max(sum, count), 0);
  const height = (value: number) => (value / most) * (HEIGHT - BOTTOM - TOP);
  const step = (WIDTH - LEFT) / Math.max(1, minutes.length);
  const grid = Array.from({ length: GRID_LINES + 1 }, (_, index) => gridLine((most / GRID_LINES) * index, height));
  const bars = minutes.map(({ minute, count }, index) => {
    const tall = count === 0 ? 2 : Math.max(4, height(count));
    const bar = svg("rect", {
      class: count === 0 ? "bar none" : "bar",
      x: LEFT + index * step + step * 0.16,
      y: HEIGHT - BOTTOM - tall,
      width: step * 0.68,
      height: tall,
      rx: Math.min(3, tall / 2),
    });
    bar.append(svg("title", {}, `${clock(minute)} · ${plural(count, "event")}`));
    return bar;
  });
  const ticks = minutes.map(({ minute }, index) =>
    new Date(minute).getMinutes() % TICKS_EVERY_MINUTES === 0
      ? tick(LEFT + (index + 0.5) * step, clock(minute))
      : undefined,
  );
  const label = `Events in each of the last ${minutes.length} minutes, at most ${peak}`;
  replaceChildren(
    target,
    svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": label }, ...grid, ...bars, ...ticks),
  );
}

function gridLine(value: number, height: (value: number) => number): SVGElement {
  const y = HEIGHT - BOTTOM - height(value);
  return svg(
    "g",
    { class: "grid" },
    svg("line", { x1: LEFT, x2: WIDTH, y1: y, y2: y }),
    svg("text", { x: LEFT - 10, y: y + 4, "text-anchor": "end" }, value),
  );
}

function tick(x: number, label: string): SVGElement {
  return svg("text", { class: "tick", x, y: HEIGHT - 6, "text-anchor": "middle" }, label);
}

/** To a number that the grid lines divide into whole and pleasant ones. */
function roundUp(value: number): number {
  const unit = 10 ** Math.max(0, Math.floor(Math.log10(value / GRID_LINES)));
  const per = [1, 2, 5, 10].map((factor) => factor * unit).find((size) => size * GRID_LINES >= value) ?? 10 * unit;
  return per * GRID_LINES;
}
