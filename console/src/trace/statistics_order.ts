// The rows of a trace's statistics in the order that the reader chose. Pure.
import type { StatisticsRow } from "../api/traces";

/** A map, as the name of the column comes from the address. */
const KEYS = new Map<string, (row: StatisticsRow) => number | undefined>([
  ["spans", (row) => row.spans],
  ["failed", (row) => row.failed],
  ["total", (row) => row.total_ms],
  ["mean", (row) => row.mean_ms],
  ["p50", (row) => row.p50_ms],
  ["p99", (row) => row.p99_ms],
  ["max", (row) => row.max_ms],
  ["self", (row) => row.self_ms],
  ["critical", (row) => row.critical_ms],
]);

export function sortStatistics(rows: StatisticsRow[], sort: string): StatisticsRow[] {
  const reverse = sort.startsWith("-");
  const key = KEYS.get(reverse ? sort.slice(1) : sort);
  const name = (row: StatisticsRow) => `${row.service ?? ""}\n${row.name ?? ""}\n${row.value ?? ""}`;
  const byName = (one: StatisticsRow, other: StatisticsRow) => name(one).localeCompare(name(other));
  if (!key) return [...rows].sort((one, other) => (reverse ? byName(other, one) : byName(one, other)));
  const value = (row: StatisticsRow) => key(row) ?? -1;
  return [...rows].sort((one, other) => (reverse ? value(other) - value(one) : value(one) - value(other)) || byName(one, other));
}
