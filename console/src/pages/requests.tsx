// The last requests, as they come in. Pausing, or pointing at a row, keeps the page still and counts what waits.
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { onEntrances, snapshot } from "../api/live";
import type { Entrance } from "../api/types";
import { count, parseDuration, visible } from "../format";
import { useDocument, useKeys, useRowKeys, useSettled } from "../hooks";
import { Choice, SearchField } from "../parts/controls";
import { Icon } from "../parts/icon";
import { Empty, Shown } from "../parts/notice";
import { change, parameter } from "../router";
import { type Filter, filterQuery, fits, join } from "./request_filter";
import { RequestTable } from "./request_table";

/** Rows that are kept and shown. */
const ROWS_MAX = 200;

export function RequestsPage() {
  const filter: Filter = { service: parameter("service"), status: parameter("status"), text: parameter("q"), min: parameter("min") };
  const paused = parameter("paused") === "1";
  const [pointed, setPointed] = useState(false);
  const reading = useDocument<{ requests: Entrance[] }>(`/v1/requests?${useSettled(filterQuery(filter, ROWS_MAX))}`);
  const { fresh, held, skipped } = useIncoming(filter, paused || pointed, reading.data);
  const pause = () => change({ paused: paused ? null : "1" });
  useRowKeys();
  useKeys((event) => {
    if (event.key !== "p") return false;
    pause();
    return true;
  });
  return (
    <div class="page">
      <h1 class="hidden">Requests</h1>
      <Filters filter={filter}>
        <span class="faint" aria-live="off">
          {held ? `${count(held)} new wait` : paused ? "paused" : ""}
          {skipped ? ` · ${count(skipped)} left out in bursts` : ""}
        </span>
        <button type="button" class={`button ${paused ? "primary" : ""}`} onClick={pause} aria-keyshortcuts="p">
          <Icon name={paused ? "play" : "pause"} /> {paused ? "Go on" : "Pause"}
        </button>
      </Filters>
      <Shown of={reading} rows={10}>
        {(data) => {
          const rows = join(fresh, (data.requests ?? []).filter((request) => fits(request, filter)), ROWS_MAX);
          if (rows.length === 0) return <None filter={filter} />;
          return (
            <Pointed tell={setPointed}>
              <RequestTable requests={rows} />
            </Pointed>
          );
        }}
      </Shown>
    </div>
  );
}

/** Tells whether a pointer is over its children: a row that moves between press and release is not clicked. */
function Pointed({ tell, children }: { tell: (pointed: boolean) => void; children: ComponentChildren }) {
  useEffect(() => () => tell(false), [tell]);
  return (
    <div onPointerEnter={() => tell(true)} onPointerLeave={() => tell(false)}>
      {children}
    </div>
  );
}

/** What came in since the list was read. */
function useIncoming(filter: Filter, still: boolean, base: unknown): { fresh: Entrance[]; held: number; skipped: number } {
  const [fresh, setFresh] = useState<Entrance[]>([]);
  const [held, setHeld] = useState(0);
  const [skipped, setSkipped] = useState(0);
  const waiting = useRef<Entrance[]>([]);
  const now = useRef({ filter, still });
  now.current = { filter, still };
  useEffect(
    () =>
      onEntrances((entrances) => {
        setSkipped((sum) => sum + entrances.reduce((more, entrance) => more + (entrance.skipped ?? 0), 0));
        const taken = entrances.filter((entrance) => fits(entrance, now.current.filter)).reverse();
        if (taken.length === 0) return;
        if (now.current.still) {
          waiting.current = [...taken, ...waiting.current].slice(0, ROWS_MAX);
          setHeld((sum) => sum + taken.length);
        } else setFresh((before) => [...taken, ...before].slice(0, ROWS_MAX));
      }),
    [],
  );
  useEffect(() => {
    if (still) return;
    const kept = waiting.current;
    waiting.current = [];
    setHeld(0);
    if (kept.length) setFresh((before) => [...kept, ...before].slice(0, ROWS_MAX));
  }, [still]);
  const key = JSON.stringify(filter);
  useEffect(() => setFresh((before) => before.filter((entrance) => fits(entrance, now.current.filter))), [key, base]);
  return { fresh, held, skipped };
}

function Filters({ filter, children }: { filter: Filter; children: ComponentChildren }) {
  const names = (snapshot.value?.services ?? []).map((service) => service.name);
  if (filter.service && !names.includes(filter.service)) names.push(filter.service);
  const wrong = filter.min !== "" && parseDuration(filter.min) === null;
  return (
    <div class="bar">
      <SearchField value={filter.text} label="Path, host or trace id" onInput={(q) => change({ q })} />
      <label class="select">
        <span class="hidden">Service</span>
        <select value={filter.service} onChange={(event) => change({ service: event.currentTarget.value }, "push")}>
          <option value="">all services</option>
          {names.sort().map((name) => (
            <option key={name} value={name}>
              {visible(name)}
            </option>
          ))}
        </select>
      </label>
      <Choice
        label="Status"
        value={filter.status === "failed" || filter.status === "ok" ? filter.status : ""}
        options={[
          { value: "", text: "all" },
          { value: "ok", text: "ok" },
          { value: "failed", text: "failed" },
        ]}
        onChange={(status) => change({ status }, "push")}
      />
      <label class={`search narrow ${wrong ? "wrong" : ""}`}>
        <span class="search-prefix">≥</span>
        <input
          type="text"
          aria-label="Shortest duration, such as 250ms"
          placeholder="250ms"
          aria-invalid={wrong}
          autocomplete="off"
          spellcheck={false}
          value={filter.min}
          onInput={(event) => change({ min: event.currentTarget.value })}
        />
      </label>
      <span class="bar-end button-row feed">{children}</span>
    </div>
  );
}

function None({ filter }: { filter: Filter }) {
  if (filter.service || filter.status || filter.text || filter.min) {
    return (
      <Empty icon="filter" title="No request fits the filter">
        <button type="button" class="button" onClick={() => change({ service: null, status: null, q: null, min: null }, "push")}>
          Show all
        </button>
      </Empty>
    );
  }
  return (
    <Empty icon="requests" title="No requests yet">
      <p>
        Open one of the addresses that <code>trunkline urls</code> prints. What passes the gateway appears here at once.
      </p>
    </Empty>
  );
}
