// Decisions on their way to the server: shown at once, in order, and standing where the server says.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Decisions } from "../../../static/js/proctor/review-decisions.js";
import { ReviewQueue, isOpen, opinionOn, shownOf } from "../../../static/js/proctor/review-queue.js";

/** A queue of one item and a server that answers when the test says so. */
function desk(review = null) {
  const queue = new ReviewQueue();
  queue.take([{ video_id: "a", user_id: "anna", review }]);
  const calls = [];
  const told = [];
  const post = (item, body) => new Promise((resolve, reject) => calls.push({ body, resolve, reject }));
  const decisions = new Decisions(queue, { post, told: (item, answer) => told.push(answer) });
  return { queue, item: queue.current, calls, told, decisions };
}

const ADA = { decision: "confirmed", by: "Ada", reason: "", note: "", second: null, state: "confirmed" };

test("an interval stands where the server says, whatever was decided here", async () => {
  const { queue, item, calls, told, decisions } = desk(ADA);
  queue.decide(item, { decision: "dismissed", by: "Grace", reason: "glasses", note: "" });
  const sent = decisions.send(item);
  assert.equal(shownOf(item).decision, "dismissed");
  assert.equal(item.review, ADA);
  await Promise.resolve();
  assert.deepEqual(calls[0].body, { decision: "dismissed", by: "Grace", reason: "glasses" });
  const stands = { ...ADA, second: { decision: "dismissed", by: "Grace", reason: "glasses", note: "" }, state: "disputed" };
  calls[0].resolve({ review: stands, left: 3 });
  await sent;
  assert.equal(shownOf(item), stands);
  assert.deepEqual([told.length, told[0].left, decisions.waiting], [1, 3, 0]);
});

test("a decision that the server does not take leaves the interval as it was, says so and keeps the note", async () => {
  const { queue, item, calls, told, decisions } = desk();
  queue.decide(item, { decision: "confirmed", by: "Ada", reason: null, note: "a phone" });
  const sent = decisions.send(item);
  assert.equal(isOpen(item), false);
  await Promise.resolve();
  calls[0].reject(new Error("The database is away."));
  await sent;
  assert.equal(isOpen(item), true);
  assert.match(decisions.unsaved.get("a"), /anna was not saved\. The database is away\./);
  assert.equal(decisions.drafts.get("a"), "a phone");
  assert.deepEqual(told, [null]);
});

test("an answer that came meanwhile is shown, and goes along with the next decision", async () => {
  const { queue, item, calls, decisions } = desk();
  queue.decide(item, opinionOn(item, { decision: "confirmed", by: "Ada", reason: null, note: "" }));
  const first = decisions.send(item);
  await Promise.resolve();
  assert.deepEqual(calls[0].body, { decision: "confirmed", by: "Ada", answered_at: null });
  const answer = { text: "My calculator.", at: "2026-01-31T09:30:00.000Z" };
  calls[0].reject(Object.assign(new Error("Read it."), { details: { reason: "answered", answer } }));
  await first;
  assert.deepEqual([item.answer, isOpen(item)], [answer, true]);
  assert.equal(opinionOn(item, { decision: "dismissed", by: "Ada", reason: "device", note: "" }).answered_at, answer.at);
});

test("a note to what one has decided goes along with the decision, and another decision does not", () => {
  const { item } = desk(ADA);
  assert.equal(opinionOn(item, { decision: "confirmed", by: "Ada", reason: null, note: "a phone" }).amends, true);
  assert.equal(opinionOn(item, { decision: "dismissed", by: "Ada", reason: "light", note: "" }).amends, undefined);
  assert.equal(opinionOn(item, { decision: "confirmed", by: "Grace", reason: null, note: "" }).amends, undefined);
});

test("what is decided and taken back at once arrives in order, and only the last answer is shown", async () => {
  const { queue, item, calls, decisions } = desk();
  queue.decide(item, { decision: "confirmed", by: "Ada", reason: null, note: "" });
  const first = decisions.send(item);
  queue.undo(item, "Ada");
  const second = decisions.send(item);
  await Promise.resolve();
  assert.equal(calls.length, 1);
  calls[0].resolve({ review: ADA });
  await first;
  assert.equal(isOpen(item), true);
  assert.equal(decisions.isWaiting("a"), true);
  await Promise.resolve();
  assert.deepEqual(calls[1].body, { decision: null, by: "Ada" });
  calls[1].resolve({ review: { decision: null, by: "", second: null, state: "open" } });
  await second;
  assert.equal(isOpen(item), true);
  assert.equal(item.pending, null);
});
