// The pages and where they are; header, palette and keys read this one list.
import type { IconName } from "../parts/icon";

export const PAGES: { name: string; path: string; icon: IconName; key: string }[] = [
  { name: "Services", path: "/services", icon: "services", key: "s" },
  { name: "Graph", path: "/graph", icon: "graph", key: "g" },
  { name: "Requests", path: "/requests", icon: "requests", key: "r" },
  { name: "Traces", path: "/traces", icon: "traces", key: "t" },
  { name: "Dependencies", path: "/dependencies", icon: "dependencies", key: "d" },
  { name: "Resilience", path: "/resilience", icon: "shield", key: "b" },
  { name: "Configuration", path: "/configuration", icon: "configuration", key: "c" },
];
