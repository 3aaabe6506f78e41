// The accounts. In memory, and in a journal if there is a folder for it.

import { randomUUID } from "node:crypto";
import { join } from "node:path";

import { Problem } from "@monorepo-polyglot/http-service";

import { Journal } from "./journal.js";
import type { PasswordHash } from "./passwords.js";

export const ACCOUNTS_MAX = 100_000;

export type Role = "customer" | "admin";

export interface Account {
  id: string;
  email: string;
  name: string;
  roles: Role[];
  created_at: string;
  password: PasswordHash;
}

/** An account as others may see it. */
export function publicUser({ id, email, name, roles, created_at }: Account): Omit<Account, "password"> {
  return { id, email, name, roles, created_at };
}

export class Users {
  private readonly ids = new Map<string, Account>();
  private readonly emails = new Map<string, Account>();

  private constructor(
    private readonly journal: Journal<Account> | undefined,
    private readonly adminEmail: string | undefined,
  ) {}

  /** `adminEmail` may administer whenever it registers, so that a script which comes first takes nothing from a person. */
  static async open(folder: string | undefined, adminEmail?: string): Promise<Users> {
    if (!folder) return new Users(undefined, adminEmail);
    const { journal, entries } = await Journal.open<Account>(join(folder, "users.jsonl"));
    const users = new Users(journal, adminEmail);
    for (const account of entries) users.remember(account);
    return users;
  }

  get count(): number {
    return this.ids.size;
  }

  byId(id: string): Account | undefined {
    return this.ids.get(id);
  }

  byEmail(email: string): Account | undefined {
    return this.emails.get(email);
  }

  newest(limit: number): Account[] {
    return [...this.ids.values()].slice(-limit).reverse();
  }

  /** Adds an account; `undefined` if the email has one. The very first may administer, too. */
  async add(fields: Pick<Account, "email" | "name" | "password">): Promise<Account | undefined> {
    if (this.emails.has(fields.email)) return undefined;
    if (this.count >= ACCOUNTS_MAX) throw new Problem(503, "There is no room for more accounts.");
    const administers = this.count === 0 || fields.email === this.adminEmail;
    const roles: Role[] = administers ? ["customer", "admin"] : ["customer"];
    const account: Account = { id: `usr_${randomUUID()}`, ...fields, roles, created_at: new Date().toISOString() };
    // Remembered before it is written, so that the same email cannot be added twice meanwhile.
    this.remember(account);
    try {
      await this.journal?.append(account);
    } catch (error) {
      this.ids.delete(account.id);
      this.emails.delete(account.email);
      throw error;
    }
    return account;
  }

  private remember(account: Account): void {
    this.ids.set(account.id, account);
    this.emails.set(account.email, account);
  }
}
