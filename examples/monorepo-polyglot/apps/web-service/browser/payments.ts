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

/** The last characters of an id, which is what people compare. */
export function shortId(id: string): string {
  return id.slice(-8).toUpperCase();
}
