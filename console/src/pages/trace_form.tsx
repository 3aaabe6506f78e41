// The form of the search. Choices apply at once; what is typed applies with Enter, with "Find", or when one leaves it.
import { useEffect, useRef, useState } from "preact/hooks";
import type { AttributeKey, Operation } from "../api/traces";
import { visible } from "../format";
import { useDocument, useSettled } from "../hooks";
import { Icon } from "../parts/icon";
import { change } from "../router";
import { KINDS, SINCE, STATUSES, type TraceFilter, isFiltered, readTags } from "./trace_query";
import { NO_FILTER } from "./traces";

const EXAMPLE = '{"or":[{"field":"duration","op":">","value":"1s"},{"attribute":"error.type","op":"exists"}]}';

type Wrong = Partial<Record<keyof TraceFilter, string>>;
type Props = { filter: TraceFilter; wrong: Wrong; refresh: () => void };

export function TraceForm({ filter, wrong, refresh }: Props) {
  const form = useRef<HTMLFormElement>(null);
  const [more, setMore] = useState(Boolean(filter.filter || filter.kind));
  /** Whether something was typed that is not in the address yet; then the address changes and that asks anew. */
  const apply = () => {
    if (!form.current) return;
    const typed = new FormData(form.current);
    const before = location.search;
    const text = (name: string) => String(typed.get(name) ?? "").trim();
    const written: Record<string, string> = { operation: text("operation"), tags: text("tags"), min: text("min"), max: text("max") };
    if (typed.has("filter")) written.filter = text("filter");
    const changed = Object.entries(written).some(([name, value]) => value !== filter[name as keyof TraceFilter]);
    if (changed) change({ ...written, cursor: null }, "push");
    return before !== location.search;
  };
  const choose = (query: Record<string, string | null>) => change({ ...query, cursor: null }, "push");
  return (
    <form
      class="trace-form"
      ref={form}
      role="search"
      aria-label="Search of traces"
      onSubmit={(event) => {
        event.preventDefault();
        if (!apply()) refresh();
      }}
    >
      <div class="bar">
        <ServiceField chosen={filter.services} choose={choose} />
        <OperationField services={filter.services} value={filter.operation} apply={apply} />
        <TagsField value={filter.tags} apply={apply} />
        <TimeField filter={filter} choose={choose} />
        <span class="button-row">
          <button type="submit" class="button primary" title="Ask (r asks again)">
            <Icon name="search" /> Find
          </button>
          <button type="button" class="button quiet" aria-expanded={more} onClick={() => setMore(!more)}>
            <Icon name={more ? "up" : "down"} /> More
          </button>
          {isFiltered(filter) ? (
            <button type="button" class="button quiet" onClick={() => change(NO_FILTER, "push")}>
              <Icon name="close" /> Reset
            </button>
          ) : null}
        </span>
      </div>
      <div class="bar trace-form-second">
        <Select name="Outcome" value={filter.status} all="any outcome" options={STATUSES} choose={(status) => choose({ status })} />
        <DurationField name="min" prefix="≥" label="Shortest duration" example="250ms" value={filter.min} wrong={wrong.min} apply={apply} />
        <DurationField name="max" prefix="≤" label="Longest duration" example="2s" value={filter.max} wrong={wrong.max} apply={apply} />
        {more ? (
          <>
            <Select name="Kind" value={filter.kind} all="any kind" options={KINDS} choose={(kind) => choose({ kind })} />
            <FilterField value={filter.filter} wrong={wrong.filter} apply={apply} />
          </>
        ) : null}
      </div>
    </form>
  );
}

type Choose = (query: Record<string, string | null>) => void;

function ServiceField({ chosen, choose }: { chosen: string[]; choose: Choose }) {
  const reading = useDocument<{ services?: string[] }>("/v1/traces/services", 30_000);
  const names = [...new Set([...(reading.data?.services ?? []), ...chosen])].sort();
  const several = chosen.length > 1;
  return (
    <label class="select">
      <span class="hidden">Service</span>
      <select value={several ? "\u0000" : (chosen[0] ?? "")} onChange={(event) => choose({ service: event.currentTarget.value, operation: null })}>
        {several ? <option value={"\u0000"}>{chosen.length} services</option> : null}
        <option value="">all services</option>
        {names.map((name) => (
          <option key={name} value={name}>
            {visible(name)}
          </option>
        ))}
      </select>
    </label>
  );
}

function OperationField({ services, value, apply }: { services: string[]; value: string; apply: () => unknown }) {
  const [service] = services;
  const reading = useDocument<{ operations?: Operation[] }>(`/v1/traces/operations${services.length === 1 ? `?service=${encodeURIComponent(service ?? "")}` : ""}`);
  const names = [...new Set((reading.data?.operations ?? []).map((one) => one.name))];
  return (
    <label class="search">
      <Typed name="operation" list="operations" label="Operation" example="Operation" value={value} apply={apply} />
      <datalist id="operations">
        {names.map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
    </label>
  );
}

/** Conditions on attributes; keys are proposed as one types. */
function TagsField({ value, apply }: { value: string; apply: () => unknown }) {
  const [typed, setTyped] = useState(value);
  const words = readTags(typed);
  const last = /\s$/.test(typed) ? "" : (words[words.length - 1] ?? "");
  const match = useSettled(/[=<>~]/.test(last) ? "" : last.replace(/^!|^(resource|scope|span|event|link):/g, ""));
  const reading = useDocument<{ keys?: AttributeKey[] }>(match.length > 1 ? `/v1/attributes?match=${encodeURIComponent(match)}&limit=20` : null);
  const before = typed.slice(0, typed.length - last.length);
  const keys = [...new Set((reading.data?.keys ?? []).map((one) => one.key))].filter((key) => key !== match);
  return (
    <label class="search grow" title={'key=value, key!=value, key>5, key~regex, key, !key; in front resource: scope: event: link:. What has spaces stands in "…"'}>
      <Icon name="filter" />
      <Typed name="tags" list="attribute-keys" label="Conditions on attributes" example="http.route=/orders  db.rows>100  !retry" value={value} typed={setTyped} apply={apply} search />
      <datalist id="attribute-keys">
        {match.length > 1
          ? keys.map((key) => (
              <option key={key} value={`${before}${key}`}>
                {visible(key)}
              </option>
            ))
          : null}
      </datalist>
    </label>
  );
}

const OWN = "own";

function TimeField({ filter, choose }: { filter: TraceFilter; choose: Choose }) {
  const own = filter.until !== "" || (filter.since !== "" && !(SINCE as readonly string[]).includes(filter.since));
  const [asked, setAsked] = useState(false);
  return (
    <>
      <label class="select">
        <span class="hidden">Time</span>
        <select
          value={own || asked ? OWN : filter.since}
          onChange={(event) => {
            const chosen = event.currentTarget.value;
            setAsked(chosen === OWN);
            if (chosen !== OWN) choose({ since: chosen, until: null });
          }}
        >
          <option value="">all time</option>
          {SINCE.map((since) => (
            <option key={since} value={since}>
              last {since}
            </option>
          ))}
          <option value={OWN}>from … to …</option>
        </select>
      </label>
      {own || asked ? (
        <span class="time-range">
          <Moment label="From" value={filter.since} choose={(since) => choose({ since })} />
          <span class="faint">–</span>
          <Moment label="To" value={filter.until} choose={(until) => choose({ until })} />
        </span>
      ) : null}
    </>
  );
}

function Moment({ label, value, choose }: { label: string; value: string; choose: (value: string | null) => void }) {
  return (
    <label class="search">
      <input
        type="datetime-local"
        step="1"
        aria-label={label}
        value={localTime(value)}
        onChange={(event) => {
          const time = new Date(event.currentTarget.value);
          choose(Number.isNaN(time.getTime()) ? null : time.toISOString());
        }}
      />
    </label>
  );
}

/** As such a field wants it: the reader's own time, without a zone. "15m" is so long ago. */
function localTime(value: string): string {
  const ago = /^(\d+)(s|m|h|d)$/.exec(value);
  const unit = { s: 1, m: 60, h: 3600, d: 86_400 }[ago?.[2] ?? "s"] ?? 1;
  const time = ago ? new Date(Date.now() - Number(ago[1]) * unit * 1000) : new Date(value);
  if (Number.isNaN(time.getTime())) return "";
  return new Date(time.getTime() - time.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}

type SelectProps = { name: string; value: string; all: string; options: readonly string[]; choose: (value: string) => void };

function Select({ name, value, all, options, choose }: SelectProps) {
  return (
    <label class="select">
      <span class="hidden">{name}</span>
      <select value={options.includes(value) ? value : ""} onChange={(event) => choose(event.currentTarget.value)}>
        <option value="">{all}</option>
        {options.map((option) => (
          <option key={option} value={option}>
            {option}
          </option>
        ))}
      </select>
    </label>
  );
}

type DurationProps = { name: string; prefix: string; label: string; example: string; value: string; wrong: string | undefined; apply: () => unknown };

function DurationField({ name, prefix, label, example, value, wrong, apply }: DurationProps) {
  return (
    <label class={`search narrow ${wrong ? "wrong" : ""}`} title={wrong}>
      <span class="search-prefix">{prefix}</span>
      <Typed name={name} label={`${label}, such as ${example}`} example={example} value={value} wrong={Boolean(wrong)} apply={apply} />
      {wrong ? <span class="tone-bad wrong-word">{wrong}</span> : null}
    </label>
  );
}

function FilterField({ value, wrong, apply }: { value: string; wrong: string | undefined; apply: () => unknown }) {
  return (
    <label class={`search grow mono ${wrong ? "wrong" : ""}`}>
      <Typed name="filter" label="Filter in JSON" example={EXAMPLE} value={value} wrong={Boolean(wrong)} apply={apply} />
      {wrong ? <span class="tone-bad wrong-word">{wrong}</span> : null}
    </label>
  );
}

type TypedProps = { name: string; label: string; example: string; value: string; list?: string; wrong?: boolean; search?: boolean; typed?: (text: string) => void; apply: () => unknown };

/** A field that applies when one leaves it, and with Enter. It is filled anew when its part of the address changes. */
function Typed({ name, label, example, value, list, wrong = false, search = false, typed, apply }: TypedProps) {
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (!field.current || field.current.value === value) return;
    field.current.value = value;
    typed?.(value);
  }, [value]);
  return (
    <input
      ref={field}
      name={name}
      type="text"
      list={list}
      data-search={search || undefined}
      aria-label={label}
      aria-invalid={wrong}
      placeholder={example}
      autocomplete="off"
      spellcheck={false}
      defaultValue={value}
      onInput={(event) => typed?.(event.currentTarget.value)}
      onChange={apply}
    />
  );
}
