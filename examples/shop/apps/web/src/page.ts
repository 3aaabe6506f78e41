// The page itself. Every value from elsewhere goes through `text`, so that a product's name can never be markup.

import type { Catalogue, Order, Product } from "./orders.js";

export interface Contents extends Catalogue {
  orders: Order[];
  /** Something to tell the visitor instead of, or above, the products. */
  notice?: string;
}

export function page(contents: Contents): string {
  const money = new Intl.NumberFormat("en-IE", { style: "currency", currency: contents.currency });
  const price = (cents: number) => text(money.format(cents / 100));
  const names = new Map(contents.products.map((product) => [product.sku, product.name]));
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Trunk &amp; Line, purveyors of railway comforts</title>
<link rel="stylesheet" href="/style.css">
<script src="/shop.js" defer></script>
</head>
<body>
<header>
<p class="line" aria-hidden="true"><i></i><i></i><i></i></p>
<h1>Trunk &amp; Line</h1>
<p>Purveyors of railway comforts. Next departure: your front door.</p>
</header>
<main>
${contents.notice ? `<p class="notice" role="status">${text(contents.notice)}</p>` : ""}
<p id="answer" class="notice" role="status" hidden></p>
<ul class="products">
${contents.products.map((product) => card(product, price)).join("\n")}
</ul>
<h2>Latest orders</h2>
<ol class="orders" id="orders">
${contents.orders.map((order) => orderLine(order, names, price)).join("\n") || "<li>None yet. Be the first.</li>"}
</ol>
</main>
<footer>Three services: this page (TypeScript), orders (Go), payments (Rust). Test card: 4242 4242 4242 4242.</footer>
</body>
</html>
`;
}

function card(product: Product, price: (cents: number) => string): string {
  return `<li>
<span class="emoji" aria-hidden="true">${text(product.emoji)}</span>
<h3>${text(product.name)}</h3>
<p>${text(product.blurb)}</p>
<button data-sku="${text(product.sku)}">Order for ${price(product.price_cents)}</button>
</li>`;
}

function orderLine(order: Order, names: Map<string, string>, price: (cents: number) => string): string {
  const lines = order.lines.map((line) => `${line.quantity} × ${names.get(line.sku) ?? line.sku}`).join(", ");
  const when = order.created.slice(11, 19);
  return `<li><code>${text(order.id)}</code> ${text(lines)} <b>${price(order.total_cents)}</b> <time>${text(when)}</time></li>`;
}

const ENTITIES: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

export function text(value: string): string {
  return value.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
}
