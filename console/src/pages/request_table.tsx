// Entrances as rows: when, what, how it ended, how long it took. A row leads to its trace.
import type { Entrance } from "../api/types";
import { clock, count, duration, moment, visible } from "../format";
import { hueClass, isGateway } from "../known";
import { Icon } from "../parts/icon";
import { statusTone } from "../parts/state";
import { Foreign } from "../parts/text";
import { href, navigate } from "../router";

/** Bars of duration are drawn against this, or against what nineteen of twenty stay below: one that took for ever must not
 *  make all others look the same. */
const BAR_MS_MIN = 20;
const BAR_SHARE = 0.95;

function scaleOf(requests: Entrance[]): number {
  const sorted = requests.map((request) => request.duration_ms ?? 0).sort((one, other) => one - other);
  return Math.max(BAR_MS_MIN, sorted[Math.floor(sorted.length * BAR_SHARE)] ?? 0);
}

export function RequestTable({ requests }: { requests: Entrance[] }) {
  const longest = scaleOf(requests);
  return (
    <div class="table-frame">
      <table class="table request-table">
        <thead>
          <tr>
            <th scope="col">Time</th>
            <th scope="col">Status</th>
            <th scope="col">Request</th>
            <th scope="col">Service</th>
            <th scope="col" class="end">
              Spans
            </th>
            <th scope="col" class="end col-duration">
              Duration
            </th>
          </tr>
        </thead>
        <tbody>
          {requests.map((request, index) => (
            <Row key={`${request.trace}${request.time}${request.trace ? "" : index}`} request={request} longest={longest} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

export function traceHref(request: Entrance): string | null {
  return request.trace && request.sampled !== false ? href(`/traces/${encodeURIComponent(request.trace)}`) : null;
}

function Row({ request, longest }: { request: Entrance; longest: number }) {
  const to = traceHref(request);
  const open = (event: MouseEvent) => {
    if (!to || (event.target instanceof Element && event.target.closest("a")) || getSelection()?.toString()) return;
    navigate(to);
  };
  const what = (
    <>
      <span class="method">{visible(request.method ?? "?")}</span> <Foreign text={request.path ?? "/"} />
      {request.host ? <Foreign class="host faint" text={request.host} /> : null}
    </>
  );
  return (
    <tr class={`${to ? "openable" : ""} ${request.failed ? "row-bad" : ""}`} onClick={open}>
      <td class="mono nowrap" title={moment(request.time)}>
        {clock(request.time, true)}
      </td>
      <td data-label="Status">
        <Status request={request} />
      </td>
      <th scope="row" class="col-request">
        {to ? (
          <a class="row-link mono" href={to} data-row>
            {what}
          </a>
        ) : (
          <span class="mono" title="This request was not sampled, so it has no trace">
            {what}
          </span>
        )}
      </th>
      <td data-label="Service">
        <Path request={request} />
      </td>
      <td class="end" data-label="Spans">
        {count(request.spans)}
      </td>
      <td class="end col-duration" data-label="Duration">
        <DurationBar ms={request.duration_ms} longest={longest} failed={request.failed} />
        <span class="duration">{duration(request.duration_ms)}</span>
      </td>
    </tr>
  );
}

function Status({ request }: { request: Entrance }) {
  const tone = request.failed ? "tone-bad" : statusTone(request.status);
  return (
    <span class={`status ${tone}`}>
      {tone === "tone-bad" ? <Icon name="bad" /> : tone === "tone-warn" ? <Icon name="warn" /> : null}
      {request.status ? request.status : "none"}
      {request.reason ? <Foreign class="reason" text={request.reason} /> : null}
    </span>
  );
}

function Path({ request }: { request: Entrance }) {
  const others = (request.services ?? []).filter((name) => name !== request.service && !isGateway(name));
  return (
    <span class="service-path">
      {request.service ? (
        <>
          <span class={`swatch ${hueClass(request.service)}`} aria-hidden="true" />
          <Foreign text={request.service} />
        </>
      ) : (
        <span class="faint">none</span>
      )}
      {others.length > 0 ? (
        <span class="others" title={others.map(visible).join(", ")}>
          {others.slice(0, 5).map((name) => (
            <span key={name} class={`swatch ${hueClass(name)}`} aria-hidden="true" />
          ))}
          <span class="faint">+{others.length}</span>
        </span>
      ) : null}
    </span>
  );
}

function DurationBar({ ms, longest, failed }: { ms: number | null | undefined; longest: number; failed: boolean | undefined }) {
  const width = ms ? Math.max(1, Math.min(1, ms / longest) * 56) : 0;
  return (
    <svg class={`bar-svg ${failed ? "bar-bad" : ""}`} width="56" height="8" viewBox="0 0 56 8" aria-hidden="true">
      <rect width={width.toFixed(1)} height="8" rx="1" />
    </svg>
  );
}
