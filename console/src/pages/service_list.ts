// What the table of services does with its rows: bring them up to the moment, and put them in order.
import type { Service, Snapshot } from "../api/types";

/** The window of the numbers in a snapshot, unless it says otherwise. */
const SNAPSHOT_SECONDS = 60;

/** States are taken from the stream at once; measured numbers only if they are over the same window. */
export function mergeLive(services: Service[], live: Snapshot | null, seconds: number): Service[] {
  if (!live?.services) return services;
  const same = (live.window_seconds ?? SNAPSHOT_SECONDS) === seconds;
  const known = new Map(live.services.map((service) => [service.name, service]));
  return services.map((service) => {
    const now = known.get(service.name);
    if (!now) return service;
    const merged = same ? { ...service, ...now } : { ...service };
    if (!same) {
      merged.state = now.state ?? service.state;
      merged.detail = now.detail === undefined ? service.detail : now.detail;
      merged.in_flight = now.in_flight ?? service.in_flight;
      merged.held = now.held ?? service.held;
      merged.restarts = now.restarts ?? service.restarts;
      merged.pid = now.pid === undefined ? service.pid : now.pid;
    }
    merged.series = service.series;
    merged.endpoints = service.endpoints;
    return merged;
  });
}

const TROUBLE_FIRST = ["failed", "down", "backing_off", "unhealthy", "stopping", "draining", "starting", "waiting", "building", "maint", "stopped", "ready"];

type Key = string | number | null | undefined;

/** A map, as the name of the column comes from the address: an object would also answer to `__proto__`. */
const KEYS = new Map<string, (service: Service) => Key>([
  ["name", (service) => service.name],
  ["state", (service) => TROUBLE_FIRST.indexOf(service.state ?? "")],
  ["rate", (service) => service.rate_per_second],
  ["errors", (service) => service.error_share],
  ["p50", (service) => service.latency_ms?.p50],
  ["p99", (service) => service.latency_ms?.p99],
  ["in_flight", (service) => service.in_flight],
  ["restarts", (service) => service.restarts],
  ["since", (service) => service.since_seconds],
]);

/** `sort` is a column, with "-" before it for the reverse. Rows without a value come last either way. */
export function sortServices(services: Service[], sort: string): Service[] {
  const reverse = sort.startsWith("-");
  const key = KEYS.get(reverse ? sort.slice(1) : sort) ?? ((service: Service) => service.name);
  return [...services].sort((one, other) => {
    const order = compare(key(one), key(other), reverse);
    return order || one.name.localeCompare(other.name);
  });
}

function compare(one: Key, other: Key, reverse: boolean): number {
  const absent = Number(one === null || one === undefined) - Number(other === null || other === undefined);
  if (absent !== 0) return absent;
  if (one === null || one === undefined || other === null || other === undefined) return 0;
  const order = typeof one === "string" ? one.localeCompare(String(other)) : one - Number(other);
  return reverse ? -order : order;
}
