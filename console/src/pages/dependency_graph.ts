// Dependencies, as traces and the proxy know them, as a graph that the drawing of the call graph can show. Pure.
import type { Graph, GraphEdge, GraphNode, Service } from "../api/types";
import type { Dependencies, DependencyEdge } from "../api/traces";

export function errorsOf(edge: { calls?: number | null; failed?: number | null }): number | null {
  return edge.calls ? (edge.failed ?? 0) / edge.calls : null;
}

/** Over how many seconds the calls were counted. */
export function secondsOf(found: Dependencies): number {
  const seconds = (Date.parse(found.to ?? "") - Date.parse(found.from ?? "")) / 1000;
  return Number.isFinite(seconds) && seconds > 0 ? seconds : 1;
}

/** `live` tells the states of the services that are known here; of others there is none. */
export function dependencyGraph(found: Dependencies, live: Service[]): Graph {
  const seconds = secondsOf(found);
  const edges = (found.edges ?? []).map((edge) => edgeOf(edge, seconds));
  const states = new Map(live.map((service) => [service.name, service.state ?? null]));
  const called = new Map((found.services ?? []).map((service) => [service.service, service]));
  const kinds = new Map((found.edges ?? []).map((edge) => [edge.callee, edge.kind ?? null]));
  const names = new Set([...called.keys(), ...edges.flatMap((edge) => [edge.from, edge.to])]);
  const nodes = [...names].map((id): GraphNode => {
    const calls = called.get(id)?.calls ?? null;
    const kind = kinds.get(id);
    return {
      id,
      kind: kind === "database" || kind === "external" ? kind : "service",
      state: states.get(id) ?? null,
      requests: calls,
      rate_per_second: calls === null ? null : calls / seconds,
      error_share: errorsOf(called.get(id) ?? {}),
    };
  });
  return { window_seconds: seconds, nodes, edges };
}

function edgeOf(edge: DependencyEdge, seconds: number): GraphEdge {
  return {
    from: edge.caller,
    to: edge.callee,
    status: "observed",
    requests: edge.calls ?? null,
    rate_per_second: (edge.calls ?? 0) / seconds,
    error_share: errorsOf(edge),
    latency_ms: { p50: edge.p50_ms ?? null, p99: edge.p99_ms ?? null },
    kind: edge.kind ?? null,
    source: edge.source ?? null,
  };
}

const KEYS = new Map<string, (edge: DependencyEdge) => number | string | null>([
  ["caller", (edge) => edge.caller],
  ["callee", (edge) => edge.callee],
  ["calls", (edge) => edge.calls ?? null],
  ["errors", errorsOf],
  ["p50", (edge) => edge.p50_ms ?? null],
  ["p99", (edge) => edge.p99_ms ?? null],
]);

/** Rows without a value come last in either order. */
export function sortEdges(edges: DependencyEdge[], sort: string): DependencyEdge[] {
  const reverse = sort.startsWith("-");
  const key = KEYS.get(reverse ? sort.slice(1) : sort) ?? ((edge: DependencyEdge) => edge.caller);
  return [...edges].sort((one, other) => {
    const [a, b] = [key(one), key(other)];
    if (a === null || b === null) return Number(a === null) - Number(b === null);
    const order = typeof a === "string" ? a.localeCompare(String(b)) : a - Number(b);
    return (reverse ? -order : order) || one.caller.localeCompare(other.caller) || one.callee.localeCompare(other.callee);
  });
}
