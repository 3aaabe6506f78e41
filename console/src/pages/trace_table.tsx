// Found traces as rows: when, what, whom it reached, how long, how it ended. Two can be chosen to be compared.
import type { Summary } from "../api/traces";
import { clock, count, duration, moment, visible } from "../format";
import { hueClass } from "../known";
import { SortHead } from "../parts/controls";
import { Icon } from "../parts/icon";
import { Foreign } from "../parts/text";
import { change, href, navigate } from "../router";

const SWATCHES = 8;

export function TraceTable({ traces, sort, picked }: { traces: Summary[]; sort: string; picked: string[] }) {
  const longest = Math.max(1e-6, ...traces.map((trace) => trace.duration_ms ?? 0));
  return (
    <div class="table-frame">
      <table class="table trace-table">
        <thead>
          <tr>
            <th scope="col">
              <span class="hidden">Compare</span>
            </th>
            <SortHead name="start" sort={sort} end>
              Time
            </SortHead>
            <th scope="col">Entrance</th>
            <th scope="col">Services</th>
            <SortHead name="spans" sort={sort} end>
              Spans
            </SortHead>
            <SortHead name="failed" sort={sort} end>
              Failed
            </SortHead>
            <SortHead name="duration" sort={sort} end>
              Duration
            </SortHead>
          </tr>
        </thead>
        <tbody>
          {traces.map((trace) => (
            <Row key={trace.id} trace={trace} longest={longest} picked={picked} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Row({ trace, longest, picked }: { trace: Summary; longest: number; picked: string[] }) {
  const to = href(`/traces/${encodeURIComponent(trace.id)}`);
  const failed = trace.failed ?? 0;
  const open = (event: MouseEvent) => {
    if ((event.target instanceof Element && event.target.closest("a, label, input")) || getSelection()?.toString()) return;
    navigate(to);
  };
  return (
    <tr class={`openable ${failed ? "row-bad" : ""}`} onClick={open}>
      <td class="col-pick">
        <Pick id={trace.id} picked={picked} />
      </td>
      <td class="mono nowrap end" title={moment(trace.start)}>
        {day(trace.start)}
        {clock(trace.start)}
        <span class="millis">{clock(trace.start, true).slice(8)}</span>
      </td>
      <th scope="row" class="col-entrance">
        <a class="row-link" href={to} data-row>
          <span class={`swatch ${hueClass(trace.service)}`} aria-hidden="true" /> <Foreign class="span-service" text={trace.service ?? "unknown"} /> <Foreign class="faint" text={trace.name ?? "unnamed"} />
        </a>
      </th>
      <td class="col-services">
        <Services trace={trace} />
      </td>
      <td class="end" data-label="Spans">
        {count(trace.spans)}
      </td>
      <td class={`end ${failed ? "" : "zero"}`} data-label="Failed">
        {failed ? (
          <span class="tone-bad">
            <Icon name="bad" /> {count(failed)}
          </span>
        ) : (
          "0"
        )}
      </td>
      <td class="end col-duration" data-label="Duration">
        <svg class={`bar-svg ${failed ? "bar-bad" : ""}`} width="72" height="8" viewBox="0 0 72 8" aria-hidden="true">
          <rect width={Math.max(1, ((trace.duration_ms ?? 0) / longest) * 72).toFixed(1)} height="8" rx="1" />
        </svg>
        <span class="duration">{duration(trace.duration_ms)}</span>
      </td>
    </tr>
  );
}

/** The day, where it is not today's. */
function day(start: string | null | undefined): string {
  const time = moment(start);
  return time.slice(0, 10) === moment(new Date().toISOString()).slice(0, 10) || time.length < 12 ? "" : `${time.slice(5, 10)} `;
}

function Pick({ id, picked }: { id: string; picked: string[] }) {
  const on = picked.includes(id);
  // A third pushes out the first.
  const next = on ? picked.filter((one) => one !== id) : [...picked, id].slice(-2);
  return (
    <label class="pick">
      <span class="hidden">Compare this trace</span>
      <input type="checkbox" checked={on} onChange={() => change({ pick: next })} />
    </label>
  );
}

function Services({ trace }: { trace: Summary }) {
  const named: NonNullable<Summary["by_service"]> = trace.by_service ?? (trace.services ?? []).map((service) => ({ service }));
  const text = named.map((one) => `${visible(one.service)}${one.spans ? ` ${one.spans}` : ""}${one.failed ? ` (${one.failed} failed)` : ""}`).join(", ");
  return (
    <span class="others" title={text}>
      <span class="hidden">{text}</span>
      {named.slice(0, SWATCHES).map((one) => (
        <span key={one.service} class={`swatch ${hueClass(one.service)} ${one.failed ? "swatch-bad" : ""}`} aria-hidden="true" />
      ))}
      <span class="faint" aria-hidden="true">
        {named.length}
      </span>
    </span>
  );
}
