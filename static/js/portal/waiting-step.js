// The step before the exam in which a student waits where as many exams run as the server watches. It goes on by itself; the place is the session's.
// Where another server has room the exam begins there.

import { call } from "../shared/api.js";
import { backOff } from "../shared/clock.js";
import { byId, setText } from "../shared/dom.js";
import { anyKey, goBy } from "../shared/route.js";
import { isFinal } from "./said.js";
import { waitingTexts as texts } from "./texts-waiting.js";

const ANSWER_MS = 8000;
const AGAIN_S = 5; // where the server doesn't say when to ask again
const KEYS = 5; // that are tried for a server with room, between two questions at the student's own
const ON_ITS_WAY = 15; // questions there, one a second: the own server gives the exam up, or proves to be dead

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
        const { position, wait_s: seconds, again_s: again, elsewhere, route } = await this.#ask(token);
        if (!position) {
          goBy(route);
          return;
        }
        tries = 0;
        this.#say(position, seconds);
        if (typeof elsewhere === "string" && (await this.#goElsewhere(token, elsewhere))) return;
        await this.wait(again * (1 + this.random() / 4));
      } catch (error) {
        if (isFinal(error) || error.status === 409 || error.status === 404) return;
        this.#say(null, null, error.status === 429 ? "" : texts.away);
        await this.wait(this.#after(error) ?? backOff(tries, this.random) / 1000);
        tries += 1;
      }
    }
  }

  #ask(token, query = "", by = undefined) {
    return this.ask(`/api/student/admission${query}`, { method: "POST", token, by, signal: AbortSignal.timeout(ANSWER_MS) });
  }

  /** To another server that has room, by the key that leads there, or by any until one does. True where the exam may begin there. */
  async #goElsewhere(token, known) {
    for (let keys = 0, asked = 0, by = known || anyKey(); keys < KEYS && asked < ON_ITS_WAY; asked += 1) {
      try {
        const { position, route } = await this.#ask(token, "?room=only", by);
        if (!position) {
          goBy(route || by);
          return true;
        }
      } catch (error) {
        if (error.status === 503) {
          await this.wait(1);
          continue;
        }
        if (error.status !== 429) return false;
      }
      keys += 1; // it led to a server without room: the own one, or another
      by = anyKey();
    }
    return false;
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
