// Payments and users: one table each, asked for when it is shown.

import { get } from "./kit/api.js";
import { element, find, replaceChildren } from "./kit/dom.js";
import { count, moment, money, plural } from "./kit/format.js";
import type { User } from "./kit/session.js";

interface Payment {
  id: string;
  amount: number;
  items: { name: string; quantity: number }[];
  card: { brand: string; last4: string };
  created_at: string;
  customer: { email: string; name: string };
}

const BRANDS: Record<string, string> = { visa: "Visa", mastercard: "Mastercard", amex: "American Express" };

type Cell = Node | string;

export function showPayments(): () => void {
  return fetchInto("#payments", async (signal) => {
    const { payments } = await get<{ payments: Payment[] }>("/api/payment/payments", { signal });
    const sum = payments.reduce((total, { amount }) => total + amount, 0);
    find("#payments-note").textContent = `${plural(payments.length, "payment")}, ${money(sum)} in all`;
    if (payments.length === 0) return empty("Nobody has paid for anything yet.");
    return table(["When", "Customer", "Items", "Card", "Amount"], payments.map(paymentRow));
  });
}

export function showUsers(): () => void {
  return fetchInto("#users", async (signal) => {
    const { users, total } = await get<{ users: (User & { created_at: string })[]; total: number }>("/api/auth/users", {
      signal,
    });
    find("#users-note").textContent = `${count(total)} in all, the newest first`;
    return table(
      ["Name", "Email", "Roles", "Since"],
      users.map((user) => [user.name, user.email, roles(user.roles), moment(user.created_at)]),
    );
  });
}

function paymentRow({ created_at, customer, items, card, amount }: Payment): Cell[] {
  const bought = items.map(({ name, quantity }) => (quantity > 1 ? `${quantity} × ${name}` : name)).join(", ");
  return [
    moment(created_at),
    element("span", { title: customer.email }, customer.name),
    bought,
    `${BRANDS[card.brand] ?? "Card"} ·· ${card.last4}`,
    element("strong", { class: "number" }, money(amount)),
  ];
}

function roles(all: string[]): HTMLElement {
  return element(
    "span",
    { class: "badges" },
    ...all.map((role) => element("span", { class: role === "admin" ? "badge warm" : "badge" }, role)),
  );
}

function fetchInto(selector: string, build: (signal: AbortSignal) => Promise<HTMLElement>): () => void {
  const target = find(selector);
  const left = new AbortController();
  build(left.signal).then(
    (content) => replaceChildren(target, content),
    (error: Error) => {
      if (!left.signal.aborted) replaceChildren(target, element("p", { class: "failure" }, error.message));
    },
  );
  return () => left.abort();
}

function table(names: string[], rows: Cell[][]): HTMLElement {
  const last = names.length - 1;
  const side = (index: number) => (index === last ? "right" : undefined);
  const head = element("tr", {}, ...names.map((name, index) => element("th", { class: side(index) }, name)));
  const body = rows.map((cells) =>
    element(
      "tr",
      {},
      ...cells.map((cell, index) => element("td", { class: side(index), "data-label": names[index] }, cell)),
    ),
  );
  return element("table", { class: "stacks" }, element("thead", {}, head), element("tbody", {}, ...body));
}

function empty(text: string): HTMLElement {
  return element("p", { class: "muted" }, text);
}
