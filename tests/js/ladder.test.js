import assert from "node:assert/strict";
import test from "node:test";

import { Ladder, STEPS, bitsOf } from "../../static/js/ladder.js";

const BOTH = { h264: true, opus: true };
const TICK_MS = 100;

/**
 * A page on a link of `kbits` (a number, or a function of the seconds), for `seconds`: what waits grows by what is sent and shrinks by what leaves.
 * `pipe`: bytes that the system takes before any waits in the page, and `tells`: the server says when they come late. Gives the steps by the second.
 */
function run(ladder, kbits, seconds, { can = BOTH, pipe = 0, tells = false, from = 0 } = {}) {
  ladder.can = { ...can };
  const rate = typeof kbits === "function" ? kbits : () => kbits;
  const names = [];
  let backlog = 0;
  let told = -Infinity;
  for (let now = 0; now < seconds * 1000; now += TICK_MS) {
    const leaves = (rate(now / 1000) * 1000) / 8 / (1000 / TICK_MS);
    const waiting = Math.max(0, backlog - pipe);
    const { step } = ladder;
    const sound = bitsOf({ ...step, fps: 0, jpegFps: 0, bitrate: 0 }, can);
    const pictures = waiting < ladder.room && !ladder.holds(from + now) ? bitsOf(step, can) - sound : 0; // skipped before they are encoded
    backlog = Math.max(0, backlog + (sound + pictures) / 8 / (1000 / TICK_MS) - leaves);
    ladder.observe(from + now, Math.max(0, backlog - pipe));
    const late = (backlog / Math.max(1, leaves)) * TICK_MS;
    if (tells && late > 2000 && now - told >= 2000) {
      told = now;
      ladder.late(from + now, late, rate(now / 1000) * 1000);
    }
    if (now % 1000 === 0) names.push(ladder.step.name);
  }
  return { names, backlog };
}

test("on a good link everything is sent, for ever", () => {
  const { names } = run(new Ladder(), 2000, 600);
  assert.deepEqual([...new Set(names)], ["full"]);
});

test("each step takes less than the one before, and 150 kbit/s carry pictures and sound", () => {
  for (const can of [BOTH, { h264: false, opus: true }]) {
    const bits = STEPS.map((step) => bitsOf(step, can));
    assert.deepEqual([...bits].sort((a, b) => b - a), bits);
  }
  const fits = STEPS.find((step) => bitsOf(step, BOTH) < 150_000);
  assert.equal(fits.name, "fewer");
  assert.ok(fits.sound && fits.fps >= 5);
});

for (const [kbits, expected, within] of [[400, "lower", 20], [150, "fewer", 20], [80, "small", 20], [45, "stills", 45]]) {
  test(`a link of ${kbits} kbit/s settles at ${expected}, within ${within} s`, () => {
    const { names } = run(new Ladder(), kbits, 600);
    const settled = names.slice(within);
    assert.ok(settled.filter((name) => name === expected).length > settled.length * 0.75, names.join(" "));
  });
}

test("a link that takes nothing leaves the acts alone", () => {
  const { names } = run(new Ladder(), 0.5, 60);
  assert.equal(names.at(-1), "acts");
});

test("one bad second changes nothing", () => {
  const { names } = run(new Ladder(), (second) => (second % 30 < 1 && second > 5 ? 0 : 2000), 120);
  assert.deepEqual([...new Set(names)], ["full"]);
});

test("a link that recovers is used again, one step at a time and slowly", () => {
  const { names } = run(new Ladder(), (second) => (second < 60 ? 80 : 3000), 300);
  assert.equal(names[55], "small");
  assert.equal(names.at(-1), "full");
  const back = names.indexOf("full", 60);
  assert.ok(back > 60 + 3 * 15, `after ${back} s`);
  assert.deepEqual([...new Set(names.slice(60))], ["small", "fewer", "lower", "full"]);
});

test("trying the next step is given up more and more rarely where it does not hold", () => {
  const { names } = run(new Ladder(), 300, 1800);
  const tries = names.filter((name, second) => name === "full" && names[second - 1] === "lower").length;
  assert.ok(tries >= 2 && tries <= 12, `${tries} tries`);
});

test("a deep pipe that hides what waits is noticed by what the server says, without falling all the way", () => {
  const { names, backlog } = run(new Ladder(), 150, 240, { pipe: 400_000, tells: true });
  assert.ok(names.filter((name) => name === "fewer").length > names.length * 0.7, names.join(" "));
  assert.ok(!names.includes("stills") && !names.includes("acts"), names.join(" "));
  assert.ok(backlog < (150_000 / 8) * 3, `${Math.round(backlog)} bytes wait`);
});

test("what waited before the connection was lost counts no more", () => {
  const ladder = new Ladder(BOTH);
  for (let now = 0; now <= 4300; now += TICK_MS) ladder.observe(now, now < 3000 ? 0 : 1e6);
  ladder.restart(4400);
  for (let now = 4400; now < 5400; now += TICK_MS) assert.equal(ladder.observe(now, 1e6), false);
  assert.equal(ladder.step.name, "full");
});

test("without Opus or H.264 the steps are reckoned with what is sent instead", () => {
  const [full] = STEPS;
  assert.ok(bitsOf(full, { h264: false, opus: false }) > 2 * bitsOf(full, BOTH));
  const { names } = run(new Ladder(), 700, 120, { can: { h264: false, opus: false } });
  assert.ok(["lower", "fewer"].includes(names.at(-1)), names.at(-1));
});
