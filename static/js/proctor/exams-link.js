// The form on the exams page that makes a link for a student.

import { call } from "../shared/api.js";
import { byId, oneWish, setText } from "../shared/dom.js";
import { sayWrong, wrongIds } from "./exams-forms.js";
import { newLink } from "./student-link.js";
import { texts } from "./texts.js";

const t = texts.exams;

export class LinkForm {
  inTheWay = null; // the running session for which no second one is made

  /** `onMade()` is called when a session was made. */
  constructor({ onMade }) {
    this.onMade = onMade;
    byId("link-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#make();
    });
    oneWish(byId("link-make"));
    oneWish(byId("link-again")).addEventListener("click", () => this.#makeAgain());
  }

  async #make() {
    const user = byId("link-user").value.trim();
    const exam = byId("link-exam").value.trim();
    byId("link-made").hidden = true;
    byId("link-again").hidden = true;
    if (wrongIds("link", user, exam)) return;
    try {
      const made = await call("/api/session/create", { method: "POST", body: { user_id: user, source: "browser", ...(exam && { exam_id: exam }) } });
      this.#show(made.portal_url, made.user_id);
      this.onMade();
    } catch (error) {
      const field = { user_id: "link-user", exam_id: "link-exam" }[error.field] ?? null;
      this.inTheWay = { session_id: error.details?.session_id, user };
      byId("link-again").hidden = error.status !== 409;
      sayWrong("link-error", error.status === 409 ? t.already : t.linkFailed(error.message), field);
    }
  }

  /** For a student who lost the page, or goes on at another computer. */
  async #makeAgain() {
    const { session_id, user } = this.inTheWay;
    try {
      const address = await newLink(session_id);
      byId("link-again").hidden = true;
      this.#show(address, user);
      byId("link-made").querySelector("button").focus(); // the one that was pressed is gone
    } catch (error) {
      sayWrong("link-error", t.linkFailed(error.message));
    }
  }

  #show(address, user) {
    byId("link-error").hidden = true;
    byId("link-user").removeAttribute("aria-invalid");
    setText(byId("link-address"), address);
    setText(byId("link-said"), t.link(user));
    byId("link-made").hidden = false;
  }
}
