// Notices a camera whose picture stands still: not one pixel changes. Looked at before encoding, since H.264 changes pixels that the camera didn't.

const LOOK_EVERY_MS = 500;
const APART_MS = 10_000; // looks further apart say nothing of the time between

export class Stillness {
  #lookedAt = -Infinity;
  #changedAt = -Infinity;
  #pixels = null;
  frozen = false;

  /**
   * Look at `pixels()` (RGBA of a part of the picture, unscaled) at `at` ms, twice a second; `most` ms without a change are too many.
   * True when `frozen` has changed.
   */
  look(at, pixels, most) {
    if (at - this.#lookedAt < LOOK_EVERY_MS) return false;
    if (at - this.#lookedAt > APART_MS) this.#pixels = null;
    this.#lookedAt = at;
    const seen = pixels();
    if (!this.#pixels || seen.some((value, index) => value !== this.#pixels[index])) this.#changedAt = at;
    this.#pixels = seen;
    const before = this.frozen;
    this.frozen = at - this.#changedAt >= most;
    return this.frozen !== before;
  }
}
