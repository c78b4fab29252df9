// Flags as they are raised: a short list in the corner that stays until it is read, and a polite word for screen readers.

import { clockTime } from "./dates.js";
import { icon, make, setText } from "./dom.js";
import { texts } from "./texts.js";

const MOST_SHOWN = 4;

export class Flags {
  #older = 0;

  constructor(list, announcer) {
    this.list = list;
    this.announcer = announcer;
    this.rest = make("a", { class: "toast-rest", href: "/review?rank=newest", hidden: true });
    list.after(this.rest);
  }

  /** Show and announce one `interval_flagged`; `onSeen()` when it is opened or closed. */
  add({ session_id, user_id, exam_id, interval, reasons = [], timestamp }, onSeen) {
    const key = `${session_id}-${interval}`;
    if (this.list.querySelector(`[data-key="${CSS.escape(key)}"]`)) return;
    const toast = make(
      "li",
      { class: "toast", "data-key": key },
      make("div", { class: "toast-head" }, icon("flag"), make("strong", { text: user_id }), make("span", { class: "muted", text: exam_id ?? "" }), make("time", { class: "muted", text: clockTime(timestamp) })),
      make("p", { text: reasons.join(" · ") }),
      make(
        "div",
        { class: "toast-foot" },
        make("a", { class: "button", href: `/session/${session_id}#interval-${interval}`, text: texts.live.open, "aria-label": `${texts.live.open} ${user_id}`, onclick: onSeen }),
        make("button", { type: "button", class: "quiet", text: texts.live.dismiss, "aria-label": `${texts.live.dismiss}: ${user_id}`, onclick: () => this.#close(toast, onSeen) }),
      ),
    );
    this.list.prepend(toast);
    while (this.list.children.length > MOST_SHOWN) {
      this.list.lastElementChild.remove();
      this.#older += 1;
    }
    this.rest.hidden = this.#older === 0;
    setText(this.rest, texts.live.moreFlags(this.#older));
    this.say(texts.live.flagged(user_id, exam_id, reasons));
  }

  /** Say something to screen readers when they have time. */
  say(text) {
    this.announcer.append(make("p", { text }));
    while (this.announcer.children.length > 5) this.announcer.firstElementChild.remove();
  }

  #close(toast, onSeen) {
    const next = toast.nextElementSibling?.querySelector("button") ?? document.getElementById("main");
    toast.remove();
    onSeen();
    next.focus();
  }
}
