// What every page has around it.

import { html, type Markup } from "@monorepo-polyglot/http-service";
import { MARK, signInDialog } from "@monorepo-polyglot/page-kit";

import { sprite } from "./art.js";

export interface Page {
  title: string;
  /** The page's own script, by name. */
  script: string;
  /** Which entry of the navigation it belongs to. */
  section?: "shop" | "orders";
  body: Markup;
}

const SECTIONS = [
  { key: "shop", href: "/", label: "Shop" },
  { key: "orders", href: "/orders", label: "Your orders" },
] as const;

export function layout({ title, script, section, body }: Page): Markup {
  const links = SECTIONS.map(
    ({ key, href, label }) => html`<a href="${href}"${key === section ? html` aria-current="page"` : ""}>${label}</a>`,
  );
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="description" content="Waymark: things for the long way round.">
<title>${title}</title>
<link rel="icon" href="/assets/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/assets/kit/base.css">
<link rel="stylesheet" href="/assets/shop.css">
<script type="module" src="/assets/${script}.js"></script>
</head>
<body>
<a class="skip" href="#main">Skip to the content</a>
${sprite()}
<header class="top"><div class="wide">
<a class="brand" href="/">${MARK}Waymark</a>
<nav aria-label="Pages">${links}</nav>
<div id="account"></div>
<button id="open-cart" type="button" aria-haspopup="dialog">Cart <span id="cart-count" class="count" hidden></span></button>
</div></header>
<main id="main">${body}</main>
<footer class="bottom"><div class="wide">
<p>Waymark is an example: seven services in five languages behind one gateway.</p>
<p>Nothing is sold and nothing is sent. <a href="/admin/">The office</a></p>
</div></footer>
${signInDialog()}
<dialog id="cart" class="drawer" aria-labelledby="cart-title">
<header><h2 id="cart-title">Your cart</h2><button class="close" type="button" data-close aria-label="Close">×</button></header>
<div id="cart-lines" aria-live="polite"></div>
</dialog>
</body>
</html>
`;
}
