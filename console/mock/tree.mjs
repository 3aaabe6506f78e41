// A made-up trace as the server would know it: rows in pre-order, times of their own, the critical path.

/** Rows of a document's spans. Nothing recurses, so that a chain of any length is harmless. */
export function plant(document) {
  const spans = document.spans;
  const index = new Map(spans.map((span, at) => [span.id, at]));
  const below = spans.map(() => []);
  const roots = [];
  spans.forEach((span, at) => {
    const parent = span.parent === null ? undefined : index.get(span.parent);
    if (parent === undefined) roots.push(at);
    else below[parent].push(at);
  });
  const rows = [];
  const stack = roots.reverse().map((at) => [at, null, 0]);
  while (stack.length) {
    const [at, parent, depth] = stack.pop();
    const span = spans[at];
    const place = rows.length;
    rows.push({ span, parent, depth, children: below[at].length, size: 1, failedBelow: 0, self: span.duration_ms, critical: [], pathMs: 0 });
    below[at].sort((one, other) => spans[other].offset_ms - spans[one].offset_ms);
    for (const child of below[at]) stack.push([child, place, depth + 1]);
  }
  for (let at = rows.length - 1; at >= 0; at -= 1) {
    const row = rows[at];
    if (row.parent === null) continue;
    const parent = rows[row.parent];
    parent.size += row.size;
    parent.failedBelow += row.failedBelow + (row.span.failed ? 1 : 0);
    parent.self = Math.max(0, parent.self - row.span.duration_ms);
  }
  const tree = { id: document.id, start: document.start, duration: document.duration_ms, rows, byId: new Map(rows.map((row, at) => [row.span.id, at])), path: [] };
  walkPath(tree);
  return tree;
}

/** From the end backwards, always the child that finished last. */
function walkPath(tree) {
  const { rows } = tree;
  const work = [[0, rows[0].span.offset_ms + rows[0].span.duration_ms]];
  while (work.length) {
    const [at, until] = work.pop();
    const row = rows[at];
    let cursor = Math.min(row.span.offset_ms + row.span.duration_ms, until);
    const take = (from, to) => {
      if (to - from > 1e-9) {
        row.critical.push([from, to]);
        row.pathMs += to - from;
        tree.path.push({ row: at, from, to });
      }
    };
    const children = [];
    for (let child = at + 1; child < at + row.size; child += rows[child].size) children.push(child);
    children.sort((one, other) => end(rows[other]) - end(rows[one]));
    for (const child of children) {
      const ends = Math.min(end(rows[child]), until);
      if (rows[child].span.offset_ms >= cursor || ends > cursor + 1e-6) continue;
      take(ends, cursor);
      work.push([child, ends]);
      cursor = Math.max(row.span.offset_ms, rows[child].span.offset_ms);
    }
    take(row.span.offset_ms, cursor);
  }
  tree.path.sort((one, other) => one.from - other.from);
  for (const row of rows) row.critical.sort((one, other) => one[0] - other[0]);
}

const end = (row) => row.span.offset_ms + row.span.duration_ms;

/** Failed rows below which nothing failed. */
export function causes(tree) {
  const failed = tree.rows.filter((row) => row.span.failed && row.failedBelow === 0);
  return failed.slice(0, 20).map((row) => {
    const path = [];
    for (let at = row; at; at = at.parent === null ? null : tree.rows[at.parent]) path.unshift(at.span.id);
    return { span: row.span.id, service: row.span.service, name: row.span.name, message: String(row.span.attributes["error.type"] ?? "it failed"), exception: row.span.attributes["exception.type"] ?? null, offset_ms: row.span.offset_ms, path };
  });
}

/** The sums of rows by a key, in the order in which they first come. */
export function group(rows, keyOf) {
  const found = new Map();
  for (const row of rows) {
    const key = keyOf(row);
    if (!found.has(key)) found.set(key, []);
    found.get(key).push(row);
  }
  return found;
}

export const sum = (rows, of) => rows.reduce((total, row) => total + of(row), 0);
