// What stands at a chart's scales.

import assert from "node:assert/strict";
import { test } from "node:test";
import { dayName, dayNames, inLines } from "../../../static/js/proctor/chart-words.js";

test("a name that has no room is broken where a word ends, and what is left over ends in dots", () => {
  assert.deepEqual(inLines("Speech", 12, 2), ["Speech"]);
  assert.deepEqual(inLines("Tab or window left", 12, 2), ["Tab or", "window left"]);
  assert.deepEqual(inLines("chemistry-of-the-atmosphere-and-oceans", 18, 2), ["chemistry-of-the-", "atmosphere-and-…"]);
  assert.deepEqual(inLines("chemistry-of-the-atmosphere", 18, 1), ["chemistry-of-the-…"]);
  assert.deepEqual(inLines("Donaudampfschifffahrt", 10, 2), ["Donaudamp…"]);
  assert.deepEqual(inLines("", 10, 2), [""]);
});

test("days are written as the reader writes them, with the year where it is not the same for all", () => {
  assert.deepEqual(dayNames(["2024-02-29", "2024-03-01"]), ["Feb 29", "Mar 1"]);
  assert.deepEqual(dayNames(["2023-12-31", "2024-01-01"]), ["Dec 31, 2023", "Jan 1, 2024"]);
  assert.deepEqual(dayNames(["2023-12", "2024-01"]), ["Dec 2023", "Jan 2024"]);
  assert.equal(dayName("2024-02-29"), "Feb 29, 2024");
  assert.deepEqual(dayNames([]), []);
});
