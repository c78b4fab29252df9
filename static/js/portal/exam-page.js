// The exam's own page: in a frame, or in a window of its own where it refuses frames. It is asked for only once recording has begun.

import { setText } from "../shared/dom.js";
import { isSeb } from "./seb.js";
import { texts } from "./texts.js";

const BAR_PX = 170; // of the portal's window, left in view above the exam's
const FRAME_PX = 50; // of the exam's window: its title and address
const SETTLE_MS = 5000; // a window that opens has the focus a moment after it was taken from here
const LOAD_MS = 15_000; // a window that seems closed so soon was cut from us by what it shows, and may be open
const BACK_MS = 1500; // who closes a window is back here by then
const OPENED = "portal.window"; // in the tab's storage: the exam's window is open, which a reloaded page has lost hold of

/** Whether the exam may be in view: recording has begun, and a lost link (since `lostAt`, null: there is one) is not older than `minutes` (below 0: for ever). */
export function mayShow({ begun, lostAt, now, minutes }) {
  return begun && (lostAt === null || minutes < 0 || now - lostAt < minutes * 60_000);
}

/** Whether the exam may be in view now; `minutes` as of `mayShow`. */
export class Sight {
  #lostAt = null;
  begun = false;

  constructor(minutes, now) {
    Object.assign(this, { minutes, now });
  }

  begin() {
    this.begun = true;
  }

  /** Is there no connection, as the bar above says it? */
  line(gone) {
    this.#lostAt = gone ? (this.#lostAt ?? this.now()) : null;
  }

  get isClear() {
    return mayShow({ begun: this.begun, lostAt: this.#lostAt, now: this.now(), minutes: this.minutes });
  }
}

/** The exam's window, and what can be known of it: another site's page keeps its focus to itself. */
export class OwnWindow {
  #window = null;
  #openedAt = 0;
  #closedAt = null; // since when it seems closed

  /** `page` is the portal's window. */
  constructor(page, now = () => performance.now()) {
    Object.assign(this, { page, now });
    this.state = page.sessionStorage.getItem(OPENED) ? "unknown" : "none"; // open, closed, or unknown: out of our hold, it may be either
  }

  /** At the student's click. False where the browser allows none. */
  open(url) {
    if (this.state === "open" && this.#isThere) {
      this.#window.focus();
      return true;
    }
    const { availLeft = 0, availTop = 0, availWidth: width, availHeight } = this.page.screen;
    const height = Math.max(400, availHeight - BAR_PX - FRAME_PX);
    const opened = this.page.open("", "", `popup,left=${availLeft},top=${availTop + BAR_PX},width=${width},height=${height}`);
    if (!opened) return false;
    opened.opener = null; // it gets no hold of this page
    opened.location.replace(url);
    this.page.sessionStorage.setItem(OPENED, "yes");
    this.state = "open";
    this.#window = opened;
    this.#openedAt = this.now();
    this.#closedAt = null;
    return true;
  }

  /** At every tick. */
  look() {
    if (this.state !== "open" || this.#isThere) return;
    this.#closedAt ??= this.now();
    if (this.#closedAt - this.#openedAt < LOAD_MS) this.state = "unknown";
    else if (this.page.document.hasFocus()) {
      this.state = "closed";
      this.forget();
    } else if (this.now() - this.#closedAt > BACK_MS) this.state = "unknown";
  }

  /** It is closed, or its exam is over. */
  forget() {
    this.page.sessionStorage.removeItem(OPENED);
  }

  /** Whether the exam's window has the focus, or may have it: what can't be known is no leaving. */
  get mayHaveFocus() {
    this.look();
    if (this.state !== "open") return this.state === "unknown";
    if (this.now() - this.#openedAt < SETTLE_MS) return true;
    try {
      return this.#window.document.hasFocus(); // of our own site
    } catch {
      return true;
    }
  }

  get #isThere() {
    return this.#window !== null && !this.#window.closed;
  }
}

export class ExamPage {
  #loaded = false;
  #drawn = "";
  #window = new OwnWindow(window);

  /** `hear(document)` is called with the frame's document where it is of our own site. */
  constructor(hear, now = () => performance.now()) {
    Object.assign(this, { hear, now });
    this.place = document.getElementById("exam-page"); // there only where the exam has an address
    this.words = document.getElementById("exam-page-text");
    this.frame = document.getElementById("exam-frame");
    this.button = document.getElementById("exam-open");
    if (this.frame && isSeb()) {
      this.button?.remove(); // no windows there, where the frame serves
      this.button = null;
    }
    this.button?.addEventListener("click", () => this.#openWindow());
    this.sight = new Sight(Number(this.place?.dataset.withoutLinkMin), now);
  }

  /** The exam's address, which the session knows. */
  lead({ exam_url: address }) {
    if (this.place && address) this.place.dataset.src = address;
  }

  /** Recording has begun. */
  begin() {
    this.sight.begin();
    this.tick();
  }

  /** Is there no connection? Then nothing is recorded, though a socket may still be called open. */
  line(gone) {
    this.sight.line(gone);
    this.tick();
  }

  /** At every tick. */
  tick() {
    if (!this.place) return;
    this.#window.look();
    const shows = this.sight.isClear;
    const drawn = `${shows} ${this.sight.begun} ${this.#window.state}`;
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    this.#draw(shows);
  }

  /** Whether the exam's own window may have the focus. */
  get mayHaveFocus() {
    return this.#window.mayHaveFocus;
  }

  close() {
    this.frame?.remove();
    this.#window.forget();
    if (this.place) this.place.hidden = true;
  }

  #draw(shows) {
    const { state } = this.#window;
    const isOpen = state === "open" || state === "unknown";
    const framed = this.frame !== null && state === "none" && shows;
    if (framed) this.#load();
    if (this.frame) this.frame.hidden = !framed;
    const { page } = texts.exam;
    let words = page.window[state];
    if (!shows && !isOpen) words = this.sight.begun ? page.covered : page.waits;
    else if (framed) words = this.button ? page.frameEmpty : "";
    setText(this.words, words);
    this.place.hidden = words === "";
    this.place.classList.toggle("is-line", framed);
    if (!this.button) return;
    this.button.hidden = !shows && !isOpen;
    setText(this.button, page.button[state]);
  }

  #load() {
    if (this.#loaded) return;
    this.#loaded = true;
    this.frame.addEventListener("load", () => this.frame.contentDocument && this.hear(this.frame.contentDocument));
    this.frame.src = this.place.dataset.src;
  }

  #openWindow() {
    if (!this.#window.open(this.place.dataset.src)) {
      setText(this.words, texts.exam.page.blocked);
      return;
    }
    this.frame?.remove(); // it is open once
    this.frame = null;
    this.tick();
  }
}
