// The places of points in the picture of a search: time to the right, duration upwards on a logarithmic scale. Pure.
import type { ScatterPoint } from "../api/traces";

export type Box = { left: number; top: number; width: number; height: number };

export type Scale = {
  x: (offsetMs: number) => number;
  y: (durationMs: number) => number;
  /** The opposite ways, from pixels. */
  offset: (x: number) => number;
  duration: (y: number) => number;
  least: number;
  most: number;
};

/** Shorter durations stand on the lowest line. */
const LEAST_MS = 0.001;

export function scaleOf(points: ScatterPoint[], wholeMs: number, box: Box): Scale {
  const durations = points.map((point) => Math.max(LEAST_MS, point.duration_ms ?? 0));
  const [low, high] = [durations.reduce((least, one) => Math.min(least, one), Infinity), durations.reduce((most, one) => Math.max(most, one), 0)];
  // A little room on either side, and never a scale without extent.
  const least = Math.min(Number.isFinite(low) ? low : 1, high || 1) / 1.4;
  const most = Math.max(high || 1, least * 4) * 1.4;
  const whole = wholeMs > 0 ? wholeMs : 1;
  const [from, to] = [Math.log(least), Math.log(most)];
  return {
    x: (offset) => box.left + (Math.max(0, Math.min(whole, offset)) / whole) * box.width,
    y: (duration) => box.top + box.height - ((Math.log(Math.max(least, Math.min(most, duration))) - from) / (to - from)) * box.height,
    offset: (x) => Math.max(0, Math.min(1, (x - box.left) / box.width)) * whole,
    duration: (y) => Math.exp(from + Math.max(0, Math.min(1, (box.top + box.height - y) / box.height)) * (to - from)),
    least,
    most,
  };
}

/** Larger with the number of spans, by its logarithm. */
export function radius(spans: number | null | undefined): number {
  return 3 + Math.min(5, Math.log10(1 + (spans ?? 0)) * 1.6);
}

/** The point nearest to a place, if one is within reach. */
export function nearest(points: ScatterPoint[], scale: Scale, x: number, y: number, reach: number): number {
  let best = -1;
  let least = reach * reach;
  points.forEach((point, at) => {
    const across = scale.x(point.offset_ms ?? 0) - x;
    const up = scale.y(point.duration_ms ?? 0) - y;
    const far = across * across + up * up;
    if (far <= least) {
      least = far;
      best = at;
    }
  });
  return best;
}

/** Two significant digits are enough for a limit that was drawn by hand. */
export function handDrawn(ms: number): string {
  if (ms < 1) return `${Math.max(1, Math.round(ms * 1000))}us`;
  return `${Number(ms.toPrecision(2))}ms`;
}
