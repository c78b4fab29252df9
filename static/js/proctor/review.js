// The review page: a ranked queue, the clip from its violation on, the reasons, one key for each decision.

import { call } from "../shared/api.js";
import { byId, icon, make, oneWish, setText } from "../shared/dom.js";
import { remember, remembered } from "../shared/storage.js";
import { askReviewer } from "./ask-reviewer.js";
import { ClipPlayer } from "./clip-player.js";
import { clockTime, fullTime } from "./dates.js";
import { flags, socket } from "./desk.js";
import { evidenceWords } from "./evidence.js";
import { REASONS, ReviewQueue, isOpen, keyAction, opinionOf, withOpinion, withoutOpinion } from "./review-queue.js";
import { reviewer } from "./reviewer.js";
import { texts } from "./texts.js";

const PAGE = 50;
const MOST = 960; // intervals in one answer of the queue
const AHEAD = 10; // so many before the end the next page is read
const KEYS_OFF = "review.keys";
const TYPING_MS = 400;
const COUNT_MS = 300;
const STORED_MS = 1500; // a flag is told in the moment it is raised, and in the queue once it is stored

class ReviewPage {
  queue = new ReviewQueue();
  player = new ClipPlayer({ fps: Number(document.body.dataset.fps) || 10 });
  filters = { state: "open", exam_id: "", search: "", kind: "", rank: "score" };
  after = null;
  left = null;
  fresh = new Set(); // video ids of flags that were raised and are not in the queue yet
  missed = new Set();
  dismissing = false;
  saving = new Map(); // video id → the promise of its last decision, so that they arrive in order
  unsaved = new Map(); // video id → what to say of a decision that the server did not take
  drafts = new Map(); // video id → a note that was begun and is not stored

  start() {
    socket.on("interval_flagged", (flag) => this.matches(flag) && setTimeout(() => this.offerFresh([flag.video_id]), STORED_MS));
    socket.on("clip_ready", ({ video_id, url, clip }) => this.clipReady(video_id, url, clip));
    socket.on("interval_reviewed", ({ video_id, review }) => {
      this.reviewed(video_id, review);
      if (!this.saving.size) this.countSoon();
    });
    for (const option of document.querySelectorAll("option[data-kind]")) option.textContent = texts.kinds[option.dataset.kind];
    for (const option of document.querySelectorAll("option[data-state]")) option.textContent = texts.review.states[option.dataset.state];
    this.wireFilters();
    this.wireButtons();
    document.addEventListener("keydown", (event) => this.key(event));
    this.drawWho();
    this.readExams();
    this.restart();
    socket.onConnect(() => this.refresh());
  }

  // Reading the queue

  async restart() {
    this.queue.clear({ onlyOpen: this.filters.state === "open" });
    this.after = null;
    const wanted = [...this.fresh];
    this.fresh.clear();
    byId("fresh").hidden = true;
    byId("queue").replaceChildren();
    await this.read();
    this.show();
    const missing = this.after === null ? wanted.filter((id) => !this.queue.find(id) && !this.missed.has(id)) : []; // else they may only not be read yet
    for (const id of missing) this.missed.add(id); // once more, and no oftener: somebody may have decided on it
    if (missing.length) setTimeout(() => this.offerFresh(missing), STORED_MS);
  }

  /** One page of the queue under the present filters. */
  ask({ limit = PAGE, after = null } = {}) {
    const given = Object.entries({ ...this.filters, limit, after }).filter(([, value]) => value !== "" && value !== null);
    return call(`/api/review/queue?${new URLSearchParams(given)}`);
  }

  async read() {
    if (this.reading) return;
    this.reading = true;
    const asked = JSON.stringify(this.filters);
    try {
      const answer = await this.ask({ after: this.after });
      if (asked !== JSON.stringify(this.filters)) return; // the filters changed meanwhile, and their own call comes
      this.queue.take(answer.items);
      this.after = answer.next_after ?? null;
      this.drawLeft(answer);
      this.broken = null;
    } catch (error) {
      this.broken = texts.review.failed(error.message);
    } finally {
      this.reading = false;
    }
    this.drawProblem();
    this.drawQueue();
    if (asked !== JSON.stringify(this.filters)) this.restart();
  }

  /** Others decide, too: how many are left, once they pause. */
  countSoon() {
    clearTimeout(this.counting);
    this.counting = setTimeout(async () => {
      const asked = JSON.stringify(this.filters);
      const answer = await this.ask({ limit: 1 }).catch(() => null); // the next decision brings them, too
      if (answer && !this.saving.size && asked === JSON.stringify(this.filters)) this.drawLeft(answer);
    }, COUNT_MS);
  }

  /** After a cut connection: what was missed of those in the queue, and how many are new. */
  async refresh() {
    const { items } = this.queue;
    if (!items.length || this.reading) return;
    const asked = JSON.stringify(this.filters);
    try {
      const answer = await this.ask({ limit: Math.min(MOST, Math.max(PAGE, items.length)) });
      if (asked !== JSON.stringify(this.filters)) return;
      for (const { video_id, review, clip, url } of answer.items.filter(({ video_id }) => this.queue.find(video_id))) {
        this.reviewed(video_id, review);
        if (clip.state !== this.queue.find(video_id).clip?.state) this.clipReady(video_id, url, clip);
      }
      if (this.after === null) this.offerFresh(answer.items.map(({ video_id }) => video_id)); // else they may only not be read yet
      this.drawLeft(answer);
    } catch (error) {
      console.info("The queue can't be read again.", error.message);
    }
  }

  /** Does a flag belong under the present filters? */
  matches({ exam_id, user_id, violations = [] }) {
    const { state, exam_id: exam, search, kind } = this.filters;
    return (
      ["open", "all"].includes(state) &&
      (!exam || exam === exam_id) &&
      user_id.toLowerCase().includes(search.toLowerCase()) &&
      (!kind || violations.some((violation) => violation.kind === kind))
    );
  }

  async readExams() {
    try {
      const { exams } = await call("/api/exams");
      const select = byId("filter-exam");
      for (const { exam_id } of exams.filter(({ exam_id }) => exam_id)) select.append(make("option", { value: exam_id, text: exam_id }));
      select.value = this.filters.exam_id;
    } catch (error) {
      console.info("The exams can't be listed.", error.message);
    }
  }

  clipReady(video_id, url, clip) {
    const item = this.queue.find(video_id);
    if (!item) return;
    item.clip = { ...clip, url };
    this.drawStill(item);
    if (item === this.queue.current) this.player.show(item, this.queue.following);
  }

  /** Somebody decided, here or at another desk. */
  reviewed(video_id, review) {
    const item = this.queue.find(video_id);
    if (!item || this.saving.has(video_id)) return;
    const changed = JSON.stringify(item.review) !== JSON.stringify(review);
    item.review = review;
    this.fillState(this.rowOf(item), item);
    if (!changed || item !== this.queue.current) return;
    this.drawDecided(item);
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
    this.stopDismissing();
    if (!current) {
      const { state, exam_id: exam, search, kind } = this.filters;
      const [title, text] = texts.review.none[state === "open" && !exam && !search && !kind ? "open" : "other"];
      setText(byId("empty-title"), title);
      setText(byId("empty-text"), text);
      this.player.show(null, null);
      return;
    }
    this.player.show(current, this.queue.following);
    this.player.preload(this.queue.following);
    this.drawItem(current);
    this.markCurrent();
    setText(byId("place"), texts.review.place(this.queue.at + 1, items.length, this.after !== null));
    this.say(texts.review.announce(this.queue.at + 1, items.length, current));
    if (this.after !== null && this.queue.at >= items.length - AHEAD) this.read();
  }

  drawItem(item) {
    setText(byId("item-title"), item.user_id);
    setText(byId("item-when"), [item.exam_id, fullTime(item.started_at), texts.review.interval(item.index + 1, item.start, item.end)].filter(Boolean).join(" · "));
    byId("item-score").replaceChildren(icon("flag"), make("strong", { text: texts.review.points(item.score) }));
    const violations = [...item.violations].sort((a, b) => b.points - a.points);
    byId("item-reasons").replaceChildren(
      ...violations.map((violation) => {
        const numbers = evidenceWords(violation);
        return make("li", {}, make("span", { text: violation.text }), numbers.length ? make("span", { class: "numbers", text: numbers.join(" · ") }) : null);
      }),
    );
    byId("item-session").href = `/session/${item.session_id}#interval-${item.index}`;
    byId("note").value = this.drafts.get(item.video_id) ?? opinionOf(item.review, reviewer())?.note ?? "";
    byId("history").open = false;
    byId("history").hidden = !item.review?.by;
    this.drawDecided(item);
  }

  drawDecided(item) {
    const place = byId("item-decided");
    const { review } = item;
    place.hidden = !review?.decision;
    if (!review?.decision) return;
    const lines = [`${texts.review.decided(review)}${review.at ? `, ${clockTime(review.at)}` : ""}`];
    if (review.note) lines.push(review.note);
    if (review.second) lines.push(texts.review.second(review.second), ...(review.second.note ? [review.second.note] : []));
    else if (review.by && reviewer() && review.by !== reviewer()) lines.push(texts.review.secondHint(review.by));
    place.replaceChildren(...lines.map((text) => make("span", { text })));
  }

  drawQueue() {
    const list = byId("queue");
    const known = new Set([...list.children].map(({ dataset }) => dataset.id));
    for (const item of this.queue.items) if (!known.has(item.video_id)) list.append(this.row(item));
    byId("more").hidden = this.after === null;
  }

  row(item) {
    const button = make(
      "button",
      { type: "button", class: "queue-item", onclick: () => this.go(item.video_id) },
      make("span", { class: "queue-still" }),
      make(
        "span",
        { class: "queue-text" },
        make("strong", { text: item.user_id }),
        make("span", { class: "muted", text: [item.exam_id, clockTime(item.started_at)].filter(Boolean).join(" · ") }),
        make("span", { class: "queue-why", text: item.violations.map(({ kind }) => texts.kinds[kind] ?? kind).join(", ") }),
        make("span", { class: "queue-state" }),
      ),
      make("span", { class: "queue-score number", text: item.score, title: texts.review.points(item.score) }),
    );
    const row = make("li", { "data-id": item.video_id }, button);
    this.fillStill(row, item);
    this.fillState(row, item);
    return row;
  }

  fillStill(row, item) {
    const place = row.querySelector(".queue-still");
    if (item.clip?.state !== "ready") {
      place.replaceChildren(icon("camera"));
      return;
    }
    const still = make("img", { src: `/api/session/${item.session_id}/still/${item.index}`, alt: "", loading: "lazy", width: 96, height: 72 });
    still.addEventListener("error", () => place.replaceChildren(icon("camera")));
    place.replaceChildren(still);
  }

  fillState(row, { review }) {
    const decision = review?.state === "disputed" ? "disputed" : review?.decision;
    row.toggleAttribute("data-done", Boolean(decision));
    const place = row.querySelector(".queue-state");
    place.replaceChildren(...(decision ? [icon({ confirmed: "flag", dismissed: "fine", disputed: "unknown" }[decision] ?? "unknown"), texts.review.states[decision] ?? decision] : []));
  }

  rowOf(item) {
    return byId("queue").querySelector(`[data-id="${CSS.escape(item.video_id)}"]`);
  }

  drawStill(item) {
    const row = this.rowOf(item);
    if (row) this.fillStill(row, item);
  }

  markCurrent() {
    const { current } = this.queue;
    for (const button of byId("queue").querySelectorAll("[aria-current]")) button.removeAttribute("aria-current");
    const button = this.rowOf(current)?.querySelector("button");
    button?.setAttribute("aria-current", "true");
    if (byId("queue").contains(document.activeElement)) button?.focus({ preventScroll: true });
    this.scrollTo(button);
  }

  /** Bring the row into the queue's own view; the page itself stays where it is. */
  scrollTo(button) {
    const box = byId("queue").parentElement;
    if (!button || box.scrollHeight <= box.clientHeight) return;
    const [row, view] = [button.getBoundingClientRect(), box.getBoundingClientRect()];
    if (row.top < view.top + 40) box.scrollTop -= view.top + 40 - row.top;
    else if (row.bottom > view.bottom) box.scrollTop += row.bottom - view.bottom + 8;
  }

  drawLeft({ left, disputed }) {
    this.left = left;
    setText(byId("left"), texts.review.left(left));
    byId("disputed").hidden = !disputed || this.filters.state === "disputed";
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
    const lines = [this.broken, ...this.unsaved.values()].filter(Boolean);
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

  async decide(decision, reason = null) {
    const item = this.queue.current;
    if (!item) return;
    const by = reviewer() || (await askReviewer());
    this.drawWho();
    if (!by) return;
    const note = byId("note").value.trim();
    const body = { decision, by, ...(reason && { reason }), ...(note && { note }) };
    const wasOpen = isOpen(item);
    const before = this.queue.decide(item.video_id, withOpinion(item.review, { decision, reason, note, by, at: new Date().toISOString() }));
    this.drafts.delete(item.video_id);
    if (wasOpen) this.countLeft(-1);
    this.fillState(this.rowOf(item), item);
    this.save(item, body, before);
    const hadFocus = byId("decide").contains(document.activeElement);
    if (this.queue.advance()) this.show();
    else {
      this.drawItem(item);
      this.stopDismissing();
      this.say(`${texts.review.saved[decision]}. ${texts.review.left(this.left ?? 0)}`);
    }
    if (hadFocus && document.activeElement === document.body) byId("item-title").focus({ preventScroll: true });
  }

  async undo() {
    const by = reviewer();
    const item = this.queue.undoTarget(by);
    if (!item || !by) {
      this.say(texts.review.nothingToUndo);
      return;
    }
    const before = this.queue.undo(item, withoutOpinion(item.review, by));
    this.drawQueue();
    if (isOpen(item)) this.countLeft(1);
    this.fillState(this.rowOf(item), item);
    this.save(item, { decision: null, by }, before);
    this.go(item.video_id);
    this.say(texts.review.undone(item.user_id));
  }

  countLeft(change) {
    this.left = Math.max(0, (this.left ?? 0) + change);
    setText(byId("left"), texts.review.left(this.left));
  }

  /** Tell the server in the background; the reviewer is on the next one already. */
  save(item, body, before) {
    const { video_id } = item;
    const earlier = this.saving.get(video_id) ?? Promise.resolve();
    const saved = earlier.then(() => this.post(item, body, before, () => this.saving.get(video_id) === saved));
    this.saving.set(video_id, saved);
    saved.finally(() => this.saving.get(video_id) === saved && this.saving.delete(video_id));
  }

  /** `isLast()`: nothing newer waits for the same interval, so that the answer is how it stands. */
  async post(item, body, before, isLast) {
    try {
      const { exam_id, search, kind } = this.filters; // what `left` is counted of
      const filters = new URLSearchParams(Object.entries({ exam_id, search, kind }).filter(([, value]) => value));
      const answer = await call(`/api/review/${item.video_id}?${filters}`, { method: "POST", body });
      if (isLast()) item.review = answer.review;
      this.unsaved.delete(item.video_id);
      if (this.saving.size <= 1) this.drawLeft(answer);
    } catch (error) {
      if (isLast() && isOpen(item) !== isOpen({ review: before })) this.countLeft(isOpen(item) ? -1 : 1);
      if (isLast()) item.review = before;
      if (body.note) this.drafts.set(item.video_id, body.note);
      this.unsaved.set(item.video_id, texts.review.notSaved(item.user_id, error.message));
    }
    this.drawProblem();
    const row = this.rowOf(item);
    if (row) this.fillState(row, item);
    if (item === this.queue.current) this.drawDecided(item);
  }

  /** A note written after the decision goes along with the same decision again. */
  saveNote() {
    const item = this.queue.current;
    const mine = opinionOf(item?.review, reviewer());
    const note = byId("note").value.trim();
    if (!mine || note === (mine.note ?? "")) return;
    const { review: before } = item;
    item.review = withOpinion(before, { ...mine, note });
    this.drafts.delete(item.video_id);
    this.save(item, { decision: mine.decision, by: mine.by, note, ...(mine.reason && { reason: mine.reason }) }, before);
  }

  startDismissing() {
    this.dismissing = true;
    byId("dismiss-reasons").hidden = false;
    byId("dismiss").setAttribute("aria-expanded", "true");
    this.say(`${texts.review.chooseReason} ${REASONS.map((reason, index) => `${index + 1} ${texts.review.reasons[reason]}`).join(", ")}`);
  }

  stopDismissing() {
    this.dismissing = false;
    byId("dismiss-reasons").hidden = true;
    byId("dismiss").setAttribute("aria-expanded", "false");
  }

  async readHistory() {
    const item = this.queue.current;
    const list = byId("history-list");
    list.replaceChildren();
    if (!byId("history").open || !item) return;
    try {
      const { history } = await call(`/api/review/${item.video_id}/history`);
      list.replaceChildren(...history.map((entry) => make("li", { text: texts.review.history(entry, fullTime(entry.at)) })));
    } catch (error) {
      list.replaceChildren(make("li", { class: "field-error", text: texts.review.historyFailed(error.message) }));
    }
  }

  // Keys, buttons, filters

  key(event) {
    if (document.querySelector("dialog[open]")) return;
    const { target } = event;
    if (target.matches("textarea, select, input:not([type=range])")) {
      if (event.key === "Escape") target.blur();
      return;
    }
    const onButton = target.closest("button, a, summary") && !byId("queue").contains(target);
    if (event.key === " " && onButton) return;
    const action = keyAction(event, { dismissing: this.dismissing });
    const single = event.key.length === 1;
    if (!action || (single && !this.keysWork())) return;
    event.preventDefault();
    this.act(action);
  }

  keysWork() {
    return byId("keys-switch").checked;
  }

  act(action) {
    if (action.startsWith("reason:")) {
      this.decide("dismissed", action.slice("reason:".length));
      return;
    }
    const actions = {
      next: () => this.move(1),
      previous: () => this.move(-1),
      play: () => this.player.toggle(),
      back: () => this.player.seekBy(-1),
      forward: () => this.player.seekBy(1),
      frame_back: () => this.player.step(-1),
      frame_forward: () => this.player.step(1),
      confirm: () => this.decide("confirmed"),
      dismiss: () => this.startDismissing(),
      cancel: () => this.stopDismissing(),
      note: () => byId("note").focus(),
      undo: () => this.undo(),
      mute: () => this.player.mute(),
      keys: () => byId("keys-dialog").showModal(),
    };
    if (this.queue.current || action === "keys" || action === "undo") actions[action]?.();
  }

  wireButtons() {
    oneWish(byId("confirm")).addEventListener("click", () => this.decide("confirmed"));
    oneWish(byId("dismiss")).addEventListener("click", () => (this.dismissing ? this.stopDismissing() : this.startDismissing()));
    oneWish(byId("undo")).addEventListener("click", () => this.undo());
    byId("keys").addEventListener("click", () => this.act("keys"));
    byId("more").addEventListener("click", () => this.read());
    byId("fresh").addEventListener("click", () => this.restart());
    byId("note").addEventListener("input", ({ target }) => this.queue.current && this.drafts.set(this.queue.current.video_id, target.value));
    byId("note").addEventListener("change", () => this.saveNote());
    byId("history").addEventListener("toggle", () => this.readHistory());
    byId("who").addEventListener("click", async () => {
      await askReviewer();
      this.drawWho();
    });
    setText(byId("dismiss-hint"), texts.review.chooseReason);
    byId("reason-list").replaceChildren(
      ...REASONS.map((reason, index) =>
        make("button", { type: "button", class: "quiet", onclick: () => this.decide("dismissed", reason) }, make("kbd", { text: index + 1 }), make("span", { text: texts.review.reasons[reason] })),
      ),
    );
    const keys = byId("keys-switch");
    keys.checked = remembered(KEYS_OFF) !== "off";
    keys.addEventListener("change", () => remember(KEYS_OFF, keys.checked ? "on" : "off"));
  }

  wireFilters() {
    const asked = new URLSearchParams(location.search);
    for (const [name, id] of [["state", "filter-state"], ["exam_id", "filter-exam"], ["search", "filter-user"], ["kind", "filter-kind"], ["rank", "filter-rank"]]) {
      const field = byId(id);
      const wanted = asked.get(name);
      if (wanted !== null && (field.tagName !== "SELECT" || name === "exam_id" || [...field.options].some(({ value }) => value === wanted))) this.filters[name] = wanted;
      field.value = this.filters[name];
      const changed = () => {
        this.filters[name] = field.value.trim();
        const given = Object.entries(this.filters).filter(([, value]) => value);
        history.replaceState(null, "", `?${new URLSearchParams(given)}`);
        this.restart();
      };
      if (field.tagName === "SELECT") field.addEventListener("change", changed);
      else {
        field.addEventListener("input", () => {
          clearTimeout(this.typing);
          this.typing = setTimeout(changed, TYPING_MS);
        });
      }
    }
  }
}

new ReviewPage().start();
