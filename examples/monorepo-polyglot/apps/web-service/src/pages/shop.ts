// The front of the shop: what it is, and everything there is.

import { html, type Markup } from "@monorepo-polyglot/http-service";

import type { Product } from "../catalogue.js";
import { drawing, HERO } from "./art.js";
import type { Page } from "./layout.js";
import { price } from "./price.js";

export function shopPage(products: readonly Product[]): Page {
  const body = html`<section class="hero"><div class="wide">
<div class="words-of-hero">
<p class="eyebrow">The autumn walk, 2026</p>
<h1>Things for the long way round</h1>
<p class="lead">
  Eight good objects for people who take the path along the river, stop for tea, and are home by dark. Most evenings.
</p>
<p><a class="button" href="#all">See all eight</a></p>
</div>
${HERO}
</div></section>
<section class="wide" id="all" aria-labelledby="all-title">
<div class="section-title">
  <h2 id="all-title">Everything we make</h2>
  <p class="muted">Repaired for free, for as long as we are here.</p>
</div>
<ul class="products">${products.map(card)}</ul>
</section>`;
  return { title: "Waymark · Things for the long way round", script: "shop", section: "shop", body };
}

export function card(product: Product): Markup {
  return html`<li class="product">
<a class="tile ${product.tone}" href="/products/${product.sku}" tabindex="-1" aria-hidden="true">${drawing(product.sku)}</a>
<div>
  <h3><a href="/products/${product.sku}">${product.name}</a></h3>
  <p class="muted">${product.tagline}</p>
</div>
<div class="product-buy"><span class="number price">${price(product.price_cents)}</span>
<button type="button" class="quiet" data-add="${product.sku}" aria-label="Add ${product.name} to the cart">Add</button></div>
</li>`;
}
