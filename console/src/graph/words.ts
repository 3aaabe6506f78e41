// What the statuses of edges mean, in words, and what is written on a line.
import type { GraphEdge } from "../api/types";
import { duration, rate, share } from "../format";
import { errorShare } from "../parts/measure";

export const STATUSES = ["observed", "declared", "missing", "undeclared"] as const;

export function statusOf(edge: GraphEdge): (typeof STATUSES)[number] {
  return STATUSES.find((status) => status === edge.status) ?? "observed";
}

export const MEANING: Record<(typeof STATUSES)[number], string> = {
  observed: "Calls were seen.",
  declared: "Written in the configuration; no call was seen yet, and the caller has had little to do.",
  missing: "Written in the configuration, but never seen although the caller has been busy. Is the call gone, or do its requests go another way?",
  undeclared: "Calls were seen, but the configuration does not say that this service calls that one.",
};

export function edgeText(edge: GraphEdge): string {
  const status = statusOf(edge);
  if (status === "missing") return "never called";
  if (status === "declared") return "no call yet";
  if (!edge.rate_per_second) return "quiet now";
  const parts = [rate(edge.rate_per_second)];
  if (edge.latency_ms?.p99 !== null && edge.latency_ms?.p99 !== undefined) parts.push(duration(edge.latency_ms.p99));
  if (errorShare(edge)) parts.push(`${share(errorShare(edge))} err`);
  return parts.join(" · ");
}

export const edgeKey = (edge: { from: string; to: string }) => `${edge.from}→${edge.to}`;
