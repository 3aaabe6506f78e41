// What the whole page knows about the system: its name, its services, and which colour each service has. Colours come
// from names, so that they stay the same; where two names would share one, the later in the alphabet takes the next free.
import { signal } from "@preact/signals";
import { hash } from "./format";

/** How many colours there are for services; the style sheets have one class for each. */
const HUES = 12;

export const project = signal("");
export const serviceNames = signal<ReadonlySet<string>>(new Set());
const hues = signal<ReadonlyMap<string, number>>(new Map());

/** Takes note of the services there are. */
export function noteServices(names: string[]): void {
  const known = serviceNames.peek();
  if (names.length === known.size && names.every((name) => known.has(name))) return;
  serviceNames.value = new Set(names);
  hues.value = assign(names);
}

export function assign(names: string[]): Map<string, number> {
  const used = new Array<number>(HUES).fill(0);
  const found = new Map<string, number>();
  for (const name of [...new Set(names)].sort()) {
    const least = Math.min(...used);
    let hue = hash(name) % HUES;
    while ((used[hue] ?? 0) > least) hue = (hue + 1) % HUES;
    used[hue] = (used[hue] ?? 0) + 1;
    found.set(name, hue);
  }
  return found;
}

/** The gateway writes its spans under the name of the project. */
export function isGateway(name: string | null | undefined): boolean {
  return name === "gateway" || (name !== "" && name === project.value && !serviceNames.value.has(name ?? ""));
}

export function isService(name: string | null | undefined): boolean {
  return Boolean(name) && !isGateway(name) && (serviceNames.value.size === 0 || serviceNames.value.has(name ?? ""));
}

export function hueClass(service: string | null | undefined): string {
  if (isGateway(service)) return "hue-gateway";
  return `hue-${hues.value.get(service ?? "") ?? hash(service ?? "") % HUES}`;
}
