// Markup with values in it. Every value is escaped unless it is markup itself, so a product's name can never be a tag.

export interface Markup {
  readonly markup: string;
}

type Value = string | number | Markup | readonly Value[] | undefined | false;

export function html(parts: TemplateStringsArray, ...values: Value[]): Markup {
  let markup = parts[0] ?? "";
  for (const [index, value] of values.entries()) markup += write(value) + (parts[index + 1] ?? "");
  return { markup };
}

/** Markup of our own that is kept as text, such as drawings. */
export function raw(markup: string): Markup {
  return { markup };
}

function write(value: Value): string {
  if (value === undefined || value === false) return "";
  if (typeof value === "string") return escape(value);
  if (typeof value === "number") return String(value);
  if ("markup" in value) return value.markup;
  return value.map(write).join("");
}

const ENTITIES: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

function escape(value: string): string {
  return value.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
}
