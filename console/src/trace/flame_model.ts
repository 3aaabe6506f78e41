// Which frames of a flame graph are drawn and where. Pure.
import type { Frame } from "../api/traces";

export type Drawn = { frame: Frame; left: number; width: number; above: boolean };

/** Narrower frames would be lines without a name or a place to point at. */
const PIXELS_MIN = 1;

/**
 * The frames in sight when `zoomed` fills the width: it and what is below, and what is above it as its head.
 * `first` and `last` are rows; left and width are in pixels.
 */
export function drawnFrames(frames: Frame[], zoomed: Frame | undefined, width: number, first: number, last: number): Drawn[] {
  const from = zoomed?.left ?? 0;
  const scale = width / (zoomed && zoomed.width > 0 ? zoomed.width : 1);
  const found: Drawn[] = [];
  for (const frame of frames) {
    if (frame.depth < first || frame.depth >= last) continue;
    const above = zoomed !== undefined && frame.depth < zoomed.depth;
    const left = Math.max(0, (frame.left - from) * scale);
    const right = Math.min(width, (frame.left + frame.width - from) * scale);
    if (right - left < PIXELS_MIN || right <= 0 || left >= width) continue;
    found.push({ frame, left, width: right - left, above });
  }
  return found;
}

/** Where an arrow key leads: down to the widest child, up to the parent, sideways along the row. */
export function neighbour(frames: Frame[], from: Frame, key: string): Frame | undefined {
  if (key === "ArrowUp") return frames.find((frame) => frame.frame === from.parent);
  if (key === "ArrowDown") {
    const children = frames.filter((frame) => frame.parent === from.frame);
    return children.reduce<Frame | undefined>((widest, frame) => (widest && widest.width >= frame.width ? widest : frame), undefined);
  }
  const row = frames.filter((frame) => frame.depth === from.depth);
  const at = row.findIndex((frame) => frame.frame === from.frame);
  return key === "ArrowRight" ? row[at + 1] : key === "ArrowLeft" ? row[at - 1] : undefined;
}

export function fits(frame: Frame, text: string): boolean {
  return text !== "" && `${frame.service ?? ""}\n${frame.name ?? ""}`.toLowerCase().includes(text.toLowerCase());
}
