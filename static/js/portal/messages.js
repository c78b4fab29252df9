// What proctors write to the student in the exam: shown until the student has read it.

import { byId, make } from "../shared/dom.js";
import { texts } from "./texts.js";

export class Messages {
  #list = byId("exam-messages");

  /** `onRead(id)` when the student says so; `onAsked(message)` when the student wants to answer one that asks for a picture: true once it is answered. */
  constructor(onRead, onAsked) {
    Object.assign(this, { onRead, onAsked });
  }

  /** The server's `message {id, text, from, level}`; it is said again after a break of the connection, and shown once. */
  hear({ id, text, from, level, asks = "" }) {
    if (id && [...this.#list.children].some(({ dataset }) => dataset.id === id)) return;
    const sender = (level === "warning" ? texts.exam.warningFrom : texts.exam.from)(from === "proctor" ? "" : from);
    const read = () => make("button", { type: "button", class: "quiet", text: texts.exam.read, onclick: () => this.#read(item, id) });
    const answer = () => make("button", { type: "button", text: texts.identity.answer, "aria-haspopup": "dialog", onclick: () => this.#answer(item, { id, asks }) });
    const said = texts.identity.asked[asks]?.text ?? text;
    const item = make("li", { class: "message", "data-level": level, "data-id": id }, make("p", { class: "message-from", text: sender }), make("p", { text: said }), asks ? answer() : read());
    this.#list.append(item);
  }

  async #answer(item, message) {
    const wrong = item.querySelector(".field-error") ?? item.appendChild(make("p", { class: "field-error", role: "alert" }));
    wrong.textContent = "";
    try {
      if (await this.onAsked(message)) this.#remove(item);
    } catch (error) {
      if (error.status === 409) this.#remove(item); // nobody asks any more
      else wrong.textContent = texts.identity.notAnswered(error.message);
    }
  }

  #read(item, id) {
    this.#remove(item);
    if (id) this.onRead(id);
  }

  #remove(item) {
    const next = (item.nextElementSibling ?? item.previousElementSibling)?.querySelector("button") ?? byId("exam-title");
    item.remove();
    next.focus();
  }
}
