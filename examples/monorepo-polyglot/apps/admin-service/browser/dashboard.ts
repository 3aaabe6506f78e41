// The live numbers: asked for every two seconds while the page is looked at.

import { drawChart } from "./chart.js";
import { get } from "./kit/api.js";
import { element, find, replaceChildren } from "./kit/dom.js";
import { count, money, plural } from "./kit/format.js";

export interface Summary {
  minutes: number;
  total: number;
  by_type: { type: string; count: number; value: number }[];
  by_minute: { minute: string; count: number; value: number }[];
}

const EVERY_MS = 2_000;

export function showDashboard(): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const stopped = new AbortController();
  const again = async () => {
    if (!document.hidden) await refresh(stopped.signal);
    if (!stopped.signal.aborted) timer = setTimeout(() => void again(), EVERY_MS);
  };
  void again();
  return () => {
    stopped.abort();
    clearTimeout(timer);
  };
}

async function refresh(signal: AbortSignal): Promise<void> {
  const live = find("#live");
  try {
    const summary = await get<Summary>("/api/analytics/summary?minutes=60", { signal });
    showHeadlines(summary);
    drawChart(find("#chart"), summary.by_minute);
    find("#chart-note").textContent = plural(summary.total, "event");
    showTypes(summary);
    live.textContent = "live";
    live.classList.add("good");
  } catch (error) {
    if (signal.aborted) return;
    live.textContent = (error as Error).message;
    live.classList.remove("good");
  }
}

function showHeadlines({ by_type }: Summary): void {
  const of = (type: string) => by_type.find((entry) => entry.type === type) ?? { count: 0, value: 0 };
  set("revenue", money(of("payment").value));
  set("payments", count(of("payment").count));
  set("views", count(of("page.view").count));
  set("texts", count(of("ai.sentiment").count + of("ai.summary").count));
}

function set(key: string, value: string): void {
  const target = find(`[data-headline="${key}"]`);
  if (target.textContent !== value) target.textContent = value;
}

function showTypes({ by_type, total }: Summary): void {
  const target = find("#types");
  if (by_type.length === 0)
    return replaceChildren(target, element("p", { class: "muted" }, "No events yet. Open the shop in another tab."));
  const rows = [...by_type]
    .sort((a, b) => b.count - a.count)
    .map((entry) => {
      const share = element("i");
      share.style.width = `${(entry.count / Math.max(1, total)) * 100}%`;
      return element(
        "tr",
        {},
        element("td", {}, entry.type, element("span", { class: "share", "aria-hidden": "true" }, share)),
        element("td", { class: "right number" }, count(entry.count)),
        element("td", { class: "right number" }, entry.value === 0 ? "" : money(entry.value)),
      );
    });
  const head = element(
    "tr",
    {},
    element("th", {}, "Type"),
    element("th", { class: "right" }, "Events"),
    element("th", { class: "right" }, "Value"),
  );
  replaceChildren(target, element("table", {}, element("thead", {}, head), element("tbody", {}, ...rows)));
}
