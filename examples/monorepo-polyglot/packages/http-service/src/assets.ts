// Files for the browser, read once at start: a fixed set, so no path of a caller ever meets the file system.

import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { extname, join } from "node:path";

import type { Answer, Exchange } from "./exchange.js";
import { Problem } from "./problem.js";
import type { Route } from "./router.js";

const TYPES: Record<string, string> = {
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".svg": "image/svg+xml",
};

interface Asset {
  type: string;
  body: Buffer;
  etag: string;
}

/** Routes that serve the files of folders below a path, such as `{ "/assets/": [style, scripts] }`. */
export function loadAssets(folders: Record<string, string[]>): Route[] {
  return Object.entries(folders).map(([prefix, paths]) => {
    const assets = new Map(paths.flatMap(readFolder));
    return { method: "GET", pattern: `${prefix}:file`, handle: (exchange) => answer(assets, exchange) };
  });
}

function readFolder(folder: string): [string, Asset][] {
  return readdirSync(folder).flatMap((name): [string, Asset][] => {
    const type = TYPES[extname(name)];
    if (!type) return [];
    const body = readFileSync(join(folder, name));
    const etag = `"${createHash("sha256").update(body).digest("base64url").slice(0, 22)}"`;
    return [[name, { type, body, etag }]];
  });
}

function answer(assets: Map<string, Asset>, exchange: Exchange): Answer {
  const asset = assets.get(exchange.params["file"] ?? "");
  if (!asset) throw new Problem(404, "There is no such file.");
  const headers = { etag: asset.etag, "cache-control": "no-cache" };
  if (exchange.headers["if-none-match"] === asset.etag) return { status: 304, headers };
  return { status: 200, headers: { ...headers, "content-type": asset.type }, body: asset.body };
}
