// What is known about one span.
import { duration, moment, safeHref, visible } from "../format";
import { isService } from "../known";
import { Icon } from "../parts/icon";
import { Copy, Foreign, ServiceLink } from "../parts/text";
import type { Row, TraceModel } from "./model";

type Props = { model: TraceModel; row: Row; close: () => void; choose: (row: number) => void };

export function SpanDetails({ model, row, close, choose }: Props) {
  const { span } = row;
  const parent = row.parent >= 0 ? model.rows[row.parent] : undefined;
  const share = model.duration > 0 ? Math.round((row.duration / model.duration) * 100) : 0;
  return (
    <aside class="panel span-panel" aria-label="Span">
      <button type="button" class="button quiet panel-close" aria-label="Close details" onClick={close}>
        <Icon name="close" />
      </button>
      <h2 class="panel-title">
        <Foreign text={span.name ?? "unnamed"} />
      </h2>
      <p class="panel-line">
        {span.service && isService(span.service) ? <ServiceLink name={span.service} /> : <Foreign text={span.service ?? "unknown"} />}
        {span.kind ? <span class="tag">{visible(span.kind)}</span> : null}
        {row.critical ? <span class="tag">critical path</span> : null}
        {span.failed ? (
          <span class="tone-bad state">
            <Icon name="bad" /> failed
          </span>
        ) : null}
      </p>
      <dl class="numbers small">
        <div>
          <dt>Duration</dt>
          <dd>{duration(row.duration)}</dd>
        </div>
        <div>
          <dt>Of the trace</dt>
          <dd>{share}%</dd>
        </div>
        <div>
          <dt>Itself</dt>
          <dd>{duration(row.self)}</dd>
        </div>
        <div>
          <dt>Begins at</dt>
          <dd>{duration(row.offset)}</dd>
        </div>
      </dl>
      <Attributes attributes={span.attributes ?? {}} />
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
          <dt>parent</dt>
          <dd>
            {parent ? (
              <button type="button" class="link" onClick={() => choose(parent.index)}>
                {visible(parent.span.service)} · {visible(parent.span.name)}
              </button>
            ) : span.parent ? (
              <span class="faint">{visible(span.parent)} (not in this trace)</span>
            ) : (
              <span class="faint">none, the trace begins here</span>
            )}
          </dd>
        </div>
        <div>
          <dt>children</dt>
          <dd>{row.children}</dd>
        </div>
      </dl>
    </aside>
  );
}

function Attributes({ attributes }: { attributes: Record<string, unknown> }) {
  const pairs = Object.entries(attributes).sort(([one], [other]) => (one < other ? -1 : 1));
  return (
    <>
      <h3>Attributes</h3>
      {pairs.length ? (
        <dl class="attributes">
          {pairs.map(([key, value]) => (
            <div key={key}>
              <dt>
                <Foreign text={key} />
              </dt>
              <dd class="mono">
                <Value value={value} />
              </dd>
            </div>
          ))}
        </dl>
      ) : (
        <p class="faint">It has none.</p>
      )}
    </>
  );
}

function Value({ value }: { value: unknown }) {
  if (value === null || value === undefined) return <span class="faint">null</span>;
  const url = typeof value === "string" ? safeHref(value) : null;
  return url ? (
    <a href={url} target="_blank" rel="noreferrer noopener">
      {visible(url)}
    </a>
  ) : (
    <Foreign text={value} />
  );
}
