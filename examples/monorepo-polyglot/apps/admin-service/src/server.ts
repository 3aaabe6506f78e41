// The process of the admin page. What it answers is in app.ts.

import { Callee, createLog, Metrics, serve } from "@monorepo-polyglot/http-service";

import { createAdmin } from "./app.js";

/** The page without its first numbers is better than no page; the browser asks for them again anyway. */
const ANALYTICS_MS_MAX = 1_000;

const analytics = Callee.fromEnvironment("analytics-service", 8081, ANALYTICS_MS_MAX);
serve(createAdmin({ analytics, metrics: new Metrics(), log: createLog("admin-service") }), 3001);
