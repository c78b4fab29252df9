import assert from "node:assert/strict";
import test from "node:test";

import { ApiError } from "../../../static/js/shared/api.js";
import { routed } from "../../../static/js/shared/route.js";
import { waitingTexts } from "../../../static/js/portal/texts-waiting.js";
import { WaitingStep } from "../../../static/js/portal/waiting-step.js";

/** A step that is answered `answers`, one after the other; what it shows and for how long it waits. */
function stepWith(t, answers) {
  const elements = {};
  globalThis.document = { getElementById: (id) => (elements[id] ??= { hidden: false, textContent: "" }) };
  t.after(() => delete globalThis.document);
  const found = { shown: [], waited: [], asked: [], elements };
  const ask = async (path, { by }) => {
    found.asked.push([path.split("?")[1] ?? "", by]);
    const answer = answers.shift();
    if (answer instanceof Error) throw answer;
    return answer;
  };
  const onShow = () => found.shown.push(elements["waiting-place"].textContent);
  found.step = new WaitingStep({ onShow, ask, random: () => 0, wait: async (seconds) => found.waited.push(seconds) });
  return found;
}

test("where there is room nothing is shown", async (t) => {
  const { step, shown } = stepWith(t, [{ position: 0, wait_s: null, again_s: 0 }]);
  await step.pass("token");
  assert.deepEqual(shown, []);
});

test("it says the place and goes on by itself, also after the server was away", async (t) => {
  const answers = [{ position: 3, wait_s: 200, again_s: 2 }, new ApiError(0, { code: "unreachable" }), { position: 1, wait_s: null, again_s: 2 }, { position: 0 }];
  const { step, shown, waited, elements } = stepWith(t, answers);
  await step.pass("token");
  assert.deepEqual(shown, [3, null, 1].map((position) => waitingTexts.place(position)));
  assert.equal(waited.length, 3);
  assert.equal(waited[0], 2);
  assert.equal(elements["waiting-trouble"].hidden, true);
  assert.equal(elements["waiting-time"].textContent, "");
});

const HERE = "a".repeat(32), THERE = "b".repeat(32);
const full = (elsewhere) => ({ position: 7, wait_s: null, again_s: 2, elsewhere, route: HERE });

test("where another server has room the exam begins there, and its page goes by that key from then on", async (t) => {
  const onItsWay = new ApiError(503, { code: "unavailable" });
  const { step, asked, waited } = stepWith(t, [full(THERE), onItsWay, onItsWay, { position: 0, route: THERE }]);
  await step.pass("token");
  assert.deepEqual(asked, [["", undefined], ...Array(3).fill(["room=only", THERE])]);
  assert.deepEqual(waited, [1, 1]);
  assert.equal(routed("/x"), `/x?e=${THERE}`);
});

test("keys are tried until one leads to a server with room, some at a time, and the place at the own one is kept", async (t) => {
  const noRoom = () => new ApiError(429, { code: "too_many" });
  const { step, asked, waited } = stepWith(t, [full(""), full(""), ...Array(4).fill(0).map(noRoom), full(""), noRoom(), { position: 0, route: HERE }]);
  await step.pass("token");
  const keys = asked.map(([, by]) => by).filter(Boolean);
  assert.deepEqual(asked.map(([query]) => query), ["", ...Array(5).fill("room=only"), "", "room=only", "room=only"]);
  assert.equal(new Set(keys).size, 7);
  assert.ok(keys.every((key) => /^[0-9a-f]{32}$/.test(key)));
  assert.deepEqual(waited, [2]);
});

test("an exam that is over, or a link that is, is the link's to tell", async (t) => {
  for (const error of [new ApiError(409, { code: "conflict" }), new ApiError(401, { code: "unauthorized" }), new ApiError(404, { code: "not_found" })]) {
    const { step, shown } = stepWith(t, [error]);
    await step.pass("token");
    assert.deepEqual(shown, []);
  }
});

test("a start that finds no room is tried again, and any other trouble is told", async (t) => {
  const { step, waited, shown } = stepWith(t, []);
  const answers = [new ApiError(429, { code: "too_many", retry_after_s: 7 }), new ApiError(429, { code: "too_many" }), "in"];
  const begin = async () => {
    const answer = answers.shift();
    if (answer instanceof Error) throw answer;
    return answer;
  };
  assert.equal(await step.patiently(begin), "in");
  assert.deepEqual(waited, [7, 5]);
  assert.equal(shown.length, 2);
  answers.push(new ApiError(422, { code: "invalid" }));
  await assert.rejects(step.patiently(begin), { status: 422 });
});

test("places and times are said in words", () => {
  assert.equal(waitingTexts.place(1), "You are next.");
  assert.equal(waitingTexts.place(2), "1 student is before you.");
  assert.equal(waitingTexts.place(40), "39 students are before you.");
  assert.equal(waitingTexts.time(61), "It takes about 2 minutes.");
  assert.equal(waitingTexts.time(null), "");
});
