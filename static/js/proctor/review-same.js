// One decision for every open flag of a student in an exam: the switch above the buttons, and which flags it means.

import { call } from "../shared/api.js";
import { byId, setText } from "../shared/dom.js";
import { texts } from "./texts.js";
import { who } from "./who.js";

const MOST = 200; // flags that one decision takes along

export class SameStudent {
  #item = null;

  /** `queue` is the review's; `drawn()` is called when more of a student's flags have come into it. */
  constructor(queue, { drawn }) {
    Object.assign(this, { queue, drawn });
    this.box = byId("same-all");
    this.box.addEventListener("change", () => this.#changed());
  }

  /** Offer it for `item`, off at first. */
  show(item) {
    this.#item = item;
    this.box.checked = false;
    this.draw();
  }

  toggle() {
    if (byId("same").hidden) return;
    this.box.checked = !this.box.checked;
    this.#changed();
  }

  /** What a decision on the item shown takes along beside it. */
  get others() {
    return this.box.checked ? this.queue.sameStudent(this.#item) : [];
  }

  draw() {
    const count = this.queue.sameStudent(this.#item).length + 1;
    byId("same").hidden = count < 2;
    if (byId("same").hidden) this.box.checked = false;
    setText(byId("same-text"), this.#item ? texts.review.same(count, who(this.#item)) : "");
    setText(byId("same-said"), this.box.checked ? texts.review.sameOn(count) : "");
    for (const id of ["confirm-all", "dismiss-all"]) setText(byId(id), this.box.checked ? texts.review.sameCount(count) : "");
  }

  /** The queue may have been read in part: all of this student's open flags are read before they are counted. */
  async #changed() {
    const item = this.#item;
    this.draw();
    if (!this.box.checked || !item) return;
    const query = new URLSearchParams({ user_id: item.user_id, limit: MOST, ...(item.exam_id && { exam_id: item.exam_id }) });
    const asked = this.queue.now;
    try {
      const { items } = await call(`/api/review/queue?${query}`);
      if (item !== this.#item) return;
      this.queue.take(items.filter(({ exam_id }) => exam_id === item.exam_id), asked);
      this.drawn();
    } catch (error) {
      console.info("The student's other flags can't be read.", error.message); // those in the queue are decided
    }
    this.draw();
  }
}
