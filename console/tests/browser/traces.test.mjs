// Clicks through the pages of traces in a real browser, against made-up documents.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { start } from "../../mock/server.mjs";
import { close, eventually, visit } from "./visit.mjs";

const HUGE = "f".repeat(32);
const DEEP = "e".repeat(32);
const options = { skip: process.env.BASE_URL ? "needs made-up documents" : false };
let mock;
let base;
let found;

before(async () => {
  mock = await start({ world: "shop" });
  base = mock.url;
  found = await read("/v1/traces?limit=400");
});

after(async () => {
  await close();
  mock.stop();
});

const read = async (path) => (await fetch(base + path)).json();
const query = (page) => new URL(page.url()).searchParams;
const rows = (page) => page.locator(".trace-table tbody tr");
const waterfall = (id, asked = "") => read(`/v1/traces/${id}/waterfall?rows=1000${asked}`);
const failing = () => found.traces.find((one) => one.failed === 1 && one.spans > 8).id;

test("a search stands in the address, and the address brings it back", options, async () => {
  const { service, name } = (await waterfall(failing())).rows.find((row) => row.failed);
  await visit(base, "/traces", async (page) => {
    await rows(page).first().waitFor();
    assert.equal(await rows(page).count(), 20);
    await page.getByRole("combobox", { name: "Service", exact: true }).selectOption(service);
    await page.getByLabel("Outcome").selectOption("error");
    await page.getByLabel("Operation").fill(name);
    await page.getByLabel("Conditions on attributes").fill('!empty "error.type=timeout"');
    await page.getByLabel("Shortest duration").fill("1ms");
    await page.getByRole("button", { name: "Find" }).click();
    await eventually(() => query(page).get("tags"), '!empty "error.type=timeout"');
    assert.deepEqual([query(page).get("service"), query(page).get("status"), query(page).get("operation"), query(page).get("min")], [service, "error", name, "1ms"]);
    const wanted = (await read(`/v1/traces?${new URLSearchParams({ service, status: "error", operation: name, min_duration: "1ms", limit: "20" })}&attribute=!empty&attribute=error.type=timeout`)).traces;
    assert.ok(wanted.length > 0, "the made-up traces have none such");
    await eventually(() => rows(page).count(), wanted.length);
    await page.reload();
    await rows(page).first().waitFor();
    assert.equal(await page.getByLabel("Operation").inputValue(), name);
    assert.equal(await page.getByRole("combobox", { name: "Service", exact: true }).inputValue(), service);
    await page.getByRole("button", { name: "Reset" }).click();
    await eventually(() => rows(page).count(), 20);
    assert.equal(await page.getByLabel("Operation").inputValue(), "");
    await page.goBack();
    await eventually(() => page.getByLabel("Operation").inputValue(), name);
  });
});

test("what was typed wrongly is told and not asked", options, async () => {
  await visit(base, "/traces?min=2s&max=1s", async (page) => {
    await page.getByText("it is shorter than the shortest").waitFor();
    assert.equal(await page.getByLabel("Longest duration").getAttribute("aria-invalid"), "true");
    await page.getByLabel("Longest duration").fill("3s");
    await page.keyboard.press("Enter");
    await page.getByText("No trace fits the search").waitFor();
    await page.getByRole("button", { name: "Show all" }).click();
    await rows(page).first().waitFor();
  });
});

test("a question that costs too much is told with what helps", options, async () => {
  await visit(base, "/traces?tags=too.much", async (page) => {
    await page.getByRole("alert").getByText("narrow the time or the conditions").waitFor();
    await page.getByRole("button", { name: "Try again" }).waitFor();
  }, { forgive: /422/ });
});

test("older pages follow, and the browser leads back", options, async () => {
  await visit(base, "/traces", async (page) => {
    await rows(page).first().waitFor();
    const ids = () => page.locator(".trace-table a[data-row]").evaluateAll((links) => links.map((link) => link.pathname));
    const first = await ids();
    await page.getByRole("button", { name: "Older" }).click();
    await eventually(ids, (now) => now.length === 20 && !now.some((id) => first.includes(id)));
    await page.goBack();
    await eventually(ids, (now) => now.join() === first.join());
    await page.getByLabel("Traces on a page").selectOption("200");
    await eventually(() => rows(page).count(), 200);
    await page.getByRole("button", { name: "Older" }).click();
    await page.getByText("There are no older ones.").waitFor();
    await page.getByRole("button", { name: "Newest" }).click();
    await eventually(async () => (await ids())[0], first[0]);
  });
});

test("facets narrow the search and count attributes", options, async () => {
  await visit(base, "/traces", async (page) => {
    const facets = page.getByRole("complementary", { name: "Narrow the search" });
    await facets.getByRole("button", { name: /^mailer/ }).click();
    await eventually(() => query(page).getAll("service").join(), "mailer");
    await facets.getByRole("button", { name: /^failed/ }).click();
    assert.equal(query(page).get("status"), "error");
    await facets.getByRole("button", { name: /^failed/ }).click();
    assert.equal(query(page).get("status"), null);
    await facets.getByLabel("Count the values of an attribute").fill("db.system.name");
    await page.keyboard.press("Enter");
    await facets.getByRole("button", { name: /^postgresql/ }).click();
    await eventually(() => query(page).get("tags"), "db.system.name=postgresql");
    assert.equal(await page.getByLabel("Conditions on attributes").inputValue(), "db.system.name=postgresql");
    await facets.getByRole("button", { name: "Do not count db.system.name" }).click();
    await eventually(() => facets.getByRole("button", { name: /^postgresql/ }).count(), 0);
  });
});

test("points are walked by keys, opened by a click, and searched by dragging", options, async () => {
  await visit(base, "/traces", async (page) => {
    const picture = page.getByRole("application");
    await picture.waitFor();
    await picture.focus();
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("ArrowLeft");
    await eventually(() => page.locator(".point.lit").count(), 1);
    const box = await picture.boundingBox();
    await page.mouse.move(box.x + box.width * 0.5, box.y + 40);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.8, box.y + 100, { steps: 4 });
    await page.mouse.up();
    await eventually(() => query(page).get("until"), Boolean);
    const { since, until, min, max } = Object.fromEntries(query(page));
    assert.ok(since < until && min && max, page.url());
    await rows(page).first().waitFor();
    await page.getByRole("button", { name: "Show all times" }).click();
    await eventually(() => page.locator(".scatter .point").count(), (count) => count > 300);
    await picture.focus();
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/traces\/[0-9a-f]{32}/);
  });
});

test("rows can be sorted, walked and opened", options, async () => {
  await visit(base, "/traces?limit=50", async (page) => {
    await page.getByRole("columnheader", { name: "Duration" }).getByRole("button").click();
    assert.equal(query(page).get("sort"), "-duration");
    const longest = [...found.traces.slice(0, 50)].sort((one, other) => other.duration_ms - one.duration_ms)[0].id;
    await eventually(() => page.locator(".trace-table a[data-row]").first().getAttribute("href"), (href) => href.includes(longest));
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await page.waitForURL(new RegExp(longest));
  });
});

test("two traces are chosen and compared", options, async () => {
  await visit(base, "/traces", async (page) => {
    const boxes = page.getByRole("checkbox", { name: "Compare this trace" });
    await boxes.nth(0).check();
    await page.getByText("choose one more to compare").waitFor();
    await boxes.nth(3).check();
    await page.getByRole("link", { name: "Compare" }).click();
    await page.waitForURL("**/compare?*");
    const { a, b } = Object.fromEntries(query(page));
    assert.deepEqual([b, a], [found.traces[0].id, found.traces[3].id]);
    const { nodes } = await read(`/v1/traces/compare?a=${a}&b=${b}`);
    const shown = page.locator(".compare-tree [aria-level]");
    await eventually(() => shown.count(), nodes.length);
    await page.getByRole("radio", { name: /^changed/ }).click();
    await eventually(() => shown.count(), (count) => count <= nodes.length && count > 0);
    await page.getByLabel("Search operations").fill("no such operation");
    await page.getByText("No operation fits").waitFor();
    await page.getByRole("button", { name: "Swap the two" }).click();
    await eventually(() => query(page).get("a"), b);
    await page.getByLabel("Id of trace B").fill("not an id");
    await page.keyboard.press("Enter");
    assert.equal(await page.getByLabel("Id of trace B").getAttribute("aria-invalid"), "true");
    await page.getByLabel("Id of trace B").fill(`${base}/traces/${HUGE}?view=flame`);
    await page.keyboard.press("Enter");
    await eventually(() => query(page).get("b"), HUGE);
    await page.locator(".compare-what").nth(1).getByText("100\u202F000 spans").waitFor();
  });
});

test("folding stands in the address, and what is folded is opened for who looks for it", options, async () => {
  const id = failing();
  const whole = await waterfall(id);
  const [cause] = whole.causes;
  const row = whole.rows.find((one) => one.children && one.depth === 0);
  await visit(base, `/traces/${id}`, async (page) => {
    const shown = page.locator(".span-row");
    await shown.first().waitFor();
    await page.locator(`[data-span="${row.id}"]`).getByRole("button", { name: "Fold" }).click();
    await eventually(() => shown.count(), 1);
    await page.locator(".fold-count").getByText(String(row.descendants)).waitFor();
    await eventually(() => query(page).get("fold"), row.id);
    await page.reload();
    await eventually(() => shown.count(), 1);
    await page.getByRole("region", { name: "Where failures came from" }).getByRole("button").first().click();
    await page.locator(`[data-span="${cause.span}"].chosen`).waitFor();
    await page.locator(".span-panel").getByText("java.net.ConnectException").first().waitFor();
    await eventually(() => query(page).get("span"), cause.span);
    assert.equal(query(page).get("fold"), null);
    await page.getByRole("button", { name: "Fold all", exact: true }).click();
    await eventually(() => query(page).get("depth"), "1");
    await page.getByRole("button", { name: "Unfold all" }).click();
    await eventually(() => query(page).get("depth"), null);
  });
});

test("the details of a span have its events, links and process, and lead to its parent", options, async () => {
  let linked;
  for (const { id } of found.traces) {
    linked = (await waterfall(id)).rows.find((row) => row.links) && id;
    if (linked) break;
  }
  const [root] = (await waterfall(linked)).rows;
  await visit(base, `/traces/${linked}?span=${root.id}`, async (page) => {
    const panel = page.locator(".span-panel");
    await panel.getByText("nothing, the trace begins here").waitFor();
    await panel.locator(".span-links a").first().waitFor();
    await panel.getByText("Process", { exact: false }).first().click();
    await panel.getByText("telemetry.sdk.language").waitFor();
    await page.keyboard.press("ArrowDown");
    await panel.getByRole("button", { name: `${root.service} · ${root.name}` }).click();
    await eventually(() => query(page).get("span"), root.id);
  });
  const cause = (await waterfall(failing())).causes[0].span;
  await visit(base, `/traces/${failing()}?span=${cause}`, async (page) => {
    await page.locator(".span-events").getByText("exception.stacktrace").waitFor();
    await page.locator(".span-trouble").getByText("deadline exceeded").waitFor();
  });
});

test("a flame graph is zoomed, walked, and leads to the timeline", options, async () => {
  await visit(base, `/traces/${failing()}?view=flame`, async (page) => {
    const frames = page.locator(".frame");
    await frames.first().waitFor();
    const all = await frames.count();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowDown");
    await eventually(() => page.locator(".frame.chosen").count(), 1);
    await page.keyboard.press("Enter");
    await eventually(() => query(page).get("frame"), Boolean);
    await page.locator(".frame.above").first().waitFor();
    await page.keyboard.press("Escape");
    await eventually(() => frames.count(), all);
    await frames.nth(1).click();
    await page.reload();
    await page.locator(".frame.above").first().waitFor();
    await page.getByRole("button", { name: "Show in the timeline" }).click();
    await page.locator(".span-row.chosen").waitFor();
    assert.equal(query(page).get("view"), null);
  });
});

test("the list of spans is sorted and filtered by the server, and leads to the timeline", options, async () => {
  await visit(base, `/traces/${HUGE}`, async (page) => {
    await page.locator(".span-row").first().waitFor();
    await page.keyboard.press("3");
    await eventually(() => query(page).get("view"), "spans");
    await page.getByRole("columnheader", { name: "Duration" }).getByRole("button").click();
    const [longest] = (await read(`/v1/traces/${HUGE}/table?sort=-duration&rows=1`)).rows;
    await page.locator("#listed-0").getByText(longest.name).waitFor();
    await page.keyboard.press("End");
    await page.locator("#listed-99999.chosen").waitFor();
    await page.getByRole("button", { name: "Failed", exact: true }).click();
    const failed = await read(`/v1/traces/${HUGE}/table?sort=-duration&failed=true&rows=1`);
    await page.getByText(`${failed.total} spans`).waitFor();
    await page.getByRole("combobox", { name: "Service", exact: true }).selectOption("service-3");
    await page.getByLabel("Search spans").fill("no such span");
    await page.getByText("No span fits the filter").waitFor();
    await page.getByRole("button", { name: "Show all" }).click();
    await page.locator("#listed-0").getByText(longest.name).waitFor();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await page.locator(".span-row.chosen").waitFor();
    await eventually(() => query(page).get("span"), longest.id);
  });
});

test("statistics are added up by what one chooses", options, async () => {
  await visit(base, `/traces/${failing()}?view=statistics`, async (page) => {
    const lines = page.locator(".statistics tbody tr");
    await lines.first().waitFor();
    await page.getByRole("columnheader", { name: "Longest" }).getByRole("button").click();
    assert.equal(query(page).get("sort"), "-max");
    await page.getByLabel("Added up").selectOption("service");
    await eventually(() => lines.count(), (await read(`/v1/traces/${failing()}/statistics?by=service`)).rows.length);
    await page.getByLabel("Added up").selectOption("attribute");
    await page.getByLabel("Key of an attribute").fill("http.route");
    await page.keyboard.press("Enter");
    await page.locator(".statistics th").getByText("/auth/{id}").waitFor();
    await page.getByLabel("Added up").selectOption("operation");
    await lines.first().getByRole("link").click();
    await eventually(() => query(page).get("view"), "spans");
    await page.locator("#listed-0").waitFor();
  });
});

test("the critical path leads to its spans", options, async () => {
  const path = await read(`/v1/traces/${failing()}/critical-path`);
  const longest = [...path.segments].sort((one, other) => other.to_ms - other.from_ms - (one.to_ms - one.from_ms))[0];
  await visit(base, `/traces/${failing()}?view=critical`, async (page) => {
    await page.locator(".wait").first().click();
    await page.locator(`[data-span="${longest.span}"].chosen`).waitFor();
    await page.keyboard.press("c");
    await eventually(() => page.locator(".span-row:not(.critical)").count(), 0);
    await page.locator(`[data-span="${longest.span}"].chosen`).waitFor();
  });
});

test("matches and failures are walked through, in what is folded too", options, async () => {
  const whole = await waterfall(HUGE, "&rows=1");
  await visit(base, `/traces/${HUGE}`, async (page) => {
    await page.locator(".span-row").first().waitFor();
    await page.keyboard.press("n");
    await page.locator(`#span-${whole.failed_rows[0]}.chosen.failed`).waitFor();
    await page.keyboard.press("Shift+N");
    await page.locator(`#span-${whole.failed_rows.at(-1)}.chosen.failed`).waitFor();
    await page.getByLabel("Search spans").fill("step 54321");
    await page.getByText("1 found").waitFor();
    await page.keyboard.press("Enter");
    await page.locator(".span-row.chosen.found").waitFor();
    await page.getByRole("button", { name: "Fold all", exact: true }).click();
    await page.locator(".fold-count").first().waitFor();
    await page.keyboard.press("n");
    await page.locator(".span-row.chosen").waitFor();
  });
});

test("a hundred thousand spans open and scroll with a handful of rows, asked for in pages", options, async () => {
  for (const [id, end] of [[HUGE, 99_999], [DEEP, 19_999]]) {
    await visit(base, `/traces/${id}`, async (page) => {
      const asked = [];
      page.on("request", (request) => request.url().includes("/waterfall") && asked.push(request.url()));
      await page.locator(".span-row").first().waitFor();
      await page.keyboard.press("End");
      await page.locator(`#span-${end}:not(.awaited)`).waitFor();
      assert.ok((await page.locator(".span-row").count()) < 100);
      await page.keyboard.press("Home");
      await page.locator("#span-0").waitFor();
      assert.ok(asked.length < 8, asked.join("\n"));
      await page.getByRole("button", { name: "Fold all", exact: true }).click();
      await page.locator(".fold-count").first().waitFor();
      await page.keyboard.press("ArrowDown");
    });
  }
});

test("an address leads to a span in the middle of a huge trace", options, async () => {
  const { rows: [row] } = await waterfall(HUGE, "&from=70000&rows=1");
  await visit(base, `/traces/${HUGE}?span=${row.id}`, async (page) => {
    await page.locator(`#span-70000.chosen[data-span="${row.id}"]`).waitFor();
    await page.locator(".span-panel").getByText(row.name, { exact: true }).waitFor();
    await page.getByRole("heading", { level: 1 }).getByText("GET /report").waitFor();
    await page.keyboard.press("ArrowUp");
    await page.locator("#span-69999.chosen").waitFor();
  });
});

test("many folded spans are told in a body", options, async () => {
  const { rows: some } = await waterfall(HUGE, "&from=100&rows=1000");
  const ids = some.filter((row) => row.children).slice(0, 400).map((row) => row.id);
  await visit(base, `/traces/${HUGE}?fold=${ids.join(".")}`, async (page) => {
    await page.locator(".span-row").first().waitFor();
    assert.ok(await page.evaluate(() => performance.getEntriesByType("resource").some((one) => one.name.endsWith("/waterfall"))), "it was not asked by a body");
    const folded = (await (await fetch(`${base}/v1/traces/${HUGE}/waterfall`, { method: "POST", body: JSON.stringify({ collapsed: ids, rows: 1 }) })).json()).rows_total;
    await eventually(() => page.getByRole("treegrid").getAttribute("aria-rowcount"), String(folded));
    await page.getByRole("button", { name: "Unfold all" }).click();
    await eventually(() => page.getByRole("treegrid").getAttribute("aria-rowcount"), "100000");
  });
});

test("rows that could not be read are asked for again", options, async () => {
  await visit(base, `/traces/${HUGE}`, async (page) => {
    await page.locator(".span-row").first().waitFor();
    await page.route("**/waterfall?*", (route) => route.fulfill({ status: 503, contentType: "application/problem+json", body: JSON.stringify({ code: "query_busy", title: "busy", detail: "all places are taken" }) }));
    await page.keyboard.press("End");
    await page.getByText("Some rows could not be read.").waitFor();
    await page.unroute("**/waterfall?*");
    await page.getByRole("button", { name: "Try again" }).click();
    await page.locator("#span-99999:not(.awaited)").waitFor();
    assert.equal(await page.getByText("Some rows could not be read.").count(), 0);
  }, { forgive: /503/ });
});

test("a trace is saved as OTLP JSON", options, async () => {
  await visit(base, `/traces/${failing()}`, async (page) => {
    await page.locator(".span-row").first().waitFor();
    const [saved] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Save as OTLP JSON" }).click()]);
    assert.equal(saved.suggestedFilename(), `trace-${failing()}.json`);
  });
});

test("dependencies are drawn, chosen, and listed", options, async () => {
  await visit(base, "/dependencies", async (page) => {
    const wanted = (await read("/v1/dependencies?since=1h")).edges.length;
    await eventually(() => page.locator(".edge").count(), wanted);
    await page.locator('[data-node="postgresql"]').click();
    await page.locator(".graph-panel").getByText("database", { exact: true }).first().waitFor();
    await page.locator(".graph-panel").getByRole("link", { name: "Traces" }).waitFor();
    await page.getByLabel("Around").selectOption("payments");
    await eventually(() => page.locator(".edge").count(), (count) => count < wanted);
    assert.equal(query(page).get("service"), "payments");
    await page.getByRole("radio", { name: "Table" }).click();
    await page.getByRole("columnheader", { name: "Errors" }).getByRole("button").click();
    await page.locator(".stacked tbody tr").first().waitFor();
    await page.getByRole("link", { name: "Traces", exact: true }).last().click();
    await page.waitForURL("**/traces?service=*");
  });
});
