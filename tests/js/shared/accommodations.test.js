// Accommodations in a student’s words.

import assert from "node:assert/strict";
import { test } from "node:test";
import "../signals.js";
import { accommodationWords } from "../../../static/js/shared/accommodations.js";

test("a student reads the signals that are off or weighed differently, and no points", () => {
  const words = accommodationWords({ signals_off: ["gaze_distracted"], signals_weighed: ["speech"], reading_aloud: false, breaks_allowed: 0 });
  assert.deepEqual(words, ["Not counted: Looking away", "Weighed differently: Speech"]);
});

test("nothing different is no words", () => {
  assert.deepEqual(accommodationWords({}), []);
});
