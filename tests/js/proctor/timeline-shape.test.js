// The timeline's layout, and the way from flag to flag.

import assert from "node:assert/strict";
import { test } from "node:test";
import { barsPath, indexAt, nextFlag, nextUndecided, openingPlace, spansPath, ticks, widthOf, zooms } from "../../../static/js/proctor/timeline-shape.js";

const interval = (index, { flagged = false, decision = null } = {}) => ({ index, start: 30 * index, end: 30 * index + 30, flagged, review: { decision } });
const exam = [interval(0), interval(1, { flagged: true, decision: "confirmed" }), interval(2), interval(3, { flagged: true }), interval(4, { flagged: true })];

test("a session that is over opens at the first flag that waits, else at its first flag, else at its beginning", () => {
  assert.equal(openingPlace(exam), 3);
  assert.equal(openingPlace(exam.slice(0, 3)), 1);
  assert.equal(openingPlace([interval(0), interval(1)]), 0);
});

test("next and previous flag end at the last and the first", () => {
  assert.deepEqual([nextFlag(exam, 1, 1), nextFlag(exam, 4, 1), nextFlag(exam, 3, -1), nextFlag(exam, 1, -1)], [3, null, 1, null]);
});

test("after a decision comes the next flag that waits, and then those before it", () => {
  assert.equal(nextUndecided(exam, 3), 4);
  assert.equal(nextUndecided(exam, 4), 3);
  assert.equal(nextUndecided(exam.slice(0, 3), 1), null);
});

test("the whole exam fits, a short one is not stretched, and the closest zoom is easy to hit", () => {
  assert.equal(widthOf(240, 1000), 1000);
  assert.equal(widthOf(2, 1000), 96);
  assert.deepEqual(zooms(2, 1000), [1]);
  const closest = zooms(240, 1000).at(-1);
  assert.ok(widthOf(240, 1000, closest) / 240 >= 40);
});

test("times on the axis keep apart, however long the exam", () => {
  for (const [total, width] of [[7200, 1000], [7200, 320], [60, 96], [36_000, 1000], [7200, 16_000]]) {
    const times = ticks(total, width);
    assert.equal(times[0], 0);
    if (times.length > 1) assert.ok(((times[1] - times[0]) / total) * width >= 72, `${total} s in ${width} px`);
  }
});

test("240 intervals are one path, and a mark of no length can be seen", () => {
  const bars = Array.from({ length: 240 }, (_, index) => [30 * index, 30 * index + 30, 0.5]);
  assert.equal(barsPath(bars, { scale: 0.14, bottom: 80, height: 40 }).match(/M/g).length, 240);
  assert.equal(spansPath([[60, 60]], { scale: 0.1, top: 5, bottom: 17 }), "M6 5h3V17H6z");
});

test("a point belongs to the interval under it, at the edges too", () => {
  assert.deepEqual([-5, 0, 59, 60, 9999].map((at) => indexAt(exam, at, 30)), [0, 0, 1, 2, 4]);
});
