// The documents of the control API as the console reads them. Everything that a server may leave out is optional or
// null: an older or newer binary must never break a page. The fields themselves are described in docs/reference/api.md.

export type Origin = { file: string; line: number; column?: number };

export type Quantiles = { count?: number; p50?: number | null; p90?: number | null; p99?: number | null };

export type Point = { at_unix: number; requests: number; failed: number; p99_ms?: number | null };

export type Endpoint = {
  id: string;
  address?: string | null;
  state?: string;
  overridden?: boolean;
  healthy?: boolean | null;
  health_error?: string | null;
  ejected?: boolean;
  weight?: number;
  in_flight?: number;
  requests?: { total: number; failed: number; by_status?: Record<string, number> };
  connect_failures?: number;
  latency_ms?: Quantiles | null;
};

export type Service = {
  name: string;
  kind?: string;
  state?: string;
  detail?: string | null;
  language?: string | null;
  command?: string | null;
  url?: string | null;
  origin?: Origin | null;
  pid?: number | null;
  address?: string | null;
  restarts?: number | null;
  since_seconds?: number | null;
  calls?: string[];
  called_by?: string[];
  rate_per_second?: number | null;
  error_share?: number | null;
  requests?: number | null;
  failed?: number | null;
  in_flight?: number | null;
  held?: number | null;
  latency_ms?: Quantiles | null;
  series?: Point[];
  endpoints?: Endpoint[];
};

export type Services = {
  window_seconds?: number;
  generation?: number;
  ready?: boolean;
  project?: string;
  services: Service[];
};

export type GraphNode = {
  id: string;
  kind?: string;
  state?: string | null;
  requests?: number | null;
  rate_per_second?: number | null;
  error_share?: number | null;
  latency_ms?: Quantiles | null;
};

export type EdgeStatus = "observed" | "declared" | "missing" | "undeclared";

export type GraphEdge = {
  from: string;
  to: string;
  status?: EdgeStatus | string;
  declared?: boolean;
  requests?: number | null;
  requests_ever?: number | null;
  rate_per_second?: number | null;
  error_share?: number | null;
  latency_ms?: Quantiles | null;
  origin?: Origin | null;
  /** Of dependencies: what is called, and who saw it. */
  kind?: string | null;
  source?: string | null;
};

export type Graph = { window_seconds?: number; nodes: GraphNode[]; edges: GraphEdge[] };

export type Entrance = {
  trace?: string | null;
  /** False where no trace is kept. */
  sampled?: boolean;
  time?: string | null;
  method?: string | null;
  host?: string | null;
  path?: string | null;
  status?: number | null;
  duration_ms?: number | null;
  caller?: string | null;
  service?: string | null;
  route?: string | null;
  reason?: string | null;
  spans?: number | null;
  services?: string[] | null;
  failed?: boolean;
  skipped?: number;
};

export type Setting = { key: string; value: unknown; origin?: Origin | null; default?: boolean };

export type Configured = {
  id?: string;
  name?: string;
  origin?: Origin | null;
  settings?: Setting[];
  match?: { hosts?: string[]; path?: { kind?: string; value?: string } | string; methods?: string[] } | null;
  action?: unknown;
  address?: string;
  /** Whose calls a listener takes, if it is not one of the gateway's. */
  caller?: string | null;
  tls?: { kind?: string } | null;
  source?: { kind?: string; command?: string | null; directory?: string | null } | null;
};

export type Configuration = {
  generation?: number;
  loaded_at?: string | null;
  files?: { name: string; text: string }[];
  listeners?: Configured[];
  routes?: Configured[];
  services?: Configured[];
};

export type Explanation = {
  listener?: string | null;
  route?: { id: string; origin?: Origin } | null;
  filters?: unknown[];
  targets?: { service: string; percent: number; endpoints: string[] }[];
  passed_over?: { route: string; because: string }[];
};

export type Totals = {
  rate_per_second?: number | null;
  error_share?: number | null;
  in_flight?: number | null;
  open_connections?: number | null;
};

export type Snapshot = { window_seconds?: number; services?: Service[]; graph?: Graph; totals?: Totals };

export type LogLine = { time?: string; service?: string; stream?: string; text?: string };

/** With the names of Resilience4j's actuator. Rates are in percent, and negative while there are too few calls. */
export type Breaker = {
  state?: string | null;
  failureRate?: number | null;
  slowCallRate?: number | null;
  /** From which rate it opens, where the server tells: in percent, or with the sign as the actuator writes it. */
  failureRateThreshold?: number | string | null;
  slowCallRateThreshold?: number | string | null;
  bufferedCalls?: number | null;
  failedCalls?: number | null;
  slowCalls?: number | null;
  slowFailedCalls?: number | null;
  notPermittedCalls?: number | null;
  retryAfterSeconds?: number | null;
  trialsLeft?: number | null;
  calls?: Record<string, number> | null;
  dry_run?: boolean;
};

export type Retry = {
  calls?: Record<string, number> | null;
  repeated?: number | null;
  budgetExhausted?: number | null;
  budget?: number | null;
};

export type Bulkhead = {
  maxAllowedConcurrentCalls?: number | null;
  availableConcurrentCalls?: number | null;
  waiting?: number | null;
  rejected?: number | null;
  dry_run?: boolean;
};

export type Hedge = {
  /** Null while too little is known. */
  delaySeconds?: number | null;
  made?: number | null;
  won?: number | null;
  budgetExhausted?: number | null;
  dry_run?: boolean;
};

export type RateLimiter = {
  limitForPeriod?: number | null;
  limitRefreshPeriodSeconds?: number | null;
  /** Below zero where some of periods to come are taken. */
  availablePermissions?: number | null;
  permitted?: number | null;
  refused?: number | null;
  dry_run?: boolean;
};

/** The store that several processes share. */
export type Cluster = { away?: boolean | null; decided_alone?: number | null };

export type Adaptive = { limit?: number | null; running?: number | null; rejected?: number | null; dry_run?: boolean };

/** What protects a service, a route or a call to it, or one of its endpoints. */
export type Policy = {
  circuitbreaker?: Breaker | null;
  retry?: Retry | null;
  hedge?: Hedge | null;
  ratelimiter?: RateLimiter | null;
  bulkhead?: Bulkhead | null;
  adaptive?: Adaptive | null;
  cluster?: Cluster | null;
  shed?: number | null;
  dry_run_refused?: number | null;
  fallbacks?: number | null;
  /** What else is written, though it may not have counted anything yet: `shed`, `fallback`. */
  others?: string[] | null;
};

export type Policies = { policies?: Record<string, Policy> | null };

export type PolicyEvent = { number: number; at_unix_ms?: number | null; policy?: string | null; type?: string | null; detail?: string | null };
