// The storefront's process: a port, its signals, and nothing else. What it answers is in app.ts.

import { createServer } from "node:http";

import { createApp } from "./app.js";
import { logEvent } from "./log.js";

const port = Number(process.env.PORT ?? "7001");
const ordersUrl = process.env.ORDERS_URL ?? "http://127.0.0.1:7002";

/** How long requests that have begun may take after SIGTERM. */
const DRAIN_MS_MAX = 10_000;

const server = createServer(createApp(ordersUrl));
// Longer than a gateway keeps idle connections, so that it is the gateway that closes them.
server.keepAliveTimeout = 90_000;
server.listen(port, "127.0.0.1", () => logEvent("info", "listening", { port }));
server.on("error", (error) => {
  logEvent("error", "stopped", { error: error.message });
  process.exitCode = 1;
});

let stopping = false;
function stop(signal: string): void {
  if (stopping) return;
  stopping = true;
  logEvent("info", "stopping", { signal });
  server.close(() => logEvent("info", "stopped", {}));
  server.closeIdleConnections();
  setTimeout(() => server.closeAllConnections(), DRAIN_MS_MAX).unref();
}
process.on("SIGTERM", stop);
process.on("SIGINT", stop);
