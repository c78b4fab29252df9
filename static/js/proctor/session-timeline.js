// The part of a session's page that shows the whole exam: the timeline, the interval chosen in it, the way from flag to flag, and the decisions.

import { byId, make, oneWish, setText } from "../shared/dom.js";
import { remembered } from "../shared/storage.js";
import { flags } from "./desk.js";
import { items } from "./phrases.js";
import { drawInterval } from "./session-interval.js";
import { sessionAction } from "./session-keys.js";
import { SessionVerdict } from "./session-verdict.js";
import { texts } from "./texts.js";
import { extraRows } from "./timeline-rows.js";
import { isUndecided, nextFlag, nextUndecided, openingPlace, toDecide } from "./timeline-shape.js";
import { Timeline, besideOf } from "./timeline.js";
import { whyNothingRead } from "./unread.js";

const KEYS_OFF = "review.keys"; // where the review page keeps that single keys are switched off

export class SessionTimeline {
  chosen = null; // null: follow the running interval
  intervals = [];
  #extra = [];
  #table = "";
  #opened = false;

  /** `steps` are functions by the name of an action that this part does not do itself: `next_student`, `previous_student`, `mark`. */
  constructor({ steps }) {
    this.steps = steps;
    const parts = { names: byId("timeline-names"), scroll: byId("timeline-scroll"), picture: byId("timeline-picture") };
    this.strip = new Timeline(parts, { onChoose: (index) => this.choose(index), onZoom: (zoom, all) => this.#drawZoom(zoom, all) });
    this.verdict = new SessionVerdict({ decided: (item) => this.#decided(item), answered: (item, answer) => this.#answered(item, answer) });
    oneWish(byId("flag-previous")).addEventListener("click", () => this.toFlag(-1));
    oneWish(byId("flag-next")).addEventListener("click", () => this.toFlag(1));
    byId("zoom-out").addEventListener("click", () => this.strip.zoomBy(-1));
    byId("zoom-in").addEventListener("click", () => this.strip.zoomBy(1));
    byId("timeline-table-part").addEventListener("toggle", () => this.#drawTable());
    document.addEventListener("keydown", (event) => this.#key(event));
    addEventListener("hashchange", () => {
      this.readHash();
      this.draw();
    });
    this.readHash();
  }

  /** An address ends in the interval to show. */
  readHash() {
    const wanted = /^#interval-(\d{1,6})$/.exec(location.hash);
    if (wanted) this.chosen = Number(wanted[1]);
  }

  /** Show a session's record: `session`, `intervals` (whole, in order), `checks`, an interval's `length` in seconds, the `threshold`. */
  show({ session, intervals, checks, length, threshold }) {
    Object.assign(this, { session, intervals, checks, length, threshold });
    const { breaks, messages } = session;
    this.#extra = extraRows({ intervals, breaks, messages, checks }, length, intervals.length - 1);
    if (!this.#opened && intervals.length && !session.is_running && this.chosen === null) this.chosen = openingPlace(intervals);
    this.#opened ||= intervals.length > 0;
    this.draw();
  }

  draw() {
    const { intervals } = this;
    byId("timeline-part").hidden = intervals.length === 0;
    const chosen = intervals[this.chosen ?? intervals.length - 1] ?? intervals.at(-1);
    if (!chosen) return;
    this.strip.show(intervals, this.#extra, this);
    this.strip.choose(chosen.index);
    this.#drawFlags(chosen);
    this.#drawChosen(chosen);
    this.#drawTable();
  }

  choose(index) {
    const last = this.intervals.length - 1;
    this.chosen = index === last && this.session.is_running ? null : index;
    history.replaceState(null, "", this.chosen === null ? location.pathname : `#interval-${index}`);
    this.draw();
  }

  /** On to the next flag, or back to the one before. */
  toFlag(step) {
    const from = this.chosen ?? this.intervals.length;
    const index = nextFlag(this.intervals, from, step);
    if (index === null) flags.say(texts.strip.noFurther);
    else this.#go(index);
  }

  #go(index) {
    this.choose(index);
    flags.say(this.strip.words(index));
  }

  #drawChosen(chosen) {
    byId("chosen-part").hidden = this.chosen === null && this.session.is_running && !toDecide(chosen); // it stands above, as it goes on
    const unread = whyNothingRead(this.checks, chosen.start, chosen.end);
    drawInterval(chosen, { user: this.session.user_id, threshold: this.threshold, beside: besideOf(chosen.index, this.#extra), unread });
    this.verdict.show(toDecide(chosen) ? chosen : null);
  }

  #drawFlags({ index }) {
    const all = this.intervals.filter(toDecide);
    setText(byId("flags-said"), all.length ? texts.strip.flags(all.filter(({ flagged }) => flagged).length, all.filter(({ flagged }) => !flagged).length, all.filter(isUndecided).length) : texts.strip.noFlags);
    for (const [id, step] of [["flag-previous", -1], ["flag-next", 1]]) {
      byId(id).hidden = all.length === 0;
      byId(id).setAttribute("aria-disabled", String(nextFlag(this.intervals, index, step) === null));
    }
  }

  #drawZoom(zoom, all) {
    byId("zoom-out").setAttribute("aria-disabled", String(zoom === all[0]));
    byId("zoom-in").setAttribute("aria-disabled", String(zoom === all.at(-1)));
    byId("zoom").hidden = all.length < 2;
  }

  /** The same as a table, made when somebody opens it. */
  #drawTable() {
    if (!byId("timeline-table-part").open) return;
    const told = this.intervals.filter((one) => one.score || toDecide(one) || besideOf(one.index, this.#extra).length);
    const rows = told.map((one) => [one, [...one.violations.map(({ text }) => text), ...besideOf(one.index, this.#extra)], one.review?.decision ? texts.review.stands(one.review) : toDecide(one) ? texts.strip.undecided : ""]);
    const key = JSON.stringify(rows.map(([{ index, score }, found, decided]) => [index, score, found, decided]));
    if (key === this.#table) return;
    this.#table = key;
    const [head, ...more] = texts.strip.tableHead;
    byId("timeline-table").replaceChildren(
      make("thead", {}, make("tr", {}, ...[head, ...more].map((text) => make("th", { scope: "col", text })))),
      make("tbody", {}, ...rows.map(([{ index, start, end, score }, found, decided]) => {
        const cells = [texts.session.range(start, end), score, items(found), decided].map((text) => make("td", { text }));
        return make("tr", {}, make("th", { scope: "row" }, make("a", { href: `#interval-${index}`, text: index + 1 })), ...cells);
      })),
    );
    byId("timeline-table-none").hidden = rows.length > 0;
    byId("timeline-table").hidden = rows.length === 0;
  }

  // Deciding

  /** The server has said where an interval stands. */
  reviewed({ interval, review }) {
    const item = this.intervals[interval];
    if (!item || !review) return;
    item.review = review;
    this.draw();
  }

  /** A decision is stored: on to the next flag that waits. */
  #decided(item) {
    Object.assign(this.intervals[item.index] ?? {}, { review: item.review }); // the record may have been read again meanwhile
    const said = texts.review.saved[item.review?.decision ?? null] ?? "";
    const next = item.review?.decision ? nextUndecided(this.intervals, item.index) : null;
    if (item.review?.decision) flags.say(next === null ? texts.decide.last(said) : texts.decide.next(said, next + 1));
    else flags.say(said);
    if (next !== null && this.chosen === item.index) this.choose(next);
    else this.draw();
  }

  /** The student has answered since the page was read: it is shown, and decided anew. */
  #answered(item, answer) {
    item.answer = answer;
    Object.assign(this.intervals[item.index] ?? {}, { answer });
    this.draw();
  }

  #key(event) {
    if (document.querySelector("dialog[open]") || remembered(KEYS_OFF) === "off") return;
    if (event.target.matches("textarea, select, input")) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    const action = sessionAction(event, { dismissing: this.verdict.dismissing });
    if (!action) return;
    const actions = {
      next: () => this.toFlag(1),
      previous: () => this.toFlag(-1),
      zoom_in: () => this.strip.zoomBy(1),
      zoom_out: () => this.strip.zoomBy(-1),
      ...this.steps,
    };
    const act = actions[action] ?? (() => this.verdict.act(action));
    event.preventDefault();
    act();
  }
}
