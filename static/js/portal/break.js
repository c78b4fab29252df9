// Breaks in the exam's page: the student's own (as many as allowed, each with its time), and the proctor's pauses.

import { byId, oneWish, setText } from "../shared/dom.js";
import { texts } from "./texts.js";

export class BreakControl {
  #left = 0;
  #on = false;
  #own = false;
  #asked = false; // the server has not answered yet
  #until = null; // performance.now() at which the break ends by itself

  /** `ask(on)` tells the server, which answers by a `pause` message or an error; false when it can't be told now. */
  constructor(ask) {
    this.ask = ask;
    this.button = oneWish(byId("exam-break"));
    this.button.addEventListener("click", () => this.#press());
    setInterval(() => this.#on && this.#drawText(), 1000);
  }

  /** What the session allows: `breaks_left` of GET /api/student/session. */
  allow(left) {
    this.#left = left ?? 0;
    this.#draw();
  }

  /** The server's `pause {paused, by, seconds_left, breaks_left}`. */
  hear({ paused, by, reason, seconds_left: seconds, breaks_left: left }) {
    this.#on = Boolean(paused);
    this.#own = by === "student";
    this.reason = reason;
    this.#until = this.#on && typeof seconds === "number" ? performance.now() + 1000 * seconds : null;
    if (typeof left === "number") this.#left = left;
    this.settle();
    this.#draw();
    setText(byId("exam-pause-said"), this.#on ? this.#words(null) : ""); // once: what is shown counts down
  }

  /** What was asked for is answered, or never will be. */
  settle() {
    this.#asked = false;
    this.button.removeAttribute("aria-disabled");
  }

  #press() {
    if (this.#asked) return;
    this.#asked = this.ask(!this.#on);
    if (this.#asked) this.button.setAttribute("aria-disabled", "true");
  }

  #draw() {
    this.button.hidden = this.#on ? !this.#own : this.#left <= 0;
    setText(this.button.querySelector("span"), this.#on ? texts.exam.breakEnd : texts.exam.breakTake(this.#left));
    byId("exam-pause").hidden = !this.#on;
    this.#drawText();
  }

  #drawText() {
    if (!this.#on) return;
    setText(byId("exam-pause-text"), this.#words(this.#until === null ? null : Math.max(0, (this.#until - performance.now()) / 1000)));
  }

  #words(seconds) {
    return this.#own ? texts.exam.breakOwn(seconds) : [texts.exam.paused_text, this.reason].filter(Boolean).join(" ");
  }
}
