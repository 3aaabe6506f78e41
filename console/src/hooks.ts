// What pages share: reading a document again and again, and noticing keys.
import { useCallback, useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { ApiError, get, tokenTries } from "./api/client";
import { epoch } from "./api/live";

export type Reading<T> = { data: T | null; error: ApiError | null; loading: boolean; refresh: () => void };

/**
 * Reads `path` now, each `everyMs` while the tab is visible, and after each reconnection. What was read stays while it is
 * read again, and an error does not take it away. Nothing is read while `path` is null.
 */
export function useDocument<T>(path: string | null, everyMs = 0): Reading<T> {
  const [state, setState] = useState<{ key: string | null; data: T | null; error: ApiError | null }>({
    key: null,
    data: null,
    error: null,
  });
  const [asked, setAsked] = useState(0);
  const seen = `${epoch.value}.${tokenTries.value}`;
  useEffect(() => {
    if (path === null) return;
    const abort = new AbortController();
    let timer = 0;
    const read = async () => {
      try {
        const data = await get<T>(path, abort.signal);
        if (!abort.signal.aborted) setState({ key: path, data, error: null });
      } catch (caught) {
        if (abort.signal.aborted) return;
        const error = caught instanceof ApiError ? caught : new ApiError(0, "", String(caught));
        setState((now) => ({ key: path, data: now.key === path ? now.data : null, error }));
      }
      if (everyMs > 0 && !abort.signal.aborted && !document.hidden) timer = window.setTimeout(read, everyMs);
    };
    void read();
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  }, [path, everyMs, seen, asked]);
  const refresh = useCallback(() => setAsked((count) => count + 1), []);
  return { data: state.data, error: state.key === path ? state.error : null, loading: state.key !== path, refresh };
}

/** Calls `act` for keys pressed outside of fields. `act` returns true for a key it took; `first` comes before all others. */
export function useKeys(act: (event: KeyboardEvent) => boolean, first = false): void {
  const latest = useRef(act);
  latest.current = act;
  // With what is shown, and not some time after it: who sees a page can press its keys.
  useLayoutEffect(() => {
    const listen = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || inField(event.target)) return;
      if (document.querySelector("dialog[open]")) return;
      if (latest.current(event)) event.preventDefault();
    };
    addEventListener("keydown", listen, first);
    return () => removeEventListener("keydown", listen, first);
  }, [first]);
}

/** Arrow keys go from row to row of a page's list: to the link in each that is marked `data-row`. */
export function useRowKeys(): void {
  useKeys((event) => {
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    const links = step ? [...document.querySelectorAll<HTMLElement>("main a[data-row]")] : [];
    if (links.length === 0 || (event.target instanceof Element && event.target.closest("[role=radiogroup]"))) return false;
    const at = links.indexOf(document.activeElement as HTMLElement);
    links[at < 0 ? 0 : Math.max(0, Math.min(links.length - 1, at + step))]?.focus();
    return true;
  });
}

export function inField(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

const SETTLED_MS = 200;

/** A value once it has been still for a moment, so that typing does not start work per letter. */
export function useSettled(value: string, stillMs = SETTLED_MS): string {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), stillMs);
    return () => clearTimeout(timer);
  }, [value, stillMs]);
  return settled;
}

/** The present time, renewed each `everyMs`. */
export function useNow(everyMs: number): number {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return now;
}

/** The width of an element, followed as it changes. */
export function useWidth<E extends Element>(first: number): [(element: E | null) => void, number] {
  const [width, setWidth] = useState(first);
  const observer = useRef<ResizeObserver | null>(null);
  const attach = useCallback((element: E | null) => {
    observer.current?.disconnect();
    if (!element) return;
    observer.current = new ResizeObserver(([entry]) => entry && setWidth(Math.round(entry.contentRect.width)));
    observer.current.observe(element);
  }, []);
  return [attach, width];
}
