// Two traces side by side: which nodes of their common tree are shown, and how a change is told. Pure.
import type { ComparedNode } from "../api/traces";
import type { IconName } from "../parts/icon";

export type Change = { word: string; tone: string; icon: IconName | null };

/** A change has a word and a shape, never a colour alone. */
const CHANGES = new Map<string, Change>([
  ["added", { word: "only in B", tone: "tone-busy", icon: "plus" }],
  ["removed", { word: "only in A", tone: "tone-warn", icon: "minus" }],
  ["more", { word: "more calls", tone: "tone-warn", icon: "up" }],
  ["fewer", { word: "fewer calls", tone: "tone-ready", icon: "down" }],
  ["slower", { word: "slower", tone: "tone-warn", icon: "up" }],
  ["faster", { word: "faster", tone: "tone-ready", icon: "down" }],
  ["failing", { word: "fails in B", tone: "tone-bad", icon: "bad" }],
  ["mended", { word: "failed in A", tone: "tone-ready", icon: "ready" }],
]);

export function changeOf(word: string | null | undefined): Change {
  return CHANGES.get(word ?? "same") ?? { word: "", tone: "", icon: null };
}

/** Nodes that changed, and what is above them, or all; with text, those that have it and what is above them. */
export function shownNodes(nodes: ComparedNode[], changedOnly: boolean, text: string): ComparedNode[] {
  const wanted = text.trim().toLowerCase();
  if (!changedOnly && !wanted) return nodes;
  const byId = new Map(nodes.map((node) => [node.node, node]));
  const keep = new Set<number>();
  for (const node of nodes) {
    const fits = (!changedOnly || CHANGES.has(node.change ?? "")) && (!wanted || `${node.service ?? ""}\n${node.name ?? ""}`.toLowerCase().includes(wanted));
    // What is above was kept already where another below it was; a circle ends there as well.
    for (let at: ComparedNode | undefined = fits ? node : undefined; at && !keep.has(at.node); ) {
      keep.add(at.node);
      at = at.parent === null || at.parent === undefined ? undefined : byId.get(at.parent);
    }
  }
  return nodes.filter((node) => keep.has(node.node));
}

/** Trace ids as people paste them: in an address, in capitals, with spaces around. */
export function readTraceId(text: string): string | null {
  const found = /(?:^|[^0-9a-f])([0-9a-f]{8,32})(?:$|[^0-9a-f])/i.exec(text.trim());
  // Ids of 64 bits are written without the zeros before them.
  return found?.[1]?.toLowerCase().padStart(32, "0") ?? null;
}
