// The camera's pictures as H.264 or JPEG, taken at the ticks of a worker so that a hidden tab goes on sending.

import { Schedule, pageMs } from "../shared/clock.js";
import { Arrivals } from "./arrivals.js";

/** The size that fits into `most`, upright where the camera is, and keeps the camera's shape; even numbers, for the encoders behind it. */
export function fitSize(width, height, most) {
  const scale = Math.min(1, Math.max(most.width, most.height) / Math.max(width, height), Math.min(most.width, most.height) / Math.min(width, height));
  const even = (number) => Math.max(2, 2 * Math.round((number * scale) / 2));
  return { width: even(width), height: even(height) };
}

const LOAD_AGAIN_MS = 5000;

/** A worker of pictures; `isLoaded` is told once whether it and all its parts were there to load. */
function openWorker(isLoaded) {
  const worker = new Worker(new URL("./picture-worker.js", import.meta.url), { type: "module" });
  worker.onmessage = () => isLoaded(true, worker);
  worker.onerror = () => isLoaded(false, worker);
  return worker;
}

/** Whether what makes the pictures can be loaded here and now. */
export function canLoad() {
  return new Promise((resolve) => {
    openWorker((loaded, worker) => {
      worker.terminate();
      resolve(loaded);
    });
  });
}

export class Pictures {
  #worker = null;
  #loaded = false;
  #again = 0;
  #busy = false;
  #key = true;
  #off = false;
  #schedule = new Schedule(10);
  #wanted = { fps: 10, width: 640, height: 480, quality: 0.6, bitrate: 0, layers: true, stillMs: 1500 };

  /**
   * `video` plays the camera; `onPicture({bytes, time, codec, key, layer})` gets each picture with its page time; `onFrozen(frozen, gives)` is told
   * when the camera's picture stands still, and when it moves again, and whether the camera gives new pictures; `onLoaded(loaded)` whether what makes
   * the pictures could be loaded: it is tried until it can.
   */
  constructor(video, onPicture, onFrozen = () => {}, onLoaded = () => {}) {
    Object.assign(this, { video, onPicture, onFrozen, onLoaded });
    this.arrivals = new Arrivals(video);
    this.codec = "jpeg"; // what is sent now: "h264" once a trial of real pictures has passed
    this.mayH264 = "VideoEncoder" in globalThis; // until the trial says no, or the encoder fails
    this.#open();
  }

  #open() {
    this.#worker = openWorker((loaded, worker) => {
      this.#loaded = loaded;
      this.onLoaded(loaded);
      if (!loaded) {
        worker.terminate();
        this.#again = setTimeout(() => this.#open(), LOAD_AGAIN_MS);
        return;
      }
      worker.onmessage = ({ data }) => this.#heard(data);
      worker.onerror = (event) => {
        console.warn("The worker of the pictures failed.", event.message);
        this.#busy = false;
      };
    });
  }

  /** What to send: `{fps, width, height, quality, bitrate, layers, stillMs}`, each optional; quality 0..1, `bitrate` of H.264, 0 for JPEG, `fps` 0 for nothing. */
  want(wanted) {
    const quality = wanted.quality ?? this.#wanted.quality;
    const before = this.#wanted;
    this.#wanted = { ...before, ...wanted, quality: quality > 1 ? quality / 100 : quality };
    this.#off = this.#wanted.fps === 0;
    if (this.#wanted.fps !== before.fps && !this.#off) this.#schedule.rate = this.#wanted.fps;
  }

  /** The next picture of H.264 is to be a key: what came before it was lost. */
  needKey() {
    this.#key = true;
  }

  /** Whether a picture waits to be taken. */
  get isDue() {
    return !this.#off && this.#schedule.isDue(performance.now());
  }

  /** At a tick: take a picture if one is due and `ready` (the way is free). */
  async tick(ready) {
    const now = performance.now();
    const { video } = this;
    if (this.#off || video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA || !video.videoWidth) return;
    if (!ready || !this.#loaded || this.#busy || !this.#schedule.due(now)) return; // what is due waits for the way, and is taken then
    this.#busy = true;
    const at = pageMs();
    try {
      const image = "VideoFrame" in globalThis ? new VideoFrame(video) : await createImageBitmap(video);
      const size = fitSize(video.videoWidth, video.videoHeight, this.#wanted);
      const key = this.#key;
      this.#key = false;
      this.#worker.postMessage({ image, wanted: { ...this.#wanted, ...size }, at, key, count: this.arrivals.count }, [image]);
    } catch (error) {
      this.#busy = false; // the camera is changing hands; the next tick tries again
      console.debug("No picture at this tick.", error);
    }
  }

  #heard({ bytes, at, codec, key, layer, reason, error, frozen, gives, done }) {
    if (done) this.#busy = false;
    else if (frozen !== undefined) this.onFrozen(frozen, gives);
    else if (error) console.warn("A picture could not be made.", error);
    else if (bytes) this.onPicture({ bytes, time: at, codec, key, layer });
    else {
      this.codec = codec;
      this.mayH264 = codec === "h264";
      this.#key = true;
      if (reason) console.info("Pictures are sent as JPEG:", reason);
    }
  }

  close() {
    clearTimeout(this.#again);
    this.#worker.terminate();
  }
}
