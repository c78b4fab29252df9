// Whether a student was in Safe Exam Browser, as people read it.

import assert from "node:assert/strict";
import test from "node:test";

import { sebChanges, sebNow } from "../../../static/js/proctor/seb-words.js";

const CHANGES = [{ at: 0, state: "no", version: "" }, { at: 61.5, state: "yes", version: "SEB_macOS_3.5" }];

test("how it was at last is said with the version, and nothing where the exam did not ask", () => {
  assert.equal(sebNow(CHANGES), "Safe Exam Browser: yes (SEB_macOS_3.5)");
  assert.equal(sebNow([]), "");
  assert.equal(sebNow(undefined), "");
  assert.equal(sebNow([{ state: "of a later version" }]), "Safe Exam Browser: could not be told");
});

test("each change is told", () => {
  assert.deepEqual(sebChanges(CHANGES), [
    [0, "Safe Exam Browser: no, another browser"],
    [61.5, "Safe Exam Browser: yes (SEB_macOS_3.5)"],
  ]);
});
