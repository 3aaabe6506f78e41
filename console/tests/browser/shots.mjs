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
const trace = (await (await fetch(`${base}/v1/requests?limit=1`)).json()).requests[0]?.trace;
const PAGES = {
  services: "/services",
  service: `/services/${process.env.SERVICE ?? "payments"}`,
  graph: "/graph",
  graph_node: `/graph?node=${process.env.NODE ?? "orders"}`,
  graph_table: "/graph?view=table",
  requests: "/requests",
  trace: `/traces/${trace}`,
  resilience: "/resilience",
  configuration: "/configuration?file=trunkline.yaml&line=30",
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
