// Notices a camera whose picture stands still: not one pixel changes. Looked at before encoding, since H.264 changes pixels that the camera didn't.

const LOOK_EVERY_MS = 1000;
const FROZEN_MS = 10_000;

export class Stillness {
  #lookedAt = -Infinity;
  #changedAt = -Infinity;
  #pixels = null;
  frozen = false;

  /** Look at `pixels()` (RGBA of a part of the picture, unscaled) at `at` ms, once a second. True when `frozen` has changed. */
  look(at, pixels) {
    if (at - this.#lookedAt < LOOK_EVERY_MS) return false;
    if (at - this.#lookedAt > FROZEN_MS) this.#pixels = null; // nothing was looked at in between
    this.#lookedAt = at;
    const seen = pixels();
    if (!this.#pixels || seen.some((value, index) => value !== this.#pixels[index])) this.#changedAt = at;
    this.#pixels = seen;
    const before = this.frozen;
    this.frozen = at - this.#changedAt >= FROZEN_MS;
    return this.frozen !== before;
  }
}
