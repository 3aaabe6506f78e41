// What lies over the page at the moment.
import { signal } from "@preact/signals";

export const overlay = signal<"none" | "help" | "palette">("none");
