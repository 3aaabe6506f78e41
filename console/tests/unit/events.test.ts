// The reader of event streams, against the standard's own examples and whatever cut a network makes.
import assert from "node:assert/strict";
import { test } from "node:test";
import { EventParser, type StreamEvent } from "../../src/api/events";

function check(stream: string, expected: [string, string][]): void {
  const whole = new EventParser().push(stream);
  assert.deepEqual(brief(whole), expected);
  for (let cut = 1; cut < stream.length; cut += 1) {
    const parser = new EventParser();
    const found = [...parser.push(stream.slice(0, cut)), ...parser.push(stream.slice(cut))];
    assert.deepEqual(brief(found), expected, `cut at ${cut}`);
  }
  const parser = new EventParser();
  assert.deepEqual(brief([...stream].flatMap((letter) => parser.push(letter))), expected, "letter by letter");
}

const brief = (events: StreamEvent[]): [string, string][] => events.map(({ event, data }) => [event, data]);

test("events end at an empty line", () => {
  check("data: one\n\ndata: two\n\n", [["message", "one"], ["message", "two"]]);
  check("data: unfinished\n", []);
});

test("lines of data are joined", () => check("data: YHOO\ndata: +2\ndata: 10\n\n", [["message", "YHOO\n+2\n10"]]));

test("every kind of line end is known", () => {
  check("event: a\r\ndata: 1\r\n\r\n", [["a", "1"]]);
  check("event: a\rdata: 1\r\rdata: 2\n\n", [["a", "1"], ["message", "2"]]);
});

test("comments and unknown fields are passed over", () => check(": ping\n\nfoo: bar\ndata: x\n\n", [["message", "x"]]));

test("only one space after the colon is taken away", () => check("data:test\n\ndata:  test\n\n", [["message", "test"], ["message", " test"]]));

test("a field without a colon is empty", () => check("data\n\ndata\ndata\n\ndata:", [["message", ""], ["message", "\n"]]));

test("an event without data is none, and its name is forgotten", () => check("event: lost\n\ndata: x\n\n", [["message", "x"]]));

test("a byte order mark is passed over", () => check("\uFEFFdata: x\n\n", [["message", "x"]]));

test("the pause before the next attempt is noted", () => {
  const parser = new EventParser();
  parser.push("retry: 1000\nretry: soon\n\n");
  assert.equal(parser.retryMs, 1000);
});

test("an endless event is refused", () => {
  const parser = new EventParser();
  const piece = "x".repeat(8 * 1024 * 1024);
  assert.throws(() => {
    for (let round = 0; round < 8; round += 1) parser.push(piece);
  });
});
