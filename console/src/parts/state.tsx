// The states of a service, each with a tone, a shape and its word: never a colour alone.
import { visible } from "../format";
import { Icon, type IconName } from "./icon";

export type Tone = "ready" | "busy" | "warn" | "bad" | "idle";

const TONES: Record<string, Tone> = {
  ready: "ready",
  waiting: "busy",
  starting: "busy",
  building: "busy",
  stopping: "busy",
  draining: "busy",
  unhealthy: "warn",
  backing_off: "bad",
  failed: "bad",
  down: "bad",
  stopped: "idle",
  maint: "idle",
};

export function tone(state: string | null | undefined): Tone {
  return (Object.hasOwn(TONES, state ?? "") && TONES[state ?? ""]) || "idle";
}

export function stateWord(state: string | null | undefined): string {
  if (state === "maint") return "maintenance";
  return state ? visible(state).replaceAll("_", " ") : "unknown";
}

export function State({ state, quiet = false }: { state: string | null | undefined; quiet?: boolean }) {
  const found = tone(state);
  return (
    <span class={`state tone-${found}`}>
      <Icon name={found as IconName} />
      <span class={quiet ? "hidden" : ""}>{stateWord(state)}</span>
    </span>
  );
}

/** Errors from one in a hundred on are a warning, from one in twenty on bad. */
export function errorTone(share: number | null | undefined): string {
  if (!share) return "";
  return share >= 0.05 ? "tone-bad" : share >= 0.01 ? "tone-warn" : "";
}

/** The class of a status: what a reader looks for is what failed. */
export function statusTone(status: number | null | undefined): string {
  if (status === null || status === undefined) return "";
  if (status === 0 || status >= 500) return "tone-bad";
  return status >= 400 ? "tone-warn" : "";
}
