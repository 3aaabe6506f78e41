// One product: its long description, the same in brief, and how a review of it sounds.

import { html } from "@monorepo-polyglot/http-service";

import type { Product } from "../catalogue.js";
import { drawing } from "./art.js";
import type { Page } from "./layout.js";
import { price } from "./price.js";
import { card } from "./shop.js";

const OTHERS_SHOWN = 4;

export function productPage(product: Product, all: readonly Product[]): Page {
  const at = all.indexOf(product);
  const others = [...all.slice(at + 1), ...all.slice(0, at)].slice(0, OTHERS_SHOWN);
  const body = html`<div class="wide">
<p class="back"><a href="/">← All products</a></p>
<article class="detail">
<div class="tile large ${product.tone}">${drawing(product.sku)}</div>
<div class="about">
<p class="eyebrow">${product.tagline}</p>
<h1>${product.name}</h1>
<p class="number price big">${price(product.price_cents)}</p>
<div class="buy"><button type="button" data-add="${product.sku}">Add to cart</button></div>
<div class="description" id="description">${product.description.map((paragraph) => html`<p>${paragraph}</p>`)}</div>
<button type="button" class="quiet" id="summarise">In two sentences</button>
<div class="summary" id="summary" aria-live="polite" hidden></div>
</div>
</article>
<section class="review card" aria-labelledby="review-title">
<div>
<h2 id="review-title">What do you think of it?</h2>
<p class="muted">Draft a review, and read how it will sound to others while you write.</p>
<label class="visually-hidden" for="review">Your review</label>
<textarea id="review" maxlength="2000" placeholder="I took it up the hill in the rain, and …"></textarea>
</div>
<div class="tone-of-review"><h3>The tone of it</h3><div id="tone" aria-live="polite"></div></div>
</section>
<section aria-labelledby="others-title">
<div class="section-title"><h2 id="others-title">Goes well with</h2></div>
<ul class="products">${others.map(card)}</ul>
</section>
</div>`;
  return { title: `${product.name} · Waymark`, script: "product", section: "shop", body };
}
