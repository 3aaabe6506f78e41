// What the page of policies makes of the documents: one row for each breaker, retry, bulkhead and their like, the rows of
// one service or route together, in the order that the reader chose. Pure.
import type { Adaptive, Breaker, Bulkhead, Cluster, Configured, Endpoint, Hedge, Policies, Policy, PolicyEvent, RateLimiter, Retry, Setting } from "../api/types";
import { count, duration, span } from "../format";
import type { Tone } from "../parts/state";

export const KINDS = ["breaker", "retry", "hedge", "rate limiter", "bulkhead", "adaptive limit", "shed", "fallback", "cluster", "time limit", "outlier"] as const;

export type Kind = (typeof KINDS)[number];

/** A share of calls in per cent, `null` while there are too few, and from where on it is too much, if that is known. */
export type Rate = { percent: number | null; threshold: number | null };

/** A number and what it counts. */
export type Figure = { value: string; of: string };

export type Row = {
  policy: string;
  kind: Kind;
  /** Resilience4j's word for a breaker, and one of ours for what else can be in a state. */
  state: string | null;
  dryRun: boolean;
  failing: Rate | null;
  slow: Rate | null;
  calls: Figure[];
  permits: Figure[];
  refused: number | null;
  /** What a breaker does at the moment, in a sentence; empty where the state says all. */
  now: string;
};

/** Whom a policy protects, and from which calls; what does not apply is empty. */
export type Owner = { service: string; route: string; caller: string; endpoint: string };

/** The rows of a service, of one of its routes, of the calls of one caller, or of one endpoint. */
export type Target = Owner & { policy: string; rows: Row[] };

/** A policy is named like its service, `service/route` or `caller->service`, with `@address` behind it if it is one endpoint's. */
export function owner(policy: string): Owner {
  const [name, endpoint] = cut(policy, "@");
  const [caller, callee] = name.includes("->") ? cut(name, "->") : ["", name];
  const [service, route] = cut(callee, "/");
  return { service, route, caller, endpoint };
}

function cut(text: string, at: string): [string, string] {
  const found = text.indexOf(at);
  return found < 0 ? [text, ""] : [text.slice(0, found), text.slice(found + at.length)];
}

export function targets(document: Policies | null): Target[] {
  const all = Object.entries(document?.policies ?? {});
  return all.map(([policy, found]) => ({ policy, ...owner(policy), rows: rowsOf(policy, found ?? {}) })).filter((target) => target.rows.length > 0);
}

/** The breakers that are not CLOSED, by the service that they protect. */
export function openBreakers(document: Policies | null): Map<string, Row[]> {
  const found = new Map<string, Row[]>();
  for (const target of targets(document)) {
    const open = target.rows.filter((row) => row.kind === "breaker" && row.state !== "CLOSED" && row.state !== null);
    if (open.length) found.set(target.service, [...(found.get(target.service) ?? []), ...open]);
  }
  return found;
}

const NO_ROW: Omit<Row, "policy" | "kind"> = { state: null, dryRun: false, failing: null, slow: null, calls: [], permits: [], refused: null, now: "" };

function rowsOf(policy: string, found: Policy): Row[] {
  const rows: Row[] = [];
  const add = (kind: Kind, row: Partial<Row>) => rows.push({ ...NO_ROW, policy, kind, ...row });
  if (found.circuitbreaker) add("breaker", breaker(found.circuitbreaker));
  if (found.retry) add("retry", retry(found.retry));
  if (found.hedge) add("hedge", hedge(found.hedge));
  if (found.ratelimiter) add("rate limiter", rateLimiter(found.ratelimiter));
  if (found.bulkhead) add("bulkhead", bulkhead(found.bulkhead));
  if (found.adaptive) add("adaptive limit", adaptive(found.adaptive));
  // These two are counters alone. Older servers do not say where they are written; there they appear once they have counted.
  const written = found.others ?? [];
  if (found.shed || written.includes("shed")) add("shed", { refused: found.shed ?? null });
  if (found.fallbacks || written.includes("fallback")) add("fallback", { calls: [figure(found.fallbacks, "answered instead")] });
  if (found.cluster) add("cluster", cluster(found.cluster));
  return rows;
}

function figure(value: number | null | undefined, of: string): Figure {
  return { value: count(value), of };
}

function breaker(found: Breaker): Partial<Row> {
  const trials = found.trialsLeft;
  return {
    state: found.state ?? null,
    dryRun: found.dry_run ?? false,
    failing: rate(found.failureRate, found.failureRateThreshold),
    slow: rate(found.slowCallRate, found.slowCallRateThreshold),
    calls: [figure(found.bufferedCalls, found.bufferedCalls === 1 ? "call" : "calls"), figure(found.failedCalls, "failed"), figure(found.slowCalls, "slow")],
    permits: trials === null || trials === undefined ? [] : [figure(trials, trials === 1 ? "trial left" : "trials left")],
    refused: found.notPermittedCalls ?? null,
    now: sentence(found),
  };
}

function sentence(found: Breaker): string {
  const after = found.retryAfterSeconds;
  const failing = found.failureRate !== null && found.failureRate !== undefined && found.failureRate >= 0 ? `, ${percent(found.failureRate)} of the calls failed` : "";
  switch (found.state) {
    case "OPEN":
      return `Calls are refused${failing}. ${after === null || after === undefined ? "Trial calls follow." : after < 1 ? "The next call is a trial." : `Trial calls in ${span(Math.ceil(after))}.`}`;
    case "HALF_OPEN":
      return "A few trial calls find out how the service is; others are refused.";
    case "FORCED_OPEN":
      return "Somebody opened it: every call is refused until it is closed or reset.";
    case "DISABLED":
      return "Somebody disabled it: every call passes, and none is counted.";
    case "METRICS_ONLY":
      return "Every call passes: it counts, and refuses nothing.";
    default:
      return "";
  }
}

function rate(value: number | null | undefined, threshold: number | string | null | undefined): Rate {
  const known = threshold === null || threshold === undefined ? Number.NaN : typeof threshold === "number" ? threshold : Number.parseFloat(threshold);
  return {
    percent: value === null || value === undefined || value < 0 ? null : value,
    threshold: Number.isFinite(known) ? known : null,
  };
}

function retry(found: Retry): Partial<Row> {
  const calls = found.calls ?? {};
  const all = Object.values(calls).reduce((sum, value) => sum + value, 0);
  const budget = found.budget;
  return {
    state: budget === 0 ? "spent" : null,
    calls: [figure(all, "in all"), figure(found.repeated, "repeated"), figure(calls.failed_with_retry ?? 0, "gave up")],
    permits: budget === null || budget === undefined ? [] : [figure(budget, "repetitions left")],
    refused: found.budgetExhausted ?? null,
  };
}

function hedge(found: Hedge): Partial<Row> {
  const after = found.delaySeconds;
  return {
    dryRun: found.dry_run ?? false,
    calls: [figure(found.made, "made"), figure(found.won, "won")],
    permits: [after === null || after === undefined ? { value: "–", of: "delay, too little is known" } : { value: duration(after * 1000), of: "delay" }],
    refused: found.budgetExhausted ?? null,
  };
}

function rateLimiter(found: RateLimiter): Partial<Row> {
  const { availablePermissions: left, limitRefreshPeriodSeconds: period } = found;
  const each = period === null || period === undefined ? "" : ` each ${duration(period * 1000)}`;
  const taken = left !== null && left !== undefined && left < 0 ? [figure(-left, "taken of later periods")] : [];
  return {
    state: left === null || left === undefined ? null : left <= 0 ? "spent" : "free",
    dryRun: found.dry_run ?? false,
    calls: [figure(found.permitted, "permitted")],
    permits: [figure(left === null || left === undefined ? left : Math.max(0, left), `of ${count(found.limitForPeriod)}${each} left`), ...taken],
    refused: found.refused ?? null,
  };
}

/** Whether the store that processes share answers; without it each decides alone. */
function cluster(found: Cluster): Partial<Row> {
  const known = found.away !== null && found.away !== undefined;
  return {
    state: known ? (found.away ? "away" : "connected") : null,
    calls: [figure(found.decided_alone, "decided alone")],
    now: found.away ? "The store that processes share does not answer: each decides alone." : "",
  };
}

function bulkhead(found: Bulkhead): Partial<Row> {
  const free = found.availableConcurrentCalls;
  const max = found.maxAllowedConcurrentCalls;
  const used = free === null || free === undefined || max === null || max === undefined ? null : Math.max(0, max - free);
  return {
    state: free === 0 ? "full" : "free",
    dryRun: found.dry_run ?? false,
    permits: [figure(free, `of ${count(max)} free`), figure(used, "in use"), figure(found.waiting, "waiting")],
    refused: found.rejected ?? null,
  };
}

function adaptive(found: Adaptive): Partial<Row> {
  const { limit, running } = found;
  const free = limit === null || limit === undefined || running === null || running === undefined ? null : Math.max(0, limit - running);
  return {
    state: free === 0 ? "full" : "free",
    dryRun: found.dry_run ?? false,
    permits: [figure(free, `of ${count(limit)} free`), figure(running, "in use")],
    refused: found.rejected ?? null,
  };
}

type Known = { name: string; endpoints?: Endpoint[] };

/** Adds what stands in the configuration and has no counters of its own: time limits that somebody wrote, and outliers. */
export function withConfigured(found: Target[], configured: Configured[], services: Known[]): Target[] {
  const all = new Map(found.map((target) => [target.policy, target]));
  const endpoints = new Map(services.map((service) => [service.name, service.endpoints ?? []]));
  const names = new Set([...configured.flatMap((one) => one.name ?? []), ...endpoints.keys()]);
  for (const name of names) {
    const settings = configured.find((one) => one.name === name)?.settings ?? [];
    const more = [timeLimit(name, settings), outlier(name, settings, endpoints.get(name) ?? [])].filter((row) => row !== null);
    if (more.length === 0) continue;
    const target = all.get(name) ?? { policy: name, ...owner(name), rows: [] };
    all.set(name, { ...target, rows: [...target.rows, ...more] });
  }
  return [...all.values()];
}

function written(settings: Setting[], key: string): string | null {
  const found = settings.find((setting) => setting.key === key && !setting.default);
  return found ? String(found.value) : null;
}

function timeLimit(policy: string, settings: Setting[]): Row | null {
  const all = written(settings, "timeout.request");
  const one = written(settings, "timeout.attempt");
  if (all === null && one === null) return null;
  const permits = [...(all === null ? [] : [{ value: all, of: "for a request" }]), ...(one === null ? [] : [{ value: one, of: "for an attempt" }])];
  return { ...NO_ROW, policy, kind: "time limit", permits };
}

function outlier(policy: string, settings: Setting[], endpoints: Endpoint[]): Row | null {
  const out = endpoints.filter((endpoint) => endpoint.ejected).length;
  if (out === 0 && !settings.some((setting) => setting.key.startsWith("passive.") && !setting.default)) return null;
  const permits = endpoints.length ? [figure(endpoints.length - out, `of ${count(endpoints.length)} endpoints in`), figure(out, "ejected")] : [];
  return { ...NO_ROW, policy, kind: "outlier", state: out ? "ejecting" : "watching", permits };
}

const TONES = new Map<string | null, Tone>([
  ["CLOSED", "ready"],
  ["HALF_OPEN", "busy"],
  ["OPEN", "bad"],
  ["FORCED_OPEN", "bad"],
  ["DISABLED", "warn"],
  ["METRICS_ONLY", "warn"],
  ["free", "ready"],
  ["watching", "ready"],
  ["full", "warn"],
  ["spent", "warn"],
  ["ejecting", "warn"],
  ["connected", "ready"],
  ["away", "warn"],
]);

export function policyTone(state: string | null): Tone {
  return TONES.get(state) ?? "idle";
}

/** Whether a person should look: it keeps calls away, or protects nobody although it should. */
export function needsLook(row: Row): boolean {
  return row.state !== null && policyTone(row.state) !== "ready";
}

export function rateTone(rate: Rate): string {
  if (rate.percent === null || rate.threshold === null || rate.percent === 0) return "";
  return rate.percent >= rate.threshold ? "tone-bad" : rate.percent >= rate.threshold * 0.7 ? "tone-warn" : "";
}

/** The rows that a person should look at first come first. */
export function worstFirst(rows: Row[]): Row[] {
  return [...rows].sort((one, other) => rank(one) - rank(other) || one.policy.localeCompare(other.policy));
}

/** A rate is given to a tenth, as the events tell it. */
export function percent(value: number): string {
  if (value > 999) return ">999%";
  return `${value.toFixed(1).replace(/\.0$/, "")}%`;
}

export type PolicyFilter = { text: string; kind: string; state: string };

/** Keeps rows that meet the whole filter, and targets that have one. The name of a target is text of each of its rows. */
export function filterTargets(all: Target[], filter: PolicyFilter): Target[] {
  const text = filter.text.toLowerCase();
  const fits = (row: Row) =>
    (!text || `${row.policy}\n${row.kind}\n${row.state ?? ""}`.toLowerCase().includes(text)) &&
    (!filter.kind || row.kind === filter.kind) &&
    (filter.state === "trouble" ? needsLook(row) : filter.state === "fine" ? !needsLook(row) : true);
  return all.map((target) => ({ ...target, rows: target.rows.filter(fits) })).filter((target) => target.rows.length > 0);
}

const TROUBLE_FIRST = ["OPEN", "FORCED_OPEN", "HALF_OPEN", "DISABLED", "METRICS_ONLY", "away", "full", "spent", "ejecting", "CLOSED", "connected", "free", "watching"];

const KEYS = new Map<string, (row: Row) => number | null>([
  ["state", (row) => (row.state === null ? null : rank(row))],
  ["failing", (row) => row.failing?.percent ?? null],
  ["slow", (row) => row.slow?.percent ?? null],
  ["refused", (row) => row.refused],
]);

/** The worse the smaller. A state that is not known stands between those that need a look and those that do not. */
function rank(row: Row): number {
  const at = TROUBLE_FIRST.indexOf(row.state ?? "");
  return at < 0 ? TROUBLE_FIRST.indexOf("CLOSED") - 0.5 : at;
}

/** `sort` is a column, with "-" before it for the reverse. A target stands where its first row would; rows stay together. */
export function sortTargets(all: Target[], sort: string): Target[] {
  const reverse = sort.startsWith("-");
  const key = KEYS.get(reverse ? sort.slice(1) : sort);
  const places = ["service", "route", "caller", "endpoint"] as const;
  const byName = (one: Target, other: Target) => places.reduce((order, place) => order || one[place].localeCompare(other[place]), 0);
  if (!key) return [...all].sort((one, other) => (reverse ? byName(other, one) : byName(one, other)));
  const best = (target: Target) => {
    const values = target.rows.map(key).filter((value) => value !== null);
    return values.length === 0 ? null : reverse ? Math.max(...values) : Math.min(...values);
  };
  const keyed = all.map((target) => ({ target, value: best(target) }));
  keyed.sort((one, other) => {
    if (one.value === null || other.value === null) return Number(one.value === null) - Number(other.value === null) || byName(one.target, other.target);
    return (reverse ? other.value - one.value : one.value - other.value) || byName(one.target, other.target);
  });
  return keyed.map(({ target }) => target);
}

/** A row in one line, for where there is no room for columns. */
export function summary(row: Row): string {
  const rates = [row.failing, row.slow].map((rate, at) => (rate?.percent === null || rate?.percent === undefined ? "" : `${percent(rate.percent)} ${at === 0 ? "failing" : "slow"}`));
  const figures = [...row.calls, ...row.permits].map(({ value, of }) => `${value} ${of}`);
  const refused = row.refused ? [`${count(row.refused)} refused`] : [];
  return [...rates.filter(Boolean), ...figures, ...refused].join(" · ");
}

/** Events that were read and those that came since, the newest first. One may be in both. */
export function joinEvents(read: PolicyEvent[], live: PolicyEvent[], max: number): PolicyEvent[] {
  const all = new Map([...read, ...live].map((event) => [event.number, event]));
  return [...all.values()].sort((one, other) => other.number - one.number).slice(0, max);
}

/** "CLOSED to OPEN", cut into the two states. */
export function transition(detail: string | null | undefined): [string, string] | null {
  const found = /^([A-Z_]+) to ([A-Z_]+)$/.exec(detail ?? "");
  return found?.[1] && found[2] ? [found[1], found[2]] : null;
}

/** What can be said to a breaker: its word in the path, and what follows. */
export const ORDERS = [
  { word: "force-open", name: "Force open", leads: "FORCED_OPEN", danger: true, what: "Refuses every call until somebody closes or resets it." },
  { word: "disable", name: "Disable", leads: "DISABLED", danger: true, what: "Lets every call pass and counts none: nothing is protected." },
  { word: "metrics-only", name: "Metrics only", leads: "METRICS_ONLY", danger: true, what: "Lets every call pass, and goes on counting." },
  { word: "close", name: "Close", leads: "CLOSED", danger: false, what: "Lets calls pass, and protects." },
  { word: "reset", name: "Reset", leads: "", danger: false, what: "Closes it, and forgets what it has counted." },
] as const;

export type Order = (typeof ORDERS)[number];
