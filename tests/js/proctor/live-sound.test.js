// When live sound is played: in order, with room for jitter, never drifting away from the session.

import assert from "node:assert/strict";
import { test } from "node:test";
import { PlayTimes, floats } from "../../../static/js/proctor/live-sound.js";

const near = (value, wanted) => assert.ok(Math.abs(value - wanted) < 1e-9, `${value} is not ${wanted}`);

test("stretches follow one another without a gap although they arrive unevenly", () => {
  const times = new PlayTimes({ lead: 0.3, most: 1.2 });
  const starts = [[10, 0], [10.35, 0.2], [10.41, 0.4], [10.69, 0.6]].map(([now, at]) => times.place(now, at));
  near(starts[0], 10.3);
  for (let index = 1; index < starts.length; index += 1) near(starts[index] - starts[index - 1], 0.2);
});

test("a stretch that comes too late starts the buffer anew instead of being played at once for ever", () => {
  const times = new PlayTimes({ lead: 0.3, most: 1.2 });
  times.place(10, 0);
  near(times.place(12, 0.2), 12.3);
  near(times.place(12.1, 0.4), 12.5);
});

test("a burst after a stall does not leave the listener behind for good", () => {
  const times = new PlayTimes({ lead: 0.3, most: 1.2 });
  times.place(10, 0);
  near(times.place(10.1, 5), 10.4);
});

test("samples become floats, from a buffer and from an odd place in one", () => {
  const bytes = new Uint8Array([0, 0x00, 0x40, 0x00, 0x80]);
  assert.deepEqual([...floats(bytes.subarray(1))], [0.5, -1]);
  assert.deepEqual([...floats(new Uint8Array([0xff, 0x7f]).buffer)].map((value) => value > 0.9999), [true]);
});
