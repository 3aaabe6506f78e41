// Payments as the payment service tells them. An order of this shop is a payment: there is nothing else to know of it.

export interface Payment {
  id: string;
  status: string;
  amount: number;
  currency: string;
  items: { name: string; quantity: number; unit_price: number }[];
  card: { brand: string; last4: string };
  created_at: string;
  customer: { id: string; email: string; name: string };
}

const BRANDS: Record<string, string> = { visa: "Visa", mastercard: "Mastercard", amex: "American Express" };

export function brandName(brand: string): string {
  return BRANDS[brand] ?? "card";
}

/** The last characters of an id, which is what people compare. */
export function shortId(id: string): string {
  return id.slice(-8).toUpperCase();
}
