// Accommodations in words and as a body.

import assert from "node:assert/strict";
import { test } from "node:test";
import { accommodationBody, accommodationWords } from "../../static/js/accommodations.js";

test("a proctor reads signals off, other weights, reading aloud and breaks", () => {
  const words = accommodationWords({ points: { gaze_distracted: 0, speech: 1 }, reading_aloud: true, breaks_allowed: 2, break_minutes: 10 });
  assert.deepEqual(words, ["Off: Looking away", "Speech: 1 point", "Reading aloud allowed", "2 breaks of 10 min"]);
});

test("a student reads the signals that are off or weighed differently, and no points", () => {
  const words = accommodationWords({ signals_off: ["gaze_distracted"], signals_weighed: ["speech"], reading_aloud: false, breaks_allowed: 0 });
  assert.deepEqual(words, ["Off: Looking away", "Weighed differently: Speech"]);
});

test("nothing different is no words", () => {
  assert.deepEqual(accommodationWords({}), []);
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
