// The numbers behind a violation, in words.

import assert from "node:assert/strict";
import { test } from "node:test";
import { evidenceWords, soundWords } from "../../../static/js/proctor/evidence.js";

test("gaze: directions, degrees on the student's own side, and seconds", () => {
  const words = evidenceWords({ kind: "gaze_distracted", evidence: { directions: { left: 9, down: 1 }, numbers: { gaze_x_deg: 21.4, yaw_deg: -30.2, sharpness: 88 }, seconds: 4.25, stretches: [[2, 6.25]] } });
  assert.ok(words.includes("left in 9 readings, down in 1 reading"));
  assert.ok(words.some((text) => text.includes("21°") && text.includes("left")));
  assert.ok(words.some((text) => text.includes("30°")));
  assert.ok(words.includes("4.3 s in all") || words.includes("4.2 s in all"));
  assert.ok(!words.some((text) => text.includes("sharpness")));
});

test("lowered lids: from when, for how long, and what it rests on", () => {
  const lids = { from: 65.25, seconds: 6.5, bowed_deg: 8.3, lids_open: 0.12, looked_down: 0 };
  const words = evidenceWords({ kind: "gaze_distracted", evidence: { directions: { down: 26 }, lids } });
  assert.ok(words.includes("lids lowered from 1:05 for 6.5 s, head 8° lower than at rest, lids open 12 % of their usual"), words.join("; "));
  const level = evidenceWords({ kind: "gaze_distracted", evidence: { directions: { down: 26 }, lids: { ...lids, bowed_deg: -2, lids_open: 0.45 } } });
  assert.ok(level.includes("lids lowered from 1:05 for 6.5 s, lids open 45 % of their usual"), level.join("; "));
});

test("people: how many, how sure, in how many looks", () => {
  const words = evidenceWords({ kind: "multiple_faces", evidence: { persons: 2, boxes: [[0, 0, 9, 9, 0.91], [9, 9, 20, 20, 0.8]], looks: 3 } });
  assert.ok(words.includes("2 persons"));
  assert.ok(words.some((text) => text.includes("91 % and 80 %")));
  assert.ok(words.includes("seen 3 times running"));
});

test("people: where faces told more of them than bodies, that is said", () => {
  const words = (numbers) => evidenceWords({ kind: "multiple_faces", evidence: { persons: 2, numbers } });
  assert.deepEqual(words({ bodies: 1, faces: 2 }), ["2 persons", "2 faces, where bodies alone are 1"]);
  assert.deepEqual(words({ bodies: 2, phone_vote_1: 0.1, phone_least: 0.18, vessel_or_book: 0 }), ["2 persons"]);
});

test("a phone: what each look made of it, what spoke against it and what it needed", () => {
  const numbers = { phone_vote_10: 0.4, phone_vote_2: 0.31, phone_vote_1: 0.52, phone_least: 0.36, vessel_or_book: 0.05, at_face: 1 };
  const words = evidenceWords({ kind: "prohibited_object", evidence: { object: "phone", numbers } });
  assert.deepEqual(words, ["looks for a phone 52 %, 31 %, and 40 % sure, a glass or book in its place 5 %, needed 36 %", "held at the face, where a phone must be surer"]);
});

test("voices: several, or one alone that is not the student's; never one of several", () => {
  const words = (evidence) => evidenceWords({ kind: "multiple_voices", evidence });
  assert.deepEqual(words({ voices: 2, stranger: false, numbers: { own: 0.2 } }), ["2 voices"]);
  assert.deepEqual(words({ voices: null, stranger: true, numbers: { own: 0.214 } }), ["a voice alone that is not the student’s", "likeness to the student’s own voice 0.21 of 1"]);
  assert.deepEqual(words({ voices: 1 }), []);
});

test("acts: each with its time and what it was", () => {
  const words = evidenceWords({ kind: "tab_switch", evidence: { seconds: 0, acts: [{ at: 42.4, what: "the tab was hidden" }, { at: 61, what: "something new" }] } });
  assert.deepEqual(words, ["0:42 the tab was hidden, 1:01 something new"]);
});

test("other sounds are named, and one that this page does not know is left out", () => {
  assert.deepEqual(soundWords(["cough", "something new", "loudspeaker"]), ["coughing", "a television or radio"]);
  assert.deepEqual(soundWords(undefined), []);
  assert.ok(evidenceWords({ kind: "speech", evidence: { sounds: ["music", "animal"] } }).includes("with it music, an animal"));
});

test("no evidence is no words", () => {
  assert.deepEqual(evidenceWords({ kind: "speech" }), []);
  assert.deepEqual(evidenceWords({ kind: "speech", evidence: {} }), []);
});
