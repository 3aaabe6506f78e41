// Is `dist` what the source builds? Builds beside it and compares byte by byte.
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "vite";

/** First load, compressed. */
const BYTES_MAX = 120 * 1024;

const root = fileURLToPath(new URL("..", import.meta.url));
const dist = join(root, "dist");
const beside = mkdtempSync(join(tmpdir(), "console-"));
const files = (folder) => readdirSync(folder, { recursive: true }).map(String).filter((name) => statSync(join(folder, name)).isFile()).sort();
await build({ root, logLevel: "error", build: { outDir: beside, emptyOutDir: true } });
const [committed, built] = [files(dist), files(beside)];
const different = committed.join() !== built.join() ? [`${committed.join(" ")} is not ${built.join(" ")}`] : built.filter((name) => !readFileSync(join(dist, name)).equals(readFileSync(join(beside, name))));
const bytes = built.reduce((sum, name) => sum + gzipSync(readFileSync(join(beside, name))).length, 0);
rmSync(beside, { recursive: true });
if (different.length) {
  console.error(`${relative(process.cwd(), dist) || "dist"} is not what the source builds: ${different.join(", ")}\nrun \`npm run build\` and commit what it writes`);
  process.exit(1);
}
if (bytes > BYTES_MAX) {
  console.error(`the first load has ${bytes} bytes, more than ${BYTES_MAX}`);
  process.exit(1);
}
console.log(`dist is fresh; the first load has ${bytes} bytes`);
