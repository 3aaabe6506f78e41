#!/usr/bin/env node
// One customer's way through all seven services, as a script: it registers, logs in, pays, fetches the invoice, has a
// text summarised and judged, and finds the payment in the dashboard's numbers. Each step is a trace of its own.
//
//   node journey.mjs [--base https://monorepo-polyglot.localhost:8443] [--ca root.pem] [--json]

import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";

import { Client } from "./client.mjs";
import { readOptions } from "./options.mjs";

const ITEMS = [
  { name: "Harbour Lantern", quantity: 1, unit_price: 4_800 },
  { name: "Enamel Mug", quantity: 2, unit_price: 1_600 },
];
const AMOUNT = 8_000;
const CARD = {
  number: "4242424242424242",
  expiry: `12/${String((new Date().getFullYear() + 2) % 100).padStart(2, "0")}`,
  cvc: "123",
};
const TEXT =
  "The lantern is made of folded steel. It burns for forty hours on one filling of lamp oil. The glass of the lantern lifts " +
  "out and can be washed in a stream. Lamp oil is cheap and found in every harbour. My neighbour has a cat. " +
  "The steel frame of the lantern survives wind, spray and being dropped.";
/** Analytics is told after the answer, so the number may take a moment. */
const COUNTED_MS_MAX = 5_000;
const LOOK_AGAIN_MS = 100;

const options = readOptions(process.argv.slice(2));
const client = new Client(options.base, options.ca);
const person = {
  name: "Journey",
  email: `journey-${randomUUID()}@example.com`,
  password: randomBytes(12).toString("base64url"),
};
const done = [];
/** What later steps need of earlier ones. */
const known = {};

const STEPS = {
  register: async (call) => {
    const { user } = await call.json("POST", "/api/auth/register", { status: 201, body: person });
    assert.equal(user.email, person.email);
    assert.ok(user.roles.includes("customer"), "a new account is a customer's");
  },
  "log in": async (call) => {
    const { token, token_type } = await call.json("POST", "/api/auth/login", { status: 200, body: person });
    assert.equal(token_type, "Bearer");
    known.authorization = `Bearer ${token}`;
    known.before = await paymentsCounted(call);
  },
  pay: async (call) => {
    const request = {
      status: 201,
      headers: { authorization: known.authorization, "idempotency-key": randomUUID() },
      body: { currency: "EUR", items: ITEMS, card: CARD },
    };
    const payment = await call.json("POST", "/api/payment/payments", request);
    assert.equal(payment.status, "captured");
    assert.equal(payment.amount, AMOUNT);
    assert.equal(payment.card.last4, "4242");
    known.payment = payment;
    // The same again, as after a lost answer: it must not be paid twice.
    const again = await call.send("POST", "/api/payment/payments", { ...request, status: undefined });
    assert.ok(again.status === 201 || again.status === 200, `the replay was answered ${again.status}`);
    assert.equal(again.headers["idempotency-replayed"], "true", "the replay is marked as one");
    assert.equal(JSON.parse(again.body.toString()).id, payment.id, "the replay is the same payment");
  },
  invoice: async (call) => {
    const path = `/api/payment/payments/${encodeURIComponent(known.payment.id)}/invoice`;
    const { headers, body } = await call.send("GET", path, {
      status: 200,
      headers: { authorization: known.authorization },
    });
    assert.match(headers["content-type"] ?? "", /^application\/pdf/);
    assert.equal(body.subarray(0, 5).toString("latin1"), "%PDF-", "a PDF begins with its name");
    assert.match(body.subarray(-16).toString("latin1"), /%%EOF\s*$/, "a PDF ends with its end");
    assert.ok(body.length > 800, `an invoice of ${body.length} bytes cannot be whole`);
  },
  summary: async (call) => {
    const answer = await call.json("POST", "/api/ai/summary", { status: 200, body: { text: TEXT, sentences: 2 } });
    assert.equal(answer.sentences.length, 2);
    assert.ok(answer.words_out < answer.words_in, "a summary is shorter than its text");
    assert.ok(!answer.summary.includes("cat"), "a summary leaves out what the text is not about");
  },
  sentiment: async (call) => {
    const judge = (text) => call.json("POST", "/api/ai/sentiment", { status: 200, body: { text } });
    const glad = await judge("I love this lantern, it is wonderful!");
    assert.equal(glad.label, "positive");
    assert.equal((await judge("It broke at once. A terrible, useless thing.")).label, "negative");
    assert.ok(glad.score > 0 && glad.score <= 1);
  },
  dashboard: async (call) => {
    const giveUp = Date.now() + COUNTED_MS_MAX;
    let now = await paymentsCounted(call);
    while (now.count <= known.before.count && Date.now() < giveUp) {
      await new Promise((again) => setTimeout(again, LOOK_AGAIN_MS));
      now = await paymentsCounted(call);
    }
    assert.ok(now.count > known.before.count, "the payment is counted");
    assert.ok(now.value >= known.before.value + AMOUNT, "and its value too");
  },
};

await main();

async function main() {
  for (const [name, step] of Object.entries(STEPS)) {
    if (!(await take(name, step))) break;
  }
  const failed = done.find(({ error }) => error);
  if (options.json) {
    const result = { ok: !failed, base: options.base, user: person.email, payment: known.payment?.id, steps: done };
    process.stdout.write(JSON.stringify(result, undefined, 2) + "\n");
  } else if (failed) {
    process.stderr.write(`\nThe journey ended at "${failed.step}": ${failed.error}\n`);
  } else {
    const total = done.reduce((sum, { ms }) => sum + ms, 0);
    process.stdout.write(`\n${done.length} steps in ${Math.round(total)} ms\n`);
  }
  client.close();
  process.exitCode = failed ? 1 : 0;
}

async function take(name, step) {
  const call = client.trace();
  const begun = performance.now();
  let error;
  try {
    await step(call);
  } catch (caught) {
    error = caught.message;
  }
  const ms = Math.round((performance.now() - begun) * 10) / 10;
  done.push({ step: name, ms, trace_id: call.traceId, ...(error ? { error } : {}) });
  const line = `${error ? "✗" : "✓"} ${name.padEnd(10)} ${ms.toFixed(1).padStart(8)} ms   trace ${call.traceId}\n`;
  if (!options.json) process.stdout.write(line);
  return !error;
}

/** Over a day, so that nothing drops out of the window meanwhile. */
async function paymentsCounted(call) {
  const { by_type } = await call.json("GET", "/api/analytics/summary?minutes=1440", { status: 200 });
  return by_type.find(({ type }) => type === "payment") ?? { count: 0, value: 0 };
}
