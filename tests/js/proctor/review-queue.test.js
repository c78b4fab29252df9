// The review queue: keys, where a clip starts, moving, deciding, taking back.

import assert from "node:assert/strict";
import { test } from "node:test";
import { REASONS, ReviewQueue, isOpen, keyAction, opinionOf, startOf, withOpinion, withoutOpinion } from "../../../static/js/proctor/review-queue.js";

const item = (video_id, decision = null) => ({ video_id, review: decision ? { decision, by: "Ada", state: decision } : { decision: null } });
const queueOf = (...items) => {
  const queue = new ReviewQueue();
  queue.clear({ onlyOpen: true });
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

test("what nobody has decided is open; where opinions differ somebody has", () => {
  assert.equal(isOpen(item("a")), true);
  assert.equal(isOpen(item("a", "confirmed")), false);
  assert.equal(isOpen({ review: { decision: "confirmed", state: "disputed" } }), false);
});

test("opinions: the first person's stands, another's is the second, each takes back his own", () => {
  const said = (by, decision, note = "") => ({ by, decision, reason: null, note, at: "2024-10-05T14:30:00Z" });
  const first = withOpinion(null, said("Ada", "confirmed"));
  assert.equal(first.state, "confirmed");
  const both = withOpinion(first, said("Grace", "dismissed", "glasses"));
  assert.equal(both.state, "disputed");
  assert.equal(opinionOf(both, "Grace").note, "glasses");
  assert.equal(opinionOf(both, "Ada").decision, "confirmed");
  assert.equal(opinionOf(both, "Eve"), null);
  assert.equal(withOpinion(both, said("Grace", "confirmed")).state, "confirmed");
  assert.equal(withOpinion(both, said("Ada", "dismissed")).state, "dismissed");
  assert.deepEqual(withoutOpinion(both, "Grace"), { ...first, second: null });
  assert.equal(withoutOpinion(both, "Ada").by, "Grace");
  assert.equal(withoutOpinion(first, "Ada"), null);
});

test("who gives second opinions goes on too, to what he has not decided", () => {
  const queue = new ReviewQueue();
  queue.take([item("a", "confirmed"), item("b", "confirmed"), item("c", "dismissed")]);
  queue.decide("a", withOpinion(queue.current.review, { by: "Grace", decision: "dismissed" }));
  assert.equal(queue.advance(), true);
  assert.equal(queue.current.video_id, "b");
  assert.equal(queue.undoTarget("Grace").video_id, "a");
});

test("what was decided is taken back also when the queue was read anew without it", () => {
  const queue = queueOf(item("a"), item("b"));
  queue.decide("a", { decision: "confirmed", by: "Ada", state: "confirmed" });
  queue.clear({ onlyOpen: true });
  queue.take([item("b"), item("c")]);
  const target = queue.undoTarget("Ada");
  assert.equal(target.video_id, "a");
  queue.undo(target, null);
  assert.equal(queue.go("a").video_id, "a");
  assert.equal(queue.undoTarget("Ada"), null);
});

test("the newest decision is taken back first, then the present one's own, never another's", () => {
  const queue = queueOf(item("a"), item("b"), item("c", "confirmed"));
  queue.decide("a", { decision: "confirmed", by: "Ada" });
  queue.decide("b", { decision: "confirmed", by: "Ada" });
  assert.equal(queue.undoTarget("Ada").video_id, "b");
  queue.undo(queue.find("b"), null);
  assert.equal(queue.undoTarget("Ada").video_id, "a");
  queue.undo(queue.find("a"), null);
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
