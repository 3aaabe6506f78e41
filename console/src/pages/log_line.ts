// What a line of a log says: its level, its message and the trace it belongs to, from JSON or from plain text.
import { logText, visible } from "../format";

export type ReadLine = { level: string; tone: "" | "warn" | "bad"; message: string; rest: string; trace: string | null; search: string };

const LEVELS = ["level", "severity", "lvl", "log.level", "levelname"];
const MESSAGES = ["message", "msg", "event", "text"];
const TRACES = ["trace_id", "traceId", "trace", "trace.id", "dd.trace_id"];
/** Shown in their own columns, so not again in the rest. */
const LEFT_OUT = new Set([...LEVELS, ...MESSAGES, "time", "timestamp", "ts", "@timestamp", "service", "pid", "hostname"]);
/** pino and bunyan write levels as numbers. */
const NUMBERED: Record<string, string> = { "10": "trace", "20": "debug", "30": "info", "40": "warn", "50": "error", "60": "fatal" };

export function readLine(text: string): ReadLine {
  const object = parse(text);
  const read = object ? fromObject(object) : fromText(logText(text));
  return { ...read, search: text.toLowerCase() };
}

function parse(text: string): Record<string, unknown> | null {
  if (!text.startsWith("{")) return null;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

function fromObject(object: Record<string, unknown>): Omit<ReadLine, "search"> {
  const first = (names: string[]) => names.map((name) => object[name]).find((value) => value !== undefined && value !== null);
  const raw = String(first(LEVELS) ?? "").toLowerCase();
  const level = NUMBERED[raw] ?? raw;
  const trace = String(first(TRACES) ?? "");
  const rest = Object.entries(object)
    .filter(([name]) => !LEFT_OUT.has(name) && !TRACES.includes(name))
    .map(([name, value]) => `${visible(name)}=${visible(value)}`);
  const message = first(MESSAGES);
  return {
    level: visible(level).slice(0, 8),
    tone: levelTone(level),
    message: message === undefined ? "" : visible(message),
    rest: rest.join(" "),
    trace: /^[0-9a-f]{32}$/i.test(trace) ? trace.toLowerCase() : null,
  };
}

function fromText(text: string): Omit<ReadLine, "search"> {
  const level = /\b(TRACE|DEBUG|INFO|WARN(?:ING)?|ERROR|FATAL|CRITICAL|PANIC)\b/i.exec(text.slice(0, 80))?.[1]?.toLowerCase() ?? "";
  const trace = /\btrace(?:[_-]?id)?[=: ]+"?([0-9a-f]{32})\b/i.exec(text)?.[1] ?? null;
  return { level, tone: levelTone(level), message: text, rest: "", trace: trace?.toLowerCase() ?? null };
}

function levelTone(level: string): ReadLine["tone"] {
  if (/^(error|err|fatal|critical|panic|severe|emerg|alert)/.test(level)) return "bad";
  return /^warn/.test(level) ? "warn" : "";
}
