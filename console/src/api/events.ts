// Reads `text/event-stream` by hand. The browser's own EventSource cannot send an Authorization header, which a console
// with a management token needs, so the stream is fetched and cut here. Pure: bytes in, events out.
// After "Server-sent events" of the HTML standard, section 9.2.6.

export type StreamEvent = { event: string; data: string; id: string };

/** Longest event that is kept, so that a broken server cannot fill the memory of the page. */
const EVENT_CHARACTERS_MAX = 32 * 1024 * 1024;

export class EventParser {
  #rest = "";
  #event = "";
  #data: string[] = [];
  #size = 0;
  #lastId = "";
  #started = false;
  /** What the server asked to wait before the next attempt, if it did. */
  retryMs: number | null = null;

  /** Takes the next piece of text and returns the events that it completes. */
  push(text: string): StreamEvent[] {
    let input = this.#rest + text;
    if (!this.#started && input.length > 0) {
      if (input.startsWith("\uFEFF")) input = input.slice(1);
      this.#started = true;
    }
    const found: StreamEvent[] = [];
    let from = 0;
    for (;;) {
      const end = lineEnd(input, from);
      if (end === null) break;
      this.#line(input.slice(from, end.at), found);
      from = end.next;
    }
    this.#rest = input.slice(from);
    if (this.#rest.length > EVENT_CHARACTERS_MAX) throw new Error("an event is too large");
    return found;
  }

  #line(line: string, found: StreamEvent[]): void {
    if (line === "") {
      if (this.#data.length > 0) {
        found.push({ event: this.#event || "message", data: this.#data.join("\n"), id: this.#lastId });
      }
      this.#event = "";
      this.#data = [];
      this.#size = 0;
      return;
    }
    const colon = line.indexOf(":");
    if (colon === 0) return;
    const field = colon < 0 ? line : line.slice(0, colon);
    let value = colon < 0 ? "" : line.slice(colon + 1);
    if (value.startsWith(" ")) value = value.slice(1);
    this.#field(field, value);
  }

  #field(field: string, value: string): void {
    if (field === "event") this.#event = value;
    else if (field === "data") {
      this.#size += value.length;
      if (this.#size > EVENT_CHARACTERS_MAX) throw new Error("an event is too large");
      this.#data.push(value);
    } else if (field === "id" && !value.includes("\0")) this.#lastId = value;
    else if (field === "retry" && /^\d+$/.test(value)) this.retryMs = Number(value);
  }
}

/** Where the line that begins at `from` ends. A final carriage return is left: a line feed may follow it. */
function lineEnd(text: string, from: number): { at: number; next: number } | null {
  for (let at = from; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === 10) return { at, next: at + 1 };
    if (code !== 13) continue;
    if (at + 1 === text.length) return null;
    return { at, next: text.charCodeAt(at + 1) === 10 ? at + 2 : at + 1 };
  }
  return null;
}
