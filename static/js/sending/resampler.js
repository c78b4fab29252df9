// Any sample rate to 16 kHz mono, sample by sample, with a low-pass in front so that nothing above 8 kHz folds back.

export const TARGET_RATE = 16_000;
const ZERO_CROSSINGS = 16; // on each side of the kernel; about 80 dB with the Blackman window
const PHASES = 160; // kernel positions between two samples; 44.1 kHz → 16 kHz needs 160 exactly

/** The kernel's value `x` input samples from its centre; `cut` is the cut-off as a share of the input's Nyquist rate. */
function kernel(x, cut, half) {
  if (Math.abs(x) >= half) return 0;
  const t = x * cut;
  const sinc = t === 0 ? 1 : Math.sin(Math.PI * t) / (Math.PI * t);
  const w = (x / half + 1) / 2;
  return cut * sinc * (0.42 - 0.5 * Math.cos(2 * Math.PI * w) + 0.08 * Math.cos(4 * Math.PI * w));
}

export class Resampler {
  #buffer = new Float32Array(0);
  #position; // of the next output sample, in input samples from the buffer's start

  constructor(inputRate, outputRate = TARGET_RATE) {
    this.step = inputRate / outputRate;
    const cut = Math.min(1, 0.95 / this.step);
    this.half = Math.ceil(ZERO_CROSSINGS / cut);
    this.taps = 2 * this.half;
    this.table = new Float32Array((PHASES + 1) * this.taps);
    for (let phase = 0; phase <= PHASES; phase += 1) {
      let sum = 0;
      const from = phase * this.taps;
      for (let tap = 0; tap < this.taps; tap += 1) {
        const value = kernel(tap - this.half + 1 - phase / PHASES, cut, this.half);
        this.table[from + tap] = value;
        sum += value;
      }
      for (let tap = 0; tap < this.taps; tap += 1) this.table[from + tap] /= sum;
    }
    // silence before the first sample, so that output sample 0 is input sample 0
    this.#buffer = new Float32Array(this.half);
    this.#position = this.half;
  }

  /** Samples (-1..1) in, as many samples out as can be made; the rest waits for the next call. */
  push(input) {
    const all = new Float32Array(this.#buffer.length + input.length);
    all.set(this.#buffer);
    all.set(input, this.#buffer.length);
    const room = all.length - this.half - 1 - this.#position;
    const count = room < 0 ? 0 : Math.floor(room / this.step) + 1;
    const output = new Float32Array(count);
    for (let index = 0; index < count; index += 1) {
      const at = this.#position + index * this.step;
      const base = Math.floor(at);
      const from = Math.round((at - base) * PHASES) * this.taps;
      const start = base - this.half + 1;
      let sum = 0;
      for (let tap = 0; tap < this.taps; tap += 1) sum += this.table[from + tap] * all[start + tap];
      output[index] = sum;
    }
    this.#position += count * this.step;
    const drop = Math.max(0, Math.floor(this.#position) - this.half);
    this.#buffer = all.slice(drop);
    this.#position -= drop;
    return output;
  }
}

/** Samples -1..1 as int16, clipped. */
export function toInt16(samples) {
  const result = new Int16Array(samples.length);
  for (let index = 0; index < samples.length; index += 1) {
    result[index] = Math.max(-32768, Math.min(32767, Math.round(samples[index] * 32767)));
  }
  return result;
}

/** Loudness of int16 samples in dB of full scale, -120 for silence. */
export function levelDbfs(samples) {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  const rms = Math.sqrt(sum / Math.max(1, samples.length)) / 32768;
  return rms > 1e-6 ? 20 * Math.log10(rms) : -120;
}
