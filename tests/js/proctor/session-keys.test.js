// The keys of a session's page, and who stands beside a student.

import assert from "node:assert/strict";
import { test } from "node:test";
import { examsOf } from "../../../static/js/proctor/exam-message.js";
import { neighbours } from "../../../static/js/proctor/neighbours.js";
import { sessionAction } from "../../../static/js/proctor/session-keys.js";

test("flags, decisions and students have keys; what only the review page has is left alone", () => {
  const of = (key, more = {}) => sessionAction({ key, ...more });
  assert.deepEqual(["j", "k", "c", "d", "u", "n", "m", "+", "-"].map((key) => of(key)), ["next", "previous", "confirm", "dismiss", "undo", "note", "mark", "zoom_in", "zoom_out"]);
  assert.deepEqual([of("J", { shiftKey: true }), of("K", { shiftKey: true })], ["next_student", "previous_student"]);
  assert.deepEqual([of(" "), of("ArrowLeft"), of("?"), of("c", { ctrlKey: true }), of("c", { repeat: true })], [null, null, null, null, null]);
  assert.equal(sessionAction({ key: "2" }, { dismissing: true }), "reason:glasses");
  assert.equal(of("2"), null);
});

const session = (user_id, exam_id = "history") => ({ session_id: `of-${user_id}`, user_id, exam_id });

test("the students beside one are those of the same exam, by name", () => {
  const own = session("mia");
  const { previous, next, at, count } = neighbours([session("zoe"), session("anna"), session("nora", "biology"), own, session("ben")], own);
  assert.deepEqual([previous.user_id, next.user_id, at, count], ["ben", "zoe", 3, 4]);
});

test("whose exam is over still finds those that run, and a student alone finds nobody", () => {
  assert.equal(neighbours([session("zoe")], session("mia")).next.user_id, "zoe");
  const alone = neighbours([session("zoe", null)], session("mia"));
  assert.deepEqual([alone.previous, alone.next], [null, null]);
});

test("the exams to write to are those in which somebody takes part, the one without an ID first", () => {
  const running = [session("a", "physics"), session("b", null), { ...session("c", "latin"), begun: false }, session("d", "physics")];
  assert.deepEqual(examsOf(running), [[null, 1], ["physics", 2]]);
});

test("who came from the live page goes on as its tiles stood, whatever the exam; what has ended since is left out", () => {
  const [anna, ben, zoe] = [session("anna"), session("ben", "biology"), session("zoe")];
  const order = [zoe, session("gone"), ben, anna].map(({ session_id: id }) => id);
  const { previous, next, at, count } = neighbours([anna, ben, zoe, session("new")], ben, order);
  assert.deepEqual([previous.user_id, next.user_id, at, count], ["zoe", "anna", 2, 3]);
  assert.equal(neighbours([anna, zoe], zoe, [anna.session_id]).previous.user_id, "anna", "a session that was not on the wall has its exam's order");
});
