// Where the focus went when the page lost it: into the browser's own controls (toolbar, menu, search bar, a dialog of the page), or elsewhere.
// To a page both are the same event. Firefox tells whether its window is the active one; elsewhere what came just before tells, as far as it can be told.

import { pageMs } from "../shared/clock.js";

export const BROWSER = "browser";
export const ELSEWHERE = "elsewhere";
export const UNCLEAR = "unclear";

const KEY_MS = 2000; // from a key to the control that it opens, where the machine is busy
const INPUT_MS = 1000; // from a click, or any other key, to a dialog that the exam opens because of it
const ASIDE_MS = 3000; // from the pointer's way out of the page to a click in another window
const CONSUMED_MS = 1500; // a file dialog uses up the activity that opened it before the focus is gone
const ACTIVE_MS = 5000; // for so long Chromium and Firefox call a page active after a key or click, in frames of other addresses too
const FLICKER_MS = 300; // of a focus that goes twice, for one cause
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
  #last = null; // the newest key or click: {at, key?, controls?, switching?, touch?}
  #out = null; // where the pointer left the page, while it is out of it: {above, at}
  #printing = false;
  #before = null; // the element that had the focus when the page last had it
  #activeAt = -Infinity;

  /** `page` is a window; what it hears ends with `signal`. */
  constructor(page, signal) {
    this.page = page;
    this.mac = /mac/i.test(page.navigator?.userAgentData?.platform ?? page.navigator?.platform ?? "");
    const on = (type, heard) => page.addEventListener(type, heard, { capture: true, signal });
    on("beforeprint", () => (this.#printing = true));
    on("afterprint", () => (this.#printing = false));
    on("blur", ({ target }) => {
      if (target === page && page.document.hasFocus()) this.#last = null; // into a frame, whose keys may not be heard
    });
    const pointer = (type, heard) => page.document.addEventListener(type, heard, { capture: true, passive: true, signal });
    pointer("mouseout", (event) => {
      if (this.#last?.switching && !event.altKey && !event.metaKey) this.#last = null; // the key was let go unheard
      if (!event.relatedTarget) this.#out = { above: event.clientY <= 0, at: pageMs() };
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
      if (key === "Alt" && this.#last?.switching && this.#last.key === key) Object.assign(this.#last, { switching: false, controls: true });
    });
    on("focusin", () => {
      if (this.#last?.key === "Tab") this.#last = null; // it moved within the page
    });
    on("pointerdown", ({ pointerType }) => (this.#last = { at: pageMs(), touch: pointerType === "touch" }));
    on("click", ({ target }) => {
      if (target?.type === "file") this.#last = { at: pageMs(), controls: true };
    });
  }

  /** The page has the focus. */
  held() {
    const { activeElement } = this.page.document;
    this.#before = activeElement ?? null;
  }

  /** The focus has come back after this loss of it. */
  regained({ at }) {
    if (pageMs() - at > FLICKER_MS) this.#last = null;
    this.held();
  }

  /** The page has just lost the focus: `{at, cause, …}`. `settle` may come to know better. */
  lost() {
    const at = pageMs();
    const inactive = this.#inactive();
    const cause = this.#cause(at, inactive);
    return { at, cause: cause ?? UNCLEAR, asked: cause === null, inactive };
  }

  /** What is known of a loss by now. */
  settle(lost) {
    if (lost.inactive === false && this.#inactive()) Object.assign(lost, { inactive: true, cause: ELSEWHERE }); // from the toolbar to another window
    if (!lost.asked) return lost.cause;
    const left = ACTIVE_MS - INPUT_MS - (pageMs() - lost.at);
    if (!this.page.navigator.userActivation.isActive) Object.assign(lost, { asked: false, cause: ELSEWHERE });
    else if (left <= 0) lost.asked = false; // something was pressed in the frame just before: another window, or a shortcut of the browser's
    return lost.cause;
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
    const switching = event.key === "Meta" || event.metaKey || (!this.mac && (event.key === "Alt" || event.altKey));
    const controls = leadsToControls(event, this.mac);
    this.#last = { at: pageMs(), key: event.key, controls, switching: switching && !controls };
  }

  /** Null where a frame keeps to itself what would tell. */
  #cause(at, inactive) {
    const { document } = this.page;
    const since = this.#last ? at - this.#last.at : Infinity;
    if (inactive === false || this.#printing) return BROWSER;
    if (this.#last?.controls && since <= KEY_MS) return BROWSER;
    if (this.#last?.switching) return ELSEWHERE;
    if (inactive === null) {
      if (this.#out?.above) return BROWSER; // or a window above this one: not to be told apart
      // Tab leaves nothing behind that has the focus; a click elsewhere and Alt+Tab leave it where it was.
      if (this.#before && this.#before !== document.body && document.activeElement === document.body) return BROWSER;
    }
    const aside = this.#out && at - this.#out.at <= ASIDE_MS && this.#out.at > (this.#last?.at ?? -Infinity);
    if (aside) return ELSEWHERE;
    if (isForeign(this.#before)) return this.#causeInFrame(at, inactive);
    if (since <= INPUT_MS && !this.#out) return BROWSER;
    return this.#last?.touch ? UNCLEAR : ELSEWHERE;
  }

  #causeInFrame(at, inactive) {
    const active = this.page.navigator?.userActivation;
    if (!active) return UNCLEAR;
    const known = inactive !== null || this.page.navigator.userAgentData; // Firefox or Chromium: for how long a press makes active
    if (active.isActive) return known ? null : UNCLEAR;
    return at - this.#activeAt <= CONSUMED_MS ? UNCLEAR : ELSEWHERE;
  }

  #lookActive() {
    if (this.page.navigator.userActivation.isActive) this.#activeAt = pageMs();
  }
}

/** Whether this is a frame of another address, in which nothing is heard. */
function isForeign(element) {
  return element?.tagName === "IFRAME" && !element.contentDocument;
}
