// The rows of a long list that live on the server: those in sight are asked for in pages, a few pages around are kept.
// Fast scrolling asks for what is in sight at the end, not for all that passed by.

/** Rows that are asked for at one time. */
export const PAGE_ROWS = 200;
/** Rows that are kept; beyond it those farthest from what is in sight are forgotten. */
const ROWS_MAX = 8000;
/** Questions that are under way at one time. */
const FLYING_MAX = 2;

export type Page<R> = { total: number; from: number; rows: R[] };

export class Pages<R> {
  #rows = new Map<number, R>();
  #flying = new Set<number>();
  #wanted = { first: 0, last: 0 };
  #abort = new AbortController();
  total = 0;
  error: unknown = null;

  /** `load` reads rows from one on; `tell` is called when there is something new to draw. */
  constructor(
    readonly load: (from: number, rows: number, signal: AbortSignal) => Promise<Page<R>>,
    readonly tell: () => void,
  ) {}

  at(place: number): R | undefined {
    return this.#rows.get(place);
  }

  /** The nearest row before `place` that fits, among those that are here without a gap. */
  before(place: number, fits: (row: R) => boolean): number {
    for (let at = place - 1; at >= 0; at -= 1) {
      const row = this.#rows.get(at);
      if (row === undefined) return -1;
      if (fits(row)) return at;
    }
    return -1;
  }

  take(page: Page<R>): void {
    this.total = page.total;
    page.rows.forEach((row, at) => this.#rows.set(page.from + at, row));
    this.#forget();
  }

  /** Asks for what is missing of these rows, from the first to before the last. */
  want(first: number, last: number): void {
    this.#wanted = { first: Math.max(0, first), last };
    if (this.error === null) this.#ask();
  }

  /** Asks again for what could not be read. */
  retry(): void {
    this.error = null;
    this.#ask();
  }

  stop(): void {
    this.#abort.abort();
  }

  #ask(): void {
    while (this.#flying.size < FLYING_MAX && !this.#abort.signal.aborted) {
      const page = this.#missing();
      if (page === null) return;
      this.#flying.add(page);
      this.load(page * PAGE_ROWS, PAGE_ROWS, this.#abort.signal).then(
        (found) => {
          // A server that gives fewer rows than it says would be asked for them for ever.
          const expected = Math.min(PAGE_ROWS, found.total - page * PAGE_ROWS);
          if (found.rows.length < expected || found.from !== page * PAGE_ROWS) this.error = new Error("the answer has fewer rows than it says");
          this.#landed(page, () => this.take(found));
        },
        (error: unknown) => this.#landed(page, () => (this.error = error)),
      );
    }
  }

  #landed(page: number, act: () => void): void {
    this.#flying.delete(page);
    if (this.#abort.signal.aborted) return;
    act();
    this.tell();
    if (this.error === null) this.#ask();
  }

  /** The first page in sight that is not whole and not under way. */
  #missing(): number | null {
    const last = Math.min(this.#wanted.last, this.total);
    for (let page = Math.floor(this.#wanted.first / PAGE_ROWS); page * PAGE_ROWS < last; page += 1) {
      if (!this.#flying.has(page) && !this.#isWhole(page)) return page;
    }
    return null;
  }

  #isWhole(page: number): boolean {
    const end = Math.min((page + 1) * PAGE_ROWS, this.total);
    for (let at = page * PAGE_ROWS; at < end; at += 1) if (!this.#rows.has(at)) return false;
    return true;
  }

  #forget(): void {
    if (this.#rows.size <= ROWS_MAX) return;
    const middle = (this.#wanted.first + this.#wanted.last) / 2;
    const places = [...this.#rows.keys()].sort((one, other) => Math.abs(one - middle) - Math.abs(other - middle));
    for (const place of places.slice(ROWS_MAX / 2)) this.#rows.delete(place);
  }
}
