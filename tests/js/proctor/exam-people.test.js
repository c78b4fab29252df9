import assert from "node:assert/strict";
import { test } from "node:test";

import { meant } from "../../../static/js/proctor/exam-people.js";

const people = [
  { id: "1", login: "ada@uni.example", name: "Ada Byron" },
  { id: "2", login: "ben", name: "Ben Okri" },
  { id: "3", login: "benedikt", name: "Ben" },
];
const ids = (text) => meant(text, people).map(({ id }) => id);

test("a person is meant by a part of the name or login name, and by nothing else", () => {
  assert.deepEqual(ids(" byron "), ["1"]);
  assert.deepEqual(ids("UNI.EX"), ["1"]);
  assert.deepEqual(ids("Ada Byron (ada@uni.example)"), ["1"]);
  assert.deepEqual(ids("okr"), ["2"]);
  assert.deepEqual(ids("nobody"), []);
  assert.deepEqual(ids("  "), []);
});

test("a whole name is preferred to a part of others", () => {
  assert.deepEqual(ids("ben"), ["2", "3"], "one's login name, the other's name");
  assert.deepEqual(ids("benedikt"), ["3"]);
  assert.deepEqual(ids("be"), ["2", "3"]);
});
