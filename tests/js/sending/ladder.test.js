import assert from "node:assert/strict";
import test from "node:test";

import { Ladder, STEPS, bitsOf } from "../../../static/js/sending/ladder.js";

const BOTH = { h264: true, opus: true };
const TICK_MS = 100;

/**
 * A page on a link of `kbits` (a number, or a function of the seconds), for `seconds`: what is under way grows by what is sent and shrinks by what
 * arrives. Gives the steps by the second, what is under way at the end, and for how many seconds of the line it ever was (`most`).
 */
function run(ladder, kbits, seconds, { can = BOTH } = {}) {
  ladder.can = { ...can };
  const rate = typeof kbits === "function" ? kbits : () => kbits;
  const names = [];
  const sent = []; // {at, bytes} under way
  let most = 0;
  for (let now = 0; now < seconds * 1000; now += TICK_MS) {
    const bits = rate(now / 1000) * 1000;
    const underWay = () => sent.reduce((sum, { bytes }) => sum + bytes, 0);
    const { step } = ladder;
    const sound = bitsOf({ ...step, fps: 0, jpegFps: 0, bitrate: 0 }, can);
    const held = underWay() >= ladder.room; // they wait before they are encoded
    const pictures = held ? 0 : bitsOf(step, can) - sound;
    sent.push({ at: now, bytes: ((sound + pictures) / 8 / 1000) * TICK_MS });
    let leaves = (bits / 8 / 1000) * TICK_MS;
    while (sent.length && leaves > 0) {
      const part = Math.min(sent[0].bytes, leaves);
      sent[0].bytes -= part;
      leaves -= part;
      if (sent[0].bytes < 1e-6) sent.shift();
    }
    const bytes = underWay();
    most = Math.max(most, (bytes * 8) / bits);
    ladder.observe(now, { held, bytes, late: sent.length ? now - sent[0].at : 0, rate: bytes ? bits : 0, trip: 0 });
    if (now % 1000 === 0) names.push(ladder.step.name);
  }
  return { names, bytes: sent.reduce((sum, { bytes }) => sum + bytes, 0), most };
}

/** A ladder that began with what is known. */
function begun(known, can = BOTH) {
  const ladder = new Ladder({ ...can });
  ladder.begin(known);
  return ladder;
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

test("the first step is what the check saw the network carry", () => {
  const steps = [[5000, "full"], [400, "lower"], [150, "fewer"], [80, "small"], [45, "stills"], [36, "stills"], [30, "acts"], [20, "acts"]];
  for (const [kbits, name] of steps) assert.equal(begun({ kbits }).step.name, name, `${kbits} kbit/s`);
  assert.equal(begun({ kbits: 150 }, { h264: false, opus: true }).step.name, "small");
});

test("a reloaded page goes on with the step that it had, and what the check saw counts more", () => {
  assert.equal(begun({ last: "stills" }).step.name, "stills");
  assert.equal(begun({ kbits: 5000, last: "stills" }).step.name, "full");
});

test("where nothing is known of the network, it begins carefully, and soon rises to what a good one carries", () => {
  for (const known of [{}, { last: "a step of another version" }]) assert.equal(begun(known).step.name, "fewer");
  const { names } = run(begun(), 2000, 60);
  assert.ok(names.indexOf("full") <= 10, names.join(" "));
  assert.deepEqual([...new Set(names)], ["fewer", "lower", "full"]);
});

test("on a new connection it soon rises, for that may be a better one", () => {
  const { names } = run(begun({ last: "acts" }), 2000, 60);
  assert.ok(names.indexOf("full") <= 20, names.join(" "));
  const ladder = begun({ kbits: 20 });
  ladder.restart(0);
  assert.ok(run(ladder, 2000, 60).names.indexOf("full") <= 20);
});

test("rising ends with the first step that was too much", () => {
  const { names } = run(begun(), 300, 60);
  const tries = names.filter((name, second) => name === "full" && names[second - 1] !== "full").length;
  assert.ok(tries <= 2, names.join(" "));
});

for (const [kbits, name] of [[150, "fewer"], [45, "stills"], [20, "acts"]]) {
  test(`a link of ${kbits} kbit/s is never filled by more than a few seconds when the check has seen it`, () => {
    const { names, most } = run(begun({ kbits }), kbits, 600);
    assert.ok(most < 8, `${most} s under way`);
    assert.ok(names.filter((one) => one === name).length > names.length * 0.7, names.join(" "));
  });
}

test("a way that takes long is no full one", () => {
  const ladder = begun({ kbits: 5000 });
  const bytes = (bitsOf(ladder.step, BOTH) / 8) * 0.7; // 700 ms there and back, always under way
  for (let now = 0; now < 60_000; now += TICK_MS) ladder.observe(now, { held: bytes >= ladder.room, bytes, late: 700, trip: 500 });
  assert.equal(ladder.step.name, "full");
});

test("a line that falls far is followed in one step", () => {
  const { names, bytes } = run(begun({ kbits: 5000 }), (second) => (second < 30 ? 5000 : 150), 240);
  assert.equal(names[29], "full");
  assert.ok(names.slice(40).filter((name) => name === "fewer").length > 200 * 0.7, names.join(" "));
  assert.ok(!names.includes("stills") && !names.includes("acts"), names.join(" "));
  assert.ok(bytes < (150_000 / 8) * 3, `${Math.round(bytes)} bytes under way`);
});

test("what waited before the connection was lost counts no more", () => {
  const ladder = new Ladder(BOTH);
  for (let now = 0; now <= 4300; now += TICK_MS) ladder.observe(now, { held: now >= 3000 });
  ladder.restart(4400);
  for (let now = 4400; now < 5400; now += TICK_MS) assert.equal(ladder.observe(now, { held: true }), false);
  assert.equal(ladder.step.name, "full");
});

test("without Opus or H.264 the steps are reckoned with what is sent instead", () => {
  const [full] = STEPS;
  assert.ok(bitsOf(full, { h264: false, opus: false }) > 2 * bitsOf(full, BOTH));
  const { names } = run(new Ladder(), 700, 120, { can: { h264: false, opus: false } });
  assert.ok(["lower", "fewer"].includes(names.at(-1)), names.at(-1));
});
