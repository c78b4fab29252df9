// Draws a session's pictures on a canvas, newest only: a page that falls behind skips pictures instead of queueing them.

import { canDecode, H264View } from "./h264-view.js";

const ASK_FOR = (await canDecode) ? "h264" : "binary";

export class PictureCanvas {
  #busy = false;
  #next = null;
  #h264 = null;

  /** `onTrouble()`: this session's H.264 could not be decoded after all, and its pictures are to be asked for as JPEG from now on. */
  constructor(canvas, onTrouble = () => {}) {
    this.frames = ASK_FOR; // how they are asked for: H.264 as it comes where this browser decodes it, else JPEG, which the server makes of it
    this.canvas = canvas;
    this.onTrouble = onTrouble;
    this.takenAt = null; // when the picture that is shown was taken, on the clock of performance.now()
  }

  /** Show what came with an update: `frame` is a JPEG, `h264` is as `H264View.take` has it; `when` as `show` has it. True where it has a picture. */
  take({ frame, h264 }, when) {
    if (frame) this.show(frame, when);
    else if (h264) this.#decode(h264, when);
    return Boolean(frame || h264);
  }

  #decode(h264, { taken, now }) {
    const takenAt = performance.now() - 1000 * Math.max(0, now - taken);
    this.#h264 ??= new H264View(
      (picture) => this.#paint(picture, picture.displayWidth, picture.displayHeight, this.h264At),
      (reason) => {
        console.info("H.264 can't be shown here, and JPEG is asked for.", reason);
        this.frames = "binary";
        this.onTrouble();
      },
    );
    this.h264At = takenAt;
    this.#h264.take(h264);
  }

  /** Let go of the decoder: nobody looks. What comes next begins with a key. */
  rest() {
    this.#h264?.close();
    this.#h264 = null;
  }

  /**
   * Show `bytes` (ArrayBuffer or view) as soon as there is time for it. Of the update that it came with, `taken` and `now` are when it was taken
   * and when it was sent, in s of the session's clock: who opens the page late sees a picture that may be old.
   */
  async show(bytes, { taken, now }) {
    this.#next = { bytes, takenAt: performance.now() - 1000 * Math.max(0, now - taken) };
    if (this.#busy) return;
    this.#busy = true;
    while (this.#next) {
      const present = this.#next;
      this.#next = null;
      try {
        await this.#draw(present);
      } catch (error) {
        console.info("A picture could not be shown.", error);
      }
    }
    this.#busy = false;
  }

  async #draw({ bytes, takenAt }) {
    const image = await createImageBitmap(new Blob([bytes], { type: "image/jpeg" }));
    this.#paint(image, image.width, image.height, takenAt);
    image.close();
  }

  #paint(image, width, height, takenAt) {
    const { canvas } = this;
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width;
      canvas.height = height;
    }
    canvas.getContext("2d", { alpha: false }).drawImage(image, 0, 0);
    this.takenAt = takenAt;
  }
}
