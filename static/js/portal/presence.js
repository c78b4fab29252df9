// Says every few seconds how the page is: out of sight or not, with the focus or without, and what its camera is called. A page that falls silent is noticed by that.

const SAY_MS = 10_000;

export class Presence {
  #saidAt = -Infinity;
  #said = "";

  /** `document` is the page's; `camera()` gives the camera's name; `say({hidden, focused, camera})` tells the server; `elsewhere()`: the exam has a window of its own. */
  constructor(document, camera, say, { now = () => performance.now(), elsewhere = () => false } = {}) {
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
    return { hidden: this.document.hidden && !elsewhere, focused: this.document.hasFocus() || elsewhere, camera: this.camera() };
  }
}
