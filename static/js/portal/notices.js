// The notices of a running exam: a line each in one live region, said once, gone with their cause.

import { byId, make, setText } from "../shared/dom.js";
import { texts } from "./texts.js";

const SERVER = "server:";
// What the page itself says already, with its cause: by the server's code, the page's own.
const SAID_HERE = {
  camera_nothing: ["camera", "pictures", "offline"],
  mic_nothing: ["microphone", "sound", "offline"],
  mic_silent: ["microphone", "sound"],
  screen_nothing: ["screen", "offline", "slow"],
};
const STALE_MS = 3000; // after a lost line the server's word that nothing comes is of the time before
const INSTEAD = { slow: "offline" }; // of a line that carries nothing nobody says that it is slow

export class Notices {
  #shown = new Map(); // code: {text, action}
  #stale = false; // the line has only just come back
  cut = false; // the line is so slow that no picture and no sound is sent, which is said already
  #list = byId("exam-notices");

  /** Show `text` for `code`, with a button where there is an `action` ({text, does}); without a text the notice goes. */
  set(code, text, action = null) {
    if (text) this.#shown.set(code, { text, action });
    else if (this.#shown.delete(code) && code === "offline") this.#settle();
    this.#draw();
  }

  /** The server's notices of picture and sound, by their codes. They take the place of its earlier ones. */
  quality(codes) {
    for (const code of [...this.#shown.keys()]) if (code.startsWith(SERVER)) this.#shown.delete(code);
    for (const code of codes) {
      const text = texts.exam.quality[code];
      if (text) this.#shown.set(SERVER + code, { text, action: null });
    }
    this.#draw();
  }

  #settle() {
    this.#stale = true;
    setTimeout(() => {
      this.#stale = false;
      this.#draw();
    }, STALE_MS);
  }

  #told() {
    const saidHere = (code) => ((this.cut || this.#stale) && code.endsWith("_nothing")) || SAID_HERE[code]?.some((own) => this.#shown.has(own));
    return new Map([...this.#shown].filter(([code]) => !(code.startsWith(SERVER) ? saidHere(code.slice(SERVER.length)) : this.#shown.has(INSTEAD[code]))));
  }

  #draw() {
    const items = new Map([...this.#list.children].map((item) => [item.dataset.code, item]));
    const told = this.#told();
    for (const [code, item] of items) if (!told.has(code)) leave(item);
    for (const [code, { text, action }] of told) {
      const item = items.get(code) ?? this.#list.appendChild(make("li", { "data-code": code }, make("span")));
      setText(item.querySelector("span"), text);
      const button = item.querySelector("button");
      if (button && !action) leave(button);
      else if (button) setText(button, action.text);
      else if (action) item.append(make("button", { type: "button", text: action.text, onclick: () => this.#shown.get(code)?.action?.does() }));
    }
  }
}

/** Take `element` away; where the focus was in it, it goes to the page's heading, not to nowhere. */
function leave(element) {
  const focused = element.contains(document.activeElement);
  element.remove();
  if (focused) byId("exam-title").focus();
}
