// What the storefront knows of the orders service, and how it asks.

import type { IncomingHttpHeaders } from "node:http";

export interface Product {
  sku: string;
  name: string;
  blurb: string;
  emoji: string;
  price_cents: number;
}

export interface Catalogue {
  currency: string;
  products: Product[];
}

export interface Order {
  id: string;
  status: string;
  lines: { sku: string; quantity: number }[];
  total_cents: number;
  currency: string;
  created: string;
}

/** Headers of an incoming request that every request made on its behalf carries too. */
const PASSED_ON = ["traceparent", "tracestate", "x-request-id"] as const;

/** A page that takes longer than this is better shown without its orders. */
const TIMEOUT_MS = 3_000;

export class Orders {
  constructor(private readonly url: string) {}

  catalogue(from: IncomingHttpHeaders): Promise<Catalogue> {
    return this.get<Catalogue>("/catalogue", from);
  }

  async newest(from: IncomingHttpHeaders): Promise<Order[]> {
    return (await this.get<{ orders: Order[] }>("/api/orders", from)).orders;
  }

  private async get<T>(path: string, from: IncomingHttpHeaders): Promise<T> {
    const headers: Record<string, string> = { accept: "application/json" };
    for (const name of PASSED_ON) {
      const value = from[name];
      if (typeof value === "string") headers[name] = value;
    }
    const response = await fetch(new URL(path, this.url), { headers, signal: AbortSignal.timeout(TIMEOUT_MS) });
    if (!response.ok) throw new Error(`orders answered ${response.status} to ${path}`);
    return (await response.json()) as T;
  }
}
