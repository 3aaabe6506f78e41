// All orders of the visitor, the newest first.

import "./shop.js";

import { catalogue, type Product, thumbnail } from "./catalogue.js";
import { askToSignIn } from "./kit/account.js";
import { get } from "./kit/api.js";
import { element, find, replaceChildren } from "./kit/dom.js";
import { moment, money, plural } from "./kit/format.js";
import { onSession, session } from "./kit/session.js";
import { type Payment, shortId } from "./payments.js";

const target = find("#orders");
const THUMBNAILS_MAX = 3;

onSession(() => void load());

async function load(): Promise<void> {
  const user = session()?.user;
  if (!user) return showSignIn();
  try {
    const { payments } = await get<{ payments: Payment[] }>("/api/payment/payments");
    // An admin is told of everybody's payments. This page is about one's own.
    const own = payments.filter(({ customer }) => customer.id === user.id);
    const products = [...(await catalogue()).values()];
    replaceChildren(
      target,
      own.length === 0
        ? nothing()
        : element("ul", { class: "orders" }, ...own.map((payment) => row(payment, products))),
    );
  } catch (error) {
    replaceChildren(target, element("p", { class: "failure" }, (error as Error).message));
  }
}

function showSignIn(): void {
  const button = element("button", { type: "button" }, "Sign in");
  button.addEventListener("click", () => void askToSignIn());
  replaceChildren(
    target,
    element(
      "div",
      { class: "card nothing" },
      element("p", {}, "Sign in to see what you ordered."),
      element("p", {}, button),
    ),
  );
}

function nothing(): HTMLElement {
  return element(
    "div",
    { class: "card nothing" },
    element("p", {}, "You have not ordered anything yet."),
    element("p", {}, element("a", { class: "button", href: "/" }, "See what there is")),
  );
}

function row(payment: Payment, products: Product[]): HTMLElement {
  const pieces = payment.items.reduce((sum, { quantity }) => sum + quantity, 0);
  const bought = products.filter((product) => payment.items.some(({ name }) => name === product.name));
  const names = payment.items.map(({ name }) => name).join(", ");
  return element(
    "li",
    {},
    element(
      "a",
      { class: "card order", href: `/orders/${encodeURIComponent(payment.id)}` },
      element("span", { class: "pile" }, ...bought.slice(0, THUMBNAILS_MAX).map(thumbnail)),
      element(
        "span",
        { class: "line-name" },
        names,
        element(
          "small",
          { class: "muted" },
          `${shortId(payment.id)} · ${moment(payment.created_at)} · ${plural(pieces, "piece")}`,
        ),
      ),
      element("strong", { class: "number" }, money(payment.amount)),
    ),
  );
}
