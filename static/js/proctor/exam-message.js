// Writes to every student of one exam: the dialog, the button of the live page, and what opens it on the exams page.

import { call } from "../shared/api.js";
import { byId, make, oneWish, setText } from "../shared/dom.js";
import { clearReadyMade, wireReadyMade } from "./ready-made.js";
import { reviewer } from "./reviewer.js";
import { texts } from "./texts.js";

/** The exams in which students take part now, each `[exam_id or null, count]`, by name. */
export function examsOf(sessions) {
  const counts = new Map();
  for (const { exam_id: exam = null, begun = true } of sessions) if (begun) counts.set(exam, (counts.get(exam) ?? 0) + 1);
  return [...counts].sort(([a], [b]) => (a ?? "").localeCompare(b ?? ""));
}

class ExamMessage {
  #busy = false;

  constructor() {
    const dialog = byId("to-exam-dialog");
    wireReadyMade(dialog);
    const [button, filter] = ["to-exam", "filter-exam"].map((id) => document.getElementById(id)); // of the live page
    if (button) oneWish(button).addEventListener("click", () => this.open(filter.value)); // who looks at one exam writes to it
    byId("to-exam-close").addEventListener("click", () => dialog.close());
    byId("to-exam-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.send(event.submitter?.value === "warning" ? "warning" : "message");
    });
    for (const button of byId("to-exam-form").querySelectorAll("button")) oneWish(button);
  }

  /** Let something be written to the students of `exam` (null or empty: those without an ID); another can still be chosen. */
  async open(exam) {
    this.#said("");
    clearReadyMade(byId("to-exam-text"));
    byId("to-exam-dialog").showModal();
    byId("to-exam-text").focus();
    try {
      const { sessions } = await call("/api/sessions/active");
      this.#list(examsOf(sessions), exam ?? "");
    } catch (error) {
      this.#list([], "");
      this.#said(texts.toExam.readFailed(error.message), true);
    }
  }

  #list(exams, chosen) {
    const select = byId("to-exam-which");
    select.replaceChildren(...exams.map(([exam, count]) => make("option", { value: exam ?? "", text: exam === null ? texts.toExam.noExam(count) : texts.toExam.exam(exam, count) })));
    if (exams.some(([exam]) => (exam ?? "") === chosen)) select.value = chosen;
    if (!exams.length) this.#said(texts.toExam.none);
  }

  async send(level) {
    const field = byId("to-exam-text");
    const text = field.value.trim();
    const select = byId("to-exam-which");
    if (!select.options.length) {
      this.#said(texts.toExam.none, true);
      return;
    }
    if (!text) {
      this.#said(texts.toExam.empty, true);
      field.focus();
      return;
    }
    if (this.#busy) return;
    this.#busy = true;
    try {
      const by = reviewer();
      const body = { text, level, ...(select.value && { exam_id: select.value }), ...(by && { by }) };
      const answer = await call("/api/exam/message", { method: "POST", body });
      clearReadyMade(field);
      this.#said(texts.toExam.sent(answer));
    } catch (error) {
      this.#said(texts.toExam.failed(error.message), true);
    }
    this.#busy = false;
  }

  #said(text, wrong = false) {
    byId("to-exam-said").classList.toggle("field-error", wrong);
    setText(byId("to-exam-said"), text);
  }
}

/** The dialog of this page; null where it has none. */
export const examMessage = globalThis.document?.getElementById?.("to-exam-dialog") ? new ExamMessage() : null;
