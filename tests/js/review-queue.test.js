// The review queue: keys, where a clip starts, moving, deciding, taking back.

import assert from "node:assert/strict";
import { test } from "node:test";
import { REASONS, ReviewQueue, isOpen, keyAction, startOf } from "../../static/js/review-queue.js";

const item = (video_id, decision = null) => ({ video_id, review: decision ? { decision, by: "Ada", state: decision } : { decision: null } });
const queueOf = (...items) => {
  const queue = new ReviewQueue();
  queue.take(items);
  return queue;
};

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
  assert.equal(keyAction({ key: "6" }, { dismissing: true }), "reason:other");
  assert.equal(keyAction({ key: "7" }, { dismissing: true }), null);
  assert.equal(keyAction({ key: "Escape" }, { dismissing: true }), "cancel");
});

test("a clip starts a moment before its first violation, and at its start without one", () => {
  assert.equal(startOf([["speech", 12, 14], ["no_face", 7.5, 11]]), 6.5);
  assert.equal(startOf([["speech", 0.4, 3]]), 0);
  assert.equal(startOf([]), 0);
  assert.equal(startOf(undefined), 0);
});

test("after a decision the next open one comes, round to the start, and the last stays", () => {
  const queue = queueOf(item("a"), item("b", "confirmed"), item("c"));
  queue.decide("a", { decision: "confirmed", by: "Ada" });
  assert.equal(queue.advance(), true);
  assert.equal(queue.current.video_id, "c");
  queue.decide("c", { decision: "dismissed", by: "Ada", reason: "light" });
  assert.equal(queue.advance(), false);
  assert.equal(queue.current.video_id, "c");
});

test("what opinions differ on is open again", () => {
  assert.equal(isOpen(item("a")), true);
  assert.equal(isOpen(item("a", "confirmed")), false);
  assert.equal(isOpen({ review: { decision: "confirmed", state: "disputed" } }), true);
});

test("the newest decision is taken back first, then the present one's own, never another's", () => {
  const queue = queueOf(item("a"), item("b"), item("c", "confirmed"));
  queue.decide("a", { decision: "confirmed", by: "Ada" });
  queue.decide("b", { decision: "confirmed", by: "Ada" });
  assert.equal(queue.undoTarget("Ada").video_id, "b");
  queue.decide("b", null);
  assert.equal(queue.undoTarget("Ada").video_id, "a");
  queue.decide("a", null);
  queue.go("c");
  assert.equal(queue.undoTarget("Ada").video_id, "c");
  assert.equal(queue.undoTarget("Grace"), null);
});

test("the clip to load ahead is that of the item a decision leads to", () => {
  const queue = queueOf(item("a"), item("b", "dismissed"), item("c"));
  assert.equal(queue.following.video_id, "c");
  queue.move(1);
  assert.equal(queue.following.video_id, "c");
});

test("a page that is read again brings items up to date and doubles none", () => {
  const queue = queueOf(item("a"), item("b"));
  queue.take([item("b", "confirmed"), item("c")]);
  assert.deepEqual(queue.items.map(({ video_id }) => video_id), ["a", "b", "c"]);
  assert.equal(queue.find("b").review.decision, "confirmed");
});

test("moving stops at both ends", () => {
  const queue = queueOf(item("a"), item("b"));
  assert.equal(queue.move(-1).video_id, "a");
  assert.equal(queue.move(5).video_id, "b");
});

test("a key that is held seeks, and decides nothing", () => {
  for (const key of ["c", "d", "u", "j"]) assert.equal(keyAction({ key, repeat: true }), null);
  assert.equal(keyAction({ key: "1", repeat: true }, { dismissing: true }), null);
  assert.equal(keyAction({ key: "ArrowRight", repeat: true }), "forward");
  assert.equal(keyAction({ key: "c" }), "confirm");
});
