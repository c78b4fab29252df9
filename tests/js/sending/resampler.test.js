import assert from "node:assert/strict";
import test from "node:test";

import { Resampler, levelDbfs, toInt16 } from "../../../static/js/sending/resampler.js";

const tone = (rate, hertz, seconds, gain = 0.5) => Float32Array.from({ length: Math.round(rate * seconds) }, (_, index) => gain * Math.sin((2 * Math.PI * hertz * index) / rate));

/** All of `samples` through a resampler in quanta of 128, as an AudioWorklet gives them. */
function resample(samples, rate) {
  const resampler = new Resampler(rate);
  const out = [];
  for (let from = 0; from < samples.length; from += 128) out.push(...resampler.push(samples.subarray(from, from + 128)));
  return Float32Array.from(out);
}

for (const rate of [16_000, 22_050, 44_100, 48_000, 96_000]) {
  test(`a tone of 1 kHz keeps its time, pitch and level from ${rate} Hz`, () => {
    const out = resample(tone(rate, 1000, 1), rate);
    assert.ok(out.length > 15_900 && out.length <= 16_000, `${out.length} samples`);
    const wanted = tone(16_000, 1000, 1);
    let worst = 0;
    for (let index = 200; index < out.length - 200; index += 1) worst = Math.max(worst, Math.abs(out[index] - wanted[index]));
    assert.ok(worst < 0.005, `differs by ${worst}`);
  });
}

test("what is above 8 kHz does not fold back into the voice", () => {
  for (const hertz of [9500, 12_000, 15_000, 20_000]) {
    const out = resample(tone(48_000, hertz, 0.5), 48_000).subarray(500, -500);
    assert.ok(levelDbfs(toInt16(out)) < -60, `${hertz} Hz comes through at ${levelDbfs(toInt16(out))} dB`);
  }
});

test("an hour makes an hour: no sample is lost or made", () => {
  const resampler = new Resampler(44_100);
  const quantum = new Float32Array(128);
  let count = 0;
  const quanta = Math.round((44_100 * 60) / 128);
  for (let index = 0; index < quanta; index += 1) count += resampler.push(quantum).length;
  assert.ok(Math.abs(count - (quanta * 128 * 16_000) / 44_100) < 60, `${count} samples`);
});

test("samples are clipped, not wrapped, and levels are in dB of full scale", () => {
  assert.deepEqual([...toInt16(Float32Array.of(2, -2, 0, 1))], [32767, -32768, 0, 32767]);
  assert.equal(levelDbfs(new Int16Array(10)), -120);
  assert.ok(Math.abs(levelDbfs(toInt16(tone(16_000, 440, 1, 1))) + 3.01) < 0.05);
});
