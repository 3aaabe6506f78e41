// What the admin service answers: one page, and files for the browser. Links in the page are relative, so that it works
// under any prefix that a gateway gives it.

import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import {
  type Callee,
  type Definition,
  type Exchange,
  loadAssets,
  type Log,
  type Metrics,
} from "@monorepo-polyglot/http-service";

import { page } from "./page.js";
import type { Summary } from "./summary.js";

export interface Parts {
  analytics: Callee;
  metrics: Metrics;
  log: Log;
}

const SECURITY_HEADERS = {
  "content-security-policy":
    "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'",
  "referrer-policy": "same-origin",
};

const HERE = dirname(fileURLToPath(import.meta.url));
const KIT = dirname(createRequire(import.meta.url).resolve("@monorepo-polyglot/page-kit/package.json"));

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

  return {
    name: "admin-service",
    metrics,
    log,
    headers: SECURITY_HEADERS,
    routes: [
      {
        method: "GET",
        pattern: "/",
        handle: async (exchange) => {
          const numbers = await firstNumbers(exchange);
          shown.add({ numbers: String(numbers !== undefined) });
          const headers = { "content-type": "text/html; charset=utf-8", "cache-control": "no-cache" };
          return { status: 200, headers, body: page(numbers).markup };
        },
      },
      ...loadAssets({
        "/assets/": [join(HERE, "../browser"), join(HERE, "../../style")],
        "/assets/kit/": [join(KIT, "dist/kit"), join(KIT, "style")],
      }),
    ],
  };
}
