// How large the live page's tiles are.

import assert from "node:assert/strict";
import test from "node:test";
import { bestGrid } from "../../../static/js/proctor/wall-size.js";

const laptop = { width: 1192, height: 720, words: 190 }; // of a window of 1440 × 900

test("eight tiles are all seen on a laptop", () => {
  const { columns, tile, picture } = bestGrid(8, laptop);
  const rows = Math.ceil(8 / columns);
  assert.ok(columns * tile + (columns - 1) * 16 <= laptop.width);
  assert.ok(rows * (picture + laptop.words) + (rows - 1) * 16 <= laptop.height);
  assert.ok(picture >= 160);
});

test("one exam alone is large", () => {
  const { columns, picture } = bestGrid(1, laptop);
  assert.equal(columns, 1);
  assert.ok(picture > 500);
});

test("too many to be seen at once are left to scrolling, and a phone shows one column", () => {
  assert.equal(bestGrid(40, laptop), null);
  assert.equal(bestGrid(1, { width: 358, height: 500, words: 190 }).tile <= 358, true);
});
