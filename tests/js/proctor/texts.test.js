// How an exam ended, in a proctor's words.

import assert from "node:assert/strict";
import test from "node:test";
import { withoutPoints } from "../../../static/js/proctor/phrases.js";
import { texts } from "../../../static/js/proctor/texts.js";
import { endCodes } from "../end-codes.js";

test("every code of an end has words for the proctor", () => {
  assert.deepEqual(Object.keys(texts.ends).sort(), endCodes().sort());
});

test("an end is told to proctors by its code, and by its sentence where it was stored without one", () => {
  assert.equal(texts.end({ end_code: "proctor", end_note: "fire drill", end_reason: "x" }), "ended by the proctor: fire drill");
  assert.equal(texts.end({ end_code: "outage", end_note: "0:05:00" }), "the server was away for 0:05:00");
  assert.equal(texts.end({ end_code: null, end_note: null, end_reason: "ended by the student" }), "ended by the student");
  assert.equal(texts.end({ end_reason: null }), null);
});

test("where a flag stands is what most say, and who decided only while nobody else has", () => {
  const by = (name, decision) => ({ by: name, decision, reason: "" });
  const first = { ...by("Ada", "confirmed"), second: null, third: null, state: "confirmed" };
  assert.equal(texts.review.stands(first), "Confirmed by Ada");
  assert.equal(texts.review.stands({ ...first, second: by("Bob", "dismissed"), state: "disputed" }), "Opinions differ");
  assert.match(texts.review.stands({ ...first, second: by("Bob", "dismissed"), third: by("Eve", "dismissed"), state: "dismissed" }), /stands as dismissed/);
});

test("eyes that look shut are told with their seconds, closed or lowered; a blink has none", () => {
  assert.equal(texts.gazeWords({ gaze: "closed", eyes_shut_s: 12.1, eyes_lowered: false }), "Eyes closed for 12 s");
  assert.equal(texts.gazeWords({ gaze: "closed", eyes_shut_s: 12.1, eyes_lowered: true }), "Looking down, lids lowered, for 12 s");
  assert.equal(texts.gazeWords({ gaze: "closed", eyes_shut_s: null, eyes_lowered: false }), "Eyes closed");
  assert.match(texts.reading({ gaze: "closed", eyes_shut_s: 12.1, eyes_lowered: false, faces: 1 }), /^Eyes closed for 12 s/);
});

test("a sentence and its points are told apart, whatever direction it runs in", () => {
  assert.equal(withoutPoints("Copied or pasted twice (+10)", 10), "Copied or pasted twice");
  assert.equal(withoutPoints("\u200fنسخ مرتين (\u200e+10)", 10), "\u200fنسخ مرتين");
  assert.equal(withoutPoints("Copied or pasted twice (+10)", 5), null);
  assert.equal(withoutPoints("Marked by Ada", 0), null);
});
