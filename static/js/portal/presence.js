// Says every few seconds how the page is: out of sight or not, with the focus or without, and what its camera is called. A page that falls silent is noticed by that.

const SAY_MS = 10_000;

export class Presence {
  #saidAt = -Infinity;
  #said = "";

  /** `document` is the page's; `camera()` gives the camera's name; `say({hidden, focused, camera})` tells the server; `elsewhere()`: is the exam, which is not on this page, before the student? Null where it is on this page. */
  constructor(document, camera, say, { now = () => performance.now(), elsewhere = () => null } = {}) {
    Object.assign(this, { document, camera, say, now, elsewhere });
  }

  /** At every tick. */
  tick() {
    const due = this.now() - this.#saidAt >= SAY_MS;
    if (due || JSON.stringify(this.#page) !== this.#said) this.tell();
  }

  /** Say it now. */
  tell() {
    const page = this.#page;
    this.#saidAt = this.now();
    this.#said = JSON.stringify(page);
    this.say(page);
  }

  get #page() {
    const elsewhere = this.elsewhere();
    const { hidden, focused } = elsewhere === null ? { hidden: this.document.hidden, focused: this.document.hasFocus() } : { hidden: !elsewhere, focused: elsewhere };
    return { hidden, focused, camera: this.camera() };
  }
}
