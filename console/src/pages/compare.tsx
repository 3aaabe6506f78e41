// Two traces side by side: what one did that the other did not, what took longer, what failed.
import { useState } from "preact/hooks";
import type { ComparedNode, ComparedSide, ComparedTrace, Comparison } from "../api/traces";
import { count, duration, moment, visible } from "../format";
import { type Reading, useDocument, useKeys } from "../hooks";
import { hueClass } from "../known";
import { Choice, SearchField } from "../parts/controls";
import { Icon } from "../parts/icon";
import { Empty, Shown } from "../parts/notice";
import { Foreign } from "../parts/text";
import { VirtualRows } from "../parts/virtual";
import { change, href, parameter } from "../router";
import { changeOf, readTraceId, shownNodes } from "./compare_list";

const ROW_HEIGHT = 28;
const DEPTH_DRAWN_MAX = 20;

export function ComparePage() {
  const [a, b] = [parameter("a"), parameter("b")];
  const both = a !== "" && b !== "";
  const reading = useDocument<Comparison>(both ? `/v1/traces/compare?a=${encodeURIComponent(a)}&b=${encodeURIComponent(b)}` : null);
  return (
    <div class="page page-full compare">
      <h1 class="hidden">Compare two traces</h1>
      <div class="compare-sides">
        <Side key={`a${a}`} letter="a" id={a} trace={reading.data?.a} />
        <button type="button" class="button quiet" aria-label="Swap the two" title="Swap the two" disabled={!both} onClick={() => change({ a: b, b: a }, "push")}>
          <Icon name="compare" />
        </button>
        <Side key={`b${b}`} letter="b" id={b} trace={reading.data?.b} />
      </div>
      {both ? <Content of={reading} /> : <Ask />}
    </div>
  );
}

function Ask() {
  return (
    <Empty icon="compare" title="Two traces are compared">
      <p>
        Paste their ids above, or <a href={href("/traces")}>choose two in the search</a>.
      </p>
    </Empty>
  );
}

function Side({ letter, id, trace }: { letter: "a" | "b"; id: string; trace: ComparedTrace | null | undefined }) {
  const [wrong, setWrong] = useState(false);
  const apply = (text: string) => {
    const found = readTraceId(text);
    setWrong(text.trim() !== "" && found === null);
    if (found) change({ [letter]: found }, "push");
  };
  return (
    <section class="compare-side" aria-label={`Trace ${letter.toUpperCase()}`}>
      <div class="compare-id">
        <b class={`compare-letter is-${letter}`}>{letter.toUpperCase()}</b>
        <label class={`search grow ${wrong ? "wrong" : ""}`}>
          <input type="text" class="mono" aria-label={`Id of trace ${letter.toUpperCase()}`} aria-invalid={wrong} placeholder="id of a trace" autocomplete="off" spellcheck={false} defaultValue={id} onChange={(event) => apply(event.currentTarget.value)} />
        </label>
        {id ? (
          <a class="button quiet small" href={href(`/traces/${encodeURIComponent(id)}`)} aria-label={`Open trace ${letter.toUpperCase()}`} title="Open">
            <Icon name="right" />
          </a>
        ) : null}
      </div>
      {trace ? (
        <p class="compare-what">
          <span class={`swatch ${hueClass(trace.service)}`} aria-hidden="true" /> <Foreign class="span-service" text={trace.service ?? "unknown"} /> <Foreign class="clip faint" text={trace.name ?? "unnamed"} />
          <b>{duration(trace.duration_ms)}</b>
          <span>{count(trace.spans)} spans</span>
          {trace.failed ? <span class="tone-bad">{count(trace.failed)} failed</span> : null}
          <span class="faint">{moment(trace.start)}</span>
        </p>
      ) : null}
    </section>
  );
}

function Content({ of }: { of: Reading<Comparison> }) {
  return (
    <Shown of={of} rows={10}>
      {(data) => <Tree data={data} />}
    </Shown>
  );
}

function Tree({ data }: { data: Comparison }) {
  const changed = parameter("changes") === "1";
  const text = parameter("q");
  const nodes = data.nodes ?? [];
  const shown = shownNodes(nodes, changed, text);
  const [cursor, setCursor] = useState(-1);
  useKeys((event) => {
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 15, PageUp: -15, Home: -Infinity, End: Infinity }[event.key];
    if (step === undefined || (event.target instanceof Element && event.target.closest("[role=radiogroup]"))) return false;
    setCursor(Math.max(0, Math.min(shown.length - 1, cursor + step)));
    return true;
  });
  const longest = nodes.reduce((most, node) => Math.max(most, Math.abs(node.delta_ms ?? 0)), 1e-6);
  return (
    <>
      <Services data={data} />
      <div class="bar">
        <SearchField value={text} label="Search operations" onInput={(q) => change({ q })} />
        <Choice
          label="Rows"
          value={changed ? "1" : ""}
          options={[
            { value: "", text: "all", note: String(nodes.length) },
            { value: "1", text: "changed", note: String(nodes.filter((node) => changeOf(node.change).word).length) },
          ]}
          onChange={(value) => change({ changes: value }, "push")}
        />
        <span class="bar-end faint">{data.truncated ? "The smallest parts are left out." : ""}</span>
      </div>
      <div class="compare-tree" role="treegrid" aria-label="Both traces" aria-rowcount={shown.length + 1} tabIndex={0} aria-activedescendant={cursor >= 0 ? `compared-${cursor}` : undefined}>
        {shown.length ? (
          <VirtualRows
            head={<Head />}
            total={shown.length}
            rowHeight={ROW_HEIGHT}
            cursor={cursor}
            row={(at) => {
              const node = shown[at];
              return node ? <NodeRow key={node.node} at={at} node={node} chosen={at === cursor} longest={longest} choose={() => setCursor(at)} /> : null;
            }}
          />
        ) : (
          <p class="faint quiet-line">{nodes.length ? "No operation fits, or nothing changed." : "There is nothing to compare."}</p>
        )}
      </div>
    </>
  );
}

function Head() {
  return (
    <div class="compare-row compare-head" role="row">
      <span role="columnheader">Service and operation</span>
      <span role="columnheader">Change</span>
      <span role="columnheader" class="end">
        A
      </span>
      <span role="columnheader" class="end">
        B
      </span>
      <span role="columnheader">Difference</span>
    </div>
  );
}

type RowProps = { at: number; node: ComparedNode; chosen: boolean; longest: number; choose: () => void };

function NodeRow({ at, node, chosen, longest, choose }: RowProps) {
  const { word, tone, icon } = changeOf(node.change);
  return (
    <div id={`compared-${at}`} class={`compare-row ${chosen ? "chosen" : ""} change-${word ? (node.change ?? "same") : "same"}`} role="row" aria-rowindex={at + 2} aria-level={(node.depth ?? 0) + 1} aria-selected={chosen} onClick={choose}>
      <span role="gridcell" class="compare-name" style={{ paddingLeft: `${12 + Math.min(node.depth ?? 0, DEPTH_DRAWN_MAX) * 12}px` }}>
        <span class={`swatch ${hueClass(node.service)}`} aria-hidden="true" />
        <bdi class="span-service">{visible(node.service ?? "unknown")}</bdi>
        <bdi class="span-name">{visible(node.name ?? "unnamed")}</bdi>
      </span>
      <span role="gridcell">
        <span class={`state ${tone}`}>
          {icon ? <Icon name={icon} /> : null}
          {word}
        </span>
      </span>
      <SideCell side={node.a} />
      <SideCell side={node.b} />
      <span role="gridcell" class="compare-delta">
        <Delta of={node.delta_ms ?? 0} longest={longest} />
      </span>
    </div>
  );
}

function SideCell({ side }: { side: ComparedSide | null | undefined }) {
  if (!side)
    return (
      <span role="gridcell" class="end faint">
        –
      </span>
    );
  return (
    <span role="gridcell" class="end">
      {(side.spans ?? 1) > 1 ? <span class="faint">{count(side.spans)}× </span> : null}
      {duration(side.total_ms)}
      {side.failed ? (
        <span class="tone-bad" title={`${count(side.failed)} failed`}>
          {" "}
          <Icon name="bad" />
        </span>
      ) : null}
    </span>
  );
}

const DELTA = { width: 120, height: 10 };

/** To the right what B took longer, to the left what A did. */
function Delta({ of, longest }: { of: number; longest: number }) {
  const half = DELTA.width / 2;
  const wide = Math.min(1, Math.abs(of) / longest) * half;
  return (
    <>
      <svg class="delta" width={DELTA.width} height={DELTA.height} viewBox={`0 0 ${DELTA.width} ${DELTA.height}`} aria-hidden="true">
        <line class="grid-base" x1={half} x2={half} y1="0" y2={DELTA.height} />
        {wide >= 0.5 ? <rect class={of > 0 ? "delta-more" : "delta-less"} x={of > 0 ? half : half - wide} y="1" width={wide} height={DELTA.height - 2} /> : null}
      </svg>
      <span class="delta-number">{signed(of)}</span>
    </>
  );
}

const signed = (ms: number) => (Math.abs(ms) < 0.0005 ? "" : `${ms > 0 ? "+" : "−"}${duration(Math.abs(ms))}`);

const SERVICES_SHOWN = 8;

/** Where the difference comes from: time of their own, by service. */
function Services({ data }: { data: Comparison }) {
  const services = (data.services ?? []).filter((one) => Math.abs(one.delta_ms ?? 0) >= 0.0005).slice(0, SERVICES_SHOWN);
  if (services.length === 0) return null;
  const whole = (data.b?.duration_ms ?? 0) - (data.a?.duration_ms ?? 0);
  return (
    <p class="compare-services">
      <span>
        <b>{signed(whole) || "As long"}</b> <span class="faint">in B; time of their own:</span>
      </span>
      {services.map((one) => (
        <span key={one.service} class="compare-service" title={`${duration(one.a_self_ms)} in A, ${duration(one.b_self_ms)} in B`}>
          <span class={`swatch ${hueClass(one.service)}`} aria-hidden="true" /> <Foreign text={one.service} /> <b>{signed(one.delta_ms ?? 0)}</b>
        </span>
      ))}
    </p>
  );
}
