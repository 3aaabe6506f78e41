// What breakers, retries and their like of a made-up system know, what happened to them, and what they are told.

const EVENTS_MAX = 256;
const LEADS = { "force-open": "FORCED_OPEN", disable: "DISABLED", "metrics-only": "METRICS_ONLY", close: "CLOSED", reset: "CLOSED" };

function breaker(state, [failureRate, slowCallRate], [buffered, failed, slow], notPermitted, more = {}) {
  return {
    state,
    failureRate,
    slowCallRate,
    bufferedCalls: buffered,
    failedCalls: failed,
    slowCalls: slow,
    slowFailedCalls: Math.min(failed, slow),
    notPermittedCalls: notPermitted,
    retryAfterSeconds: null,
    trialsLeft: null,
    calls: { successful: buffered * 40, failed: failed * 12, ignored: 0 },
    dry_run: false,
    ...more,
  };
}

function retry(all, repeated, failed, budget, exhausted = 0) {
  return { calls: { successful_without_retry: all - repeated, successful_with_retry: repeated - failed, failed_without_retry: 0, failed_with_retry: failed }, repeated, budgetExhausted: exhausted, budget };
}

const limiter = (limit, seconds, left, permitted, refused) => ({ limitForPeriod: limit, limitRefreshPeriodSeconds: seconds, availablePermissions: left, permitted, refused, dry_run: false });

const bulkhead = (max, used, waiting, rejected, more = {}) => ({ maxAllowedConcurrentCalls: max, availableConcurrentCalls: max - used, waiting, rejected, dry_run: false, ...more });

function policy(parts) {
  return { shed: 0, dry_run_refused: 0, fallbacks: 0, ...parts };
}

/** The policies of the shop, with something in every state. */
export function shopPolicies() {
  return {
    auth: policy({ circuitbreaker: breaker("METRICS_ONLY", [1.5, 0], [200, 3, 0], 0), bulkhead: bulkhead(20, 20, 4, 31) }),
    bank: policy({ circuitbreaker: breaker("HALF_OPEN", [-1, -1], [1, 0, 0], 412, { trialsLeft: 2 }), retry: retry(9812, 204, 61, 38, 17) }),
    orders: policy({ circuitbreaker: breaker("CLOSED", [12.5, 4], [200, 25, 8], 0), retry: retry(48_211, 623, 12, 94), hedge: { delaySeconds: 0.042, made: 311, won: 204, budgetExhausted: 7, dry_run: false }, bulkhead: bulkhead(50, 12, 0, 0), cluster: { away: false, decided_alone: 0 }, others: ["fallback"] }),
    payments: policy({
      circuitbreaker: breaker("OPEN", [62.5, 18.8], [48, 30, 9], 1893, { retryAfterSeconds: 23.4 }),
      retry: retry(21_070, 1402, 388, 0, 951),
      adaptive: { limit: 87, running: 31, rejected: 204, dry_run: false },
      cluster: { away: true, decided_alone: 48 },
      others: ["shed", "fallback"],
      shed: 118,
      fallbacks: 1893,
    }),
    "payments/payments-1712f4fca2": policy({ retry: retry(3120, 44, 2, 12) }),
    "orders->payments": policy({ circuitbreaker: breaker("CLOSED", [3, 0], [100, 3, 0], 0), ratelimiter: limiter(200, 1, -4, 90_311, 1204) }),
    "auth@127.0.0.1:41039": policy({ circuitbreaker: breaker("OPEN", [100, 0], [20, 20, 0], 61, { retryAfterSeconds: 4.2 }) }),
    pdf: policy({ circuitbreaker: breaker("DISABLED", [-1, -1], [0, 0, 0], 0) }),
    analytics: policy({ circuitbreaker: breaker("FORCED_OPEN", [-1, -1], [0, 0, 0], 77) }),
    web: policy({ circuitbreaker: breaker("CLOSED", [0, 0], [100, 0, 0], 0, { dry_run: true }), dry_run_refused: 9 }),
  };
}

export function shopEvents(now) {
  const told = [
    ["orders", "RESET", "", 3400],
    ["auth", "STATE_TRANSITION", "CLOSED to METRICS_ONLY", 2900],
    ["analytics", "STATE_TRANSITION", "CLOSED to FORCED_OPEN", 1800],
    ["pdf", "STATE_TRANSITION", "CLOSED to DISABLED", 1260],
    ["bank", "SLOW_CALL_RATE_EXCEEDED", "81.0%", 610],
    ["bank", "STATE_TRANSITION", "CLOSED to OPEN", 610],
    ["payments", "FAILURE_RATE_EXCEEDED", "62.5%", 37],
    ["payments", "STATE_TRANSITION", "CLOSED to OPEN", 37],
    ["bank", "STATE_TRANSITION", "OPEN to HALF_OPEN", 8],
  ];
  return told.map(([name, type, detail, ago], at) => ({ number: at + 1, at_unix_ms: now - ago * 1000, policy: name, type, detail }));
}

/** Ordinary policies for many services. */
export function manyPolicies(services) {
  const some = services.filter((_, at) => at % 2 === 0);
  return Object.fromEntries(some.map(({ name }, at) => [name, policy({ circuitbreaker: breaker(at % 19 === 3 ? "OPEN" : "CLOSED", [at % 23, at % 5], [100, at % 23, at % 5], 0), ...(at % 3 ? {} : { retry: retry(1000 + at, at, 0, 20) }) })]));
}

/** Names, states and texts that a page might trip over, and a document without most of its fields. */
export function hostilePolicies(names) {
  const nasty = names.map((name, at) => [at % 2 ? name : `${name}/${name}`, policy({ circuitbreaker: breaker(at % 3 ? "OPEN" : name, [Number.MAX_VALUE, at], [1e15, 1e15, 1e15], 1e15), bulkhead: {}, hedge: {}, ratelimiter: { availablePermissions: -1e15, limitForPeriod: Number.MAX_VALUE }, cluster: {}, others: [name, "shed"] })]);
  return Object.fromEntries([...nasty, ["nothing", {}], ["->", { hedge: {} }],
    ["a->b->c/d@e@f", { ratelimiter: {} }],
    ["half/", { circuitbreaker: {}, retry: {}, adaptive: null }]]);
}

export const hostileEvents = (names) => names.map((name, at) => ({ number: at + 1, at_unix_ms: at % 2 ? 1e18 : null, policy: name, type: name, detail: name }));

/** Notes what happened and returns it. */
export function happen(state, name, type, detail) {
  const number = (state.world.events.at(-1)?.number ?? 0) + 1;
  const event = { number, at_unix_ms: Date.now(), policy: name, type, detail };
  state.world.events = [...state.world.events, event].slice(-EVENTS_MAX);
  return event;
}

/** Lets the breaker of the bank try again and again, as one of a service that comes and goes does. */
export function passTime(state, seconds) {
  const bank = state.world.policies.bank?.circuitbreaker;
  if (!bank || seconds % 6 !== 0 || !["HALF_OPEN", "OPEN"].includes(bank.state)) return null;
  const [from, to] = bank.state === "OPEN" ? ["OPEN", "HALF_OPEN"] : ["HALF_OPEN", "OPEN"];
  Object.assign(bank, { state: to, trialsLeft: to === "HALF_OPEN" ? 3 : null, retryAfterSeconds: to === "OPEN" ? 6 : null });
  return happen(state, "bank", "STATE_TRANSITION", `${from} to ${to}`);
}

/** Carries out an order: the new state and the event, or the error. */
export function obey(state, name, word) {
  const found = Object.hasOwn(state.world.policies, name) ? state.world.policies[name].circuitbreaker : undefined;
  const to = LEADS[word];
  if (!to) return { status: 404, code: "not_found", detail: `a breaker cannot be told to \`${word}\``, hint: "known are force-open, disable, metrics-only, close and reset" };
  if (!found) return { status: 404, code: "not_found", detail: `no policy has the name \`${name}\``, hint: "GET /v1/resilience lists policies; a `/` in a name is written `%2F`" };
  if (state.illegal) return { status: 409, code: "illegal_transition", detail: `a breaker does not go from ${found.state} to ${to}`, hint: "`reset` works from every state" };
  const from = found.state;
  Object.assign(found, { state: to, trialsLeft: null, retryAfterSeconds: null });
  if (word === "reset") Object.assign(found, { failureRate: -1, slowCallRate: -1, bufferedCalls: 0, failedCalls: 0, slowCalls: 0 });
  return { answer: { policy: name, state: to }, event: word === "reset" ? happen(state, name, "RESET", "") : happen(state, name, "STATE_TRANSITION", `${from} to ${to}`) };
}
