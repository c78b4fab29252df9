import assert from "node:assert/strict";
import test from "node:test";

import { examLines, plain, rehearsalLines } from "../../../static/js/portal/receipt.js";
import { beganByLink, mayRunByLink, nonceOf, overHere, startedHere } from "../../../static/js/portal/started.js";
import { texts } from "../../../static/js/portal/texts.js";
import { devicesOf } from "../../../static/js/sending/device-choice.js";

test("a receipt says who, which exam, from when to when and its number, and leaves out what is not known", () => {
  const session = { user_id: "anna", exam_id: "math", session_id: "abc", started_at: "2026-01-02T10:00:00.000Z", ended_at: "2026-01-02T11:30:00.000Z", elapsed_s: 5400 };
  const lines = Object.fromEntries(examLines(session));
  assert.deepEqual(Object.keys(lines), [texts.receipt.who, texts.receipt.exam, texts.receipt.from, texts.receipt.to, texts.receipt.lasted, texts.receipt.number]);
  assert.equal(lines[texts.receipt.lasted], "1:30:00");
  assert.deepEqual(examLines({ user_id: "anna", exam_id: null, session_id: "abc" }).map(([name]) => name), [texts.receipt.who, texts.receipt.number]);
  assert.equal(plain("Title", [["Exam", "math"]], ["Ask."]), "Title\nExam: math\nAsk.");
});

test("a rehearsal's receipt says whether the proctors know of it", () => {
  const kept = (stored) => rehearsalLines({ user_id: "anna" }, { at: 0, result: "Fine", stored }).at(-1);
  assert.deepEqual(kept(true), [texts.receipt.kept, texts.receipt.keptYes]);
  assert.deepEqual(kept(false), [texts.receipt.kept, texts.receipt.keptNo]);
});

test("this browser knows the exam that was started in it until that is over", () => {
  assert.equal(startedHere(), null);
  const nonce = nonceOf("anna", "math");
  assert.deepEqual(startedHere(), { user_id: "anna", exam_id: "math", nonce });
  assert.equal(nonceOf("anna", "math"), nonce);
  const other = nonceOf("ben", "");
  assert.deepEqual(startedHere(), { user_id: "ben", nonce: other });
  beganByLink(1000);
  assert.equal(mayRunByLink(2000), true);
  assert.equal(mayRunByLink(1000 + 25 * 3600 * 1000), false);
  overHere();
  assert.deepEqual([startedHere(), mayRunByLink(2000)], [null, false]);
});

test("devices that can be told apart are listed once each", () => {
  const device = (kind, deviceId, label) => ({ kind, deviceId, label });
  const all = [device("videoinput", "a", "Front"), device("videoinput", "a", "Front"), device("audioinput", "default", "Default - Desk"), device("audioinput", "communications", "Desk"), device("audioinput", "b", ""), device("audioinput", "", "")];
  assert.deepEqual(devicesOf("camera", all), [{ id: "a", label: "Front" }]);
  assert.deepEqual(devicesOf("microphone", all), [{ id: "default", label: "Default - Desk" }]);
});
