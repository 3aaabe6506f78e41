// One JSON object per line on standard output, with the trace id of the request it tells of.

type Level = "info" | "error";

export function logEvent(level: Level, msg: string, fields: Record<string, unknown>): void {
  const line = { time: new Date().toISOString(), level, service: "web", msg, ...fields };
  process.stdout.write(JSON.stringify(line) + "\n");
}

/** The trace id of a `traceparent` (W3C Trace Context, section 3.2). */
export function traceId(traceparent: string | undefined): string | undefined {
  return /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-/.exec(traceparent ?? "")?.[1];
}
