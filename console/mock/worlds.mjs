// The systems that the mock server can pretend to be: an ordinary one, a large one, one that is out to break the page,
// and one where nothing has happened.
import { hostileEvents, hostilePolicies, manyPolicies, shopEvents, shopPolicies } from "./policies.mjs";
import { pick, random } from "./random.mjs";

const FILE = `version: 1
name: shop                        # https://shop.localhost on a laptop

gateway:
  domain: shop.example.com        # the name it has in production
  headers: secure

routes:
  - { match: "/api/auth/**", to: auth }
  - { match: "/api/orders/**", to: orders }
  - { match: "/api/payments/**", to: payments, retry: { attempts: 3 } }
  - { match: "/admin/**", to: admin }
  - { match: "/**", to: web }

services:
  web:
    path: apps/web
    command: npm run dev
    calls: [orders, auth]         # started after it, and given ORDERS_URL
    health: /healthz
  admin:
    path: apps/admin
    command: npm run dev
    calls: [analytics, orders, auth]
  auth:
    path: services/auth
    command: node --enable-source-maps server.ts
    health: /healthz
    env: { SECRET: •••••• }
  orders:
    path: services/orders
    command: go run .
    calls: [payments, pdf, mailer]
    health: /healthz
  payments:
    path: services/payments
    command: cargo run --quiet
    calls: [bank, analytics]
    health: /healthz
  analytics:
    path: services/analytics
    command: cargo run --quiet
  pdf:
    path: services/pdf
    command: ./mvnw spring-boot:run
  mailer:
    path: services/mailer
    command: uv run fastapi dev
  bank:
    url: https://sandbox.bank.example
`;

function origin(name, file = "trunkline.yaml") {
  const line = FILE.split("\n").findIndex((text) => text.startsWith(`  ${name}:`)) + 1;
  return { file, line: Math.max(1, line), column: 3 };
}

function service(name, language, command, calls, more = {}) {
  return { name, kind: "process", language, command, calls, state: "ready", detail: null, origin: origin(name), weight: 1, speed: 8, failing: 0, restarts: 0, ...more };
}

function shop() {
  return {
    project: "shop",
    files: [
      { name: "trunkline.yaml", text: FILE },
      { name: "trunkline.local.yaml", text: "# Settings of this machine only.\nservices:\n  payments:\n    watch: true\n" },
    ],
    services: [
      service("web", "node", "npm run dev", ["orders", "auth"], { speed: 14, weight: 5 }),
      service("admin", "node", "npm run dev", ["analytics", "orders", "auth"], { speed: 22, weight: 0.4 }),
      service("auth", "node", "node --enable-source-maps server.ts", [], { speed: 6, weight: 2 }),
      service("orders", "go", "go run .", ["payments", "pdf", "mailer"], { speed: 19, weight: 4, failing: 0.012 }),
      service("payments", "rust", "cargo run --quiet", ["bank", "analytics"], { speed: 31, weight: 3, failing: 0.07 }),
      service("analytics", "rust", "cargo run --quiet", [], { speed: 2, weight: 2 }),
      service("pdf", "java", "./mvnw spring-boot:run", [], { speed: 120, weight: 0.6, state: "starting", detail: "Building jar, 43%" }),
      service("mailer", "python", "uv run fastapi dev", [], { weight: 0, state: "backing_off", detail: "exited with code 1 after 3.4s: Address already in use (port 8025, held by pid 4121). Next try in 8s, 3 of 5", restarts: 3 }),
      service("bank", null, null, [], { kind: "external", speed: 140, weight: 1, url: "https://sandbox.bank.example" }),
    ],
    missing: [["orders", "pdf"]],
    undeclared: [["web", "analytics"]],
    unseen: [["orders", "mailer"]],
    routes: [["/api/auth/**", "auth", 9], ["/api/orders/**", "orders", 10], ["/api/payments/**", "payments", 11], ["/admin/**", "admin", 12], ["/**", "web", 13]],
    policies: shopPolicies(),
    events: shopEvents(Date.now()),
  };
}

function many() {
  const next = random(7);
  const languages = ["go", "rust", "node", "java", "python", "dotnet", "ruby"];
  const names = Array.from({ length: 200 }, (_, at) => `${pick(next, ["cart", "stock", "price", "user", "search", "mail", "audit", "fraud", "ship", "tax"])}-${at}`);
  const services = names.map((name, at) => {
    const calls = new Set();
    const few = at < 190 ? Math.floor(next() * 3) : 0;
    for (let call = 0; call < few; call += 1) calls.add(names[Math.min(199, at + 1 + Math.floor(next() * 40))]);
    calls.delete(name);
    return service(name, pick(next, languages), "run", [...calls], { speed: 2 + next() * 60, weight: next() * 4, failing: next() < 0.1 ? next() * 0.1 : 0, state: next() < 0.95 ? "ready" : pick(next, ["unhealthy", "starting", "failed"]) });
  });
  return { ...shop(), project: "many", services, missing: [], undeclared: [], unseen: [], routes: names.slice(0, 12).map((name, at) => [`/${name}/**`, name, at + 9]), policies: manyPolicies(services), events: [] };
}

/** Names and texts that a page might trip over. */
const NASTY = [
  `<img src=x onerror="document.title='broken'">`,
  "\u202egnp.exe\u202c",
  "bell\u0007 null\u0000 esc\u001b[31m red",
  "שלום עולם",
  "a".repeat(300),
  "'; DROP TABLE services; --",
  "__proto__",
  "{{constructor.constructor('alert(1)')()}}",
];

function hostile() {
  const base = shop();
  const services = NASTY.map((name, at) => service(name, name, name, [NASTY[(at + 1) % NASTY.length]], { detail: name, url: `javascript:alert(${at})`, state: at % 2 ? "ready" : "unhealthy", origin: { file: name, line: 1, column: 1 } }));
  services.push({ name: "nothing", kind: null, state: null, calls: null, bare: true });
  return { ...base, project: NASTY[0], services, missing: [], undeclared: [], unseen: [], nasty: NASTY, files: [{ name: NASTY[1], text: NASTY.join("\n") }], routes: NASTY.map((name, at) => [`/${name}`, name, at + 1]), policies: hostilePolicies(NASTY), events: hostileEvents(NASTY) };
}

function empty() {
  return { project: "empty", services: [], missing: [], undeclared: [], unseen: [], routes: [], files: [{ name: "trunkline.yaml", text: "version: 1\n" }], policies: {}, events: [] };
}

function quiet() {
  const base = shop();
  for (const one of base.services) Object.assign(one, { weight: 0, state: "ready", detail: null, restarts: 0 });
  return { ...base, project: "quiet", quiet: true, missing: [], undeclared: [], unseen: [], policies: {}, events: [] };
}

export const WORLDS = { shop, many, hostile, empty, quiet };
