// Time as places on a line.

export type Range = { from: number; to: number };

/** Where a moment is, in per cent of the range. */
export function part(value: number, range: Range): number {
  return Math.round(((value - range.from) / Math.max(1e-9, range.to - range.from)) * 100_000) / 1000;
}

/** Round moments for the scale above bars. */
export function ticks(from: number, to: number, most: number): number[] {
  const range = to - from;
  if (!(range > 0) || !Number.isFinite(range)) return [from];
  const power = 10 ** Math.floor(Math.log10(range / most));
  const step = ([1, 2, 5, 10].find((candidate) => range / (candidate * power) <= most) ?? 10) * power;
  const found: number[] = [];
  for (let at = Math.ceil(from / step - 1e-9) * step; at <= to + step * 1e-6 && found.length <= most + 1; at += step) found.push(at + 0);
  return found;
}

/** Steps of a scale of clock times, in seconds. */
const CLOCK_STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800];

/** Round moments of the reader's clock between two times, in milliseconds since 1970; `zoneMs` is what the clock is ahead. */
export function clockTicks(from: number, to: number, most: number, zoneMs: number): number[] {
  const range = to - from;
  if (!(range > 0) || !Number.isFinite(range)) return [];
  const weeks = Math.ceil(range / 604_800_000 / Math.max(1, most));
  const step = (CLOCK_STEPS.find((seconds) => range / (seconds * 1000) <= most) ?? 604_800 * weeks) * 1000;
  const found: number[] = [];
  for (let at = Math.ceil((from + zoneMs) / step) * step - zoneMs; at <= to; at += step) found.push(at);
  return found;
}

/** Powers of ten between two durations, with 2 and 5 between where there are few: marks of a logarithmic scale. */
export function decades(least: number, most: number): number[] {
  const found: number[] = [];
  const first = Math.floor(Math.log10(Math.max(least, 1e-6)));
  const last = Math.ceil(Math.log10(Math.max(most, 1e-6)));
  const steps = last - first <= 2 ? [1, 2, 5] : [1];
  for (let power = first; power <= last && power - first < 24; power += 1) {
    for (const step of steps) {
      const value = step * 10 ** power;
      if (value >= least * 0.999 && value <= most * 1.001) found.push(value);
    }
  }
  return found;
}
