// Conclusions of all sessions at once that nobody has to look at by itself: no finding, or agreeing to it as the second person.

import { call } from "../shared/api.js";
import { byId, oneWish, setText } from "../shared/dom.js";
import { askReviewer } from "./ask-reviewer.js";
import { paragraph } from "./phrases.js";
import { reviewer } from "./reviewer.js";
import { resultsTexts } from "./texts-results.js";

const t = resultsTexts.atOnce;

export class AtOnce {
  #counts = {};
  #act = "";
  #busy = false;

  /** `onDone(text)` once sessions were concluded, with what is said of it. */
  constructor(examKey, onDone) {
    Object.assign(this, { path: `/api/exams/${examKey}/results/no_finding`, onDone, dialog: byId("at-once-dialog") });
    for (const button of this.#buttons) oneWish(button).addEventListener("click", () => this.#open(button.dataset.atOnce));
    byId("at-once-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#do();
    });
    oneWish(byId("at-once-yes"));
    byId("at-once-no").addEventListener("click", () => this.dialog.close());
    this.dialog.addEventListener("cancel", (event) => this.#busy && event.preventDefault());
  }

  get #buttons() {
    return [...document.querySelectorAll("[data-at-once]")];
  }

  /** How many there are for each act. */
  show(counts) {
    this.#counts = counts;
    for (const button of this.#buttons) {
      const { atOnce: act } = button.dataset;
      button.hidden = !counts[act];
      setText(button, t[act].button(counts[act]));
    }
    byId("results-at-once").hidden = !counts.conclude && !counts.agree;
  }

  #open(act) {
    this.#act = act;
    const count = this.#counts[act];
    setText(byId("at-once-title"), t[act].title);
    setText(byId("at-once-text"), t[act].text(count));
    const { unwatched, not_begun: notBegun } = act === "conclude" ? this.#counts : {};
    setText(byId("at-once-left-out"), paragraph([unwatched && t.unwatched(unwatched), notBegun && t.notBegun(notBegun)]));
    setText(byId("at-once-yes"), t[act].yes(count));
    setText(byId("at-once-said"), "");
    this.#wrong("");
    this.dialog.showModal();
    byId("at-once-yes").focus();
  }

  async #do() {
    if (this.#busy) return;
    const by = reviewer() || (await askReviewer());
    if (!by) {
      this.#wrong(resultsTexts.noName);
      return;
    }
    this.#busy = true;
    this.dialog.setAttribute("aria-busy", "true");
    const reason = byId("at-once-reason").value.trim();
    let [all, left, notBegun] = [0, 0, 0];
    try {
      for (let done = 1; done > 0 && (all === 0 || left > 0); ) {
        ({ done, left, not_begun: notBegun } = await call(this.path, { method: "POST", body: { act: this.#act, by, reason } }));
        all += done;
        setText(byId("at-once-said"), left ? t.doing(left) : "");
      }
      byId("at-once-reason").value = "";
      this.dialog.close();
      await this.onDone(paragraph([t[this.#act].done(all), left && t.meanwhile(left), notBegun && t.notBegun(notBegun)]));
    } catch (error) {
      if (error.code === undefined) throw error;
      this.#wrong(resultsTexts.notDone(error.message));
    } finally {
      this.#busy = false;
      this.dialog.removeAttribute("aria-busy");
    }
  }

  #wrong(text) {
    setText(byId("at-once-error"), text);
    byId("at-once-error").hidden = !text;
  }
}
