// Quick jump: type a few letters of a service, a page or a command, or paste the id of a trace.
import { useEffect, useRef, useState } from "preact/hooks";
import { get } from "../api/client";
import { snapshot } from "../api/live";
import type { Services } from "../api/types";
import { visible } from "../format";
import { Dialog } from "../parts/dialog";
import { Icon, type IconName } from "../parts/icon";
import { stateWord } from "../parts/state";
import { href, navigate } from "../router";
import { setTheme } from "../theme";
import { matchScore } from "./match";
import { PAGES } from "./list";

type Entry = { icon: IconName; name: string; note: string; act: () => void };

const SHOWN_MAX = 40;

export function Palette({ close }: { close: () => void }) {
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const names = useServiceNames();
  const found = entries(names, text.trim());
  const chosen = Math.min(at, Math.max(0, found.length - 1));
  const list = useRef<HTMLUListElement>(null);
  useEffect(() => {
    list.current?.querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest" });
  }, [chosen, text]);
  const choose = (entry: Entry | undefined) => {
    if (!entry) return;
    close();
    entry.act();
  };
  const keys = (event: KeyboardEvent) => {
    if (event.key === "ArrowDown") setAt(Math.min(found.length - 1, chosen + 1));
    else if (event.key === "ArrowUp") setAt(Math.max(0, chosen - 1));
    else if (event.key === "Enter") choose(found[chosen]);
    else return;
    event.preventDefault();
  };
  return (
    <Dialog label="Jump to" class="palette" close={close}>
      <div class="palette-field">
        <Icon name="search" />
        <input
          type="text"
          role="combobox"
          aria-expanded="true"
          aria-controls="palette-list"
          aria-activedescendant={found.length ? `palette-${chosen}` : undefined}
          aria-label="Service, page, command or trace id"
          placeholder="Service, page, command or trace id"
          autocomplete="off"
          spellcheck={false}
          autoFocus
          value={text}
          onInput={(event) => {
            setText(event.currentTarget.value);
            setAt(0);
          }}
          onKeyDown={keys}
        />
        <kbd>Esc</kbd>
      </div>
      <ul id="palette-list" ref={list} role="listbox" aria-label="Results">
        {found.map((entry, index) => (
          <li key={`${entry.icon}${entry.name}`} id={`palette-${index}`} role="option" aria-selected={index === chosen} onClick={() => choose(entry)} onPointerMove={() => setAt(index)}>
            <Icon name={entry.icon} />
            <bdi class="palette-name">{visible(entry.name)}</bdi>
            <span class="faint">{entry.note}</span>
          </li>
        ))}
        {found.length === 0 ? <li class="palette-none faint">Nothing is called “{visible(text)}”</li> : null}
      </ul>
    </Dialog>
  );
}

function useServiceNames(): { name: string; state?: string }[] {
  const [read, setRead] = useState<{ name: string; state?: string }[]>([]);
  useEffect(() => {
    if (snapshot.peek()?.services) return;
    const abort = new AbortController();
    get<Services>("/v1/services", abort.signal).then(
      (document) => setRead(document.services),
      () => {},
    );
    return () => abort.abort();
  }, []);
  return snapshot.value?.services ?? read;
}

function entries(names: { name: string; state?: string }[], text: string): Entry[] {
  const go = (to: string) => () => navigate(to);
  const all: Entry[] = PAGES.map((page) => ({ icon: page.icon, name: page.name, note: `page · g ${page.key}`, act: go(href(page.path)) }));
  for (const { name, state } of names) {
    all.push({ icon: "plug", name, note: `service · ${stateWord(state)}`, act: go(href(`/services/${encodeURIComponent(name)}`)) });
  }
  all.push(
    { icon: "warn", name: "Failed requests", note: "page", act: go(href("/requests", { status: "failed" })) },
    { icon: "warn", name: "Failed traces", note: "page", act: go(href("/traces", { status: "error" })) },
    { icon: "compare", name: "Compare two traces", note: "page", act: go(href("/compare")) },
    { icon: "shield", name: "Policies that need a look", note: "page", act: go(href("/resilience", { state: "trouble" })) },
    { icon: "system", name: "Theme: as the system", note: "command", act: () => setTheme("system") },
    { icon: "sun", name: "Theme: light", note: "command", act: () => setTheme("light") },
    { icon: "moon", name: "Theme: dark", note: "command", act: () => setTheme("dark") },
  );
  if (/^[0-9a-f]{8,32}$/i.test(text)) {
    // Ids of 64 bits are written without the zeros before them.
    return [{ icon: "right", name: text.toLowerCase(), note: "open this trace", act: go(href(`/traces/${text.toLowerCase().padStart(32, "0")}`)) }];
  }
  if (!text) return all.slice(0, SHOWN_MAX);
  const scored = all.map((entry) => ({ entry, score: matchScore(entry.name, text) })).filter(({ score }) => score > 0);
  scored.sort((one, other) => other.score - one.score);
  return scored.slice(0, SHOWN_MAX).map(({ entry }) => entry);
}
