// The live call graph: who calls whom, how much, how fast, and whether it is what the configuration says. The same as a
// table for those who prefer to read, and for those who cannot see the drawing.
import { snapshot } from "../api/live";
import type { Graph, GraphEdge } from "../api/types";
import { duration, rate, share } from "../format";
import { GraphView } from "../graph/view";
import { GraphDetails } from "../graph/details";
import { STATUSES, MEANING, edgeKey, statusOf } from "../graph/words";
import { useDocument } from "../hooks";
import { Choice, SearchField } from "../parts/controls";
import { Icon } from "../parts/icon";
import { Empty, Shown } from "../parts/notice";
import { errorTone } from "../parts/state";
import { Foreign, Place, ServiceLink } from "../parts/text";
import { matchScore } from "./match";
import { usePolicies } from "./policies";
import { openBreakers } from "./policy_list";
import { change, parameter, windowChosen, windowSeconds } from "../router";
import { errorShare } from "../parts/measure";

const SNAPSHOT_SECONDS = 60;

export function GraphPage() {
  const live = snapshot.value?.graph;
  const fresh = live && (live.window_seconds ?? SNAPSHOT_SECONDS) === windowSeconds.value ? live : null;
  const reading = useDocument<Graph>(`/v1/graph?window=${windowChosen.value}`, fresh ? 0 : 3000);
  const shown = fresh ? { ...reading, data: fresh, loading: false, error: null } : reading;
  return (
    <div class="page page-full">
      <h1 class="hidden">Call graph</h1>
      <Shown of={shown} rows={6}>
        {(data) => <Content graph={{ ...data, nodes: data.nodes ?? [], edges: data.edges ?? [] }} />}
      </Shown>
    </div>
  );
}

function Content({ graph }: { graph: Graph }) {
  const view = parameter("view") === "table" ? "table" : "drawing";
  const status = parameter("edges") || "all";
  if (graph.nodes.length === 0) {
    return (
      <Empty icon="graph" title="Nothing to draw yet">
        <p>As soon as services are configured, they stand here with whom they call.</p>
      </Empty>
    );
  }
  const text = parameter("q").toLowerCase();
  const fits = (edge: GraphEdge) => (status === "all" || statusOf(edge) === status) && (!text || `${edge.from}\n${edge.to}`.toLowerCase().includes(text));
  const edges = graph.edges.filter(fits);
  return (
    <>
      <div class="bar">
        <Choice
          label="View"
          value={view}
          options={[
            { value: "drawing", text: "Drawing" },
            { value: "table", text: "Table" },
          ]}
          onChange={(value) => change({ view: value === "table" ? value : null }, "push")}
        />
        <SearchField
          value={parameter("q")}
          label="Find a service"
          onInput={(q) => change({ q })}
          onEnter={() => {
            const found = find(graph, parameter("q"));
            if (found) change({ node: found, edge: null }, "push");
          }}
        />
        <Legend graph={graph} chosen={status} />
      </div>
      {view === "table" ? <EdgeTable graph={{ ...graph, edges }} /> : <Drawing graph={graph} status={status} />}
    </>
  );
}

/** The service whose name fits best to what was typed. */
function find(graph: Graph, text: string): string | null {
  const scored = graph.nodes.map(({ id }) => ({ id, score: text ? matchScore(id, text) : 0 })).sort((one, other) => other.score - one.score);
  return scored[0]?.score ? scored[0].id : null;
}

function Drawing({ graph, status }: { graph: Graph; status: string }) {
  const node = parameter("node");
  const edge = parameter("edge");
  const breakers = openBreakers(usePolicies(5000).data);
  return (
    <div class="graph-frame">
      <GraphView graph={graph} breakers={breakers} status={status} node={node} edge={edge} text={parameter("q").toLowerCase()} />
      <GraphDetails graph={graph} breakers={breakers} node={node} edge={edge} />
    </div>
  );
}

/** Explains the kinds of lines, and shows one kind alone when it is pressed. */
function Legend({ graph, chosen }: { graph: Graph; chosen: string }) {
  return (
    <div class="legend" role="group" aria-label="Kinds of calls">
      {STATUSES.map((status) => {
        const many = graph.edges.filter((edge) => statusOf(edge) === status).length;
        return (
          <button
            key={status}
            type="button"
            class={`legend-item edge-${status}`}
            aria-pressed={chosen === status}
            title={MEANING[status]}
            onClick={() => change({ edges: chosen === status ? null : status }, "push")}
          >
            <svg width="28" height="8" viewBox="0 0 28 8" aria-hidden="true">
              <path class="edge-line" d="M0 4H28" />
            </svg>
            {status} <span class="segment-note">{many}</span>
          </button>
        );
      })}
    </div>
  );
}

function EdgeTable({ graph }: { graph: Graph }) {
  return (
    <div class="table-frame">
      <table class="table stacked">
        <thead>
          <tr>
            <th scope="col">From</th>
            <th scope="col">To</th>
            <th scope="col">Kind</th>
            <th scope="col" class="end">
              Rate
            </th>
            <th scope="col" class="end">
              Errors
            </th>
            <th scope="col" class="end">
              p50
            </th>
            <th scope="col" class="end">
              p99
            </th>
            <th scope="col">Written in</th>
          </tr>
        </thead>
        <tbody>
          {graph.edges.map((edge) => (
            <tr key={edgeKey(edge)}>
              <th scope="row">{edge.from === "gateway" ? <Foreign text="gateway" /> : <ServiceLink name={edge.from} />}</th>
              <td data-label="To">
                <ServiceLink name={edge.to} />
              </td>
              <td data-label="Kind">
                <span class={`edge-word edge-${statusOf(edge)}`} title={MEANING[statusOf(edge)]}>
                  <Icon name={statusOf(edge) === "observed" ? "ready" : statusOf(edge) === "declared" ? "busy" : statusOf(edge) === "missing" ? "bad" : "warn"} />
                  {statusOf(edge)}
                </span>
              </td>
              <td class="end" data-label="Rate">
                {rate(edge.rate_per_second)}
              </td>
              <td class={`end ${errorTone(errorShare(edge))}`} data-label="Errors">
                {share(errorShare(edge))}
              </td>
              <td class="end" data-label="p50">
                {duration(edge.latency_ms?.p50)}
              </td>
              <td class="end" data-label="p99">
                {duration(edge.latency_ms?.p99)}
              </td>
              <td data-label="Written in">{edge.origin ? <Place origin={edge.origin} /> : <span class="faint">–</span>}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {graph.edges.length === 0 ? <p class="faint quiet-line">No call of this kind.</p> : null}
    </div>
  );
}
