// Filters, orders and what is read from lines of logs.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ceiling } from "../../src/parts/chart";
import { assign } from "../../src/known";
import { readLine } from "../../src/pages/log_line";
import { matchScore } from "../../src/pages/match";
import { filterQuery, fits, join } from "../../src/pages/request_filter";
import { mergeLive, sortServices } from "../../src/pages/service_list";

const none = { service: "", status: "", text: "", min: "" };

test("a request is shown if it meets the whole filter", () => {
  const request = { trace: "abc", path: "/api/Orders", host: "shop.localhost", service: "web", services: ["web", "orders"], duration_ms: 120, failed: true, status: 503 };
  const cases: [Partial<typeof none>, boolean][] = [[{}, true], [{ service: "orders" }, true], [{ service: "pdf" }, false], [{ status: "failed" }, true], [{ status: "ok" }, false], [{ text: "orders" }, true], [{ text: "503" }, true], [{ text: "nothing" }, false], [{ min: "100ms" }, true], [{ min: "1s" }, false], [{ min: "nonsense" }, true]];
  for (const [filter, expected] of cases) assert.equal(fits(request, { ...none, ...filter }), expected, JSON.stringify(filter));
  assert.equal(fits({}, none), true);
});

test("only what is meant is sent to the server", () => {
  assert.equal(filterQuery(none, 100), "limit=100");
  assert.equal(filterQuery({ service: "a&b", status: "odd", text: "/x", min: "1.5s" }, 5), "limit=5&service=a%26b&text=%2Fx&min_duration=1500ms");
});

test("lists of requests are joined without doubles", () => {
  const request = (trace: string) => ({ trace, time: "t" });
  assert.deepEqual(join([request("c"), request("b")], [request("b"), request("a")], 10).map((one) => one.trace), ["c", "b", "a"]);
  assert.equal(join([request("c")], [request("b"), request("a")], 2).length, 2);
});

test("rows without a value come last in either order", () => {
  const services = [{ name: "a", rate_per_second: null }, { name: "b", rate_per_second: 1 }, { name: "c", rate_per_second: 5 }];
  assert.deepEqual(sortServices(services, "rate").map((one) => one.name), ["b", "c", "a"]);
  assert.deepEqual(sortServices(services, "-rate").map((one) => one.name), ["c", "b", "a"]);
  for (const odd of ["nonsense", "__proto__", "-__proto__", "constructor", "toString"]) {
    const order = sortServices(services, odd).map((one) => one.name);
    assert.deepEqual(odd.startsWith("-") ? order.reverse() : order, ["a", "b", "c"], odd);
  }
});

test("numbers over another window are not taken from the stream, states are", () => {
  const read = [{ name: "a", state: "starting", rate_per_second: 1, series: [] }];
  const live = { services: [{ name: "a", state: "ready", rate_per_second: 9 }] };
  assert.deepEqual(mergeLive(read, live, 300).map((one) => [one.state, one.rate_per_second]), [["ready", 1]]);
  assert.deepEqual(mergeLive(read, live, 60).map((one) => [one.state, one.rate_per_second]), [["ready", 9]]);
  assert.equal(mergeLive(read, null, 60), read);
});

test("colours differ as long as there are enough", () => {
  const names = Array.from({ length: 12 }, (_, at) => `service-${at}`);
  assert.equal(new Set(assign(names).values()).size, 12);
  assert.deepEqual(assign([...names].reverse()), assign(names));
});

test("lines of logs are read for level, message and trace", () => {
  const id = "0123456789abcdef0123456789abcdef";
  const cases: [string, string, string, string][] = [
    [`{"level":"error","msg":"no","trace_id":"${id}","n":1}`, "error", "no", "bad"],
    ['{"level":40,"message":"slow"}', "warn", "slow", "warn"],
    ["\u001b[33mWARN\u001b[0m careful", "warn", "WARN careful", "warn"],
    ["plain", "", "plain", ""],
    ["{broken", "", "{broken", ""],
    ["null", "", "null", ""],
  ];
  for (const [line, level, message, tone] of cases) {
    const read = readLine(line);
    assert.deepEqual([read.level, read.message, read.tone], [level, message, tone], line);
  }
  assert.equal(readLine(cases[0]?.[0] ?? "").trace, id);
  assert.equal(readLine(`done trace=${id}`).trace, id);
});

test("names that begin with what is typed come first", () => {
  const names = ["my-orders", "orders", "reorder-s", "o-r-d-e-r", "users"];
  const order = names.map((name) => ({ name, score: matchScore(name, "order") })).filter(({ score }) => score > 0);
  order.sort((one, other) => other.score - one.score);
  assert.deepEqual(order.map(({ name }) => name), ["orders", "my-orders", "reorder-s", "o-r-d-e-r"]);
});

test("scales end at round numbers", () => {
  for (const [value, expected] of [[0, 1], [0.7, 1], [1, 1], [1.1, 2], [4, 5], [51, 100], [187, 200]] as const) assert.equal(ceiling(value), expected);
});
