// The password of the exam elsewhere: offered, shown at a wish as it is then, and hidden again.

import assert from "node:assert/strict";
import test from "node:test";
import { ExamPassword } from "../../../static/js/portal/exam-password.js";

function page(answers) {
  const told = {};
  const notices = { set: (_code, text, action = null) => Object.assign(told, { text, action }) };
  return { told, password: new ExamPassword(notices, async () => {
    const answer = answers.shift();
    if (answer instanceof Error) throw answer;
    return answer;
  }) };
}
const settled = () => new Promise((resolve) => setImmediate(resolve));

test("the password stands there only when it is wished for, and as it is at that moment", async () => {
  const { told, password } = page([{ password: "old", text: "" }, { password: "new", text: "Type it in Moodle." }]);
  await password.look();
  assert.doesNotMatch(told.text, /old|new/);
  told.action.does();
  await settled();
  assert.equal(told.text, "The password is: new. Type it in Moodle.");
  told.action.does();
  assert.doesNotMatch(told.text, /new/);
});

test("without a password nothing is said, and a check that has not passed is", async () => {
  const refusal = Object.assign(new Error("Call the proctor."), { details: { reason: "check" } });
  const { told, password } = page([{ password: "", text: "" }, refusal]);
  await password.look();
  assert.equal(told.text, null);
  await password.look();
  assert.deepEqual(told, { text: "Call the proctor.", action: null });
});

test("until a picture has arrived there is a button to try again", async () => {
  const refusal = Object.assign(new Error("Wait a moment."), { details: { reason: "picture" } });
  const { told, password } = page([refusal, { password: "new", text: "" }]);
  await password.look();
  assert.equal(told.text, "Wait a moment.");
  told.action.does();
  await settled();
  assert.match(told.text, /new/);
});
