// The password of the exam elsewhere, a notice of a running exam: offered once it has begun, read anew whenever it is shown, since it may change meanwhile.

import { passwordTexts as t } from "./texts-password.js";

const NAME = "password";

export class ExamPassword {
  /** `ask()` gives the server's `{password, text}`. */
  constructor(notices, ask) {
    Object.assign(this, { notices, ask });
  }

  /** The exam runs: is there a password? Where that can't be told, nothing is said before the next time. */
  async look() {
    try {
      const { password } = await this.ask();
      this.#offer(password);
    } catch (error) {
      const reason = error.details?.reason;
      const again = { text: t.again, does: () => this.#show() };
      if (reason === "check" || reason === "picture") this.notices.set(NAME, error.message, reason === "picture" ? again : null);
    }
  }

  #offer(password) {
    this.notices.set(NAME, password ? t.offer : null, { text: t.show, does: () => this.#show() });
  }

  async #show() {
    try {
      const { password, text } = await this.ask();
      const words = text ? t.shownSo(password, text) : t.shown(password);
      this.notices.set(NAME, password ? words : null, { text: t.hide, does: () => this.#offer(password) });
    } catch (error) {
      this.notices.set(NAME, t.failed(error.message), { text: t.again, does: () => this.#show() });
    }
  }
}
