// The process of the storefront. What it answers is in app.ts.

import { Callee, createLog, Metrics, serve } from "@monorepo-polyglot/http-service";

import { createShop } from "./app.js";

/** Counting a page view must never be felt. */
const ANALYTICS_MS_MAX = 300;

const analytics = Callee.fromEnvironment("analytics-service", 8081, ANALYTICS_MS_MAX);
serve(createShop({ analytics, metrics: new Metrics(), log: createLog("web-service") }), 3000);
