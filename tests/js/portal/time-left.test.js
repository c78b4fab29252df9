import assert from "node:assert/strict";
import test from "node:test";

import { texts } from "../../../static/js/portal/texts.js";
import { TimeLeft, warningAt } from "../../../static/js/portal/time-left.js";

test("ten and two minutes before the end it is said, and not again between", () => {
  assert.deepEqual([null, 3600, 600.1, 600, 300, 120.1, 120, 1, 0, -5].map((left) => warningAt(left)), [null, null, null, 10, 10, 10, 2, 2, null, null]);
});

/** A countdown on a clock of its own: `at(left)` draws it with so much time left of `start`, and `stands` is which notices are shown. */
function counting(t, start) {
  const element = { hidden: false, textContent: "", toggleAttribute: () => {} };
  globalThis.document = { getElementById: () => element };
  t.after(() => delete globalThis.document);
  const stands = {};
  let now = 0;
  const time = new TimeLeft((code, text) => (text ? (stands[code] = text) : delete stands[code]), () => now);
  time.hear({ left_s: start });
  const at = (left) => {
    now = Math.round(now + 1000 * (time.left - left));
    time.draw();
    return stands;
  };
  return { time, stands, at, element };
}

test("who was warned of one end is told the other, and warned again before it", (t) => {
  t.mock.method(Date, "now", () => 1_700_000_000_000); // a minute that begins meanwhile makes another text
  const { time, stands, at } = counting(t, 1000);
  time.hear({ left_s: 2000 });
  assert.deepEqual(stands, {}, "nobody was warned yet");
  assert.deepEqual(at(600), { left: texts.exam.minutesLeft(10) });
  time.hear({ left_s: 599 });
  assert.deepEqual(stands, { left: texts.exam.minutesLeft(10) }, "the same end, told again");
  time.hear({ left_s: 2400 });
  assert.deepEqual(stands, { end: texts.exam.endMoved(time.endsAt) });
  const moved = stands.end;
  assert.deepEqual(at(2101), { end: moved });
  assert.deepEqual(at(2100), {}, "it was said for five minutes");
  assert.deepEqual(at(600), { left: texts.exam.minutesLeft(10) });
  time.hear({ left_s: 120 });
  assert.deepEqual(stands, { end: texts.exam.endMoved(time.endsAt) });
});

test("what is said of the time left goes by itself once it is not true any more, and the time goes on in the bar", (t) => {
  const { at, element } = counting(t, 1000);
  assert.deepEqual(at(600), { left: texts.exam.minutesLeft(10) });
  assert.deepEqual(at(541), { left: texts.exam.minutesLeft(10) });
  assert.deepEqual(at(540), {});
  assert.deepEqual(at(121), {});
  assert.deepEqual(at(120), { left: texts.exam.minutesLeft(2) });
  assert.deepEqual(at(59), {});
  assert.equal(element.textContent, "0:59");
  assert.deepEqual(at(0), { end: texts.exam.timeOver });
});

test("who comes back late is told what is left then, for half a minute at least", (t) => {
  for (const [left, minutes, until] of [[569, 9, 480], [571, 10, 540], [89, 1, 1], [20, 1, 1]]) {
    const { at } = counting(t, left);
    assert.deepEqual(at(left), { left: texts.exam.minutesLeft(minutes) });
    assert.deepEqual(at(until + 0.5), { left: texts.exam.minutesLeft(minutes) });
    if (until > 1) assert.deepEqual(at(until), {});
  }
});
