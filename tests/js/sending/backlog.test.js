import assert from "node:assert/strict";
import test from "node:test";

import { Backlog } from "../../../static/js/sending/backlog.js";

test("what was sent is under way until the server has it", () => {
  const backlog = new Backlog();
  assert.deepEqual([backlog.bytes, backlog.late(0)], [0, 0]);
  for (let now = 0; now < 500; now += 100) backlog.sent(now, 1000);
  backlog.received(600, 2);
  assert.equal(backlog.bytes, 3000);
  assert.equal(backlog.late(1000), 800);
  backlog.received(1100, 5);
  assert.deepEqual([backlog.bytes, backlog.late(1200)], [0, 0]);
});

test("a word that is old or of more than was sent takes nothing away", () => {
  const backlog = new Backlog();
  backlog.sent(0, 1000);
  backlog.received(50, 1);
  backlog.sent(100, 1000);
  backlog.received(150, 1);
  assert.equal(backlog.bytes, 1000);
  backlog.received(200, 7);
  assert.equal(backlog.bytes, 0);
  backlog.sent(300, 1000);
  backlog.received(400, 3);
  assert.equal(backlog.bytes, 0);
});

test("the way there and back is the shortest that was seen, and half a second at most", () => {
  const backlog = new Backlog();
  assert.equal(backlog.trip, 500);
  backlog.sent(0, 10);
  backlog.received(120, 1);
  backlog.sent(1000, 10);
  backlog.received(1900, 2);
  assert.equal(backlog.trip, 120);
});

test("the rate is that of what arrived of late, once there is enough of it", () => {
  const backlog = new Backlog();
  for (let now = 0; now < 10_000; now += 100) backlog.sent(now, 1000);
  backlog.received(10_000, 5);
  assert.equal(backlog.rate, 0);
  for (let now = 10_250; now <= 12_000; now += 250) backlog.received(now, (now - 10_000) / 250 + 5);
  assert.equal(backlog.rate, 32_000);
});

test("a large message that is still coming does not make the rate look smaller", () => {
  const backlog = new Backlog();
  const sizes = [500, 500, 5000, 500, 500, 5000]; // bytes, over a line of 40 kbit/s: 5 in a ms
  let arrived = 0;
  sizes.forEach((bytes) => backlog.sent(0, bytes));
  sizes.slice(0, -1).forEach((bytes, index) => backlog.received((arrived += bytes / 5), index + 1));
  assert.equal(Math.round(backlog.rate), 40_000);
});
