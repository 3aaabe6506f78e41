// The admin page: who may see it, and which section is shown. Sections are in the URL, so they can be linked to.

import { showDashboard } from "./dashboard.js";
import { askToSignIn, mountAccount } from "./kit/account.js";
import { find } from "./kit/dom.js";
import { onSession, session } from "./kit/session.js";
import { showPayments, showUsers } from "./lists.js";
import { mountTexts } from "./texts.js";

/** What a section does when it is shown; it returns what ends it. */
const SECTIONS: Record<string, () => () => void> = {
  dashboard: showDashboard,
  payments: showPayments,
  users: showUsers,
  texts: () => () => undefined,
};
const FIRST = "dashboard";

let leave: () => void = () => undefined;

mountAccount();
mountTexts();
find("#gate-button").addEventListener("click", () => void askToSignIn());
window.addEventListener("hashchange", showSection);
onSession(() => {
  const user = session()?.user;
  const allowed = user?.roles.includes("admin") === true;
  find("#gate").hidden = allowed;
  find("#sections").hidden = !allowed;
  find("#gate-button").textContent = user ? "Use another account" : "Sign in";
  if (user && !allowed) {
    find("#gate-text").textContent = `${user.name}, your account does not have the role admin, which this page needs.`;
  }
  showSection();
});

function showSection(): void {
  leave();
  leave = () => undefined;
  const asked = location.hash.slice(1);
  const name = Object.hasOwn(SECTIONS, asked) ? asked : FIRST;
  const allowed = session()?.user.roles.includes("admin") === true;
  for (const section of document.querySelectorAll<HTMLElement>("[data-section]")) {
    section.hidden = !allowed || section.dataset["section"] !== name;
  }
  for (const link of document.querySelectorAll("#sections a")) {
    if (link.getAttribute("href") === `#${name}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (allowed) leave = SECTIONS[name]?.() ?? leave;
}
