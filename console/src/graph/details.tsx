// The panel beside the drawing: what is known about the chosen node or line.
import type { Graph, GraphEdge, GraphNode, Quantiles } from "../api/types";
import { count, duration, rate, share, visible } from "../format";
import { hueClass, isService } from "../known";
import { Icon } from "../parts/icon";
import type { Row } from "../pages/policy_list";
import { BreakerBadge } from "../parts/policy";
import { State, errorTone } from "../parts/state";
import { Foreign, Place, ServiceLink } from "../parts/text";
import { change, href } from "../router";
import { MEANING, edgeKey, edgeText, statusOf } from "./words";
import { errorShare } from "../parts/measure";

/** `traces` where the graph is made of traces: then that is where more is to be seen. */
type Props = { graph: Graph; breakers: Map<string, Row[]>; node: string; edge: string; traces?: boolean };

export function GraphDetails({ graph, breakers, node, edge, traces = false }: Props) {
  const chosenNode = graph.nodes.find((one) => one.id === node);
  const chosenEdge = graph.edges.find((one) => edgeKey(one) === edge);
  if (!chosenNode && !chosenEdge) return null;
  return (
    <aside class="panel graph-panel" aria-label="Details" aria-live="off">
      <button type="button" class="button quiet panel-close" aria-label="Close details" onClick={() => change({ node: null, edge: null }, "push")}>
        <Icon name="close" />
      </button>
      {chosenNode ? <NodeDetails graph={graph} node={chosenNode} breakers={breakers.get(chosenNode.id)} traces={traces} /> : chosenEdge ? <EdgeDetails edge={chosenEdge} traces={traces} /> : null}
    </aside>
  );
}

function Numbers({ of }: { of: { rate_per_second?: number | null; error_share?: number | null; latency_ms?: Quantiles | null; requests?: number | null } }) {
  return (
    <dl class="numbers small">
      <div>
        <dt>Rate</dt>
        <dd>{rate(of.rate_per_second)}</dd>
      </div>
      <div>
        <dt>Errors</dt>
        <dd class={errorTone(errorShare(of))}>{share(errorShare(of))}</dd>
      </div>
      <div>
        <dt>p50</dt>
        <dd>{duration(of.latency_ms?.p50)}</dd>
      </div>
      <div>
        <dt>p99</dt>
        <dd>{duration(of.latency_ms?.p99)}</dd>
      </div>
      {of.requests !== undefined ? (
        <div>
          <dt>Requests</dt>
          <dd>{count(of.requests)}</dd>
        </div>
      ) : null}
    </dl>
  );
}

type NodeProps = { graph: Graph; node: GraphNode; breakers: Row[] | undefined; traces: boolean };

function NodeDetails({ graph, node, breakers, traces }: NodeProps) {
  const gateway = node.id === "gateway";
  const callees = graph.edges.filter((edge) => edge.from === node.id);
  const callers = graph.edges.filter((edge) => edge.to === node.id);
  return (
    <>
      <h2 class="panel-title">
        {gateway ? <Icon name="graph" /> : <span class={`swatch large ${hueClass(node.id)}`} aria-hidden="true" />}
        <Foreign text={node.id} />
      </h2>
      <p class="panel-line">
        {node.state ? <State state={node.state} /> : null}
        {node.kind === "external" || node.kind === "database" ? <span class="tag">{node.kind}</span> : null}
        <BreakerBadge service={node.id} rows={breakers} />
      </p>
      <Numbers of={node} />
      {traces ? (
        <div class="panel-actions">
          <a class="button primary" href={href("/traces", { service: node.id })}>
            <Icon name="traces" /> Traces
          </a>
          {isService(node.id) ? (
            <a class="button" href={href(`/services/${encodeURIComponent(node.id)}`)}>
              Open service
            </a>
          ) : null}
        </div>
      ) : gateway ? (
        <a class="button" href={href("/requests")}>
          <Icon name="requests" /> Last requests
        </a>
      ) : (
        <div class="panel-actions">
          <a class="button primary" href={href(`/services/${encodeURIComponent(node.id)}`)}>
            Open service
          </a>
          <a class="button" href={href("/requests", { service: node.id })}>
            <Icon name="requests" /> Requests
          </a>
          <a class="button" href={href("/traces", { service: node.id })}>
            <Icon name="traces" /> Traces
          </a>
        </div>
      )}
      <EdgeList title="Calls" edges={callees} end="to" />
      <EdgeList title="Called by" edges={callers} end="from" />
    </>
  );
}

function EdgeList({ title, edges, end }: { title: string; edges: GraphEdge[]; end: "from" | "to" }) {
  if (edges.length === 0) return null;
  return (
    <>
      <h3>{title}</h3>
      <ul class="edge-list">
        {edges.map((edge) => (
          <li key={edgeKey(edge)}>
            <button type="button" class={`edge-row edge-${statusOf(edge)}`} onClick={() => change({ edge: edgeKey(edge), node: null }, "push")}>
              <svg width="20" height="8" viewBox="0 0 20 8" aria-hidden="true">
                <path class="edge-line" d="M0 4H20" />
              </svg>
              <bdi class="clip">{visible(edge[end])}</bdi>
              <span class="faint">{edgeText(edge)}</span>
            </button>
          </li>
        ))}
      </ul>
    </>
  );
}

function EdgeDetails({ edge, traces }: { edge: GraphEdge; traces: boolean }) {
  const status = statusOf(edge);
  return (
    <>
      <h2 class="panel-title panel-edge">
        {edge.from === "gateway" ? <Foreign text="gateway" /> : <ServiceLink name={edge.from} />}
        <span aria-label="calls">→</span>
        <ServiceLink name={edge.to} />
      </h2>
      <p class={`edge-word edge-${status}`}>
        <Icon name={status === "observed" ? "ready" : status === "declared" ? "busy" : status === "missing" ? "bad" : "warn"} />
        {status}
      </p>
      <p class="panel-text">{MEANING[status]}</p>
      {edge.kind || edge.source ? (
        <p class="panel-line">
          {edge.kind ? <span class="tag">{visible(edge.kind)}</span> : null}
          {edge.source ? <span class="faint">seen by {edge.source === "both" ? "spans and the proxy" : edge.source === "proxy" ? "the proxy" : visible(edge.source)}</span> : null}
        </p>
      ) : null}
      <Numbers of={edge} />
      {traces ? (
        <a class="button" href={href("/traces", { service: edge.kind && edge.kind !== "call" ? edge.from : edge.to })}>
          <Icon name="traces" /> Traces
        </a>
      ) : null}
      {edge.requests_ever ? (
        <p class="panel-line faint">{count(edge.requests_ever)} requests since the start</p>
      ) : null}
      {edge.origin ? (
        <p class="panel-line">
          <span class="faint">Written in</span> <Place origin={edge.origin} />
        </p>
      ) : null}
    </>
  );
}
