// The camera's pictures as JPEG, taken at the ticks of a worker so that a hidden tab goes on sending.

import { Schedule, pageMs } from "./clock.js";

/** The size that fits into `most` and keeps the camera's shape; even numbers, for the encoders behind it. */
export function fitSize(width, height, most) {
  const scale = Math.min(1, most.width / width, most.height / height);
  const even = (number) => Math.max(2, 2 * Math.round((number * scale) / 2));
  return { width: even(width), height: even(height) };
}

export class Pictures {
  #worker = new Worker(new URL("./picture-worker.js", import.meta.url));
  #busy = false;
  #schedule = new Schedule(10);
  #quality = 0.6;
  #size = { width: 640, height: 480 };

  /** `video` plays the camera; `onPicture({bytes, time})` gets each JPEG with its page time. */
  constructor(video, onPicture) {
    this.video = video;
    this.onPicture = onPicture;
    this.skipped = 0;
    this.#worker.onmessage = ({ data }) => this.#made(data);
    this.#worker.onerror = () => {
      this.#busy = false;
    };
  }

  /** What the server wants: `{fps, width, height, quality}`, each optional; quality 0..1. */
  want({ fps, width, height, quality }) {
    if (fps) this.#schedule.rate = fps;
    if (quality) this.#quality = quality > 1 ? quality / 100 : quality;
    if (width && height) this.#size = { width, height };
  }

  /** At a tick: take a picture if one is due and `ready` (the way is free). */
  async tick(ready) {
    const now = performance.now();
    const { video } = this;
    if (video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA || !video.videoWidth) return;
    if (!this.#schedule.due(now)) return;
    if (!ready || this.#busy) {
      this.skipped += 1;
      return;
    }
    this.#busy = true;
    const at = pageMs();
    try {
      const image = "VideoFrame" in globalThis ? new VideoFrame(video) : await createImageBitmap(video);
      const size = fitSize(video.videoWidth, video.videoHeight, this.#size);
      this.#worker.postMessage({ image, ...size, quality: this.#quality, at }, [image]);
    } catch (error) {
      this.#busy = false; // the camera is changing hands; the next tick tries again
      console.debug("No picture at this tick.", error);
    }
  }

  #made({ bytes, at, error }) {
    this.#busy = false;
    if (error) console.warn("A picture could not be made.", error);
    else this.onPicture({ bytes, time: at });
  }

  close() {
    this.#worker.terminate();
  }
}
