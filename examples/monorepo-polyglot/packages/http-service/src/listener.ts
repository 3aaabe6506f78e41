// From a list of routes to a request listener that logs, counts and answers every request, the failed ones too.

import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";

import { type Answer, Exchange, json } from "./exchange.js";
import type { Log } from "./log.js";
import type { Metrics } from "./metrics.js";
import { Problem } from "./problem.js";
import { findRoute, type Route, routeLabel } from "./router.js";

export interface Definition {
  name: string;
  routes: Route[];
  metrics: Metrics;
  log: Log;
  /** Sent with every answer. */
  headers?: Record<string, string>;
  /** How problems look to a person with a browser; JSON without it. */
  problemPage?: (problem: Problem, exchange: Exchange) => Answer;
  /** Runs after an answer of a route, for what nobody waits for. */
  answered?: (exchange: Exchange, pattern: string, status: number) => void;
}

/** Counted where a caller went away before there was an answer, by the number that proxies use for it. */
const NOT_ANSWERED = 499;
const METHODS = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);
/** Asked for every second or so by machines: neither logged nor of interest as a trace. */
const UNLOGGED = new Set(["/health", "/metrics"]);

export function createListener(definition: Definition): RequestListener {
  const routes = [...ownRoutes(definition), ...definition.routes];
  return (request, response) => {
    const begun = process.hrtime.bigint();
    const url = parseTarget(request.url);
    const exchange = new Exchange(request, url, definition.log);
    const route = routeLabel(routes, url.pathname);
    response.setHeader("x-request-id", exchange.correlationId);
    response.on("close", () => finish(definition, exchange, request, response, route, begun));
    void answer(definition, routes, exchange, request, url.pathname).then((result) =>
      send(definition, request, response, result),
    );
  };
}

function ownRoutes({ name, metrics }: Definition): Route[] {
  const type = "text/plain; version=0.0.4; charset=utf-8";
  return [
    { method: "GET", pattern: "/health", handle: () => json(200, { status: "ok", service: name }) },
    {
      method: "GET",
      pattern: "/metrics",
      handle: () => ({ status: 200, headers: { "content-type": type }, body: metrics.render() }),
    },
  ];
}

async function answer(
  definition: Definition,
  routes: Route[],
  exchange: Exchange,
  request: IncomingMessage,
  path: string,
): Promise<Answer> {
  try {
    const { route, params } = findRoute(routes, request.method ?? "GET", path);
    exchange.params = params;
    return await route.handle(exchange);
  } catch (error) {
    const problem = error instanceof Problem ? error : unexpected(exchange, error);
    const wantsPage = /\btext\/html\b/.test(exchange.headers.accept ?? "");
    return definition.problemPage && wantsPage ? definition.problemPage(problem, exchange) : problem.answer();
  }
}

function unexpected(exchange: Exchange, error: unknown): Problem {
  exchange.note("error", "request failed", { error: error instanceof Error ? error.message : String(error) });
  return new Problem(500, "Something went wrong on our side.");
}

function send(definition: Definition, request: IncomingMessage, response: ServerResponse, answer: Answer): void {
  if (response.destroyed) return;
  const body = answer.body ?? "";
  const headers: Record<string, string | number> = {
    ...definition.headers,
    "x-content-type-options": "nosniff",
    ...answer.headers,
  };
  if (answer.status !== 304) headers["content-length"] = Buffer.byteLength(body);
  response.writeHead(answer.status, headers);
  response.end(request.method === "HEAD" ? undefined : body);
  // What a handler did not want to read is thrown away, so that the connection can carry the next request.
  request.resume();
}

function finish(
  definition: Definition,
  exchange: Exchange,
  request: IncomingMessage,
  response: ServerResponse,
  route: string,
  begun: bigint,
): void {
  const milliseconds = Number(process.hrtime.bigint() - begun) / 1e6;
  const method = METHODS.has(request.method ?? "") ? (request.method ?? "") : "OTHER";
  const status = response.headersSent ? response.statusCode : NOT_ANSWERED;
  definition.metrics.observeRequest(method, route, status, milliseconds / 1000);
  if (UNLOGGED.has(route)) return;
  exchange.note(status >= 500 ? "error" : "info", "request", {
    method,
    route,
    status,
    duration_ms: Math.round(milliseconds * 1000) / 1000,
    ...(response.writableFinished ? {} : { aborted: true }),
  });
  definition.answered?.(exchange, route, status);
}

function parseTarget(target: string | undefined): URL {
  try {
    return new URL(`http://service${target ?? "/"}`);
  } catch {
    return new URL("http://service/unparsable");
  }
}
