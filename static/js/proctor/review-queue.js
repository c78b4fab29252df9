// The review queue as pure state: what is in it, and where the reviewer stands. No page, no network.
//
// Where an interval stands is the server's to say: `item.review`. What this reviewer said of it stands beside it as `item.pending` until the
// server has answered, so that the queue goes on at once.

/** What is shown of where `item` stands: the reviewer's own word until the server has answered, then the server's. */
export function shownOf(item) {
  return item.pending ?? item.review ?? null;
}

/** True while nobody has decided on `item`. */
export function isOpen(item) {
  return !shownOf(item)?.decision;
}

/** `by`'s own opinion on `item`, or null. */
export function opinionOf(item, by) {
  const { pending, review } = item ?? {};
  const said = [pending, review, review?.second, review?.third].find((opinion) => by && opinion?.by === by);
  return said?.decision ? said : null;
}

/** What `by` says of `item`, as it is sent: it `amends` what they said before where only the note differs, and names the answer that is shown. */
export function opinionOn(item, { decision, reason, note, by }) {
  const mine = opinionOf(item, by);
  const amends = mine?.decision === decision && (mine.reason || null) === (reason || null);
  return { decision, reason, note, by, ...(amends && { amends }), answered_at: item.answer?.at ?? null };
}

export class ReviewQueue {
  items = [];
  at = -1;
  now = 0; // counts the server's answers to what is decided here: what was asked for before one of them knows nothing of it
  #done = []; // items that were decided here, newest last; they outlive the queue they were in
  #onlyOpen = false;

  /** Add a page of items that was asked for when the queue was at `asked`; those that are there already are brought up to date. */
  take(items, asked = this.now) {
    for (const item of items) {
      const same = ({ video_id }) => video_id === item.video_id;
      const known = this.items.find(same) ?? this.#done.find(same);
      if (!this.items.some(same)) this.items.push(known ?? item);
      if (known) Object.assign(known, item, this.isOlder(known, asked) && { review: known.review }); // what is on its way to the server stays with it
    }
    if (this.at < 0 && this.items.length) this.at = 0;
  }

  /** Does what was asked for at `asked` not know yet where `item` stands since it was decided here? */
  isOlder({ settled = 0 }, asked) {
    return settled > asked;
  }

  /** Begin anew. `onlyOpen`: what is decided meanwhile need not be shown to this reviewer. */
  clear({ onlyOpen = false } = {}) {
    this.items = [];
    this.at = -1;
    this.#onlyOpen = onlyOpen;
  }

  get current() {
    return this.items[this.at] ?? null;
  }

  /** The one after the present one: its clip is loaded before it is asked for. */
  get following() {
    return this.items[this.#next()] ?? this.items[this.at + 1] ?? null;
  }

  find(video_id) {
    return this.items.find((item) => item.video_id === video_id) ?? null;
  }

  go(video_id) {
    const at = this.items.findIndex((item) => item.video_id === video_id);
    if (at >= 0) this.at = at;
    return this.current;
  }

  move(step) {
    this.at = Math.max(0, Math.min(this.items.length - 1, this.at + step));
    return this.current;
  }

  /** After a decision: on to the next that waits for this reviewer; at the end stay. */
  advance() {
    const next = this.#next();
    if (next >= 0) this.at = next;
    return next >= 0;
  }

  /** The other flags of `item`'s student in the same exam that nobody has decided, and whose clip is not still being made. */
  sameStudent(item) {
    if (!item) return [];
    const same = (other) => other !== item && other.user_id === item.user_id && other.exam_id === item.exam_id;
    return this.items.filter((other) => same(other) && isOpen(other) && other.clip?.state !== "pending");
  }

  /** `item` was decided on: it waits for nobody here any more. `group`: what was decided in the same moment has the same. */
  decide(item, opinion, group = null) {
    item.pending = opinion;
    item.group = group;
    this.#done = [...this.#without(item), item];
  }

  /** `by` takes back what was decided on `item`; it is in the queue again, also in one with other filters. */
  undo(item, by) {
    item.pending = { decision: null, by };
    this.#done = this.#without(item);
    if (!this.find(item.video_id)) this.items.push(item);
  }

  /** The server has taken what was said of `item`, and this is where it stands. `isLast`: nothing newer is on its way. */
  settle(item, review, { isLast = true } = {}) {
    item.review = review;
    this.now += 1;
    item.settled = this.now;
    if (isLast) item.pending = null;
  }

  /** The server took nothing: `item` is as it was. */
  restore(item, by) {
    item.pending = null;
    this.#done = opinionOf(item, by) ? [...this.#without(item), item] : this.#without(item);
  }

  /** What `U` takes back: the newest decision made here, else the present item's own where `by` made it. */
  undoTarget(by) {
    const newest = this.#done.filter((item) => opinionOf(item, by)).at(-1);
    if (newest) return this.find(newest.video_id) ?? newest;
    const { current } = this;
    return opinionOf(current, by) ? current : null;
  }

  /** The same with all that was decided in the same moment; empty where there is nothing. */
  undoTargets(by) {
    const newest = this.undoTarget(by);
    if (!newest) return [];
    const together = newest.group === null || newest.group === undefined ? [] : this.#done.filter(({ group }) => group === newest.group);
    return together.length ? together.filter((item) => opinionOf(item, by)).map((item) => this.find(item.video_id) ?? item) : [newest];
  }

  #without({ video_id }) {
    return this.#done.filter((done) => done.video_id !== video_id);
  }

  #next() {
    const done = new Set(this.#done.map(({ video_id }) => video_id));
    const waits = (item) => !done.has(item.video_id) && (!this.#onlyOpen || isOpen(item));
    const after = this.items.findIndex((item, index) => index > this.at && waits(item));
    return after >= 0 ? after : this.items.findIndex((item, index) => index < this.at && waits(item));
  }
}
