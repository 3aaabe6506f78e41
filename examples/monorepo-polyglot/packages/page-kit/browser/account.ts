// The corner of the page that says who is signed in, and the dialog that signs them in.

import { ApiError, signIn, signUp } from "./api.js";
import { element, find, replaceChildren, whileBusy } from "./dom.js";
import { forgetSession, onSession, session, type User } from "./session.js";

type Mode = "sign-in" | "sign-up";

let resolveOpen: ((user: User | undefined) => void) | undefined;

/** Needs `#account` and `dialog#sign-in` in the page. */
export function mountAccount(): void {
  const corner = find("#account");
  onSession(() => {
    const user = session()?.user;
    if (!user) {
      const button = element("button", { type: "button", class: "quiet" }, "Sign in");
      button.addEventListener("click", () => void askToSignIn());
      return replaceChildren(corner, button);
    }
    const leave = element("button", { type: "button", class: "quiet" }, "Sign out");
    leave.addEventListener("click", forgetSession);
    replaceChildren(corner, element("span", { class: "who", title: user.email }, user.name), leave);
  });
  mountDialog(find<HTMLDialogElement>("#sign-in"));
}

/** Resolves to who signed in, or to nobody if the dialog was closed. */
export function askToSignIn(mode: Mode = "sign-in"): Promise<User | undefined> {
  const dialog = find<HTMLDialogElement>("#sign-in");
  setMode(dialog, mode);
  dialog.showModal();
  find<HTMLInputElement>(mode === "sign-up" ? "[name=name]" : "[name=email]", dialog).focus();
  return new Promise((resolve) => (resolveOpen = resolve));
}

function mountDialog(dialog: HTMLDialogElement): void {
  const form = find<HTMLFormElement>("form", dialog);
  const failure = find(".failure", dialog);
  dialog.addEventListener("close", () => settle(undefined));
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  find("[data-close]", dialog).addEventListener("click", () => dialog.close());
  find("[data-switch]", dialog).addEventListener("click", () => {
    setMode(dialog, dialog.dataset["mode"] === "sign-up" ? "sign-in" : "sign-up");
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    failure.textContent = "";
    void whileBusy(find<HTMLButtonElement>("[type=submit]", form), async () => {
      try {
        const user = await send(form, dialog.dataset["mode"] as Mode);
        form.reset();
        settle(user);
        dialog.close();
      } catch (error) {
        failure.textContent = error instanceof ApiError ? error.message : "Something went wrong.";
      }
    });
  });
}

function send(form: HTMLFormElement, mode: Mode): Promise<User> {
  const fields = new FormData(form);
  const field = (name: string) => String(fields.get(name) ?? "");
  return mode === "sign-up"
    ? signUp(field("name"), field("email"), field("password"))
    : signIn(field("email"), field("password"));
}

function setMode(dialog: HTMLDialogElement, mode: Mode): void {
  const isNew = mode === "sign-up";
  dialog.dataset["mode"] = mode;
  find("h2", dialog).textContent = isNew ? "Create an account" : "Welcome back";
  find("[type=submit]", dialog).textContent = isNew ? "Create account" : "Sign in";
  find("[data-switch]", dialog).textContent = isNew ? "I have an account" : "I am new here";
  find(".failure", dialog).textContent = "";
  const name = find<HTMLInputElement>("[name=name]", dialog);
  find("[data-name]", dialog).hidden = !isNew;
  name.required = isNew;
  find("[name=password]", dialog).setAttribute("autocomplete", isNew ? "new-password" : "current-password");
}

function settle(user: User | undefined): void {
  resolveOpen?.(user);
  resolveOpen = undefined;
}
