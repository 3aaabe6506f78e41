// A problem, for a person with a browser.

import { html, type Markup, type Problem } from "@monorepo-polyglot/http-service";

import { layout } from "./layout.js";

export function problemPage(problem: Problem): Markup {
  const lost = problem.status === 404;
  const body = html`<div class="wide narrow nothing">
<p class="eyebrow">${problem.status}</p>
<h1>${lost ? "This path ends here" : "That did not work"}</h1>
<p class="muted">${problem.detail}</p>
<p><a class="button" href="/">Back to the shop</a></p>
</div>`;
  return layout({ title: `${lost ? "Not found" : "Problem"} · Waymark`, script: "shop", body });
}
