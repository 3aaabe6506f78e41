// The documents about traces. As in `types.ts`, whatever a server may leave out is optional or null; the fields are
// described in docs/reference/api.md.

export type Summary = {
  id: string;
  service?: string | null;
  name?: string | null;
  status?: number | null;
  start?: string | null;
  start_unix_nanos?: string | null;
  duration_ms?: number | null;
  spans?: number | null;
  failed?: number | null;
  orphans?: number | null;
  services?: string[] | null;
  by_service?: { service: string; spans?: number; failed?: number }[] | null;
};

export type ScatterPoint = {
  id: string;
  start?: string | null;
  offset_ms?: number | null;
  duration_ms?: number | null;
  spans?: number | null;
  failed?: number | null;
  service?: string | null;
  name?: string | null;
};

export type Bar = { start?: string | null; traces?: number | null; failed?: number | null };

export type FacetValue = { value: string; traces?: number | null; failed?: number | null };

export type Entry = { service: string; name: string; traces?: number | null; failed?: number | null; p50_ms?: number | null; p99_ms?: number | null };

export type Facets = {
  services?: FacetValue[];
  entrances?: Entry[];
  status?: FacetValue[];
  attributes?: { key: string; level?: string; values?: FacetValue[] }[];
};

export type SearchOverview = {
  traces?: number;
  more?: boolean;
  from?: string | null;
  to?: string | null;
  histogram?: Bar[];
  bar_ms?: number | null;
  points?: ScatterPoint[];
  durations?: { p50_ms?: number | null; p90_ms?: number | null; p99_ms?: number | null; max_ms?: number | null };
  facets?: Facets;
};

export type Found = { traces?: Summary[]; next?: string | null; partial?: boolean; overview?: SearchOverview | null };

export type Operation = { name: string; kind?: string | null };

export type AttributeKey = { key: string; level?: string; type?: string; count?: number };

/** Why a trace failed: a failed span below which nothing failed. */
export type Cause = {
  span: string;
  service?: string | null;
  name?: string | null;
  message?: string | null;
  exception?: string | null;
  offset_ms?: number | null;
  path?: string[] | null;
};

export type ServiceShare = { service: string; spans?: number; failed?: number; self_ms?: number; critical_ms?: number };

export type WaterfallRow = {
  row: number;
  id: string;
  parent?: string | null;
  service?: string | null;
  name?: string | null;
  kind?: string | null;
  depth?: number;
  offset_ms?: number;
  duration_ms?: number;
  self_ms?: number;
  failed?: boolean;
  children?: number;
  descendants?: number;
  failed_below?: number;
  collapsed?: boolean;
  critical?: [number, number][];
  events?: number[];
  links?: number;
  warnings?: number;
  match?: boolean;
};

export type MiniSpan = { offset_ms?: number; duration_ms?: number; service?: string | null; depth?: number; failed?: boolean };

export type WaterfallDocument = {
  id: string;
  start?: string | null;
  duration_ms?: number | null;
  spans?: number;
  failed?: number;
  depth_max?: number;
  services?: ServiceShare[];
  warnings?: string[];
  causes?: Cause[];
  rows_total?: number;
  from?: number;
  rows?: WaterfallRow[];
  matches?: { count?: number; rows?: number[] } | null;
  focus?: { row: number } | null;
  failed_rows?: number[];
  minimap?: MiniSpan[];
};

export type SpanTable = { id: string; duration_ms?: number | null; total?: number; from?: number; rows?: WaterfallRow[] };

export type Attributes = Record<string, unknown>;

export type SpanDocument = {
  id: string;
  trace?: string;
  parent?: string | null;
  service?: string | null;
  name?: string | null;
  kind?: string | null;
  start?: string | null;
  offset_ms?: number | null;
  duration_ms?: number | null;
  self_ms?: number | null;
  critical_ms?: number | null;
  critical?: boolean;
  failed?: boolean;
  status?: string | null;
  status_message?: string | null;
  attributes?: Attributes | null;
  resource?: { service?: string | null; attributes?: Attributes | null } | null;
  scope?: { name?: string | null; version?: string | null; attributes?: Attributes | null } | null;
  events?: SpanEvent[] | null;
  links?: SpanLink[] | null;
  trace_state?: string | null;
  warnings?: string[] | null;
  children?: number;
  descendants?: number;
  ancestors?: { id: string; service?: string | null; name?: string | null }[] | null;
};

export type SpanEvent = { name?: string | null; offset_ms?: number | null; time?: string | null; attributes?: Attributes | null };

export type SpanLink = { trace?: string | null; span?: string | null; attributes?: Attributes | null };

export type CriticalPath = {
  duration_ms?: number | null;
  critical_ms?: number | null;
  segments?: PathSegment[];
  truncated?: boolean;
  services?: { service: string; ms?: number; share?: number }[];
  operations?: { service: string; name: string; ms?: number; share?: number; spans?: number }[];
};

export type PathSegment = { span: string; service?: string | null; name?: string | null; from_ms: number; to_ms: number };

export type Frame = {
  frame: number;
  parent?: number | null;
  depth: number;
  service?: string | null;
  name?: string | null;
  spans?: number;
  failed?: number;
  total_ms?: number;
  self_ms?: number;
  value_ms?: number;
  left: number;
  width: number;
  first?: string | null;
};

export type Flame = { value_ms?: number | null; depth_max?: number; frames?: Frame[]; truncated?: boolean };

export type StatisticsRow = {
  service?: string | null;
  name?: string | null;
  value?: string | null;
  spans?: number;
  failed?: number;
  total_ms?: number;
  min_ms?: number;
  mean_ms?: number;
  p50_ms?: number;
  p90_ms?: number;
  p99_ms?: number;
  max_ms?: number;
  self_ms?: number;
  self_share?: number;
  critical_ms?: number;
  critical_share?: number;
};

export type Statistics = { by?: string; duration_ms?: number | null; rows?: StatisticsRow[]; truncated?: boolean };

export type ComparedTrace = { id: string; start?: string | null; duration_ms?: number | null; spans?: number; failed?: number; service?: string | null; name?: string | null };

export type ComparedSide = { spans?: number; failed?: number; total_ms?: number; self_ms?: number };

export type ComparedNode = {
  node: number;
  parent?: number | null;
  depth?: number;
  service?: string | null;
  name?: string | null;
  a?: ComparedSide | null;
  b?: ComparedSide | null;
  delta_ms?: number | null;
  change?: string | null;
};

export type Comparison = {
  a?: ComparedTrace | null;
  b?: ComparedTrace | null;
  nodes?: ComparedNode[];
  truncated?: boolean;
  services?: { service: string; a_self_ms?: number; b_self_ms?: number; delta_ms?: number; a_spans?: number; b_spans?: number }[];
};

export type DependencyEdge = {
  caller: string;
  callee: string;
  calls?: number | null;
  failed?: number | null;
  share?: number | null;
  p50_ms?: number | null;
  p99_ms?: number | null;
  kind?: string | null;
  source?: string | null;
};

export type Dependencies = {
  from?: string | null;
  to?: string | null;
  exact?: boolean;
  services?: { service: string; calls?: number | null; failed?: number | null }[];
  edges?: DependencyEdge[];
};
