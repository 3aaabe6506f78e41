// The API of accounts: register, log in, who am I, who is there, and the key that tokens are verified with.

import { type Answer, type Exchange, json, type Metrics, Problem, type Route } from "@monorepo-polyglot/http-service";

import { readCredentials, readRegistration } from "./input.js";
import type { Passwords } from "./passwords.js";
import { LIFETIME_SECONDS, type Tokens } from "./tokens.js";
import { type Account, publicUser, type Users } from "./users.js";

export interface Parts {
  users: Users;
  tokens: Tokens;
  passwords: Passwords;
  metrics: Metrics;
}

/** How many accounts one answer lists, the newest first. */
const LISTED_MAX = 500;

export function createRoutes({ users, tokens, passwords, metrics }: Parts): Route[] {
  const registrations = metrics.counter("auth_registrations_total", "Accounts created.");
  const logins = metrics.counter("auth_logins_total", "Attempts to log in, by result.");

  async function register(exchange: Exchange): Promise<Answer> {
    const { email, name, password } = readRegistration(await exchange.object());
    // Looked up before the hash, which is dear, and again when the account is added: another request may have been quicker.
    if (users.byEmail(email)) throw emailTaken();
    const account = await users.add({ email, name, password: await passwords.hash(password) });
    if (!account) throw emailTaken();
    registrations.add();
    exchange.note("info", "account created", { user_id: account.id, roles: account.roles });
    return json(201, { user: publicUser(account) });
  }

  async function login(exchange: Exchange): Promise<Answer> {
    const { email, password } = readCredentials(await exchange.object());
    const account = users.byEmail(email);
    const right = await passwords.verify(password, account?.password);
    logins.add({ result: account && right ? "ok" : "denied" });
    if (!account || !right)
      throw new Problem(401, "The email or the password is wrong.", { "www-authenticate": "Bearer" });
    exchange.note("info", "logged in", { user_id: account.id });
    return json(200, {
      token: tokens.issue(account),
      token_type: "Bearer",
      expires_in: LIFETIME_SECONDS,
      user: publicUser(account),
    });
  }

  /** The account of the token. Roles are the account's of today, not those the token was issued with. */
  function authenticate(exchange: Exchange): Account {
    const token = /^Bearer ([\w.-]+)$/i.exec(exchange.headers.authorization ?? "")?.[1];
    const subject = token && tokens.verify(token);
    const account = subject ? users.byId(subject) : undefined;
    if (!account) throw new Problem(401, "A valid token is needed. Log in first.", { "www-authenticate": "Bearer" });
    return account;
  }

  function list(exchange: Exchange): Answer {
    if (!authenticate(exchange).roles.includes("admin")) throw new Problem(403, "Only an admin may see all users.");
    return json(200, { total: users.count, users: users.newest(LISTED_MAX).map(publicUser) });
  }

  return [
    { method: "POST", pattern: "/register", handle: register },
    { method: "POST", pattern: "/login", handle: login },
    { method: "GET", pattern: "/me", handle: (exchange) => json(200, { user: publicUser(authenticate(exchange)) }) },
    { method: "GET", pattern: "/users", handle: list },
    {
      method: "GET",
      pattern: "/.well-known/jwks.json",
      handle: () => json(200, { keys: [tokens.publicKey] }, { "cache-control": "public, max-age=300" }),
    },
  ];
}

function emailTaken(): Problem {
  return new Problem(409, "There is an account with this email already.");
}
