// Drawings of the products, as symbols that a page holds once and uses many times. Colours come from shop.css, by class.

import { html, type Markup, raw } from "@monorepo-polyglot/http-service";

const DRAWINGS: Record<string, string> = {
  lantern: `
<path class="line" d="M84 62C84 20 156 20 156 62"/>
<path class="c1" d="M104 44h32l6 14H98zM92 58h56v10H92z"/>
<path class="c4" d="M96 68h48l8 66H88z"/>
<path class="glow" d="M120 82c14 16 16 24 16 32a16 16 0 0 1-32 0c0-8 2-16 16-32z"/>
<path class="c2" d="M120 98c7 8 8 13 8 17a8 8 0 0 1-16 0c0-4 1-9 8-17z"/>
<path class="line thin" d="M96 68 88 134M144 68l8 66M90 112h60"/>
<path class="c1" d="M84 134h72v10H84zM90 144h60l6 26H84z"/>
<circle class="c3" cx="156" cy="154" r="6"/>`,
  mug: `
<path class="line" d="M152 84h14a20 20 0 0 1 20 20v6a24 24 0 0 1-24 24h-10"/>
<path class="c4" d="M70 68h86v80a18 18 0 0 1-18 18H88a18 18 0 0 1-18-18z"/>
<path class="shade" d="M134 68h22v80a18 18 0 0 1-18 18h-10c5-4 6-10 6-16z"/>
<path class="c1" d="M66 62h94a5 5 0 0 1 0 10H66a5 5 0 0 1 0-10z"/>
<path class="c1 speck" d="M86 96h5v4h-5zM108 88h4v3h-4zM98 116h4v4h-4zM120 106h5v3h-5zM84 134h4v3h-4zM112 142h5v4h-5zM124 128h3v3h-3z"/>
<path class="steam" d="M96 48c-8-8 8-14 0-24M120 48c-8-8 8-14 0-24"/>`,
  blanket: `
<path class="c2" d="M54 70a14 14 0 0 1 14-14h104a14 14 0 0 1 14 14v18H54z"/>
<path class="c4" d="M54 88h132v26H54z"/>
<path class="c3" d="M54 96h132v6H54z"/>
<path class="c1" d="M54 114h132v26H54z"/>
<path class="c4" d="M54 122h132v3H54zM54 130h132v3H54z"/>
<path class="c2" d="M54 140h132v8a10 10 0 0 1-10 10H64a10 10 0 0 1-10-10z"/>
<path class="shade" d="M170 56h2a14 14 0 0 1 14 14v78a10 10 0 0 1-10 10h-6z"/>
<path class="line thin" d="M66 158v12M80 158v12M94 158v12M108 158v12M122 158v12M136 158v12M150 158v12M164 158v12M176 157v11"/>`,
  notebook: `
<path class="c4" d="M82 42h84a8 8 0 0 1 8 8v118H82z"/>
<path class="c1" d="M74 36h84a8 8 0 0 1 8 8v116a8 8 0 0 1-8 8H74z"/>
<path class="shade" d="M74 36h14v132H74z"/>
<path class="c3" d="M144 36h7v132h-7z"/>
<path class="c4" d="M98 66h34a3 3 0 0 1 3 3v18a3 3 0 0 1-3 3H98a3 3 0 0 1-3-3V69a3 3 0 0 1 3-3z"/>
<path class="line thin" d="M102 75h26M102 82h16"/>
<path class="c2" d="m176 70 12 3-20 84-12-3z"/>
<path class="c4" d="m156 154 12 3-10 16z"/>`,
  rucksack: `
<path class="line" d="M104 46V38a16 16 0 0 1 32 0v8"/>
<path class="shade" d="M58 108h14v46H62a8 8 0 0 1-8-8v-34zM182 108h-14v46h10a8 8 0 0 0 8-8v-34z"/>
<path class="c1" d="M120 42c32 0 52 18 52 50v62a16 16 0 0 1-16 16H84a16 16 0 0 1-16-16V92c0-32 20-50 52-50z"/>
<path class="c3" d="M84 118h72v36a8 8 0 0 1-8 8H92a8 8 0 0 1-8-8z"/>
<path class="c2" d="M120 42c30 0 50 16 52 44-8 12-30 18-52 18s-44-6-52-18c2-28 22-44 52-44z"/>
<path class="c4" d="M92 88h10v44H92zM138 88h10v44h-10z"/>
<path class="line thin" d="M90 120h14M136 120h14"/>`,
  compass: `
<circle class="line" cx="120" cy="34" r="10"/>
<circle class="c3" cx="120" cy="108" r="66"/>
<circle class="c1" cx="120" cy="108" r="56"/>
<circle class="c4" cx="120" cy="108" r="48"/>
<path class="line thin" d="M120 66v9M120 141v9M78 108h9M153 108h9"/>
<path class="c2" d="m144 78-18 36-12-12z"/>
<path class="c1" d="m96 138 18-36 12 12z"/>
<circle class="c3" cx="120" cy="108" r="5"/>
<path class="glass" d="M82 92a42 42 0 0 1 34-30"/>`,
  kettle: `
<path class="line" d="M82 84C78 24 162 24 158 84"/>
<path class="c2" d="M102 34a54 54 0 0 1 36 0l-3 12a46 46 0 0 0-30 0z"/>
<path class="c4" d="m66 122-26-34-8 4 4 8 22 50z"/>
<path class="c4" d="M82 84h76c20 12 30 36 30 58 0 16-8 26-20 26H72c-12 0-20-10-20-26 0-22 10-46 30-58z"/>
<path class="shade" d="M158 84c20 12 30 36 30 58 0 16-8 26-20 26h-26c16-8 24-48 2-84z"/>
<path class="c1" d="M86 76h68a6 6 0 0 1 6 6v4H80v-4a6 6 0 0 1 6-6z"/>
<circle class="c3" cx="120" cy="70" r="7"/>
<path class="c1" d="M58 158h124c-3 6-8 10-14 10H72c-6 0-11-4-14-10z"/>`,
  flask: `
<path class="c2" d="M98 26h44a8 8 0 0 1 8 8v30H90V34a8 8 0 0 1 8-8z"/>
<path class="c3" d="M94 64h52v8H94z"/>
<path class="c1" d="M94 72h52c8 6 12 12 12 22v66a12 12 0 0 1-12 12H94a12 12 0 0 1-12-12V94c0-10 4-16 12-22z"/>
<path class="shade" d="M138 72h8c8 6 12 12 12 22v66a12 12 0 0 1-12 12h-10c4-20 4-80 2-100zM136 26h6a8 8 0 0 1 8 8v30h-12z"/>
<path class="c3" d="M82 108h76v22H82z"/>
<path class="c4" d="M96 84h5v14h-5zM96 142h5v18h-5z"/>`,
};

/** Put once into a page that shows drawings. */
export function sprite(): Markup {
  const symbols = Object.entries(DRAWINGS).map(
    ([sku, drawing]) => html`<symbol id="art-${sku}" viewBox="0 0 240 200">${raw(drawing)}</symbol>`,
  );
  return html`<svg width="0" height="0" class="sprite" aria-hidden="true">${symbols}</svg>`;
}

export function drawing(sku: string): Markup {
  return html`<svg class="art" viewBox="0 0 240 200" aria-hidden="true"><use href="#art-${sku}"/></svg>`;
}

/** Three hills, a path, and the post that says which way. */
export const HERO: Markup =
  raw(`<svg class="scene" viewBox="0 0 560 420" preserveAspectRatio="xMidYMid slice" aria-hidden="true">
<rect class="sky" width="560" height="420"/>
<circle class="sun" cx="404" cy="122" r="46"/>
<path class="hill far" d="M0 220C70 170 120 168 190 206S320 150 390 176s120 34 170 2v242H0z"/>
<path class="hill middle" d="M0 286c90-58 170-44 250-12s200 20 310-44v190H0z"/>
<path class="hill near" d="M0 342c120-40 230-34 330-6s160 18 230-8v92H0z"/>
<path class="path" d="M196 420c36-46 102-52 106-84 2-22-54-26-50-48 2-11 16-16 30-19-9 7-14 13-8 21 12 15 76 20 74 52-2 34-56 46-62 78z"/>
<path class="trunks" d="M82 318v16M108 322v12M48 326v12M488 306v14M514 312v12"/>
<path class="trees" d="m60 320 22-62 22 62zM91 324l17-48 17 48zM33 328l15-42 15 42zM468 308l20-56 20 56zM499 314l15-44 15 44z"/>
<g class="post"><path class="wood" d="M392 210h12v130h-12z"/><path class="sign" d="M352 224h84l16 14-16 14h-84z"/><path class="sign back" d="M444 264h-74l-14 12 14 12h74z"/></g>
</svg>`);
