// What is known about one span. The row tells the most important at once; the rest is read when the span is looked at.
import type { ComponentChildren } from "preact";
import type { Cause, SpanDocument, SpanEvent, SpanLink, WaterfallRow } from "../api/traces";
import { count, duration, moment, visible } from "../format";
import { useDocument, useSettled } from "../hooks";
import { isService } from "../known";
import { Attributes } from "../parts/attributes";
import { Icon } from "../parts/icon";
import { Failure, Skeleton } from "../parts/notice";
import { Copy, Foreign, ServiceLink } from "../parts/text";
import { href } from "../router";
import { tracePath } from "./rows";

/** Walking by keys passes many spans; one is read when it has been still for so long. */
const STILL_MS = 90;

type Props = { trace: string; id: string; row: WaterfallRow | undefined; whole: number; causes: Cause[]; close: () => void; reveal: (id: string) => void };

export function SpanDetails({ trace, id, row, whole, causes, close, reveal }: Props) {
  const still = useSettled(id, STILL_MS);
  const reading = useDocument<SpanDocument>(tracePath(trace, `/spans/${encodeURIComponent(still)}`));
  const span = reading.data?.id === id ? reading.data : null;
  const known: SpanDocument = span ?? { ...row, id, critical: Boolean(row?.critical?.length), events: null, links: null, warnings: null };
  const cause = causes.find((one) => one.span === id);
  return (
    <aside class="panel span-panel" aria-label="Span">
      <button type="button" class="button quiet panel-close" aria-label="Close details" onClick={close}>
        <Icon name="close" />
      </button>
      <h2 class="panel-title">
        <Foreign text={known.name ?? "unnamed"} />
      </h2>
      <p class="panel-line">
        {known.service && isService(known.service) ? <ServiceLink name={known.service} /> : <Foreign text={known.service ?? "unknown"} />}
        {known.kind ? <span class="tag">{visible(known.kind)}</span> : null}
        {known.critical ? <span class="tag">critical path</span> : null}
        {known.failed ? (
          <span class="tone-bad state">
            <Icon name="bad" /> failed
          </span>
        ) : null}
      </p>
      <Trouble span={known} cause={cause} />
      <Numbers span={known} whole={whole} />
      {span ? <Rest trace={trace} span={span} reveal={reveal} /> : reading.error ? <Failure error={reading.error} retry={reading.refresh} /> : <Skeleton rows={4} />}
    </aside>
  );
}

/** What failed, and what is odd about the span. */
function Trouble({ span, cause }: { span: SpanDocument; cause: Cause | undefined }) {
  const message = span.status_message || cause?.message;
  return (
    <>
      {span.failed && (message || cause?.exception) ? (
        <p class="span-trouble tone-bad">
          {cause?.exception ? (
            <b>
              <Foreign text={cause.exception} />{" "}
            </b>
          ) : null}
          <Foreign text={message} />
        </p>
      ) : null}
      {(span.warnings ?? []).map((warning) => (
        <p key={warning} class="span-trouble tone-warn">
          <Icon name="warn" /> <Foreign text={warning} />
        </p>
      ))}
    </>
  );
}

function Numbers({ span, whole }: { span: SpanDocument; whole: number }) {
  const share = whole > 0 ? Math.round(((span.duration_ms ?? 0) / whole) * 100) : 0;
  const numbers: [string, string, string?][] = [
    ["Duration", duration(span.duration_ms), `${share}% of the trace`],
    ["Itself", duration(span.self_ms), "Time in which none of its children ran"],
    ["Waited for", duration(span.critical_ms), "Its part of the critical path"],
    ["Begins at", duration(span.offset_ms)],
  ];
  return (
    <dl class="numbers small">
      {numbers.map(([name, value, title]) => (
        <div key={name} title={title}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function Rest({ trace, span, reveal }: { trace: string; span: SpanDocument; reveal: (id: string) => void }) {
  const events = span.events ?? [];
  const links = span.links ?? [];
  return (
    <>
      <h3>Attributes</h3>
      <Attributes of={span.attributes} empty="It has none." />
      {events.length ? (
        <Section title="Events" many={events.length} open>
          <ol class="span-events">
            {events.map((event, at) => (
              <EventView key={at} event={event} begins={span.offset_ms ?? 0} />
            ))}
          </ol>
        </Section>
      ) : null}
      {links.length ? (
        <Section title="Links" many={links.length} open>
          <ul class="span-links">
            {links.map((link, at) => (
              <LinkView key={at} link={link} trace={trace} reveal={reveal} />
            ))}
          </ul>
        </Section>
      ) : null}
      <Section title="Process" many={Object.keys(span.resource?.attributes ?? {}).length}>
        <Attributes of={span.resource?.attributes} empty="Nothing is known about it." />
      </Section>
      {span.scope?.name ? (
        <Section title="Written by" many={null}>
          <p class="panel-line">
            <Foreign text={span.scope.name} /> <Foreign class="faint" text={span.scope.version ?? ""} />
          </p>
          <Attributes of={span.scope.attributes} />
        </Section>
      ) : null}
      <Place span={span} reveal={reveal} />
    </>
  );
}

function Section({ title, many, open, children }: { title: string; many: number | null; open?: boolean; children: ComponentChildren }) {
  return (
    <details class="span-section" open={open}>
      <summary>
        {title} {many === null ? null : <span class="segment-note">{count(many)}</span>}
      </summary>
      {children}
    </details>
  );
}

function EventView({ event, begins }: { event: SpanEvent; begins: number }) {
  return (
    <li>
      <p class="span-event-head">
        <b>
          <Foreign text={event.name ?? "unnamed"} />
        </b>
        <span class="faint" title={moment(event.time)}>
          after {duration(Math.max(0, (event.offset_ms ?? begins) - begins))}
        </span>
      </p>
      <Attributes of={event.attributes} />
    </li>
  );
}

function LinkView({ link, trace, reveal }: { link: SpanLink; trace: string; reveal: (id: string) => void }) {
  const other = link.trace ?? "";
  return (
    <li>
      {other && other !== trace ? (
        <a class="mono" href={href(`/traces/${encodeURIComponent(other)}`, { span: link.span })}>
          <Foreign text={other} />
        </a>
      ) : (
        <button type="button" class="link mono" onClick={() => reveal(link.span ?? "")}>
          span <Foreign text={link.span} />
        </button>
      )}
      <Attributes of={link.attributes} />
    </li>
  );
}

const ANCESTORS_SHOWN = 6;

/** Where it stands: its parents, its children, its ids. */
function Place({ span, reveal }: { span: SpanDocument; reveal: (id: string) => void }) {
  const above = (span.ancestors ?? []).slice(-ANCESTORS_SHOWN);
  const more = (span.ancestors?.length ?? 0) - above.length;
  return (
    <>
      <h3>Place</h3>
      <dl class="attributes">
        <div>
          <dt>started</dt>
          <dd class="mono">{moment(span.start)}</dd>
        </div>
        <div>
          <dt>span</dt>
          <dd class="mono">
            <Foreign text={span.id} /> <Copy text={span.id} label="Copy span id" />
          </dd>
        </div>
        <div>
          <dt>parents</dt>
          <dd>
            {more > 0 ? <span class="faint">{count(more)} more, </span> : null}
            {above.map((one) => (
              <button key={one.id} type="button" class="link span-above" onClick={() => reveal(one.id)}>
                <bdi>
                  {visible(one.service)} · {visible(one.name)}
                </bdi>
              </button>
            ))}
            {above.length ? null : span.parent ? <span class="faint">{visible(span.parent)} (not in this trace)</span> : <span class="faint">nothing, the trace begins here</span>}
          </dd>
        </div>
        <div>
          <dt>children</dt>
          <dd>
            {count(span.children ?? 0)}
            {(span.descendants ?? 0) > (span.children ?? 0) ? <span class="faint">, {count(span.descendants)} spans with theirs</span> : null}
          </dd>
        </div>
        {span.trace_state ? (
          <div>
            <dt>tracestate</dt>
            <dd class="mono">
              <Foreign text={span.trace_state} />
            </dd>
          </div>
        ) : null}
      </dl>
    </>
  );
}
