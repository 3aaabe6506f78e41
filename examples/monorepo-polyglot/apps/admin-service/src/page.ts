// The admin page. It has the first numbers in it; the browser keeps them current.

import { html, type Markup } from "@monorepo-polyglot/http-service";
import { MARK, signInDialog } from "@monorepo-polyglot/page-kit";

import { headlines, type Summary } from "./summary.js";

const SECTIONS = [
  { key: "dashboard", label: "Dashboard" },
  { key: "payments", label: "Payments" },
  { key: "users", label: "Users" },
  { key: "texts", label: "Text tool" },
] as const;

export function page(numbers: Summary | undefined): Markup {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Waymark office</title>
<link rel="icon" href="assets/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="assets/kit/base.css">
<link rel="stylesheet" href="assets/admin.css">
<script type="module" src="assets/admin.js"></script>
</head>
<body>
<a class="skip" href="#main">Skip to the content</a>
<header class="top"><div class="wide">
<span class="brand">${MARK}Waymark <em>office</em></span>
<nav aria-label="Sections" id="sections" hidden>
  ${SECTIONS.map(({ key, label }) => html`<a href="#${key}">${label}</a>`)}
</nav>
<div id="account"></div>
</div></header>
<main id="main" class="wide">
<section id="gate" class="card gate">
  <h1>The office</h1>
  <p class="muted" id="gate-text">
    Numbers, payments and people of the shop. Sign in with an account that has the role <b>admin</b>.
  </p>
  <p class="hint">
    The first account that is created in the shop has it, and the one for the email in <code>ADMIN_EMAIL</code>,
    such as admin@example.com.
  </p>
  <p><button type="button" id="gate-button">Sign in</button></p>
</section>
${dashboard(numbers)}
<section data-section="payments" hidden>
  <div class="title"><h1>Payments</h1><p class="muted" id="payments-note"></p></div>
  <div class="card scroll" id="payments"></div>
</section>
<section data-section="users" hidden>
  <div class="title"><h1>Users</h1><p class="muted" id="users-note"></p></div>
  <div class="card scroll" id="users"></div>
</section>
${texts()}
</main>
<footer class="bottom"><div class="wide">
  <p>Waymark is an example: seven services in five languages behind one gateway.</p>
</div></footer>
${signInDialog()}
</body>
</html>
`;
}

function dashboard(numbers: Summary | undefined): Markup {
  const cards = headlines(numbers).map(
    ({ key, label, value }) => html`<div class="card headline">
  <dt>${label}</dt>
  <dd class="number" data-headline="${key}">${value}</dd>
</div>`,
  );
  return html`<section data-section="dashboard" hidden>
<div class="title"><h1>The last hour</h1><p class="live" id="live" role="status">connecting</p></div>
<dl class="headlines">${cards}</dl>
<div class="panels">
<figure class="card chart">
  <figcaption><h2>Events by minute</h2><p class="muted number" id="chart-note"></p></figcaption>
  <div id="chart"></div>
</figure>
<div class="card"><h2>By type</h2><div class="scroll" id="types"></div></div>
</div>
</section>`;
}

function texts(): Markup {
  return html`<section data-section="texts" hidden>
<div class="title"><h1>Text tool</h1><p class="muted">Paste a letter, a review, an article.</p></div>
<div class="panels">
<div class="card stack">
  <label for="text">Text</label>
  <textarea id="text" maxlength="20000" rows="12"></textarea>
  <div class="tools">
    <label class="inline">Sentences<input id="sentences" type="number" min="1" max="10" value="2"></label>
    <button type="button" id="summarise">Summarise</button>
  </div>
</div>
<div class="stack">
  <div class="card stack"><h2>Tone</h2><div id="tone" aria-live="polite"></div></div>
  <div class="card stack">
    <h2>Summary</h2>
    <div id="summary" aria-live="polite"><p class="muted">The sentences that say most, in their order.</p></div>
  </div>
</div>
</div>
</section>`;
}
