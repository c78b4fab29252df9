// Calling the proctor from the exam: a raised hand, with a line or without, until somebody answers or the student takes it back.

import { answerOf, byId, oneWish, setText } from "../shared/dom.js";
import { texts } from "./texts.js";

const t = texts.exam.call;

/** What is typed as the one plain line that the server takes: without controls and marks that turn the writing round. */
export function plainLine(text) {
  return text.replace(/[\p{Cc}\p{Cs}\u2028\u2029\u202a-\u202e\u2066-\u2069]+/gu, " ").trim();
}

export class Calls {
  #on = false;

  /** `say(text)` tells the server, null to take the call back; false when it can't be told now. `tell(text)` tells the student what went wrong, null nothing. */
  constructor(say, tell) {
    Object.assign(this, { say, tell });
    this.dialog = byId("call-dialog");
    this.field = byId("call-text");
    oneWish(byId("exam-call")).addEventListener("click", () => this.#ask());
    oneWish(byId("call-back")).addEventListener("click", () => this.#send(null));
  }

  /** The server's `call {call}`: {at, text} while it waits, null when it is over. */
  hear({ call }) {
    if (this.#on && !call && document.activeElement === byId("call-back")) byId("exam-call").focus();
    this.#on = Boolean(call);
    byId("exam-called").hidden = !call;
    setText(byId("exam-called-text"), call ? t.waits(call.text) : "");
    setText(byId("exam-call").querySelector("span"), this.#on ? t.more : t.call);
    this.tell(null);
  }

  /** The call was not taken, as the server says. */
  failed(message) {
    this.tell(t.failed(message));
  }

  close() {
    if (this.dialog.open) this.dialog.close();
    this.hear({ call: null });
  }

  async #ask() {
    if ((await answerOf(this.dialog)) === "call") this.#send(plainLine(this.field.value));
  }

  #send(text) {
    const said = this.say(text);
    this.tell(said ? null : t.later);
    if (said && text !== null) this.field.value = ""; // what could not be sent is kept for the next try
  }
}
