// Accommodations in a proctor’s words and as a body.

import assert from "node:assert/strict";
import { test } from "node:test";
import "../signals.js";
import { accommodationBody, accommodationWords, heldWords } from "../../../static/js/proctor/accommodations.js";

test("a proctor reads signals off, other weights, reading aloud and breaks", () => {
  const words = accommodationWords({ points: { gaze_distracted: 0, speech: 1 }, reading_aloud: true, breaks_allowed: 2, break_minutes: 10 });
  assert.deepEqual(words, ["Not counted: Looking away", "Speech: 1 point", "Reading aloud or a screen reader’s voice allowed", "2 breaks of 10 min"]);
});

test("extra time is told in per cent and minutes", () => {
  assert.deepEqual(accommodationWords({ points: {}, extra_percent: 25, extra_min: 10 }), ["25% extra time", "10 minutes of extra time"]);
});

test("extra time that came with a list of students stays", () => {
  assert.equal(accommodationBody({ user_id: "anna", points: {}, extra_percent: 25, extra_min: 0 }).extra_percent, 25);
});

test("extra time that can't be is for the server to refuse, and not left out", () => {
  assert.equal(accommodationBody({ user_id: "anna", points: {}, extra_percent: -5, extra_min: 0 }).extra_percent, -5);
});

test("the body leaves out what was left empty", () => {
  assert.deepEqual(accommodationBody({ user_id: " anna ", exam_id: "", points: { speech: 0 }, breaks_allowed: 0, break_minutes: 5, note: " ", set_by: "Ada" }), {
    user_id: "anna",
    points: { speech: 0 },
    reading_aloud: false,
    breaks_allowed: 0,
    set_by: "Ada",
  });
});

test("where nobody gave a name none is said", () => {
  const accommodations = [{ at_s: 31, by: "proctor", accommodation: { points: {}, extra_min: 15 } }];
  assert.deepEqual(heldWords({ accommodation: {}, accommodations }), ["From 0:31: 15 minutes of extra time"]);
});

test("what changed while the exam ran is said with its time, and the note to those alone who got it", () => {
  const aloud = { points: {}, reading_aloud: true };
  assert.deepEqual(heldWords({ accommodation: null }), []);
  assert.deepEqual(heldWords({ accommodation: aloud, accommodation_note: null }), ["Reading aloud or a screen reader’s voice allowed"]);
  const accommodations = [{ at_s: 0, by: "", accommodation: null }, { at_s: 2530, by: "Ada", accommodation: aloud }];
  assert.deepEqual(heldWords({ accommodation: aloud, accommodations, accommodation_note: "stutters" }), [
    "From 0:00: nothing different",
    "From 42:10: Reading aloud or a screen reader’s voice allowed (set by Ada)",
    "stutters",
  ]);
});
