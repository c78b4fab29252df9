// The step before the exam in which a student waits where as many exams run as the server watches. It goes on by itself; the place is the session's.

import { call } from "../shared/api.js";
import { backOff } from "../shared/clock.js";
import { byId, setText } from "../shared/dom.js";
import { isFinal } from "./said.js";
import { waitingTexts as texts } from "./texts-waiting.js";

const ANSWER_MS = 8000;
const AGAIN_S = 5; // where the server doesn't say when to ask again

const pause = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

export class WaitingStep {
  /** `onShow()` when there is something to wait for. */
  constructor({ onShow, wait = pause, ask = call, random = Math.random }) {
    Object.assign(this, { onShow, wait, ask, random });
  }

  /** Until the exam of `token` may begin; at once where it may. What is wrong with it is the link's to say. */
  async pass(token) {
    for (let tries = 0; ; ) {
      try {
        const { position, wait_s: seconds, again_s: again } = await this.ask("/api/student/admission", { method: "POST", token, signal: AbortSignal.timeout(ANSWER_MS) });
        if (!position) return;
        tries = 0;
        this.#say(position, seconds);
        await this.wait(again * (1 + this.random() / 4));
      } catch (error) {
        if (isFinal(error) || error.status === 409 || error.status === 404) return;
        this.#say(null, null, error.status === 429 ? "" : texts.away);
        await this.wait(this.#after(error) ?? backOff(tries, this.random) / 1000);
        tries += 1;
      }
    }
  }

  /** What `begin` gives, however often the server has no room for it yet. Throws what else goes wrong. */
  async patiently(begin) {
    for (;;) {
      try {
        return await begin();
      } catch (error) {
        if (error.status !== 429) throw error;
        this.#say(null, null);
        await this.wait((this.#after(error) ?? AGAIN_S) * (1 + this.random()));
      }
    }
  }

  #after({ details }) {
    return details?.retry_after_s ?? null;
  }

  #say(position, seconds, trouble = "") {
    setText(byId("waiting-place"), texts.place(position));
    setText(byId("waiting-time"), texts.time(seconds ?? null));
    setText(byId("waiting-trouble"), trouble);
    byId("waiting-trouble").hidden = !trouble;
    this.onShow();
  }
}
