// Decisions on their way to the server: the reviewer is on the next interval already, and where this one stands is what the server answers.

import { texts } from "./texts.js";

export class Decisions {
  #last = new Map(); // video id → the promise of its last decision, so that they arrive in order
  unsaved = new Map(); // video id → what to say of a decision that the server did not take
  drafts = new Map(); // video id → a note that was begun and is not stored

  /** `post(item, body)` gives the server's answer; `told(item, answer)` is called after each, without an answer where there was none. */
  constructor(queue, { post, told }) {
    Object.assign(this, { queue, post, told });
  }

  /** How many intervals wait for an answer. */
  get waiting() {
    return this.#last.size;
  }

  isWaiting(video_id) {
    return this.#last.has(video_id);
  }

  /** Tell the server what stands in `item.pending`, after what it was told of this interval before. */
  send(item) {
    const { video_id, pending } = item;
    const { decision, by, reason, note, amends, answered_at } = pending;
    const body = { decision, by, ...(reason && { reason }), ...(note && { note }), ...(amends && { amends }), ...(answered_at !== undefined && { answered_at }) };
    if (decision) this.drafts.delete(video_id);
    const earlier = this.#last.get(video_id) ?? Promise.resolve();
    const sent = earlier.then(() => this.#send(item, body, () => this.#last.get(video_id) === sent));
    this.#last.set(video_id, sent);
    return sent;
  }

  /** `isLast()`: nothing newer waits for the same interval. */
  async #send(item, body, isLast) {
    const { video_id } = item;
    let answer = null;
    try {
      answer = await this.post(item, body);
      this.queue.settle(item, answer.review, { isLast: isLast() });
      this.unsaved.delete(video_id);
    } catch (error) {
      if (isLast()) this.queue.restore(item, body.by);
      if (error.details?.reason === "answered") item.answer = error.details.answer ?? null; // to be read before it is decided again
      if (body.note) this.drafts.set(video_id, body.note);
      this.unsaved.set(video_id, texts.review.notSaved(item.user_id, error.message));
    }
    if (isLast()) this.#last.delete(video_id);
    this.told(item, answer);
  }
}
