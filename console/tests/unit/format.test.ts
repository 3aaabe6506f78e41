// How things are written.
import assert from "node:assert/strict";
import { test } from "node:test";
import { count, duration, logText, number, parseDuration, rate, safeHref, share, span, visible } from "../../src/format";

function check<T>(write: (value: T) => unknown, cases: [T, unknown][]): void {
  for (const [value, expected] of cases) assert.equal(write(value), expected, JSON.stringify(value));
}

test("numbers keep three digits and no needless zeros", () => {
  check(number, [[0, "0"], [1, "1"], [1.5, "1.5"], [1.234, "1.23"], [12.34, "12.3"], [123.4, "123"], [9999, "9999"], [12_345, "12.3k"], [1_234_567, "1.23M"], [0.004, "<0.01"], [null, "–"], [Number.NaN, "–"]]);
});

test("what is not zero is never written as zero", () => {
  check(share, [[0, "0%"], [0.0001, "<0.1%"], [0.012, "1.2%"], [0.5, "50%"], [0.9999, ">99.9%"], [1, "100%"], [null, "–"]]);
  check(rate, [[0, "0/s"], [0.001, "<0.01/s"], [null, "–"]]);
});

test("durations take the unit that keeps them short", () => {
  check(duration, [[0, "0"], [0.0004, "<1µs"], [0.25, "250µs"], [1.5, "1.5ms"], [999.4, "999ms"], [1500, "1.5s"], [61_000, "1m 1s"], [3_600_000, "1h"], [null, "–"], [undefined, "–"]]);
  check(span, [[0, "0s"], [59.9, "59s"], [60, "1m"], [3661, "1h 1m"], [90_000, "1d 1h"], [null, "–"]]);
});

test("durations that are typed are read", () => {
  check(parseDuration, [["250", 250], ["250ms", 250], ["1.5s", 1500], ["2m", 120_000], ["5us", 0.005], ["", null], ["fast", null], ["-5ms", null]]);
});

test("counts have spaces between thousands", () => check(count, [[1234567, "1\u202F234\u202F567"], [999, "999"], [null, "–"]]));

test("hidden characters are shown, not obeyed", () => {
  check(visible, [["a\u0000b", "a\u2400b"], ["\u202egnp.exe", "⟨202E⟩gnp.exe"], ["\u001b[31m", "\u241b[31m"], [null, ""], [{ a: 1 }, '{"a":1}'], [false, "false"], ["שלום", "שלום"], ["line\n", "line\n"]]);
});

test("colours are taken out of logs", () => check(logText, [["\u001b[32mINFO\u001b[0m up\u0007", "INFO up\u2407"], ["\u001b]8;;https://x\u0007link\u001b]8;;\u0007", "link"]]));

test("only pages are links", () => {
  check(safeHref, [["https://a.localhost/x", "https://a.localhost/x"], ["javascript:alert(1)", null], ["data:text/html,x", null], [" https://a", null], ["//a", null], [null, null]]);
});
