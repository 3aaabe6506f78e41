// Checkout, one order, all orders. What they show is the visitor's own, so the browser asks for it with their token.

import { html } from "@monorepo-polyglot/http-service";

import type { Page } from "./layout.js";

export function checkoutPage(): Page {
  const body = html`<div class="wide">
<div class="section-title first"><h1>Checkout</h1></div>
<div class="checkout">
<form class="card" id="pay" novalidate>
<h2>Payment</h2>
<p class="note" id="payer"></p>
<label>Card number
  <input name="number" inputmode="numeric" autocomplete="cc-number" placeholder="4242 4242 4242 4242" maxlength="23" required>
</label>
<div class="pair">
<label>Expires<input name="expiry" inputmode="numeric" autocomplete="cc-exp" placeholder="MM/YY" maxlength="5" required></label>
<label>Security code<input name="cvc" inputmode="numeric" autocomplete="cc-csc" placeholder="123" maxlength="4" required></label>
</div>
<p class="hint">
  This is a test. Pay with <button type="button" class="bare code" id="fill">4242 4242 4242 4242</button>;
  4000 0000 0000 0002 is declined.
</p>
<p class="failure" role="alert"></p>
<button type="submit">Pay</button>
</form>
<aside class="card" aria-labelledby="order-title"><h2 id="order-title">Your order</h2><div id="order-lines"></div></aside>
</div>
</div>`;
  return { title: "Checkout · Waymark", script: "checkout", body };
}

export function orderPage(id: string): Page {
  const body = html`<div class="wide narrow">
<div id="order" data-id="${id}" aria-live="polite"><p class="muted waiting">One moment …</p></div>
</div>`;
  return { title: "Your order · Waymark", script: "order", section: "orders", body };
}

export function ordersPage(): Page {
  const body = html`<div class="wide">
<div class="section-title first"><h1>Your orders</h1></div>
<div id="orders" aria-live="polite"><p class="muted waiting">One moment …</p></div>
</div>`;
  return { title: "Your orders · Waymark", script: "orders", section: "orders", body };
}
