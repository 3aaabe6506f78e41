// The filter of the requests page: written into the address, sent to the server for what has been, and applied here to
// what comes in.
import type { Entrance } from "../api/types";
import { parseDuration } from "../format";

export type Filter = { service: string; status: string; text: string; min: string };

export function filterQuery(filter: Filter, limit: number): string {
  const query = new URLSearchParams({ limit: String(limit) });
  if (filter.service) query.set("service", filter.service);
  if (filter.status === "failed" || filter.status === "ok") query.set("status", filter.status);
  if (filter.text) query.set("text", filter.text);
  const ms = parseDuration(filter.min);
  if (ms) query.set("min_duration", ms >= 1 ? `${Math.round(ms)}ms` : `${Math.round(ms * 1000)}us`);
  return query.toString();
}

export function fits(request: Entrance, filter: Filter): boolean {
  if (filter.service && request.service !== filter.service && !request.services?.includes(filter.service)) return false;
  if (filter.status === "failed" && !request.failed) return false;
  if (filter.status === "ok" && request.failed) return false;
  const ms = filter.min ? parseDuration(filter.min) : null;
  if (ms !== null && (request.duration_ms ?? 0) < ms) return false;
  if (!filter.text) return true;
  const text = filter.text.toLowerCase();
  const fields = [request.path, request.host, request.method, request.trace, request.route, request.reason, request.status];
  return fields.some((field) => field !== null && field !== undefined && String(field).toLowerCase().includes(text));
}

/** Newest first, each once, no more than `most`. */
export function join(newer: Entrance[], older: Entrance[], most: number): Entrance[] {
  const seen = new Set<string>();
  const joined: Entrance[] = [];
  for (const request of [...newer, ...older]) {
    const key = request.trace ? `${request.trace} ${request.time ?? ""}` : "";
    if (key && seen.has(key)) continue;
    if (key) seen.add(key);
    joined.push(request);
    if (joined.length === most) break;
  }
  return joined;
}
