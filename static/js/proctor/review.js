// The review page: a ranked queue, the clip from its violation on, the reasons, one key for each decision.

import { call } from "../shared/api.js";
import { byId, make, setText } from "../shared/dom.js";
import { askReviewer } from "./ask-reviewer.js";
import { ClipBoxes } from "./clip-boxes.js";
import { ClipPlayer } from "./clip-player.js";
import { ClipSpeed } from "./clip-speed.js";
import { flags, socket } from "./desk.js";
import { wireControls } from "./review-controls.js";
import { Decisions } from "./review-decisions.js";
import { ReviewFilters } from "./review-filters.js";
import { QueueList } from "./review-list.js";
import { ReviewQueue, isOpen, opinionOf, opinionOn } from "./review-queue.js";
import { SameStudent } from "./review-same.js";
import { Verdict } from "./review-verdict.js";
import { reviewer } from "./reviewer.js";
import { texts } from "./texts.js";

const PAGE = 50;
const MOST = 960; // intervals in one answer of the queue
const AHEAD = 10; // so many before the end the next page is read
const COUNT_MS = 300;
const STORED_MS = 1500; // a flag is told in the moment it is raised, and in the queue once it is stored

class ReviewPage {
  queue = new ReviewQueue();
  boxes = new ClipBoxes({ stage: byId("stage"), button: byId("boxes") });
  speed = new ClipSpeed(byId("speed"));
  player = new ClipPlayer({
    fps: Number(document.body.dataset.fps) || 10,
    onShow: (item, video) => {
      this.boxes.show(item, video);
      this.speed.show(video);
    },
  });
  filters = new ReviewFilters({ onChange: () => this.restart() });
  list = new QueueList({ onChoose: (video_id) => this.go(video_id) });
  verdict = new Verdict({ onDismiss: (reason) => this.decide("dismissed", reason) });
  same = new SameStudent(this.queue, { drawn: () => this.drawList() });
  decisions = new Decisions(this.queue, { post: (item, body) => this.post(item, body), told: (item, answer) => this.told(item, answer) });
  after = null;
  left = null;
  groups = 0; // decisions made, each on one interval or more
  without = null; // the video id of the interval that may be decided without its clip
  fresh = new Set(); // video ids of flags that were raised and are not in the queue yet
  missed = new Set();
  counted = new Set(); // video ids of decisions that are taken off the number left, before the server has said so

  start() {
    socket.on("interval_flagged", (flag) => this.filters.matches(flag) && setTimeout(() => this.offerFresh([flag.video_id]), STORED_MS));
    socket.on("moment_marked", (mark) => this.filters.matches({ ...mark, violations: [{ kind: "proctor_mark" }] }) && setTimeout(() => this.offerFresh([mark.video_id]), STORED_MS));
    socket.on("clip_ready", ({ video_id, url, clip }) => this.clipReady(video_id, url, clip));
    socket.on("interval_reviewed", ({ video_id, review }) => {
      this.reviewed(video_id, review);
      if (!this.decisions.waiting) this.countSoon();
    });
    socket.on("answer_given", ({ session_id }) => this.queue.items.some((item) => item.session_id === session_id) && this.refresh());
    wireControls(this);
    this.drawWho();
    this.filters.readExams();
    this.restart();
    socket.onConnect(() => this.refresh());
  }

  // Reading the queue

  async restart() {
    this.queue.clear({ onlyOpen: this.filters.onlyOpen });
    this.after = null;
    const wanted = [...this.fresh];
    this.fresh.clear();
    byId("fresh").hidden = true;
    this.list.clear();
    await this.read();
    this.show();
    const missing = this.after === null ? wanted.filter((id) => !this.queue.find(id) && !this.missed.has(id)) : []; // else they may only not be read yet
    for (const id of missing) this.missed.add(id); // once more, and no oftener: somebody may have decided on it
    if (missing.length) setTimeout(() => this.offerFresh(missing), STORED_MS);
  }

  /** One page of the queue under the present filters. */
  ask({ limit = PAGE, after = null } = {}) {
    return call(`/api/review/queue?${this.filters.query({ limit, after })}`);
  }

  async read() {
    if (this.reading) return;
    this.reading = true;
    const isSame = this.filters.watch();
    const asked = this.queue.now;
    try {
      const answer = await this.ask({ after: this.after });
      if (!isSame()) return; // the filters changed meanwhile, and their own call comes
      this.queue.take(answer.items, asked);
      this.after = answer.next_after ?? null;
      this.drawLeft(answer);
      this.broken = null;
    } catch (error) {
      this.broken = texts.review.failed(error.message);
    } finally {
      this.reading = false;
    }
    this.drawProblem();
    this.drawList();
    byId("more").hidden = this.after === null;
    if (!isSame()) this.restart();
  }

  /** Others decide, too: how many are left, once they pause. */
  countSoon() {
    clearTimeout(this.counting);
    this.counting = setTimeout(async () => {
      const isSame = this.filters.watch();
      const answer = await this.ask({ limit: 1 }).catch(() => null); // the next decision brings them, too
      if (answer && !this.decisions.waiting && isSame()) this.drawLeft(answer);
    }, COUNT_MS);
  }

  /** After a cut connection: what was missed of those in the queue, and how many are new. */
  async refresh() {
    const { items } = this.queue;
    if (!items.length || this.reading) return;
    const isSame = this.filters.watch();
    const asked = this.queue.now;
    try {
      const answer = await this.ask({ limit: Math.min(MOST, Math.max(PAGE, items.length)) });
      if (!isSame()) return;
      for (const { video_id, review, clip, url, answer: words } of answer.items.filter(({ video_id }) => this.queue.find(video_id))) {
        this.answered(this.queue.find(video_id), words);
        if (!this.queue.isOlder(this.queue.find(video_id), asked)) this.reviewed(video_id, review);
        if (clip.state !== this.queue.find(video_id).clip?.state) this.clipReady(video_id, url, clip);
      }
      if (this.after === null) this.offerFresh(answer.items.map(({ video_id }) => video_id)); // else they may only not be read yet
      this.drawLeft(answer);
    } catch (error) {
      console.info("The queue can't be read again.", error.message);
    }
  }

  /** The student has answered. */
  answered(item, answer) {
    if (item.answer?.at === answer?.at) return;
    item.answer = answer;
    if (item === this.queue.current) this.verdict.drawAnswer(item);
  }

  clipReady(video_id, url, clip) {
    const item = this.queue.find(video_id);
    if (!item) return;
    item.clip = { ...clip, url };
    this.list.drawStill(item);
    if (item === this.queue.current) {
      this.waitForClip(false);
      this.player.show(item, this.queue.following);
    }
    this.same.draw();
  }

  /** Somebody decided, here or at another desk. */
  reviewed(video_id, review) {
    const item = this.queue.find(video_id);
    if (!item) return;
    const changed = JSON.stringify(item.review) !== JSON.stringify(review);
    item.review = review;
    this.same.draw();
    if (this.decisions.isWaiting(video_id)) return; // what is shown of it is this reviewer's own word
    this.list.drawState(item);
    if (!changed || item !== this.queue.current) return;
    this.verdict.drawDecided(item);
    if (review?.decision && review.by !== reviewer()) this.say(texts.review.decided(review));
  }

  offerFresh(ids) {
    for (const id of ids) if (!this.queue.find(id)) this.fresh.add(id);
    if (this.fresh.size && !this.queue.items.length) this.restart();
    byId("fresh").hidden = this.fresh.size === 0;
    setText(byId("fresh"), texts.review.fresh(this.fresh.size));
  }

  // Showing

  show() {
    const { current, items } = this.queue;
    byId("review").hidden = !current;
    byId("empty").hidden = Boolean(current) || !byId("review-error").hidden;
    this.verdict.stopDismissing();
    this.waitForClip(false);
    this.same.show(current);
    if (!current) {
      const [title, text] = texts.review.none[this.filters.isPlain ? "open" : "other"];
      setText(byId("empty-title"), title);
      setText(byId("empty-text"), text);
      this.player.show(null, null);
      return;
    }
    this.player.show(current, this.queue.following);
    this.player.preload(this.queue.following);
    this.verdict.draw(current, this.decisions.drafts.get(current.video_id));
    this.list.markCurrent(current);
    setText(byId("place"), texts.review.place(this.queue.at + 1, items.length, this.after !== null));
    this.say(texts.review.announce(this.queue.at + 1, items.length, current));
    if (this.after !== null && this.queue.at >= items.length - AHEAD) this.read();
  }

  drawList() {
    this.list.draw(this.queue.items, { grouped: this.filters.values.rank === "student" });
  }

  drawLeft({ left, disputed }) {
    this.left = left;
    setText(byId("left"), texts.review.left(left));
    byId("disputed").hidden = !disputed || this.filters.values.state === "disputed";
    setText(byId("disputed"), texts.review.disputed(disputed ?? 0));
  }

  drawWho() {
    const name = reviewer();
    setText(byId("who"), name ? texts.review.as(name) : texts.review.askName);
  }

  say(text) {
    flags.say(text);
  }

  /** What went wrong stays until it is mended: a decision that was not saved is not forgotten for the next that was. */
  drawProblem() {
    const lines = [this.broken, ...this.decisions.unsaved.values()].filter(Boolean);
    byId("review-error").hidden = lines.length === 0;
    if (byId("review-error").textContent !== lines.join("")) byId("review-error").replaceChildren(...lines.map((text) => make("span", { text })));
  }

  // Moving and deciding

  go(video_id) {
    this.queue.go(video_id);
    this.show();
  }

  move(step) {
    const before = this.queue.current;
    if (this.queue.move(step) !== before) this.show();
  }

  /** A decision on what nobody could look at is a slip of the finger: while the clip is being made the first press only says so. */
  mayDecide() {
    const item = this.queue.current;
    if (item?.clip?.state !== "pending" || this.without === item.video_id) return Boolean(item);
    this.waitForClip(true);
    return false;
  }

  waitForClip(waits) {
    this.without = waits ? this.queue.current.video_id : null;
    byId("decide-wait").hidden = !waits;
    setText(byId("decide-wait"), waits ? texts.review.waitForClip : "");
  }

  async decide(decision, reason = null) {
    const item = this.queue.current;
    if (!this.mayDecide()) return;
    const by = reviewer() || (await askReviewer());
    this.drawWho();
    if (!by) return;
    const note = byId("note").value.trim();
    this.groups += 1;
    for (const one of [item, ...this.same.others]) {
      if (isOpen(one)) {
        this.counted.add(one.video_id);
        this.countLeft(-1);
      }
      this.queue.decide(one, opinionOn(one, { decision, reason, note, by }), this.groups);
      this.decisions.send(one);
      this.list.drawState(one);
    }
    const hadFocus = byId("decide").contains(document.activeElement);
    if (this.queue.advance()) this.show();
    else {
      this.verdict.draw(item);
      this.verdict.stopDismissing();
      this.waitForClip(false);
      this.same.show(item);
      this.say(texts.review.savedThen(texts.review.saved[decision], texts.review.left(this.left ?? 0)));
    }
    if (hadFocus && document.activeElement === document.body) byId("item-title").focus({ preventScroll: true });
  }

  async undo() {
    const by = reviewer();
    const items = this.queue.undoTargets(by);
    if (!items.length || !by) {
      this.say(texts.review.nothingToUndo);
      return;
    }
    for (const item of items) {
      this.queue.undo(item, by);
      this.decisions.send(item);
    }
    this.drawList();
    for (const item of items) this.list.drawState(item);
    this.go(items[0].video_id);
    this.say(texts.review.undone(items[0].user_id, items.length));
  }

  countLeft(change) {
    this.left = Math.max(0, (this.left ?? 0) + change);
    setText(byId("left"), texts.review.left(this.left));
  }

  post({ video_id }, body) {
    return call(`/api/review/${video_id}?${this.filters.countQuery()}`, { method: "POST", body });
  }

  /** The server has answered, or not: where `item` stands is shown, and how many are left. */
  told(item, answer) {
    const isLast = !this.decisions.isWaiting(item.video_id);
    const wasCounted = isLast && this.counted.delete(item.video_id);
    if (!answer && wasCounted && isOpen(item)) this.countLeft(1);
    if (answer && (isLast ? 0 : 1) === this.decisions.waiting) this.drawLeft(answer); // else it counts what is still on its way
    this.drawProblem();
    this.list.drawState(item);
    if (item !== this.queue.current) return;
    this.verdict.drawDecided(item);
    this.verdict.drawAnswer(item);
  }

  /** A note written after the decision goes along with the same decision again. */
  saveNote() {
    const item = this.queue.current;
    const mine = item && opinionOf(item, reviewer());
    const note = byId("note").value.trim();
    if (!mine || note === (mine.note ?? "")) return;
    const { decision, reason, by } = mine;
    item.pending = opinionOn(item, { decision, reason, note, by });
    this.decisions.send(item);
  }
}

new ReviewPage().start();
