// The frame of every page: header, the page that the address names, and what may lie over it.
import { useEffect, useRef } from "preact/hooks";
import { tokenWanted } from "./api/client";
import { link, retryNow } from "./api/live";
import { useKeys, useNow } from "./hooks";
import { ComparePage } from "./pages/compare";
import { ConfigurationPage } from "./pages/configuration";
import { DependenciesPage } from "./pages/dependencies";
import { GraphPage } from "./pages/graph";
import { Header } from "./pages/header";
import { HelpDialog } from "./pages/help";
import { PAGES } from "./pages/list";
import { overlay } from "./pages/overlay";
import { Palette } from "./pages/palette";
import { RequestsPage } from "./pages/requests";
import { ResiliencePage } from "./pages/resilience";
import { ServicePage } from "./pages/service";
import { ServicesPage } from "./pages/services";
import { TokenDialog } from "./pages/token";
import { TracePage } from "./pages/trace";
import { TracesPage } from "./pages/traces";
import { Empty } from "./parts/notice";
import { Toasts } from "./parts/toast";
import { navigate, href, path } from "./router";
import { nextTheme } from "./theme";

export function App() {
  useShortcuts();
  return (
    <>
      <a class="skip" href="#main">
        Skip to content
      </a>
      <Header />
      <Trouble />
      <main id="main" class="main" tabIndex={-1}>
        <Page />
      </main>
      <Toasts />
      {overlay.value === "help" ? <HelpDialog close={() => (overlay.value = "none")} /> : null}
      {overlay.value === "palette" ? <Palette close={() => (overlay.value = "none")} /> : null}
      {tokenWanted.value ? <TokenDialog wrong={tokenWanted.value === "wrong"} /> : null}
    </>
  );
}

/** Pages that are not in the list. */
const TITLES = new Map([
  ["/", "Services"],
  ["/compare", "Compare traces"],
]);

function Page() {
  const now = path.value;
  const rest = (prefix: string) => (now.startsWith(prefix) ? decode(now.slice(prefix.length)) : null);
  const service = rest("/services/");
  const trace = rest("/traces/");
  const title = service ?? trace ?? TITLES.get(now) ?? PAGES.find((page) => page.path === now)?.name ?? "Not found";
  useEffect(() => {
    document.title = `${title} · Trunkline`;
  }, [title]);
  const first = useRef(true);
  // Who reads by ear is led to the new page; the first page begins at the top.
  useEffect(() => {
    if (!first.current) document.getElementById("main")?.focus({ preventScroll: true });
    first.current = false;
  }, [now]);
  if (now === "/" || now === "/services") return <ServicesPage />;
  if (service !== null) return <ServicePage key={service} name={service} />;
  if (now === "/graph") return <GraphPage />;
  if (now === "/requests") return <RequestsPage />;
  if (trace !== null) return <TracePage key={trace} id={trace} />;
  if (now === "/traces") return <TracesPage />;
  if (now === "/compare") return <ComparePage />;
  if (now === "/dependencies") return <DependenciesPage />;
  if (now === "/resilience") return <ResiliencePage />;
  if (now === "/configuration") return <ConfigurationPage />;
  return (
    <Empty icon="search" title="There is no such page">
      <a href={href("/services")}>Go to the services</a>
    </Empty>
  );
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** A line below the header while the live stream is broken: what is shown may be old. */
function Trouble() {
  const now = useNow(1000);
  const { state, retryAt } = link.value;
  if (state !== "waiting") return null;
  const seconds = Math.max(0, Math.ceil(((retryAt ?? now) - now) / 1000));
  return (
    <div class="trouble" role="status">
      <span>
        <b>Trunkline does not answer.</b> What you see is the last that was known. {seconds > 0 ? `Next try in ${seconds}s.` : "Trying…"}
      </span>
      <button type="button" class="button small" onClick={retryNow}>
        Try now
      </button>
    </div>
  );
}

/** `g` then a letter opens a page; the rest is one key each. */
function useShortcuts(): void {
  useEffect(() => {
    const open = (event: KeyboardEvent) => {
      if ((event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === "k") {
        event.preventDefault();
        overlay.value = overlay.peek() === "palette" ? "none" : "palette";
      }
    };
    addEventListener("keydown", open);
    return () => removeEventListener("keydown", open);
  }, []);
  useKeys((event) => {
    const page = gone > Date.now() - 1200 ? PAGES.find((page) => page.key === event.key) : undefined;
    gone = 0;
    if (page) {
      navigate(href(page.path));
      return true;
    }
    if (event.key === "g") gone = Date.now();
    else if (event.key === "?") overlay.value = "help";
    else if (event.key === "t") nextTheme();
    else if (event.key === "/") return focusSearch();
    else return false;
    return true;
  }, true);
}

/** When `g` was pressed. */
let gone = 0;

function focusSearch(): boolean {
  const field = document.querySelector<HTMLInputElement>("[data-search]");
  field?.focus();
  field?.select();
  return field !== null;
}
