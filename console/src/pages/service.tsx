// One service: how it is, what it does over the window, where it runs, whom it calls, its last requests and its log.
import { useState } from "preact/hooks";
import { ApiError, post } from "../api/client";
import { snapshot } from "../api/live";
import type { Endpoint, Entrance, Service, Services } from "../api/types";
import { count, duration, rate, safeHref, share, span, visible } from "../format";
import { hueClass } from "../known";
import { useDocument } from "../hooks";
import { Chart } from "../parts/chart";
import { Icon } from "../parts/icon";
import { Empty, Shown } from "../parts/notice";
import { State, errorTone, tone } from "../parts/state";
import { Copy, Foreign, Place, ServiceLink } from "../parts/text";
import { say } from "../parts/toast";
import { href, windowChosen, windowSeconds } from "../router";
import { LogTail } from "./log_tail";
import { RequestTable } from "./request_table";
import { mergeLive } from "./service_list";
import { ServicePolicies } from "./service_policies";
import { errorShare } from "../parts/measure";

const LAST_REQUESTS = 12;

export function ServicePage({ name }: { name: string }) {
  const reading = useDocument<Services>(`/v1/services?window=${windowChosen.value}`, 2000);
  return (
    <div class="page">
      <Shown of={reading} rows={8}>
        {(data) => {
          const service = mergeLive(data.services ?? [], snapshot.value, windowSeconds.value).find((one) => one.name === name);
          return service ? <Content service={service} /> : <Unknown name={name} />;
        }}
      </Shown>
    </div>
  );
}

function Unknown({ name }: { name: string }) {
  return (
    <Empty icon="search" title={`There is no service “${visible(name)}”`}>
      <p>It may have been renamed or taken out of the configuration.</p>
      <a href={href("/services")}>All services</a>
    </Empty>
  );
}

function Content({ service }: { service: Service }) {
  return (
    <>
      <Head service={service} />
      {service.detail ? (
        <p class={`callout tone-${tone(service.state)}`}>
          <State state={service.state} quiet />
          <Foreign text={service.detail} />
        </p>
      ) : null}
      <Numbers service={service} />
      <Charts service={service} />
      <div class="columns">
        <Facts service={service} />
        <Neighbours service={service} />
      </div>
      <Endpoints endpoints={service.endpoints ?? []} />
      <ServicePolicies name={service.name} />
      <LastRequests name={service.name} />
      {service.kind === "external" ? null : <LogTail service={service.name} />}
    </>
  );
}

function Head({ service }: { service: Service }) {
  const url = safeHref(service.url);
  return (
    <div class="page-head">
      <a class="button quiet" href={href("/services")} aria-label="All services" title="All services">
        <Icon name="back" />
      </a>
      <span class={`swatch large ${hueClass(service.name)}`} aria-hidden="true" />
      <h1>
        <Foreign text={service.name} />
      </h1>
      <State state={service.state} />
      <span class="head-tags">
        {service.language ? <span class="tag">{visible(service.language)}</span> : null}
        {service.kind === "external" ? <span class="tag">external</span> : null}
      </span>
      <span class="bar-end actions">
        {url ? (
          <a class="button" href={url} target="_blank" rel="noreferrer noopener">
            <Icon name="outside" /> Open
          </a>
        ) : null}
        <a class="button" href={href("/graph", { node: service.name })}>
          <Icon name="graph" /> Graph
        </a>
        {service.kind === "external" ? null : <Restart name={service.name} />}
      </span>
    </div>
  );
}

/** Asks once more in the same place, then says how it went. */
function Restart({ name }: { name: string }) {
  const [step, setStep] = useState<"idle" | "asked" | "busy">("idle");
  const restart = async () => {
    setStep("busy");
    try {
      await post(`/v1/services/${encodeURIComponent(name)}/restart`);
      say("ready", `${name} was restarted and is ready again`);
    } catch (error) {
      const hint = error instanceof ApiError ? error.hint : null;
      say("bad", `${name} was not restarted: ${error instanceof Error ? error.message : String(error)}`, hint);
    }
    setStep("idle");
  };
  if (step === "asked") {
    return (
      <span class="confirm" role="group" aria-label="Restart?">
        <button type="button" class="button danger" onClick={restart} autoFocus>
          Restart now
        </button>
        <button type="button" class="button" onClick={() => setStep("idle")}>
          Cancel
        </button>
      </span>
    );
  }
  return (
    <button type="button" class="button" disabled={step === "busy"} onClick={() => setStep("asked")}>
      <Icon name="restart" class={step === "busy" ? "turning" : ""} /> {step === "busy" ? "Restarting…" : "Restart"}
    </button>
  );
}

function Numbers({ service }: { service: Service }) {
  const latency = service.latency_ms ?? {};
  const cells: [string, string, string?][] = [
    ["Rate", rate(service.rate_per_second)],
    ["Errors", share(errorShare(service)), errorTone(errorShare(service))],
    ["p50", duration(latency.p50)],
    ["p90", duration(latency.p90)],
    ["p99", duration(latency.p99)],
    ["In flight", count(service.in_flight)],
    ["Held", count(service.held)],
    ["Restarts", count(service.restarts), (service.restarts ?? 0) > 0 ? "tone-warn" : ""],
    ["Up for", span(service.since_seconds)],
  ];
  return (
    <dl class="numbers">
      {cells.map(([name, value, extra]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd class={extra ?? ""}>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function Charts({ service }: { service: Service }) {
  const series = service.series ?? [];
  if (series.length < 2) return null;
  const step = Math.max(1, ((series[series.length - 1]?.at_unix ?? 0) - (series[0]?.at_unix ?? 0)) / (series.length - 1));
  return (
    <div class="columns">
      <Chart
        title="Requests"
        series={series}
        write={rate}
        lines={[
          { name: "all", class: "line-main", value: (point) => point.requests / step, filled: true },
          { name: "failed", class: "line-bad", value: (point) => point.failed / step, filled: true },
        ]}
      />
      <Chart title="Latency" series={series} write={duration} lines={[{ name: "p99", class: "line-second", value: (point) => point.p99_ms ?? null }]} />
    </div>
  );
}

function Facts({ service }: { service: Service }) {
  const url = safeHref(service.url);
  return (
    <section class="card">
      <h2>Where it runs</h2>
      <dl class="facts">
        <Fact name="Command">{service.command ? <Foreign class="mono wrap" text={service.command} /> : null}</Fact>
        <Fact name="Process">{service.pid ? <span class="mono">{service.pid}</span> : null}</Fact>
        <Fact name="Address">
          {service.address ? (
            <>
              <Foreign class="mono wrap" text={service.address} /> <Copy text={service.address} label="Copy address" />
            </>
          ) : null}
        </Fact>
        <Fact name="URL">
          {url ? (
            <a class="mono wrap" href={url} target="_blank" rel="noreferrer noopener">
              {visible(url)}
            </a>
          ) : service.url ? (
            <Foreign class="mono wrap" text={service.url} />
          ) : null}
        </Fact>
        <Fact name="Written in">{service.origin ? <Place origin={service.origin} /> : null}</Fact>
      </dl>
    </section>
  );
}

function Fact({ name, children }: { name: string; children: preact.ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children ?? <span class="faint">–</span>}</dd>
    </div>
  );
}

function Neighbours({ service }: { service: Service }) {
  const list = (names: string[] | undefined, none: string) =>
    names?.length ? (
      <ul class="chips">
        {names.map((name) => (
          <li key={name}>{name === "gateway" ? <span class="chip">gateway</span> : <ServiceLink name={name} />}</li>
        ))}
      </ul>
    ) : (
      <p class="faint">{none}</p>
    );
  return (
    <section class="card">
      <h2>Calls</h2>
      {list(service.calls, "It calls no other service.")}
      <h2>Called by</h2>
      {list(service.called_by, "No other service calls it.")}
    </section>
  );
}

function Endpoints({ endpoints }: { endpoints: Endpoint[] }) {
  if (endpoints.length === 0) return null;
  return (
    <section>
      <h2 class="section-title">Endpoints</h2>
      <div class="table-frame">
        <table class="table stacked">
          <thead>
            <tr>
              <th scope="col">Address</th>
              <th scope="col">State</th>
              <th scope="col" class="end">
                Requests
              </th>
              <th scope="col" class="end">
                Failed
              </th>
              <th scope="col" class="end">
                p50
              </th>
              <th scope="col" class="end">
                p99
              </th>
              <th scope="col" class="end">
                In flight
              </th>
              <th scope="col" class="end">
                Weight
              </th>
            </tr>
          </thead>
          <tbody>
            {endpoints.map((endpoint) => (
              <tr key={endpoint.id}>
                <th scope="row">
                  <Foreign class="mono" text={endpoint.address ?? endpoint.id} />
                </th>
                <td data-label="State">
                  <State state={endpoint.ejected ? "unhealthy" : endpoint.state} />
                  {endpoint.ejected ? <span class="tag">ejected</span> : null}
                  {endpoint.overridden ? <span class="tag">overridden</span> : null}
                  {endpoint.health_error ? <Foreign class="faint wrap" text={endpoint.health_error} /> : null}
                </td>
                <td class="end" data-label="Requests">
                  {count(endpoint.requests?.total)}
                </td>
                <td class={`end ${endpoint.requests?.failed ? "tone-bad" : "zero"}`} data-label="Failed">
                  {count(endpoint.requests?.failed)}
                </td>
                <td class="end" data-label="p50">
                  {duration(endpoint.latency_ms?.p50)}
                </td>
                <td class="end" data-label="p99">
                  {duration(endpoint.latency_ms?.p99)}
                </td>
                <td class="end" data-label="In flight">
                  {count(endpoint.in_flight)}
                </td>
                <td class="end" data-label="Weight">
                  {count(endpoint.weight)}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function LastRequests({ name }: { name: string }) {
  const reading = useDocument<{ requests: Entrance[] }>(`/v1/requests?limit=${LAST_REQUESTS}&service=${encodeURIComponent(name)}`, 3000);
  return (
    <section>
      <div class="section-head">
        <h2 class="section-title">Last requests</h2>
        <span class="button-row">
          <a href={href("/traces", { service: name })}>Its traces</a>
          <a href={href("/requests", { service: name })}>All of its requests</a>
        </span>
      </div>
      <Shown of={reading} rows={3}>
        {(data) =>
          data.requests?.length ? (
            <RequestTable requests={data.requests.slice(0, LAST_REQUESTS)} />
          ) : (
            <p class="faint quiet-line">No request has come by here yet.</p>
          )
        }
      </Shown>
    </section>
  );
}
