// What protects services from each other: every breaker, retry, bulkhead and their like as it is now, what happened to
// them, and what a person may tell a breaker.
import { useState } from "preact/hooks";
import { generation, POLICY_EVENTS_MAX, policyEvents } from "../api/live";
import type { Configuration, Policies, PolicyEvent, Services } from "../api/types";
import { clock, moment, visible } from "../format";
import { type Reading, useDocument, useRowKeys } from "../hooks";
import { Choice, SearchField } from "../parts/controls";
import { Empty, Shown } from "../parts/notice";
import { Part, PolicyState } from "../parts/policy";
import { Foreign, ServiceLink } from "../parts/text";
import { change, href, parameter } from "../router";
import { BreakerDialog } from "./breaker_dialog";
import { usePolicies } from "./policies";
import { KINDS, type PolicyFilter, type Row, type Target, filterTargets, joinEvents, needsLook, owner, policyTone, sortTargets, targets, transition, withConfigured, worstFirst } from "./policy_list";
import { PolicyTable } from "./policy_table";

export function ResiliencePage() {
  useRowKeys();
  const reading = usePolicies(2000);
  const services = useDocument<Services>("/v1/services", 5000);
  const configuration = useDocument<Configuration>(`/v1/configuration${generation.value === null ? "" : `#${generation.value}`}`);
  const [chosen, setChosen] = useState("");
  return (
    <div class="page">
      <h1 class="hidden">Resilience</h1>
      <Shown of={reading} rows={8}>
        {(data: Policies) => {
          const all = withConfigured(targets(data), configuration.data?.services ?? [], services.data?.services ?? []);
          return <Content all={all} of={reading} choose={(row) => setChosen(row.policy)} />;
        }}
      </Shown>
      {chosen ? <BreakerDialog policy={chosen} breaker={reading.data?.policies?.[chosen]?.circuitbreaker ?? null} close={() => setChosen("")} done={reading.refresh} /> : null}
    </div>
  );
}

const GROUPS = [
  { value: "all", text: "all" },
  { value: "fine", text: "fine" },
  { value: "trouble", text: "needs a look" },
];

function Content({ all, of, choose }: { all: Target[]; of: Reading<Policies>; choose: (row: Row) => void }) {
  const filter: PolicyFilter = { text: parameter("q"), kind: parameter("kind"), state: parameter("state") || "all" };
  const sort = parameter("sort") || "name";
  const shown = sortTargets(filterTargets(all, filter), sort);
  const total = count(all);
  const many = count(shown);
  const open = worstFirst(all.flatMap((target) => target.rows).filter((row) => row.kind === "breaker" && needsLook(row)));
  const unfiltered = !filter.text && !filter.kind && filter.state === "all";
  if (total === 0) return <None />;
  return (
    <>
      <div class="bar">
        <SearchField value={filter.text} label="Filter policies" onInput={(q) => change({ q })} />
        <KindPicker all={all} chosen={filter.kind} />
        <Choice
          label="State"
          value={filter.state}
          options={GROUPS.map((group) => ({ ...group, note: String(count(filterTargets(all, { ...filter, state: group.value }))) }))}
          onChange={(state) => change({ state: state === "all" ? null : state }, "push")}
        />
        <span class="bar-end faint">
          {of.error ? "What you see is the last that was known." : many === total ? `${total} ${total === 1 ? "policy" : "policies"}` : `${many} of ${total} policies`}
        </span>
      </div>
      {unfiltered && open.length > 0 ? <Attention rows={open} /> : null}
      {many === 0 ? (
        <Empty icon="filter" title="No policy fits the filter">
          <button type="button" class="button" onClick={() => change({ q: null, kind: null, state: null }, "push")}>
            Show all
          </button>
        </Empty>
      ) : (
        <PolicyTable targets={shown} sort={sort} choose={choose} />
      )}
      <Events text={filter.text} />
    </>
  );
}

const count = (of: Target[]) => of.reduce((sum, target) => sum + target.rows.length, 0);

function KindPicker({ all, chosen }: { all: Target[]; chosen: string }) {
  const there = new Set<string>(all.flatMap((target) => target.rows.map((row) => row.kind)));
  return (
    <label class="select">
      <span class="hidden">Kind</span>
      <select value={chosen} onChange={(event) => change({ kind: event.currentTarget.value }, "push")}>
        <option value="">all kinds</option>
        {KINDS.filter((kind) => there.has(kind) || kind === chosen).map((kind) => (
          <option key={kind} value={kind}>
            {kind}
          </option>
        ))}
      </select>
    </label>
  );
}

function None() {
  return (
    <Empty icon="shield" title="No policies yet">
      <p>
        Write one at a service in <code>trunkline.yaml</code>, or at a route:
      </p>
      <pre class="example">
        <code>{"services:\n  orders:\n    breaker: true\n    retry: 3\n    bulkhead: 50"}</code>
      </pre>
      <a href={href("/configuration")}>Go to the configuration</a>
    </Empty>
  );
}

/** Breakers that are not closed, with what they do about it. */
function Attention({ rows }: { rows: Row[] }) {
  const FIRST = 4;
  return (
    <section class="attention" aria-label="Breakers that need a look">
      {rows.slice(0, FIRST).map((row) => (
        <a key={row.policy} class={`attention-item policy-attention tone-${policyTone(row.state)}`} href={href("/resilience", { q: row.policy })}>
          <PolicyState state={row.state} />
          <Foreign class="attention-name" text={row.policy} />
          <span class="attention-why">{row.now}</span>
        </a>
      ))}
      {rows.length > FIRST ? (
        <button type="button" class="button quiet small" onClick={() => change({ state: "trouble", kind: "breaker" }, "push")}>
          {rows.length - FIRST} more
        </button>
      ) : null}
    </section>
  );
}

function Events({ text }: { text: string }) {
  const reading = useDocument<{ events?: PolicyEvent[] }>("/v1/resilience/events?after=0");
  const small = text.toLowerCase();
  return (
    <section>
      <div class="section-head">
        <h2 class="section-title">Events</h2>
        <span class="faint">newest first</span>
      </div>
      <Shown of={reading} rows={3}>
        {(data) => {
          const all = joinEvents(data.events ?? [], policyEvents.value, POLICY_EVENTS_MAX);
          const shown = all.filter((event) => !small || `${event.policy ?? ""}\n${event.type ?? ""}\n${event.detail ?? ""}`.toLowerCase().includes(small));
          return (
            <ol class="policy-events" role="log" aria-label="Events of policies" tabIndex={0}>
              {shown.map((event) => (
                <EventLine key={event.number} event={event} />
              ))}
              {shown.length === 0 ? <li class="policy-events-none faint">{all.length ? "No event fits the filter." : "Nothing happened yet."}</li> : null}
            </ol>
          );
        }}
      </Shown>
    </section>
  );
}

function EventLine({ event }: { event: PolicyEvent }) {
  const time = typeof event.at_unix_ms === "number" ? new Date(event.at_unix_ms) : null;
  const text = time && !Number.isNaN(time.getTime()) ? time.toISOString() : null;
  const whose = owner(event.policy ?? "");
  const states = transition(event.detail);
  return (
    <li>
      <span class="log-time mono" title={moment(text)}>
        {clock(text)}
        <span class="millis">{clock(text, true).slice(8)}</span>
      </span>
      <span class="event-policy">
        <ServiceLink name={whose.service} />
        <Part of={whose} />
      </span>
      <span class="event-type">{eventWord(event.type)}</span>
      <span class="event-detail">
        {states ? (
          <>
            <PolicyState state={states[0]} />
            <span aria-label="to">→</span>
            <PolicyState state={states[1]} />
          </>
        ) : (
          <Foreign text={event.detail} />
        )}
      </span>
    </li>
  );
}

const EVENT_WORDS = new Map<string | null | undefined, string>([
  ["STATE_TRANSITION", "state changed"],
  ["FAILURE_RATE_EXCEEDED", "failure rate exceeded"],
  ["SLOW_CALL_RATE_EXCEEDED", "slow call rate exceeded"],
  ["RESET", "reset"],
  ["NOT_PERMITTED", "calls refused"],
  ["FAILED_ACQUIRE", "over the rate"],
  ["CALL_REJECTED", "bulkhead full"],
  ["LIMIT_REJECTED", "over the limit"],
  ["SHED", "shed"],
  ["BUDGET_EXHAUSTED", "retry budget spent"],
]);

function eventWord(type: string | null | undefined): string {
  return EVENT_WORDS.get(type) ?? visible(type);
}
