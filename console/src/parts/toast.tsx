// Short words about what a command did. They go by themselves; errors stay until they are dismissed.
import { signal } from "@preact/signals";
import { visible } from "../format";
import { Icon } from "./icon";

type Toast = { id: number; tone: "ready" | "bad"; title: string; detail?: string | null };

const TOASTS_MAX = 4;
const SHOWN_MS = 5000;
const toasts = signal<Toast[]>([]);
let last = 0;

export function say(tone: Toast["tone"], title: string, detail?: string | null): void {
  last += 1;
  const id = last;
  toasts.value = [...toasts.value, { id, tone, title, detail }].slice(-TOASTS_MAX);
  if (tone === "ready") setTimeout(() => dismiss(id), SHOWN_MS);
}

function dismiss(id: number): void {
  toasts.value = toasts.value.filter((toast) => toast.id !== id);
}

export function Toasts() {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.value.map((toast) => (
        <div class="toast" key={toast.id}>
          <span class={`tone-${toast.tone}`}>
            <Icon name={toast.tone} />
          </span>
          <div class="toast-text">
            <p>{visible(toast.title)}</p>
            {toast.detail ? <p class="faint">{visible(toast.detail)}</p> : null}
          </div>
          <button type="button" class="button quiet small" aria-label="Dismiss" onClick={() => dismiss(toast.id)}>
            <Icon name="close" />
          </button>
        </div>
      ))}
    </div>
  );
}
