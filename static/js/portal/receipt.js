// What a student takes away from an exam or a rehearsal: who, which, when and under which number; to print or to copy.

import { spellSeconds } from "../shared/clock.js";
import { byId, make, setText } from "../shared/dom.js";
import { locale } from "../shared/translate.js";
import { texts } from "./texts.js";

const t = texts.receipt;
const WHEN = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "long" });

const when = (time) => {
  const date = time ? new Date(time) : null;
  return date && !Number.isNaN(date.getTime()) ? WHEN.format(date) : "";
};

/** The lines of an exam's receipt as `[name, text]`, from the student's session; what is not known is left out. */
export function examLines({ user_id: user, exam_id: exam, session_id: number, started_at: from, ended_at: to, elapsed_s: lasted }) {
  return known([
    [t.who, user],
    [t.exam, exam],
    [t.from, when(from)],
    [t.to, when(to)],
    [t.lasted, typeof lasted === "number" ? spellSeconds(lasted) : ""],
    [t.number, number],
  ]);
}

/** The lines of a rehearsal's receipt; `stored`: the proctors can see that it was done. */
export function rehearsalLines({ user_id: user, exam_id: exam }, { at, result, stored }) {
  return known([[t.who, user], [t.exam, exam], [t.rehearsed, when(at)], [t.result, result], [t.kept, stored ? t.keptYes : t.keptNo]]);
}

const known = (lines) => lines.filter(([, text]) => text);

/** A receipt as plain text. */
export const plain = (title, lines, more = []) => [title, ...lines.map(([name, text]) => t.line(name, text)), ...more].join("\n");

export class Receipt {
  #text = "";

  constructor() {
    byId("receipt-print").addEventListener("click", () => print());
    byId("receipt-copy").addEventListener("click", () => this.#copy());
  }

  /** Show it; `more` are sentences that go along with the copy. */
  show(title, lines, more = []) {
    this.#text = plain(title, lines, more);
    setText(byId("receipt-title"), title);
    setText(byId("receipt-said"), "");
    byId("receipt-list").replaceChildren(...lines.flatMap(([name, text]) => [make("dt", { text: name }), make("dd", { text })]));
    byId("receipt").hidden = lines.length === 0;
  }

  async #copy() {
    try {
      await navigator.clipboard.writeText(this.#text);
      setText(byId("receipt-said"), t.copied);
    } catch {
      getSelection().selectAllChildren(byId("receipt-list"));
      setText(byId("receipt-said"), t.selected);
    }
  }
}
