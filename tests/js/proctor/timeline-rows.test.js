// The timeline's rows beside violations: breaks, messages, lost connection, what could not be told.

import assert from "node:assert/strict";
import { test } from "node:test";
import { extraRows } from "../../../static/js/proctor/timeline-rows.js";

const named = (rows) => Object.fromEntries(rows.map(({ name, cells }) => [name, [...cells.keys()]]));

test("a break stands in every interval it touches, an open one up to the last", () => {
  assert.deepEqual(named(extraRows({ breaks: [{ start: 35, end: 60, by: "student" }, { start: 100, end: null }] }, 30, 4)), { Breaks: [1, 3, 4] });
});

test("messages stand where they were sent, two in one interval as one mark with both", () => {
  const [row] = extraRows({ messages: [{ at: 31, level: "message", text: "Hello" }, { at: 40, level: "warning", text: "Stay" }] }, 30, 4);
  assert.deepEqual([...row.cells.keys()], [1]);
  assert.match(row.cells.get(1).text, /Message: Hello; Warning: Stay/);
});

test("no picture at all is told, poor pictures are what can't be told, a break is neither", () => {
  const checks = [
    { start: 0, end: 10, gaze: { focused: 1 } },
    { start: 30, end: 40, gaze: {} },
    { start: 60, end: 70, gaze: { unknown: 0.6, focused: 0.4 } },
    { start: 90, end: 100, gaze: {} },
  ];
  assert.deepEqual(named(extraRows({ checks, breaks: [{ start: 90, end: 100 }] }, 30, 4)), { Pictures: [1], "Can’t tell": [2], Breaks: [3] });
});

test("closed eyes are told where they were, without points; older records know nothing of them", () => {
  const [row, ...more] = extraRows({ intervals: [{ index: 0, eyes_closed: [] }, { index: 1, eyes_closed: [[31, 36.2], [40, 46.8]] }, { index: 2 }] }, 30, 4);
  assert.equal(row.name, "Eyes closed");
  assert.deepEqual([...row.cells].map(([index, { text }]) => [index, text]), [[1, "Eyes closed for 12 s, without points"]]);
  assert.equal(more.length, 0);
});

test("a cut shorter than a check, lost sound alone and lost pictures alone are told apart", () => {
  const check = (number, video_fps, audio_s_per_s, gaze = { focused: 1 }) => ({ start: 10 * number, end: 10 * number + 10, gaze, rates: { video_fps, audio_s_per_s } });
  const checks = [
    ...[check(0, 10, 1), check(1, 10, 1), check(2, 10, 1)],
    ...[check(3, 10, 1), check(4, 6, 0.6), check(5, 10, 1.02)], // nothing for 4 s
    ...[check(6, 10, 1), check(7, 10, 0.2), check(8, 10, 0)], // a microphone that is lost
    ...[check(9, 10, 1), check(10, 0, 1, {}), check(11, 0, 1, {})], // a camera that is lost
    ...[check(12, 2, 1), check(13, 2, 1), check(14, 2, 1)], // a narrow line: fewer pictures, none missing
  ];
  const rows = extraRows({ checks }, 30, 4);
  assert.deepEqual(named(rows), { Connection: [1], Pictures: [3], Sound: [2] });
  assert.equal(rows[0].cells.get(1).text, "Nothing arrived for 4 s");
  assert.equal(rows[2].cells.get(2).text, "No sound arrived for 18 s");
});

test("what was done at the screen and has no points of its own stands in a row of its own", () => {
  const [row] = extraRows({ checks: [{ start: 40, end: 50, gaze: { focused: 1 }, acts: { fullscreen_left: 2, second_display: 1, paste: 1 } }] }, 30, 4);
  assert.equal(row.name, "Screen");
  assert.equal(row.cells.get(1).text, "Full screen left; A second display");
});

test("nothing is no rows", () => {
  assert.deepEqual(extraRows({}, 30, 4), []);
});

test("a microphone that never gave anything is a row of lost sound", () => {
  const check = (start) => ({ start, end: start + 10, gaze: { focused: 1 }, unknown: { "sound: lost": 10 }, rates: { video_fps: 10, audio_s_per_s: 0 } });
  const rows = extraRows({ checks: [0, 10, 20].map(check) }, 30, 0);
  assert.equal(rows.length, 1);
  assert.ok(rows[0].cells.get(0));
});
