// What is in the cart: kept by the browser, so that it survives a reload and needs no account.

import { catalogue, type Product } from "./catalogue.js";

export interface Line {
  product: Product;
  quantity: number;
}

const KEY = "cart";
const QUANTITY_MAX = 20;
const CHANGED = new EventTarget();

export async function lines(): Promise<Line[]> {
  const products = await catalogue();
  return Object.entries(quantities()).flatMap(([sku, quantity]) => {
    const product = products.get(sku);
    return product ? [{ product, quantity }] : [];
  });
}

export function total(all: Line[]): number {
  return all.reduce((sum, { product, quantity }) => sum + product.price_cents * quantity, 0);
}

export function pieces(): number {
  return Object.values(quantities()).reduce((sum, quantity) => sum + quantity, 0);
}

/** Adds pieces, or takes them away if `by` is negative. */
export function change(sku: string, by: number): void {
  const all = quantities();
  const quantity = Math.min(QUANTITY_MAX, (all[sku] ?? 0) + by);
  if (quantity > 0) all[sku] = quantity;
  else delete all[sku];
  keep(all);
}

export function empty(): void {
  keep({});
}

/** Calls back now and after every change, in other tabs too. */
export function onCart(changed: () => void): void {
  CHANGED.addEventListener("change", changed);
  window.addEventListener("storage", (event) => event.key === KEY && changed());
  changed();
}

function quantities(): Record<string, number> {
  try {
    const value: unknown = JSON.parse(localStorage.getItem(KEY) ?? "{}");
    return typeof value === "object" && value !== null ? (value as Record<string, number>) : {};
  } catch {
    return {};
  }
}

function keep(all: Record<string, number>): void {
  localStorage.setItem(KEY, JSON.stringify(all));
  CHANGED.dispatchEvent(new Event("change"));
}
