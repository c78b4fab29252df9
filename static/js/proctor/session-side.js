// The student's side on a session's page: the link to the own report, what is answered, and the request for a new look.

import { call } from "../shared/api.js";
import { byId, make, oneWish, setText } from "../shared/dom.js";
import { askReviewer } from "./ask-reviewer.js";
import { minuteTime } from "./dates.js";
import { reviewer } from "./reviewer.js";
import { texts } from "./texts.js";

export class SessionSide {
  constructor(session_id) {
    this.path = `/api/session/${session_id}`;
    const { rights = "" } = byId("side").dataset;
    this.mayLink = rights.includes("link");
    oneWish(byId("side-link")).addEventListener("click", () => this.#do(byId("side-link"), () => this.#makeLink()));
    oneWish(byId("side-end")).addEventListener("click", () => this.#do(byId("side-end"), () => this.#endLinks()));
    oneWish(byId("side-form").querySelector("button"));
    byId("side-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#do(byId("side-form"), () => this.#answer());
    });
  }

  /** Read how it stands and show it; where nothing is to be shown the part is not there. */
  async read() {
    try {
      this.#draw(await call(`${this.path}/student-side`));
    } catch (error) {
      console.info("The student's side can't be read.", error.message);
    }
  }

  #draw(side) {
    const { side: t } = texts;
    byId("side").hidden = side.report === "off" && !side.new_look && !side.answered;
    const lines = [
      t.report[side.report],
      side.links ? t.links(side.links) : "",
      side.opened_at ? t.opened(minuteTime(side.opened_at)) : side.links ? t.notOpened : "",
      side.flags ? t.answers(side.answered, side.flags) : "",
      side.nothing_to_add ? t.nothing : "",
      side.why_not_yet ?? "",
    ];
    byId("side-list").replaceChildren(...lines.filter(Boolean).map((text) => make("li", { text })));
    byId("side-link").hidden = side.report === "off" || !this.mayLink;
    byId("side-end").hidden = !side.links || !this.mayLink;
    const asked = side.new_look;
    byId("side-look").hidden = !asked;
    if (!asked) return;
    setText(byId("side-asked"), t.asked(minuteTime(asked.at)));
    setText(byId("side-reason"), asked.reason);
    byId("side-form").hidden = asked.state !== "open";
    byId("side-done").hidden = asked.state === "open";
    setText(byId("side-by"), asked.state === "open" ? "" : t.done(asked.answered_by, minuteTime(asked.answered_at)));
    setText(byId("side-answer"), asked.answer ?? "");
  }

  async #do(element, act) {
    element.setAttribute("aria-busy", "true");
    this.#said("");
    try {
      const said = await act();
      await this.read();
      if (said) this.#said(said);
    } catch (error) {
      this.#said(texts.side.failed(error.message), true);
    }
    element.removeAttribute("aria-busy");
  }

  async #makeLink() {
    const by = reviewer();
    const { url } = await call(`${this.path}/student-report`, { method: "POST", body: { ...(by && { by }) } });
    setText(byId("side-address"), url);
    byId("side-made").hidden = false;
    return texts.side.made;
  }

  async #endLinks() {
    const { ended } = await call(`${this.path}/student-report`, { method: "DELETE" });
    byId("side-made").hidden = true;
    return texts.side.ended(ended);
  }

  async #answer() {
    const text = byId("side-text").value.trim();
    if (!text) {
      byId("side-text").focus();
      throw new Error(texts.side.empty);
    }
    const by = reviewer() || (await askReviewer());
    if (!by) return texts.decide.noName;
    await call(`${this.path}/new-look`, { method: "POST", body: { text, by } });
    return texts.side.sent;
  }

  #said(text, wrong = false) {
    byId("side-said").classList.toggle("field-error", wrong);
    setText(byId("side-said"), text);
  }
}
