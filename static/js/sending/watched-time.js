// Time as far as a page watched it. While its thread is blocked or starved it learns of nothing, and what it learns of then may be long over:
// such a gap counts as no more than a moment.

import { pageMs } from "../shared/clock.js";

const MOMENT_MS = 200; // looks come every 100 ms or more often
const APART_MS = 20; // of two looks that are both noted
const KEPT_MS = 15_000;

export class WatchedTime {
  #looks = []; // {at, sum} in order: when, and how much was watched by then

  /** The page's thread has its turn. */
  look() {
    const at = pageMs();
    const last = this.#looks.at(-1);
    if (last && at - last.at < APART_MS) return;
    this.#looks.push({ at, sum: last ? last.sum + Math.min(at - last.at, MOMENT_MS) : 0 });
    while (at - this.#looks[0].at > KEPT_MS) this.#looks.shift();
  }

  /** How many ms were watched between two times on the page's clock; where that isn't certain, the fewest. */
  between(from, to = pageMs()) {
    return Math.max(0, this.#at(to, false) - this.#at(from, true));
  }

  /** How many ms of that time were not. */
  missed(from, to = pageMs()) {
    return Math.max(0, to - from - this.between(from, to));
  }

  /** What was watched by `at`: at most, or at least. */
  #at(at, most) {
    const index = this.#looks.findLastIndex((look) => look.at <= at);
    const before = this.#looks[index];
    const after = this.#looks[index + 1];
    if (!before) return after ? after.sum - (after.at - at) : at;
    const sum = before.sum + Math.min(at - before.at, MOMENT_MS);
    if (!after) return sum;
    return most ? Math.min(sum, after.sum) : Math.max(before.sum, after.sum - (after.at - at));
  }
}
