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

/** True while nobody has decided on `item`, or its two opinions differ. */
export function isOpen(item) {
  return !item.review?.decision || item.review.state === "disputed";
}

export class ReviewQueue {
  items = [];
  at = -1;
  #done = []; // video ids that were decided here, newest last

  /** Add a page of items; those that are there already are brought up to date. */
  take(items) {
    for (const item of items) {
      const known = this.items.findIndex(({ video_id }) => video_id === item.video_id);
      if (known < 0) this.items.push(item);
      else this.items[known] = item;
    }
    if (this.at < 0 && this.items.length) this.at = 0;
  }

  clear() {
    this.items = [];
    this.at = -1;
  }

  get current() {
    return this.items[this.at] ?? null;
  }

  /** The one after the present one: its clip is loaded before it is asked for. */
  get following() {
    return this.items[this.#nextOpen()] ?? this.items[this.at + 1] ?? null;
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

  /** After a decision: on to the next open one; at the end stay. */
  advance() {
    const next = this.#nextOpen();
    if (next >= 0) this.at = next;
    return next >= 0;
  }

  /** Decide on the item; gives the review from before, for when the server refuses. */
  decide(video_id, review) {
    const item = this.find(video_id);
    if (!item) return null;
    const before = item.review ?? null;
    item.review = review;
    this.#done = this.#done.filter((id) => id !== video_id);
    if (review?.decision) this.#done.push(video_id);
    return before;
  }

  /** What `U` takes back: the newest decision made here, else the present item's own where `by` made it. */
  undoTarget(by) {
    const newest = this.#done.at(-1);
    if (newest) return this.find(newest);
    const { current } = this;
    const mine = current?.review?.by === by || current?.review?.second?.by === by;
    return current?.review?.decision && mine ? current : null;
  }

  #nextOpen() {
    const after = this.items.findIndex((item, index) => index > this.at && isOpen(item));
    return after >= 0 ? after : this.items.findIndex((item, index) => index < this.at && isOpen(item));
  }
}
