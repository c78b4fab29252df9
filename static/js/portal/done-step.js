// The last page: how an exam ended, or what a rehearsal found, with a receipt.

import { call } from "../shared/api.js";
import { byId, make, setText } from "../shared/dom.js";
import { itemName } from "../shared/names.js";
import { foundOf } from "./checks.js";
import { Receipt, examLines, rehearsalLines } from "./receipt.js";
import { brokeOff, endWords, refusalWords } from "./said.js";
import { isSeb } from "./seb.js";
import { texts } from "./texts.js";

const ANSWER_MS = 8000;
const AGAIN_MS = 1000;
const TRIES = 10;

export class DoneStep {
  receipt = new Receipt();

  /** A rehearsal is over: `check` is its check, `who` {user_id, exam_id}. Its result is stored for the proctors. */
  async rehearsed(check, { user_id, exam_id }, { token, entry, user_agent }) {
    const { results, rows } = check;
    const { kind, causes, open } = foundOf(rows);
    const body = { user_id, ...(exam_id && { exam_id }), results, user_agent };
    let failed = "";
    try {
      if (entry) await call("/api/student/enter/rehearsal", { method: "POST", token: "", body: { ...body, ...entry } });
      else await call("/api/student/rehearsal", { method: "POST", token, body });
    } catch (error) {
      failed = texts.check.rehearsed.notStored((error.status !== 409 && refusalWords(error)) || error.message);
    }
    check.close();
    const [title, text] = texts.check.rehearsed[kind];
    const lines = [
      ...causes.map((item) => texts.check.rehearsed.cause(itemName(item), rows[item].text)),
      ...open.map((item) => texts.check.rehearsed.open(itemName(item), rows[item].text)),
    ];
    this.#say(title, text, [...lines, failed].filter(Boolean));
    const about = { at: Date.now(), result: title, stored: !failed };
    this.receipt.show(texts.receipt.rehearsal, rehearsalLines({ user_id, exam_id }, about), lines);
    byId("done-here").hidden = false;
    setText(byId("done-here"), texts.exam.again);
    byId("done-exam").hidden = !token;
  }

  /** An exam is over in this page: `state` ended, replaced or refused, `end` how it ended; true where it can go on from here. */
  ended(state, end, session, token) {
    const [title, text] = state === "ended" ? endWords(end) : texts.exam.done[state];
    this.#say(title, text);
    byId("done-report").hidden = true;
    byId("done-next").hidden = state !== "ended" || end.code === "unused";
    const goesOn = state === "replaced" || (state === "ended" && brokeOff(end));
    byId("done-here").hidden = !goesOn;
    byId("done-close").hidden = goesOn || isSeb();
    byId("done-leave").hidden = goesOn || !isSeb();
    setText(byId("done-here"), state === "replaced" ? texts.exam.here : texts.exam.goOn);
    this.receipt.show("", []);
    if (state === "ended" && end.code !== "unused" && session) this.#giveReceipt(session, token);
    return goesOn;
  }

  /** By the server's word where it is there, else by what the page knows. */
  async #giveReceipt(session, token) {
    let stored = session;
    for (let tries = 0; !stored.ended_at && tries < TRIES; tries += 1) {
      if (tries) await new Promise((resolve) => setTimeout(resolve, AGAIN_MS)); // its record is being written
      stored = await call("/api/student/session", { token, signal: AbortSignal.timeout(ANSWER_MS) }).catch(() => stored);
    }
    this.#offerReport(stored, token);
    this.receipt.show(texts.receipt.title, examLines(stored), [...byId("done-next").querySelectorAll(".facts p")].map((told) => told.textContent.trim()));
  }

  /** Where the exam shows students their report at once: the button that makes the link and goes there. */
  #offerReport({ report_open: open }, token) {
    byId("done-report").hidden = !open;
    byId("done-report-go").onclick = async () => {
      say("");
      try {
        const { url } = await call("/api/student/report/link", { method: "POST", token });
        location.assign(url);
      } catch (error) {
        say(texts.exam.reportFailed(error.message));
      }
    };
    const say = (text) => {
      setText(byId("done-report-error"), text);
      byId("done-report-error").hidden = !text;
    };
  }

  #say(title, text, lines = []) {
    setText(byId("done-title"), title);
    setText(byId("done-text"), text);
    byId("done-list").replaceChildren(...lines.map((line) => make("li", { text: line })));
  }
}
