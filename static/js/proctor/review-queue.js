// The review queue as pure state: what is in it, where the reviewer stands, what a key means. No page, no network.

export const REASONS = ["other_person_harmless", "glasses", "light", "reading_aloud", "device", "other"];
const LEAD_S = 1; // a moment before the violation shows how it began

const KEYS = new Map(
  Object.entries({
    j: "next",
    k: "previous",
    " ": "play",
    ArrowLeft: "back",
    ArrowRight: "forward",
    ",": "frame_back",
    ".": "frame_forward",
    c: "confirm",
    d: "dismiss",
    n: "note",
    u: "undo",
    m: "mute",
    "?": "keys",
  }),
);

const REPEATED = new Set(["ArrowLeft", "ArrowRight", ",", "."]); // seeking goes on while the key is held

/** What a key asks for: an action's name, `reason:<name>` for a digit while a dismissal waits for it, or null. */
export function keyAction({ key, ctrlKey = false, metaKey = false, altKey = false, repeat = false }, { dismissing = false } = {}) {
  if (ctrlKey || metaKey || altKey) return null;
  if (repeat && !REPEATED.has(key)) return null; // a key held too long must not decide on the whole queue
  if (dismissing) {
    if (key === "Escape") return "cancel";
    const reason = /^[1-9]$/.test(key) ? REASONS[Number(key) - 1] : undefined;
    if (reason) return `reason:${reason}`;
  }
  return KEYS.get(key.length === 1 ? key.toLowerCase() : key) ?? null;
}

/** Where a clip starts to play, in seconds: a moment before its first violation. `marks` are `[kind, from, to]`. */
export function startOf(marks) {
  const first = Math.min(...(marks ?? []).map(([, from]) => from));
  return Number.isFinite(first) ? Math.max(0, first - LEAD_S) : 0;
}

/** True while nobody has decided on `item`. */
export function isOpen(item) {
  return !item.review?.decision;
}

/** `by`'s own opinion in a review, or null. */
export function opinionOf(review, by) {
  if (!by || !review?.decision) return null;
  return review.by === by ? review : review.second?.by === by ? review.second : null;
}

/** Where a review stands with one more opinion, as the server reckons it: the first person's newest stands, another's is the second. */
export function withOpinion(review, { decision, reason, note, by, at }) {
  const opinion = { decision, reason, note, by, at };
  const isFirst = !review?.decision || review.by === by;
  const [first, second] = isFirst ? [opinion, review?.second ?? null] : [review, opinion];
  return { ...first, second, state: second && second.decision !== first.decision ? "disputed" : first.decision };
}

/** Where a review stands without `by`'s opinion; null: nobody has decided. */
export function withoutOpinion(review, by) {
  if (review?.by !== by) return { ...review, second: null, state: review.decision };
  return review.second ? { ...review.second, second: null, state: review.second.decision } : null;
}

export class ReviewQueue {
  items = [];
  at = -1;
  #done = []; // items that were decided here, newest last; they outlive the queue they were in
  #onlyOpen = false;

  /** Add a page of items; those that are there already are brought up to date. */
  take(items) {
    for (const item of items) {
      const known = this.items.findIndex(({ video_id }) => video_id === item.video_id);
      if (known < 0) this.items.push(item);
      else this.items[known] = item;
    }
    if (this.at < 0 && this.items.length) this.at = 0;
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

  /** Decide on the item; gives the review from before, for when the server refuses. */
  decide(video_id, review) {
    const item = this.find(video_id);
    if (!item) return null;
    const before = item.review ?? null;
    item.review = review;
    this.#done = [...this.#done.filter((done) => done.video_id !== video_id), item];
    return before;
  }

  /** Take back what was decided on `item`; it is in the queue again, also in one with other filters. Gives the review from before. */
  undo(item, review) {
    const before = item.review ?? null;
    item.review = review;
    this.#done = this.#done.filter(({ video_id }) => video_id !== item.video_id);
    if (!this.find(item.video_id)) this.items.push(item);
    return before;
  }

  /** What `U` takes back: the newest decision made here, else the present item's own where `by` made it. */
  undoTarget(by) {
    const newest = this.#done.filter(({ review }) => opinionOf(review, by)).at(-1);
    if (newest) return this.find(newest.video_id) ?? newest;
    const { current } = this;
    return opinionOf(current?.review, by) ? current : null;
  }

  #next() {
    const done = new Set(this.#done.map(({ video_id }) => video_id));
    const waits = (item) => !done.has(item.video_id) && (!this.#onlyOpen || isOpen(item));
    const after = this.items.findIndex((item, index) => index > this.at && waits(item));
    return after >= 0 ? after : this.items.findIndex((item, index) => index < this.at && waits(item));
  }
}
