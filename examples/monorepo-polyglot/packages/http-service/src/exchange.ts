// One request as its handler sees it, and the answer that the handler gives.

import { randomUUID } from "node:crypto";
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";

import { type Fields, type Level, type Log, traceId } from "./log.js";
import { Problem } from "./problem.js";

export const BODY_BYTES_MAX = 64 * 1024;

export interface Answer {
  status: number;
  headers?: Record<string, string>;
  body?: string | Buffer;
}

export function json(status: number, value: unknown, headers: Record<string, string> = {}): Answer {
  return {
    status,
    headers: { "content-type": "application/json", "cache-control": "no-store", ...headers },
    body: JSON.stringify(value),
  };
}

export class Exchange {
  readonly headers: IncomingHttpHeaders;
  readonly correlationId: string;
  readonly traceId: string | undefined;
  readonly query: URLSearchParams;
  /** The named parts of the route's pattern. */
  params: Record<string, string> = {};

  constructor(
    private readonly request: IncomingMessage,
    url: URL,
    private readonly log: Log,
  ) {
    this.headers = request.headers;
    this.query = url.searchParams;
    this.correlationId = correlationId(request.headers["x-request-id"]);
    this.traceId = traceId(only(request.headers["traceparent"]));
  }

  /** A line that can be found by the request it belongs to. */
  note(level: Level, msg: string, fields: Fields = {}): void {
    this.log(level, msg, { correlation_id: this.correlationId, trace_id: this.traceId, ...fields });
  }

  /** The body as a JSON object. Throws 400, 413 or 415. */
  async object(): Promise<Record<string, unknown>> {
    const type = this.headers["content-type"] ?? "";
    if (!/^application\/json\b/i.test(type)) throw new Problem(415, "The body must be application/json.");
    const value = parse(await readBody(this.request));
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw new Problem(400, "The body must be a JSON object.");
    }
    return value as Record<string, unknown>;
  }
}

async function readBody(request: IncomingMessage): Promise<string> {
  const tooLarge = new Problem(413, `The body may have ${BODY_BYTES_MAX} bytes.`, { connection: "close" });
  if (Number(request.headers["content-length"] ?? 0) > BODY_BYTES_MAX) throw tooLarge;
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > BODY_BYTES_MAX) throw tooLarge;
      chunks.push(chunk);
    }
  } catch (error) {
    // The caller went away or was too slow, and the connection is closed: nobody will read this.
    throw error instanceof Problem ? error : new Problem(408, "The body did not arrive as a whole.");
  }
  return Buffer.concat(chunks).toString("utf8");
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    throw new Problem(400, "The body is not valid JSON.");
  }
}

/** The caller's id if it can be logged and sent on as it is, otherwise a new one. */
function correlationId(received: string | string[] | undefined): string {
  const id = only(received) ?? "";
  return /^[\x21-\x7e]{1,128}$/.test(id) ? id : randomUUID();
}

export function only(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}
