// What a server needs to send pages in the shared look: the files, the headers that protect them, and common markup.

import { fileURLToPath } from "node:url";

import { type Answer, html, loadAssets, type Markup, raw, type Route } from "@monorepo-polyglot/http-service";

/** A page loads nothing from anywhere else, and its scripts and styles are files. */
export const PAGE_HEADERS = {
  "content-security-policy":
    "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'",
  "referrer-policy": "same-origin",
};

/** Two signs on a post: the shop's mark. */
export const MARK: Markup = raw(`<svg viewBox="0 0 32 32" aria-hidden="true">
<path fill="currentColor" d="M14.5 2h3v4h8l4 4-4 4h-8v3h3v8h-3v5h-3v-5h-8l-4-4 4-4h8v-3h-7V6h7z"/></svg>`);

/** Routes for the files of a service, whose module has this URL, and of the kit below `kit/`. */
export function pageAssets(moduleUrl: string): Route[] {
  const own = (path: string) => fileURLToPath(new URL(path, moduleUrl));
  const kit = (path: string) => fileURLToPath(new URL(path, import.meta.url));
  return loadAssets({
    "/assets/": [own("../browser"), own("../../style")],
    "/assets/kit/": [kit("../kit"), kit("../../style")],
  });
}

export function pageAnswer(status: number, page: Markup, headers: Record<string, string> = {}): Answer {
  const own = { "content-type": "text/html; charset=utf-8", "cache-control": "no-cache" };
  return { status, headers: { ...headers, ...own }, body: page.markup };
}

/** What `mountAccount` of the kit's browser code fills with life. */
export function signInDialog(): Markup {
  return html`<dialog id="sign-in" aria-labelledby="sign-in-title">
  <header>
    <h2 id="sign-in-title">Welcome back</h2>
    <button class="close" type="button" data-close aria-label="Close">×</button>
  </header>
  <form>
    <label data-name hidden>Name<input name="name" autocomplete="name" maxlength="80"></label>
    <label>Email<input name="email" type="email" autocomplete="email" required></label>
    <label>Password
      <input name="password" type="password" minlength="8" maxlength="256" autocomplete="current-password" required>
      <small>At least 8 characters</small>
    </label>
    <p class="failure" role="alert"></p>
    <div class="actions">
      <button type="submit">Sign in</button>
      <button type="button" class="bare" data-switch>I am new here</button>
    </div>
  </form>
</dialog>`;
}
