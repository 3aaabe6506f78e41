// What the admin service answers: one page, and files for the browser. Links in the page are relative, so that it works
// under any prefix that a gateway gives it.

import type { Callee, Definition, Exchange, Log, Metrics } from "@monorepo-polyglot/http-service";
import { PAGE_HEADERS, pageAnswer, pageAssets } from "@monorepo-polyglot/page-kit";

import { page } from "./page.js";
import type { Summary } from "./summary.js";

export interface Parts {
  analytics: Callee;
  metrics: Metrics;
  log: Log;
}

export function createAdmin({ analytics, metrics, log }: Parts): Definition {
  const shown = metrics.counter("admin_pages_total", "Pages shown, with the first numbers or without.");

  async function firstNumbers(exchange: Exchange): Promise<Summary | undefined> {
    try {
      return await analytics.get<Summary>("/summary?minutes=60", exchange);
    } catch (error) {
      exchange.note("warn", "no first numbers", { error: error instanceof Error ? error.message : String(error) });
      return undefined;
    }
  }

  async function show(exchange: Exchange) {
    const numbers = await firstNumbers(exchange);
    shown.add({ numbers: String(numbers !== undefined) });
    return pageAnswer(200, page(numbers));
  }

  return {
    name: "admin-service",
    metrics,
    log,
    headers: PAGE_HEADERS,
    routes: [{ method: "GET", pattern: "/", handle: show }, ...pageAssets(import.meta.url)],
  };
}
