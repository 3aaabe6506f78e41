// What the storefront answers. A function of a request, so that tests need no process.

import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";

import { logEvent, traceId } from "./log.js";
import { type Catalogue, Orders } from "./orders.js";
import { page } from "./page.js";
import { SCRIPT, STYLE } from "./assets.js";

/** Sent with every answer: the page loads nothing from anywhere else. */
const CONTENT_SECURITY_POLICY = "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'";

const NO_CATALOGUE: Catalogue = { currency: "EUR", products: [] };

export function createApp(ordersUrl: string): RequestListener {
  const orders = new Orders(ordersUrl);
  return (request, response) => {
    const path = new URL(request.url ?? "/", "http://shop").pathname;
    if (path !== "/healthz") logWhenAnswered(request, response, path);
    const requestId = request.headers["x-request-id"];
    if (typeof requestId === "string") response.setHeader("x-request-id", requestId);
    answer(orders, path, request, response).catch((error: Error) => {
      logEvent("error", "request failed", { path, error: error.message, trace_id: traceId(traceparent(request)) });
      send(response, 500, "text/plain", "Something went wrong on our side.\n");
    });
  };
}

async function answer(orders: Orders, path: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.method !== "GET" && request.method !== "HEAD") {
    return send(response, 405, "text/plain", "This path does not take that method.\n");
  }
  switch (path) {
    case "/healthz":
      return send(response, 200, "application/json", '{"status":"ok"}');
    case "/style.css":
      return send(response, 200, "text/css", STYLE);
    case "/shop.js":
      return send(response, 200, "text/javascript", SCRIPT);
    case "/":
      return send(response, 200, "text/html", await storefront(orders, request));
    default:
      return send(response, 404, "text/html", page({ ...NO_CATALOGUE, orders: [], notice: "There is no such page." }));
  }
}

/** The page, or as much of it as there is: a shop whose orders are away still shows its sign. */
async function storefront(orders: Orders, request: IncomingMessage): Promise<string> {
  try {
    const [catalogue, newest] = await Promise.all([orders.catalogue(request.headers), orders.newest(request.headers)]);
    return page({ ...catalogue, orders: newest });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    logEvent("error", "orders are away", { error: reason, trace_id: traceId(traceparent(request)) });
    return page({ ...NO_CATALOGUE, orders: [], notice: "The shop is just opening. Please try again in a moment." });
  }
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, {
    "content-type": `${type}; charset=utf-8`,
    "content-length": Buffer.byteLength(body),
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "cache-control": "no-store",
  });
  response.end(body);
}

function logWhenAnswered(request: IncomingMessage, response: ServerResponse, path: string): void {
  const begun = process.hrtime.bigint();
  response.on("close", () => {
    const ms = Number(process.hrtime.bigint() - begun) / 1e6;
    logEvent(response.statusCode >= 500 ? "error" : "info", "request", {
      method: request.method,
      path,
      status: response.statusCode,
      ms: Math.round(ms * 1000) / 1000,
      trace_id: traceId(traceparent(request)),
      request_id: request.headers["x-request-id"],
    });
  });
}

function traceparent(request: IncomingMessage): string | undefined {
  const value = request.headers["traceparent"];
  return Array.isArray(value) ? value[0] : value;
}
