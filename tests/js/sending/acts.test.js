import assert from "node:assert/strict";
import test from "node:test";

import { ActWatch } from "../../../static/js/sending/acts.js";

/** A window that the test holds in its hands, and what is told of it. */
function watched(t) {
  const world = { focused: true, now: 10_000, told: [] };
  t.mock.method(performance, "now", () => world.now);
  const document = Object.assign(new EventTarget(), { hidden: false, hasFocus: () => world.focused });
  world.page = Object.assign(new EventTarget(), { document });
  world.acts = new ActWatch(world.page, ({ kind }) => world.told.push(kind), { elsewhere: () => world.elsewhere === true });
  world.hide = (hidden) => {
    document.hidden = hidden;
    document.dispatchEvent(new Event("visibilitychange"));
  };
  world.focus = (focused) => {
    world.focused = focused;
    world.acts.look();
  };
  world.acts.start();
  return world;
}

test("leaving and coming back are told once each", (t) => {
  const world = watched(t);
  world.focus(false);
  world.hide(true);
  world.acts.look();
  world.hide(false);
  world.focus(true);
  assert.deepEqual(world.told, ["window_blur", "tab_hidden", "tab_visible", "window_focus"]);
});

test("nothing is told in a pause, and who is still away when it ends is told as away then", (t) => {
  const world = watched(t);
  world.acts.pause(true);
  world.hide(true);
  world.focus(false);
  world.page.document.dispatchEvent(new Event("copy"));
  assert.deepEqual(world.told, []);
  world.acts.pause(false);
  assert.deepEqual(world.told.toSorted(), ["tab_hidden", "window_blur"]);
});

test("who came back in a pause is told as back when it ends, and who was away all along is not told twice", (t) => {
  const back = watched(t);
  back.focus(false);
  back.acts.pause(true);
  back.focus(true);
  back.acts.pause(false);
  assert.deepEqual(back.told, ["window_blur", "window_focus"]);

  const away = watched(t);
  away.hide(true);
  away.acts.pause(true);
  away.acts.pause(false);
  assert.deepEqual(away.told, ["tab_hidden"]);
});

test("the focus that the browser's own question takes is no leaving, until a second after its answer", async (t) => {
  const world = watched(t);
  let answer;
  const held = world.acts.hold(new Promise((resolve) => (answer = resolve)));
  world.focus(false);
  world.now += 20_000; // the student takes a while to choose
  world.focus(false);
  answer();
  await held;
  world.now += 900;
  world.focus(false);
  world.focus(true);
  assert.deepEqual(world.told, []);
});

test("who stays away after the answer is told as away, and a question that fails holds nothing back", async (t) => {
  const world = watched(t);
  await world.acts.hold(Promise.reject(new Error("refused")));
  world.focus(false);
  assert.deepEqual(world.told, []);
  world.now += 1100;
  world.focus(false);
  assert.deepEqual(world.told, ["window_blur"]);
});

test("a question that nobody answers holds nothing back for longer than half a minute", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const world = watched(t);
  const held = world.acts.hold(new Promise(() => {}));
  t.mock.timers.tick(30_000);
  await held;
});

test("while the exam's own window may have the focus nobody has left, and whoever is away once it is closed has", (t) => {
  const world = watched(t);
  world.elsewhere = true;
  world.focus(false);
  world.hide(true); // it covers this page's window
  world.acts.look();
  assert.deepEqual(world.told, []);
  world.elsewhere = false;
  world.acts.look();
  assert.deepEqual(world.told.toSorted(), ["tab_hidden", "window_blur"]);
});
