// The cart at the side of every page.

import { change, type Line, lines, onCart, pieces, total } from "./cart.js";
import { thumbnail } from "./catalogue.js";
import { element, find, replaceChildren } from "./kit/dom.js";
import { money } from "./kit/format.js";

export function mountCart(): void {
  const panel = find<HTMLDialogElement>("#cart");
  const badge = find("#cart-count");
  find("#open-cart").addEventListener("click", () => panel.showModal());
  find("[data-close]", panel).addEventListener("click", () => panel.close());
  panel.addEventListener("click", (event) => {
    if (event.target === panel) panel.close();
  });
  for (const button of document.querySelectorAll<HTMLButtonElement>("[data-add]")) {
    button.addEventListener("click", () => {
      change(button.dataset["add"] ?? "", 1);
      panel.showModal();
    });
  }
  onCart(() => {
    badge.textContent = String(pieces());
    badge.hidden = pieces() === 0;
    void lines().then((all) => show(find("#cart-lines"), all));
  });
}

function show(target: Element, all: Line[]): void {
  if (all.length === 0) return replaceChildren(target, element("p", { class: "muted" }, "Nothing in it yet."));
  const focused = document.activeElement instanceof HTMLElement ? document.activeElement.dataset["key"] : undefined;
  replaceChildren(
    target,
    element("ul", { class: "lines" }, ...all.map(row)),
    element("p", { class: "sum" }, "Total", element("strong", { class: "number" }, money(total(all)))),
    element("a", { class: "button", href: "/checkout" }, "Go to checkout"),
  );
  // The buttons are new ones: who used the keyboard stays where they were.
  if (focused) target.querySelector<HTMLElement>(`[data-key="${CSS.escape(focused)}"]`)?.focus();
}

function row({ product, quantity }: Line): HTMLElement {
  return element(
    "li",
    {},
    thumbnail(product),
    element(
      "span",
      { class: "line-name" },
      product.name,
      element("small", { class: "muted number" }, money(product.price_cents)),
    ),
    element(
      "span",
      { class: "stepper" },
      step(product.sku, product.name, -1),
      element("span", { class: "number" }, quantity),
      step(product.sku, product.name, 1),
    ),
  );
}

function step(sku: string, name: string, by: 1 | -1): HTMLButtonElement {
  const label = by > 0 ? `One more ${name}` : `One ${name} less`;
  const button = element(
    "button",
    { type: "button", class: "quiet", "aria-label": label, "data-key": `${sku}${by}` },
    by > 0 ? "+" : "−",
  );
  button.addEventListener("click", () => change(sku, by));
  return button;
}
