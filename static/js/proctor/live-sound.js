// A session's sound, played as it comes: a short buffer takes up the network's jitter, and what falls behind catches up.

import { texts } from "./texts.js";

const RATE = 16_000;

/** When each stretch of sound is to be played. Times in seconds: `now` on the player's clock, `at` on the session's. */
export class PlayTimes {
  #offset = null; // add to session time to get the player's

  /** `lead` is how far ahead the first stretch is put, `most` how far behind the session the player may get. */
  constructor({ lead = 0.3, most = 1.2 } = {}) {
    Object.assign(this, { lead, most });
  }

  /** The player's time for a stretch that begins at `at`. Too late or too far ahead, the mapping starts anew. */
  place(now, at) {
    const start = this.#offset === null ? -Infinity : at + this.#offset;
    if (start >= now && start <= now + this.most) return start;
    this.#offset = now + this.lead - at;
    return now + this.lead;
  }
}

export class LiveSound {
  #context = null;
  #times = new PlayTimes();
  #busyUntil = 0;
  heardAt = null;

  get playing() {
    return this.#context !== null;
  }

  /** Must be called from a click: browsers let no page make a sound by itself. */
  async start() {
    if (!("AudioContext" in globalThis)) throw new Error(texts.browserOld(["AudioContext"]));
    this.#context = new AudioContext({ latencyHint: "playback" });
    this.#times = new PlayTimes();
    this.#busyUntil = 0;
    this.heardAt = null;
    await this.#context.resume();
  }

  /** Play `pcm` (int16 little endian, 16 kHz, mono) that begins at `at` on the session's clock. */
  take({ at, pcm }) {
    if (!this.#context || !pcm?.byteLength) return;
    const samples = floats(pcm);
    const buffer = this.#context.createBuffer(1, samples.length, RATE);
    buffer.copyToChannel(samples, 0);
    const source = this.#context.createBufferSource();
    source.buffer = buffer;
    source.connect(this.#context.destination);
    const start = this.#times.place(this.#context.currentTime, at);
    if (start + 0.02 < this.#busyUntil) return; // it would sound over what is already queued
    this.#busyUntil = start + buffer.duration;
    source.start(start);
    this.heardAt = performance.now();
  }

  async stop() {
    const context = this.#context;
    this.#context = null;
    await context?.close();
  }
}

/** Int16 samples (an ArrayBuffer or a view) as floats -1..1. */
export function floats(pcm) {
  const view = ArrayBuffer.isView(pcm) ? new DataView(pcm.buffer, pcm.byteOffset, pcm.byteLength) : new DataView(pcm);
  const samples = new Float32Array(Math.floor(view.byteLength / 2));
  for (let index = 0; index < samples.length; index += 1) samples[index] = view.getInt16(index * 2, true) / 32_768;
  return samples;
}
