// Light, dark, or as the system says. The choice is the reader's and stays in this browser.
import { signal } from "@preact/signals";

export type Theme = "system" | "light" | "dark";

const KEY = "trunkline.theme";
export const theme = signal<Theme>("system");

export function startTheme(): void {
  let kept: string | null = null;
  try {
    kept = localStorage.getItem(KEY);
  } catch {
    // Storage may be forbidden; the system's theme is a good answer then.
  }
  setTheme(kept === "light" || kept === "dark" ? kept : "system");
}

export function setTheme(chosen: Theme): void {
  theme.value = chosen;
  if (chosen === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = chosen;
  try {
    if (chosen === "system") localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, chosen);
  } catch {
    // As above.
  }
}

export function nextTheme(): void {
  setTheme(theme.value === "system" ? "light" : theme.value === "light" ? "dark" : "system");
}
