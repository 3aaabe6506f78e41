import assert from "node:assert/strict";
import { createServer, type IncomingHttpHeaders, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { test, type TestContext } from "node:test";

import { createApp } from "./app.js";
import { traceId } from "./log.js";
import { text } from "./page.js";

/** Serves until the test ends. */
async function serve(t: TestContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  t.after(() => {
    // Not chained: Node 18's `close` returns nothing.
    server.close();
    server.closeAllConnections();
  });
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const PRODUCT = { sku: "x", name: "<b>Lamp</b>", blurb: "", emoji: "", price_cents: 1250 };

test("the page shows products and orders, and passes trace headers on", async (t) => {
  const seen: IncomingHttpHeaders[] = [];
  const orders = await serve(t, (request, response) => {
    seen.push(request.headers);
    const body =
      request.url === "/catalogue"
        ? { currency: "EUR", products: [PRODUCT] }
        : { orders: [{ id: "ord_1", lines: [{ sku: "x", quantity: 2 }], total_cents: 2500, created: "2030-01-01T10:20:30Z" }] };
    response.end(JSON.stringify(body));
  });
  const web = await serve(t, createApp(orders));
  const headers = {
    traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    tracestate: "vendor=1",
    "x-request-id": "r-1",
  };
  const response = await fetch(web, { headers });
  const html = await response.text();
  assert.equal(response.status, 200);
  assert.equal(response.headers.get("x-request-id"), "r-1");
  assert.match(html, /&lt;b&gt;Lamp&lt;\/b&gt;/, "a product's name is text, not markup");
  assert.match(html, /€12\.50/);
  assert.match(html, /ord_1.*2 ×.*€25\.00.*10:20:30/);
  assert.equal(seen.length, 2);
  for (const received of seen) {
    for (const [name, value] of Object.entries(headers)) assert.equal(received[name], value);
  }
});

test("the page is shown while orders are away", async (t) => {
  const orders = await serve(t, (_, response) => response.writeHead(503).end());
  const web = await serve(t, createApp(orders));
  const response = await fetch(web);
  assert.equal(response.status, 200);
  assert.match(await response.text(), /just opening/);
});

test("health, assets, unknown paths and other methods", async (t) => {
  const web = await serve(t, createApp("http://127.0.0.1:1"));
  const status = async (path: string, method = "GET") => (await fetch(web + path, { method })).status;
  assert.equal(await status("/healthz"), 200);
  assert.equal(await status("/style.css"), 200);
  assert.equal(await status("/shop.js"), 200);
  assert.equal(await status("/nowhere"), 404);
  assert.equal(await status("/", "POST"), 405);
});

test("only a well-formed trace id is logged, and markup is escaped", () => {
  const id = "4bf92f3577b34da6a3ce929d0e0e4736";
  assert.equal(traceId(`00-${id}-00f067aa0ba902b7-01`), id);
  assert.equal(traceId("nonsense"), undefined);
  assert.equal(text(`<a href="'&">`), "&lt;a href=&quot;&#39;&amp;&quot;&gt;");
});
