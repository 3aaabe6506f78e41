// How numbers, times and foreign text are written. Every page uses these, so that one thing looks the same everywhere.
// A missing number is an en dash, never a zero: zero is a measurement.

export const NOTHING = "–";

/** Three significant digits without needless zeros, and a magnitude above ten thousand. */
export function number(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return NOTHING;
  const size = Math.abs(value);
  if (size >= 1e9) return `${digits(value / 1e9)}G`;
  if (size >= 1e6) return `${digits(value / 1e6)}M`;
  if (size >= 1e4) return `${digits(value / 1e3)}k`;
  return digits(value);
}

function digits(value: number): string {
  const size = Math.abs(value);
  if (size === 0) return "0";
  if (size >= 100) return String(Math.round(value));
  if (size >= 10) return trim(value.toFixed(1));
  if (size < 0.01) return "<0.01";
  return trim(value.toFixed(2));
}

function trim(text: string): string {
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

/** A whole count with thin spaces between thousands. */
export function count(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return NOTHING;
  return String(Math.round(value)).replace(/\B(?=(\d{3})+(?!\d))/g, "\u202F");
}

/** Requests per second. */
export function rate(value: number | null | undefined): string {
  return value === null || value === undefined || !Number.isFinite(value) ? NOTHING : `${number(value)}/s`;
}

/** A share of 0 to 1 as per cent. What is not zero is never written as 0 %. */
export function share(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return NOTHING;
  const percent = value * 100;
  if (percent === 0) return "0%";
  if (percent < 0.1) return "<0.1%";
  if (percent > 99.9 && percent < 100) return ">99.9%";
  return `${percent >= 10 ? Math.round(percent) : trim(percent.toFixed(1))}%`;
}

/** A duration given in milliseconds, in the unit that keeps it short. */
export function duration(ms: number | null | undefined): string {
  if (ms === null || ms === undefined || !Number.isFinite(ms)) return NOTHING;
  const size = Math.abs(ms);
  if (size === 0) return "0";
  if (size < 0.9995) return size < 0.001 ? "<1µs" : `${digits(ms * 1000)}µs`;
  if (size < 999.5) return `${digits(ms)}ms`;
  if (size < 59_950) return `${trim((ms / 1000).toFixed(2))}s`;
  return span(ms / 1000);
}

/** How long something has lasted, given in seconds. */
export function span(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return NOTHING;
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 60) return `${whole}s`;
  if (whole < 3600) return pair(whole, 60, "m", "s");
  if (whole < 86_400) return pair(Math.floor(whole / 60), 60, "h", "m");
  return pair(Math.floor(whole / 3600), 24, "d", "h");
}

function pair(value: number, base: number, large: string, small: string): string {
  const rest = value % base;
  return `${Math.floor(value / base)}${large}${rest ? ` ${rest}${small}` : ""}`;
}

/** The time of day, to the millisecond if asked. */
export function clock(time: string | null | undefined, millis = false): string {
  const date = time ? new Date(time) : null;
  if (!date || Number.isNaN(date.getTime())) return NOTHING;
  const two = (value: number) => String(value).padStart(2, "0");
  const text = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  return millis ? `${text}.${String(date.getMilliseconds()).padStart(3, "0")}` : text;
}

/** Date and time, for titles. */
export function moment(time: string | null | undefined): string {
  const date = time ? new Date(time) : null;
  if (!date || Number.isNaN(date.getTime())) return NOTHING;
  const two = (value: number) => String(value).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${clock(time, true)}`;
}

/** Reads "250ms", "1.5s", "2m" or a bare number of milliseconds. */
export function parseDuration(text: string): number | null {
  const found = /^\s*(\d+(?:\.\d+)?)\s*(us|µs|ms|s|m|h)?\s*$/.exec(text);
  if (!found) return null;
  const factor = { us: 0.001, "µs": 0.001, ms: 1, s: 1000, m: 60_000, h: 3_600_000 }[found[2] ?? "ms"] ?? 1;
  return Number(found[1]) * factor;
}

const ESCAPES = /\u001b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[@-Z\\-_])/g;
/** Controls, and the marks that turn the direction of text: shown, never obeyed. */
const HIDDEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028\u2029\u202a-\u202e\u2060-\u2069\ufeff]/g;

/** Text that somebody else wrote, made harmless to read: hidden characters become visible. */
export function visible(value: unknown): string {
  const text = typeof value === "string" ? value : value === null || value === undefined ? "" : plain(value);
  return text.replace(HIDDEN, (character) => {
    const code = character.charCodeAt(0);
    if (code < 32) return String.fromCharCode(0x2400 + code);
    if (code === 127) return "\u2421";
    return `\u27e8${code.toString(16).toUpperCase().padStart(4, "0")}\u27e9`;
  });
}

function plain(value: unknown): string {
  if (typeof value !== "object") return String(value);
  try {
    return JSON.stringify(value) ?? "";
  } catch {
    return String(value);
  }
}

/** A line of a log: colours are taken out, what else is hidden is shown. */
export function logText(text: string): string {
  return visible(text.replace(ESCAPES, ""));
}

/** A link is followed only if it leads to a page: `javascript:` and its like are not links. */
export function safeHref(url: string | null | undefined): string | null {
  return url && /^https?:\/\/[^\s]+$/i.test(url) ? url : null;
}

/** A stable number from a name, for its colour. */
export function hash(name: string): number {
  let value = 2166136261;
  for (let at = 0; at < name.length; at += 1) value = Math.imul(value ^ name.charCodeAt(at), 16777619);
  return value >>> 0;
}
