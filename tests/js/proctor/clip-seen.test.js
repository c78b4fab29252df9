// What is drawn over a clip at a time of it, and how fast it plays.

import assert from "node:assert/strict";
import { test } from "node:test";
import { nextSpeed } from "../../../static/js/proctor/clip-speed.js";
import { seenAt } from "../../../static/js/proctor/clip-seen.js";

const look = (at, persons = [[0, 0, 9, 9, 0.9]]) => ({ at, count: persons.length, persons, phones: [], width: 640, height: 480 });
const face = (at, direction = "left", size = { width: 640, height: 480 }) => ({ at, direction, box: [10, 20, 30, 40], ...size });

test("the newest look and gaze before a time are drawn, none from later", () => {
  const readings = { persons: [look(0), look(1, []), look(2)], gaze: [face(0.9, "focused"), face(1.1), face(1.3, "down")] };
  const seen = seenAt(readings, 1.2);
  assert.deepEqual(seen.overlay.persons, []);
  assert.equal(seen.gaze, "left");
  assert.deepEqual(seen.overlay.gaze_box, [10, 20, 30, 40]);
});

test("what was read too long ago is not drawn on, and without anything there is nothing to draw", () => {
  assert.equal(seenAt({ persons: [look(0)], gaze: [face(0)] }, 5), null);
  const seen = seenAt({ persons: [look(0)], gaze: [face(0)] }, 1.5);
  assert.equal(seen.overlay.persons.length, 1);
  assert.equal(seen.overlay.gaze_box, null);
  assert.equal(seen.gaze, "unknown");
  assert.equal(seenAt({ persons: [], gaze: [] }, 0), null);
  assert.equal(seenAt({ persons: [{ ...look(0), width: 0 }], gaze: [{ at: 0, direction: "left", box: null, width: 0, height: 0 }] }, 0), null);
});

test("a face that was read from a smaller picture is drawn where it is", () => {
  const seen = seenAt({ persons: [look(0)], gaze: [face(0, "left", { width: 320, height: 240 })] }, 0);
  assert.deepEqual(seen.overlay.gaze_box, [20, 40, 60, 80]);
});

test("speeds go round", () => assert.deepEqual([1, 1.5, 2, 7].map(nextSpeed), [1.5, 2, 1, 1]));
