// The review queue: moving, deciding, taking back.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ReviewQueue, isOpen, opinionOf, shownOf } from "../../../static/js/proctor/review-queue.js";

const item = (video_id, decision = null) => ({ video_id, review: decision ? { decision, by: "Ada", state: decision } : { decision: null } });
const queueOf = (...items) => {
  const queue = new ReviewQueue();
  queue.clear({ onlyOpen: true });
  queue.take(items);
  return queue;
};

test("after a decision the next open one comes, round to the start, and the last stays", () => {
  const queue = queueOf(item("a"), item("b", "confirmed"), item("c"));
  queue.decide(queue.find("a"), { decision: "confirmed", by: "Ada" });
  assert.equal(queue.advance(), true);
  assert.equal(queue.current.video_id, "c");
  queue.decide(queue.find("c"), { decision: "dismissed", by: "Ada", reason: "light" });
  assert.equal(queue.advance(), false);
  assert.equal(queue.current.video_id, "c");
});

test("what nobody has decided is open; where opinions differ somebody has", () => {
  assert.equal(isOpen(item("a")), true);
  assert.equal(isOpen(item("a", "confirmed")), false);
  assert.equal(isOpen({ review: { decision: "confirmed", state: "disputed" } }), false);
});

test("what was decided is taken back also when the queue was read anew without it", () => {
  const queue = queueOf(item("a"), item("b"));
  queue.decide(queue.find("a"), { decision: "confirmed", by: "Ada" });
  queue.clear({ onlyOpen: true });
  queue.take([item("b"), item("c")]);
  const target = queue.undoTarget("Ada");
  assert.equal(target.video_id, "a");
  queue.undo(target, "Ada");
  assert.equal(queue.go("a").video_id, "a");
  assert.equal(queue.undoTarget("Ada"), null);
});

test("the newest decision is taken back first, then the present one's own, never another's", () => {
  const queue = queueOf(item("a"), item("b"), item("c", "confirmed"));
  queue.decide(queue.find("a"), { decision: "confirmed", by: "Ada" });
  queue.decide(queue.find("b"), { decision: "confirmed", by: "Ada" });
  assert.equal(queue.undoTarget("Ada").video_id, "b");
  queue.undo(queue.find("b"), "Ada");
  assert.equal(queue.undoTarget("Ada").video_id, "a");
  queue.undo(queue.find("a"), "Ada");
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

test("a person's own opinion is found in what the server says, first or second, and in what it has not answered yet", () => {
  const second = { decision: "dismissed", by: "Grace", note: "glasses" };
  const both = { review: { decision: "confirmed", by: "Ada", second, state: "disputed" } };
  assert.equal(opinionOf(both, "Grace").note, "glasses");
  assert.equal(opinionOf(both, "Ada").decision, "confirmed");
  assert.equal(opinionOf(both, "Eve"), null);
  assert.equal(opinionOf({ ...both, pending: { decision: "confirmed", by: "Grace" } }, "Grace").decision, "confirmed");
  assert.equal(opinionOf({ ...both, pending: { decision: null, by: "Grace" } }, "Grace"), null);
});

test("who gives second opinions goes on too, to what he has not decided, and says nothing of where it stands", () => {
  const queue = new ReviewQueue();
  queue.take([item("a", "confirmed"), item("b", "confirmed"), item("c", "dismissed")]);
  const { current } = queue;
  const before = structuredClone(current.review);
  queue.decide(current, { by: "Grace", decision: "dismissed" });
  assert.deepEqual(current.review, before);
  assert.equal(shownOf(current).decision, "dismissed");
  assert.equal(queue.advance(), true);
  assert.equal(queue.current.video_id, "b");
  assert.equal(queue.undoTarget("Grace").video_id, "a");
  const stands = { ...before, second: { by: "Grace", decision: "dismissed" }, state: "disputed" };
  queue.settle(current, stands);
  assert.equal(shownOf(current), stands);
});

test("what the server did not take waits again, and what could not be taken back can be tried again", () => {
  const queue = queueOf(item("a"), item("b"));
  const a = queue.find("a");
  queue.decide(a, { decision: "confirmed", by: "Ada" });
  queue.advance();
  queue.restore(a, "Ada");
  assert.equal(isOpen(a), true);
  assert.equal(queue.undoTarget("Ada"), null);
  assert.equal(queue.following.video_id, "a");

  queue.decide(a, { decision: "confirmed", by: "Ada" });
  queue.settle(a, { decision: "confirmed", by: "Ada", second: null, state: "confirmed" });
  queue.undo(a, "Ada");
  assert.equal(isOpen(a), true);
  queue.restore(a, "Ada");
  assert.equal(isOpen(a), false);
  assert.equal(queue.undoTarget("Ada"), a);
});

test("a queue that is read again while a decision is on its way keeps it", () => {
  const queue = queueOf(item("a"), item("b"));
  queue.decide(queue.find("a"), { decision: "confirmed", by: "Ada" });
  queue.clear({ onlyOpen: true });
  queue.take([item("a"), item("b")]);
  assert.equal(isOpen(queue.find("a")), false);
  assert.equal(queue.undoTarget("Ada"), queue.find("a"));
});

test("an answer that was asked for before a decision was stored does not undo it", () => {
  const queue = queueOf(item("a"), item("b"));
  const [a, asked] = [queue.find("a"), queue.now];
  queue.decide(a, { decision: "confirmed", by: "Ada" });
  queue.settle(a, { decision: "confirmed", by: "Ada" });
  queue.take([{ ...item("a"), points: 12 }], asked);
  assert.deepEqual([isOpen(a), a.points, queue.undoTarget("Ada")], [false, 12, a]);
  queue.take([item("a")]);
  assert.equal(isOpen(a), true);
});

test("one decision for all of a student's open flags, whose clips are made, is taken back as one", () => {
  const flag = (id, user_id, more = {}) => ({ ...item(id), user_id, exam_id: "math", clip: { state: "ready" }, ...more });
  const queue = queueOf(
    flag("a", "ann"),
    flag("b", "ben"),
    flag("c", "ann"),
    flag("d", "ann", { clip: { state: "pending" } }),
    flag("e", "ann", { exam_id: "art" }),
    flag("f", "ann", { review: { decision: "confirmed", by: "Bob" } }),
  );
  const others = queue.sameStudent(queue.current);
  assert.deepEqual(others.map(({ video_id }) => video_id), ["c"]);
  for (const one of [queue.current, ...others]) queue.decide(one, { decision: "confirmed", by: "Ada" }, 1);
  queue.decide(queue.find("b"), { decision: "confirmed", by: "Ada" }, 2);
  assert.deepEqual(queue.undoTargets("Ada").map(({ video_id }) => video_id), ["b"]);
  queue.undo(queue.find("b"), "Ada");
  assert.deepEqual(queue.undoTargets("Ada").map(({ video_id }) => video_id), ["a", "c"]);
  for (const one of queue.undoTargets("Ada")) queue.undo(one, "Ada");
  assert.deepEqual(queue.undoTargets("Ada"), []);
  assert.deepEqual(queue.sameStudent(null), []);
});

test("a third person's opinion is one's own, too", () => {
  const third = { decision: "dismissed", by: "Eve" };
  assert.equal(opinionOf({ review: { decision: "confirmed", by: "Ada", second: null, third } }, "Eve"), third);
});
