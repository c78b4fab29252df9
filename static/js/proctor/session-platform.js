// The learning platform that has a session proctored, on the session's page: how the attempt stands there, what a person may ask of it, and what it
// answered. There only where a platform has it proctored.

import { call } from "../shared/api.js";
import { answerOf, byId, make, oneWish, setText } from "../shared/dom.js";
import { clockTime } from "./dates.js";
import { factsOf, stateWords } from "./platform-words.js";
import { reviewer } from "./reviewer.js";
import { platformTexts as t } from "./texts-platform.js";

const AGAIN_MS = 3000; // while something waits to be sent, or answered

export class SessionPlatform {
  #timer = 0;

  constructor(session_id) {
    this.path = `/api/session/${session_id}/platform`;
    this.place = document.getElementById("platform");
    if (!this.place) return;
    this.asks = "asks" in this.place.dataset;
    this.read();
  }

  /** Read how it stands and show it; again while something waits, as long as somebody looks. */
  async read() {
    clearTimeout(this.#timer);
    try {
      this.#draw(await call(this.path));
    } catch (error) {
      this.#said(t.unreadable(error.message), true);
    }
  }

  #draw(shown) {
    const { acts, actions } = shown;
    this.place.hidden = !shown.platform && !acts.length;
    byId("platform-facts").replaceChildren(...factsOf(shown).map((text) => make("li", { text })));
    const wanted = this.asks ? actions : [];
    if (byId("platform-actions").dataset.of !== wanted.join()) {
      byId("platform-actions").dataset.of = wanted.join();
      byId("platform-actions").replaceChildren(...wanted.map((action) => this.#button(action)));
    }
    const list = byId("platform-acts");
    const key = JSON.stringify(acts);
    if (list.dataset.key !== key) { // a button that is just being pressed stays
      list.dataset.key = key;
      const focused = document.activeElement?.dataset.act;
      list.replaceChildren(...acts.map((act) => this.#line(act)));
      if (focused) this.place.querySelector(`[data-act="${CSS.escape(focused)}"]`)?.focus();
    }
    if (acts.some(({ state }) => state === "waiting")) this.#timer = setTimeout(() => (document.hidden ? this.#later() : this.read()), AGAIN_MS);
  }

  #later() {
    document.addEventListener("visibilitychange", () => this.read(), { once: true });
  }

  #button(action) {
    const button = oneWish(make("button", { type: "button", text: t.actions[action], "aria-haspopup": "dialog" }));
    button.addEventListener("click", () => this.#ask(action));
    return button;
  }

  #line(act) {
    const { action, by, at, state } = act;
    const words = make("span", { text: t.told(t.asked[action], stateWords(act)) });
    const line = make("li", { "data-level": state === "not_taken" ? "warning" : "message" }, words, make("span", { class: "muted", text: t.from(by, clockTime(Date.parse(at))) }));
    if (state === "waiting" && this.asks) {
      const button = oneWish(make("button", { type: "button", class: "quiet", text: t.withdraw, "data-act": act.id }));
      const by = () => (reviewer() ? `?by=${encodeURIComponent(reviewer())}` : "");
      button.addEventListener("click", () => this.#do(button, () => call(`${this.path}/${act.id}${by()}`, { method: "DELETE" })));
      line.append(button);
    }
    return line;
  }

  async #ask(action) {
    setText(byId("platform-ask"), t.sure[action]);
    setText(byId("platform-yes"), t.actions[action]);
    byId("platform-minutes-field").hidden = action !== "update";
    for (const field of ["reason", "code", "severity"]) byId(`platform-${field}`).value = "";
    if ((await answerOf(byId("platform-dialog"))) !== "ask") return;
    const by = reviewer();
    const severity = byId("platform-severity").value;
    const body = {
      action,
      reason: byId("platform-reason").value.trim(),
      reason_code: byId("platform-code").value.trim(),
      ...(severity && { severity: Number(severity) }),
      ...(action === "update" && { extra_min: Number(byId("platform-minutes").value) }),
      ...(by && { by }),
    };
    await this.#do(byId("platform-actions"), () => call(this.path, { method: "POST", body }));
  }

  async #do(element, act) {
    element.setAttribute("aria-busy", "true");
    this.#said("");
    try {
      await act();
    } catch (error) {
      this.#said(t.failed(error.message), true);
    }
    await this.read();
    element.removeAttribute("aria-busy");
  }

  #said(text, wrong = false) {
    byId("platform-said").classList.toggle("field-error", wrong);
    setText(byId("platform-said"), text);
  }
}
