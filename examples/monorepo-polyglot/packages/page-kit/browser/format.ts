// Numbers and times as people read them.

const EURO = new Intl.NumberFormat("en-IE", { style: "currency", currency: "EUR" });
const COUNT = new Intl.NumberFormat("en-IE");
const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "long", year: "numeric" });
const MOMENT = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });

export const money = (cents: number): string => EURO.format(cents / 100);
export const count = (value: number): string => COUNT.format(value);
export const day = (time: string): string => DAY.format(new Date(time));
export const moment = (time: string): string => MOMENT.format(new Date(time));
export const clock = (time: string): string => CLOCK.format(new Date(time));
export const plural = (value: number, one: string, many = `${one}s`): string =>
  `${count(value)} ${value === 1 ? one : many}`;
