import assert from "node:assert/strict";
import test from "node:test";

import { ActQueue } from "../../../static/js/sending/act-queue.js";
import { MemoryStore, openActStore } from "../../../static/js/sending/act-store.js";

const act = (id, page_ms) => ({ id, kind: "copy", page_ms });
const ids = (queue) => queue.batches().flat().map(({ id }) => id);

test("acts stay until they are acknowledged, in order", async () => {
  const queue = new ActQueue(new MemoryStore(), "s");
  await queue.add(act("a", 1));
  await queue.add(act("b", 2));
  await queue.add(act("c", 3));
  await queue.acknowledge(["b", "unknown"]);
  assert.deepEqual(ids(queue), ["a", "c"]);
});

test("a new page of the same session takes over what was not acknowledged, oldest first", async () => {
  const store = new MemoryStore();
  const before = new ActQueue(store, "s");
  await before.add(act("late", 20));
  await before.add(act("early", 10));
  await before.add(act("done", 5));
  await before.acknowledge(["done"]);
  await new ActQueue(store, "other").add(act("foreign", 1));

  const after = new ActQueue(store, "s");
  await after.add(act("new", 30));
  await after.load();
  assert.deepEqual(ids(after), ["early", "late", "new"]);
  assert.deepEqual(after.batches()[0][0], act("early", 10));
});

test("a long outage is sent in messages that the server takes", async () => {
  const queue = new ActQueue(new MemoryStore(), "s");
  for (let index = 0; index < 450; index += 1) await queue.add(act(`a${index}`, index));
  assert.deepEqual(queue.batches().map((batch) => batch.length), [200, 200, 50]);
});

test("acts of two clocks go in two messages", async () => {
  const queue = new ActQueue(new MemoryStore(), "s");
  for (const [id, page] of [["a", "x"], ["b", "x"], ["c", "y"], ["d", undefined]]) await queue.add({ ...act(id, 1), page });
  assert.deepEqual(queue.batches().map((batch) => batch.map(({ id }) => id)), [["a", "b"], ["c"], ["d"]]);
});

test("a browser without IndexedDB keeps acts in memory", async () => {
  assert.ok((await openActStore(undefined)) instanceof MemoryStore);
});
