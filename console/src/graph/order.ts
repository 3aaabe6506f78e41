// Ranks and order of a layered drawing: which column a node stands in, and where in it, so that few lines cross.
// After Sugiyama, Tagawa, Toda (1981): break cycles, rank by longest path, split long edges, sort by neighbours.

export type Arc = { from: number; to: number };

/** Sweeps over the columns. More do not find better orders in graphs of this kind. */
const SWEEPS = 12;

/** The arcs that close a cycle when the nodes are walked in order; they are drawn backwards. */
export function backArcs(nodes: number, arcs: Arc[]): Set<number> {
  const out = outgoing(nodes, arcs);
  const state = new Uint8Array(nodes);
  const back = new Set<number>();
  for (let root = 0; root < nodes; root += 1) {
    if (state[root]) continue;
    state[root] = 1;
    const stack = [{ node: root, next: 0 }];
    for (let top = stack[stack.length - 1]; top; top = stack[stack.length - 1]) {
      const index = out[top.node]?.[top.next];
      top.next += 1;
      const arc = index === undefined ? undefined : arcs[index];
      if (index === undefined || !arc) {
        state[top.node] = 2;
        stack.pop();
      } else if (state[arc.to] === 1) back.add(index);
      else if (!state[arc.to]) {
        state[arc.to] = 1;
        stack.push({ node: arc.to, next: 0 });
      }
    }
  }
  return back;
}

function outgoing(nodes: number, arcs: Arc[]): number[][] {
  const out: number[][] = Array.from({ length: nodes }, () => []);
  arcs.forEach((arc, index) => out[arc.from]?.push(index));
  return out;
}

/** The column of each node: one more than the last of its callers. Callers without callers stand just before whom they call. */
export function ranks(nodes: number, arcs: Arc[], first: number | null): number[] {
  const out = outgoing(nodes, arcs);
  const waits = new Array<number>(nodes).fill(0);
  for (const arc of arcs) waits[arc.to] = (waits[arc.to] ?? 0) + 1;
  const rank = new Array<number>(nodes).fill(0);
  const roots = [...rank.keys()].filter((node) => !waits[node]);
  const queue = [...roots];
  // Only the gateway may stand in the first column, if there is one.
  if (first !== null) for (const node of roots) rank[node] = node === first ? 0 : 1;
  for (let node = queue.shift(); node !== undefined; node = queue.shift()) {
    for (const index of out[node] ?? []) {
      const to = arcs[index]?.to ?? 0;
      rank[to] = Math.max(rank[to] ?? 0, (rank[node] ?? 0) + 1);
      waits[to] = (waits[to] ?? 0) - 1;
      if (!waits[to]) queue.push(to);
    }
  }
  for (const root of roots) {
    const callees = (out[root] ?? []).map((index) => rank[arcs[index]?.to ?? 0] ?? 0);
    if (root !== first && callees.length) rank[root] = Math.max(rank[root] ?? 0, Math.min(...callees) - 1);
  }
  return rank;
}

/** Sorts the columns so that few of the short arcs cross. `columns` is changed in place. */
export function untangle(columns: number[][], before: number[][], after: number[][]): void {
  let best = columns.map((column) => [...column]);
  let fewest = crossings(columns, after);
  for (let sweep = 0; sweep < SWEEPS && fewest > 0; sweep += 1) {
    const down = sweep % 2 === 0;
    const order = down ? columns.keys() : [...columns.keys()].reverse();
    for (const index of order) sortColumn(columns, index, down ? before : after);
    const now = crossings(columns, after);
    if (now < fewest) {
      fewest = now;
      best = columns.map((column) => [...column]);
    }
  }
  columns.splice(0, columns.length, ...best);
}

function sortColumn(columns: number[][], index: number, neighbours: number[][]): void {
  const column = columns[index];
  if (!column) return;
  const position = positions(columns);
  const weight = new Map(
    column.map((node, at) => {
      const near = (neighbours[node] ?? []).map((other) => position.get(other) ?? 0);
      return [node, near.length ? near.reduce((sum, value) => sum + value, 0) / near.length : at] as const;
    }),
  );
  column.sort((one, other) => (weight.get(one) ?? 0) - (weight.get(other) ?? 0));
}

function positions(columns: number[][]): Map<number, number> {
  const position = new Map<number, number>();
  for (const column of columns) column.forEach((node, at) => position.set(node, at));
  return position;
}

/** How many pairs of short arcs cross, counted column by column with a Fenwick tree. */
export function crossings(columns: number[][], after: number[][]): number {
  const position = positions(columns);
  let sum = 0;
  columns.forEach((column, index) => {
    const size = columns[index + 1]?.length ?? 0;
    const tree = new Array<number>(size + 1).fill(0);
    let placed = 0;
    for (const node of column) {
      const ends = (after[node] ?? []).map((other) => position.get(other) ?? 0);
      for (const end of ends) sum += placed - prefix(tree, end + 1);
      for (const end of ends) {
        placed += 1;
        for (let at = end + 1; at <= size; at += at & -at) tree[at] = (tree[at] ?? 0) + 1;
      }
    }
  });
  return sum;
}

function prefix(tree: number[], to: number): number {
  let sum = 0;
  for (let at = to; at > 0; at -= at & -at) sum += tree[at] ?? 0;
  return sum;
}
