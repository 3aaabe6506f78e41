// One order, and its invoice. The same page is the confirmation directly after paying.

import "./shop.js";

import { askToSignIn } from "./kit/account.js";
import { ApiError, download, get } from "./kit/api.js";
import { element, find, replaceChildren, svg, whileBusy } from "./kit/dom.js";
import { day, money } from "./kit/format.js";
import { onSession, session } from "./kit/session.js";
import { brandName, type Payment, shortId } from "./payments.js";

const target = find("#order");
const path = `/api/payment/payments/${encodeURIComponent(target.dataset["id"] ?? "")}`;

onSession(() => void load());

async function load(): Promise<void> {
  if (!session()) return showSignIn();
  try {
    show(await get<Payment>(path));
  } catch (error) {
    const gone = error instanceof ApiError && error.status === 404;
    replaceChildren(
      target,
      element("h1", {}, gone ? "No such order" : "That did not work"),
      element(
        "p",
        { class: "muted" },
        gone ? "There is no order of yours with this number." : (error as Error).message,
      ),
      element("p", {}, element("a", { class: "button", href: "/orders" }, "Your orders")),
    );
  }
}

function showSignIn(): void {
  const button = element("button", { type: "button" }, "Sign in");
  button.addEventListener("click", () => void askToSignIn());
  replaceChildren(
    target,
    element("h1", {}, "Your order"),
    element("p", { class: "muted" }, "Sign in to see it."),
    element("p", {}, button),
  );
}

function show(payment: Payment): void {
  const isNew = new URLSearchParams(location.search).has("thanks");
  const failure = element("p", { class: "failure", role: "alert" });
  const invoice = element("button", { type: "button", id: "invoice" }, "Download the invoice");
  invoice.addEventListener("click", () => {
    failure.textContent = "";
    void whileBusy(invoice, async () => {
      try {
        await download(`${path}/invoice`, `invoice-${shortId(payment.id)}.pdf`);
      } catch (error) {
        failure.textContent = (error as Error).message;
      }
    });
  });
  replaceChildren(
    target,
    isNew && tick(),
    element("p", { class: "eyebrow" }, `Order ${shortId(payment.id)}`),
    element("h1", {}, isNew ? `Thank you, ${payment.customer.name}` : "Your order"),
    element(
      "p",
      { class: "lead" },
      isNew ? "It is paid, and on its way as soon as examples can travel." : `Paid on ${day(payment.created_at)}.`,
    ),
    receipt(payment),
    element("p", { class: "buttons" }, invoice, element("a", { class: "button quiet", href: "/" }, "Back to the shop")),
    failure,
  );
}

function tick(): HTMLElement {
  return element(
    "span",
    { class: "done", "aria-hidden": "true" },
    svg("svg", { viewBox: "0 0 24 24" }, svg("path", { d: "m5 12.5 4.5 4.5L19 7.5" })),
  );
}

function receipt(payment: Payment): HTMLElement {
  const rows = payment.items.map(({ name, quantity, unit_price }) =>
    element(
      "tr",
      {},
      element("td", {}, name, element("small", { class: "muted" }, ` ${quantity} × ${money(unit_price)}`)),
      element("td", { class: "right number" }, money(quantity * unit_price)),
    ),
  );
  const sum = element(
    "tr",
    { class: "total" },
    element("td", {}, "Total"),
    element("td", { class: "right number" }, money(payment.amount)),
  );
  return element(
    "div",
    { class: "card receipt" },
    element("table", {}, element("tbody", {}, ...rows, sum)),
    element(
      "p",
      { class: "muted" },
      `Paid with ${brandName(payment.card.brand)} ending in ${payment.card.last4}. The receipt is for ${payment.customer.email}.`,
    ),
  );
}
