// The end of a service's log, followed as it grows. Lines of JSON are read for their level and message; everything is
// shown as text, whatever a service prints.
import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError, send } from "../api/client";
import { epoch, link } from "../api/live";
import type { LogLine } from "../api/types";
import { clock } from "../format";
import { Choice, SearchField } from "../parts/controls";
import { href, change, parameter } from "../router";
import { type ReadLine, readLine } from "./log_line";

const LINES_FIRST = 200;
const LINES_MAX = 1000;

type Kept = ReadLine & { id: number; time: string | undefined; stream: string };

export function LogTail({ service }: { service: string }) {
  const { lines, error } = useTail(service);
  const text = parameter("log").toLowerCase();
  const level = parameter("level");
  const shown = lines.filter((line) => (!text || line.search.includes(text)) && (level !== "problems" || line.tone !== ""));
  const box = useRef<HTMLOListElement>(null);
  const stuck = useRef(true);
  useEffect(() => {
    if (box.current && stuck.current) box.current.scrollTop = box.current.scrollHeight;
  });
  return (
    <section>
      <div class="section-head">
        <h2 class="section-title">Log</h2>
        <div class="bar inline">
          <Choice
            label="Level"
            value={level === "problems" ? level : ""}
            options={[
              { value: "", text: "all" },
              { value: "problems", text: "warnings and errors" },
            ]}
            onChange={(value) => change({ level: value })}
          />
          <SearchField value={parameter("log")} label="Filter the log" onInput={(log) => change({ log })} />
        </div>
      </div>
      <ol
        class="log"
        ref={box}
        tabIndex={0}
        aria-label={`Log of ${service}`}
        onScroll={(event) => {
          const list = event.currentTarget;
          stuck.current = list.scrollHeight - list.scrollTop - list.clientHeight < 24;
        }}
      >
        {shown.map((line) => (
          <li key={line.id} class={line.tone ? `log-${line.tone}` : ""}>
            <span class="log-time">
              {clock(line.time)}
              <span class="millis">{clock(line.time, true).slice(8)}</span>
            </span>
            <span class={`log-level ${line.tone ? `tone-${line.tone}` : "faint"}`}>{line.level || (line.stream === "stderr" ? "err" : "")}</span>
            <span class="log-text">
              <bdi>{line.message}</bdi>
              {line.rest ? <bdi class="faint"> {line.rest}</bdi> : null}
              {line.trace ? (
                <a class="log-trace" href={href(`/traces/${line.trace}`)}>
                  trace
                </a>
              ) : null}
            </span>
          </li>
        ))}
        {shown.length === 0 ? <li class="log-none faint">{error ?? (lines.length ? "No line fits the filter." : "Nothing was printed yet.")}</li> : null}
      </ol>
    </section>
  );
}

function useTail(service: string): { lines: Kept[]; error: string | null } {
  const [lines, setLines] = useState<Kept[]>([]);
  const [error, setError] = useState<string | null>(null);
  const seen = epoch.value;
  const paused = link.value.state === "paused";
  useEffect(() => {
    if (paused) return;
    const abort = new AbortController();
    setLines([]);
    setError(null);
    follow(service, abort.signal, (more) => setLines((before) => [...before, ...more].slice(-LINES_MAX))).catch((caught: unknown) => {
      if (!abort.signal.aborted) setError(caught instanceof ApiError ? caught.message : "The log ended.");
    });
    return () => abort.abort();
  }, [service, seen, paused]);
  return { lines, error };
}

let lastId = 0;

async function follow(service: string, signal: AbortSignal, take: (lines: Kept[]) => void): Promise<void> {
  const answer = await send(`/v1/logs?service=${encodeURIComponent(service)}&tail=${LINES_FIRST}&follow=true`, { signal });
  const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  while (reader) {
    const { done, value } = await reader.read();
    if (done) return;
    const parts = (rest + value).split("\n");
    rest = parts.pop() ?? "";
    const read = parts.map(keep).filter((line): line is Kept => line !== null);
    if (read.length) take(read);
  }
}

function keep(text: string): Kept | null {
  try {
    const line = JSON.parse(text) as LogLine;
    lastId += 1;
    return { ...readLine(String(line.text ?? "")), id: lastId, time: line.time, stream: line.stream ?? "" };
  } catch {
    return null;
  }
}
