// Screen acts: the browser's events about this page that the server is told of, as they come. What counts as one occurrence is the server's to say.

import { pageMs } from "./clock.js";

const FOCUS_RETURNS_MS = 1000; // after the browser's own question the focus needs a moment to come back

/** Whether a copy or cut had anything to take, for the act's detail; never what it was. */
export function selectionDetail(document) {
  const field = document.activeElement;
  if (typeof field?.selectionStart === "number") return field.selectionStart === field.selectionEnd ? "nothing selected" : "";
  return document.getSelection?.()?.isCollapsed === false ? "" : "nothing selected";
}

export class ActWatch {
  #stop = new AbortController();
  #focused = null; // null: not known since the start
  #leaving = false;
  #asked = false; // the browser asks whether to leave the page
  #heldUntil = 0;

  /** `onAct({id, kind, page_ms, detail?})` for each event in `page` (a window). */
  constructor(page, onAct) {
    this.page = page;
    this.onAct = onAct;
  }

  start() {
    const { page } = this;
    const { document, screen } = page;
    const on = (target, type, heard) => target.addEventListener(type, heard, { capture: true, signal: this.#stop.signal });
    this.look();
    if (document.hidden) this.#tell("tab_hidden", "at the start");
    on(document, "visibilitychange", () => {
      if (!this.#leaving) this.#tell(document.hidden ? "tab_hidden" : "tab_visible");
    });
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
    const focused = this.page.document.hasFocus();
    if (focused === this.#focused || this.#leaving || this.#asked || pageMs() < this.#heldUntil) return;
    const before = this.#focused;
    if (before === null && !focused) return;
    this.#focused = focused;
    if (before !== null) this.#tell(focused ? "window_focus" : "window_blur");
  }

  /** The browser is about to ask "leave this page?": its own window takes the focus, and gets no blame for it. */
  hold() {
    this.#asked = true;
    setTimeout(() => {
      // runs when the question is answered, since the page stands still meanwhile
      this.#asked = false;
      this.#heldUntil = pageMs() + FOCUS_RETURNS_MS;
    });
  }

  /** Tell of an act that another part noticed (the sharing of the screen stopped). */
  told(kind, detail = "") {
    if (!this.#stop.signal.aborted) this.#tell(kind, detail);
  }

  stop() {
    this.#stop.abort();
  }

  #tell(kind, detail = "") {
    const act = { id: crypto.randomUUID(), kind, page_ms: pageMs() };
    this.onAct(detail ? { ...act, detail } : act);
  }
}
