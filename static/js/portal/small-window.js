// A small window that stays on top while the exam is in another tab or program: what is recorded, and what the proctor wrote.

import { byId, make } from "../shared/dom.js";
import { isSeb } from "./seb.js";
import { texts } from "./texts.js";

const SIZE = { width: 360, height: 260 };

/** What the small window shows, from the exam's page as it stands: lines of text, and the buttons that go with them. */
function standing() {
  const lines = [{ text: `${byId("exam-recording").textContent} · ${byId("exam-connection").textContent}`, strong: true }];
  for (const item of byId("exam-notices").children) lines.push({ text: item.querySelector("span").textContent, attention: true });
  for (const item of byId("exam-messages").children) {
    const [from, words] = item.querySelectorAll("p");
    lines.push({ text: texts.exam.said(from.textContent, words.textContent), button: item.querySelector("button") });
  }
  for (const [block, text] of [["exam-called", "exam-called-text"], ["exam-pause", "exam-pause-text"]]) {
    if (!byId(block).hidden) lines.push({ text: byId(text).textContent });
  }
  return lines;
}

/** Offered by a button, where the exam is elsewhere and the browser has such windows. */
export class SmallWindow {
  #window = null;
  #drawn = "";

  constructor() {
    this.button = document.getElementById("exam-small"); // there only where the exam is elsewhere
    this.api = globalThis.documentPictureInPicture;
    if (!this.button || !this.api || isSeb()) return;
    this.button.hidden = false;
    this.button.addEventListener("click", () => this.#open());
    this.watch = new MutationObserver(() => this.#draw());
  }

  close() {
    this.#window?.close();
    this.#window = null;
    this.watch?.disconnect();
  }

  async #open() {
    try {
      this.#window = await this.api.requestWindow(SIZE);
    } catch (error) {
      console.info("There is no small window.", error.name);
      return;
    }
    const { document: own } = this.#window;
    Object.assign(own.documentElement, { lang: document.documentElement.lang, dir: document.documentElement.dir });
    own.documentElement.dataset.theme = document.documentElement.dataset.theme ?? "";
    own.title = document.title;
    for (const sheet of document.querySelectorAll('link[rel="stylesheet"]')) own.head.append(own.importNode(sheet));
    own.body.className = "small-window";
    this.#drawn = "";
    this.#draw();
    for (const id of ["exam-bar", "step-exam"]) this.watch.observe(byId(id), { childList: true, subtree: true, characterData: true, attributes: true, attributeFilter: ["hidden"] });
    this.#window.addEventListener("pagehide", () => {
      this.#window = null;
      this.watch.disconnect();
    });
  }

  #draw() {
    if (!this.#window) return;
    const lines = standing();
    const key = JSON.stringify(lines.map(({ text, button }) => [text, Boolean(button)]));
    if (key === this.#drawn) return; // a button keeps its focus
    this.#drawn = key;
    const items = lines.map(({ text, strong, attention, button }) =>
      make("li", { "data-attention": attention, class: strong ? "strong" : null }, make("span", { text }), button ? make("button", { type: "button", text: button.textContent, onclick: () => button.click() }) : null),
    );
    const back = make("button", { type: "button", text: texts.exam.toPage, onclick: () => window.focus() });
    this.#window.document.body.replaceChildren(make("ul", { role: "log", "aria-label": document.title }, ...items), back);
  }
}
