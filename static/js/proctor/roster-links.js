// Links and codes of all students at once.

import { call } from "../shared/api.js";
import { byId, oneWish, setText } from "../shared/dom.js";
import { rosterTexts as t } from "./texts-roster.js";
import { isSure } from "./roster-ask.js";

export class LinksPanel {
  constructor(address, onChanged) {
    Object.assign(this, { address, onChanged });
  }

  start() {
    for (const action of ["renew", "revoke"]) oneWish(byId(`links-${action}`)).addEventListener("click", () => this.#set(action));
  }

  async #set(action) {
    byId("links-error").hidden = true;
    if (!(await isSure(t.sure[action]))) return;
    try {
      const { changed } = await call(`${this.address}/links`, { method: "POST", body: { action } });
      await this.onChanged();
      setText(byId("links-said"), t.linksSet(changed));
    } catch (error) {
      setText(byId("links-error"), t.changeFailed(error.message));
      byId("links-error").hidden = false;
    }
  }
}
