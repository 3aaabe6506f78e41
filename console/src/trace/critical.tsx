// The critical path of a trace: at each moment, what the request waited for; added up by operation, and the longest waits.
import type { CriticalPath, PathSegment } from "../api/traces";
import { count, duration, share, visible } from "../format";
import { useDocument } from "../hooks";
import { hueClass } from "../known";
import { Empty, Shown } from "../parts/notice";
import { ShareBar } from "../parts/share";
import { Foreign } from "../parts/text";
import { tracePath } from "./rows";

/** Of the waits, the longest are listed. */
const LISTED = 50;
/** Narrower pieces of the strip are not drawn one by one. */
const STRIP = { width: 1000, height: 20, least: 0.5 };

export function CriticalView({ trace, reveal }: { trace: string; reveal: (id: string) => void }) {
  const reading = useDocument<CriticalPath>(tracePath(trace, "/critical-path"));
  return <Shown of={reading}>{(data) => ((data.segments ?? []).length ? <Content data={data} reveal={reveal} /> : <Empty title="There is no critical path" />)}</Shown>;
}

function Content({ data, reveal }: { data: CriticalPath; reveal: (id: string) => void }) {
  const segments = data.segments ?? [];
  const longest = [...segments].sort((one, other) => length(other) - length(one)).slice(0, LISTED);
  return (
    <div class="scroll-rest">
      <p class="faint critical-intro">
        The trace waited <b class="strong">{duration(data.critical_ms)}</b> in {count(segments.length)} pieces: to make it faster, make one of these faster.
      </p>
      <Strip segments={segments} whole={data.duration_ms ?? 0} reveal={reveal} />
      <div class="columns critical-columns">
        <section>
          <h2 class="section-title">By operation</h2>
          <div class="table-frame">
            <table class="table">
              <tbody>
                {(data.operations ?? []).map((one) => (
                  <tr key={`${one.service}\u0000${one.name}`}>
                    <th scope="row" class="critical-what">
                      <span class="service-path">
                        <span class={`swatch ${hueClass(one.service)}`} aria-hidden="true" /> <Foreign text={one.service} />
                      </span>{" "}
                      <Foreign class="faint wrap" text={one.name} />
                    </th>
                    <td class="end faint">{count(one.spans)}×</td>
                    <td class="end">
                      <b>{duration(one.ms)}</b>
                    </td>
                    <td class="end critical-share">
                      {share(one.share)}
                      <ShareBar of={one.share} />
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </section>
        <section>
          <h2 class="section-title">Longest waits</h2>
          <ol class="table-frame waits">
            {longest.map((one) => (
              <li key={`${one.span} ${one.from_ms}`}>
                <button type="button" class="wait" onClick={() => reveal(one.span)}>
                  <b class="wait-time">{duration(length(one))}</b>
                  <span class={`swatch ${hueClass(one.service)}`} aria-hidden="true" />
                  <bdi class="span-service">{visible(one.service ?? "unknown")}</bdi>
                  <bdi class="span-name">{visible(one.name ?? "unnamed")}</bdi>
                  <span class="faint wait-at">at {duration(one.from_ms)}</span>
                </button>
              </li>
            ))}
          </ol>
        </section>
      </div>
      {data.truncated ? <p class="faint quiet-line">The path has more pieces than are shown.</p> : null}
    </div>
  );
}

const length = (segment: PathSegment) => segment.to_ms - segment.from_ms;

/** The path in time, coloured by whom it waited for. */
function Strip({ segments, whole, reveal }: { segments: PathSegment[]; whole: number; reveal: (id: string) => void }) {
  const scale = STRIP.width / Math.max(whole, 1e-9);
  return (
    <svg class="critical-strip" viewBox={`0 0 ${STRIP.width} ${STRIP.height}`} preserveAspectRatio="none" role="img" aria-label="Whom the request waited for, in time">
      {segments.map((one) => {
        const wide = length(one) * scale;
        return wide < STRIP.least ? null : (
          <rect key={`${one.span} ${one.from_ms}`} class={hueClass(one.service)} x={one.from_ms * scale} width={wide} height={STRIP.height} onClick={() => reveal(one.span)}>
            <title>{`${visible(one.service)} ${visible(one.name)}: ${duration(length(one))}`}</title>
          </rect>
        );
      })}
    </svg>
  );
}
