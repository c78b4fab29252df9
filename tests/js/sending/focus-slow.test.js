// Where the focus went, on a computer so slow that what a page hears of it comes late: no fault of the student's.

import assert from "node:assert/strict";
import test from "node:test";

import { BROWSERS, CONTROL, COUNTS, FRAME, Student, inFrame } from "../student.js";

test("many Tabs on a slow computer: while one leads out of the page, the next are still on their way into it", (t) => {
  const student = new Student(t);
  student.key("Tab").tabsWithin().tabsWithin().standsStill(3000).loses();
  student.comesBack().tabsWithin().loses().wait(9000);
  assert.deepEqual(student.told, [...BROWSERS, "window_focus: unproven", ...BROWSERS]);
});

test("Tab out of a frame on a slow computer: the page has the focus nowhere, and a tick later the browser has it", (t) => {
  const student = new Student(t);
  student.document.activeElement = FRAME;
  student.wait(5000);
  student.document.activeElement = student.document.body;
  student.wait(100).standsStill(4000).loses().wait(9000);
  assert.deepEqual(student.told, BROWSERS);
});

test("the search bar of a slow computer opens while its words are typed already", (t) => {
  const student = new Student(t);
  student.points(300).key("f", CONTROL).key("w").key("o").standsStill(8000).loses().wait(9000);
  assert.deepEqual(student.told, BROWSERS);
});

test("the pointer that moves on before a slow computer opens what was asked for proves nothing", (t) => {
  const student = new Student(t);
  student.key("p", CONTROL).points(300).standsStill(5000).loses().wait(9000);
  assert.deepEqual(student.told, ["window_blur: unclear"]);
});

test("the pointer that is out before a slow computer opens what was clicked proves nothing", (t) => {
  const student = new Student(t);
  student.hears("pointerdown").standsStill(2000).points(300).loses().wait(9000);
  assert.deepEqual(student.told, ["window_blur: unclear"]);
});

test("a notification that a slow computer hears the end of late took no longer than was watched", (t) => {
  const student = new Student(t);
  student.wait(5000).loses().standsStill(6000).comesBack();
  assert.deepEqual(student.told, ["window_blur: elsewhere", "window_focus: unproven"]);
});

test("another window on a slow computer counts, once, when it has been watched for long enough", (t) => {
  const student = new Student(t);
  student.wait(5000).loses();
  for (let looks = 0; looks < 4; looks += 1) student.standsStill(900).wait(50);
  assert.deepEqual(student.told, ["window_blur: elsewhere"]);
  for (let looks = 0; looks < 4; looks += 1) student.standsStill(900).wait(50);
  assert.deepEqual(student.comesBack().told, [...COUNTS, "window_focus"]);
});

test("from a frame that keeps its keys to itself: a dialog that uses up what opened it, as is heard after the focus is gone", (t) => {
  const student = inFrame(t, 2000).wait(50);
  student.active = false;
  assert.deepEqual(student.wait(20_000).told, ["window_blur: unclear"]);
});

test("from a frame that keeps its keys to itself: what a page that stood still did not see may have been pressed", (t) => {
  const student = new Student(t);
  student.document.activeElement = FRAME;
  student.wait(9000).standsStill(2000).loses().wait(20_000);
  assert.deepEqual(student.told, ["window_blur: unclear"]);
});

test("a file dialog may cover the page, and is no other tab; what covers it otherwise is", (t) => {
  const student = new Student(t);
  student.document.type = "file"; // what was clicked
  student.hears("click").standsStill(2000);
  Object.assign(student, { focused: false });
  Object.assign(student.document, { hidden: true });
  student.wait(5000);
  Object.assign(student.document, { hidden: false });
  student.comesBack().wait(5000);
  Object.assign(student.document, { hidden: true });
  student.wait(100);
  assert.deepEqual(student.told, ["tab_hidden: dialog", ...BROWSERS, "tab_visible", "window_focus: unproven", "tab_hidden"]);
});

test("the focus that a question of the browser's takes is with the browser, however late it comes back", async (t) => {
  const student = new Student(t);
  let answer;
  student.wait(5000);
  const held = student.acts.hold(new Promise((resolve) => (answer = resolve)));
  student.loses().wait(5000);
  answer();
  await held;
  student.wait(5000).comesBack();
  assert.deepEqual(student.told, [...BROWSERS, "window_focus: unproven"]);
});

test("a file dialog of a frame may cover a slow page before it has seen the click into the frame", (t) => {
  const student = new Student(t);
  student.wait(9000).standsStill(900);
  student.focused = false;
  Object.assign(student.document, { activeElement: FRAME, hidden: true });
  student.wait(100);
  assert.equal(student.told[0], "tab_hidden: dialog");
});

test("another tab, from a frame on a computer that is fast enough to see all, counts", (t) => {
  const student = new Student(t);
  student.document.activeElement = FRAME;
  student.wait(9000);
  student.focused = false;
  student.document.hidden = true;
  student.wait(100);
  assert.equal(student.told[0], "tab_hidden");
});

test("what a file dialog of a frame uses up may be told after the page is covered; another tab uses up nothing, and lasts", (t) => {
  const student = inFrame(t, 1000).comesBack();
  student.active = true;
  student.wait(3000);
  student.focused = false;
  student.document.hidden = true;
  student.wait(100);
  assert.ok(!student.told.some((one) => one.startsWith("tab_hidden")));
  student.active = false;
  student.wait(100);
  assert.ok(student.told.includes("tab_hidden: dialog"));
  student.document.hidden = false;
  student.comesBack();
  student.active = true;
  student.wait(3000);
  student.focused = false;
  student.document.hidden = true;
  student.wait(900);
  assert.ok(student.told.includes("tab_hidden"));
});

test("a file dialog that covers the page at once after the press that opens it, in a frame, is no other tab", (t) => {
  const student = new Student(t);
  student.document.activeElement = FRAME;
  student.wait(9000);
  Object.assign(student, { active: true, focused: false });
  student.document.hidden = true;
  student.wait(100);
  assert.equal(student.told[0], "tab_hidden: dialog");
});

test("a file dialog that covers the page right after a click into the frame, by a student who was at work before, is no other tab", (t) => {
  const student = new Student(t);
  student.active = true;
  student.wait(3000);
  student.document.activeElement = FRAME;
  student.focused = false;
  student.document.hidden = true;
  student.wait(100);
  assert.equal(student.told[0], "tab_hidden: dialog");
});

test("another tab by a student who has been at work in the frame for a while counts", (t) => {
  const student = new Student(t);
  student.active = true;
  student.document.activeElement = FRAME;
  student.wait(4000);
  student.focused = false;
  student.document.hidden = true;
  student.wait(900);
  assert.equal(student.told.find((one) => one.startsWith("tab_hidden")), "tab_hidden");
});
