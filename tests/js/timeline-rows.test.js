// The timeline's rows beside violations: breaks, messages, lost connection, what could not be told.

import assert from "node:assert/strict";
import { test } from "node:test";
import { extraRows } from "../../static/js/timeline-rows.js";

const named = (rows) => Object.fromEntries(rows.map(({ name, cells }) => [name, [...cells.keys()]]));

test("a break stands in every interval it touches, an open one up to the last", () => {
  assert.deepEqual(named(extraRows({ breaks: [{ start: 35, end: 60, by: "student" }, { start: 100, end: null }] }, 30, 4)), { Breaks: [1, 3, 4] });
});

test("messages stand where they were sent, two in one interval as one mark with both", () => {
  const [row] = extraRows({ messages: [{ at: 31, level: "message", text: "Hello" }, { at: 40, level: "warning", text: "Stay" }] }, 30, 4);
  assert.deepEqual([...row.cells.keys()], [1]);
  assert.match(row.cells.get(1).text, /Message: Hello; Warning: Stay/);
});

test("no picture at all is a lost connection, poor pictures are what can't be told, a break is neither", () => {
  const checks = [
    { start: 0, end: 10, gaze: { focused: 1 } },
    { start: 30, end: 40, gaze: {} },
    { start: 60, end: 70, gaze: { unknown: 0.6, focused: 0.4 } },
    { start: 90, end: 100, gaze: {} },
  ];
  assert.deepEqual(named(extraRows({ checks, breaks: [{ start: 90, end: 100 }] }, 30, 4)), { Connection: [1], "Can’t tell": [2], Breaks: [3] });
});

test("nothing is no rows", () => {
  assert.deepEqual(extraRows({}, 30, 4), []);
});
