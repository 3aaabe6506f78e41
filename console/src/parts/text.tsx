// Foreign text and links to things. Names, paths and log lines come from outside: they are isolated, so that a name
// written from right to left cannot reorder what stands beside it, and their hidden characters are shown.
import { useState } from "preact/hooks";
import type { Origin } from "../api/types";
import { visible } from "../format";
import { hueClass } from "../known";
import { href } from "../router";
import { Icon } from "./icon";

export function Foreign({ text, class: extra = "" }: { text: unknown; class?: string }) {
  return <bdi class={extra}>{visible(text)}</bdi>;
}

/** `row` marks the link that stands for a row of a list. */
export function ServiceLink({ name, row = false }: { name: string; row?: boolean }) {
  return (
    <a class="service-link" href={href(`/services/${encodeURIComponent(name)}`)} data-row={row || undefined}>
      <span class={`swatch ${hueClass(name)}`} aria-hidden="true" />
      <Foreign text={name} />
    </a>
  );
}

/** A place in a file; it opens the configuration there. */
export function Place({ origin }: { origin: Origin | null | undefined }) {
  if (!origin?.file) return null;
  return (
    <a
      class="place mono"
      href={href("/configuration", { file: origin.file, line: String(origin.line) })}
      title="Show this line"
    >
      <bdi>{visible(origin.file)}</bdi>:{origin.line}
    </a>
  );
}

export function Copy({ text, label }: { text: string; label: string }) {
  const [done, setDone] = useState(false);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setDone(true);
      setTimeout(() => setDone(false), 1500);
    } catch {
      // Pages without permission cannot copy; the text is there to be selected.
    }
  };
  return (
    <button type="button" class="button quiet small" onClick={copy} aria-label={done ? "Copied" : label} title={label}>
      <Icon name={done ? "ready" : "copy"} />
    </button>
  );
}
