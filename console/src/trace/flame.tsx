// The flame graph of a trace: spans that came the same way through services and operations are one frame, as wide as the
// time that they and what is below them worked.
import { useMemo, useRef, useState } from "preact/hooks";
import type { Flame, Frame } from "../api/traces";
import { count, duration, share, visible } from "../format";
import { useDocument, useKeys, useWidth } from "../hooks";
import { hueClass } from "../known";
import { SearchField } from "../parts/controls";
import { Icon } from "../parts/icon";
import { Empty, Shown } from "../parts/notice";
import { Foreign } from "../parts/text";
import { change, parameter } from "../router";
import { type Drawn, drawnFrames, fits, neighbour } from "./flame_model";
import { tracePath } from "./rows";

const ROW_HEIGHT = 22;
/** Rows that are drawn beyond either edge. */
const BEYOND = 8;

export function FlameView({ trace, reveal }: { trace: string; reveal: (id: string) => void }) {
  const reading = useDocument<Flame>(tracePath(trace, "/flame"));
  return <Shown of={reading}>{(flame) => ((flame.frames ?? []).length ? <Content flame={flame} reveal={reveal} /> : <Empty title="There is nothing to draw" />)}</Shown>;
}

function Content({ flame, reveal }: { flame: Flame; reveal: (id: string) => void }) {
  const frames = flame.frames ?? [];
  const text = parameter("q");
  const zoomed = frames.find((frame) => String(frame.frame) === parameter("frame"));
  const [chosen, setChosen] = useState<number | null>(null);
  const [touched, setTouched] = useState<number | null>(null);
  const here = frames.find((frame) => frame.frame === (touched ?? chosen)) ?? zoomed ?? frames[0];
  const found = useMemo(() => frames.filter((frame) => fits(frame, text)), [frames, text]);
  const zoom = (frame: Frame | undefined) => change({ frame: frame && frame.depth > 0 ? String(frame.frame) : null }, "push");
  useKeys((event) => {
    const from = frames.find((frame) => frame.frame === chosen) ?? zoomed ?? frames[0];
    if (!from) return false;
    if (/^Arrow/.test(event.key)) setChosen((chosen === null ? from : neighbour(frames, from, event.key) ?? from).frame);
    else if (event.key === "Enter" && !(event.target instanceof Element && event.target.closest("a, button"))) zoom(from);
    else if (event.key === "Escape" && zoomed) zoom(undefined);
    else return false;
    return true;
  });
  return (
    <>
      <div class="bar">
        <SearchField value={text} label="Find in the flame graph" onInput={(q) => change({ q })} note={text ? `${count(found.length)} found` : ""} />
        <button type="button" class="button" disabled={!zoomed} onClick={() => zoom(undefined)}>
          <Icon name="fit" /> Show all
        </button>
        {flame.truncated ? <span class="faint">The smallest frames are left out.</span> : null}
        {here?.first ? (
          <span class="bar-end">
            <button type="button" class="button" onClick={() => reveal(here.first ?? "")}>
              <Icon name="traces" /> Show in the timeline
            </button>
          </span>
        ) : null}
      </div>
      {here ? <About frame={here} whole={flame.value_ms ?? 0} /> : null}
      <Drawing frames={frames} zoomed={zoomed} chosen={chosen} text={text} touch={setTouched} choose={setChosen} zoom={zoom} />
    </>
  );
}

/** What is known of the frame under the pointer, or of the chosen one. */
function About({ frame, whole }: { frame: Frame; whole: number }) {
  return (
    <p class="flame-about" aria-live="polite">
      <span class={`swatch ${hueClass(frame.service)}`} aria-hidden="true" /> <Foreign class="flame-service" text={frame.service ?? "unknown"} /> <Foreign class="flame-name" text={frame.name ?? "unnamed"} />
      <span>
        <b>{duration(frame.value_ms)}</b> <span class="faint">of work, {share(whole > 0 ? (frame.value_ms ?? 0) / whole : 0)}</span>
      </span>
      <span>
        <b>{duration(frame.self_ms)}</b> <span class="faint">itself</span>
      </span>
      <span>
        <b>{count(frame.spans)}</b> <span class="faint">{frame.spans === 1 ? "span" : "spans"}</span>
      </span>
      {frame.failed ? (
        <span class="tone-bad">
          <Icon name="bad" /> {count(frame.failed)} failed
        </span>
      ) : null}
    </p>
  );
}

type DrawingProps = {
  frames: Frame[];
  zoomed: Frame | undefined;
  chosen: number | null;
  text: string;
  touch: (frame: number | null) => void;
  choose: (frame: number | null) => void;
  zoom: (frame: Frame | undefined) => void;
};

function Drawing({ frames, zoomed, chosen, text, touch, choose, zoom }: DrawingProps) {
  const [attach, width] = useWidth<HTMLDivElement>(1000);
  const [top, setTop] = useState(0);
  const scroller = useRef<HTMLDivElement>(null);
  const rows = useMemo(() => frames.reduce((most, frame) => Math.max(most, frame.depth + 1), 0), [frames]);
  const high = scroller.current?.clientHeight ?? 800;
  const drawn = drawnFrames(frames, zoomed, width, Math.floor(top / ROW_HEIGHT) - BEYOND, Math.ceil((top + high) / ROW_HEIGHT) + BEYOND);
  return (
    <div class="flame" ref={scroller} tabIndex={0} role="tree" aria-label="Flame graph" aria-activedescendant={chosen === null ? undefined : `frame-${chosen}`} onScroll={(event) => setTop(event.currentTarget.scrollTop)}>
      <div class="flame-rows" ref={attach} role="presentation" style={{ height: `${rows * ROW_HEIGHT}px` }} onPointerLeave={() => touch(null)}>
        {drawn.map((one) => (
          <FrameView
            key={one.frame.frame}
            drawn={one}
            chosen={one.frame.frame === chosen}
            dim={text !== "" && !fits(one.frame, text)}
            touch={() => touch(one.frame.frame)}
            zoom={() => {
              choose(one.frame.frame);
              zoom(one.frame);
            }}
          />
        ))}
      </div>
    </div>
  );
}

type FrameProps = { drawn: Drawn; chosen: boolean; dim: boolean; touch: () => void; zoom: () => void };

function FrameView({ drawn: { frame, left, width, above }, chosen, dim, touch, zoom }: FrameProps) {
  const name = `${visible(frame.service ?? "unknown")} ${visible(frame.name ?? "unnamed")}`;
  return (
    <div
      id={`frame-${frame.frame}`}
      role="treeitem"
      aria-level={frame.depth + 1}
      aria-selected={chosen}
      aria-label={`${name}, ${duration(frame.value_ms)}`}
      class={`frame ${hueClass(frame.service)} ${above ? "above" : ""} ${chosen ? "chosen" : ""} ${dim ? "dim" : ""} ${frame.failed ? "failed" : ""}`}
      style={{ left: `${left}px`, width: `${Math.max(1, width - 1)}px`, top: `${frame.depth * ROW_HEIGHT}px` }}
      onPointerEnter={touch}
      onClick={zoom}
    >
      {width > 28 ? <bdi>{name}</bdi> : null}
    </div>
  );
}
