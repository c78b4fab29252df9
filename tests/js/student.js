// A student before the exam's page, for tests of what the page tells of them: a window, its clock, and what is heard in it.

import { ActWatch } from "../../static/js/sending/acts.js";

export const FRAME = { tagName: "IFRAME", contentDocument: null };
const FIELD = { tagName: "INPUT", type: "text" };

/** A student before the page: what the page hears, and what it tells. */
export class Student {
  told = [];
  now = 10_000;
  focused = true;
  active = false;

  constructor(t, { browser = { platform: "Windows" } } = {}) {
    t.mock.timers.enable({ apis: ["setInterval"] });
    t.mock.method(performance, "now", () => this.now);
    const body = { tagName: "BODY" };
    this.document = Object.assign(new EventTarget(), { hidden: false, body, activeElement: FIELD, hasFocus: () => this.focused });
    const student = this;
    const userActivation = { get isActive() { return student.active; } };
    this.page = Object.assign(new EventTarget(), { document: this.document, navigator: { userAgentData: browser, userActivation } });
    this.acts = new ActWatch(this.page, ({ kind, detail }) => this.told.push(detail ? `${kind}: ${detail}` : kind));
    this.acts.start();
    t.after(() => this.acts.stop());
    this.wait(10, t);
    this.mock = t.mock;
  }

  hears(type, fields = {}) {
    this.document.dispatchEvent(Object.assign(new Event(type), fields));
    this.wait(50);
    return this;
  }

  key(key, fields = {}) {
    return this.hears("keydown", { key, ctrlKey: false, altKey: false, metaKey: false, shiftKey: false, ...fields });
  }

  /** Tab moves the focus within the page, which happens before anything else does. */
  tabsWithin() {
    this.at("keydown", { key: "Tab", ctrlKey: false, altKey: false, metaKey: false, shiftKey: false });
    return this.hears("focusin");
  }

  /** Hear it without any time passing. */
  at(type, fields) {
    this.document.dispatchEvent(Object.assign(new Event(type, { cancelable: true }), fields));
    return this;
  }

  /** The page's thread stands still: nothing is heard, nothing looked at. */
  standsStill(ms) {
    this.now += ms;
    return this;
  }

  points(clientY) {
    return clientY === null ? this.hears("mouseover") : this.hears("mouseout", { relatedTarget: null, clientY, altKey: false, metaKey: false });
  }

  wait(ms) {
    for (let left = ms; left > 0; left -= 50) {
      this.now += 50;
      this.mock?.timers.tick(50);
      this.acts.look();
    }
    return this;
  }

  loses(activeElement = this.document.activeElement) {
    Object.assign(this, { focused: false });
    Object.assign(this.document, { activeElement });
    return this.wait(50);
  }

  comesBack() {
    this.focused = true;
    return this.wait(50);
  }
}

export const ALT = { altKey: true };
export const CONTROL = { ctrlKey: true };
export const COUNTS = ["window_blur: elsewhere", "window_away"];
export const BROWSERS = ["window_blur: browser"];

/** The focus is in the exam's frame, of another address, where something was last pressed so long ago. */
export function inFrame(t, ago, options) {
  const student = new Student(t, options);
  student.document.activeElement = FRAME;
  student.active = true;
  student.wait(Math.min(ago, 5000));
  student.active = ago < 5000;
  return student.wait(Math.max(0, ago - 5000)).loses();
}
