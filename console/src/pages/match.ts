// How well a few typed letters fit a name: whole, from the start, from the start of a part, within, or scattered in order.

export function matchScore(name: string, typed: string): number {
  const where = name.toLowerCase();
  const what = typed.toLowerCase();
  if (where === what) return 1000;
  const brief = 100 / (1 + name.length);
  if (where.startsWith(what)) return 800 + brief;
  const at = where.indexOf(what);
  if (at > 0) return (/[^a-z0-9]/.test(where[at - 1] ?? "") ? 600 : 400) + brief;
  let from = 0;
  for (const letter of what) {
    const found = where.indexOf(letter, from);
    if (found < 0) return 0;
    from = found + 1;
  }
  return 100 + brief;
}
