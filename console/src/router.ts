// Where the reader is: the address bar is the state. Pages read their filters from here and write them back, so that
// every view can be shared by its address and the browser's own back and forward work.
import { computed, signal } from "@preact/signals";

export type Place = { path: string; query: URLSearchParams };

function here(): Place {
  return { path: location.pathname, query: new URLSearchParams(location.search) };
}

export const place = signal<Place>(here());

export const path = computed(() => place.value.path.replace(/\/+$/, "") || "/");

/** A parameter of the address, "" if it is absent. */
export function parameter(name: string): string {
  return place.value.query.get(name) ?? "";
}

/** All values of a parameter that may be repeated. */
export function parameters(name: string): string[] {
  return place.value.query.getAll(name).filter(Boolean);
}

/** Parameters that stay when another page is opened. */
const KEPT = ["window"];

/** The address of a page, with what stays of the present one. */
export function href(path: string, query: Record<string, string | string[] | null | undefined> = {}): string {
  const all = new URLSearchParams();
  for (const name of KEPT) {
    const value = place.value.query.get(name);
    if (value) all.set(name, value);
  }
  for (const [name, value] of Object.entries(query)) put(all, name, value);
  const text = all.toString();
  return text ? `${path}?${text}` : path;
}

function put(all: URLSearchParams, name: string, value: string | string[] | null | undefined): void {
  all.delete(name);
  for (const one of [value].flat()) if (one) all.append(name, one);
}

export function navigate(to: string): void {
  history.pushState(null, "", to);
  place.value = here();
  scrollTo(0, 0);
}

/** Changes parameters of the present address. Typing replaces the entry of the history, choosing adds one. */
export function change(query: Record<string, string | string[] | null>, how: "push" | "replace" = "replace"): void {
  const all = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(query)) put(all, name, value);
  const text = all.toString();
  const to = location.pathname + (text ? `?${text}` : "") + location.hash;
  if (to === location.pathname + location.search + location.hash) return;
  if (how === "push") history.pushState(null, "", to);
  else history.replaceState(null, "", to);
  place.value = here();
}

/** Lets plain clicks on links of the console stay in the page. */
export function startRouter(): void {
  addEventListener("popstate", () => (place.value = here()));
  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = event.target instanceof Element ? event.target.closest("a") : null;
    const to = link?.getAttribute("href");
    if (!to?.startsWith("/") || to.startsWith("//") || link?.hasAttribute("target")) return;
    event.preventDefault();
    navigate(to);
  });
}

export const WINDOWS = ["1m", "5m", "15m"] as const;

export const windowChosen = computed(() => {
  const chosen = place.value.query.get("window") ?? "";
  return (WINDOWS as readonly string[]).includes(chosen) ? chosen : "1m";
});

export const windowSeconds = computed(() => Number.parseInt(windowChosen.value, 10) * 60);
