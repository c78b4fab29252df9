// What a key means on the review page.

import assert from "node:assert/strict";
import { test } from "node:test";
import { REASONS, digitOf, keyAction } from "../../../static/js/proctor/review-keys.js";

test("each key of the page has its action, in either case, and not with a modifier", () => {
  assert.equal(keyAction({ key: "j" }), "next");
  assert.equal(keyAction({ key: "K" }), "previous");
  assert.equal(keyAction({ key: " " }), "play");
  assert.equal(keyAction({ key: "ArrowLeft" }), "back");
  assert.equal(keyAction({ key: "." }), "frame_forward");
  assert.equal(keyAction({ key: "?" }), "keys");
  assert.equal(keyAction({ key: "c", ctrlKey: true }), null);
  assert.equal(keyAction({ key: "x" }), null);
  assert.equal(keyAction({ key: "constructor" }), null);
});

test("a digit is a reason only while a dismissal waits for one", () => {
  assert.equal(keyAction({ key: "1" }), null);
  assert.equal(keyAction({ key: "1" }, { dismissing: true }), `reason:${REASONS[0]}`);
  assert.equal(keyAction({ key: "6" }, { dismissing: true }), "reason:nothing_to_see");
  assert.equal(keyAction({ key: "0" }, { dismissing: true }), "reason:other");
  assert.deepEqual(REASONS.map((_, index) => keyAction({ key: String(digitOf(index)) }, { dismissing: true })), REASONS.map((reason) => `reason:${reason}`));
  assert.equal(keyAction({ key: "Escape" }, { dismissing: true }), "cancel");
});

test("a key that is held seeks, and decides nothing", () => {
  for (const key of ["c", "d", "u", "j"]) assert.equal(keyAction({ key, repeat: true }), null);
  assert.equal(keyAction({ key: "1", repeat: true }, { dismissing: true }), null);
  assert.equal(keyAction({ key: "ArrowRight", repeat: true }), "forward");
  assert.equal(keyAction({ key: "c" }), "confirm");
});
