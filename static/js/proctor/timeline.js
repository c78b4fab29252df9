// The timeline of a session: a row for each kind of violation, a column for each interval, and the one chosen.

import { icon, make, setText } from "../shared/dom.js";
import { kindName, signalKinds } from "../shared/names.js";
import { texts } from "./texts.js";

/** Every interval from 0 to the last, with empty ones where the server has none (nothing happened, or they are older than what it sent). */
export function withGaps(intervals, length) {
  const known = new Map(intervals.map((interval) => [interval.index, interval]));
  const last = intervals.length ? Math.max(...known.keys()) : -1;
  return Array.from({ length: last + 1 }, (_, index) => {
    const empty = { index, start: index * length, end: (index + 1) * length, score: 0, flagged: false, closed: true, violations: [] };
    return known.get(index) ?? empty;
  });
}

export class Timeline {
  #key = "";
  #chosen = null;

  /** `table` is filled; `onChoose(index)` when a column is chosen. */
  constructor(table, { onChoose }) {
    this.table = table;
    this.onChoose = onChoose;
    table.addEventListener("keydown", (event) => this.#move(event));
    table.addEventListener("click", ({ target }) => {
      const column = target.closest("td[data-column]")?.dataset.column; // a mark is as good as its column's head
      if (column !== undefined) this.#choose(Number(column));
    });
  }

  /** Show `intervals`, and under their violations the rows that timeline-rows.js makes. */
  show(intervals, extra = []) {
    this.intervals = intervals;
    this.extra = extra;
    const key = JSON.stringify([
      intervals.map(({ score, flagged, closed, violations }) => [score, flagged, closed, violations.map((v) => [v.kind, v.points])]),
      extra.map(({ name, cells }) => [name, [...cells]]),
    ]);
    if (key === this.#key) return;
    this.#key = key;
    const focused = this.table.contains(document.activeElement) ? document.activeElement.dataset.index : null;
    this.#build();
    if (focused) this.#button(focused)?.focus();
  }

  choose(index, { anew = false } = {}) {
    const moved = index !== this.#chosen;
    if (!moved && !anew) return; // every update asks, and nobody could scroll away
    this.#chosen = index;
    for (const button of this.table.querySelectorAll("button")) {
      const chosen = Number(button.dataset.index) === index;
      button.setAttribute("aria-pressed", String(chosen));
      button.tabIndex = chosen ? 0 : -1;
    }
    for (const cell of this.table.querySelectorAll("[data-column]")) cell.toggleAttribute("data-chosen", Number(cell.dataset.column) === index);
    if (moved) this.#reveal(this.#button(index));
  }

  /** Scroll the timeline sideways to `button`; the page itself stays where it is. */
  #reveal(button) {
    const box = this.table.parentElement;
    if (!button || !box) return;
    const [column, view] = [button.getBoundingClientRect(), box.getBoundingClientRect()];
    const left = view.left + (this.table.querySelector("th")?.getBoundingClientRect().width ?? 0); // the first column stays in place
    if (column.left < left) box.scrollLeft -= left - column.left;
    else if (column.right > view.right) box.scrollLeft += column.right - view.right;
  }

  #button(index) {
    return this.table.querySelector(`button[data-index="${index}"]`);
  }

  #build() {
    const head = make("tr", {}, make("th", { scope: "col" }, texts.session.pointsRow), ...this.intervals.map((interval) => this.#column(interval)));
    const used = signalKinds.filter((kind) => this.intervals.some(({ violations }) => violations.some((violation) => violation.kind === kind)));
    const rows = used.map((kind) => make("tr", {}, make("th", { scope: "row", text: kindName(kind) }), ...this.intervals.map((interval) => this.#cell(kind, interval))));
    const beside = this.extra.map(({ name, cells }) => make("tr", { class: "beside" }, make("th", { scope: "row", text: name }), ...this.intervals.map(({ index }) => this.#sign(index, cells.get(index)))));
    this.table.replaceChildren(make("thead", {}, head), make("tbody", {}, ...rows, ...beside));
    this.choose(this.#chosen ?? this.intervals.at(-1)?.index, { anew: true });
  }

  #column({ index, start, end, score, flagged }) {
    const name = `${texts.session.interval(index + 1)}, ${texts.session.range(start, end)}, ${score}${flagged ? `, ${texts.states.flagged}` : ""}`;
    const button = make("button", { type: "button", class: "column-button", "data-index": index, "aria-label": name, title: name, onclick: () => this.#choose(index) });
    button.append(flagged ? icon("flag") : "", make("span", { class: "number", text: score }));
    return make("th", { scope: "col", "data-column": index, "data-flagged": flagged }, button);
  }

  #cell(kind, { index, violations }) {
    const points = violations.filter((violation) => violation.kind === kind).reduce((sum, violation) => sum + violation.points, 0);
    if (!violations.some((violation) => violation.kind === kind)) return make("td", { "data-column": index });
    const words = make("span", { class: "visually-hidden", text: texts.session.cell(kindName(kind), index + 1, points) });
    return make("td", { "data-column": index, "data-points": points }, make("span", { class: "dot-mark", "aria-hidden": "true", text: points }), words);
  }

  #sign(index, cell) {
    if (!cell) return make("td", { "data-column": index });
    const words = make("span", { class: "visually-hidden", text: cell.text });
    return make("td", { "data-column": index, title: cell.text }, make("span", { class: "side-mark", "aria-hidden": "true", text: cell.sign }), words);
  }

  #choose(index) {
    this.choose(index);
    this.onChoose(index);
  }

  #move(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity }[event.key];
    if (!step || !this.intervals.length) return;
    event.preventDefault();
    const last = this.intervals.at(-1).index;
    const next = Math.max(0, Math.min(last, Number(event.target.dataset.index ?? last) + step));
    this.#choose(next);
    this.#button(next)?.focus();
  }
}

/** Fill `title` with an interval's name and range. */
export function nameInterval(title, { index, start, end }) {
  setText(title, `${texts.session.interval(index + 1)}, ${texts.session.range(start, end)}`);
}
