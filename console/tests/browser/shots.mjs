// Takes a picture of every page, light, dark and narrow, to be looked at by a person.
//
//   node tests/browser/shots.mjs FOLDER [BASE_URL]
import { mkdir } from "node:fs/promises";
import { start } from "../../mock/server.mjs";
import { launch } from "./browser.mjs";

const folder = process.argv[2] ?? "shots";
const only = process.argv[4] ? new RegExp(process.argv[4]) : /./;
await mkdir(folder, { recursive: true });
const mock = process.argv[3] && process.argv[3] !== "-" ? null : await start({ port: 0 });
const base = mock?.url ?? process.argv[3];
const found = (await (await fetch(`${base}/v1/traces?limit=100`)).json()).traces ?? [];
const failed = found.filter((one) => one.failed && one.spans > 8)[0]?.id ?? found[0]?.id;
const [one, other] = found.filter((trace) => trace.name === found[0]?.name).map((trace) => trace.id);
const trace = failed ?? (await (await fetch(`${base}/v1/requests?limit=1`)).json()).requests[0]?.trace;

async function causeOf(id) {
  const document = await (await fetch(`${base}/v1/traces/${id}/waterfall?rows=20`)).json();
  return document.causes?.[0]?.span ?? document.rows?.[1]?.id;
}

const PAGES = {
  services: "/services",
  service: `/services/${process.env.SERVICE ?? "payments"}`,
  graph: "/graph",
  graph_node: `/graph?node=${process.env.NODE ?? "orders"}`,
  graph_table: "/graph?view=table",
  requests: "/requests",
  traces: "/traces?facet=http.route",
  traces_failed: "/traces?status=error&min=20ms&sort=-duration",
  trace: `/traces/${trace}`,
  trace_span: `/traces/${trace}?span=${process.env.SPAN ?? (await causeOf(trace))}`,
  flame: `/traces/${trace}?view=flame`,
  spans: `/traces/${trace}?view=spans&sort=-duration`,
  statistics: `/traces/${trace}?view=statistics`,
  critical: `/traces/${trace}?view=critical`,
  compare: `/compare?a=${one}&b=${other ?? one}`,
  dependencies: "/dependencies",
  dependencies_table: "/dependencies?view=table",
  resilience: "/resilience",
  configuration: "/configuration?file=trunkline.yaml&line=30",
  huge_flame: `/traces/${"f".repeat(32)}?view=flame`,
  huge: `/traces/${"f".repeat(32)}`,
};
const LOOKS = {
  light: { viewport: { width: 1440, height: 900 }, colorScheme: "light" },
  dark: { viewport: { width: 1440, height: 900 }, colorScheme: "dark" },
  narrow: { viewport: { width: 360, height: 740 }, colorScheme: "light", hasTouch: true },
};
const browser = await launch();
for (const [look, options] of Object.entries(LOOKS)) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  for (const [name, path] of Object.entries(PAGES)) {
    if (!only.test(`${name}-${look}`)) continue;
    await page.goto(base + path);
    await page.waitForTimeout(name === "huge" ? 4000 : 1800);
    await page.screenshot({ path: `${folder}/${name}-${look}.png`, fullPage: look === "narrow" });
  }
  await context.close();
}
await browser.close();
mock?.stop();
process.exit(0);
