import assert from "node:assert/strict";
import test from "node:test";

import { OwnWindow, Sight, mayShow } from "../../../static/js/portal/exam-page.js";

test("the exam is in view once recording has begun, and after a lost link for as long as the exam allows", () => {
  const minute = 60_000;
  const at = (begun, lostAt, now, minutes) => mayShow({ begun, lostAt, now, minutes });
  assert.equal(at(false, null, 0, -1), false);
  assert.equal(at(true, null, 0, 0), true);
  assert.equal(at(true, 0, 1, 0), false);
  assert.equal(at(true, 0, 4.9 * minute, 5), true);
  assert.equal(at(true, 0, 5 * minute, 5), false);
  assert.equal(at(true, 0, 600 * minute, -1), true);
});

test("the exam is covered for as long as the bar says that there is no connection, whatever the socket is called", () => {
  let now = 0;
  const sight = new Sight(0, () => now);
  assert.equal(sight.isClear, false, "recording has not begun");
  sight.begin();
  assert.equal(sight.isClear, true);
  sight.line(true);
  assert.equal(sight.isClear, false);
  sight.line(false);
  assert.equal(sight.isClear, true);
  const patient = new Sight(5, () => now);
  patient.begin();
  patient.line(true);
  now = 299_000;
  patient.line(true); // tried again in vain
  assert.equal(patient.isClear, true);
  now = 300_000;
  assert.equal(patient.isClear, false);
});

/** The portal's window and the exam's, as far as they are asked. */
function windows({ foreign = true } = {}) {
  const exam = { closed: false, opener: {}, focused: 0, location: { replace: (url) => (exam.url = url) }, focus: () => (exam.focused += 1) };
  if (foreign) Object.defineProperty(exam, "document", { get: () => { throw new Error("SecurityError"); } });
  else exam.document = { hasFocus: () => exam.hasFocus };
  const world = { exam, now: 0, focused: false, opens: 0 };
  const kept = new Map();
  const sessionStorage = { getItem: (name) => kept.get(name) ?? null, setItem: (name, value) => kept.set(name, value), removeItem: (name) => kept.delete(name) };
  const page = { sessionStorage, screen: { availWidth: 1440, availHeight: 900 }, document: { hasFocus: () => world.focused }, open: () => ((world.opens += 1), world.allowed === false ? null : exam) };
  world.make = () => new OwnWindow(page, () => world.now);
  world.own = world.make();
  return world;
}

test("the exam's window gets no hold of the portal, and a second click brings it to the front", () => {
  const { own, exam, ...world } = windows();
  assert.equal(own.open("https://exam.example.org/"), true);
  assert.deepEqual([exam.opener, exam.url, own.state], [null, "https://exam.example.org/", "open"]);
  own.open("https://exam.example.org/");
  assert.deepEqual([exam.focused, own.state], [1, "open"]);
  assert.ok(world);
});

test("a window that the browser does not allow is told", () => {
  const world = windows();
  world.allowed = false;
  assert.deepEqual([world.own.open("https://x.example"), world.own.state, world.own.mayHaveFocus], [false, "none", false]);
});

test("while another site's window is open nobody is taken to have left", () => {
  const world = windows();
  assert.equal(world.own.mayHaveFocus, false);
  world.own.open("https://exam.example.org/");
  assert.equal(world.own.mayHaveFocus, true);
});

test("where the exam's window is of our own site its focus is known", () => {
  const world = windows({ foreign: false });
  world.own.open("/exam");
  assert.equal(world.own.mayHaveFocus, true, "it is still opening");
  world.now = 6000;
  world.exam.hasFocus = true;
  assert.equal(world.own.mayHaveFocus, true);
  world.exam.hasFocus = false;
  assert.equal(world.own.mayHaveFocus, false);
});

test("a window that its student closes is closed: being away counts again", () => {
  const world = windows();
  world.own.open("https://exam.example.org/");
  world.now = 60_000;
  world.exam.closed = true;
  world.focused = true;
  assert.equal(world.own.mayHaveFocus, false);
  assert.equal(world.own.state, "closed");
});

test("a window that was cut from us may be open, and holds nothing against anybody", () => {
  const soon = windows();
  soon.own.open("https://exam.example.org/");
  soon.now = 2000; // what it shows asks for it (COOP)
  soon.exam.closed = true;
  soon.focused = true;
  assert.deepEqual([soon.own.mayHaveFocus, soon.own.state], [true, "unknown"]);
  const later = windows();
  later.own.open("https://exam.example.org/");
  later.now = 60_000; // after a login, while its student is there
  later.exam.closed = true;
  assert.deepEqual([later.own.mayHaveFocus, later.own.state], [true, "open"], "its student may be on the way back here");
  later.now = 62_000;
  assert.deepEqual([later.own.mayHaveFocus, later.own.state], [true, "unknown"]);
});

test("a reloaded page has lost hold of the window, and holds nothing against who is in it", () => {
  const world = windows();
  world.own.open("https://exam.example.org/");
  const again = world.make();
  assert.deepEqual([again.state, again.mayHaveFocus], ["unknown", true]);
  again.forget();
  assert.equal(world.make().mayHaveFocus, false);
});
