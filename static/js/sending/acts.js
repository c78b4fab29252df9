// Screen acts: the browser's events about this page that the server is told of, as they come. What counts as one occurrence is the server's to say.

import { pageMs } from "../shared/clock.js";

const HELD_MOST_MS = 30_000; // a question that nobody answers holds nothing back for longer
const FOCUS_RETURNS_MS = 1000; // after the browser's own question the focus needs a moment to come back

/** Whether a copy or cut had anything to take, for the act's detail; never what it was. */
export function selectionDetail(document) {
  const field = document.activeElement;
  if (typeof field?.selectionStart === "number") return field.selectionStart === field.selectionEnd ? "nothing selected" : "";
  return document.getSelection?.()?.isCollapsed === false ? "" : "nothing selected";
}

export class ActWatch {
  #stop = new AbortController();
  #focused = null; // as last told; null: not known since the start
  #hidden = false; // as last told
  #leaving = false;
  #paused = false;
  #asking = 0; // questions of the browser that wait for their answer
  #heldUntil = 0;

  /** `onAct({id, kind, page_ms, detail?})` for each event in `page` (a window). `elsewhere()`: the exam's own window has the focus, or may have it. */
  constructor(page, onAct, { elsewhere = () => false } = {}) {
    Object.assign(this, { page, onAct, elsewhere });
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

  /** Hear copy, cut and paste in `document` too (a frame of the same origin). */
  hear(document) {
    for (const kind of ["copy", "cut", "paste"]) {
      document.addEventListener(kind, () => this.#tell(kind, kind === "paste" ? "" : selectionDetail(document)), {
        capture: true,
        signal: this.#stop.signal,
      });
    }
  }

  /**
   * Compare the focus with what was last told. hasFocus() is true while a frame of ours has it, so moving into the exam
   * is not leaving; leaving from there makes no event here, so the timer calls this as well.
   */
  look() {
    if (this.#hidden !== this.page.document.hidden) this.#lookHidden(); // the exam's window, which covered this one, may be gone
    const focused = this.page.document.hasFocus() || this.elsewhere();
    if (focused === this.#focused || this.#leaving || this.#paused || this.#asking || pageMs() < this.#heldUntil) return;
    const before = this.#focused;
    if (before === null && !focused) return;
    this.#focused = focused;
    if (before !== null) this.#tell(focused ? "window_focus" : "window_blur");
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
    this.#tell(hidden ? "tab_hidden" : "tab_visible", detail);
  }

  #tell(kind, detail = "") {
    if (this.#paused) return;
    const act = { id: crypto.randomUUID(), kind, page_ms: pageMs() };
    this.onAct(detail ? { ...act, detail } : act);
  }
}
