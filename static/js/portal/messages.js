// What proctors write to the student in the exam: shown until the student has read it.

import { byId, make } from "../shared/dom.js";
import { texts } from "./texts.js";

export class Messages {
  #list = byId("exam-messages");

  /** `onRead(id)` when the student says so. */
  constructor(onRead) {
    this.onRead = onRead;
  }

  /** The server's `message {id, text, from, level}`; it is said again after a break of the connection, and shown once. */
  hear({ id, text, from, level }) {
    if (id && [...this.#list.children].some(({ dataset }) => dataset.id === id)) return;
    const sender = (level === "warning" ? texts.exam.warningFrom : texts.exam.from)(from === "proctor" ? "" : from);
    const read = make("button", { type: "button", class: "quiet", text: texts.exam.read, onclick: () => this.#read(item, id) });
    const item = make("li", { class: "message", "data-level": level, "data-id": id }, make("p", { class: "message-from", text: sender }), make("p", { text }), read);
    this.#list.append(item);
  }

  #read(item, id) {
    const next = (item.nextElementSibling ?? item.previousElementSibling)?.querySelector("button") ?? byId("exam-title");
    item.remove();
    next.focus();
    if (id) this.onRead(id);
  }
}
