// A session that broke off goes on: by an outage, or because the student's page stayed away.

import { call } from "../shared/api.js";
import { byId, oneWish, setText } from "../shared/dom.js";
import { reviewer } from "./reviewer.js";
import { texts } from "./texts.js";

/** Wire the button of a session's page; `went(portal_url)` is called once the session goes on, with its student's new link, or null. */
export function wireReopening(session_id, went) {
  oneWish(byId("reopen-session")).addEventListener("click", async () => {
    const button = byId("reopen-session");
    button.setAttribute("aria-busy", "true");
    try {
      const by = reviewer();
      const { portal_url = null } = await call(`/api/session/${session_id}/reopen`, { method: "POST", body: { ...(by && { by }) } });
      byId("end-error").hidden = true;
      went(portal_url);
    } catch (error) {
      setText(byId("end-error"), texts.session.reopenFailed(error.message));
      byId("end-error").hidden = false;
    }
    button.removeAttribute("aria-busy");
  });
}

/** Show the button where the session can go on. */
export function drawReopening({ state, is_running: running }) {
  byId("reopen-session").hidden = running || state !== "interrupted";
}
