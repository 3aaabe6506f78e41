// Which handler answers a path. Patterns are literal segments and `:named` ones, such as `/products/:sku`.

import type { Answer, Exchange } from "./exchange.js";
import { Problem } from "./problem.js";

export interface Route {
  method: "GET" | "POST";
  pattern: string;
  handle: (exchange: Exchange) => Answer | Promise<Answer>;
}

export interface Match {
  route: Route;
  params: Record<string, string>;
}

/** The route of a request. Throws 404 or 405. `HEAD` is answered by the route of `GET`. */
export function findRoute(routes: readonly Route[], method: string, path: string): Match {
  const allowed = new Set<string>();
  const asked = method === "HEAD" ? "GET" : method;
  for (const route of routes) {
    const params = matchPattern(route.pattern, path);
    if (!params) continue;
    if (route.method === asked) return { route, params };
    allowed.add(route.method);
    if (route.method === "GET") allowed.add("HEAD");
  }
  if (allowed.size === 0) throw new Problem(404, "There is nothing at this path.");
  throw new Problem(405, "This path does not take that method.", { allow: [...allowed].join(", ") });
}

/** The pattern that a path belongs to whatever its method: the bounded label of logs and metrics. */
export function routeLabel(routes: readonly Route[], path: string): string {
  return routes.find((route) => matchPattern(route.pattern, path))?.pattern ?? "unmatched";
}

function matchPattern(pattern: string, path: string): Record<string, string> | undefined {
  const wanted = pattern.split("/");
  const given = path.split("/");
  if (wanted.length !== given.length) return undefined;
  const params: Record<string, string> = {};
  for (const [index, segment] of wanted.entries()) {
    const value = given[index] ?? "";
    if (segment.startsWith(":")) {
      const decoded = decode(value);
      if (!decoded) return undefined;
      params[segment.slice(1)] = decoded;
    } else if (segment !== value) {
      return undefined;
    }
  }
  return params;
}

function decode(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}
