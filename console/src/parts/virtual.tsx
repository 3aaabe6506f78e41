// A long list of rows of one height, of which only those in sight exist in the page: a hundred thousand scroll as ten do.
import type { ComponentChildren, RefObject } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

/** Rows that are drawn beyond either edge. */
const BEYOND = 10;
/** Browsers cannot lay out taller boxes; beyond it the scroll is scaled. */
const TALL_MAX = 8_000_000;

type Props = {
  total: number;
  rowHeight: number;
  /** The row that is brought into sight when it changes; -1 is none. */
  cursor: number;
  row: (at: number) => ComponentChildren;
  /** Told which rows are in sight, from the first to before the last. */
  seen?: (first: number, last: number) => void;
  /** Stands above the rows, as wide as they are, and does not scroll. */
  head: ComponentChildren;
  /** Stands behind the rows and does not scroll. */
  ground?: ComponentChildren;
};

/** Of the head, in pixels, as the style sheet has it. */
const HEAD_HEIGHT = 28;

export function VirtualRows({ total, rowHeight, cursor, row, seen, head, ground }: Props) {
  const scroller = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  const height = useHeight(scroller);
  const whole = total * rowHeight;
  const tall = Math.min(whole, TALL_MAX);
  const stretch = tall > height ? Math.max(1, (whole - height) / (tall - height)) : 1;
  const offset = Math.min(top, Math.max(0, tall - height)) * stretch;
  const first = Math.max(0, Math.floor(offset / rowHeight) - BEYOND);
  const last = Math.min(total, Math.ceil((offset + height) / rowHeight) + BEYOND);
  useReveal(scroller, cursor, { rowHeight, height, stretch });
  useEffect(() => seen?.(first, last));
  const rows: ComponentChildren[] = [];
  for (let at = first; at < last; at += 1) rows.push(row(at));
  return (
    <div class="virtual-scroll" ref={scroller} onScroll={(event) => setTop(event.currentTarget.scrollTop)} role="presentation">
      <div class="virtual-head" role="presentation">
        {head}
      </div>
      <div class="virtual-rows" role="presentation" style={{ height: `${tall}px` }}>
        {ground ? (
          <div class="virtual-ground" aria-hidden="true" style={{ top: `${top}px`, height: `${height}px` }}>
            {ground}
          </div>
        ) : null}
        <div class="virtual-window" role="rowgroup" style={{ transform: `translateY(${first * rowHeight - offset + Math.min(top, Math.max(0, tall - height))}px)` }}>
          {rows}
        </div>
      </div>
    </div>
  );
}

function useHeight(scroller: RefObject<HTMLElement>): number {
  const [height, setHeight] = useState(600);
  useLayoutEffect(() => {
    const element = scroller.current;
    if (!element) return;
    const measure = () => setHeight(Math.max(0, element.clientHeight - HEAD_HEIGHT));
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return height;
}

type Measures = { rowHeight: number; height: number; stretch: number };

function useReveal(scroller: RefObject<HTMLElement>, at: number, { rowHeight, height, stretch }: Measures): void {
  useEffect(() => {
    const element = scroller.current;
    if (!element || at < 0) return;
    const now = element.scrollTop * stretch;
    const row = at * rowHeight;
    if (row < now) element.scrollTop = Math.max(0, row - rowHeight) / stretch;
    else if (row + rowHeight > now + height) element.scrollTop = (row + 2 * rowHeight - height) / stretch;
  }, [at]);
}
