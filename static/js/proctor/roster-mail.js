// The form by which students are sent their links and codes.

import { call } from "../shared/api.js";
import { byId, oneWish, setText } from "../shared/dom.js";
import { reviewer } from "./reviewer.js";
import { rosterTexts as t } from "./texts-roster.js";
import { isSure } from "./roster-ask.js";

export class MailForm {
  constructor(address, onSent) {
    Object.assign(this, { address, onSent });
  }

  start() {
    byId("mail-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send();
    });
    oneWish(byId("mail-send"));
  }

  async #send() {
    byId("mail-error").hidden = true;
    setText(byId("mail-said"), "");
    if (!(await isSure(t.sure.mail))) return;
    const by = reviewer();
    const body = { subject: byId("mail-subject").value, text: byId("mail-text").value, only_new: byId("mail-new").checked, ...(by && { by }) };
    try {
      const { queued, without_address: without } = await call(`${this.address}/mail`, { method: "POST", body });
      setText(byId("mail-said"), [t.queued(queued), without ? t.withoutAddress(without) : ""].filter(Boolean).join(" "));
      this.onSent();
    } catch (error) {
      setText(byId("mail-error"), t.mailFailed(error.message));
      byId("mail-error").hidden = false;
      byId("mail-text").focus();
    }
  }
}
