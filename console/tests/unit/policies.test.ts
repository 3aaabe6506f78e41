// What the page of policies makes of the documents, and of what is missing in them.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Policies } from "../../src/api/types";
import { type Row, filterTargets, joinEvents, needsLook, openBreakers, owner, policyTone, rateTone, sortTargets, summary, targets, transition, withConfigured, worstFirst } from "../../src/pages/policy_list";

const shop: Policies = {
  policies: {
    orders: {
      circuitbreaker: { state: "CLOSED", failureRate: 12.5, slowCallRate: 0, bufferedCalls: 200, failedCalls: 25, slowCalls: 0, notPermittedCalls: 0, trialsLeft: null },
      bulkhead: { maxAllowedConcurrentCalls: 50, availableConcurrentCalls: 38, waiting: 0, rejected: 2 },
      retry: { calls: { successful_without_retry: 90, successful_with_retry: 8, failed_without_retry: 0, failed_with_retry: 2 }, repeated: 14, budgetExhausted: 1, budget: 7 },
    },
    "orders/orders-1": { circuitbreaker: { state: "OPEN", failureRate: 62.5, slowCallRate: -1, notPermittedCalls: 9, retryAfterSeconds: 4.2 } },
    bank: { adaptive: { limit: 10, running: 10, rejected: 3 }, shed: 5, fallbacks: 0 },
  },
};

const rows = (document: Policies) => targets(document).flatMap((target) => target.rows);
const row = (policy: string, kind: string, document = shop) => rows(document).find((one) => one.policy === policy && one.kind === kind) as Row;
const words = (figures: { value: string; of: string }[]) => figures.map(({ value, of }) => `${value} ${of}`).join(", ");

test("a policy belongs to a service, a route of one, the calls of a caller, or an endpoint", () => {
  const cases: [string, string, string, string, string][] = [
    ["orders", "orders", "", "", ""],
    ["orders/a", "orders", "a", "", ""],
    ["orders/a/b", "orders", "a/b", "", ""],
    ["web->orders", "orders", "", "web", ""],
    ["orders@127.0.0.1:80", "orders", "", "", "127.0.0.1:80"],
    ["web->orders@[::1]:80", "orders", "", "web", "[::1]:80"],
    ["orders/a@10.0.0.1:80", "orders", "a", "", "10.0.0.1:80"],
    ["/", "", "", "", ""],
    ["->", "", "", "", ""],
    ["@", "", "", "", ""],
    ["", "", "", "", ""],
  ];
  for (const [name, service, route, caller, endpoint] of cases) assert.deepEqual(owner(name), { service, route, caller, endpoint }, name);
});

test("each policy that there is has a row with its numbers", () => {
  assert.deepEqual(rows(shop).map((one) => `${one.policy} ${one.kind}`), ["orders breaker", "orders retry", "orders bulkhead", "orders/orders-1 breaker", "bank adaptive limit", "bank shed"]);
  assert.equal(words(row("orders", "breaker").calls), "200 calls, 25 failed, 0 slow");
  assert.equal(words(row("orders", "bulkhead").permits), "38 of 50 free, 12 in use, 0 waiting");
  assert.equal(words(row("orders", "retry").calls), "100 in all, 14 repeated, 2 gave up");
  assert.deepEqual([row("orders", "bulkhead").refused, row("orders", "retry").refused, row("bank", "shed").refused], [2, 1, 5]);
  assert.equal(summary(row("orders", "breaker")), "12.5% failing · 0% slow · 200 calls · 25 failed · 0 slow");
});

test("too few calls are no rate, and a rate is judged only where the threshold is known", () => {
  assert.deepEqual(row("orders/orders-1", "breaker").slow, { percent: null, threshold: null });
  const cases: [unknown, unknown, string][] = [[60, 50, "tone-bad"], [50, "50.0%", "tone-bad"], [40, 50, "tone-warn"], [10, 50, ""], [60, undefined, ""], [60, "-", ""], [0, 0, ""], [-1, 50, ""], [null, 50, ""]];
  for (const [failureRate, failureRateThreshold, expected] of cases) {
    const [found] = rows({ policies: { a: { circuitbreaker: { failureRate, failureRateThreshold } as object } } });
    assert.equal(rateTone(found!.failing!), expected, `${failureRate} of ${failureRateThreshold}`);
  }
});

test("a state has a tone, and what keeps calls away or protects nobody needs a look", () => {
  const cases: [string, string, boolean][] = [["CLOSED", "ready", false], ["OPEN", "bad", true], ["FORCED_OPEN", "bad", true], ["HALF_OPEN", "busy", true], ["DISABLED", "warn", true], ["METRICS_ONLY", "warn", true], ["SOMETHING_NEW", "idle", true], ["__proto__", "idle", true]];
  for (const [state, tone, look] of cases) {
    const [found] = rows({ policies: { a: { circuitbreaker: { state } } } });
    assert.deepEqual([policyTone(state), needsLook(found!)], [tone, look], state);
    assert.equal(found!.now === "", !/_ONLY|OPEN|DISABLED/.test(state), state);
  }
  assert.equal(row("bank", "adaptive limit").state, "full");
  assert.equal(row("orders", "retry").state, null);
  assert.match(row("orders/orders-1", "breaker").now, /62\.5% .* Trial calls in 5s/);
});

test("a document without fields, and one without policies, break nothing", () => {
  assert.deepEqual(targets(null), []);
  assert.deepEqual(targets({}), []);
  assert.deepEqual(targets({ policies: { a: {} } }), []);
  const bare = rows({ policies: { a: { circuitbreaker: {}, retry: {}, hedge: {}, ratelimiter: {}, bulkhead: {}, adaptive: {}, cluster: {} } } });
  assert.equal(bare.length, 7);
  for (const one of bare) assert.doesNotMatch(summary(one), /undefined|NaN|null/);
});

test("hedges, rate limiters and the store of a cluster have rows of their own", () => {
  const one = (policy: object) => rows({ policies: { "web->orders": policy } })[0]!;
  const hedged = one({ hedge: { delaySeconds: 0.042, made: 311, won: 204, budgetExhausted: 7, dry_run: true } });
  assert.deepEqual([hedged.kind, words(hedged.calls), words(hedged.permits), hedged.refused, hedged.dryRun], ["hedge", "311 made, 204 won", "42ms delay", 7, true]);
  assert.match(words(one({ hedge: { delaySeconds: null, made: 0, won: 0 } }).permits), /^– delay/);
  const limits: [number | null, string | null, string, boolean][] = [[12, "free", "12 of 50 each 1s left", false], [0, "spent", "0 of 50 each 1s left", true], [-3, "spent", "0 of 50 each 1s left, 3 taken of later periods", true], [null, null, "– of 50 each 1s left", false]];
  for (const [availablePermissions, state, permits, look] of limits) {
    const found = one({ ratelimiter: { limitForPeriod: 50, limitRefreshPeriodSeconds: 1, availablePermissions, permitted: 7, refused: 2 } });
    assert.deepEqual([found.kind, found.state, words(found.permits), found.refused, needsLook(found)], ["rate limiter", state, permits, 2, look]);
  }
  const clusters: [boolean | null, string | null, boolean][] = [[true, "away", true], [false, "connected", false], [null, null, false]];
  for (const [away, state, look] of clusters) {
    const found = one({ cluster: { away, decided_alone: 48 } });
    assert.deepEqual([found.kind, found.state, words(found.calls), needsLook(found)], ["cluster", state, "48 decided alone", look]);
  }
});

test("what is written and has counted nothing yet is listed where the server says so", () => {
  const kinds = (policy: object) => rows({ policies: { a: policy } }).map((one) => one.kind);
  assert.deepEqual(kinds({ others: ["shed", "fallback", "__proto__"], shed: 0, fallbacks: 0 }), ["shed", "fallback"]);
  assert.deepEqual(kinds({ others: [], shed: 0, fallbacks: 3 }), ["fallback"]);
  assert.deepEqual(kinds({ others: null, shed: 0, fallbacks: 0 }), []);
});

test("a breaker of calls marks the service that is called, and rows of one service stand together", () => {
  const open = { circuitbreaker: { state: "OPEN" } };
  const document = { policies: { "web->orders": open, "orders@127.0.0.1:80": open, orders: open, "orders/a": open, bank: open } };
  assert.deepEqual(openBreakers(document).get("orders")?.map((one) => one.policy), ["web->orders", "orders@127.0.0.1:80", "orders", "orders/a"]);
  assert.equal(openBreakers(document).has("web"), false);
  assert.deepEqual(sortTargets(targets(document), "name").map((one) => one.policy), ["bank", "orders", "orders@127.0.0.1:80", "web->orders", "orders/a"]);
});

test("a service is marked by its breakers that are not closed, those of its routes too", () => {
  const found = openBreakers(shop);
  assert.deepEqual([...found.keys()], ["orders"]);
  assert.deepEqual(found.get("orders")?.map((one) => one.policy), ["orders/orders-1"]);
  const states = ["METRICS_ONLY", "HALF_OPEN", "FORCED_OPEN", "OPEN"].map((state) => ({ ...row("orders", "breaker"), state }));
  assert.deepEqual(worstFirst(states).map((one) => one.state), ["OPEN", "FORCED_OPEN", "HALF_OPEN", "METRICS_ONLY"]);
});

test("time limits that somebody wrote and outliers are added, defaults are not", () => {
  const settings = [{ key: "timeout.attempt", value: "4s" }, { key: "timeout.request", value: "30s", default: true }, { key: "passive.base", value: "30s", default: true }];
  const services = [{ name: "orders", endpoints: [{ id: "a", ejected: true }, { id: "b" }] }, { name: "quiet", endpoints: [{ id: "c" }] }];
  const found = withConfigured(targets(shop), [{ name: "orders", settings }, { name: "quiet", settings: settings.slice(1) }], services);
  assert.deepEqual(found.map((target) => target.policy), ["orders", "orders/orders-1", "bank"]);
  assert.equal(words(found[0]!.rows.find((one) => one.kind === "time limit")!.permits), "4s for an attempt");
  const outlier = found[0]!.rows.find((one) => one.kind === "outlier")!;
  assert.deepEqual([outlier.state, words(outlier.permits)], ["ejecting", "1 of 2 endpoints in, 1 ejected"]);
  const alone = withConfigured([], [{ name: "web", settings: [{ key: "passive.base", value: "10s" }] }], []);
  assert.deepEqual(alone.map((target) => [target.policy, target.rows[0]!.state]), [["web", "watching"]]);
});

test("a row is shown if it meets the whole filter", () => {
  const none = { text: "", kind: "", state: "all" };
  const cases: [Partial<typeof none>, number][] = [[{}, 6], [{ text: "ORDERS-1" }, 1], [{ text: "open" }, 1], [{ kind: "breaker" }, 2], [{ state: "trouble" }, 2], [{ state: "fine" }, 4], [{ text: "bank", kind: "breaker" }, 0], [{ state: "nonsense" }, 6]];
  for (const [filter, expected] of cases) {
    const found = filterTargets(targets(shop), { ...none, ...filter });
    assert.equal(found.flatMap((target) => target.rows).length, expected, JSON.stringify(filter));
    assert.ok(found.every((target) => target.rows.length > 0));
  }
});

test("rows of one target stay together in every order, and those without a value come last", () => {
  const order = (sort: string) => sortTargets(targets(shop), sort).map((target) => target.policy);
  assert.deepEqual(order("name"), ["bank", "orders", "orders/orders-1"]);
  assert.deepEqual(order("-name"), ["orders/orders-1", "orders", "bank"]);
  assert.deepEqual(order("state"), ["orders/orders-1", "bank", "orders"]);
  assert.deepEqual(order("-failing"), ["orders/orders-1", "orders", "bank"]);
  assert.deepEqual(order("failing"), ["orders", "orders/orders-1", "bank"]);
  assert.deepEqual(order("-refused"), ["orders/orders-1", "bank", "orders"]);
  for (const odd of ["nonsense", "__proto__", "constructor"]) assert.deepEqual(order(odd), order("name"), odd);
});

test("events are joined without doubles, the newest first", () => {
  const event = (number: number) => ({ number, type: "RESET" });
  assert.deepEqual(joinEvents([event(1), event(2)], [event(2), event(3)], 10).map((one) => one.number), [3, 2, 1]);
  assert.deepEqual(joinEvents([event(1), event(2)], [event(3)], 2).map((one) => one.number), [3, 2]);
});

test("a change of state is read from its text, other texts are left alone", () => {
  const cases: [string | null, [string, string] | null][] = [["CLOSED to OPEN", ["CLOSED", "OPEN"]], ["HALF_OPEN to CLOSED", ["HALF_OPEN", "CLOSED"]], ["62.5%", null], ["", null], [null, null], ["a to b", null], ["CLOSED to OPEN to CLOSED", null]];
  for (const [text, expected] of cases) assert.deepEqual(transition(text), expected, String(text));
});
