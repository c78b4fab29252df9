import assert from "node:assert/strict";
import test from "node:test";

import { leadsToControls } from "../../../static/js/sending/focus-cause.js";
import { ALT, BROWSERS, CONTROL, COUNTS, FRAME, Student, inFrame } from "../student.js";

const CASES = {
  "Tab out of the page": [(student) => student.key("Tab").loses(), BROWSERS],
  "Tab back out of the page": [(student) => student.key("Tab", { shiftKey: true }).loses(), BROWSERS],
  "Tab out of a frame, whose keys are not heard": [
    (student) => {
      student.document.activeElement = FRAME;
      student.wait(100).loses(student.document.body);
    },
    BROWSERS,
  ],
  "Tab within the page, then something else": [(student) => student.tabsWithin().wait(3500).loses(), COUNTS],
  "a click, and what a slow browser takes two seconds to open": [(student) => student.hears("pointerdown").wait(2000).loses(), ["window_blur: unclear"]],
  "Tab within the page, and at once something unseen": [(student) => student.tabsWithin().wait(500).loses(), ["window_blur: unclear"]],
  "Tab, and Alt+Tab soon after": [(student) => student.tabsWithin().key("Alt", ALT).loses(), COUNTS],
  "Tab within the page, and a click in a window beside": [(student) => student.tabsWithin().points(300).wait(200).loses(), COUNTS],
  "the search bar": [(student) => student.key("Control", CONTROL).key("f", CONTROL).loses(), BROWSERS],
  "the menu by Alt alone": [(student) => student.key("Alt", ALT).hears("keyup", { key: "Alt" }).loses(), BROWSERS],
  "Alt+Tab": [(student) => student.key("Alt", ALT).loses(), COUNTS],
  "the Windows key": [(student) => student.key("Meta", { metaKey: true }).hears("keyup", { key: "Meta" }).loses(), COUNTS],
  "a click in the toolbar": [(student) => student.points(-20).wait(5000).loses(), BROWSERS],
  "Alt+Tab while the pointer rests on the toolbar": [(student) => student.points(-20).key("Alt", ALT).loses(), COUNTS],
  "a click in a window beside": [(student) => student.hears("pointerdown").points(300).wait(200).loses(), COUNTS],
  "a context menu": [(student) => student.hears("pointerdown").hears("contextmenu").loses(), BROWSERS],
  "a file dialog that takes its time": [
    (student) => {
      student.document.type = "file"; // what was clicked
      student.hears("click").wait(1500).loses();
    },
    BROWSERS,
  ],
  "another window, nobody knows how": [(student) => student.wait(5000).loses(), COUNTS],
  "a finger on what is beside": [(student) => student.hears("pointerdown", { pointerType: "touch" }).wait(5000).loses(), ["window_blur: unclear"]],
  "a key long ago": [(student) => student.key("Tab").wait(5000).loses(), COUNTS],
};

for (const [name, [does, told]] of Object.entries(CASES)) {
  test(`where the focus went: ${name}`, (t) => {
    const student = new Student(t);
    does(student);
    student.wait(9000);
    assert.deepEqual(student.told, told);
  });
}

test("printing takes the focus for as long as it likes", (t) => {
  const student = new Student(t);
  student.page.dispatchEvent(new Event("beforeprint"));
  student.wait(3000).loses().wait(5000);
  assert.deepEqual(student.told, BROWSERS);
});

test("the focus that is back within a second is told, and not as away", (t) => {
  const student = new Student(t);
  student.wait(5000).loses().wait(800).comesBack().wait(5000);
  assert.deepEqual(student.told, ["window_blur: elsewhere", "window_focus: unproven"]);
});

test("from a frame that keeps its keys to itself: nothing was pressed there for long", (t) => {
  assert.deepEqual(inFrame(t, 7000).wait(2000).told, COUNTS);
});

test("from a frame that keeps its keys to itself: something was pressed there a while before, as is known once that has faded", (t) => {
  const student = inFrame(t, 3500).wait(1450);
  assert.deepEqual(student.told, ["window_blur: unclear"]);
  student.active = false;
  assert.deepEqual(student.wait(100).told, ["window_blur: unclear", "window_away"]);
});

test("from a frame that keeps its keys to itself: what was pressed there may be what a slow browser opens after seconds", (t) => {
  const student = inFrame(t, 2500).wait(2450);
  student.active = false;
  assert.deepEqual(student.wait(20_000).told, ["window_blur: unclear"]);
});

test("from a frame that keeps its keys to itself: what was pressed just before may be a shortcut of the browser's, and nobody knows", (t) => {
  const student = inFrame(t, 100).wait(4900);
  student.active = false;
  assert.deepEqual(student.wait(20_000).told, ["window_blur: unclear"]);
});

test("from a frame that keeps its keys to itself: how long a press lasts in other browsers is not known", (t) => {
  const student = inFrame(t, 3000, { browser: null });
  student.active = false;
  assert.deepEqual(student.wait(20_000).told, ["window_blur: unclear"]);
});

test("from a frame that keeps its keys to itself: a file dialog uses up what opened it", (t) => {
  const student = new Student(t);
  student.document.activeElement = FRAME;
  student.active = true;
  student.wait(100);
  student.active = false;
  student.wait(600).loses().wait(20_000);
  assert.deepEqual(student.told, ["window_blur: unclear"]);
});

test("from a frame that keeps its keys to itself: the pointer went to a window beside", (t) => {
  const student = new Student(t);
  student.document.activeElement = FRAME;
  student.active = true;
  student.wait(100).points(300).wait(300).loses().wait(1100);
  assert.deepEqual(student.told, COUNTS);
});

test("a focus that is back in a pause and goes elsewhere before its end is told as gone there", (t) => {
  const student = new Student(t);
  student.key("Tab").loses().wait(2000);
  student.acts.pause(true);
  student.comesBack().wait(5000).loses().wait(100);
  student.acts.pause(false);
  student.wait(3000);
  assert.deepEqual(student.told, [...BROWSERS, ...COUNTS]);
});

/** A browser that tells whether its window is the active one. */
function firefox(t, inactive) {
  const student = new Student(t, { browser: null });
  student.document.documentElement = { matches: () => student.inactive };
  student.inactive = inactive;
  return student;
}

test("where the browser tells that its window is the active one, the focus is in its own controls, and what comes of it is told", (t) => {
  const student = firefox(t, false);
  student.hears("pointerdown").points(300).loses().wait(60_000);
  assert.deepEqual(student.told, BROWSERS);
  student.inactive = true;
  assert.deepEqual(student.wait(2000).told, [...BROWSERS, ...COUNTS]);
});

test("where the browser tells that another window is the active one, the pointer above the page proves nothing", (t) => {
  const student = firefox(t, true);
  student.points(-20).wait(5000).loses(student.document.body).wait(2000);
  assert.deepEqual(student.told, COUNTS);
});

test("a focus that flickers has one cause", (t) => {
  const student = new Student(t);
  student.key("Control", CONTROL).key("p", CONTROL).loses().comesBack().loses().wait(5000);
  assert.deepEqual(student.told, [...BROWSERS, "window_focus: unproven", ...BROWSERS]);
});

test("where the focus went before a pause ended is not forgotten in it", (t) => {
  const student = new Student(t);
  student.acts.pause(true);
  student.key("Tab").loses().wait(60_000);
  student.acts.pause(false);
  student.wait(5000);
  assert.deepEqual(student.told, BROWSERS);
});

test("keys that lead to the browser's controls, on each system", () => {
  const leads = (keys, mac = false) => {
    const parts = keys.split("+");
    const held = Object.fromEntries(["ctrl", "alt", "meta", "shift"].map((name) => [`${name}Key`, parts.includes(name)]));
    return leadsToControls({ key: parts.at(-1), ...held }, mac);
  };
  const asked = (list, mac) => list.filter((keys) => leads(keys, mac));
  const all = ["Tab", "shift+Tab", "F6", "F10", "ctrl+l", "ctrl+f", "ctrl+p", "alt+d", "alt+shift+T"];
  assert.deepEqual(asked(all), all);
  assert.deepEqual(asked(["alt+Tab", "meta+Tab", "ctrl+Tab", "ctrl+t", "ctrl+n", "ctrl+alt+Right", "alt+Escape", "a", "meta+l"]), []);
  assert.deepEqual(asked(["meta+l", "meta+f", "ctrl+alt+ArrowRight", "Tab"], true), ["meta+l", "meta+f", "ctrl+alt+ArrowRight", "Tab"]);
  assert.deepEqual(asked(["meta+Tab", "meta+ ", "ctrl+l"], true), []);
});

test("text that is dragged in is pasted, from wherever it comes; what is moved within one answer, and a file, is not", (t) => {
  const student = new Student(t);
  const [answer, other] = ["answer", "other"].map((id) => ({ id, closest: () => id }));
  const at = (node) => ({ composedPath: () => [node] });
  const drop = (node, ...types) => student.hears("drop", { dataTransfer: { types }, ...at(node) });
  drop(answer, "text/plain", "text/html");
  student.hears("dragstart", at(answer));
  drop(answer, "text/plain");
  drop(other, "text/plain");
  student.hears("dragend");
  student.hears("dragstart", at({ closest: () => null })); // the question
  drop(answer, "text/plain");
  student.hears("dragend");
  drop(answer, "Files");
  const frame = new EventTarget();
  student.acts.hear(frame);
  frame.dispatchEvent(Object.assign(new Event("drop"), { dataTransfer: { types: ["text/html"] } }));
  assert.deepEqual(student.told, Array(4).fill("paste: dropped"));
});
