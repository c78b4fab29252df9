// Times of lists.

import assert from "node:assert/strict";
import { test } from "node:test";
import { endTime, minuteTime } from "../../../static/js/proctor/dates.js";

test("an end on the day of its begin is a time alone, and a list has no seconds", () => {
  const [began, ended, next] = ["2024-07-01T09:00:10", "2024-07-01T11:30:20", "2024-07-02T00:10:00"];
  assert.match(minuteTime(began), /2024.*9:00/);
  assert.doesNotMatch(minuteTime(began), /:10/);
  assert.doesNotMatch(endTime(ended, began), /2024/);
  assert.match(endTime(next, began), /2024/);
  assert.deepEqual([minuteTime(null), minuteTime("x"), endTime("x", began)], ["", "", ""]);
});
