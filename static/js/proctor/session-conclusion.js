// What is concluded about the session on its page, and the button to conclude it there.

import { call } from "../shared/api.js";
import { addressOf } from "../shared/base.js";
import { byId, make, oneWish, setText } from "../shared/dom.js";
import { conclude } from "./conclude.js";
import { doneWords, standsLines } from "./conclusion-words.js";
import { resultsTexts as t } from "./texts-results.js";

export class SessionConclusion {
  #session = null;
  #now = null;

  constructor(id) {
    this.id = id;
    oneWish(byId("conclude")).addEventListener("click", () => this.#conclude());
  }

  /** Show what stands about `session`, once it has ended. */
  async show(session) {
    this.#session = session;
    if (session.is_running || session.state === "running") {
      byId("conclusion-part").hidden = true;
      return;
    }
    await this.read();
  }

  async read() {
    try {
      this.#now = await call(`/api/session/${this.id}/conclusion`);
    } catch (error) {
      if (error.code === undefined) throw error;
      console.info("The conclusion can't be read.", error.message);
      return;
    }
    const { conclusion, may_conclude: may, results } = this.#now;
    byId("conclusion-part").hidden = false;
    byId("conclusion-stands").replaceChildren(...standsLines(conclusion).map((text) => make("span", { class: "conclude-line", text })));
    byId("conclude").hidden = !may;
    setText(byId("conclude").querySelector("span") ?? byId("conclude"), conclusion ? t.change : t.conclude);
    byId("session-results").hidden = !results;
    if (results) byId("session-results").href = addressOf(results);
  }

  async #conclude() {
    const before = this.#now.revision;
    try {
      const after = await conclude(this.#session);
      setText(byId("conclusion-said"), doneWords(before, after));
    } catch (error) {
      if (error.code === undefined) throw error;
      setText(byId("conclusion-said"), t.notDone(error.message));
    }
    await this.read();
    byId("conclude").focus();
  }
}
