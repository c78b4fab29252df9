// What the list of courses on an exam's page says, and which platforms are offered there.

import assert from "node:assert/strict";
import test from "node:test";

import { lineOf, offered } from "../../../static/js/proctor/exam-platforms.js";

const course = { course: "k1", whole_platform: false, platform: "Moodle", title: "Algebra 1" };
const whole = { course: "r1", whole_platform: true, platform: "Moodle", title: "" };

test("a line says which course of which platform leads to the exam, also where little was told", () => {
  assert.deepEqual(lineOf(course), { platform: "Moodle", course: "Algebra 1" });
  assert.deepEqual(lineOf(whole), { platform: "Moodle", course: "Every course of the platform" });
  assert.deepEqual(lineOf({ ...course, platform: "", title: "" }), { platform: "A platform that is not registered any more", course: "A course without a known title" });
});

test("a platform is offered until the exam is linked to it as a whole", () => {
  const platforms = [{ registration_id: "r1" }, { registration_id: "k1" }];
  assert.deepEqual(offered(platforms, [course]), platforms, "a course's key is no platform");
  assert.deepEqual(offered(platforms, [course, whole]), [{ registration_id: "k1" }]);
});
