// The dialog in which people conclude a session, agree as the second person, or withdraw what is in force.

import { call } from "../shared/api.js";
import { byId, make, oneWish, setText } from "../shared/dom.js";
import { askReviewer } from "./ask-reviewer.js";
import { actLine, actsFor, standsLines } from "./conclusion-words.js";
import { paragraph } from "./phrases.js";
import { reviewer } from "./reviewer.js";
import { resultsTexts as t } from "./texts-results.js";

class ConcludeDialog {
  #now = null;
  #who = {};
  #busy = false;
  #despite = false;

  constructor() {
    this.dialog = byId("conclude-dialog");
    byId("conclude-form").addEventListener("submit", (event) => event.preventDefault());
    for (const button of this.dialog.querySelectorAll("[data-act]")) oneWish(button).addEventListener("click", () => this.#act(button.dataset.act));
    this.dialog.addEventListener("change", () => {
      this.#ask(false);
      this.#said("");
    });
  }

  /** Show what stands about the session of `user`; gives what is in force once the dialog was closed. Throws ApiError. */
  async open({ session_id: id, user_id: user, exam_id: exam }) {
    this.#who = { id, user, exam };
    await this.#read();
    for (const radio of this.#radios) radio.checked = false;
    byId("conclude-reason").value = "";
    this.#said("");
    this.dialog.showModal();
    return new Promise((resolve) => this.dialog.addEventListener("close", () => resolve(this.#now), { once: true }));
  }

  get #radios() {
    return [...this.dialog.querySelectorAll("input[name=conclusion]")];
  }

  get #path() {
    return `/api/session/${this.#who.id}/conclusion`;
  }

  async #read() {
    this.#show(await call(this.#path));
  }

  #show(now) {
    this.#now = now;
    const { conclusion, history, open_flags: open, four_eyes: fourEyes, not_yet: notYet } = now;
    const acts = actsFor(now);
    setText(byId("conclude-who"), t.who(this.#who.user, this.#who.exam));
    byId("conclude-stands").replaceChildren(...standsLines(conclusion).map((text) => make("span", { class: "conclude-line", text })));
    const concludes = acts.includes("conclude");
    const hints = [
      open && concludes && t.hints.open(open),
      concludes && notYet,
      concludes && fourEyes && !conclusion && t.hints.fourEyes,
      conclusion?.state === "proposed" && t.hints.second,
      conclusion?.state === "contested" && t.hints.contested,
      conclusion?.state === "concluded" && acts.length && t.hints.withdraw,
      !acts.length && !conclusion && t.hints.running,
    ];
    setText(byId("conclude-hint"), paragraph(hints));
    byId("conclude-choices").hidden = !concludes;
    byId("conclude-reason").parentElement.hidden = !acts.length;
    setText(byId("conclude-reason-when"), concludes ? t.reasonNeeded : acts.includes("agree") ? t.reasonSecond : t.reasonWithdraw);
    for (const button of this.dialog.querySelectorAll("[data-act]")) button.hidden = button.dataset.act !== "close" && !acts.includes(button.dataset.act);
    byId("conclude-history-part").hidden = !history.length;
    byId("conclude-history").replaceChildren(...history.map((one) => make("li", { text: actLine(one) })));
    this.#ask(false);
  }

  /** Does the button conclude although flags are open? */
  #ask(despite) {
    this.#despite = despite;
    const settles = this.#now.conclusion?.state === "contested";
    setText(this.dialog.querySelector("[data-act=conclude]"), despite ? t.allTheSame : settles ? t.settle : t.conclude);
  }

  async #act(act) {
    if (act === "close") {
      this.dialog.close();
      return;
    }
    const conclusion = this.#radios.find(({ checked }) => checked)?.value;
    if (act === "conclude" && !conclusion) {
      this.#said(t.choose);
      this.#radios[0].focus();
      return;
    }
    if (this.#busy) return;
    this.#busy = true;
    this.dialog.setAttribute("aria-busy", "true");
    try {
      const by = reviewer() || (await askReviewer());
      if (!by) {
        this.#said(t.noName);
        return;
      }
      const body = { by, reason: byId("conclude-reason").value.trim(), revision: this.#now.revision };
      const [path, more] = act === "conclude" ? ["", { conclusion, despite_open: this.#despite }] : act === "withdraw" ? ["/withdraw", {}] : ["/second", { agrees: act === "agree" }];
      this.#show(await call(`${this.#path}${path}`, { method: "POST", body: { ...body, ...more } }));
      this.dialog.close();
    } catch (error) {
      if (error.code === undefined) throw error;
      await this.#refused(error);
    } finally {
      this.#busy = false;
      this.dialog.removeAttribute("aria-busy");
    }
  }

  async #refused(error) {
    if (error.details?.reason === "open_flags") {
      this.#said(error.message);
      this.#ask(true);
      return;
    }
    if (error.status === 409) await this.#read().catch(() => {}); // what is in force may be another's
    this.#said(t.notDone(error.message));
    if (error.field === "reason") byId("conclude-reason").focus();
  }

  #said(text) {
    setText(byId("conclude-error"), text);
    byId("conclude-error").hidden = !text;
  }
}

let dialog = null;

/** Let somebody conclude a session: `{session_id, user_id, exam_id}`. Gives what is in force afterwards. Throws ApiError. */
export function conclude(session) {
  dialog ??= new ConcludeDialog();
  return dialog.open(session);
}
