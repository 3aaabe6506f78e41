// The console's few drawings, each on a grid of sixteen. Decoration: words beside them carry the meaning.

const PATHS = {
  ready: "M8 1.5a6.5 6.5 0 1 0 0 13a6.5 6.5 0 0 0 0-13ZM5 8.2l2.1 2.1L11.2 6",
  busy: "M8 1.5a6.5 6.5 0 1 0 6.5 6.5M8 4.5V8l2.5 1.5",
  warn: "M8 2L14.7 13.5H1.3ZM8 6.3v3.4M8 11.6v.1",
  bad: "M8 1.5a6.5 6.5 0 1 0 0 13a6.5 6.5 0 0 0 0-13ZM5.6 5.6l4.8 4.8M10.4 5.6l-4.8 4.8",
  idle: "M8 1.5a6.5 6.5 0 1 0 0 13a6.5 6.5 0 0 0 0-13ZM5 8h6",
  services: "M2 3h12v4H2ZM2 9h12v4H2ZM4.5 5h.1M4.5 11h.1",
  graph: "M1.5 8a2 2 0 1 0 4 0a2 2 0 1 0-4 0M10.5 3.5a2 2 0 1 0 4 0a2 2 0 1 0-4 0M10.5 12.5a2 2 0 1 0 4 0a2 2 0 1 0-4 0M5.2 7l5.4-2.6M5.2 9l5.4 2.6",
  requests: "M2 4h9M2 8h12M2 12h6",
  configuration: "M2 4.5h6M12 4.5h2M2 11.5h2M8 11.5h6M8 4.5a2 2 0 1 0 4 0a2 2 0 1 0-4 0M4 11.5a2 2 0 1 0 4 0a2 2 0 1 0-4 0",
  shield: "M8 1.5L13.5 3.5V7.5C13.5 11 11.2 13.4 8 14.5C4.8 13.4 2.5 11 2.5 7.5V3.5Z",
  shield_shut: "M8 1.5L13.5 3.5V7.5C13.5 11 11.2 13.4 8 14.5C4.8 13.4 2.5 11 2.5 7.5V3.5ZM6 5.7l4 4M10 5.7l-4 4",
  shield_half: "M8 1.5L13.5 3.5V7.5C13.5 11 11.2 13.4 8 14.5C4.8 13.4 2.5 11 2.5 7.5V3.5ZM8 1.5V14.5",
  shield_off: "M5 2.6L8 1.5L13.5 3.5V7.5C13.5 9 13.1 10.3 12.4 11.4M10.9 13C10 13.7 9.1 14.2 8 14.5C4.8 13.4 2.5 11 2.5 7.5V4M1.5 1.5l13 13",
  gauge: "M2.6 12.5a6.5 6.5 0 1 1 10.8 0M8 9.5l2.8-3.6M7 9.5a1 1 0 1 0 2 0a1 1 0 1 0-2 0",
  search: "M2 7a5 5 0 1 0 10 0a5 5 0 1 0-10 0M10.7 10.7l3.8 3.8",
  sun: "M5 8a3 3 0 1 0 6 0a3 3 0 1 0-6 0M8 .8v1.6M8 13.6v1.6M.8 8h1.6M13.6 8h1.6M2.9 2.9L4 4M12 12l1.1 1.1M2.9 13.1L4 12M12 4l1.1-1.1",
  moon: "M13.5 9.8A6 6 0 1 1 6.2 2.5a4.8 4.8 0 0 0 7.3 7.3Z",
  system: "M1.5 2.5h13v8.5h-13ZM5.5 14h5M8 11v3",
  help: "M8 1.5a6.5 6.5 0 1 0 0 13a6.5 6.5 0 0 0 0-13ZM6 6.2a2 2 0 1 1 2.8 1.9c-.6.3-.8.6-.8 1.2M8 11.5v.1",
  pause: "M5 3v10M11 3v10",
  play: "M4.5 2.5v11l9-5.5Z",
  restart: "M13.5 8A5.5 5.5 0 1 1 11.6 3.8M13.5 1.5v3.3h-3.3",
  close: "M3.5 3.5l9 9M12.5 3.5l-9 9",
  right: "M6 3l5 5l-5 5",
  down: "M3 6l5 5l5-5",
  up: "M3 10l5-5l5 5",
  back: "M10 3L5 8l5 5",
  outside: "M9.5 2.5h4v4M13.5 2.5L7.5 8.5M11.5 9.5v4h-9v-9h4",
  copy: "M5.5 5.5h8v8h-8ZM10.5 5.5v-3h-8v8h3",
  plus: "M8 3v10M3 8h10",
  minus: "M3 8h10",
  fit: "M2 6V2h4M10 2h4v4M14 10v4h-4M6 14H2v-4",
  lock: "M3.5 7h9v7h-9ZM5.5 7V4.5a2.5 2.5 0 0 1 5 0V7",
  empty: "M2 9.5l2-6.5h8l2 6.5v3.5H2ZM2 9.5h3.5l1 1.5h3l1-1.5H14",
  plug: "M5.5 1.5v3.5M10.5 1.5v3.5M3.5 5h9v2.5a4.5 4.5 0 0 1-9 0ZM8 12v2.5",
  filter: "M2 3h12L9.5 8.5v5l-3-1.5V8.5Z",
  traces: "M2 3.5h7M5 8h7M9 12.5h5",
  dependencies: "M6 2h4v3.5H6ZM1.5 10.5h4V14h-4ZM10.5 10.5h4V14h-4ZM8 5.5V8M3.5 10.5V8h9v2.5",
  link: "M6.5 9.5l3-3M7 4.5l1.3-1.3a2.8 2.8 0 0 1 4 4L11 8.5M9 11.5l-1.3 1.3a2.8 2.8 0 0 1-4-4L5 7.5",
  compare: "M2 4h8M7 1.5L10 4L7 6.5M14 12H6M9 9.5L6 12l3 2.5",
  save: "M8 2v8M4.5 7L8 10.5L11.5 7M2.5 13.5h11",
  table: "M2 3h12v10H2ZM2 6.5h12M2 10h12M6.5 6.5V13",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, class: extra = "" }: { name: IconName; class?: string }) {
  return (
    <svg class={`icon ${extra}`} viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
