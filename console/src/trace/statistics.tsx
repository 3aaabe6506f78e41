// Times of a trace added up, by operation, service, kind, outcome or any attribute.
import { useState } from "preact/hooks";
import type { Statistics, StatisticsRow } from "../api/traces";
import { count, duration, share, visible } from "../format";
import { useDocument } from "../hooks";
import { hueClass } from "../known";
import { SortHead } from "../parts/controls";
import { Empty, Shown } from "../parts/notice";
import { ShareBar } from "../parts/share";
import { Foreign } from "../parts/text";
import { change, href, parameter } from "../router";
import { tracePath } from "./rows";
import { sortStatistics } from "./statistics_order";

const BY = [
  ["operation", "by operation"],
  ["service", "by service"],
  ["kind", "by kind"],
  ["status", "by outcome"],
  ["attribute", "by attribute…"],
] as const;

export function StatisticsView({ trace }: { trace: string }) {
  const by = parameter("by") || "operation";
  const [writing, setWriting] = useState(false);
  const attribute = by.startsWith("attribute:") ? by.slice("attribute:".length) : "";
  const reading = useDocument<Statistics>(tracePath(trace, `/statistics?by=${encodeURIComponent(by)}`));
  const sort = parameter("sort") || "-self";
  return (
    <>
      <div class="bar">
        <label class="select">
          <span class="hidden">Added up</span>
          <select
            value={attribute || writing ? "attribute" : by}
            onChange={(event) => {
              const chosen = event.currentTarget.value;
              setWriting(chosen === "attribute");
              if (chosen !== "attribute") change({ by: chosen === "operation" ? null : chosen }, "push");
            }}
          >
            {BY.map(([value, text]) => (
              <option key={value} value={value}>
                {text}
              </option>
            ))}
          </select>
        </label>
        {attribute || writing ? (
          <form
            onSubmit={(event) => {
              event.preventDefault();
              const key = new FormData(event.currentTarget).get("key");
              if (key) change({ by: `attribute:${String(key)}` }, "push");
            }}
          >
            <label class="search">
              <input name="key" type="text" aria-label="Key of an attribute" placeholder="http.route" autocomplete="off" spellcheck={false} defaultValue={attribute} />
            </label>
          </form>
        ) : null}
      </div>
      <Shown of={reading} rows={8}>
        {(data) => {
          const rows = sortStatistics(data.rows ?? [], sort);
          if (rows.length === 0) return <Empty icon="filter" title="No span has that" />;
          return <Table trace={trace} rows={rows} sort={sort} truncated={data.truncated === true} />;
        }}
      </Shown>
    </>
  );
}

const NUMBERS = [
  ["spans", "Spans"],
  ["failed", "Failed"],
  ["total", "Total"],
  ["mean", "Mean"],
  ["p50", "p50"],
  ["p99", "p99"],
  ["max", "Longest"],
  ["self", "Itself"],
  ["critical", "Waited for"],
] as const;

function Table({ trace, rows, sort, truncated }: { trace: string; rows: StatisticsRow[]; sort: string; truncated: boolean }) {
  return (
    <div class="table-frame scrolled">
      <table class="table stacked statistics">
        <thead>
          <tr>
            <SortHead name="what" sort={sort}>
              What
            </SortHead>
            {NUMBERS.map(([name, text]) => (
              <SortHead key={name} name={name} sort={sort} end>
                {text}
              </SortHead>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={`${row.service}\u0000${row.name}\u0000${row.value}`}>
              <th scope="row">
                <What trace={trace} row={row} />
              </th>
              <td class="end" data-label="Spans">
                {count(row.spans)}
              </td>
              <td class={`end ${row.failed ? "tone-bad" : "zero"}`} data-label="Failed">
                {count(row.failed)}
              </td>
              {([row.total_ms, row.mean_ms, row.p50_ms, row.p99_ms, row.max_ms] as const).map((ms, at) => (
                <td key={at} class="end" data-label={NUMBERS[at + 2]?.[1]}>
                  {duration(ms)}
                </td>
              ))}
              <td class="end" data-label="Itself">
                {duration(row.self_ms)} <span class="faint share-of">{share(row.self_share)}</span>
                <ShareBar of={row.self_share} />
              </td>
              <td class={`end ${row.critical_ms ? "" : "zero"}`} data-label="Waited for">
                {duration(row.critical_ms)} <span class="faint share-of">{row.critical_ms ? share(row.critical_share) : ""}</span>
                <ShareBar of={row.critical_share} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {truncated ? <p class="faint quiet-line">There are more; those with the least time of their own are left out.</p> : null}
    </div>
  );
}

/** What a row is about; it leads to its spans where there is a way to ask for them. */
function What({ trace, row }: { trace: string; row: StatisticsRow }) {
  const at = `/traces/${encodeURIComponent(trace)}`;
  if (row.service === null || row.service === undefined) return <Foreign class="mono" text={row.value ?? "without a value"} />;
  return (
    <a class="service-link" href={href(at, { view: "spans", service: row.service, q: row.name })} title={`Spans of ${visible(row.service)}`}>
      <span class={`swatch ${hueClass(row.service)}`} aria-hidden="true" /> <Foreign text={row.service} /> {row.name ? <Foreign class="faint" text={row.name} /> : null}
    </a>
  );
}
