// Paying. One attempt has one idempotency key, so that pressing twice, or a lost answer, never pays twice.

import "./shop.js";

import { empty, type Line, lines, onCart, total } from "./cart.js";
import { thumbnail } from "./catalogue.js";
import { askToSignIn } from "./kit/account.js";
import { ApiError, post } from "./kit/api.js";
import { element, find, replaceChildren, whileBusy } from "./kit/dom.js";
import { money } from "./kit/format.js";
import { onSession, session } from "./kit/session.js";
import type { Payment } from "./payments.js";

const form = find<HTMLFormElement>("#pay");
const failure = find(".failure", form);
const submit = find<HTMLButtonElement>("[type=submit]", form);
const field = (name: string) => find<HTMLInputElement>(`[name=${name}]`, form);

/** Of the attempt at hand: a new one for another cart, card or answer. */
let key = newKey();

onSession(() => {
  const user = session()?.user;
  find("#payer").textContent = user ? `Paying as ${user.name}, ${user.email}` : "You will be asked to sign in first.";
});

onCart(() => {
  key = newKey();
  void lines().then(showOrder);
});

form.addEventListener("input", () => (key = newKey()));
field("number").addEventListener("input", () => {
  field("number").value = field("number")
    .value.replace(/\D/g, "")
    .slice(0, 19)
    .replace(/(.{4})(?=.)/g, "$1 ");
});
field("expiry").addEventListener("input", () => {
  field("expiry").value = field("expiry")
    .value.replace(/[^\d]/g, "")
    .slice(0, 4)
    .replace(/^(\d{2})(?=\d)/, "$1/");
});

find("#fill").addEventListener("click", () => {
  const nextYear = String((new Date().getFullYear() + 1) % 100).padStart(2, "0");
  field("number").value = "4242 4242 4242 4242";
  field("expiry").value = `12/${nextYear}`;
  field("cvc").value = "123";
  key = newKey();
  submit.focus();
});

form.addEventListener("submit", (event) => {
  event.preventDefault();
  void whileBusy(submit, pay);
});

async function pay(): Promise<void> {
  failure.textContent = "";
  if (!session() && !(await askToSignIn("sign-up"))) return;
  try {
    const payment = await post<Payment>("/api/payment/payments", await order(), {
      headers: { "idempotency-key": key },
    });
    empty();
    location.assign(`/orders/${encodeURIComponent(payment.id)}?thanks`);
  } catch (error) {
    // A refusal is final for its key. Without an answer, the same key asks what became of the attempt.
    if (error instanceof ApiError && error.status >= 400 && error.status < 500) key = newKey();
    failure.textContent = (error as Error).message;
  }
}

async function order() {
  const items = (await lines()).map(({ product, quantity }) => ({
    name: product.name,
    quantity,
    unit_price: product.price_cents,
  }));
  const card = {
    number: field("number").value.replace(/\s/g, ""),
    expiry: field("expiry").value,
    cvc: field("cvc").value,
  };
  return { currency: "EUR", items, card };
}

/** `randomUUID` is for secure contexts only, and a shop may be looked at over plain HTTP. */
function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function showOrder(all: Line[]): void {
  const target = find("#order-lines");
  submit.disabled = all.length === 0;
  submit.textContent = all.length === 0 ? "Pay" : `Pay ${money(total(all))}`;
  if (all.length === 0) {
    return replaceChildren(
      target,
      element("p", { class: "muted" }, "Your cart is empty. "),
      element("p", {}, element("a", { href: "/" }, "See what there is")),
    );
  }
  const rows = all.map(({ product, quantity }) =>
    element(
      "li",
      {},
      thumbnail(product),
      element(
        "span",
        { class: "line-name" },
        product.name,
        element("small", { class: "muted" }, `${quantity} × ${money(product.price_cents)}`),
      ),
      element("span", { class: "number" }, money(product.price_cents * quantity)),
    ),
  );
  replaceChildren(
    target,
    element("ul", { class: "lines" }, ...rows),
    element("p", { class: "sum" }, "Total", element("strong", { class: "number" }, money(total(all)))),
  );
}
