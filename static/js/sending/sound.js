// The microphone's sound as 16 kHz messages in page time, and its level.

import { AudioClock, pageMs } from "../shared/clock.js";

export class Sound {
  #clock = new AudioClock();
  #source = null;
  #node = null;
  #context = null;

  /** `onSound({samples, time, level})` for each 200 ms; `time` is the first sample's, in page milliseconds. */
  constructor(onSound) {
    this.onSound = onSound;
  }

  /** Listen to `track`; an earlier one is let go. */
  async listen(track) {
    if (!this.#context) {
      this.#context = new AudioContext({ latencyHint: "interactive" });
      await this.#context.audioWorklet.addModule(new URL("./pcm-worklet.js", import.meta.url));
      this.#context.addEventListener("statechange", () => this.#clock.reset());
    }
    this.#drop();
    this.#clock.reset();
    this.#source = this.#context.createMediaStreamSource(new MediaStream([track]));
    this.#node = new AudioWorkletNode(this.#context, "pcm-worklet", { numberOfOutputs: 0 });
    this.#node.port.onmessage = ({ data }) => this.#take(data);
    this.#source.connect(this.#node);
    await this.resume();
  }

  /** True when the browser holds the sound back until the student touches the page. */
  get waiting() {
    return this.#context !== null && this.#context.state !== "running";
  }

  /** Ask the browser to let the sound run; does nothing where it runs. Does not wait: the browser may answer only after a click. */
  async resume() {
    if (!this.waiting || this.#context.state === "closed") return;
    await Promise.race([this.#context.resume(), new Promise((resolve) => setTimeout(resolve, 300))]);
  }

  async close() {
    this.#drop();
    await this.#context?.close();
    this.#context = null;
  }

  #drop() {
    this.#node?.port.postMessage("stop");
    this.#source?.disconnect();
    this.#node = null;
    this.#source = null;
  }

  #take({ samples, start, level }) {
    const startMs = start * 1000;
    const endMs = startMs + samples.length / 16;
    const offset = this.#clock.observe(endMs, pageMs());
    this.onSound({ samples, time: startMs + offset, level });
  }
}
