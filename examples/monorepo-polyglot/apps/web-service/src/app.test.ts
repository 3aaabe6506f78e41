import assert from "node:assert/strict";
import { createServer, type IncomingHttpHeaders, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { test, type TestContext } from "node:test";

import { Callee, createListener, Metrics } from "@monorepo-polyglot/http-service";

import { createShop } from "./app.js";
import { PRODUCTS } from "./catalogue.js";

async function serve(t: TestContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function shop(analytics = "http://127.0.0.1:1"): RequestListener {
  return createListener(
    createShop({ analytics: new Callee(analytics, 1_000), metrics: new Metrics(), log: () => undefined }),
  );
}

test("every page and everything it links to is there, with nothing inline", async (t) => {
  const base = await serve(t, shop());
  const pages = ["/", "/checkout", "/orders", "/orders/pay_1", ...PRODUCTS.map(({ sku }) => `/products/${sku}`)];
  const links = new Set<string>();
  for (const path of pages) {
    const response = await fetch(base + path);
    const page = await response.text();
    assert.equal(response.status, 200, path);
    assert.match(response.headers.get("content-security-policy") ?? "", /default-src 'self'/);
    assert.doesNotMatch(page, /<style|style="|<script(?![^>]* src=)|\son\w+="/, path);
    for (const [, link = ""] of page.matchAll(/(?:href|src)="(\/[^"]*)"/g)) links.add(link);
  }
  // The gateway sends this one to another service.
  links.delete("/admin/");
  for (const link of links) assert.equal((await fetch(base + link)).status, 200, link);
});

test("scripts import only what is served", async (t) => {
  const base = await serve(t, shop());
  const seen = new Set<string>();
  const follow = async (url: string): Promise<void> => {
    if (seen.has(url)) return;
    seen.add(url);
    const response = await fetch(url);
    assert.equal(response.status, 200, url);
    assert.match(response.headers.get("content-type") ?? "", /^text\/javascript/);
    for (const [, path = ""] of (await response.text()).matchAll(/(?:from|import) "(\.[^"]+)"/g))
      await follow(new URL(path, url).href);
  };
  for (const script of ["shop", "product", "checkout", "order", "orders"]) await follow(`${base}/assets/${script}.js`);
  assert.ok(seen.has(`${base}/assets/kit/dom.js`));
});

test("an unchanged file is not sent again", async (t) => {
  const base = await serve(t, shop());
  const etag = (await fetch(`${base}/assets/shop.css`)).headers.get("etag") ?? "";
  const again = await fetch(`${base}/assets/shop.css`, { headers: { "if-none-match": etag } });
  assert.equal(again.status, 304);
});

test("a page view is told to analytics, as part of the visitor's trace", async (t) => {
  const received = new Promise<{ headers: IncomingHttpHeaders; body: string }>((resolve) => {
    void serve(t, (request, response) => {
      let body = "";
      request.on("data", (chunk) => (body += chunk));
      request.on("end", () => {
        response.writeHead(202).end();
        resolve({ headers: request.headers, body });
      });
    }).then(async (analytics) => {
      const base = await serve(t, shop(analytics));
      const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
      await fetch(base, { headers: { traceparent, "x-request-id": "r-1" } });
    });
  });
  const { headers, body } = await received;
  assert.deepEqual(JSON.parse(body), { type: "page.view" });
  assert.equal(headers["x-request-id"], "r-1");
  assert.match(String(headers["traceparent"]), /4bf92f3577b34da6a3ce929d0e0e4736/);
});

test("what is not there is said in the reader's language: a page or a problem document", async (t) => {
  const base = await serve(t, shop());
  const person = await fetch(`${base}/products/unicorn`, { headers: { accept: "text/html" } });
  assert.equal(person.status, 404);
  assert.match(await person.text(), /This path ends here/);
  const program = await fetch(`${base}/products/unicorn`, { headers: { accept: "application/json" } });
  assert.equal(program.headers.get("content-type"), "application/problem+json");
});
