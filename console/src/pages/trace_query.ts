// What the search of traces makes of the address: the question to the server, and the conditions as a person writes them.
// Pure.
import { parseDuration } from "../format";

export type TraceFilter = {
  services: string[];
  operation: string;
  kind: string;
  status: string;
  /** Conditions on attributes, as typed: `http.route=/orders !retry "user.name=J. Doe"`. */
  tags: string;
  /** A filter in JSON, for AND, OR and NOT. */
  filter: string;
  min: string;
  max: string;
  since: string;
  until: string;
};

export const KINDS = ["server", "client", "internal", "producer", "consumer"] as const;
export const STATUSES = ["error", "ok", "unset"] as const;
export const SINCE = ["5m", "15m", "1h", "6h", "24h", "7d"] as const;

/** Cuts conditions at spaces; what stands in double quotes stays together, and `\"` is a quote. */
export function readTags(text: string): string[] {
  const found: string[] = [];
  let word = "";
  let quoted = false;
  for (let at = 0; at < text.length; at += 1) {
    const letter = text[at] ?? "";
    if (letter === "\\" && /["\\]/.test(text[at + 1] ?? "")) {
      word += text[at + 1];
      at += 1;
    } else if (letter === '"') quoted = !quoted;
    else if (/\s/.test(letter) && !quoted) {
      if (word) found.push(word);
      word = "";
    } else word += letter;
  }
  if (word) found.push(word);
  return found;
}

/** The opposite: conditions as one line. */
export function writeTags(tags: string[]): string {
  return tags.map((tag) => (/[\s"\\]/.test(tag) ? `"${tag.replace(/["\\]/g, "\\$&")}"` : tag)).join(" ");
}

/** Adds a condition, or takes it out where it is there. */
export function toggleTag(text: string, tag: string): string {
  const tags = readTags(text);
  return writeTags(tags.includes(tag) ? tags.filter((one) => one !== tag) : [...tags, tag]);
}

/** What is wrong with what was typed, by field; nothing is sent before it is mended. */
export function mistakes(filter: TraceFilter): Partial<Record<keyof TraceFilter, string>> {
  const wrong: Partial<Record<keyof TraceFilter, string>> = {};
  const [min, max] = [parseDuration(filter.min), parseDuration(filter.max)];
  if (filter.min && min === null) wrong.min = "a duration looks like 250ms";
  if (filter.max && max === null) wrong.max = "a duration looks like 2s";
  if (min !== null && max !== null && filter.min && filter.max && max < min) wrong.max = "it is shorter than the shortest";
  if (filter.filter && !isObject(filter.filter)) wrong.filter = "it is not a JSON object";
  return wrong;
}

function isObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}

/** The parameters of the question, without those that only say how much of the answer is wanted. */
export function traceQuery(filter: TraceFilter): URLSearchParams {
  const query = new URLSearchParams();
  for (const service of filter.services) query.append("service", service);
  const put = (name: string, value: string) => value && query.set(name, value);
  put("operation", filter.operation);
  if ((KINDS as readonly string[]).includes(filter.kind)) put("kind", filter.kind);
  if ((STATUSES as readonly string[]).includes(filter.status)) put("status", filter.status);
  for (const tag of readTags(filter.tags)) query.append("attribute", tag);
  if (isObject(filter.filter)) put("filter", filter.filter);
  put("min_duration", writeDuration(filter.min));
  put("max_duration", writeDuration(filter.max));
  put("since", filter.since);
  put("until", filter.until);
  return query;
}

/** As the server reads durations: whole, with a unit. */
function writeDuration(text: string): string {
  const ms = text ? parseDuration(text) : null;
  if (ms === null) return "";
  return ms >= 1 && Number.isInteger(ms) ? `${ms}ms` : `${Math.round(ms * 1000)}us`;
}

export function isFiltered(filter: TraceFilter): boolean {
  return Object.values(filter).some((value) => value.length > 0);
}

export type Order = "start" | "duration" | "spans" | "failed";

type Sortable = { duration_ms?: number | null; spans?: number | null; failed?: number | null };

/** The traces of a page in another order than the newest first; a map, as the name comes from the address. */
const KEYS = new Map<string, (trace: Sortable) => number>([
  ["duration", (trace) => trace.duration_ms ?? -1],
  ["spans", (trace) => trace.spans ?? -1],
  ["failed", (trace) => trace.failed ?? -1],
]);

export function sortTraces<T extends Sortable>(traces: T[], sort: string): T[] {
  const reverse = sort.startsWith("-");
  const name = reverse ? sort.slice(1) : sort;
  if (name === "start" && !reverse) return [...traces].reverse();
  const key = KEYS.get(name);
  if (!key) return traces;
  // The sort is stable: what is equal stays newest first.
  return [...traces].sort((one, other) => (reverse ? key(other) - key(one) : key(one) - key(other)));
}
