// Screen acts: the browser's events about this page that the server is told of, as they come. What counts as one occurrence is the server's to say.

import { pageMs } from "../shared/clock.js";
import { BROWSER, ELSEWHERE, FocusCause } from "./focus-cause.js";

const HELD_MOST_MS = 30_000; // a question that nobody answers holds nothing back for longer
const FOCUS_RETURNS_MS = 1000; // after the browser's own question the focus needs a moment to come back
const DROPPED = "dropped";
const DIALOG = "dialog"; // of a page out of sight: what covers it may be its own dialog, of a file to hand in
const UNPROVEN = "unproven"; // of a return: the focus may have been away for less than it takes

/** Whether a copy or cut had anything to take, for the act's detail; never what it was. */
export function selectionDetail(document) {
  const field = document.activeElement;
  if (typeof field?.selectionStart === "number") return field.selectionStart === field.selectionEnd ? "nothing selected" : "";
  return document.getSelection?.()?.isCollapsed === false ? "" : "nothing selected";
}

export class ActWatch {
  #stop = new AbortController();
  #focused = null; // as last told; null: not known since the start
  #lost = null; // while the focus is away: when it went, and where as far as is known
  #awayTold = false;
  #dragged = null; // what is dragged is the page's own: {field} where it began
  #hidden = false; // as last told
  #leaving = false;
  #paused = false;
  #asking = 0; // questions of the browser that wait for their answer
  #heldUntil = 0;

  /**
   * `onAct({id, kind, page_ms, detail?})` for each event in `page` (a window). Without the focus for `blurLeast` ms, as far as the page could watch,
   * it is told as away.
   * `elsewhere()`: the exam's own window has the focus, or may have it.
   */
  constructor(page, onAct, { blurLeast = 1000, elsewhere = () => false } = {}) {
    Object.assign(this, { page, onAct, blurLeast, elsewhere });
    this.cause = new FocusCause(page, this.#stop.signal);
  }

  start() {
    const { page } = this;
    const { document, screen } = page;
    const on = (target, type, heard) => target.addEventListener(type, heard, { capture: true, signal: this.#stop.signal });
    this.look();
    this.#lookHidden("at the start");
    on(document, "visibilitychange", () => this.#lookHidden());
    // A reload or a closed tab hides the page too; that is a break of the connection, not a look elsewhere.
    on(page, "pagehide", () => {
      this.#leaving = true;
    });
    on(page, "pageshow", () => {
      this.#leaving = false;
    });
    on(page, "blur", ({ target }) => {
      if (target === page) queueMicrotask(() => this.look());
    });
    on(page, "focus", ({ target }) => {
      if (target === page) this.look();
    });
    on(document, "fullscreenchange", () => this.#tell(document.fullscreenElement ? "fullscreen_entered" : "fullscreen_left"));
    if (screen && "isExtended" in screen) {
      if (screen.isExtended) this.#tell("second_display", "at the start");
      on(screen, "change", () => screen.isExtended && this.#tell("second_display"));
    }
    this.hear(document);
  }

  /** Hear copy, cut, paste and text that is dragged in, in `document` too (a frame of the same origin). */
  hear(document) {
    const { signal } = this.#stop;
    const on = (type, heard) => document.addEventListener(type, heard, { capture: true, signal });
    for (const kind of ["copy", "cut", "paste"]) on(kind, () => this.#tell(kind, kind === "paste" ? "" : selectionDetail(document)));
    on("dragstart", (event) => (this.#dragged = { field: fieldOf(event) }));
    for (const over of ["dragend", "pointerdown"]) on(over, () => (this.#dragged = null)); // what was dragged may be gone, and end nothing
    on("drop", (event) => {
      const field = fieldOf(event);
      const moved = field !== null && this.#dragged?.field === field; // within one answer
      if (!moved && isText(event.dataTransfer)) this.#tell("paste", DROPPED);
    });
    this.cause.hear(document, signal);
  }

  /**
   * Compare the focus with what was last told. hasFocus() is true while a frame of ours has it, so moving into the exam
   * is not leaving; leaving from there makes no event here, so the timer calls this as well.
   */
  look() {
    if (this.#hidden !== this.page.document.hidden) this.#lookHidden(); // the exam's window, which covered this one, may be gone
    const focused = this.page.document.hasFocus() || this.elsewhere();
    const lost = this.#lost;
    this.#follow(focused);
    if (this.#leaving || this.#paused || this.#isAsked) return;
    if (focused === this.#focused) {
      this.#lookAway();
      return;
    }
    const before = this.#focused;
    if (before === null && !focused) return;
    this.#focused = focused;
    if (before === null) return;
    if (focused) this.#tellBack(lost);
    else this.#tellLost();
  }

  /** The browser asks the student something, or did so just now. */
  get #isAsked() {
    return this.#asking > 0 || pageMs() < this.#heldUntil;
  }

  /** What went by while the page's thread stood still proves no leaving: the focus may have been back at once. */
  #tellBack(lost) {
    if (!this.#awayTold && lost?.told?.cause === ELSEWHERE && this.cause.watched(lost.told.at) >= this.blurLeast) this.#tellAway();
    this.#tell("window_focus", this.#awayTold ? "" : UNPROVEN);
  }

  #tellLost() {
    this.#awayTold = false;
    this.#tell("window_blur", this.#lost.cause);
    this.#lost.told = { at: pageMs(), cause: this.#lost.cause };
  }

  #follow(focused) {
    if (!focused) this.#lost ??= this.cause.lost(this.#isAsked);
    else if (this.#lost) {
      this.cause.regained(this.#lost);
      this.#lost = null;
    } else this.cause.held();
  }

  /** The focus is still away: tell it once it has been for long enough, and is in no controls of the browser's. */
  #lookAway() {
    if (this.#focused !== false || this.#awayTold || this.#hidden) return;
    const { told } = this.#lost;
    if (!told) return this.#tellLost(); // it was back while nothing was told, and went again
    const elsewhere = this.cause.settle(this.#lost) === ELSEWHERE;
    if (elsewhere && told.cause === BROWSER) this.#tellLost();
    else if (elsewhere && this.cause.watched(told.at) >= this.blurLeast) this.#tellAway();
  }

  #tellAway() {
    this.#awayTold = true;
    this.#tell("window_away");
  }

  /**
   * The browser asks the student something on the page's behalf: its own window takes the focus, and gets no blame for it. `answered` settles
   * with the answer; without it the question is "leave this page?", and the page stands still meanwhile.
   */
  async hold(answered = new Promise((resolve) => setTimeout(resolve))) {
    this.#asking += 1;
    let most;
    await Promise.race([Promise.allSettled([answered]), new Promise((resolve) => (most = setTimeout(resolve, HELD_MOST_MS)))]);
    clearTimeout(most);
    this.#asking -= 1;
    this.#heldUntil = pageMs() + FOCUS_RETURNS_MS;
  }

  /** In a pause nothing is told. Who went away in it and is still away when it ends is told as away then, and who came back as back. */
  pause(on) {
    this.#paused = on;
    this.look();
    this.#lookHidden();
  }

  /** Tell of an act that another part noticed (the sharing of the screen stopped). */
  told(kind, detail = "") {
    if (!this.#stop.signal.aborted) this.#tell(kind, detail);
  }

  stop() {
    this.#stop.abort();
  }

  #lookHidden(detail = "") {
    const hidden = this.page.document.hidden && !this.elsewhere();
    if (hidden === this.#hidden || this.#leaving || this.#paused) return;
    this.#hidden = hidden;
    if (hidden) this.#follow(this.page.document.hasFocus());
    this.#tell(hidden ? "tab_hidden" : "tab_visible", hidden && this.#lost?.dialog ? DIALOG : detail);
  }

  #tell(kind, detail = "") {
    if (this.#paused) return;
    const act = { id: crypto.randomUUID(), kind, page_ms: pageMs() };
    this.onAct(detail ? { ...act, detail } : act);
  }
}

/** The field in which something happened, null where it was in none. */
function fieldOf(event) {
  const [node] = event.composedPath();
  return (node?.closest ? node : node?.parentElement)?.closest?.("input, textarea, [contenteditable]") ?? null;
}

function isText(dataTransfer) {
  return ["text/plain", "text/html"].some((type) => dataTransfer?.types.includes(type));
}
