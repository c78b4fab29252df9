// How much time is left in the exam: counted down here, also while there is no connection, and said twice before it ends. What was said goes by
// itself: the time that is left stands in the bar all along.

import { spellSeconds } from "../shared/clock.js";
import { byId, setText } from "../shared/dom.js";
import { texts } from "./texts.js";

const MOVED_MS = 5000; // by less no end was moved
const MOVED_SHOWN_MS = 300_000;
export const SAID_AT_S = [600, 120]; // before the end

/** Which warning is due at `left` seconds before the end: the last of them, by its minutes; null: none yet, or no end. */
export function warningAt(left, saidAt = SAID_AT_S) {
  if (left === null || left <= 0) return null;
  const due = saidAt.filter((seconds) => left <= seconds);
  return due.length ? Math.min(...due) / 60 : null;
}

export class TimeLeft {
  #ends = null; // on the page's clock, in ms
  #said = null;
  #minutes = null; // that a notice which stands says are left
  #movedUntil = null; // on the page's clock: so long a notice of an end that was moved stands

  /** `tell(code, text)` shows a notice of a kind (`left`: so many minutes; `end`: it was moved, or is here), null: none of it. */
  constructor(tell, now = () => performance.now()) {
    Object.assign(this, { tell, now });
  }

  /** The server says so many seconds are left; null: no end is set. */
  hear({ left_s: left }) {
    const before = this.#said !== null && this.#said > 0 ? this.#ends : null;
    this.#ends = typeof left === "number" ? this.now() + left * 1000 : null;
    this.draw();
    // who was warned of one end is told the other
    if (before === null || this.#ends === null || Math.abs(this.#ends - before) <= MOVED_MS) return;
    this.#tellLeft(null);
    this.#movedUntil = this.now() + MOVED_SHOWN_MS;
    this.tell("end", texts.exam.endMoved(this.endsAt));
  }

  /** When the time is over, as a time of day. */
  get endsAt() {
    return new Date(Date.now() + this.left * 1000);
  }

  get left() {
    return this.#ends === null ? null : (this.#ends - this.now()) / 1000;
  }

  draw() {
    const { left } = this;
    byId("exam-left").hidden = left === null;
    if (left !== null) setText(byId("exam-left-time"), spellSeconds(Math.ceil(Math.max(0, left))));
    const over = left !== null && left <= 0;
    const said = over ? 0 : warningAt(left);
    if (said !== this.#said) {
      this.#said = said;
      byId("exam-left").toggleAttribute("data-soon", said !== null);
      this.#tellLeft(said ? Math.max(1, Math.round(left / 60)) : null);
      this.#movedUntil = null;
      this.tell("end", over ? texts.exam.timeOver : null);
      return;
    }
    if (this.#minutes !== null && left <= 60 * (this.#minutes - 1)) this.#tellLeft(null);
    if (this.#movedUntil !== null && this.now() >= this.#movedUntil) {
      this.#movedUntil = null;
      this.tell("end", null);
    }
  }

  /** It is said for half a minute at least, and until a whole minute less is left than it says. */
  #tellLeft(minutes) {
    this.#minutes = minutes;
    this.tell("left", minutes === null ? null : texts.exam.minutesLeft(minutes));
  }

  close() {
    this.#ends = null;
  }
}
