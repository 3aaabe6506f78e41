// The live connection: one stream of events for the whole page. It is opened again after a failure with growing pauses,
// and closed while nobody looks at the tab. Pages read the signals here and never open streams of their own, except for
// logs.
import { signal } from "@preact/signals";
import { ApiError, send, tokenTries } from "./client";
import { EventParser, type StreamEvent } from "./events";
import { noteServices } from "../known";
import type { Entrance, PolicyEvent, Snapshot } from "./types";

export type Link = { state: "connecting" | "live" | "waiting" | "paused" | "refused"; retryAt?: number; since?: number };

/** Pauses between attempts double from the first to the longest, each shortened at random by up to a third. */
const PAUSE_FIRST_MS = 1000;
const PAUSE_LONGEST_MS = 15_000;
/** A stream that says nothing for this long is dead: the server pings each 15 s. */
const SILENCE_MS = 40_000;
/** Entrances that wait for the page to take them. */
const ENTRANCES_MAX = 500;
/** Events of policies that are kept: as many as the server keeps. */
export const POLICY_EVENTS_MAX = 256;

export const link = signal<Link>({ state: "connecting" });
export const snapshot = signal<Snapshot | null>(null);
export const generation = signal<number | null>(null);
/** What happened to policies since the stream was opened, the oldest first. */
export const policyEvents = signal<PolicyEvent[]>([]);
/** Grows each time the stream is opened again: what was read before may be stale. */
export const epoch = signal(0);

type Listener = (entrances: Entrance[]) => void;
const listeners = new Set<Listener>();
let waiting: Entrance[] = [];
let frame = 0;

/** Calls `listener` with new entrances, at most once per frame, until the returned function is called. */
export function onEntrances(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

let abort: AbortController | null = null;
let timer = 0;
let failures = 0;
let opened = false;
let connected = false;

export function startLive(): void {
  document.addEventListener("visibilitychange", () => (document.hidden ? pause() : resume()));
  addEventListener("online", retryNow);
  tokenTries.subscribe(() => {
    if (opened && link.peek().state !== "live") retryNow();
  });
  opened = true;
  if (document.hidden) pause();
  else void connect();
}

/** Does not wait for the rest of the pause. */
export function retryNow(): void {
  if (link.peek().state === "paused") return;
  clearTimeout(timer);
  abort?.abort();
  void connect();
}

function pause(): void {
  clearTimeout(timer);
  abort?.abort();
  abort = null;
  connected = false;
  link.value = { state: "paused" };
}

function resume(): void {
  failures = 0;
  epoch.value += 1;
  link.value = { state: "connecting" };
  void connect();
}

async function connect(): Promise<void> {
  const mine = new AbortController();
  abort = mine;
  if (link.peek().state !== "waiting") link.value = { state: "connecting" };
  try {
    const answer = await send("/v1/events", { headers: { accept: "text/event-stream" }, signal: mine.signal });
    failures = 0;
    link.value = { state: "live", since: Date.now() };
    // Another process may answer, which counts its events from 1.
    policyEvents.value = [];
    if (connected) epoch.value += 1;
    connected = true;
    await read(answer, mine);
    fail(mine);
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) {
      if (abort === mine) link.value = { state: "refused" };
    } else fail(mine);
  }
}

async function read(answer: Response, mine: AbortController): Promise<void> {
  const parser = new EventParser();
  const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
  if (!reader) return;
  let silence = 0;
  try {
    for (;;) {
      clearTimeout(silence);
      silence = window.setTimeout(() => mine.abort(new Error("silent")), SILENCE_MS);
      const { done, value } = await reader.read();
      if (done) return;
      for (const event of parser.push(value)) take(event);
    }
  } finally {
    clearTimeout(silence);
  }
}

function fail(mine: AbortController): void {
  if (abort !== mine) return;
  mine.abort();
  abort = null;
  const longest = Math.min(PAUSE_LONGEST_MS, PAUSE_FIRST_MS * 2 ** failures);
  failures = Math.min(failures + 1, 8);
  const pauseMs = longest * (1 - Math.random() / 3);
  link.value = { state: "waiting", retryAt: Date.now() + pauseMs };
  timer = window.setTimeout(() => void connect(), pauseMs);
}

function take(event: StreamEvent): void {
  let data: Record<string, unknown>;
  try {
    data = JSON.parse(event.data) as Record<string, unknown>;
  } catch {
    return;
  }
  if (event.event === "snapshot") {
    snapshot.value = data as Snapshot;
    noteServices((snapshot.value.services ?? []).map((service) => service.name));
  }
  else if (event.event === "generation") generation.value = Number(data.generation);
  else if (event.event === "service") changeState(data);
  else if (event.event === "resilience") policyEvents.value = [...policyEvents.peek(), data as PolicyEvent].slice(-POLICY_EVENTS_MAX);
  else if (event.event === "request") queue(data as Entrance);
}

/** Between two snapshots a change of state is shown at once. */
function changeState(data: Record<string, unknown>): void {
  const now = snapshot.peek();
  if (!now?.services) return;
  const services = now.services.map((service) =>
    service.name === data.name ? { ...service, state: String(data.state), detail: data.detail as string | null } : service,
  );
  snapshot.value = { ...now, services };
}

function queue(entrance: Entrance): void {
  waiting.push(entrance);
  if (waiting.length > ENTRANCES_MAX) waiting = waiting.slice(-ENTRANCES_MAX);
  frame ||= requestAnimationFrame(() => {
    frame = 0;
    const taken = waiting;
    waiting = [];
    for (const listener of listeners) listener(taken);
  });
}
