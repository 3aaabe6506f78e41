// Makes the workspace ready for the service that is being built: installs packages if they are missing, and compiles
// the shared ones. Three services start at the same moment and `npm ci` removes what it finds, so one at a time.
// The work itself is skipped in milliseconds when there is nothing to do.

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createHash } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const INSTALLED = join(ROOT, "node_modules", ".prepared");
const TYPESCRIPT = join(ROOT, "node_modules", "typescript", "bin", "tsc");
const SHARED_PACKAGES = ["packages/http-service", "packages/page-kit"];

/** Outside the checkout, because `npm ci` would remove it; named by the checkout, because there may be several. */
const LOCK = join(tmpdir(), `monorepo-polyglot-${createHash("sha256").update(ROOT).digest("hex").slice(0, 16)}.lock`);
const LOCK_WAIT_MS_MAX = 180_000;
const LOCK_LOOK_AGAIN_MS = 50;
/** A holder writes its process id directly after the folder is made; one without is dead after this long. */
const LOCK_WITHOUT_OWNER_MS_MAX = 2_000;

await withLock(() => {
  install();
  run(process.execPath, [TYPESCRIPT, "--build", ...SHARED_PACKAGES]);
});

/** Installs when there is nothing, or when the lock file is another than the installed one. */
function install() {
  const wanted = createHash("sha256")
    .update(readFileSync(join(ROOT, "package-lock.json")))
    .digest("hex");
  if (existsSync(TYPESCRIPT) && existsSync(INSTALLED) && readFileSync(INSTALLED, "utf8") === wanted) return;
  run("npm", ["ci"]);
  writeFileSync(INSTALLED, wanted);
}

function run(command, parameters) {
  const { status, error } = spawnSync(command, parameters, { cwd: ROOT, stdio: "inherit" });
  if (error) throw error;
  if (status !== 0) {
    rmSync(LOCK, { recursive: true, force: true });
    process.exit(status ?? 1);
  }
}

async function withLock(work) {
  const giveUp = Date.now() + LOCK_WAIT_MS_MAX;
  while (!take()) {
    if (Date.now() > giveUp) throw new Error(`another build has held ${LOCK} for too long; remove it if none runs`);
    await new Promise((again) => setTimeout(again, LOCK_LOOK_AGAIN_MS));
  }
  try {
    work();
  } finally {
    rmSync(LOCK, { recursive: true, force: true });
  }
}

/** Making a folder fails if it exists: the one such operation that every file system has. */
function take() {
  try {
    mkdirSync(LOCK);
  } catch (error) {
    if (error.code !== "EEXIST") throw error;
    if (ownerIsGone()) rmSync(LOCK, { recursive: true, force: true });
    return false;
  }
  writeFileSync(join(LOCK, "owner"), String(process.pid));
  return true;
}

function ownerIsGone() {
  try {
    process.kill(Number(readFileSync(join(LOCK, "owner"), "utf8")), 0);
    return false;
  } catch (error) {
    if (error.code === "ESRCH") return true;
    if (error.code !== "ENOENT") return false;
  }
  try {
    return Date.now() - statSync(LOCK).mtimeMs > LOCK_WITHOUT_OWNER_MS_MAX;
  } catch {
    return false;
  }
}
