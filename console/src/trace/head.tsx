// What stands above every view of a trace: what it was, how it ended, why, and whom it waited for.
import { useState } from "preact/hooks";
import { send } from "../api/client";
import type { Cause, ServiceShare, WaterfallDocument, WaterfallRow } from "../api/traces";
import { count, duration, moment, visible } from "../format";
import { hueClass } from "../known";
import { Icon } from "../parts/icon";
import { Copy, Foreign } from "../parts/text";
import { say } from "../parts/toast";
import { href } from "../router";
import { tracePath } from "./rows";

type Props = { head: WaterfallDocument; root: WaterfallRow | undefined; reload: () => void; reveal: (id: string) => void };

export function TraceHead({ head, root, reload, reveal }: Props) {
  const failed = head.failed ?? 0;
  return (
    <>
      <div class="page-head">
        <a class="button quiet" href={href("/traces")} aria-label="All traces" title="All traces">
          <Icon name="back" />
        </a>
        <h1 class="mono clip" title={visible(root?.name)}>
          {root?.service ? (
            <>
              <span class={`swatch ${hueClass(root.service)}`} aria-hidden="true" /> <Foreign class="faint" text={root.service} />{" "}
            </>
          ) : null}
          <Foreign text={root?.name ?? "unnamed"} />
        </h1>
        <Outcome failed={root?.failed === true} within={failed} />
        <span class="bar-end facts-line">
          <span>
            <b>{duration(head.duration_ms)}</b>
          </span>
          <span>
            <b>{count(head.spans)}</b> {head.spans === 1 ? "span" : "spans"}
          </span>
          <span>
            <b>{count(head.services?.length)}</b> {head.services?.length === 1 ? "service" : "services"}
          </span>
          <span>
            <b>{count((head.depth_max ?? 0) + 1)}</b> deep
          </span>
          <span class="faint">{moment(head.start)}</span>
          <span class="mono faint trace-id">
            <span class="clip">{visible(head.id)}</span> <Copy text={head.id} label="Copy trace id" />
          </span>
          <span class="head-actions">
            <a class="button quiet small" href={href("/compare", { a: head.id })} aria-label="Compare with another trace" title="Compare with another trace">
              <Icon name="compare" />
            </a>
            <Download id={head.id} />
            <button type="button" class="button quiet small" onClick={reload} aria-label="Read again" title="Read again">
              <Icon name="restart" />
            </button>
          </span>
        </span>
      </div>
      {(head.warnings ?? []).map((warning) => (
        <p key={warning} class="trace-warning tone-warn">
          <Icon name="warn" /> <Foreign text={warning} />
        </p>
      ))}
      <Causes causes={head.causes ?? []} reveal={reveal} />
      <TimeByService services={head.services ?? []} />
    </>
  );
}

/** The whole trace as OTLP JSON, which other tools read. */
function Download({ id }: { id: string }) {
  const [busy, setBusy] = useState(false);
  const save = async () => {
    setBusy(true);
    try {
      const answer = await send(tracePath(id, "?format=otlp"), { headers: { accept: "application/json" } });
      const link = document.createElement("a");
      link.href = URL.createObjectURL(await answer.blob());
      link.download = `trace-${id}.json`;
      link.click();
      URL.revokeObjectURL(link.href);
    } catch (error) {
      say("bad", `The trace was not saved: ${error instanceof Error ? error.message : String(error)}`);
    }
    setBusy(false);
  };
  return (
    <button type="button" class="button quiet small" onClick={save} disabled={busy} aria-label="Save as OTLP JSON" title="Save as OTLP JSON">
      <Icon name="save" />
    </button>
  );
}

/** What became of the request; a call that failed within it may have been made good. */
function Outcome({ failed, within }: { failed: boolean; within: number }) {
  if (failed) {
    return (
      <span class="state tone-bad">
        <Icon name="bad" /> failed
      </span>
    );
  }
  return (
    <span class={`state ${within ? "tone-warn" : "tone-ready"}`}>
      <Icon name={within ? "warn" : "ready"} /> {within ? "ok, with failures within" : "ok"}
    </span>
  );
}

const CAUSES_SHOWN = 3;

/** Where failures came from: spans that failed although nothing below them did. */
function Causes({ causes, reveal }: { causes: Cause[]; reveal: (id: string) => void }) {
  const [all, setAll] = useState(false);
  if (causes.length === 0) return null;
  const shown = all ? causes : causes.slice(0, CAUSES_SHOWN);
  return (
    <section class="attention causes" aria-label="Where failures came from">
      {shown.map((cause) => (
        <button key={cause.span} type="button" class="attention-item tone-bad" onClick={() => reveal(cause.span)}>
          <span class="state">
            <Icon name="bad" /> after {duration(cause.offset_ms)}
          </span>
          <span class="attention-name">
            <span class={`swatch ${hueClass(cause.service)}`} aria-hidden="true" /> <Foreign text={cause.service ?? "unknown"} /> <Foreign class="cause-name" text={cause.name ?? ""} />
          </span>
          <span class="attention-why">
            {cause.exception ? (
              <b>
                <Foreign text={cause.exception} />{" "}
              </b>
            ) : null}
            <Foreign text={cause.message ?? ""} />
          </span>
        </button>
      ))}
      {causes.length > shown.length ? (
        <button type="button" class="button quiet small" onClick={() => setAll(true)}>
          {causes.length - shown.length} more
        </button>
      ) : null}
    </section>
  );
}

const SERVICES_SHOWN = 12;

/** How long the request waited for each service: the critical path, added up. */
function TimeByService({ services }: { services: ServiceShare[] }) {
  const waited = services.filter((service) => (service.critical_ms ?? 0) > 0).sort((one, other) => (other.critical_ms ?? 0) - (one.critical_ms ?? 0));
  const whole = waited.reduce((sum, service) => sum + (service.critical_ms ?? 0), 0);
  if (!(whole > 0)) return null;
  const beside = services.length - waited.length;
  let at = 0;
  return (
    <div class="time-by">
      <svg class="time-by-bar" viewBox="0 0 1000 8" preserveAspectRatio="none" role="img" aria-label="Time on the critical path by service">
        {waited.map((service) => {
          const width = ((service.critical_ms ?? 0) / whole) * 1000;
          at += width;
          return <rect key={service.service} class={hueClass(service.service)} x={at - width} width={Math.max(0, width - 2)} height="8" />;
        })}
      </svg>
      <ul class="time-by-list">
        {waited.slice(0, SERVICES_SHOWN).map((service) => (
          <li key={service.service} title={`${count(service.spans)} spans, ${duration(service.self_ms)} of their own`}>
            <span class={`swatch ${hueClass(service.service)}`} aria-hidden="true" />
            <Foreign text={service.service} /> <b>{duration(service.critical_ms)}</b> <span class="faint">{Math.round(((service.critical_ms ?? 0) / whole) * 100)}%</span>
            {service.failed ? (
              <span class="tone-bad" title={`${count(service.failed)} failed`}>
                <Icon name="bad" />
              </span>
            ) : null}
          </li>
        ))}
        {waited.length > SERVICES_SHOWN ? <li class="faint">and {waited.length - SERVICES_SHOWN} more</li> : null}
        {beside > 0 ? <li class="faint">{beside} beside the critical path</li> : null}
      </ul>
    </div>
  );
}
