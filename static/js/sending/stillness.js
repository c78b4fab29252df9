// Notices a camera whose picture stands still: not one pixel of it changes. Looked at before encoding, since H.264 changes pixels that the camera
// didn't. Whether new pictures come all the while tells a still room, seen without noise, from a camera that is stuck.

const LOOK_EVERY_MS = 500;
const APART_MS = 10_000; // looks further apart say nothing of the time between

export class Stillness {
  #lookedAt = -Infinity;
  #changedAt = -Infinity;
  #part = null;
  #whole = null;
  #count = Infinity;
  #cameAt = -Infinity;
  frozen = false;
  gives = false; // new pictures

  /**
   * Look at a picture at `at` ms, twice a second: `pixels(whole)` are its RGBA, unscaled, of its middle or of all of it; `most` ms without a change
   * are too many. `count`: how many pictures the camera gave so far. True when `frozen` or `gives` has changed.
   */
  look(at, pixels, most, count = 0) {
    if (at - this.#lookedAt < LOOK_EVERY_MS) return false;
    if (at - this.#lookedAt > APART_MS) this.#part = this.#whole = null;
    this.#lookedAt = at;
    if (this.#changes(pixels)) this.#changedAt = at;
    if (count > this.#count) this.#cameAt = at;
    this.#count = count;
    const before = [this.frozen, this.gives];
    this.frozen = at - this.#changedAt >= most;
    this.gives = at - this.#cameAt < Math.max(most, 3 * LOOK_EVERY_MS);
    return this.frozen !== before[0] || this.gives !== before[1];
  }

  /** Most cameras' noise changes the middle at once. Where that stands still, somebody may sit beside it: all is compared. */
  #changes(pixels) {
    const part = pixels(false);
    const changed = !this.#part || differ(part, this.#part);
    this.#part = part;
    const before = this.#whole;
    this.#whole = changed ? null : pixels(true);
    return changed || (before !== null && differ(this.#whole, before));
  }
}

function differ(one, other) {
  return one.length !== other.length || one.some((value, index) => value !== other[index]);
}
