// A small HTTP client that knows two things that `fetch` does not: names below `.localhost` and `.local` are this machine,
// and a certificate may come from the project's own CA.

import { randomBytes } from "node:crypto";
import http from "node:http";
import https from "node:https";
import { isIP } from "node:net";

const TIMEOUT_MS = 15_000;
const BODY_BYTES_MAX = 4 * 1024 * 1024;
const SHOWN_BODY_CHARACTERS = 200;

export class Client {
  constructor(base, ca) {
    this.base = new URL(base);
    this.secure = this.base.protocol === "https:";
    const { hostname } = this.base;
    const host = hostname.replace(/^\[|\]$/g, "");
    this.transport = this.secure ? https : http;
    this.agent = new this.transport.Agent({ keepAlive: true });
    this.connection = {
      hostname: isHere(host) ? "127.0.0.1" : host,
      port: this.base.port || (this.secure ? 443 : 80),
      agent: this.agent,
      ...(this.secure && isIP(host) === 0 ? { servername: host } : {}),
      ...(ca ? { ca } : {}),
    };
  }

  /** Calls that belong together: one trace, with one span of ours above them all (W3C Trace Context). */
  trace() {
    const traceId = randomBytes(16).toString("hex");
    const traceparent = `00-${traceId}-${randomBytes(8).toString("hex")}-01`;
    const send = (method, path, options) => this.send(traceparent, method, path, options);
    const json = async (method, path, options) => {
      const { body } = await send(method, path, options);
      return JSON.parse(body.toString("utf8"));
    };
    return { traceId, send, json };
  }

  close() {
    this.agent.destroy();
  }

  /** Throws if the answer has another status than the wanted one. */
  async send(traceparent, method, path, { status, headers = {}, body } = {}) {
    const payload = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
    const sent = {
      host: this.base.host,
      accept: "*/*",
      traceparent,
      ...(payload ? { "content-type": "application/json", "content-length": payload.length } : {}),
      ...headers,
    };
    const answer = await this.exchange({ ...this.connection, method, path, headers: sent }, payload);
    if (status !== undefined && answer.status !== status) {
      const shown = answer.body.toString("utf8").slice(0, SHOWN_BODY_CHARACTERS);
      throw new Error(`${method} ${path} was answered ${answer.status} instead of ${status}: ${shown}`);
    }
    return answer;
  }

  exchange(options, payload) {
    return new Promise((resolve, reject) => {
      const request = this.transport.request(options, (response) => {
        const chunks = [];
        let length = 0;
        response.on("data", (chunk) => {
          length += chunk.length;
          if (length > BODY_BYTES_MAX)
            return request.destroy(new Error(`the answer is larger than ${BODY_BYTES_MAX} bytes`));
          chunks.push(chunk);
        });
        response.on("end", () =>
          resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks) }),
        );
        response.on("error", reject);
      });
      request.setTimeout(TIMEOUT_MS, () => request.destroy(new Error(`no answer within ${TIMEOUT_MS} ms`)));
      request.on("error", (error) => reject(new Error(explain(error, this.base))));
      request.end(payload);
    });
  }
}

function isHere(host) {
  return host === "localhost" || host.endsWith(".localhost") || host.endsWith(".local");
}

function explain(error, base) {
  if (error.code === "ECONNREFUSED")
    return `nothing listens at ${base.origin}. Is it running? Start it with: trunkline up`;
  if (/CERT|SIGNATURE|ISSUER/i.test(error.code ?? ""))
    return `the certificate of ${base.origin} is not trusted (${error.code}). Give its CA with: --ca root.pem`;
  return error.message;
}
