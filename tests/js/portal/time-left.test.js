import assert from "node:assert/strict";
import test from "node:test";

import { warningAt } from "../../../static/js/portal/time-left.js";

test("ten and two minutes before the end it is said, and not again between", () => {
  assert.deepEqual([null, 3600, 600.1, 600, 300, 120.1, 120, 1, 0, -5].map((left) => warningAt(left)), [null, null, null, 10, 10, 10, 2, 2, null, null]);
});
