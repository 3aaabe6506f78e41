// The command line of the journey. Without `--ca`, the roots that Trunkline made on this machine are trusted.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { rootCertificates } from "node:tls";
import { parseArgs } from "node:util";

const USAGE = "usage: node journey.mjs [--base https://monorepo-polyglot.localhost:8443] [--ca root.pem] [--json]\n";

export function readOptions(parameters) {
  try {
    const { values } = parseArgs({
      args: parameters,
      options: {
        base: { type: "string", default: "https://monorepo-polyglot.localhost:8443" },
        ca: { type: "string" },
        json: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
    });
    if (values.help) {
      process.stdout.write(USAGE);
      process.exit(0);
    }
    new URL(values.base);
    return { base: values.base, json: values.json, ca: values.ca ? readFileSync(values.ca) : knownRoots() };
  } catch (error) {
    process.stderr.write(`${error.message}\n${USAGE}`);
    process.exit(2);
  }
}

function knownRoots() {
  const data = process.env.XDG_DATA_HOME ?? join(homedir(), ".local", "share");
  const folder = join(data, "trunkline", "ca");
  if (!existsSync(folder)) return undefined;
  const files = readdirSync(folder)
    .map((project) => join(folder, project, "root.pem"))
    .filter(existsSync);
  return [...rootCertificates, ...files.map((file) => readFileSync(file))];
}
