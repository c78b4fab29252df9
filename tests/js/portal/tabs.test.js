import assert from "node:assert/strict";
import test from "node:test";

import { runsElsewhere } from "../../../static/js/portal/tabs.js";

/** A browser's locks that grants none in time; `answers`: which are held, as it says one time after another. */
const locksOf = (...answers) => ({
  query: async () => ({ held: answers.shift().map((name) => ({ name })) }),
  request: async (_name, { signal }) => signal.throwIfAborted(),
});
const late = () => AbortSignal.abort();
const own = "exam-portal:s1";

test("another tab has an exam where the browser says so after the wait, too", async () => {
  assert.equal(await runsElsewhere("s1", { locks: locksOf([own], [own]), late }), true);
});

test("an exam that a page let go of while a slow browser was late to say so is in no other tab", async () => {
  assert.equal(await runsElsewhere("s1", { locks: locksOf([own], []), late }), false);
});

test("what nobody has is not waited for", async () => {
  assert.equal(await runsElsewhere("s1", { locks: locksOf(["exam-portal:s2"]), late }), false);
});

test("a browser without locks can't tell", async () => {
  assert.equal(await runsElsewhere("s1", { locks: null }), false);
});
