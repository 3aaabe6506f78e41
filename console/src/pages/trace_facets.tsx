// What the found traces have in common: services, entrances, outcomes, and values of chosen attributes, with how many
// traces each has. Choosing one narrows the search.
import type { ComponentChildren } from "preact";
import type { Facets as FacetLists, SearchOverview } from "../api/traces";
import { count, duration, visible } from "../format";
import { hueClass } from "../known";
import { Icon } from "../parts/icon";
import { Foreign } from "../parts/text";
import { change } from "../router";
import { type TraceFilter, readTags, toggleTag } from "./trace_query";

type Props = { overview: SearchOverview | null; loading: boolean; filter: TraceFilter; chosen: string[] };

export function Facets({ overview, loading, filter, chosen }: Props) {
  const lists: FacetLists = overview?.facets ?? {};
  const total = overview?.traces ?? 0;
  return (
    <aside class="facets" aria-label="Narrow the search" aria-busy={loading}>
      <p class="facets-head faint">{overview ? `${overview.more ? "the newest " : ""}${count(total)} ${total === 1 ? "trace" : "traces"}` : "…"}</p>
      <List title="Outcome">
        {(lists.status ?? []).map((one) => {
          const failed = one.value === "failed";
          const on = failed && filter.status === "error";
          return (
            <Item key={one.value} on={on} traces={one.traces} failed={null} of={total} choose={failed ? () => choose({ status: on ? null : "error" }) : undefined}>
              <span class={failed ? "tone-bad state" : "tone-ready state"}>
                <Icon name={failed ? "bad" : "ready"} /> {visible(one.value)}
              </span>
            </Item>
          );
        })}
      </List>
      <List title="Services">
        {(lists.services ?? []).map((one) => {
          const on = filter.services.includes(one.value);
          const services = on ? filter.services.filter((name) => name !== one.value) : [...filter.services, one.value];
          return (
            <Item key={one.value} on={on} traces={one.traces} failed={one.failed} of={total} choose={() => choose({ service: services })}>
              <span class={`swatch ${hueClass(one.value)}`} aria-hidden="true" /> <Foreign class="clip" text={one.value} />
            </Item>
          );
        })}
      </List>
      <List title="Entrances">
        {(lists.entrances ?? []).map((one) => {
          const on = filter.operation === one.name && filter.services.length === 1 && filter.services[0] === one.service;
          return (
            <Item
              key={`${one.service}\u0000${one.name}`}
              on={on}
              traces={one.traces}
              failed={one.failed}
              of={total}
              title={`${visible(one.service)} ${visible(one.name)}: half below ${duration(one.p50_ms)}, 99 % below ${duration(one.p99_ms)}`}
              choose={() => choose(on ? { service: null, operation: null } : { service: [one.service], operation: one.name })}
            >
              <span class={`swatch ${hueClass(one.service)}`} aria-hidden="true" /> <Foreign class="clip" text={one.name} />
            </Item>
          );
        })}
      </List>
      {(lists.attributes ?? []).map((list) => (
        <List
          key={list.key}
          title={list.key}
          tool={
            <button type="button" class="button quiet small" aria-label={`Do not count ${visible(list.key)}`} onClick={() => change({ facet: chosen.filter((key) => bare(key) !== list.key) }, "push")}>
              <Icon name="close" />
            </button>
          }
        >
          {(list.values ?? []).map((one) => {
            const tag = `${list.key}=${one.value}`;
            const on = readTags(filter.tags).includes(tag);
            return (
              <Item key={one.value} on={on} traces={one.traces} failed={one.failed} of={total} choose={() => choose({ tags: toggleTag(filter.tags, tag) })}>
                <Foreign class="clip mono" text={one.value} />
              </Item>
            );
          })}
          {list.values?.length ? null : <li class="faint">No trace has it.</li>}
        </List>
      ))}
      <AddFacet chosen={chosen} />
    </aside>
  );
}

/** Without the level in front. */
const bare = (key: string) => key.replace(/^(any|resource|scope|span|event|link):/, "");

function choose(query: Record<string, string | string[] | null>): void {
  change({ ...query, cursor: null }, "push");
}

function List({ title, tool, children }: { title: string; tool?: ComponentChildren; children: ComponentChildren }) {
  if (Array.isArray(children) && children.flat().length === 0) return null;
  return (
    <section class="facet">
      <h2>
        <Foreign class="clip" text={title} />
        {tool}
      </h2>
      <ul>{children}</ul>
    </section>
  );
}

type ItemProps = { on: boolean; traces: number | null | undefined; failed: number | null | undefined; of: number; title?: string; choose?: () => void; children: ComponentChildren };

function Item({ on, traces, failed, of, title, choose: act, children }: ItemProps) {
  const width = of > 0 ? Math.min(100, ((traces ?? 0) / of) * 100) : 0;
  return (
    <li>
      <button type="button" class="facet-item" aria-pressed={act ? on : undefined} disabled={!act} title={title} onClick={act}>
        <span class="facet-bar" style={{ width: `${width}%` }} aria-hidden="true" />
        <span class="facet-name">{children}</span>
        {failed ? (
          <span class="tone-bad facet-failed" title={`${count(failed)} of them failed`}>
            <Icon name="bad" />
            {count(failed)}
          </span>
        ) : null}
        <span class="facet-count">{count(traces)}</span>
      </button>
    </li>
  );
}

const FACETS_MAX = 4;

function AddFacet({ chosen }: { chosen: string[] }) {
  if (chosen.length >= FACETS_MAX) return null;
  return (
    <form
      class="facet-add"
      onSubmit={(event) => {
        event.preventDefault();
        const field = event.currentTarget.elements.namedItem("facet") as HTMLInputElement;
        const key = field.value.trim();
        field.value = "";
        if (key && !chosen.includes(key)) change({ facet: [...chosen, key] }, "push");
      }}
    >
      <label class="search">
        <Icon name="plus" />
        <input name="facet" type="text" aria-label="Count the values of an attribute" placeholder="Count an attribute" autocomplete="off" spellcheck={false} />
      </label>
    </form>
  );
}
