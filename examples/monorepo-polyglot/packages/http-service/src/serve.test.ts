import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { Agent, get, type IncomingMessage } from "node:http";
import { connect } from "node:net";
import { createInterface } from "node:readline";
import { test } from "node:test";

/** A service whose one answer takes its time. */
const SERVICE = `
import { createLog, json, Metrics, serve } from ${JSON.stringify(new URL("./index.js", import.meta.url).href)};
const handle = async (exchange) => {
  exchange.note("info", "begun");
  await new Promise((done) => setTimeout(done, 300));
  return json(200, {});
};
const server = serve({ name: "slow", log: createLog("slow"), metrics: new Metrics(), routes: [{ method: "GET", pattern: "/", handle }] }, 0);
server.on("listening", () => console.log(JSON.stringify({ msg: "at", port: server.address().port })));
`;

test("SIGTERM: what has begun is answered, idle connections are closed, and the process ends well", async (t) => {
  const child = spawn(process.execPath, ["--input-type=module", "-e", SERVICE], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.after(() => child.kill("SIGKILL"));
  const exited = once(child, "exit");
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const { port } = await lineOf(lines, "at");

  const idle = new Agent({ keepAlive: true });
  await read(port, "/health", idle);
  const unused = connect(port, "127.0.0.1");
  await once(unused, "connect");
  const answer = read(port, "/", new Agent({ keepAlive: true }));
  await lineOf(lines, "begun");
  child.kill("SIGTERM");

  const { statusCode, headers } = await answer;
  assert.equal(statusCode, 200);
  assert.equal(headers.connection, "close");
  assert.deepEqual(await exited, [0, null]);
});

async function read(port: number, path: string, agent: Agent): Promise<IncomingMessage> {
  const [response] = (await once(get({ host: "127.0.0.1", port, path, agent }), "response")) as [IncomingMessage];
  response.resume();
  await once(response, "end");
  return response;
}

async function lineOf(lines: AsyncIterator<string>, msg: string): Promise<{ port: number }> {
  for (;;) {
    const { value, done } = await lines.next();
    if (done) throw new Error(`the service ended before it said "${msg}"`);
    const line = JSON.parse(value);
    if (line.msg === msg) return line;
  }
}
