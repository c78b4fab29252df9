import assert from "node:assert/strict";
import test from "node:test";

import { Presence } from "../../../static/js/portal/presence.js";

test("the page says how it is every ten seconds, and at once when that changes", () => {
  const document = { hidden: false, focused: true, hasFocus: () => document.focused };
  const said = [];
  let camera = "";
  let now = 0;
  const presence = new Presence(document, () => camera, (page) => said.push([now, page]), { now: () => now });
  for (; now <= 12_000; now += 1000) {
    if (now === 3000) camera = "Webcam";
    if (now === 4000) document.focused = false;
    if (now === 5000) document.hidden = true;
    presence.tick();
  }
  const [nameless, named] = ["", "Webcam"].map((camera) => ({ hidden: false, focused: true, camera }));
  const hidden = { hidden: true, focused: false, camera: "Webcam" };
  assert.deepEqual(said, [[0, nameless], [3000, named], [4000, { ...named, focused: false }], [5000, hidden]]);
  now = 15_000;
  presence.tick();
  assert.deepEqual(said.at(-1), [15_000, hidden]);
});

test("an exam that is not on this page is before the student or not, whatever this page is", () => {
  const document = { hidden: true, hasFocus: () => false };
  const said = [];
  let there = true;
  const presence = new Presence(document, () => "", ({ hidden, focused }) => said.push([hidden, focused]), { elsewhere: () => there });
  presence.tick();
  document.hidden = false;
  document.hasFocus = () => true;
  there = false; // its page is closed, and this one is looked at
  presence.tick();
  there = null;
  presence.tick();
  assert.deepEqual(said, [[false, true], [true, false], [false, true]]);
});
