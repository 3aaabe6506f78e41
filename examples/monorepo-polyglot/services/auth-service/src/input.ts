// What people send, checked and brought into one form.

import { Problem } from "@monorepo-polyglot/http-service";

const EMAIL_CHARACTERS_MAX = 254;
const NAME_CHARACTERS_MAX = 80;
const PASSWORD_CHARACTERS_MIN = 8;
/** Long enough for any pass phrase, short enough to hash. */
const PASSWORD_CHARACTERS_MAX = 256;

export interface Credentials {
  email: string;
  password: string;
}

export interface Registration extends Credentials {
  name: string;
}

export function readRegistration(body: Record<string, unknown>): Registration {
  const email = normaliseEmail(text(body, "email"));
  if (email.length > EMAIL_CHARACTERS_MAX || !/^[^\s@<>"]+@[^\s@<>".]+(\.[^\s@<>".]+)+$/.test(email)) {
    throw new Problem(400, "`email` is not an email address.");
  }
  const name = text(body, "name").trim().replace(/\s+/g, " ");
  if (name === "" || name.length > NAME_CHARACTERS_MAX) {
    throw new Problem(400, `\`name\` must have 1 to ${NAME_CHARACTERS_MAX} characters.`);
  }
  const password = text(body, "password");
  if (password.length < PASSWORD_CHARACTERS_MIN || password.length > PASSWORD_CHARACTERS_MAX) {
    throw new Problem(
      400,
      `\`password\` must have ${PASSWORD_CHARACTERS_MIN} to ${PASSWORD_CHARACTERS_MAX} characters.`,
    );
  }
  return { email, name, password };
}

export function readCredentials(body: Record<string, unknown>): Credentials {
  const password = text(body, "password");
  if (password.length > PASSWORD_CHARACTERS_MAX) throw new Problem(400, "`password` is too long.");
  return { email: normaliseEmail(text(body, "email")), password };
}

/** One address, one account: however it is capitalised or its letters are composed. */
export function normaliseEmail(email: string): string {
  return email.trim().normalize("NFC").toLowerCase();
}

function text(body: Record<string, unknown>, key: string): string {
  const value = body[key];
  if (typeof value !== "string") throw new Problem(400, `\`${key}\` must be a text.`);
  return value;
}
