import assert from "node:assert/strict";
import test from "node:test";

import { plainLine } from "../../../static/js/portal/calls.js";
import { barWords } from "../../../static/js/portal/exam-bar.js";
import { texts } from "../../../static/js/portal/texts.js";

const RUNS = { link: "open", offline: false, stalled: false, paused: false, running: true, camera: true, microphone: true };
const said = (changes) => barWords({ ...RUNS, ...changes });

test("the red dot is a camera that gives pictures, and what is missing is said", () => {
  assert.deepEqual([said({}).dot, said({}).words], [true, texts.exam.recording]);
  assert.deepEqual([said({ camera: false }).dot, said({ camera: false }).words], [false, texts.exam.recordingSound]);
  assert.equal(said({ camera: false, microphone: false }).words, texts.exam.recordingPage);
});

test("nobody reads Recording or Connected on a line that is dead, whoever has found out", () => {
  for (const dead of [{ stalled: true }, { offline: true }, { offline: true, link: "connecting" }]) {
    const { line, live, dot, words, connection } = said(dead);
    assert.deepEqual([line, live, dot, words, connection], ["waiting", false, false, texts.exam.notRecording, texts.exam.connection.waiting]);
  }
});

test("in a break the heading does not say that the exam is running", () => {
  const { dot, words, heading } = said({ paused: true });
  assert.deepEqual([dot, words, heading], [false, texts.exam.paused, texts.exam.heading.paused]);
  assert.equal(said({}).heading, texts.exam.heading.running);
});

test("what is typed to the proctor leaves as the plain line that the server takes", () => {
  assert.equal(plainLine("  my\tmouse\u202e\n is broken  "), "my mouse  is broken");
});
