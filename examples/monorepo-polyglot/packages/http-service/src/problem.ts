// An answer that says what went wrong (RFC 9457). Thrown by handlers, written by the listener.

import { STATUS_CODES } from "node:http";

import type { Answer } from "./exchange.js";

export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly detail: string,
    readonly headers: Record<string, string> = {},
  ) {
    super(detail);
  }

  answer(): Answer {
    const title = STATUS_CODES[this.status] ?? "Error";
    return {
      status: this.status,
      headers: { "cache-control": "no-store", ...this.headers, "content-type": "application/problem+json" },
      body: JSON.stringify({ type: "about:blank", title, status: this.status, detail: this.detail }),
    };
  }
}
