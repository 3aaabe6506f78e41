// Who depends on whom, as the spans of traces tell, joined with what the proxy saw: services that send no spans have
// their place too, and so have databases, queues and others outside. As a drawing and as a table.
import { snapshot } from "../api/live";
import type { Dependencies, DependencyEdge } from "../api/traces";
import { count, duration, moment, number, share, visible } from "../format";
import { GraphDetails } from "../graph/details";
import { GraphView } from "../graph/view";
import { useDocument } from "../hooks";
import { isService } from "../known";
import { Choice, SearchField, SortHead } from "../parts/controls";
import { Icon } from "../parts/icon";
import { Empty, Shown } from "../parts/notice";
import { errorTone } from "../parts/state";
import { Foreign, ServiceLink } from "../parts/text";
import { change, href, parameter } from "../router";
import { dependencyGraph, errorsOf, sortEdges } from "./dependency_graph";

const SINCE = ["15m", "1h", "6h", "24h"] as const;

export function DependenciesPage() {
  const since = (SINCE as readonly string[]).includes(parameter("since")) ? parameter("since") : "1h";
  const service = parameter("service");
  const query = new URLSearchParams({ since });
  if (service) query.set("service", service);
  const reading = useDocument<Dependencies>(`/v1/dependencies?${query}`, 30_000);
  return (
    <div class="page page-full">
      <h1 class="hidden">Dependencies</h1>
      <Shown of={reading} rows={6}>
        {(data) => <Content data={data} since={since} service={service} />}
      </Shown>
    </div>
  );
}

function Content({ data, since, service }: { data: Dependencies; since: string; service: string }) {
  const table = parameter("view") === "table";
  const text = parameter("q").toLowerCase();
  const edges = data.edges ?? [];
  return (
    <>
      <div class="bar">
        <Choice
          label="View"
          value={table ? "table" : "drawing"}
          options={[
            { value: "drawing", text: "Drawing" },
            { value: "table", text: "Table" },
          ]}
          onChange={(value) => change({ view: value === "table" ? value : null }, "push")}
        />
        <SearchField value={parameter("q")} label="Find a service" onInput={(q) => change({ q })} />
        <label class="select">
          <span class="hidden">Around</span>
          <select value={service} onChange={(event) => change({ service: event.currentTarget.value, node: null, edge: null }, "push")}>
            <option value="">all services</option>
            {namesOf(data, service).map((name) => (
              <option key={name} value={name}>
                around {visible(name)}
              </option>
            ))}
          </select>
        </label>
        <Choice label="Time" value={since} options={SINCE.map((value) => ({ value, text: value }))} onChange={(value) => change({ since: value === "1h" ? null : value }, "push")} />
        {data.exact === false ? (
          <span class="tone-warn" title="There were too many traces to count them all">
            <Icon name="warn" /> from a sample of the newest traces
          </span>
        ) : null}
        <span class="bar-end faint dependency-time" title={`${moment(data.from)} to ${moment(data.to)}`}>
          {count(edges.length)} {edges.length === 1 ? "dependency" : "dependencies"}
        </span>
      </div>
      {edges.length === 0 ? (
        <Empty icon="dependencies" title="No calls between services yet">
          <p>As soon as traces have spans of two services, they stand here with whom they call.</p>
        </Empty>
      ) : table ? (
        <Table edges={edges.filter((edge) => !text || `${edge.caller}\n${edge.callee}`.toLowerCase().includes(text))} />
      ) : (
        <Drawing data={data} text={text} />
      )}
    </>
  );
}

function namesOf(data: Dependencies, chosen: string): string[] {
  const names = new Set([...(data.edges ?? []).flatMap((edge) => [edge.caller, edge.callee]), ...(chosen ? [chosen] : [])]);
  return [...names].sort();
}

const NO_BREAKERS = new Map<string, never[]>();

function Drawing({ data, text }: { data: Dependencies; text: string }) {
  const graph = dependencyGraph(data, snapshot.value?.services ?? []);
  const [node, edge] = [parameter("node"), parameter("edge")];
  return (
    <div class="graph-frame">
      <GraphView graph={graph} breakers={NO_BREAKERS} status="all" node={node} edge={edge} text={text} />
      <GraphDetails graph={graph} breakers={NO_BREAKERS} node={node} edge={edge} traces />
    </div>
  );
}

function Name({ name }: { name: string }) {
  return isService(name) ? <ServiceLink name={name} /> : <Foreign text={name} />;
}

/** Who saw the calls, in words. */
const SOURCES = new Map<string | null | undefined, string>([
  ["spans", "spans"],
  ["proxy", "the proxy"],
  ["both", "spans and the proxy"],
]);

function Table({ edges }: { edges: DependencyEdge[] }) {
  const sort = parameter("sort") || "-calls";
  return (
    <div class="table-frame scrolled">
      <table class="table stacked">
        <thead>
          <tr>
            <SortHead name="caller" sort={sort}>
              Caller
            </SortHead>
            <SortHead name="callee" sort={sort}>
              Callee
            </SortHead>
            <th scope="col">Kind</th>
            <SortHead name="calls" sort={sort} end>
              Calls
            </SortHead>
            <SortHead name="errors" sort={sort} end>
              Errors
            </SortHead>
            <SortHead name="p50" sort={sort} end>
              p50
            </SortHead>
            <SortHead name="p99" sort={sort} end>
              p99
            </SortHead>
            <th scope="col">Seen by</th>
            <th scope="col">
              <span class="hidden">Traces</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {sortEdges(edges, sort).map((edge) => (
            <tr key={`${edge.caller}\u0000${edge.callee}\u0000${edge.kind}`}>
              <th scope="row">
                <Name name={edge.caller} />
              </th>
              <td data-label="Callee">
                <Name name={edge.callee} />
              </td>
              <td data-label="Kind">
                <span class="tag">{visible(edge.kind ?? "call")}</span>
              </td>
              <td class="end" data-label="Calls">
                {number(edge.calls)}
              </td>
              <td class={`end ${errorTone(errorsOf(edge))}`} data-label="Errors">
                {share(errorsOf(edge))}
              </td>
              <td class="end" data-label="p50">
                {duration(edge.p50_ms)}
              </td>
              <td class="end" data-label="p99">
                {duration(edge.p99_ms)}
              </td>
              <td data-label="Seen by">{SOURCES.get(edge.source) ?? <span class="faint">–</span>}</td>
              <td class="end">
                <a href={href("/traces", { service: edge.kind === "call" || !edge.kind ? edge.callee : edge.caller })}>Traces</a>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {edges.length === 0 ? <p class="faint quiet-line">No dependency fits.</p> : null}
    </div>
  );
}
