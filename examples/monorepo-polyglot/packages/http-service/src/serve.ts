// A process that serves: a port, limits on slow callers, and an end in order on SIGTERM.

import { createServer, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";

import { createListener, type Definition } from "./listener.js";

/** How long requests that have begun may take after SIGTERM. */
const DRAIN_MS_MAX = 5_000;
/** How long a connection that has carried nothing yet may still do so: its first request may be on the way. */
const UNUSED_MS_MAX = 200;
const HEAD_MS_MAX = 10_000;
const REQUEST_MS_MAX = 15_000;
/** Node looks at these two limits only so often. */
const LIMITS_LOOKED_AT_MS = 1_000;
/** Longer than a gateway keeps idle connections, so that it is the gateway that closes them. */
const KEEP_ALIVE_MS = 90_000;
const CONNECTIONS_MAX = 1_024;

/** Serves until the process is told to stop. `PORT` and `HOST` come from the environment. */
export function serve(definition: Definition, defaultPort: number): Server {
  const port = Number(process.env.PORT ?? defaultPort);
  const host = process.env.HOST ?? "127.0.0.1";
  const { log } = definition;
  const inFlight = new Set<ServerResponse>();
  let stopping = false;

  const listener = createListener(definition);
  const limits = {
    headersTimeout: HEAD_MS_MAX,
    requestTimeout: REQUEST_MS_MAX,
    connectionsCheckingInterval: LIMITS_LOOKED_AT_MS,
  };
  const server = createServer(limits, (request, response) => {
    inFlight.add(response);
    response.on("close", () => inFlight.delete(response));
    if (stopping) response.setHeader("connection", "close");
    listener(request, response);
  });
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.maxConnections = CONNECTIONS_MAX;
  const unused = connectionsWithoutRequest(server);

  server.on("error", (error) => {
    log("error", "stopped", { error: error.message });
    process.exitCode = 1;
  });
  server.listen(port, host, () => log("info", "listening", { host, port }));

  const stop = (signal: string) => {
    if (stopping) return;
    stopping = true;
    log("info", "stopping", { signal, in_flight: inFlight.size });
    server.close(() => {
      log("info", "stopped");
      process.exit(0);
    });
    for (const response of inFlight) if (!response.headersSent) response.setHeader("connection", "close");
    server.closeIdleConnections();
    setTimeout(() => {
      for (const socket of unused) if (socket.bytesRead === 0) socket.destroy();
    }, UNUSED_MS_MAX).unref();
    setTimeout(() => server.closeAllConnections(), DRAIN_MS_MAX).unref();
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
  return server;
}

/** Connections that a gateway opened ahead of need: to Node they are not idle until they have carried a request. */
function connectionsWithoutRequest(server: Server): Set<Socket> {
  const unused = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    unused.add(socket);
    socket.once("close", () => unused.delete(socket));
  });
  server.on("request", (request) => unused.delete(request.socket));
  return unused;
}
