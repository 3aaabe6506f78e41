// Moving and scaling of the drawing: drag, wheel, two fingers and keys. The transformation is written straight to the
// element, as a new picture per moved pixel would be too much work.
import type { RefObject } from "preact";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { NODE } from "./layout";

const SCALE = { least: 0.15, most: 2.5, fitLeast: 0.75, fitMost: 1.1 };

type Size = { width: number; height: number; nodes: Map<string, { y: number }> };
export type Viewport = { zoom: (factor: number) => void; fit: (all?: boolean) => void; reveal: (node: { x: number; y: number }) => void };

export function useViewport(frame: RefObject<HTMLElement>, canvas: RefObject<HTMLElement>, size: Size, chosen: { x: number; y: number } | undefined): Viewport {
  const at = useRef({ scale: 1, x: 0, y: 0, moved: false });
  const latest = useRef(size);
  latest.current = size;
  const target = useRef(chosen);
  target.current = chosen;
  const view = useMemo(() => controls(frame, canvas, at.current, latest), []);
  const fit = () => {
    view.fit();
    if (target.current) view.reveal(target.current);
  };
  useEffect(() => {
    if (!at.current.moved) fit();
    else if (chosen) view.reveal(chosen);
  }, [size, chosen]);
  useEffect(() => {
    const element = frame.current;
    if (!element) return;
    const observer = new ResizeObserver(() => {
      if (!at.current.moved) fit();
      else if (target.current) view.reveal(target.current);
    });
    observer.observe(element);
    const stop = listen(element, view);
    return () => {
      observer.disconnect();
      stop();
    };
  }, []);
  return view;
}

type State = { scale: number; x: number; y: number; moved: boolean };
type Controls = Viewport & { pan: (x: number, y: number) => void; zoomAt: (factor: number, x: number, y: number) => void };

function controls(frame: RefObject<HTMLElement>, canvas: RefObject<HTMLElement>, at: State, size: { current: Size }): Controls {
  const apply = () => {
    if (canvas.current) canvas.current.style.transform = `translate(${at.x}px, ${at.y}px) scale(${at.scale})`;
  };
  const zoomAt = (factor: number, x: number, y: number) => {
    const scale = Math.max(SCALE.least, Math.min(SCALE.most, at.scale * factor));
    const change = scale / at.scale;
    Object.assign(at, { scale, x: x - (x - at.x) * change, y: y - (y - at.y) * change, moved: true });
    apply();
  };
  const box = () => ({ width: frame.current?.clientWidth ?? 0, height: frame.current?.clientHeight ?? 0 });
  return {
    zoomAt,
    zoom: (factor) => zoomAt(factor, box().width / 2, box().height / 2),
    pan: (x, y) => {
      Object.assign(at, { x: at.x + x, y: at.y + y, moved: true });
      apply();
    },
    // At first nothing is made too small to read; whoever asks for everything gets everything.
    fit: (all = false) => {
      const { width, height } = box();
      const whole = Math.min(width / size.current.width, height / size.current.height);
      const scale = Math.max(all ? SCALE.least : SCALE.fitLeast, Math.min(SCALE.fitMost, whole));
      const x = Math.max(0, (width - size.current.width * scale) / 2);
      const free = (height - size.current.height * scale) / 2;
      // What is too tall is shown around the gateway, as everything begins there.
      const gateway = size.current.nodes.get("gateway");
      const tall = gateway ? Math.min(0, Math.max(2 * free, height / 2 - (gateway.y + NODE.height / 2) * scale)) : free;
      Object.assign(at, { scale, x, y: free < 0 ? tall : width < 600 ? Math.min(free, 16) : free * 0.8, moved: all });
      apply();
    },
    reveal: (node) => {
      const { width, height } = box();
      const left = node.x * at.scale + at.x;
      const top = node.y * at.scale + at.y;
      const right = left + NODE.width * at.scale;
      const bottom = top + NODE.height * at.scale;
      const x = left < 8 ? 8 - left : right > width - 8 ? width - 8 - right : 0;
      const y = top < 8 ? 8 - top : bottom > height - 8 ? height - 8 - bottom : 0;
      if (x || y) {
        Object.assign(at, { x: at.x + x, y: at.y + y });
        apply();
      }
    },
  };
}

function listen(element: HTMLElement, view: Controls): () => void {
  const held = new Map<number, { x: number; y: number }>();
  const local = (event: MouseEvent) => {
    const box = element.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  const wheel = (event: WheelEvent) => {
    event.preventDefault();
    const { x, y } = local(event);
    if (event.shiftKey) view.pan(-event.deltaY - event.deltaX, 0);
    else view.zoomAt(Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0016)), x, y);
  };
  const down = (event: PointerEvent) => {
    if (event.button !== 0 || (event.target instanceof Element && event.target.closest("button, [data-edge]"))) return;
    held.set(event.pointerId, local(event));
    element.setPointerCapture(event.pointerId);
    element.classList.add("dragged");
  };
  const move = (event: PointerEvent) => {
    const before = held.get(event.pointerId);
    if (!before) return;
    const now = local(event);
    const other = [...held].find(([id]) => id !== event.pointerId)?.[1];
    if (other) {
      const reach = (point: { x: number; y: number }) => Math.hypot(point.x - other.x, point.y - other.y);
      view.zoomAt(reach(now) / Math.max(1, reach(before)), other.x, other.y);
    } else view.pan(now.x - before.x, now.y - before.y);
    held.set(event.pointerId, now);
  };
  const up = (event: PointerEvent) => {
    held.delete(event.pointerId);
    if (held.size === 0) element.classList.remove("dragged");
  };
  element.addEventListener("wheel", wheel, { passive: false });
  element.addEventListener("pointerdown", down);
  element.addEventListener("pointermove", move);
  element.addEventListener("pointerup", up);
  element.addEventListener("pointercancel", up);
  return () => {
    element.removeEventListener("wheel", wheel);
    element.removeEventListener("pointerdown", down);
    element.removeEventListener("pointermove", move);
    element.removeEventListener("pointerup", up);
    element.removeEventListener("pointercancel", up);
  };
}
