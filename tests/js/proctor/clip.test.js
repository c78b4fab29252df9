// Where a clip starts.

import assert from "node:assert/strict";
import { test } from "node:test";
import { startOf } from "../../../static/js/proctor/clip.js";

test("a clip starts a moment before its first violation, and at its start without one", () => {
  assert.equal(startOf([["speech", 12, 14], ["no_face", 7.5, 11]]), 6.5);
  assert.equal(startOf([["speech", 0.4, 3]]), 0);
  assert.equal(startOf([]), 0);
  assert.equal(startOf(undefined), 0);
});
