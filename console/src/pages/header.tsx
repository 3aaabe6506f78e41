// The header: where one is, whether what one sees is live, how much goes through, and the reader's own choices.
import { useEffect } from "preact/hooks";
import { snapshot, link, retryNow } from "../api/live";
import type { Totals } from "../api/types";
import { overlay } from "./overlay";
import { count, rate, share, visible } from "../format";
import { useDocument } from "../hooks";
import { project } from "../known";
import { Choice } from "../parts/controls";
import { Icon } from "../parts/icon";
import { errorTone } from "../parts/state";
import { change, href, path, WINDOWS, windowChosen } from "../router";
import { nextTheme, theme } from "../theme";
import { PAGES } from "./list";

export function Header() {
  const status = useDocument<{ project?: string; version?: string }>("/v1/status", 60_000);
  const name = status.data?.project;
  useEffect(() => {
    if (name) project.value = name;
  }, [name]);
  return (
    <header class="header">
      <a class="brand" href={href("/services")} title={status.data?.version ? `Trunkline ${visible(status.data.version)}` : "Trunkline"}>
        <svg class="mark" viewBox="0 0 24 24" width="24" height="24" aria-hidden="true">
          <rect class="mark-ground" width="24" height="24" rx="6" />
          <path class="mark-line" d="M5 12h6M11 12c4 0 3-5 8-5M11 12c4 0 3 5 8 5" />
        </svg>
        <bdi class="brand-name">{name ? visible(name) : "Trunkline"}</bdi>
      </a>
      <nav class="nav" aria-label="Pages">
        {PAGES.map((page) => (
          <a key={page.path} href={href(page.path)} aria-current={isCurrent(page.path) ? "page" : undefined}>
            <Icon name={page.icon} />
            <span>{page.name}</span>
          </a>
        ))}
      </nav>
      <TotalsView totals={snapshot.value?.totals} />
      <div class="tools">
        <WindowPicker />
        <LinkState />
        <button type="button" class="button jump" onClick={() => (overlay.value = "palette")} aria-label="Jump to a service, page or trace" aria-keyshortcuts="Control+K">
          <Icon name="search" />
          <kbd>{/Mac|iPhone/.test(navigator.userAgent) ? "⌘K" : "Ctrl K"}</kbd>
        </button>
        <button type="button" class="button quiet" onClick={nextTheme} aria-label={`Theme: ${theme.value}. Change`} title={`Theme: ${theme.value}`}>
          <Icon name={theme.value === "system" ? "system" : theme.value === "light" ? "sun" : "moon"} />
        </button>
        <button type="button" class="button quiet wide-only" onClick={() => (overlay.value = "help")} aria-label="Keyboard help" title="Keyboard help (?)">
          <Icon name="help" />
        </button>
      </div>
    </header>
  );
}

function isCurrent(page: string): boolean {
  const now = path.value;
  if (now === "/") return page === "/services";
  if (now === "/compare") return page === "/traces";
  return now === page || now.startsWith(`${page}/`);
}

function TotalsView({ totals }: { totals: Totals | undefined }) {
  return (
    <dl class="totals" aria-label="Totals of the gateway">
      <div title="Requests per second through the gateway">
        <dt>rate</dt>
        <dd>{rate(totals?.rate_per_second)}</dd>
      </div>
      <div title="Share of requests that failed">
        <dt>errors</dt>
        <dd class={errorTone(totals?.error_share)}>{share(totals?.error_share)}</dd>
      </div>
      <div title="Requests that are being answered">
        <dt>in flight</dt>
        <dd>{count(totals?.in_flight)}</dd>
      </div>
    </dl>
  );
}

function WindowPicker() {
  return (
    <Choice
      label="Window of the numbers"
      value={windowChosen.value}
      options={WINDOWS.map((window) => ({ value: window, text: window }))}
      onChange={(window) => change({ window: window === "1m" ? null : window }, "push")}
    />
  );
}

const WORDS = { connecting: "connecting", live: "live", waiting: "reconnecting", paused: "paused", refused: "no token" } as const;

function LinkState() {
  const { state } = link.value;
  const word = WORDS[state];
  return (
    <button type="button" class={`link-state is-${state}`} onClick={state === "waiting" ? retryNow : undefined} title={state === "waiting" ? "Try now" : `The live stream is ${word}`} aria-live="polite">
      <span class="pulse" aria-hidden="true" />
      <span class="link-word">{word}</span>
    </button>
  );
}
