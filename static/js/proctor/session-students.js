// The way to the next and the previous student: as the live page shows them, else those of the same exam by name.

import { call } from "../shared/api.js";
import { addressOf } from "../shared/base.js";
import { byId, setText } from "../shared/dom.js";
import { neighbours } from "./neighbours.js";
import { texts } from "./texts.js";
import { orderOfWall } from "./wall-order.js";
import { who } from "./who.js";

const PAUSE_MS = 1000; // an exam room begins at once

export class SessionStudents {
  #own = null;
  #found = null;

  /** Asked anew whenever an exam begins or ends. */
  constructor({ socket }) {
    for (const event of ["session_started", "session_ended"]) socket.on(event, () => this.#soon());
  }

  /** Show who stands beside the student of the session `own`. */
  async show(own) {
    const first = this.#own === null;
    this.#own = own;
    if (first) await this.#read();
  }

  /** Go to the next student (1) or the one before (-1), where there is one. */
  go(step) {
    const to = step > 0 ? this.#found?.next : this.#found?.previous;
    if (to) location.assign(this.#address(to));
  }

  #soon() {
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => this.#own && this.#read(), PAUSE_MS);
  }

  async #read() {
    try {
      const { sessions } = await call("/api/sessions/active");
      this.#found = neighbours(sessions, this.#own, orderOfWall());
    } catch (error) {
      console.info("The running exams can't be read.", error.message);
      return;
    }
    const { previous, next, at, count } = this.#found;
    byId("students").hidden = !previous && !next;
    setText(byId("student-place"), texts.students.place(at, count));
    this.#link(byId("student-previous"), previous, texts.students.previous);
    this.#link(byId("student-next"), next, texts.students.next);
  }

  #link(link, to, words) {
    link.toggleAttribute("data-none", !to);
    if (to) Object.assign(link, { href: this.#address(to), title: who(to), ariaLabel: words(who(to)) });
  }

  #address({ session_id: id }) {
    return addressOf(`/session/${id}`);
  }
}
