// Keys and values that somebody else wrote: attributes of spans, resources, events and links.
import { safeHref, visible } from "../format";
import { Foreign } from "./text";

/** Longer values are cut, and shown whole when asked. */
const CHARACTERS_MAX = 600;

export function Attributes({ of, empty }: { of: Record<string, unknown> | null | undefined; empty?: string }) {
  const pairs = Object.entries(of ?? {}).sort(([one], [other]) => (one < other ? -1 : 1));
  if (pairs.length === 0) return empty ? <p class="faint">{empty}</p> : null;
  return (
    <dl class="attributes">
      {pairs.map(([key, value]) => (
        <div key={key}>
          <dt>
            <Foreign text={key} />
          </dt>
          <dd class="mono">
            <Value value={value} />
          </dd>
        </div>
      ))}
    </dl>
  );
}

const firstLine = (text: string) => (text.split("\n", 1)[0] ?? "").slice(0, CHARACTERS_MAX / 3);

function Value({ value }: { value: unknown }) {
  if (value === null || value === undefined) return <span class="faint">null</span>;
  const url = typeof value === "string" ? safeHref(value) : null;
  if (url) {
    return (
      <a href={url} target="_blank" rel="noreferrer noopener">
        {visible(url)}
      </a>
    );
  }
  const text = visible(value);
  if (text.length <= CHARACTERS_MAX) return <Foreign text={value} />;
  return (
    <details class="long-value">
      <summary>
        <bdi>{firstLine(text)}…</bdi>
      </summary>
      <bdi>{text}</bdi>
    </details>
  );
}
