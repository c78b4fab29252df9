// An AudioWorklet that turns the microphone into 16 kHz mono int16 messages of 200 ms, each with the audio time of its first sample.

import { Resampler, TARGET_RATE, levelDbfs, toInt16 } from "./resampler.js";

const MESSAGE_SAMPLES = TARGET_RATE / 5;

class PcmWorklet extends AudioWorkletProcessor {
  constructor() {
    super();
    this.pending = new Float32Array(MESSAGE_SAMPLES);
    this.stopped = false;
    this.port.onmessage = () => {
      this.stopped = true;
    };
    this.begin();
  }

  /** A new stretch of sound: what came before has nothing to do with it. */
  begin() {
    this.resampler = new Resampler(sampleRate);
    this.filled = 0;
    this.sent = 0; // output samples since `origin`
    this.origin = null; // audio time of the first sample, seconds
  }

  process([channels]) {
    if (this.stopped) return false;
    if (!channels || channels.length === 0) {
      if (this.origin !== null) this.begin();
      return true;
    }
    if (this.origin === null) this.origin = currentTime;
    this.take(this.resampler.push(mono(channels)));
    return true;
  }

  take(samples) {
    let from = 0;
    while (from < samples.length) {
      const count = Math.min(MESSAGE_SAMPLES - this.filled, samples.length - from);
      this.pending.set(samples.subarray(from, from + count), this.filled);
      this.filled += count;
      from += count;
      if (this.filled === MESSAGE_SAMPLES) this.send();
    }
  }

  send() {
    const samples = toInt16(this.pending);
    const start = this.origin + this.sent / TARGET_RATE;
    this.sent += MESSAGE_SAMPLES;
    this.filled = 0;
    this.port.postMessage({ samples, start, level: levelDbfs(samples) }, [samples.buffer]);
  }
}

function mono(channels) {
  if (channels.length === 1) return channels[0];
  const mixed = new Float32Array(channels[0].length);
  for (const channel of channels) {
    for (let index = 0; index < mixed.length; index += 1) mixed[index] += channel[index] / channels.length;
  }
  return mixed;
}

registerProcessor("pcm-worklet", PcmWorklet);
