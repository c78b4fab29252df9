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

test("somebody who moves beside the middle is seen: all of the picture is compared where its middle stands still", () => {
  const stillness = new Stillness();
  const asked = [];
  for (let at = 0; at < 20_000; at += 500) {
    stillness.look(at, (all) => {
      asked.push(all);
      return all ? [1, 1, at] : [1, 1];
    }, 1500);
    assert.equal(stillness.frozen, false);
  }
  assert.ok(asked.filter(Boolean).length > 30);
});

test("where the middle moves nothing more is looked at", () => {
  const stillness = new Stillness();
  for (let at = 0; at < 20_000; at += 500) stillness.look(at, (all) => (all ? assert.fail("all was asked for") : [at]), 1500);
});

test("a camera gives new pictures while their count grows, whether they differ or not; another camera counts anew", () => {
  const stillness = new Stillness();
  const said = [];
  const counts = [0, 10, 20, 30, 40, 40, 40, 40, 40, 3, 5];
  counts.forEach((count, index) => {
    if (stillness.look(index * 500, () => [1], 1500, count)) said.push([index * 500, stillness.frozen, stillness.gives]);
  });
  assert.deepEqual(said, [[500, false, true], [1500, true, true], [3500, true, false], [5000, true, true]]);
});
