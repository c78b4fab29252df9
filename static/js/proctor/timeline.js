// The timeline of a session: the whole exam as one picture with a time axis, its points and a row for each kind, under one control that chooses an
// interval. A picture has one path a row, however long the exam; what it shows is told in words by the control, and by a table.

import { spellSeconds } from "../shared/clock.js";
import { make, setText } from "../shared/dom.js";
import { kindName, signalKinds } from "../shared/names.js";
import { sentences } from "./phrases.js";
import { texts } from "./texts.js";
import { barsPath, flagsPath, indexAt, isUndecided, spansPath, ticks, toDecide, widthOf, zooms } from "./timeline-shape.js";

const SVG = "http://www.w3.org/2000/svg";
const AXIS_PX = 22;
const POINTS_PX = 60; // 16 of them for the flags over the bars
const ROW_PX = 22;
const MANY = 10; // intervals that PageUp and PageDown go

/** Every interval from 0 to the last, with empty ones where the server has none (nothing happened, or they are older than what it sent). */
export function withGaps(intervals, length) {
  const known = new Map(intervals.map((interval) => [interval.index, interval]));
  const last = intervals.length ? Math.max(...known.keys()) : -1;
  return Array.from({ length: last + 1 }, (_, index) => {
    const empty = { index, start: index * length, end: (index + 1) * length, score: 0, flagged: false, closed: true, violations: [] };
    return known.get(index) ?? empty;
  });
}

/** Fill `title` with an interval's name and range. */
export function nameInterval(title, { index, start, end }) {
  setText(title, texts.review.interval(index + 1, start, end));
}

/** What an interval has, in one sentence after the other. */
export function sayInterval(interval, count, extra) {
  const { index, start, end, score, violations, review } = interval;
  const said = [texts.strip.interval(index + 1, count, start, end), texts.session.plain(score)];
  const decided = review?.decision ? texts.review.stands(review) : "";
  if (toDecide(interval)) said.push(interval.flagged ? texts.strip.flagged(decided) : texts.strip.marked(decided));
  said.push(...violations.map(({ text }) => text), ...besideOf(index, extra));
  return sentences(said);
}

/** What the rows beside the violations say of an interval. */
export function besideOf(index, extra) {
  return extra.filter(({ cells }) => cells.has(index)).map(({ name, cells }) => texts.strip.beside(name, cells.get(index).text));
}

export class Timeline {
  #key = "";
  #chosen = 0;
  #zoom = 1;
  #intervals = [];
  #extra = [];

  /** `place` holds the names and, in `scroll`, the picture; `onChoose(index)` when an interval is chosen, `onZoom(zoom, zooms)` when it is drawn. */
  constructor({ names, scroll, picture }, { onChoose, onZoom }) {
    Object.assign(this, { names, scroll, picture, onChoose, onZoom });
    scroll.addEventListener("keydown", (event) => this.#move(event));
    picture.addEventListener("click", (event) => this.#choose(this.#under(event)));
    picture.addEventListener("pointermove", (event) => {
      scroll.title = this.#intervals.length ? this.words(this.#under(event)) : "";
    });
    new ResizeObserver(() => this.#draw()).observe(scroll);
  }

  /** Show `intervals` (all of them, in order), each `length` seconds, and under their violations the rows that timeline-rows.js makes. */
  show(intervals, extra, { length, threshold }) {
    Object.assign(this, { length, threshold });
    this.#intervals = intervals;
    this.#extra = extra;
    const key = JSON.stringify([
      intervals.map(({ score, flagged, marked, closed, violations, review }) => [score, flagged, marked, closed, review?.state, violations.map((v) => [v.kind, Math.round(v.end)])]),
      extra.map(({ name, cells }) => [name, [...cells]]),
    ]);
    if (key === this.#key) return;
    this.#key = key;
    this.#draw();
  }

  /** Mark the interval `index`, and bring it into view where it was another before. */
  choose(index) {
    const moved = index !== this.#chosen;
    this.#chosen = index;
    this.#say();
    this.#mark();
    if (moved) this.#reveal();
  }

  /** One zoom closer (1) or wider (-1). */
  zoomBy(step) {
    const all = this.#zooms();
    const at = Math.max(0, Math.min(all.length - 1, all.indexOf(this.#zoom) + step));
    this.#zoom = all[at];
    this.#draw();
    this.#reveal({ middle: true });
  }

  focus() {
    this.scroll.focus({ preventScroll: true });
  }

  #zooms() {
    return zooms(this.#intervals.length, this.#room());
  }

  #room() {
    return Math.max(120, this.scroll.clientWidth);
  }

  get #scale() {
    return this.width / (this.#intervals.length * this.length);
  }

  #draw() {
    const intervals = this.#intervals;
    if (!intervals.length || !this.scroll.clientWidth) return; // hidden: it is drawn when it comes into view
    const all = this.#zooms();
    if (!all.includes(this.#zoom)) this.#zoom = all.findLast((zoom) => zoom <= this.#zoom) ?? 1;
    this.width = widthOf(intervals.length, this.#room(), this.#zoom);
    const rows = this.#rows();
    const height = AXIS_PX + POINTS_PX + rows.length * ROW_PX;
    for (const [name, value] of Object.entries({ width: this.width, height, viewBox: `0 0 ${this.width} ${height}` })) this.picture.setAttribute(name, value);
    this.picture.replaceChildren(shape("rect", { class: "strip-chosen", y: 0, height }), ...this.#axis(height), ...this.#points(), ...rows.map(({ spans, beside }, row) => this.#row(spans, beside, row)));
    const names = [texts.session.pointsRow, ...rows.map(({ name }) => name)].map((text) => make("li", { text }));
    this.names.replaceChildren(...names);
    this.#mark();
    this.#say();
    this.onZoom(this.#zoom, all);
  }

  /** What stands under the points: the kinds that were found, at their times, and what lies beside them, by interval. */
  #rows() {
    const found = this.#intervals.flatMap(({ violations }) => violations);
    const kinds = signalKinds.map((kind) => [kind, found.filter((violation) => violation.kind === kind)]).filter(([, those]) => those.length);
    const span = (index) => [index * this.length, (index + 1) * this.length];
    return [
      ...kinds.map(([kind, those]) => ({ name: kindName(kind), spans: those.map(({ start, end }) => [start, end]) })),
      ...this.#extra.map(({ name, cells }) => ({ name, beside: true, spans: [...cells.keys()].map(span) })),
    ];
  }

  #axis(height) {
    const scale = this.#scale;
    const times = ticks(this.#intervals.length * this.length, this.width);
    const lines = shape("path", { class: "strip-axis", d: times.map((at) => `M${Math.round(at * scale) + 0.5} ${AXIS_PX - 5}V${height}`).join("") });
    const labels = times.map((at) => {
      const label = shape("text", { class: "strip-time", x: Math.round(at * scale) + 3, y: AXIS_PX - 8 });
      label.textContent = spellSeconds(at);
      return label;
    });
    if (labels.length > 1 && times.at(-1) * scale > this.width - 44) labels.pop(); // it would be cut
    return [lines, ...labels];
  }

  #points() {
    const scale = this.#scale;
    const bar = ({ start, score }) => [start, start + this.length, Math.min(1, score / this.threshold)];
    const place = { scale, bottom: AXIS_PX + POINTS_PX - 2, height: POINTS_PX - 20 };
    const flags = this.#intervals.filter(toDecide).map((interval) => ({ ...interval, end: interval.start + this.length }));
    const paths = [
      ["strip-points", barsPath(this.#intervals.filter((one) => one.score > 0 && !one.flagged).map(bar), place)],
      ["strip-flagged", barsPath(this.#intervals.filter(({ flagged }) => flagged).map(bar), place)],
      ["strip-flag", flagsPath(flags.filter(isUndecided), { scale, top: AXIS_PX + 1 })],
      ["strip-decided", flagsPath(flags.filter((one) => !isUndecided(one)), { scale, top: AXIS_PX + 1 })],
    ];
    return paths.map(([name, d]) => shape("path", { class: name, d }));
  }

  #row(spans, beside, row) {
    const top = AXIS_PX + POINTS_PX + row * ROW_PX;
    return shape("path", { class: beside ? "strip-beside" : "strip-found", d: spansPath(spans, { scale: this.#scale, top: top + 5, bottom: top + ROW_PX - 5 }) });
  }

  #mark() {
    const chosen = this.picture.querySelector(".strip-chosen");
    if (!chosen || !this.width) return;
    const wide = this.length * this.#scale;
    chosen.setAttribute("x", this.#chosen * wide);
    chosen.setAttribute("width", Math.max(2, wide));
  }

  #say() {
    if (!this.#intervals[this.#chosen]) return;
    const told = { "aria-valuemin": 1, "aria-valuemax": this.#intervals.length, "aria-valuenow": this.#chosen + 1, "aria-valuetext": this.words(this.#chosen) };
    for (const [name, value] of Object.entries(told)) if (this.scroll.getAttribute(name) !== String(value)) this.scroll.setAttribute(name, value);
  }

  /** The interval `index` in words. */
  words(index) {
    return sayInterval(this.#intervals[index], this.#intervals.length, this.#extra);
  }

  /** Scroll sideways to the chosen interval; the page itself stays where it is. */
  #reveal({ middle = false } = {}) {
    if (!this.width) return;
    const wide = this.length * this.#scale;
    const [from, room, at] = [this.#chosen * wide, this.scroll.clientWidth, this.scroll.scrollLeft];
    if (middle) this.scroll.scrollLeft = from + wide / 2 - room / 2;
    else if (from < at) this.scroll.scrollLeft = from - room / 4;
    else if (from + wide > at + room) this.scroll.scrollLeft = from + wide - (3 * room) / 4;
  }

  #under({ clientX }) {
    const at = (clientX - this.picture.getBoundingClientRect().left) / this.#scale;
    return indexAt(this.#intervals, at, this.length);
  }

  #choose(index) {
    this.choose(index);
    this.onChoose(index);
  }

  #move(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowDown: -1, ArrowUp: 1, PageDown: -MANY, PageUp: MANY, Home: -Infinity, End: Infinity }[event.key];
    if (!step || !this.#intervals.length) return;
    event.preventDefault();
    this.#choose(Math.max(0, Math.min(this.#intervals.length - 1, this.#chosen + step)));
  }
}

function shape(name, attributes) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}
