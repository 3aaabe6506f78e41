import assert from "node:assert/strict";
import { createPublicKey, verify } from "node:crypto";
import { appendFile, mkdtemp, rm, stat } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";

import { createListener, Metrics } from "@monorepo-polyglot/http-service";

import { createRoutes } from "./app.js";
import { openKey } from "./key.js";
import { Passwords } from "./passwords.js";
import { type PublicKey, Tokens } from "./tokens.js";
import { Users } from "./users.js";

const ADA = { email: "ada@example.com", password: "analytical engine", name: "Ada" };

interface Reply {
  status: number;
  body: any;
}

type Call = (method: string, path: string, body?: unknown, token?: string) => Promise<Reply>;

async function start(t: TestContext, folder?: string): Promise<Call> {
  const metrics = new Metrics();
  const tokens = new Tokens(await openKey(folder));
  const routes = createRoutes({
    users: await Users.open(folder, "admin@example.com"),
    tokens,
    passwords: new Passwords(),
    metrics,
  });
  const server = createServer(createListener({ name: "auth-service", routes, metrics, log: () => undefined }));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return async (method, path, body, token) => {
    const headers: Record<string, string> = { "content-type": "application/json" };
    if (token) headers["authorization"] = `Bearer ${token}`;
    const response = await fetch(base + path, { method, headers, ...(body ? { body: JSON.stringify(body) } : {}) });
    return { status: response.status, body: await response.json() };
  };
}

test("the first account and the named one may administer, others may not", async (t) => {
  const call = await start(t);
  const first = await call("POST", "/register", ADA);
  assert.equal(first.status, 201);
  assert.deepEqual(first.body.user.roles, ["customer", "admin"]);
  assert.equal(first.body.user.password, undefined);
  const second = await call("POST", "/register", { ...ADA, email: "bob@example.com" });
  assert.deepEqual(second.body.user.roles, ["customer"]);

  const named = await call("POST", "/register", { ...ADA, email: "Admin@example.com" });
  assert.deepEqual(named.body.user.roles, ["customer", "admin"]);

  const admin = (await call("POST", "/login", ADA)).body.token;
  const customer = (await call("POST", "/login", { ...ADA, email: "bob@example.com" })).body.token;
  const listed = await call("GET", "/users", undefined, admin);
  assert.deepEqual(
    listed.body.users.map((user: { email: string }) => user.email),
    ["admin@example.com", "bob@example.com", "ada@example.com"],
  );
  assert.equal((await call("GET", "/users", undefined, customer)).status, 403);
  assert.equal((await call("GET", "/users")).status, 401);
});

test("one email is one account, even for requests at the same time", async (t) => {
  const call = await start(t);
  const replies = await Promise.all(
    [ADA, { ...ADA, email: " ADA@Example.com" }].map((body) => call("POST", "/register", body)),
  );
  assert.deepEqual(replies.map((reply) => reply.status).sort(), [201, 409]);
});

test("registrations are checked", async (t) => {
  const call = await start(t);
  for (const change of [{ email: "ada" }, { email: "a@b" }, { password: "short" }, { name: "  " }, { name: 3 }]) {
    assert.equal((await call("POST", "/register", { ...ADA, ...change })).status, 400, JSON.stringify(change));
  }
});

test("unknown people and wrong passwords get the same answer", async (t) => {
  const call = await start(t);
  await call("POST", "/register", ADA);
  const wrong = await call("POST", "/login", { ...ADA, password: "difference engine" });
  const unknown = await call("POST", "/login", { ...ADA, email: "nobody@example.com" });
  assert.equal(wrong.status, 401);
  assert.deepEqual(wrong, unknown);
});

test("tokens are verified by the published key", async (t) => {
  const call = await start(t);
  await call("POST", "/register", ADA);
  const { body } = await call("POST", "/login", { ...ADA, email: "Ada@Example.com" });
  assert.equal(body.token_type, "Bearer");
  const key: PublicKey = (await call("GET", "/.well-known/jwks.json")).body.keys[0];
  const [header, claims, signature] = body.token.split(".");
  const publicKey = createPublicKey({ key: { ...key }, format: "jwk" });
  const signed = Buffer.from(`${header}.${claims}`);
  const raw = Buffer.from(signature, "base64url");
  assert.ok(verify("sha256", signed, { key: publicKey, dsaEncoding: "ieee-p1363" }, raw));
  assert.equal(JSON.parse(Buffer.from(header, "base64url").toString()).kid, key.kid);
  const { sub, iss, iat, exp } = JSON.parse(Buffer.from(claims, "base64url").toString());
  assert.deepEqual([sub, iss, exp - iat], [body.user.id, "auth-service", 3600]);
  assert.equal((await call("GET", "/me", undefined, body.token)).body.user.email, ADA.email);
});

test("changed, unsigned and expired tokens are refused", async () => {
  const tokens = new Tokens(await openKey(undefined));
  const account = { id: "usr_1", email: "", name: "", roles: [], created_at: "", password: { salt: "", hash: "" } };
  const token = tokens.issue(account);
  const [header = "", claims = "", signature = ""] = token.split(".");
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
  assert.equal(tokens.verify(token), "usr_1");
  assert.equal(tokens.verify(token, Date.now() + 3_601_000), undefined);
  assert.equal(
    tokens.verify(`${header}.${encode({ iss: "auth-service", sub: "usr_2", exp: 9e9 })}.${signature}`),
    undefined,
  );
  assert.equal(tokens.verify(`${encode({ alg: "none" })}.${claims}.`), undefined);
  assert.equal(new Tokens(await openKey(undefined)).verify(token), undefined);
});

test("accounts and the key outlive the process, and a torn line is no account", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "auth-service-"));
  t.after(() => rm(folder, { recursive: true }));
  const before = await start(t, folder);
  await before("POST", "/register", ADA);
  const { token } = (await before("POST", "/login", ADA)).body;
  const file = join(folder, "users.jsonl");
  await appendFile(file, '{"id":"usr_torn","ema');
  const after = await start(t, folder);
  assert.equal((await after("GET", "/me", undefined, token)).status, 200);
  assert.equal((await after("POST", "/register", { ...ADA, email: "bob@example.com" })).status, 201);
  assert.equal((await (await start(t, folder))("GET", "/users", undefined, token)).body.total, 2);
  assert.equal((await stat(file)).mode & 0o777, 0o600);
  assert.equal((await stat(join(folder, "signing-key.pem"))).mode & 0o777, 0o600);
});

test("passwords are hashed four at a time, and beyond a bounded queue not at all", async () => {
  const passwords = new Passwords({ N: 16 });
  const results = await Promise.allSettled(Array.from({ length: 70 }, () => passwords.hash("pass phrase")));
  const refused = results.filter((result) => result.status === "rejected");
  assert.equal(refused.length, 70 - 4 - 64);
});
