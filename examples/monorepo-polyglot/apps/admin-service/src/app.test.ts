import assert from "node:assert/strict";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { test, type TestContext } from "node:test";

import { Callee, createListener, Metrics } from "@monorepo-polyglot/http-service";

import { createAdmin } from "./app.js";

async function serve(t: TestContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function admin(analytics: string): RequestListener {
  return createListener(
    createAdmin({ analytics: new Callee(analytics, 1_000), metrics: new Metrics(), log: () => undefined }),
  );
}

test("the page comes with the first numbers in it", async (t) => {
  const asked: string[] = [];
  const analytics = await serve(t, (request, response) => {
    asked.push(request.url ?? "");
    const by_type = [
      { type: "payment", count: 2, value: 12_350 },
      { type: "page.view", count: 1_234, value: 0 },
    ];
    response.end(JSON.stringify({ minutes: 60, total: 1_236, by_type, by_minute: [] }));
  });
  const page = await (await fetch(await serve(t, admin(analytics)))).text();
  assert.deepEqual(asked, ["/summary?minutes=60"]);
  assert.match(page, /data-headline="revenue">€123\.50</);
  assert.match(page, /data-headline="views">1,234</);
});

test("the page is there without analytics too", async (t) => {
  const response = await fetch(await serve(t, admin("http://127.0.0.1:1")));
  assert.equal(response.status, 200);
  assert.match(await response.text(), /data-headline="revenue">–</);
});

test("the page works under any prefix, and has nothing inline", async (t) => {
  const base = await serve(t, admin("http://127.0.0.1:1"));
  const page = await (await fetch(base)).text();
  assert.doesNotMatch(page, /<style|style="|<script(?![^>]* src=)|\son\w+="/);
  const links = [...page.matchAll(/(?:href|src)="([^"#]+)"/g)].map(([, link = ""]) => link);
  assert.ok(links.length > 3);
  for (const link of links) {
    assert.doesNotMatch(link, /^\//, "a link from the root would leave the prefix");
    assert.equal((await fetch(`${base}/${link}`)).status, 200, link);
  }
});
