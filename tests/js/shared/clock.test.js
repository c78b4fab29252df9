import assert from "node:assert/strict";
import test from "node:test";

import { AudioClock, ClockName, Schedule, backOff, spellSeconds } from "../../../static/js/shared/clock.js";

test("seconds are spelt as people read them", () => {
  for (const [seconds, spelt] of [[0, "0:00"], [42.9, "0:42"], [61, "1:01"], [725, "12:05"], [3725, "1:02:05"], [-3, "0:00"], [NaN, "0:00"]]) {
    assert.equal(spellSeconds(seconds), spelt);
  }
});

/** How many pictures a schedule takes of ticks at these times. */
const taken = (rate, ticks) => {
  const schedule = new Schedule(rate);
  return ticks.filter((now) => schedule.due(now)).length;
};
const every = (ms, seconds) => Array.from({ length: Math.round((seconds * 1000) / ms) }, (_, index) => index * ms);

test("ten a second are taken of ticks every 100 ms, also when these tremble", () => {
  assert.equal(taken(10, every(100, 10)), 100);
  const trembling = every(100, 10).map((now, index) => now + (index % 2 ? 30 : -30));
  assert.equal(taken(10, trembling), 100);
});

test("fewer are taken of more ticks, at an even pace", () => {
  assert.equal(taken(4, every(100, 10)), 40);
  assert.equal(taken(1, every(50, 9.9)), 10);
});

test("after a pause nothing is made up for", () => {
  const schedule = new Schedule(10);
  schedule.due(0);
  assert.equal(schedule.due(5000), true);
  assert.equal(schedule.due(5010), false);
});

test("lateness of single messages does not move the audio clock", () => {
  const clock = new AudioClock();
  for (let index = 0; index < 50; index += 1) clock.observe(index * 200, 1000 + index * 200 + (index % 7) * 20);
  assert.equal(clock.offset, 1000);
});

test("a slow drift of the sound card is followed", () => {
  const clock = new AudioClock();
  const drift = 1.0001; // 100 ppm
  for (let audio = 0; audio < 600_000; audio += 200) clock.observe(audio, 1000 + audio * drift);
  assert.ok(Math.abs(clock.offset - (1000 + 600_000 * 0.0001)) < 10, `offset ${clock.offset}`);
});

test("a stalled device is taken over within a few messages", () => {
  const clock = new AudioClock();
  for (let index = 0; index < 20; index += 1) clock.observe(index * 200, 1000 + index * 200);
  let offset = 0;
  for (let index = 20; index < 31; index += 1) offset = clock.observe(index * 200, 1700 + index * 200);
  assert.equal(offset, 1700);
});

test("attempts are spread out and never wait longer than five seconds", () => {
  const waits = [0, 1, 2, 3, 4, 20].map((attempt) => backOff(attempt, () => 1));
  assert.deepEqual(waits, [500, 1000, 2000, 4000, 5000, 5000]);
  assert.equal(backOff(0, () => 0), 400);
});

test("a picture that is due stays due until it is taken, and what was missed is not made up for", () => {
  const schedule = new Schedule(2);
  assert.ok(schedule.isDue(0) && schedule.due(0));
  assert.equal(schedule.isDue(400), false);
  for (let now = 500; now < 2000; now += 100) assert.ok(schedule.isDue(now));
  assert.ok(schedule.due(2000));
  assert.equal(schedule.isDue(2100), false);
});

test("the clock has another name after a sleep or when the computer's is set, not for what it drifts", () => {
  const world = { wall: 1e12, page: 1e12 + 40, made: 0 };
  const clock = new ClockName({ wall: () => world.wall, page: () => world.page, make: () => `clock ${(world.made += 1)}` });
  const pass = (wall, page = wall) => {
    world.wall += wall;
    world.page += page;
    return clock.now;
  };
  assert.equal(clock.now, "clock 1");
  for (let minute = 0; minute < 100; minute += 1) assert.equal(pass(60_100, 60_000), "clock 1");
  assert.equal(pass(20_000, 100), "clock 2"); // asleep
  assert.equal(pass(60_000), "clock 2");
  assert.equal(pass(-3_600_000, 100), "clock 3"); // set back
  assert.equal(pass(100), "clock 3");
});
