// How the rows of a table are ordered.

import assert from "node:assert/strict";
import { test } from "node:test";
import { compare } from "../../../static/js/proctor/tables.js";

test("numbers by size, texts as people order them, numbers before texts and nothing last", () => {
  assert.deepEqual([10, 9, 100].sort(compare), [9, 10, 100]);
  assert.deepEqual(["s10", "s9", "", "S1"].sort(compare), ["S1", "s9", "s10", ""]);
  assert.deepEqual(["ann", 3, 0].sort(compare), [0, 3, "ann"]);
});
