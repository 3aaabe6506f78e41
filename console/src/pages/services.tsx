// Home: everything that runs, what needs a look first, and how much each service does.
import type { Service, Services } from "../api/types";
import { snapshot } from "../api/live";
import { count, duration, rate, share, span, visible } from "../format";
import { useDocument, useRowKeys } from "../hooks";
import { Sparkline } from "../parts/chart";
import { Empty, Shown } from "../parts/notice";
import { SearchField, SortHead, Choice } from "../parts/controls";
import { BreakerBadge } from "../parts/policy";
import { State, errorTone, stateWord, tone } from "../parts/state";
import { Foreign, ServiceLink } from "../parts/text";
import { change, href, parameter, windowChosen, windowSeconds } from "../router";
import { usePolicies } from "./policies";
import { type Row as PolicyRow, openBreakers } from "./policy_list";
import { mergeLive, sortServices } from "./service_list";
import { errorShare } from "../parts/measure";

export function ServicesPage() {
  useRowKeys();
  const reading = useDocument<Services>(`/v1/services?window=${windowChosen.value}`, 3000);
  return (
    <div class="page">
      <h1 class="hidden">Services</h1>
      <Shown of={reading} rows={7}>
        {(data) => <Content services={mergeLive(data.services ?? [], snapshot.value, windowSeconds.value)} />}
      </Shown>
    </div>
  );
}

const GROUPS = ["all", "ready", "busy", "trouble"] as const;

function inGroup(service: Service, group: string): boolean {
  const found = tone(service.state);
  if (group === "trouble") return found === "bad" || found === "warn";
  if (group === "ready" || group === "busy") return found === group;
  return true;
}

function Content({ services }: { services: Service[] }) {
  const text = parameter("q").toLowerCase();
  const group = parameter("state") || "all";
  const sort = parameter("sort") || "name";
  const shown = sortServices(
    services.filter((service) => inGroup(service, group) && contains(service, text)),
    sort,
  );
  const trouble = services.filter((service) => inGroup(service, "trouble"));
  return (
    <>
      <div class="bar">
        <SearchField value={parameter("q")} label="Filter services" onInput={(q) => change({ q })} />
        <Choice
          label="State"
          value={group}
          options={GROUPS.map((name) => ({ value: name, text: name, note: String(services.filter((service) => inGroup(service, name)).length) }))}
          onChange={(state) => change({ state: state === "all" ? null : state }, "push")}
        />
        <span class="bar-end faint">
          {shown.length === services.length ? `${services.length} services` : `${shown.length} of ${services.length} services`}
        </span>
      </div>
      {trouble.length > 0 && group === "all" && !text ? <Attention services={trouble} /> : null}
      {services.length === 0 ? (
        <Empty icon="services" title="No services yet">
          <p>
            Write one under <code>services:</code> in <code>trunkline.yaml</code>, or run <code>trunkline init</code> to have them found.
          </p>
        </Empty>
      ) : shown.length === 0 ? (
        <Empty icon="filter" title="No service fits the filter">
          <button type="button" class="button" onClick={() => change({ q: null, state: null }, "push")}>
            Show all
          </button>
        </Empty>
      ) : (
        <Table services={shown} sort={sort} />
      )}
    </>
  );
}

function contains(service: Service, text: string): boolean {
  if (!text) return true;
  return [service.name, service.language, service.command, service.state].some((field) => field?.toLowerCase().includes(text));
}

/** What is wrong, in one place, with the reason. */
function Attention({ services }: { services: Service[] }) {
  const FIRST = 4;
  return (
    <section class="attention" aria-label="Needs a look">
      {services.slice(0, FIRST).map((service) => (
        <a key={service.name} class={`attention-item tone-${tone(service.state)}`} href={href(`/services/${encodeURIComponent(service.name)}`)}>
          <State state={service.state} />
          <Foreign class="attention-name" text={service.name} />
          <span class="attention-why">{visible(service.detail) || stateWord(service.state)}</span>
        </a>
      ))}
      {services.length > FIRST ? (
        <button type="button" class="button quiet small" onClick={() => change({ state: "trouble" }, "push")}>
          {services.length - FIRST} more
        </button>
      ) : null}
    </section>
  );
}

function Table({ services, sort }: { services: Service[]; sort: string }) {
  const breakers = openBreakers(usePolicies(5000).data);
  return (
    <div class="table-frame">
      <table class="table services-table">
        <thead>
          <tr>
            <SortHead name="name" sort={sort}>
              Service
            </SortHead>
            <SortHead name="state" sort={sort}>
              State
            </SortHead>
            <th scope="col" class="col-spark">
              Requests
            </th>
            <SortHead name="rate" sort={sort} end>
              Rate
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
            <SortHead name="in_flight" sort={sort} end>
              In flight
            </SortHead>
            <SortHead name="restarts" sort={sort} end>
              Restarts
            </SortHead>
            <SortHead name="since" sort={sort} end>
              Up for
            </SortHead>
          </tr>
        </thead>
        <tbody>
          {services.map((service) => (
            <Row key={service.name} service={service} breakers={breakers.get(service.name)} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Row({ service, breakers }: { service: Service; breakers: PolicyRow[] | undefined }) {
  const latency = service.latency_ms ?? {};
  const held = service.held ?? 0;
  return (
    <tr class={`row-${tone(service.state)}`}>
      <th scope="row" class="col-name">
        <ServiceLink name={service.name} row />
        <span class="sub">
          <BreakerBadge service={service.name} rows={breakers} />
          {service.language ? <span class="tag">{visible(service.language)}</span> : null}
          {service.kind === "external" ? <span class="tag">external</span> : null}
          <span class="mono faint clip">{visible(service.command ?? service.address)}</span>
        </span>
      </th>
      <td class="col-state" data-label="State">
        <State state={service.state} />
      </td>
      <td class="col-spark">
        <Sparkline series={service.series} label={`Requests of ${visible(service.name)} over the window`} />
      </td>
      <td class="end" data-label="Rate">
        {rate(service.rate_per_second)}
      </td>
      <td class={`end ${errorTone(errorShare(service))}`} data-label="Errors">
        {share(errorShare(service))}
      </td>
      <td class="end" data-label="p50">
        {duration(latency.p50)}
      </td>
      <td class="end" data-label="p99">
        {duration(latency.p99)}
      </td>
      <td class="end" data-label="In flight">
        {count(service.in_flight)}
        {held > 0 ? <span class="faint"> +{held} held</span> : null}
      </td>
      <td class={`end ${(service.restarts ?? 0) > 0 ? "tone-warn" : "zero"}`} data-label="Restarts">
        {count(service.restarts)}
      </td>
      <td class="end" data-label="Up for">
        {span(service.since_seconds)}
      </td>
    </tr>
  );
}
