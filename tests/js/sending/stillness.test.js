import assert from "node:assert/strict";
import test from "node:test";

import { Stillness } from "../../../static/js/sending/stillness.js";

/** What is said over `seconds`, ten looks a second, of a camera whose pixels at second s are `pixels(s)`; `most` ms without a change are too many. */
function told(pixels, seconds, most = 1500) {
  const stillness = new Stillness();
  const said = [];
  for (let at = 0; at < seconds * 1000; at += 100) {
    if (stillness.look(at, () => new Uint8ClampedArray(pixels(Math.floor(at / 1000))), most)) said.push([at / 1000, stillness.frozen]);
  }
  return said;
}

test("a camera that moves by the least bit is never called frozen", () => {
  assert.deepEqual(told((second) => [9, 9, 9, second % 2 ? 9 : 10], 60), []);
});

test("a second and a half without one changed pixel is, or what the server says, until one changes", () => {
  const stops = (second) => [second < 5 ? second : second < 30 ? 5 : second];
  assert.deepEqual(told(stops, 40), [[6.5, true], [30, false]]);
  assert.deepEqual(told(stops, 40, 4000), [[9, true], [30, false]]);
});

test("a time in which nothing was looked at proves nothing", () => {
  const stillness = new Stillness();
  stillness.look(0, () => [1], 1500);
  assert.equal(stillness.look(60_000, () => [1], 1500), false);
  assert.equal(stillness.frozen, false);
});
