// Where the focus went when the page lost it: into the browser's own controls (toolbar, menu, search bar, a dialog of the page), or elsewhere.
// To a page both are the same event. Firefox tells whether its window is the active one; elsewhere what came just before tells, as far as it can be told.

//
// Computers are slow at times, and then a control opens long after its key, while what was pressed since is still on its way here. So times are those
// the page has watched, signs are weighed by their order, a loss is dated to when the focus was last seen here, and what can't be told is unclear.

import { pageMs } from "../shared/clock.js";
import { WatchedTime } from "./watched-time.js";

export const BROWSER = "browser";
export const ELSEWHERE = "elsewhere";
export const UNCLEAR = "unclear";

// All but ACTIVE_MS in watched time
const WAY_MS = 3000; // from a key to the control that it opens
const WALK_MS = 2000; // from a Tab to the next of many, which may be heard by nobody
const INPUT_MS = 1000; // from a click, or any other key, to a dialog that the exam opens because of it
const OPENING_MS = 3000; // … where the browser is slow to open it, as of a page to be printed: the page knows nothing of how slow
const ASIDE_MS = 3000; // from the pointer's way out of the page to a click in another window
const CONSUMED_MS = 1500; // a file dialog uses up the activity that opened it before the focus is gone
const AT_ONCE_MS = 500; // or just after, as it is told apart from the focus
const ACTIVE_MS = 5000; // for so long Chromium and Firefox call a page active after a key or click, in frames of other addresses too
const FLICKER_MS = 1000; // of a focus that goes twice, for one cause
const MISSED_MS = 250; // a page that watched all but so much of a time was not slow in it
const LOOK_MS = 25; // shorter than anybody holds a button down

const ALONE = new Set(["F3", "F6", "F10", "ContextMenu"]);
const WITH_CONTROL = new Set("defgklops".split(""));
const WITH_ALT = new Set("def".split(""));
const WITH_ALT_SHIFT = new Set("abit".split(""));

/** Whether this key, as a keydown tells of it, leads from the page to the browser's own controls. */
export function leadsToControls({ key, ctrlKey, altKey, metaKey, shiftKey }, mac) {
  const letter = key.toLowerCase();
  const command = mac ? metaKey : ctrlKey;
  if (mac ? ctrlKey && altKey : altKey && !ctrlKey && !metaKey) return mac || (shiftKey ? WITH_ALT_SHIFT : WITH_ALT).has(letter);
  if (altKey || (!mac && metaKey)) return false;
  if (command) return key === "F6" || WITH_CONTROL.has(letter);
  return key === "Tab" ? !ctrlKey : ALONE.has(key);
}

export class FocusCause {
  #time = new WatchedTime();
  #order = 0; // of what is heard, and of when the page had the focus
  #press = null; // the newest key or click: {at, order, switching?, pointer?, touch?}
  #way = null; // the newest sign that the focus is on its way to the browser's controls: {at, order, event?}
  #tab = null; // the newest Tab: {at, order, event, before, open}; while `open` the focus may yet move within the page
  #out = null; // where the pointer left the page, while it is out of it: {at, order, above}
  #entered = null; // the newest way into a frame: {at, order}
  #printing = false;
  #held = { at: pageMs(), order: 0, element: null }; // when the page last had the focus, and what in it
  #back = null; // the newest return of the focus: {at, order, cause} of its loss
  #active = { now: false, from: -Infinity, at: -Infinity }; // of the browser's judgement of whether somebody is at work here

  /** `page` is a window; what it hears ends with `signal`. */
  constructor(page, signal) {
    this.page = page;
    this.mac = /mac/i.test(page.navigator?.userAgentData?.platform ?? page.navigator?.platform ?? "");
    this.#time.look();
    const on = (type, heard) => page.addEventListener(type, heard, { capture: true, signal });
    on("beforeprint", () => (this.#printing = true));
    on("afterprint", () => (this.#printing = false));
    on("blur", ({ target }) => {
      if (target === page && page.document.hasFocus()) this.#enteredFrame();
    });
    const pointer = (type, heard) => page.document.addEventListener(type, heard, { capture: true, passive: true, signal });
    pointer("mouseout", (event) => {
      if (this.#press?.switching && !event.altKey && !event.metaKey) this.#press = null; // the key was let go unheard
      if (!event.relatedTarget) this.#out = { ...this.#mark(), above: event.clientY <= 0 };
    });
    pointer("mouseover", () => (this.#out = null));
    if (page.navigator?.userActivation) {
      const timer = setInterval(() => this.#lookActive(), LOOK_MS);
      signal.addEventListener("abort", () => clearInterval(timer), { once: true });
    }
  }

  /** Hear keys and clicks in `document` (the page's, or a frame's of the same origin). */
  hear(document, signal) {
    const on = (type, heard) => document.addEventListener(type, heard, { capture: true, passive: true, signal });
    on("keydown", (event) => this.#key(event));
    on("keyup", ({ key }) => {
      if (this.#tab) this.#tab.open = false;
      if (key !== "Alt" || !this.#press?.switching || this.#press.key !== key) return;
      this.#press.switching = false; // let go by itself, it opens the menu
      this.#way = this.#mark();
    });
    on("focusin", () => this.#tab?.open && this.#stayed());
    on("pointerdown", ({ pointerType }) => (this.#press = { ...this.#mark(), pointer: true, touch: pointerType === "touch" }));
    on("click", ({ target }) => {
      if (target?.type === "file") this.#way = { ...this.#mark(), dialog: true };
    });
  }

  /** The page has the focus. */
  held() {
    if (this.#isLetGo) this.#way = this.#mark();
    this.#hold();
  }

  /** The focus has come back after this loss of it. */
  regained({ at, cause }) {
    if (this.watched(at) > FLICKER_MS) {
      if (this.#press?.switching) this.#press = null;
      this.#way = null;
    }
    this.#hold();
    this.#back = { ...this.#mark(), cause };
  }

  /** How many ms since `at` (page time) the page has watched. */
  watched(at) {
    this.#time.look();
    return this.#time.between(at);
  }

  /**
   * The page has just lost the focus: `{at, cause, dialog, …}`; `dialog`: perhaps to a dialog of its own that chooses files, and covers it at times.
   * `questioned`: while the browser asks something. `settle` may come to know better of the cause.
   */
  lost(questioned = false) {
    this.#lookActive();
    if (this.#tab) this.#tab.open = false;
    const at = pageMs();
    const inactive = this.#inactive();
    const cause = this.#cause(inactive, questioned);
    const dialog = cause !== ELSEWHERE && (this.#wayNow?.dialog ?? this.#mayBeFileDialog);
    const soon = !dialog && this.#active.now && this.#isInFrame; // what uses it up may be told a moment later
    return { at, from: this.#held.at, cause: cause ?? UNCLEAR, asked: cause === null, inactive, dialog, soon };
  }

  /** Whether a dialog of the page's own, that chooses files, may have covered it; null while that may yet be seen. `over`: no longer covered. */
  mayBeDialog(lost, over = false) {
    this.#lookActive();
    if (!lost?.soon) return Boolean(lost?.dialog);
    if (!this.#active.now) return this.#wasUsedUp;
    if (this.watched(lost.at) >= AT_ONCE_MS) return false;
    return over ? this.#time.missed(lost.at) > MISSED_MS : null;
  }

  /** What is known of a loss by now. */
  settle(lost) {
    if (lost.inactive === false && this.#inactive()) Object.assign(lost, { inactive: true, cause: ELSEWHERE }); // from the toolbar to another window
    if (!lost.asked) return lost.cause;
    this.#lookActive();
    const pressed = pageMs() - ACTIVE_MS; // at the latest, if it fades now
    const longAgo = pressed < lost.from && this.#time.between(pressed, lost.from) > OPENING_MS;
    if (this.#active.now) lost.asked = pressed < lost.from - INPUT_MS; // else a press just before it: to another window, or a shortcut of the browser's
    else Object.assign(lost, { asked: false, cause: longAgo && this.#fadedByItself(lost) ? ELSEWHERE : UNCLEAR });
    return lost.cause;
  }

  #mark() {
    return { at: pageMs(), order: ++this.#order };
  }

  #hold() {
    this.#held = { ...this.#mark(), element: this.page.document.activeElement ?? null };
  }

  /**
   * Nothing in the page has the focus that something had, and nobody pressed anything here: Tab led out of a frame, and the browser takes the focus,
   * now or in a moment. A click elsewhere and Alt+Tab leave it where it was.
   */
  get #isLetGo() {
    const { element, order } = this.#held;
    const { activeElement, body } = this.page.document;
    return element !== null && element !== body && activeElement === body && !(this.#press?.order > order);
  }

  /** Into a frame, whose keys may not be heard. */
  #enteredFrame() {
    this.#entered = this.#mark();
    this.#press = null;
    if (this.#tab && this.#way === this.#tab) this.#stayed();
  }

  /** A Tab has led to somewhere in the page. */
  #stayed() {
    this.#tab.open = false;
    if (this.#way === this.#tab) this.#way = this.#tab.before;
  }

  /** Whether the browser's window is another than the active one; null where the browser doesn't tell. */
  #inactive() {
    try {
      return this.page.document.documentElement.matches(":-moz-window-inactive");
    } catch {
      return null;
    }
  }

  #key(event) {
    if (!event.key) return; // a browser fills in a form
    const mark = this.#mark();
    const controls = leadsToControls(event, this.mac);
    const switching = event.key === "Meta" || event.metaKey || (!this.mac && (event.key === "Alt" || event.altKey));
    this.#press = { ...mark, key: event.key, switching: switching && !controls };
    if (this.#tab) this.#tab.open = false;
    if (!controls) return;
    const before = this.#wayNow; // what it takes the place of, unless it stays within the page
    this.#way = { ...mark, event, before: before && { ...before, before: null } };
    if (event.key === "Tab") this.#tab = Object.assign(this.#way, { open: true });
  }

  get #wayNow() {
    return this.#isFresh(this.#way, WAY_MS) && !this.#way.event?.defaultPrevented ? this.#way : null;
  }

  /** Whether no more than `ms` were watched from this sign to when the focus was last seen here. */
  #isFresh(sign, ms) {
    return sign !== null && this.#time.between(sign.at, this.#held.at) <= ms;
  }

  /** Null where a frame keeps to itself what would tell. */
  #cause(inactive, questioned) {
    if (inactive === false || this.#printing) return BROWSER;
    if (inactive === null && this.#isLetGo) return BROWSER;
    const switching = this.#press?.switching ? this.#press : null;
    const isAbove = inactive === null && this.#out?.above === true;
    const aside = !isAbove && this.#isFresh(this.#out, ASIDE_MS) && this.#out.order > (this.#press?.order ?? 0) ? this.#out : null;
    const away = switching ?? aside;
    const way = this.#wayNow;
    if (way) {
      if (!away || away.order < way.order) return BROWSER;
      return this.#time.between(way.at, away.at) <= INPUT_MS ? UNCLEAR : ELSEWHERE; // else that key opened nothing
    }
    if (switching) return ELSEWHERE;
    if (questioned) return BROWSER;
    if (isAbove) return BROWSER; // or a window above this one: not to be told apart
    const walking = this.#tab && !this.#tab.event.defaultPrevented && this.#isFresh(this.#tab, WALK_MS);
    if (walking && !(aside?.order > this.#tab.order)) return UNCLEAR;
    const again = this.#back && this.#back.cause !== ELSEWHERE && this.#isFresh(this.#back, FLICKER_MS);
    if (again && !(aside?.order > this.#back.order)) return this.#back.cause;
    return aside ? this.#causeAside() : this.#causeUnseen(inactive);
  }

  /** The pointer has left the page for what is beside. */
  #causeAside() {
    if (this.#isInFrame && this.#isConsumed) return UNCLEAR;
    // What a click opens comes before the pointer is out; from a slow computer it may not.
    const mayBeDialog = this.#isFresh(this.#press, INPUT_MS) && this.#time.missed(this.#press.at) > MISSED_MS;
    return mayBeDialog ? UNCLEAR : ELSEWHERE;
  }

  /** Nothing that was seen says where it went. */
  #causeUnseen(inactive) {
    if (this.#isInFrame) return this.#causeInFrame(inactive);
    if (this.#isFresh(this.#press, INPUT_MS)) return this.#out ? UNCLEAR : BROWSER;
    return this.#press?.touch || this.#isFresh(this.#press, OPENING_MS) ? UNCLEAR : ELSEWHERE;
  }

  #causeInFrame(inactive) {
    const { navigator } = this.page;
    if (!navigator?.userActivation) return UNCLEAR;
    const known = inactive !== null || navigator.userAgentData; // Firefox or Chromium: for how long a press makes active
    if (this.#active.now) return known ? null : UNCLEAR;
    const unwatched = this.#time.missed(this.#held.at - CONSUMED_MS) > MISSED_MS;
    return unwatched || this.#isFresh(this.#active, CONSUMED_MS) ? UNCLEAR : ELSEWHERE;
  }

  /** Whether somebody was at work here until just now, and something used that up. */
  get #isConsumed() {
    const { now, from, at } = this.#active;
    return !now && at - from < ACTIVE_MS - INPUT_MS && this.#isFresh(this.#active, CONSUMED_MS);
  }

  /** In a frame of another address; a slow page may not have seen the click into it before. */
  get #isInFrame() {
    return isForeign(this.#held.element) || isForeign(this.page.document.activeElement);
  }

  /** Into that frame: what was clicked there may be what covers the page. */
  get #hasJustEntered() {
    return !isForeign(this.#held.element) || this.#isFresh(this.#entered, INPUT_MS);
  }

  /** In a frame that keeps to itself what was clicked. A slow page may not have seen that somebody was at work. */
  get #mayBeFileDialog() {
    if (!this.#isInFrame) return false;
    if (this.#active.now) return this.#active.from >= this.#held.at - INPUT_MS || this.#hasJustEntered; // it was pressed just before
    if (this.#isFresh(this.#active, CONSUMED_MS) && this.#wasUsedUp) return true;
    return this.#time.missed(this.#held.at - CONSUMED_MS) > MISSED_MS;
  }

  /** The activity that is over: was it, perhaps, used up before its time? */
  get #wasUsedUp() {
    const { from, at } = this.#active;
    return at - from < ACTIVE_MS - INPUT_MS || !this.#out;
  }

  /** The activity of before this loss is over: because its time was, or has a dialog used it up? */
  #fadedByItself(lost) {
    const { from, at } = this.#active;
    const lasted = at - from;
    if (lasted < ACTIVE_MS - INPUT_MS) return false;
    return lasted < ACTIVE_MS + AT_ONCE_MS || this.#time.between(lost.at, at) > AT_ONCE_MS;
  }

  #lookActive() {
    this.#time.look();
    const now = this.page.navigator?.userActivation?.isActive ?? false;
    const at = pageMs();
    if (now) this.#active = { now, from: this.#active.now ? this.#active.from : at, at };
    else this.#active.now = false;
  }
}

/** Whether this is a frame of another address, in which nothing is heard. */
function isForeign(element) {
  return element?.tagName === "IFRAME" && !element.contentDocument;
}
