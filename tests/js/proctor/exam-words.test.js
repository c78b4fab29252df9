import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

import { limitWords, pointsWords, uncounted, wallTime } from "../../../static/js/proctor/exam-words.js";
import { examTexts as t } from "../../../static/js/proctor/texts-exam.js";

const does = (kind, points, threshold = 10, more = {}) => pointsWords(kind, points, threshold, more)[0];

test("each number says what it does against the flag", () => {
  assert.equal(does("speech", 0), t.effect.off);
  assert.equal(does("multiple_faces", 10), t.effect.alone);
  assert.equal(does("speech", 3), "Counts once an interval; with 7 points of other signs it makes a flag.");
  assert.equal(does("tab_switch", 4), "Each time counts; 3 within an interval make a flag.");
  assert.equal(does("speech", 3, 10, { isAllowed: true }), t.effect.allowed);
  assert.equal(does("speech", null), t.effect.off);
});

test("every kind and every limit has its sentence of a typical hour", () => {
  const source = readFileSync(new URL("../../../scoring/exam.py", import.meta.url), "utf8");
  const limits = source.match(/^Limit = Literal\[(.*)\]$/m)[1].match(/\w+/g);
  assert.deepEqual(Object.keys(t.limit).sort(), limits.sort());
  for (const name of limits) assert.ok(limitWords(name, 2, []).length > 20, name);
  assert.match(limitWords("interval_duration", 30, []), /120 intervals/);
  assert.match(limitWords("flag_threshold", 10, ["phone", "voices"]), /phone/);
});

test("what is allowed, or where the exam is, takes kinds out of the count", () => {
  assert.deepEqual([...uncounted({ phone: true, speaking_aloud: true }, "page")].sort(), ["prohibited_object", "speech"]);
  assert.deepEqual([...uncounted({}, "program")], ["tab_switch"]);
  assert.deepEqual([...uncounted({}, "tab", true)], []);
});

test("a moment is shown by the clocks of the exam's zone, over their changes", () => {
  assert.equal(wallTime("2026-03-29T00:30:00.000Z", "Europe/Berlin"), "2026-03-29T01:30");
  assert.equal(wallTime("2026-03-29T01:30:00.000Z", "Europe/Berlin"), "2026-03-29T03:30");
  assert.equal(wallTime("2026-06-01T22:00:00.000Z", "Asia/Kathmandu"), "2026-06-02T03:45");
  assert.equal(wallTime(null, "Mars/Olympus"), "");
});
