// How much time is left in the exam: counted down here, also while there is no connection, and said twice before it ends.

import { spellSeconds } from "../shared/clock.js";
import { byId, setText } from "../shared/dom.js";
import { texts } from "./texts.js";

const MOVED_MS = 5000; // by less no end was moved
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

  /** `tell(text)` shows a notice, null: none. */
  constructor(tell, now = () => performance.now()) {
    Object.assign(this, { tell, now });
  }

  /** The server says so many seconds are left; null: no end is set. */
  hear({ left_s: left }) {
    const before = this.#said !== null && this.#said > 0 ? this.#ends : null;
    this.#ends = typeof left === "number" ? this.now() + left * 1000 : null;
    this.draw();
    // who was warned of one end is told the other
    if (before !== null && this.#ends !== null && Math.abs(this.#ends - before) > MOVED_MS) this.tell(texts.exam.endMoved(this.endsAt));
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
    if (said === this.#said) return;
    this.#said = said;
    byId("exam-left").toggleAttribute("data-soon", said !== null);
    this.tell(over ? texts.exam.timeOver : said === null ? null : texts.exam.minutesLeft(Math.ceil(left / 60)));
  }

  close() {
    this.#ends = null;
  }
}
