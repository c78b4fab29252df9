// The shared screen: asked for once by a click, stills of it every few seconds, and noticed when the sharing stops.

import { pageMs } from "../shared/clock.js";

const STILL_MS = 5000;

export class ScreenShare {
  #track = null;
  #video = document.createElement("video");
  #canvas = null;
  #due = 0;
  #busy = false;
  refused = false;

  /** `onChange()` when sharing began or stopped. */
  constructor(onChange) {
    this.onChange = onChange;
    this.#video.muted = true;
  }

  get supported() {
    return Boolean(navigator.mediaDevices?.getDisplayMedia);
  }

  /** What is shared: `monitor`, `window`, `browser`, `unknown` where the browser does not say, null for nothing. */
  get shared() {
    if (!this.#track || this.#track.readyState === "ended") return null;
    return this.#track.getSettings().displaySurface ?? "unknown";
  }

  /** Ask the student; must be called from a click. */
  async ask() {
    try {
      const stream = await navigator.mediaDevices.getDisplayMedia({ video: { displaySurface: "monitor", frameRate: { max: 5 } }, audio: false });
      this.#drop();
      this.#track = stream.getVideoTracks()[0];
      this.refused = false;
      this.#track.addEventListener("ended", () => this.onChange());
      this.#video.srcObject = stream;
      await this.#video.play();
    } catch (error) {
      this.refused = true;
      console.info("The screen is not shared.", error.name);
    }
    this.onChange();
  }

  /** At a tick: give a still of at most `widest` pixels across to `send({bytes, time})` when one is due. `quality` 0..1. */
  async tick(send, { widest, quality }) {
    const now = performance.now();
    const { videoWidth, videoHeight } = this.#video;
    if (!this.shared || this.#busy || now < this.#due || !videoWidth) return;
    this.#due = now + STILL_MS;
    this.#busy = true;
    try {
      const scale = Math.min(1, widest / videoWidth);
      const [width, height] = [Math.round(videoWidth * scale), Math.round(videoHeight * scale)];
      if (this.#canvas?.width !== width || this.#canvas?.height !== height) this.#canvas = new OffscreenCanvas(width, height);
      const time = pageMs();
      this.#canvas.getContext("2d", { alpha: false }).drawImage(this.#video, 0, 0, width, height);
      const blob = await this.#canvas.convertToBlob({ type: "image/jpeg", quality });
      send({ bytes: await blob.arrayBuffer(), time });
    } catch (error) {
      console.warn("A still of the screen could not be made.", error);
    } finally {
      this.#busy = false;
    }
  }

  close() {
    this.#drop();
  }

  #drop() {
    this.#track?.stop();
    this.#track = null;
    this.#video.srcObject = null;
  }
}
