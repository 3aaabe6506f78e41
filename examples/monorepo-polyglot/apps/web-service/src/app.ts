// What the storefront answers: pages for people, the catalogue for everybody, and files for the browser.

import { fileURLToPath } from "node:url";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

import {
  type Answer,
  type Callee,
  type Definition,
  type Exchange,
  json,
  loadAssets,
  type Log,
  type Markup,
  type Metrics,
  Problem,
  type Route,
} from "@monorepo-polyglot/http-service";

import { CURRENCY, findProduct, PRODUCTS } from "./catalogue.js";
import { layout } from "./pages/layout.js";
import { checkoutPage, orderPage, ordersPage } from "./pages/orders.js";
import { problemPage } from "./pages/problem.js";
import { productPage } from "./pages/product.js";
import { shopPage } from "./pages/shop.js";

export interface Parts {
  analytics: Callee;
  metrics: Metrics;
  log: Log;
}

/** The page loads nothing from anywhere else, and its scripts and styles are files. */
const SECURITY_HEADERS = {
  "content-security-policy":
    "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'",
  "referrer-policy": "same-origin",
};

const HERE = dirname(fileURLToPath(import.meta.url));
const KIT = dirname(createRequire(import.meta.url).resolve("@monorepo-polyglot/page-kit/package.json"));

export function createShop({ analytics, metrics, log }: Parts): Definition {
  const views = metrics.counter("web_page_views_total", "Pages shown, and whether analytics heard of them.");
  const pages: Route[] = [
    page("/", () => shopPage(PRODUCTS)),
    page("/products/:sku", (exchange) => productPage(product(exchange), PRODUCTS)),
    page("/checkout", checkoutPage),
    page("/orders", ordersPage),
    page("/orders/:id", (exchange) => orderPage(exchange.params["id"] ?? "")),
  ];
  const viewed = new Set(pages.map((route) => route.pattern));
  return {
    name: "web-service",
    metrics,
    log,
    headers: SECURITY_HEADERS,
    routes: [
      ...pages,
      { method: "GET", pattern: "/catalogue", handle: () => json(200, { currency: CURRENCY, products: PRODUCTS }) },
      ...loadAssets({
        "/assets/": [join(HERE, "../browser"), join(HERE, "../../style")],
        "/assets/kit/": [join(KIT, "dist/kit"), join(KIT, "style")],
      }),
    ],
    problemPage: (problem) => asPage(problem.status, problemPage(problem), problem.headers),
    answered: (exchange, pattern, status) => {
      if (status !== 200 || !viewed.has(pattern)) return;
      void analytics
        .tell("/events", { type: "page.view" }, exchange)
        .then((heard) => views.add({ counted: String(heard) }));
    },
  };
}

function page(pattern: string, render: (exchange: Exchange) => Parameters<typeof layout>[0]): Route {
  return { method: "GET", pattern, handle: (exchange) => asPage(200, layout(render(exchange))) };
}

function asPage(status: number, { markup }: Markup, headers: Record<string, string> = {}): Answer {
  return {
    status,
    headers: { ...headers, "content-type": "text/html; charset=utf-8", "cache-control": "no-cache" },
    body: markup,
  };
}

function product(exchange: Exchange) {
  const found = findProduct(exchange.params["sku"] ?? "");
  if (!found) throw new Problem(404, "We do not have that, and perhaps never had.");
  return found;
}
