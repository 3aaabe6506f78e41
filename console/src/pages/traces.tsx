// The search of traces: what was asked for stands in the address, what was found as points in time and as a table.
import type { ComponentChildren } from "preact";
import type { Found, SearchOverview } from "../api/traces";
import { count } from "../format";
import { type Reading, useDocument, useKeys, useRowKeys } from "../hooks";
import { Icon } from "../parts/icon";
import { Empty, Shown } from "../parts/notice";
import { change, href, parameter, parameters } from "../router";
import { Facets } from "./trace_facets";
import { TraceForm } from "./trace_form";
import { type TraceFilter, isFiltered, mistakes, sortTraces, traceQuery } from "./trace_query";
import { TraceTable } from "./trace_table";
import { Scatter } from "./scatter";

const LIMITS = ["20", "50", "100", "200"] as const;
/** Traces that the picture and the facets are made of. */
const OVERVIEW = 500;
/** Keys of attributes whose values are counted. */
const FACETS_MAX = 4;

export const NO_FILTER = { service: null, operation: null, kind: null, status: null, tags: null, filter: null, min: null, max: null, since: null, until: null, cursor: null };

export function TracesPage() {
  const filter: TraceFilter = {
    services: parameters("service"),
    operation: parameter("operation"),
    kind: parameter("kind"),
    status: parameter("status"),
    tags: parameter("tags"),
    filter: parameter("filter"),
    min: parameter("min"),
    max: parameter("max"),
    since: parameter("since"),
    until: parameter("until"),
  };
  const wrong = mistakes(filter);
  const asked = Object.keys(wrong).length === 0 ? traceQuery(filter).toString() : null;
  const cursor = parameter("cursor");
  const limit = (LIMITS as readonly string[]).includes(parameter("limit")) ? parameter("limit") : LIMITS[0];
  const facets = parameters("facet").slice(0, FACETS_MAX);
  const list = useDocument<Found>(asked === null ? null : path(asked, { limit, cursor }));
  const overview = useDocument<Found>(asked === null ? null : path(asked, { limit: "1", overview: String(OVERVIEW), facet: facets }));
  const refresh = () => {
    list.refresh();
    overview.refresh();
  };
  useRowKeys();
  useKeys((event) => {
    if (event.key !== "r") return false;
    refresh();
    return true;
  });
  const about = overview.data?.overview ?? null;
  return (
    <div class="page traces">
      <h1 class="hidden">Traces</h1>
      <TraceForm filter={filter} wrong={wrong} refresh={refresh} />
      <div class="traces-frame">
        <Facets overview={about} loading={overview.loading} filter={filter} chosen={facets} />
        <div class="traces-found">
          <Picture of={overview} about={about} filter={filter} />
          <Shown of={list} rows={8}>
            {(data) => (
              <Results data={data} cursor={cursor} limit={limit} filter={filter} stale={list.loading}>
                {list.error ? <span class="tone-bad">{list.error.message}</span> : null}
              </Results>
            )}
          </Shown>
        </div>
      </div>
    </div>
  );
}

function path(asked: string, more: Record<string, string | string[]>): string {
  const query = new URLSearchParams(asked);
  for (const [name, value] of Object.entries(more)) for (const one of [value].flat()) if (one) query.append(name, one);
  return `/v1/traces?${query}`;
}

function Picture({ of, about, filter }: { of: Reading<Found>; about: SearchOverview | null; filter: TraceFilter }) {
  if (of.error && !about) return <p class="scatter-none tone-bad">{of.error.message}</p>;
  if (!about) return <div class="scatter-none" role="status" aria-label="Loading" />;
  return about.points?.length ? <Scatter overview={about} filter={filter} /> : null;
}

type ResultsProps = { data: Found; cursor: string; limit: string; filter: TraceFilter; stale: boolean; children: ComponentChildren };

function Results({ data, cursor, limit, filter, stale, children }: ResultsProps) {
  const traces = data.traces ?? [];
  const sort = parameter("sort") || "-start";
  if (traces.length === 0) return <None filter={filter} cursor={cursor} />;
  const pair = parameters("pick").slice(0, 2);
  return (
    <section aria-busy={stale}>
      <div class="bar traces-bar">
        <span class="faint">
          {count(traces.length)} {traces.length === 1 ? "trace" : "traces"}
          {cursor ? ", an older page" : ", the newest"}
        </span>
        {children}
        {data.partial ? (
          <span class="tone-warn" title="The time for one question ended before everything was looked through">
            <Icon name="warn" /> There may be more: narrow the time or the conditions
          </span>
        ) : null}
        <span class="bar-end button-row">
          {pair.length === 2 ? (
            <a class="button primary" href={href("/compare", { a: pair[1], b: pair[0] })}>
              <Icon name="compare" /> Compare
            </a>
          ) : pair.length === 1 ? (
            <span class="faint">choose one more to compare</span>
          ) : null}
          <label class="select">
            <span class="hidden">Traces on a page</span>
            <select value={limit} onChange={(event) => change({ limit: event.currentTarget.value === LIMITS[0] ? null : event.currentTarget.value, cursor: null }, "push")}>
              {LIMITS.map((one) => (
                <option key={one} value={one}>
                  {one} a page
                </option>
              ))}
            </select>
          </label>
        </span>
      </div>
      <TraceTable traces={sortTraces(traces, sort)} sort={sort} picked={pair} />
      <nav class="pager" aria-label="Pages of traces">
        {cursor ? (
          <button type="button" class="button" onClick={() => change({ cursor: null }, "push")}>
            Newest
          </button>
        ) : null}
        {data.next ? (
          <button type="button" class="button" onClick={() => change({ cursor: data.next ?? null }, "push")}>
            Older <Icon name="right" />
          </button>
        ) : (
          <span class="faint">{data.partial ? "" : "There are no older ones."}</span>
        )}
      </nav>
    </section>
  );
}

function None({ filter, cursor }: { filter: TraceFilter; cursor: string }) {
  if (cursor) {
    return (
      <Empty icon="traces" title="There are no older traces">
        <button type="button" class="button" onClick={() => change({ cursor: null }, "push")}>
          Show the newest
        </button>
      </Empty>
    );
  }
  if (isFiltered(filter)) {
    return (
      <Empty icon="filter" title="No trace fits the search">
        <button type="button" class="button" onClick={() => change(NO_FILTER, "push")}>
          Show all
        </button>
      </Empty>
    );
  }
  return (
    <Empty icon="traces" title="No traces yet">
      <p>
        What passes the gateway has traces. Services send their own by OTLP to the address in <code>OTEL_EXPORTER_OTLP_ENDPOINT</code>, which Trunkline gives them.
      </p>
    </Empty>
  );
}
