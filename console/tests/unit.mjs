// Runs the unit tests: each is bundled to plain JavaScript first, as old versions of Node do not read TypeScript.
import { spawnSync } from "node:child_process";
import { readdirSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const tests = readdirSync(here("unit")).filter((name) => name.endsWith(".test.ts"));
rmSync(here(".build"), { recursive: true, force: true });
await build({
  entryPoints: tests.map((name) => here(`unit/${name}`)),
  outdir: here(".build"),
  outExtension: { ".js": ".mjs" },
  bundle: true,
  platform: "node",
  format: "esm",
  target: "node18",
  jsx: "automatic",
  jsxImportSource: "preact",
  logLevel: "warning",
});
const files = tests.map((name) => here(`.build/${name.replace(/\.ts$/, ".mjs")}`));
process.exit(spawnSync(process.execPath, ["--test", ...files], { stdio: "inherit" }).status ?? 1);
