// A visit to the console that fails on what no page may do: errors, requests to elsewhere, breaches of the content
// security policy.
import assert from "node:assert/strict";
import { launch } from "./browser.mjs";

let browser;

/** Opens `path` and hands the page to `steps`; `forgive` matches errors that the test provokes itself. */
export async function visit(base, path, steps, { forgive, ...options } = {}) {
  browser ??= await launch();
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, colorScheme: "light", ignoreHTTPSErrors: true, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  const wrong = [];
  const note = (text) => (forgive?.test(text) ? undefined : wrong.push(text));
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && note(`${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => note(`uncaught: ${error.message}`));
  page.on("request", (request) => {
    const url = new URL(request.url());
    if (url.protocol !== "data:" && url.origin !== new URL(base).origin) wrong.push(`outside: ${request.url()}`);
  });
  await context.exposeFunction("noteBreach", (text) => wrong.push(`policy: ${text}`));
  await context.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (event) => window.noteBreach(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
  });
  try {
    await page.goto(base + path);
    await steps(page);
    assert.deepEqual(wrong, []);
  } finally {
    await context.close();
  }
}

export async function close() {
  await browser?.close();
}

/** Waits until `read` gives what `expected` says. */
export async function eventually(read, expected) {
  const until = Date.now() + 15_000;
  let last;
  do {
    last = await read();
    if (expected instanceof Function ? expected(last) : last === expected) return last;
    await new Promise((resolve) => setTimeout(resolve, 50));
  } while (Date.now() < until);
  assert.fail(`never came true, last: ${JSON.stringify(last)}`);
}

/** No page may be wider than the screen. */
export async function assertFits(page) {
  const { inner, outer, widest } = await page.evaluate(() => {
    const root = document.documentElement;
    const over = [...document.querySelectorAll("#console *")].filter((element) => element.getBoundingClientRect().right > root.clientWidth + 1);
    return { inner: root.scrollWidth, outer: root.clientWidth, widest: over.slice(0, 6).map((element) => `${element.tagName}.${element.getAttribute("class")}`) };
  });
  assert.ok(inner <= outer, `${page.url()} is ${inner} wide on a screen of ${outer}: ${widest.join(", ")}`);
}

/** The smallest contrast between text and what is behind it, and where. After WCAG 2.2, 1.4.3. */
export async function worstContrast(page) {
  return page.evaluate(() => {
    const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    const parse = (colour) => {
      canvas.clearRect(0, 0, 1, 1);
      canvas.fillStyle = colour;
      canvas.fillRect(0, 0, 1, 1);
      return [...canvas.getImageData(0, 0, 1, 1).data];
    };
    const light = ([r, g, b]) => [r, g, b].map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)).reduce((sum, v, at) => sum + v * [0.2126, 0.7152, 0.0722][at], 0);
    const ground = (element) => {
      for (let at = element; at; at = at.parentElement) {
        const colour = parse(getComputedStyle(at).backgroundColor);
        if (colour[3] === 255) return colour;
      }
      return parse("Canvas");
    };
    let worst = { ratio: 21, text: "" };
    for (const element of document.querySelectorAll("#console *")) {
      const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
      if (!own || !element.checkVisibility({ opacityProperty: true }) || element.closest(".faded, .hidden, .skip, :disabled")) continue;
      const style = getComputedStyle(element);
      const [one, other] = [light(parse(element instanceof SVGElement ? style.fill : style.color)), light(ground(element))];
      const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
      if (ratio < worst.ratio) worst = { ratio, text: `${element.textContent.slice(0, 40)} .${element.getAttribute("class")}` };
    }
    return worst;
  });
}
