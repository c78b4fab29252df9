// Which absences belong to an interval.

import assert from "node:assert/strict";
import test from "node:test";
import { within } from "../../../static/js/proctor/absences.js";

const absences = [
  { start: 5, end: 12 },
  { start: 40, end: 65 },
  { start: 100, end: null },
];

test("an absence stands with each interval into which it reaches", () => {
  const starts = (from, to) => within(absences, from, to).map(({ start }) => start);
  assert.deepEqual(starts(0, 30), [5]);
  assert.deepEqual(starts(30, 60), [40]);
  assert.deepEqual(starts(60, 90), [40]);
  assert.deepEqual(starts(90, 120), [100]);
  assert.deepEqual(starts(120, 150), [100], "nobody came back");
  assert.deepEqual(starts(13, 30), []);
});
