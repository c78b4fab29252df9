// Flags as they are raised: a few lines in the corner that go by themselves (the tile stays marked until somebody looked), and a polite word for
// screen readers.

import { addressOf } from "../shared/base.js";
import { icon, make, setText } from "../shared/dom.js";
import { clockTime } from "./dates.js";
import { texts } from "./texts.js";
import { who } from "./who.js";

const MOST_SHOWN = 3; // more would hide the faces behind them
const SHOWN_MS = 15_000;

export class Flags {
  #older = 0;

  constructor(list, announcer) {
    this.list = list;
    this.announcer = announcer;
    this.rest = make("a", { class: "toast-rest", href: addressOf("/review?rank=newest"), hidden: true });
    list.after(this.rest);
  }

  /** Show and announce one `interval_flagged`; `onSeen()` when it is opened or closed. */
  add(flag, onSeen) {
    const { session_id, exam_id, interval, reasons = [], timestamp } = flag;
    const user_id = who(flag);
    const key = `${session_id}-${interval}`;
    if (this.list.querySelector(`[data-key="${CSS.escape(key)}"]`)) return;
    const toast = make(
      "li",
      { class: "toast", "data-key": key, "data-session": session_id, "data-interval": interval },
      make(
        "div",
        { class: "toast-head" },
        icon("flag"),
        make("a", { href: addressOf(`/session/${session_id}#interval-${interval}`), text: user_id, "aria-label": texts.live.open(user_id), onclick: onSeen }),
        make("span", { class: "muted toast-exam", text: exam_id ?? "" }),
        make("time", { class: "muted", text: clockTime(timestamp) }),
        make("button", { type: "button", class: "quiet toast-close", text: "×", "aria-label": texts.live.dismiss(user_id), onclick: () => this.#close(toast, onSeen) }),
      ),
      make("p", { text: reasons.join(" · ") }),
    );
    this.list.prepend(toast);
    while (this.list.children.length > MOST_SHOWN) {
      this.list.lastElementChild.remove();
      this.#older += 1;
    }
    this.#drawRest();
    this.#expire(toast);
    this.say(texts.live.flagged(user_id, exam_id, reasons));
  }

  /** Its flags were seen, all but those of the intervals in `left`. */
  forget(session_id, left) {
    for (const toast of this.list.querySelectorAll(`[data-session="${CSS.escape(session_id)}"]`)) {
      if (!left.includes(Number(toast.dataset.interval))) toast.remove();
    }
    this.#drawRest();
  }

  /** Say something to screen readers when they have time. */
  say(text) {
    this.announcer.append(make("p", { text }));
    while (this.announcer.children.length > 5) this.announcer.firstElementChild.remove();
  }

  /** Let it go when it was there to be read: not under a pointer or the focus, and not while nobody has the page before them. */
  #expire(toast) {
    setTimeout(() => {
      if (!toast.isConnected) return;
      if (document.hidden || toast.matches(":hover, :focus-within")) {
        this.#expire(toast);
        return;
      }
      toast.remove();
      this.#drawRest();
    }, SHOWN_MS);
  }

  #drawRest() {
    if (!this.list.children.length) this.#older = 0;
    this.rest.hidden = this.#older === 0;
    setText(this.rest, texts.live.moreFlags(this.#older));
  }

  #close(toast, onSeen) {
    const next = toast.nextElementSibling?.querySelector("button") ?? document.getElementById("main");
    toast.remove();
    this.#drawRest();
    onSeen();
    (next.isConnected ? next : document.getElementById("main")).focus();
  }
}
