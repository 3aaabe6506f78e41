// A share as a small bar. Decoration: the number stands beside it.

const SIZE = { width: 72, height: 4 };

export function ShareBar({ of, class: extra = "" }: { of: number | null | undefined; class?: string }) {
  const width = Math.max(0, Math.min(1, of ?? 0)) * SIZE.width;
  return (
    <svg class={`share-bar ${extra}`} viewBox={`0 0 ${SIZE.width} ${SIZE.height}`} width={SIZE.width} height={SIZE.height} aria-hidden="true">
      <rect class="meter-ground" width={SIZE.width} height={SIZE.height} rx="2" />
      {width > 0 ? <rect class="meter-value" width={Math.max(1.5, width)} height={SIZE.height} rx="2" /> : null}
    </svg>
  );
}
