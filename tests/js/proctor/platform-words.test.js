// What people read of the learning platform that has a session proctored.

import assert from "node:assert/strict";
import test from "node:test";

import { factsOf, stateWords } from "../../../static/js/proctor/platform-words.js";

const SHOWN = { platform: "Moodle", attempt: 2, started_at: null, ended_at: null, problem: "", problem_log: "", actions: ["flag"] };
const ACT = { state: "waiting", why: "", said: "", status: null, attempt_state: null, extra_min: null };

test("the facts say how the attempt stands there, and what went wrong", () => {
  assert.equal(factsOf(SHOWN)[0], "Moodle has this session proctored: attempt 2.");
  assert.equal(factsOf(SHOWN).length, 2);
  const over = factsOf({ ...SHOWN, started_at: "2026-11-30T10:00:00Z", ended_at: "2026-11-30T11:00:00Z", problem: "It fell over", problem_log: "E1", actions: [] });
  assert.equal(over.length, 5);
  assert.equal(over[3], "It says that something went wrong: It fell over · E1");
  assert.match(over[4], /takes no word/);
});

test("each act says what came of it", () => {
  assert.equal(stateWords(ACT), "being sent");
  assert.equal(stateWords({ ...ACT, why: "away", said: "status 503" }), "not taken yet, tried again (status 503)");
  assert.equal(stateWords({ ...ACT, state: "taken", attempt_state: "paused", extra_min: 10 }), "taken · the attempt is paused · 10 minutes more");
  assert.equal(stateWords({ ...ACT, state: "not_taken", why: "refused", status: 400, said: "no code" }), "not taken. It answered with status 400: no code");
  for (const [why, words] of [["page", /^A web page answered/], ["unsure", /^Its answer was lost/]]) {
    assert.match(stateWords({ ...ACT, state: "not_taken", why, status: 200 }), words, "what may have been taken is not called not taken");
  }
  assert.equal(stateWords({ ...ACT, state: "not_taken", why: "of a later version" }), "not taken.");
});
