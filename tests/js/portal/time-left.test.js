import assert from "node:assert/strict";
import test from "node:test";

import { texts } from "../../../static/js/portal/texts.js";
import { TimeLeft, warningAt } from "../../../static/js/portal/time-left.js";

test("ten and two minutes before the end it is said, and not again between", () => {
  assert.deepEqual([null, 3600, 600.1, 600, 300, 120.1, 120, 1, 0, -5].map((left) => warningAt(left)), [null, null, null, 10, 10, 10, 2, 2, null, null]);
});

test("who was warned of one end is told the other, and warned again before it", (t) => {
  const element = { hidden: false, textContent: "", toggleAttribute: () => {} };
  globalThis.document = { getElementById: () => element };
  t.after(() => delete globalThis.document);
  let now = 0;
  const told = [];
  const time = new TimeLeft((text) => told.push(text), () => now);
  time.hear({ left_s: 1000 });
  time.hear({ left_s: 2000 });
  assert.deepEqual(told, [], "nobody was warned yet");
  now = 1_400_000;
  time.draw();
  assert.deepEqual(told, [texts.exam.minutesLeft(10)]);
  time.hear({ left_s: 599 });
  assert.equal(told.length, 1, "the same end, told again");
  time.hear({ left_s: 2400 });
  assert.equal(told.at(-1), texts.exam.endMoved(time.endsAt));
  now += 1_800_000;
  time.draw();
  assert.equal(told.at(-1), texts.exam.minutesLeft(10));
  time.hear({ left_s: 120 });
  assert.equal(told.at(-1), texts.exam.endMoved(time.endsAt));
});
