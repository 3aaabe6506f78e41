// The products as the browser knows them: asked for once per page.

import { get } from "./kit/api.js";
import { element, svg } from "./kit/dom.js";

export interface Product {
  sku: string;
  name: string;
  tone: string;
  price_cents: number;
}

let asked: Promise<Map<string, Product>> | undefined;

export function catalogue(): Promise<Map<string, Product>> {
  asked ??= get<{ products: Product[] }>("/catalogue").then(
    ({ products }) => new Map(products.map((product) => [product.sku, product])),
  );
  return asked;
}

/** A small drawing of a product; the drawings are in the page. */
export function thumbnail(product: Pick<Product, "sku" | "tone">): HTMLElement {
  const art = svg(
    "svg",
    { class: "art", viewBox: "0 0 240 200", "aria-hidden": "true" },
    svg("use", { href: `#art-${product.sku}` }),
  );
  return element("span", { class: `tile small ${product.tone}` }, art);
}
