// What analytics tells of the last minutes, and the numbers that the page makes of it.

export interface Summary {
  minutes: number;
  total: number;
  by_type: { type: string; count: number; value: number }[];
  by_minute: { minute: string; count: number; value: number }[];
}

export interface Headline {
  key: string;
  label: string;
  value: string;
}

const MONEY = new Intl.NumberFormat("en-IE", { style: "currency", currency: "EUR" });
const COUNT = new Intl.NumberFormat("en-IE");

export function headlines(summary: Summary | undefined): Headline[] {
  const of = (type: string) => summary?.by_type.find((entry) => entry.type === type) ?? { count: 0, value: 0 };
  const texts = of("ai.sentiment").count + of("ai.summary").count;
  const show = (value: string) => (summary ? value : "–");
  return [
    { key: "revenue", label: "Revenue", value: show(MONEY.format(of("payment").value / 100)) },
    { key: "payments", label: "Payments", value: show(COUNT.format(of("payment").count)) },
    { key: "views", label: "Page views", value: show(COUNT.format(of("page.view").count)) },
    { key: "texts", label: "Texts read by AI", value: show(COUNT.format(texts)) },
  ];
}
