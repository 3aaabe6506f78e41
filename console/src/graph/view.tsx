// The drawing of the call graph: lines in SVG, nodes as buttons over them, moved and scaled together.
import { useMemo, useRef, useState } from "preact/hooks";
import type { Graph, GraphEdge, GraphNode } from "../api/types";
import { duration, hash, rate, share, visible } from "../format";
import { hueClass } from "../known";
import { useKeys } from "../hooks";
import { Icon } from "../parts/icon";
import type { Row } from "../pages/policy_list";
import { BreakerMark } from "../parts/policy";
import { State, errorTone, tone } from "../parts/state";

import { change } from "../router";
import { NODE, type Drawn, type Layout, curve, layout, placeLabels } from "./layout";
import { useViewport } from "./viewport";
import { MEANING, edgeKey, edgeText, statusOf } from "./words";
import { errorShare } from "../parts/measure";

/** More moving dots than this would be noise. */
const DOTS_MAX = 48;
/** Beyond this many edges only those of the chosen or touched node are labelled. */
const LABELS_MAX = 40;

type Props = { graph: Graph; breakers: Map<string, Row[]>; status: string; node: string; edge: string; text: string };

export function GraphView({ graph, breakers, status, node, edge, text }: Props) {
  const topology = `${graph.nodes.map((one) => one.id).sort().join("\n")}\n\n${graph.edges.map(edgeKey).sort().join("\n")}`;
  const found = useMemo(() => layout(graph.nodes.map((one) => one.id), graph.edges), [topology]);
  const frame = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLDivElement>(null);
  const view = useViewport(frame, canvas, found, found.nodes.get(node));
  const [touched, setTouched] = useState("");
  const active = touched || node;
  const near = useMemo(() => (active ? neighbours(graph.edges, active) : endsOf(graph.edges, edge)), [graph.edges, active, edge]);
  const outside = (id: string) => (active || edge ? id !== active && !near.has(id) : text !== "" && !id.toLowerCase().includes(text));
  useKeys((event) => {
    if (event.key === "+" || event.key === "=") view.zoom(1.25);
    else if (event.key === "-") view.zoom(0.8);
    else if (event.key === "0") view.fit(true);
    else if (event.key === "Escape" && (node || edge)) change({ node: null, edge: null }, "push");
    else return false;
    return true;
  });
  return (
    <div class="graph" ref={frame} aria-label="Call graph" role="group">
      <div class="graph-canvas" ref={canvas} style={{ width: `${found.width}px`, height: `${found.height}px` }}>
        <Lines graph={graph} found={found} status={status} active={active} chosen={edge} />
        {graph.nodes.map((one) => {
          const placed = found.nodes.get(one.id);
          return placed ? (
            <NodeButton
              key={one.id}
              node={one}
              breakers={breakers.get(one.id)}
              x={placed.x}
              y={placed.y}
              chosen={one.id === node}
              faded={outside(one.id)}
              touch={setTouched}
              move={(key) => moveFocus(frame.current, found, graph.edges, one.id, key)}
              reveal={() => view.reveal(placed)}
            />
          ) : null;
        })}
      </div>
      <div class="graph-tools">
        <button type="button" class="button" onClick={() => view.zoom(1.25)} aria-label="Closer" title="Closer (+)">
          <Icon name="plus" />
        </button>
        <button type="button" class="button" onClick={() => view.zoom(0.8)} aria-label="Farther" title="Farther (−)">
          <Icon name="minus" />
        </button>
        <button type="button" class="button" onClick={() => view.fit(true)} aria-label="Show all" title="Show all (0)">
          <Icon name="fit" />
        </button>
      </div>
    </div>
  );
}

function neighbours(edges: GraphEdge[], id: string): Set<string> {
  return new Set(edges.flatMap((edge) => (edge.from === id ? [edge.to] : edge.to === id ? [edge.from] : [])));
}

function endsOf(edges: GraphEdge[], key: string): Set<string> {
  return new Set(edges.filter((edge) => edgeKey(edge) === key).flatMap((edge) => [edge.from, edge.to]));
}

type NodeProps = {
  node: GraphNode;
  breakers: Row[] | undefined;
  x: number;
  y: number;
  chosen: boolean;
  faded: boolean;
  touch: (id: string) => void;
  move: (key: string) => boolean;
  reveal: () => void;
};

function NodeButton({ node, breakers, x, y, chosen, faded, touch, move, reveal }: NodeProps) {
  const gateway = node.kind === "gateway" || node.id === "gateway";
  const numbers = [rate(node.rate_per_second), duration(node.latency_ms?.p99)];
  return (
    <button
      type="button"
      class={`node tone-${tone(node.state ?? (gateway ? "ready" : ""))} ${chosen ? "chosen" : ""} ${faded ? "faded" : ""}`}
      data-node={node.id}
      aria-pressed={chosen}
      style={{ left: `${x}px`, top: `${y}px`, width: `${NODE.width}px`, height: `${NODE.height}px` }}
      onPointerEnter={() => touch(node.id)}
      onPointerLeave={() => touch("")}
      onFocus={(event) => {
        touch(node.id);
        if (event.currentTarget.matches(":focus-visible")) reveal();
      }}
      onBlur={() => touch("")}
      onClick={() => change({ node: chosen ? null : node.id, edge: null }, "push")}
      onKeyDown={(event) => {
        if (move(event.key)) event.preventDefault();
      }}
    >
      <span class="node-name">
        {gateway ? <Icon name="graph" /> : <span class={`swatch ${hueClass(node.id)}`} aria-hidden="true" />}
        <bdi class="clip">{visible(node.id)}</bdi>
        <BreakerMark rows={breakers} />
        {gateway ? null : <State state={node.state} quiet />}
      </span>
      <span class="node-numbers">
        <span>{numbers[0]}</span>
        <span>{numbers[1]}</span>
        <span class={errorTone(errorShare(node))}>{errorShare(node) ? `${share(errorShare(node))} err` : ""}</span>
      </span>
    </button>
  );
}

type LinesProps = { graph: Graph; found: Layout; status: string; active: string; chosen: string };

function Lines({ graph, found, status, active, chosen }: LinesProps) {
  const byKey = new Map(graph.edges.map((edge) => [edgeKey(edge), edge]));
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const lit = (edge: Drawn) => (active ? edge.from === active || edge.to === active : chosen ? edgeKey(edge) === chosen : false);
  const faded = (edge: Drawn, value: GraphEdge) => ((active || chosen) && !lit(edge)) || (status !== "all" && statusOf(value) !== status);
  const labelled = found.edges.filter((edge) => lit(edge) || found.edges.length <= LABELS_MAX).sort((one, other) => Number(lit(other)) - Number(lit(one)));
  const texts = labelled.map((edge) => ({ key: edgeKey(edge), edge, text: textOf(byKey.get(edgeKey(edge))) }));
  const labels = placeLabels(found, texts.filter(({ text }) => text !== ""));
  const busy = found.edges.filter((edge) => (byKey.get(edgeKey(edge))?.rate_per_second ?? 0) > 0);
  return (
    <svg class="graph-lines" width={found.width} height={found.height} viewBox={`0 0 ${found.width} ${found.height}`} aria-hidden="true">
      {found.edges.map((edge) => {
        const value = byKey.get(edgeKey(edge));
        if (!value) return null;
        const drawn = curve(edge.points);
        return (
          <g key={edgeKey(edge)} class={`edge edge-${statusOf(value)} ${errorTone(errorShare(value))} ${faded(edge, value) ? "faded" : ""} ${lit(edge) ? "lit" : ""}`}>
            <path class="edge-reach" d={drawn} data-edge={edgeKey(edge)} onClick={() => change({ edge: edgeKey(edge), node: null }, "push")}>
              <title>{`${visible(edge.from)} → ${visible(edge.to)}: ${edgeText(value)}. ${MEANING[statusOf(value)]}`}</title>
            </path>
            <path class="edge-line" d={drawn} stroke-width={thickness(value)} />
            <Arrow edge={edge} />
          </g>
        );
      })}
      {still || busy.length > DOTS_MAX
        ? null
        : busy.map((edge) => {
            const value = byKey.get(edgeKey(edge));
            return value ? <Dot key={edgeKey(edge)} edge={edge} value={value} faded={Boolean(faded(edge, value))} /> : null;
          })}
      {labels.map((label) => {
        const value = byKey.get(label.key);
        const edge = found.edges.find((one) => edgeKey(one) === label.key);
        return value && edge ? (
          <g key={label.key} class={`edge-label edge-${statusOf(value)} ${errorTone(errorShare(value))} ${faded(edge, value) ? "faded" : ""}`}>
            <rect x={label.x - label.width / 2} y={label.y - 7} width={label.width} height="14" rx="3" />
            <text x={label.x} y={label.y + 4} text-anchor="middle">
              {label.text}
            </text>
          </g>
        ) : null;
      })}
    </svg>
  );
}

/** What is written on a line; nothing on one that is as it should be and quiet. */
function textOf(edge: GraphEdge | undefined): string {
  if (!edge || (statusOf(edge) === "observed" && !edge.rate_per_second)) return "";
  return edgeText(edge);
}

/** Thicker with the logarithm of the rate. */
function thickness(edge: GraphEdge): string {
  const value = edge.rate_per_second ?? 0;
  return (1.25 + Math.min(2.25, Math.log10(1 + value) * 0.9)).toFixed(2);
}

function Arrow({ edge }: { edge: Drawn }) {
  const end = edge.points[edge.points.length - 1];
  if (!end) return null;
  const back = edge.backward ? 7 : -7;
  return <path class="edge-arrow" d={`M${end.x} ${end.y}l${back} -4v8Z`} />;
}

/** A dot that wanders along a busy line: a glance tells which way the requests go. */
function Dot({ edge, value, faded }: { edge: Drawn; value: GraphEdge; faded: boolean }) {
  const busy = Math.min(1, Math.log10(1 + (value.rate_per_second ?? 0)) / 3);
  // Steps of the tempo are coarse, as a changed duration makes the dot jump.
  const tempo = Math.min(3, Math.floor(busy * 4));
  // Not all in step: that would look like a pulse of the system.
  const style = { offsetPath: `path("${curve(edge.points)}")`, animationDelay: `-${hash(edgeKey(edge)) % 3600}ms` };
  return <circle class={`edge-dot tempo-${tempo} ${faded ? "faded" : ""} ${errorTone(errorShare(value))}`} r="2.5" style={style} />;
}

/** Arrow keys walk: right to whom it calls, left to who calls it, up and down in the column. */
function moveFocus(frame: HTMLElement | null, found: Layout, edges: GraphEdge[], from: string, key: string): boolean {
  const here = found.nodes.get(from);
  if (!here || !frame || !/^Arrow/.test(key)) return false;
  const all = [...found.nodes.values()];
  let others = all.filter((node) => node.column === here.column && (key === "ArrowDown" ? node.y > here.y : node.y < here.y));
  if (key === "ArrowRight" || key === "ArrowLeft") {
    const right = key === "ArrowRight";
    const ids = new Set(edges.filter((edge) => (right ? edge.from : edge.to) === from).map((edge) => (right ? edge.to : edge.from)));
    others = all.filter((node) => ids.has(node.id) && node.id !== from);
  }
  others.sort((one, other) => Math.abs(one.y - here.y) - Math.abs(other.y - here.y));
  const id = others[0]?.id;
  const target = [...frame.querySelectorAll<HTMLElement>("[data-node]")].find((element) => element.dataset.node === id);
  target?.focus();
  return true;
}
