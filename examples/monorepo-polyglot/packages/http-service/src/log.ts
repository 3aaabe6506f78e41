// One JSON object per line on standard output.

export type Level = "info" | "warn" | "error";
export type Fields = Record<string, unknown>;
export type Log = (level: Level, msg: string, fields?: Fields) => void;

export function createLog(service: string): Log {
  return (level, msg, fields = {}) => {
    process.stdout.write(JSON.stringify({ time: new Date().toISOString(), level, msg, service, ...fields }) + "\n");
  };
}

/** For tests, whose output is not a log. */
export const silent: Log = () => undefined;

/** The trace id of a `traceparent` (W3C Trace Context, section 3.2). */
export function traceId(traceparent: string | undefined): string | undefined {
  return /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-/.exec(traceparent ?? "")?.[1];
}
