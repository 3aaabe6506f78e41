// Cents as people read them.

import { CURRENCY } from "../catalogue.js";

const MONEY = new Intl.NumberFormat("en-IE", { style: "currency", currency: CURRENCY });

export function price(cents: number): string {
  return MONEY.format(cents / 100);
}
