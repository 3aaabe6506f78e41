// The shared plumbing of the TypeScript services. A service is a list of routes; the rest is here, once.

export { createListener, type Definition } from "./listener.js";
export { loadAssets } from "./assets.js";
export { Callee } from "./callee.js";
export { type Answer, type Exchange, json } from "./exchange.js";
export { html, type Markup, raw } from "./html.js";
export { createLog, type Log } from "./log.js";
export { Counter, Metrics } from "./metrics.js";
export { Problem } from "./problem.js";
export { type Route } from "./router.js";
export { serve } from "./serve.js";
