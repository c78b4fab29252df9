// What an exam's results say, and which acts there are for what stands about a session.

import assert from "node:assert/strict";
import test from "node:test";
import { actsFor, doneWords, standsLines } from "../../../static/js/proctor/conclusion-words.js";
import { watchedText } from "../../../static/js/proctor/results-rows.js";
import { resultsTexts } from "../../../static/js/proctor/texts-results.js";

const made = { conclusion: "finding", state: "proposed", reason: "a phone", by: "Ada", at: "2026-03-01T10:00:00Z", second: null };

test("each state has its acts, and none for who may not conclude", () => {
  const acts = (conclusion, may = true) => actsFor({ conclusion, may_conclude: may });
  assert.deepEqual(acts(null), ["conclude"]);
  assert.deepEqual(acts(made), ["withdraw", "disagree", "agree"]);
  assert.deepEqual(acts({ ...made, state: "contested" }), ["withdraw", "conclude"]);
  assert.deepEqual(acts({ ...made, state: "concluded" }), ["withdraw"]);
  assert.deepEqual(acts(made, false), []);
});

test("what stands names the conclusion, its reason and who said so", () => {
  const lines = standsLines({ ...made, state: "contested", second: { by: "Ben", at: made.at, agrees: false, reason: "glasses" } });
  assert.equal(lines[0], "Finding (contested): a phone");
  assert.match(lines[1], /^Ada, /);
  assert.match(lines[2], /^Ben did not agree, .*: glasses$/);
  assert.deepEqual(standsLines(null), ["Nothing is concluded."]);
});

test("a dialog that was closed says what came of it", () => {
  assert.equal(doneWords(1, { revision: 1, conclusion: made }), "");
  assert.equal(doneWords(0, { revision: 1, conclusion: made }), "It is proposed, and waits for a second person.");
  assert.equal(doneWords(1, { revision: 2, conclusion: null }), "It is withdrawn.");
});

test("how long a session could be watched, of how long", () => {
  assert.equal(watchedText({ gaze: { of_s: 200, unread_s: 50, reasons: {} } }), "2:30 of 3:20 (75 %)");
  assert.equal(watchedText(null), "Not known");
});

test("sums leave out what there is none of", () => {
  assert.equal(resultsTexts.sums({ sessions: 2, open: 0, none: 1, proposed: 0, contested: 0, concluded: 1 }), "2 sessions, 1 not concluded, 1 concluded");
});
