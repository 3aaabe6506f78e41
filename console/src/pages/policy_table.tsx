// The table of policies: the rows of one service or route belong together and have one head.
import { count, visible } from "../format";
import { useWidth } from "../hooks";
import { SortHead } from "../parts/controls";
import { Icon } from "../parts/icon";
import { Part, PolicyState } from "../parts/policy";
import { ServiceLink } from "../parts/text";
import { type Figure, type Rate, type Row, type Target, needsLook, percent, policyTone, rateTone } from "./policy_list";

/** Below this width permits stand in one column with the calls; few policies have both. */
const WIDE = 1060;

type Props = { targets: Target[]; sort: string; choose: (row: Row) => void };

export function PolicyTable({ targets, sort, choose }: Props) {
  const [frame, width] = useWidth<HTMLDivElement>(WIDE);
  const wide = width >= WIDE;
  return (
    <div class="table-frame" ref={frame}>
      <table class="table stacked policies-table">
        <thead>
          <tr>
            <SortHead name="name" sort={sort}>
              Service or part
            </SortHead>
            <th scope="col">Kind</th>
            <SortHead name="state" sort={sort}>
              State
            </SortHead>
            <SortHead name="failing" sort={sort} end>
              Failing
            </SortHead>
            <SortHead name="slow" sort={sort} end>
              Slow
            </SortHead>
            <th scope="col">{wide ? "Calls" : "Calls and permits"}</th>
            {wide ? <th scope="col">Permits</th> : null}
            <SortHead name="refused" sort={sort} end>
              Refused
            </SortHead>
            <th scope="col">
              <span class="hidden">Orders</span>
            </th>
          </tr>
        </thead>
        {targets.map((target) => (
          <tbody key={target.policy}>
            {target.rows.map((row, at) => (
              <PolicyRow key={row.kind} row={row} head={at === 0 ? target : null} wide={wide} choose={choose} />
            ))}
          </tbody>
        ))}
      </table>
    </div>
  );
}

type RowProps = { row: Row; head: Target | null; wide: boolean; choose: (row: Row) => void };

function PolicyRow({ row, head, wide, choose }: RowProps) {
  return (
    <tr class={needsLook(row) ? `row-${policyTone(row.state)}` : ""}>
      {head ? (
        <th scope="rowgroup" rowSpan={head.rows.length} class="col-target">
          <ServiceLink name={head.service} row />
          <Part of={head} />
        </th>
      ) : null}
      <td class="col-kind" data-label="Kind">
        {row.kind}
        {row.dryRun ? (
          <span class="tag" title="It counts what it would refuse, and refuses nothing">
            dry run
          </span>
        ) : null}
      </td>
      <td class="col-state" data-label="State">
        <PolicyState state={row.state} />
      </td>
      <RateCell rate={row.failing} label="Failing" />
      <RateCell rate={row.slow} label="Slow" />
      <Figures of={wide ? row.calls : [...row.calls, ...row.permits]} />
      {wide ? <Figures of={row.permits} /> : null}
      <td class={`end ${row.refused ? "" : "zero"}`} data-label={row.refused === null ? undefined : "Refused"}>
        {row.refused === null ? "" : count(row.refused)}
      </td>
      <td class="col-orders">{row.kind === "breaker" ? <OrderButton row={row} choose={choose} /> : null}</td>
    </tr>
  );
}

function OrderButton({ row, choose }: { row: Row; choose: (row: Row) => void }) {
  return (
    <button type="button" class="button small" aria-haspopup="dialog" title="Change the breaker" aria-label={`Change the breaker of ${visible(row.policy)}`} onClick={() => choose(row)}>
      <Icon name="configuration" /> <span class="order-word">Change</span>
    </button>
  );
}

function RateCell({ rate, label }: { rate: Rate | null; label: string }) {
  if (rate === null) return <td class="end" />;
  const known = rate.threshold === null ? "" : `opens at ${percent(rate.threshold)}`;
  return (
    <td class={`end ${rateTone(rate) || (rate.percent ? "" : "zero")}`} data-label={label} title={rate.percent === null ? "Too few calls to say" : known || undefined}>
      <span class="rate">
        {rate.percent === null ? (
          <>
            <span aria-hidden="true">–</span>
            <span class="hidden">too few calls</span>
          </>
        ) : (
          percent(rate.percent)
        )}
        {rate.threshold === null ? null : <span class="rate-of faint"> of {percent(rate.threshold)}</span>}
        {rate.percent === null ? null : <Meter rate={rate} />}
      </span>
    </td>
  );
}

const METER = { width: 72, height: 6 };

/** A rate as a bar, with a mark where the breaker opens. Decoration: the numbers stand above it. */
function Meter({ rate }: { rate: Rate }) {
  const at = (value: number) => (Math.max(0, Math.min(100, value)) / 100) * METER.width;
  return (
    <svg class="meter" viewBox={`0 0 ${METER.width} ${METER.height}`} width={METER.width} height={METER.height} aria-hidden="true">
      <rect class="meter-ground" width={METER.width} height="4" y="1" rx="2" />
      {rate.percent ? <rect class="meter-value" width={Math.max(2, at(rate.percent))} height="4" y="1" rx="2" /> : null}
      {rate.threshold === null ? null : <rect class="meter-mark" x={Math.min(METER.width - 1.5, at(rate.threshold))} width="1.5" height={METER.height} />}
    </svg>
  );
}

function Figures({ of }: { of: Figure[] }) {
  if (of.length === 0) return <td />;
  return (
    <td class="col-figures">
      <span class="figures">
        {of.map((figure) => (
          <span key={figure.of} class={figure.value === "0" ? "figure is-zero" : "figure"}>
            <b>{visible(figure.value)}</b> {figure.of}
          </span>
        ))}
      </span>
    </td>
  );
}
