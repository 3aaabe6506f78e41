// Another service, as its callers here see it: a URL from the environment, a time limit, and the headers that make the
// call part of the same trace. No tracing library: the headers of the request are passed on, and that is all.

import type { Exchange } from "./exchange.js";

const PASSED_ON = ["traceparent", "tracestate", "x-request-id"] as const;

/** Calls that nobody waits for, together: beyond it they are not made. */
const UNAWAITED_MAX = 64;

export class Callee {
  private unawaited = 0;

  constructor(
    private readonly url: string,
    private readonly timeoutMs: number,
  ) {}

  /** `analytics-service` is found by `ANALYTICS_SERVICE_URL`. */
  static fromEnvironment(service: string, defaultPort: number, timeoutMs: number): Callee {
    const variable = `${service.toUpperCase().replaceAll("-", "_")}_URL`;
    return new Callee(process.env[variable] ?? `http://127.0.0.1:${defaultPort}`, timeoutMs);
  }

  async get<T>(path: string, exchange: Exchange): Promise<T> {
    return (await this.call(path, exchange, {})).json() as Promise<T>;
  }

  /** Tells the service something. Resolves to whether it heard; never rejects. */
  async tell(path: string, value: unknown, exchange: Exchange): Promise<boolean> {
    if (this.unawaited >= UNAWAITED_MAX) return false;
    this.unawaited += 1;
    try {
      const response = await this.call(path, exchange, { method: "POST", body: JSON.stringify(value) });
      await response.arrayBuffer();
      return true;
    } catch {
      return false;
    } finally {
      this.unawaited -= 1;
    }
  }

  private async call(path: string, exchange: Exchange, init: RequestInit): Promise<Response> {
    const headers: Record<string, string> = { accept: "application/json", "x-request-id": exchange.correlationId };
    for (const name of PASSED_ON) {
      const value = exchange.headers[name];
      if (typeof value === "string" && !(name in headers)) headers[name] = value;
    }
    if (init.body) headers["content-type"] = "application/json";
    const target = this.url.replace(/\/+$/, "") + path;
    const response = await fetch(target, { ...init, headers, signal: AbortSignal.timeout(this.timeoutMs) });
    if (!response.ok) {
      await response.body?.cancel();
      throw new Error(`${target} answered ${response.status}`);
    }
    return response;
  }
}
