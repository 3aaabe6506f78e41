// What the storefront answers: pages for people, the catalogue for everybody, and files for the browser.

import {
  type Callee,
  type Definition,
  type Exchange,
  json,
  type Log,
  type Metrics,
  Problem,
  type Route,
} from "@monorepo-polyglot/http-service";
import { PAGE_HEADERS, pageAnswer, pageAssets } from "@monorepo-polyglot/page-kit";

import { CURRENCY, findProduct, type Product, PRODUCTS } from "./catalogue.js";
import { layout, type Page } from "./pages/layout.js";
import { checkoutPage, orderPage, ordersPage } from "./pages/orders.js";
import { problemPage } from "./pages/problem.js";
import { productPage } from "./pages/product.js";
import { shopPage } from "./pages/shop.js";

export interface Parts {
  analytics: Callee;
  metrics: Metrics;
  log: Log;
}

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

  async function countView(exchange: Exchange): Promise<void> {
    const heard = await analytics.tell("/events", { type: "page.view" }, exchange);
    views.add({ counted: String(heard) });
  }

  return {
    name: "web-service",
    metrics,
    log,
    headers: PAGE_HEADERS,
    routes: [
      ...pages,
      { method: "GET", pattern: "/catalogue", handle: () => json(200, { currency: CURRENCY, products: PRODUCTS }) },
      ...pageAssets(import.meta.url),
    ],
    problemPage: (problem) => pageAnswer(problem.status, problemPage(problem), problem.headers),
    answered: (exchange, pattern, status) => {
      if (status === 200 && viewed.has(pattern)) void countView(exchange);
    },
  };
}

function page(pattern: string, render: (exchange: Exchange) => Page): Route {
  return { method: "GET", pattern, handle: (exchange) => pageAnswer(200, layout(render(exchange))) };
}

function product(exchange: Exchange): Product {
  const found = findProduct(exchange.params["sku"] ?? "");
  if (!found) throw new Problem(404, "We do not have that, and perhaps never had.");
  return found;
}
