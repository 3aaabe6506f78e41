// Clicks through the console in a real browser. Against made-up documents by default; against a running Trunkline with
//
//   BASE_URL=http://127.0.0.1:20001 npm run test:browser
//
// where the tests that need a special world are left out.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { start } from "../../mock/server.mjs";
import { assertFits, close, eventually, visit, worstContrast } from "./visit.mjs";

const REAL = process.env.BASE_URL?.replace(/\/$/, "");
const mocked = { skip: REAL ? "needs made-up documents" : false };
const mocks = [];
let base = REAL;
let service;
let trace;

async function world(name, options = {}) {
  const mock = await start({ world: name, ...options });
  mocks.push(mock);
  return mock;
}

before(async () => {
  base ??= (await world("shop")).url;
  const read = async (path) => (await fetch(base + path)).json();
  const services = (await read("/v1/services")).services;
  service = (services.find((one) => one.name === "payments") ?? services.find((one) => one.kind === "process") ?? services[0]).name;
  trace = await eventually(async () => (await read("/v1/requests?limit=50")).requests.find((one) => one.trace && one.sampled !== false)?.trace, Boolean);
});

after(async () => {
  await close();
  for (const mock of mocks) mock.stop();
});

const isPressed = (page, name) => page.getByRole("radio", { name, exact: true }).getAttribute("aria-checked");
const query = (page) => new URL(page.url()).searchParams;

describe("every page", () => {
  const pages = () => ["/", "/services", `/services/${service}`, "/graph", "/graph?view=table", "/requests", `/traces/${trace}`, "/traces", "/traces?facet=http.route", ...["flame", "spans", "statistics", "critical"].map((view) => `/traces/${trace}?view=${view}`), `/compare?a=${trace}&b=${trace}`, "/compare", "/dependencies", "/dependencies?view=table", "/resilience", "/resilience?state=trouble", "/configuration", "/configuration?section=services", "/no-such-page"];
  for (const colorScheme of ["light", "dark"]) {
    test(`is ${colorScheme}, readable and without errors`, async () => {
      for (const path of pages()) {
        if (path === "/no-such-page") continue;
        await visit(base, path, async (page) => {
          await page.locator("main h1").first().waitFor({ state: "attached" });
          await eventually(() => page.locator(".skeleton").count(), 0);
          await page.locator(".is-live").waitFor();
          const worst = await worstContrast(page);
          assert.ok(worst.ratio >= 4.5, `${path}: ${JSON.stringify(worst)}`);
          const dark = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
          assert.equal(colorScheme === "dark", /rgb\((\d|[1-4]\d),/.test(dark), dark);
        }, { colorScheme });
      }
    });
  }

  test("fits a narrow screen", async () => {
    for (const path of pages().slice(0, -1)) {
      await visit(base, path, async (page) => {
        await eventually(() => page.locator(".skeleton").count(), 0);
        await page.locator(".is-live").waitFor();
        await assertFits(page);
      }, { viewport: { width: 360, height: 740 }, hasTouch: true });
    }
  });
});

test("one can go from page to page and back", async () => {
  await visit(base, "/", async (page) => {
    const nav = page.getByRole("navigation");
    await nav.getByRole("link", { name: "Graph" }).click();
    await page.waitForURL("**/graph");
    await nav.getByRole("link", { name: "Requests" }).click();
    await page.locator(".request-table a.row-link").first().click();
    await page.locator(".span-row").first().waitFor();
    assert.match(page.url(), /\/traces\/[0-9a-f]{32}/);
    await page.goBack();
    await page.locator(".request-table").waitFor();
    await page.goBack();
    await page.locator(".graph").waitFor();
    await page.goForward();
    await page.locator(".request-table").waitFor();
    assert.match(await page.title(), /Requests/);
  });
});

test("what is chosen stands in the address, and the address brings it back", async () => {
  await visit(base, "/services", async (page) => {
    await page.getByRole("radio", { name: "5m", exact: true }).click();
    await page.getByLabel("Filter services").fill(service.slice(0, 3));
    await page.getByRole("columnheader", { name: "Rate" }).getByRole("button").click();
    assert.deepEqual([query(page).get("window"), query(page).get("q"), query(page).get("sort")], ["5m", service.slice(0, 3), "-rate"]);
    const address = page.url();
    await page.goto(`${base}/graph`);
    await page.goto(address);
    await page.locator(".services-table tbody tr").first().waitFor();
    assert.equal(await isPressed(page, "5m"), "true");
    assert.equal(await page.getByLabel("Filter services").inputValue(), service.slice(0, 3));
    assert.equal(await page.getByRole("columnheader", { name: "Rate" }).getAttribute("aria-sort"), "descending");
    await page.getByRole("navigation").getByRole("link", { name: "Graph" }).click();
    assert.equal(query(page).get("window"), "5m");
  });
});

test("a service shows its numbers, endpoints, requests and log", async () => {
  await visit(base, "/services", async (page) => {
    await page.getByRole("link", { name: service, exact: true }).first().click();
    await page.getByRole("heading", { level: 1, name: service }).waitFor();
    await page.getByRole("heading", { name: "Endpoints" }).waitFor();
    await page.getByRole("heading", { name: "Last requests" }).waitFor();
    await page.locator(".log li").first().waitFor();
    await page.locator(".place").first().click();
    await page.locator(".code .marked").waitFor();
    assert.equal(query(page).get("line"), await page.locator(".marked .line-number").textContent());
  });
});

test("the graph can be walked by keys, and a choice is shared by its address", async () => {
  await visit(base, "/graph", async (page) => {
    const gateway = page.locator('[data-node="gateway"]');
    await gateway.focus();
    await page.keyboard.press("ArrowRight");
    const next = await page.evaluate(() => document.activeElement?.getAttribute("data-node"));
    assert.ok(next && next !== "gateway");
    await page.keyboard.press("Enter");
    await page.locator(".graph-panel").getByText(next, { exact: true }).first().waitFor();
    assert.equal(query(page).get("node"), next);
    await page.reload();
    await page.locator(".graph-panel").waitFor();
    await page.keyboard.press("Escape");
    await eventually(() => page.locator(".graph-panel").count(), 0);
    await page.getByRole("radio", { name: "Table" }).click();
    await page.getByRole("row").nth(1).waitFor();
  });
});

test("the drawing has every edge of the document", async () => {
  await visit(base, "/graph?window=5m", async (page) => {
    const wanted = (await (await fetch(`${base}/v1/graph?window=5m`)).json()).edges.filter((edge) => edge.from !== edge.to).length;
    await eventually(() => page.locator(".edge").count(), wanted);
  });
});

test("a trace is read by keys", async () => {
  await visit(base, `/traces/${trace}`, async (page) => {
    await page.locator(".span-row").first().waitFor();
    const rows = await page.locator(".span-row").count();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await page.locator(".span-panel").waitFor();
    await eventually(() => query(page).get("span"), Boolean);
    const address = page.url();
    await page.keyboard.press("ArrowLeft");
    await eventually(() => page.locator(".span-row").count(), (count) => count === 1 || count < rows);
    await page.keyboard.press("ArrowRight");
    await eventually(() => page.locator(".span-row").count(), rows);
    await page.keyboard.press("Escape");
    await eventually(() => page.locator(".span-panel").count(), 0);
    await page.keyboard.press("/");
    await page.keyboard.type("zzzz");
    await page.getByText("0 found").waitFor();
    await page.keyboard.press("Escape");
    await page.keyboard.press("c");
    await eventually(() => query(page).get("critical"), "1");
    await page.goto(address);
    await page.locator(".span-panel").waitFor();
  });
});

test("keys open pages, help and the quick jump", async () => {
  await visit(base, "/services", async (page) => {
    await page.locator(".is-live").waitFor();
    await page.keyboard.press("g");
    await page.keyboard.press("r");
    await page.waitForURL("**/requests*");
    await page.keyboard.press("g");
    await page.keyboard.press("b");
    await page.waitForURL("**/resilience*");
    await page.keyboard.press("?");
    await page.getByRole("dialog", { name: "Keyboard help" }).waitFor();
    await page.keyboard.press("Escape");
    await eventually(() => page.getByRole("dialog").count(), 0);
    await page.keyboard.press("Control+k");
    await page.getByRole("dialog").getByRole("combobox").fill(service);
    await page.keyboard.press("Enter");
    await page.waitForURL(`**/services/${service}*`);
    await page.keyboard.press("Control+k");
    await page.getByRole("dialog").getByRole("combobox").fill(trace);
    await page.keyboard.press("Enter");
    await page.waitForURL(`**/traces/${trace}*`);
  });
});

test("arrows and Enter open a row", async () => {
  for (const [path, opened] of [["/services", /\/services\/./], ["/requests", /\/traces\/./]]) {
    await visit(base, path, async (page) => {
      await page.locator("a[data-row]").first().waitFor();
      await page.keyboard.press("ArrowDown");
      await page.keyboard.press("ArrowDown");
      await page.keyboard.press("Enter");
      await page.waitForURL(opened);
    });
  }
});

test("the theme can be chosen and is kept", async () => {
  await visit(base, "/services", async (page) => {
    const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const light = await ground();
    await page.keyboard.press("t");
    await page.keyboard.press("t");
    assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "dark");
    assert.notEqual(await ground(), light);
    await page.reload();
    assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "dark");
  });
});

test("a URL is explained", async () => {
  await visit(base, "/configuration", async (page) => {
    await page.getByPlaceholder("Where would this URL go").fill("https://shop.localhost/api/orders");
    await page.getByRole("button", { name: "Explain" }).click();
    await page.locator(".explain-answer").waitFor();
    assert.equal(query(page).get("url"), "https://shop.localhost/api/orders");
  });
});

test("requests come in by themselves, can be held and filtered", mocked, async () => {
  await visit(base, "/requests", async (page) => {
    const first = () => page.locator(".request-table tbody td").first().textContent();
    const before = await first();
    await eventually(first, (now) => now !== before);
    await page.keyboard.press("p");
    const held = await first();
    await page.getByText(/\d+ new wait/).waitFor();
    assert.equal(await first(), held);
    await page.keyboard.press("p");
    await eventually(first, (now) => now !== held);
    await page.getByRole("radio", { name: "failed" }).click();
    await eventually(() => page.locator(".request-table tbody tr:not(.row-bad)").count(), 0);
    await page.getByLabel("Path, host or trace id").fill("no such path");
    await page.getByText("No request fits the filter").waitFor();
    await page.getByRole("button", { name: "Show all" }).click();
    await page.locator(".request-table tbody tr").first().waitFor();
  });
});

test("a service is restarted after one more question", mocked, async () => {
  await visit(base, "/services/payments", async (page) => {
    await page.getByRole("button", { name: "Restart" }).click();
    await page.getByRole("button", { name: "Restart now" }).click();
    await page.getByText("payments was restarted").waitFor();
  });
});

const breakerRow = (page, name) => page.locator(".policies-table tbody").filter({ has: page.getByRole("link", { name, exact: true }) }).locator("tr").first();

test("policies can be filtered and sorted, and the address keeps it", mocked, async () => {
  const mock = await world("shop");
  await visit(mock.url, "/resilience", async (page) => {
    const rows = page.locator(".policies-table tbody tr");
    await breakerRow(page, "payments").getByText("OPEN", { exact: true }).waitFor();
    await breakerRow(page, "payments").getByText("62.5%").waitFor();
    await breakerRow(page, "analytics").getByText("FORCED_OPEN").waitFor();
    const all = await rows.count();
    await page.getByLabel("Kind").selectOption("bulkhead");
    await eventually(() => rows.count(), 2);
    await page.getByLabel("Filter policies").fill("orders");
    await eventually(() => rows.count(), 1);
    await rows.first().getByText("38 of 50 free").waitFor();
    await page.getByLabel("Filter policies").fill("nobody");
    await page.getByRole("button", { name: "Show all" }).click();
    await eventually(() => rows.count(), all);
    await page.getByRole("columnheader", { name: "Failing" }).getByRole("button").click();
    assert.equal(query(page).get("sort"), "-failing");
    assert.equal(await page.getByRole("columnheader", { name: "Failing" }).getAttribute("aria-sort"), "descending");
    await rows.first().getByRole("link", { name: "auth" }).waitFor();
    await page.getByRole("radio", { name: "needs a look" }).click();
    await page.reload();
    await rows.first().waitFor();
    assert.equal(await page.locator(".policies-table .tone-ready").count(), 0);
  });
});

test("every kind of policy has a row, of calls and endpoints too", mocked, async () => {
  const mock = await world("shop");
  await visit(mock.url, "/resilience", async (page) => {
    const target = (name, part) => page.locator(".policies-table tbody").filter({ has: page.getByRole("link", { name, exact: true }) }).filter({ hasText: part }).locator("tr");
    await target("payments", "fromorders").filter({ hasText: "rate limiter" }).getByText("of 200 each 1s left").waitFor();
    await target("payments", "fromorders").filter({ hasText: "rate limiter" }).getByText("4 taken of later periods").waitFor();
    await target("auth", "endpoint127.0.0.1:41039").getByText("OPEN", { exact: true }).waitFor();
    await target("orders", "hedge").filter({ hasText: "hedge" }).getByText("42ms delay").waitFor();
    await target("orders", "cluster").filter({ hasText: "cluster" }).getByText("connected").waitFor();
    await page.getByLabel("Kind").selectOption("cluster");
    await page.getByRole("radio", { name: "needs a look" }).click();
    await eventually(() => page.locator(".policies-table tbody tr").count(), 1);
    await target("payments", "away").getByText("48 decided alone").waitFor();
  });
});

test("rates stand beside their thresholds where those are told", mocked, async () => {
  const mock = await world("shop");
  await visit(mock.url, "/resilience", async (page) => {
    await breakerRow(page, "orders").getByText("12.5%").waitFor();
    assert.equal(await page.locator(".meter-mark").count(), 0);
    Object.assign(mock.state.world.policies.orders.circuitbreaker, { failureRateThreshold: "10.0%", slowCallRateThreshold: 100 });
    await breakerRow(page, "orders").getByText("of 10%").waitFor();
    await breakerRow(page, "orders").getByText("of 100%").waitFor();
    assert.equal(await breakerRow(page, "orders").locator("td.tone-bad").count(), 1);
  });
});

test("events of policies come in by themselves", mocked, async () => {
  const mock = await world("shop");
  await visit(mock.url, "/resilience?q=bank", async (page) => {
    const events = page.getByRole("log").locator("li");
    await events.first().waitFor();
    const before = await events.count();
    await eventually(() => events.count(), (now) => now > before);
    const state = mock.state.world.policies.bank.circuitbreaker.state;
    assert.equal(await events.first().locator(".policy-state").last().innerText(), state);
    await breakerRow(page, "bank").getByText(state, { exact: true }).waitFor();
  });
});

test("a breaker is told what to do after one more question", mocked, async () => {
  const mock = await world("shop");
  await visit(mock.url, "/resilience", async (page) => {
    const change = page.getByRole("button", { name: "Change the breaker of orders", exact: true });
    const dialog = page.getByRole("dialog", { name: "Breaker of orders" });
    await change.click();
    await dialog.getByText("CLOSED", { exact: true }).waitFor();
    assert.ok(await dialog.getByRole("button", { name: "Choose one" }).isDisabled());
    assert.ok(await dialog.getByRole("radio", { name: /^Close/ }).isDisabled());
    await page.keyboard.press("Escape");
    await eventually(() => page.getByRole("dialog").count(), 0);
    assert.equal(await page.evaluate(() => document.activeElement?.getAttribute("aria-label")), "Change the breaker of orders");
    for (const [choice, state] of [["Force open", "FORCED_OPEN"], ["Disable", "DISABLED"], ["Metrics only", "METRICS_ONLY"], ["Close", "CLOSED"], ["Reset", "CLOSED"]]) {
      await change.click();
      await dialog.getByRole("radio", { name: new RegExp(`^${choice} `) }).check();
      await dialog.getByRole("button", { name: `${choice} now` }).click();
      await page.locator(".toast").last().getByText(`The breaker of orders is ${state} now`).waitFor();
      await eventually(() => page.getByRole("dialog").count(), 0);
      await breakerRow(page, "orders").getByText(state, { exact: true }).waitFor();
      await page.getByRole("log").locator("li").first().getByText("orders").waitFor();
      assert.equal(mock.state.world.policies.orders.circuitbreaker.state, state);
    }
    await page.getByRole("log").locator("li").first().getByText("reset", { exact: true }).waitFor();
  });
});

test("an order that is refused is told with what helps", mocked, async () => {
  const mock = await world("shop");
  mock.state.illegal = true;
  await visit(mock.url, "/resilience", async (page) => {
    await page.getByRole("button", { name: "Change the breaker of pdf" }).click();
    await page.getByRole("radio", { name: /^Force open / }).check();
    await page.getByRole("button", { name: "Force open now" }).click();
    await page.getByText("The breaker of pdf was not changed: a breaker does not go from DISABLED to FORCED_OPEN").waitFor();
    await page.getByText("works from every state").waitFor();
    await breakerRow(page, "pdf").getByText("DISABLED").waitFor();
  }, { forgive: /409/ });
});

test("policies that cannot be read are asked for again", mocked, async () => {
  const mock = await world("shop");
  await visit(mock.url, "/services", async (page) => {
    await page.locator(".is-live").waitFor();
    await page.route("**/v1/resilience", (route) => route.fulfill({ status: 500, contentType: "application/problem+json", body: JSON.stringify({ code: "failed", title: "it failed", detail: "the registry is gone" }) }));
    await page.keyboard.press("g");
    await page.keyboard.press("b");
    await page.getByRole("alert").getByText("the registry is gone").waitFor();
    await page.unroute("**/v1/resilience");
    await page.getByRole("button", { name: "Try again" }).click();
    await breakerRow(page, "orders").waitFor();
  }, { forgive: /500/ });
});

test("a breaker that is not closed is seen at its service, in the list and in the graph", mocked, async () => {
  const mock = await world("shop");
  await visit(mock.url, "/services", async (page) => {
    const row = (name) => page.locator(".services-table tbody tr").filter({ has: page.getByRole("link", { name, exact: true }) });
    await row("payments").getByRole("link", { name: "breaker OPEN" }).waitFor();
    assert.equal(await row("orders").locator(".breaker-badge").count(), 0);
    await row("payments").getByRole("link", { name: "breaker OPEN" }).click();
    await page.waitForURL("**/resilience?*");
    assert.equal(query(page).get("q"), "payments");
    await eventually(() => page.locator(".policies-table tbody tr").count(), 2);
    await page.goto(`${mock.url}/services/payments`);
    const list = page.getByRole("list", { name: "Policies of payments" });
    await list.getByText("OPEN", { exact: true }).waitFor();
    assert.equal(await list.getByRole("listitem").count(), 9);
    await page.goto(`${mock.url}/graph?node=payments`);
    await page.locator('[data-node="payments"] .breaker-mark').waitFor();
    assert.equal(await page.locator('[data-node="orders"] .breaker-mark').count(), 0);
    await page.locator(".graph-panel").getByRole("link", { name: "breaker OPEN" }).waitFor();
  });
});

test("a lost connection is told, and found again", mocked, async () => {
  const mock = await world("shop");
  await visit(mock.url, "/services", async (page) => {
    await page.locator(".is-live").waitFor();
    mock.state.broken = true;
    for (const reader of mock.state.readers) reader.destroy();
    await page.getByText("Trunkline does not answer.").waitFor();
    await page.locator(".services-table tbody tr").first().waitFor();
    mock.state.broken = false;
    await page.getByRole("button", { name: "Try now" }).click();
    await page.locator(".is-live").waitFor();
  }, { forgive: /Failed to load resource|ERR_/ });
});

test("a hidden tab reads nothing", mocked, async () => {
  const mock = await world("shop");
  await visit(mock.url, "/services", async (page) => {
    await page.locator(".is-live").waitFor();
    const hide = (hidden) => page.evaluate((value) => {
      Object.defineProperty(document, "hidden", { value, configurable: true });
      document.dispatchEvent(new Event("visibilitychange"));
    }, hidden);
    await hide(true);
    await eventually(() => mock.state.readers.size, 0);
    await hide(false);
    await eventually(() => mock.state.readers.size, 1);
  });
});

test("a token is asked for once, and a wrong one is told", mocked, async () => {
  const mock = await world("shop", { token: "open sesame" });
  await visit(mock.url, "/services", async (page) => {
    await page.getByRole("dialog", { name: "Management token" }).waitFor();
    await page.getByLabel("Token", { exact: true }).fill("wrong");
    await page.getByRole("button", { name: "Continue" }).click();
    await page.getByText("That token was refused.").waitFor();
    await page.getByLabel("Token", { exact: true }).fill("open sesame");
    await page.getByRole("button", { name: "Continue" }).click();
    await page.locator(".services-table tbody tr").first().waitFor();
    await page.locator(".is-live").waitFor();
    await page.reload();
    await page.locator(".is-live").waitFor();
    assert.equal(await page.getByRole("dialog").count(), 0);
    assert.ok(!page.url().includes("sesame"));
  }, { forgive: /401/ });
});

const spanOf = async (url, id) => (await (await fetch(`${url}/v1/traces/${id}/waterfall?rows=9`)).json()).rows[2].id;

test("hostile names are only text", mocked, async () => {
  const mock = await world("hostile");
  const nasty = mock.state.world.services.map((one) => one.name);
  for (const path of ["/services", ...nasty.map((name) => `/services/${encodeURIComponent(name)}`), "/graph", "/graph?view=table", "/requests", `/traces/${"a".repeat(32)}`, "/traces?facet=user_agent.original", ...["flame", "spans", "statistics", "critical"].map((view) => `/traces/${"a".repeat(32)}?view=${view}`), `/traces/${"a".repeat(32)}?span=${await spanOf(mock.url, "a".repeat(32))}`, `/compare?a=${"a".repeat(32)}&b=${"b".repeat(32)}`, "/dependencies", "/dependencies?view=table", "/resilience", "/configuration", "/configuration?section=services"]) {
    await visit(mock.url, path, async (page) => {
      await eventually(() => page.locator(".skeleton").count(), 0);
      await page.locator(".is-live").waitFor();
      assert.equal(await page.locator("main img, main script, main iframe").count(), 0);
      assert.equal(await page.locator('a[href^="javascript" i]').count(), 0);
      assert.doesNotMatch(await page.locator("#console").innerText(), /[\u0000-\u0008\u000e-\u001f\u202a-\u202e]/);
      await assertFits(page);
    });
  }
});

test("a world without anything says what to do", mocked, async () => {
  const mock = await world("empty");
  for (const [path, text] of [["/services", "No services yet"], ["/graph", "Nothing to draw yet"], ["/requests", "No requests yet"], ["/traces", "No traces yet"], ["/dependencies", "No calls between services yet"], ["/resilience", "No policies yet"], ["/configuration", "There are no routes."]]) {
    await visit(mock.url, path, (page) => page.getByText(text).waitFor());
  }
  await visit(mock.url, `/traces/${"0".repeat(32)}`, (page) => page.getByText("This trace is not kept").waitFor(), { forgive: /404/ });
  await visit(mock.url, "/services/nobody", (page) => page.getByText("There is no service").waitFor());
});

test("two hundred services are listed and drawn", mocked, async () => {
  const mock = await world("many");
  await visit(mock.url, "/services", (page) => eventually(() => page.locator(".services-table tbody tr").count(), 200));
  await visit(mock.url, "/graph", (page) => eventually(() => page.locator(".node").count(), 201));
});

test("nothing moves for those who asked for stillness", mocked, async () => {
  await visit(base, "/graph", async (page) => {
    await page.locator(".node").first().waitFor();
    assert.equal(await page.locator(".edge-dot").count(), 0);
  }, { reducedMotion: "reduce" });
});
