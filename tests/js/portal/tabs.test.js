// Whether another tab has the exam: by what the browser answers, however late it does.

import assert from "node:assert/strict";
import test from "node:test";

import { runsElsewhere } from "../../../static/js/portal/tabs.js";

/** A browser that takes `lateMs` for an answer; the exam's lock is another's until `heldUntil` ms. Gives what is answered, and when. */
async function asked({ lateMs = 1, heldUntil = 0, locks }) {
  let now = 0;
  const request = async (name, { ifAvailable }, does) => {
    assert.deepEqual([name, ifAvailable], ["exam-portal:s", true]);
    const lock = now < heldUntil ? null : { name };
    now += lateMs;
    return does(lock);
  };
  const pause = async (ms) => {
    now += ms;
  };
  return [await runsElsewhere("s", { locks: locks === undefined ? { request } : locks, now: () => now, pause }), now];
}

test("what nobody has runs nowhere else, also where the browser is long in saying so", async () => {
  assert.deepEqual(await asked({}), [false, 1]);
  assert.deepEqual(await asked({ lateMs: 9000 }), [false, 9000]);
});

test("a page that goes lets go of it a moment later", async () => {
  assert.equal((await asked({ heldUntil: 1000 }))[0], false);
  assert.equal((await asked({ heldUntil: 1000, lateMs: 5000 }))[0], false);
});

test("what is still held after that is another tab's", async () => {
  const [elsewhere, at] = await asked({ heldUntil: Infinity });
  assert.ok(elsewhere && at >= 1500 && at < 1700, `at ${at}`);
});

test("a browser that can't tell says nothing of other tabs", async () => {
  assert.deepEqual(await asked({ locks: null }), [false, 0]);
  assert.equal((await asked({ locks: { request: () => Promise.reject(new DOMException("denied", "SecurityError")) } }))[0], false);
});
