// Which flagged intervals the review page shows, and in which order: the fields above it, which are in the address too.

import { call } from "../shared/api.js";
import { addressOf } from "../shared/base.js";
import { byId, make } from "../shared/dom.js";
import { texts } from "./texts.js";

const TYPING_MS = 400;

export class ReviewFilters {
  values = { state: "open", exam_id: "", search: "", kind: "", rank: "score" };

  #results = new Map(); // exam id → the path of its results

  constructor({ onChange }) {
    for (const option of document.querySelectorAll("option[data-state]")) option.textContent = option.dataset.state === "answered" ? texts.side.answeredSince : texts.review.states[option.dataset.state];
    this.#wire(onChange);
  }

  /** Only what nobody has decided is asked for. */
  get onlyOpen() {
    return this.values.state === "open";
  }

  /** Every flag that is open is asked for. */
  get isPlain() {
    const { exam_id: exam, search, kind } = this.values;
    return this.onlyOpen && !exam && !search && !kind;
  }

  /** As a query, with `more`; what is not chosen is left out. */
  query(more = {}) {
    return new URLSearchParams(Object.entries({ ...this.values, ...more }).filter(([, value]) => value !== "" && value !== null));
  }

  /** The query that says what `left` is counted of. */
  countQuery() {
    const { exam_id, search, kind } = this.values;
    return new URLSearchParams(Object.entries({ exam_id, search, kind }).filter(([, value]) => value));
  }

  /** A function that says whether the choice is still as it was. */
  watch() {
    const asked = JSON.stringify(this.values);
    return () => asked === JSON.stringify(this.values);
  }

  /** Does a flag belong under the present filters? */
  matches({ exam_id, user_id, violations = [] }) {
    const { state, exam_id: exam, search, kind } = this.values;
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
      select.value = this.values.exam_id;
      this.#results = new Map(exams.map(({ exam_id, results }) => [exam_id, results]));
      this.#linkResults();
    } catch (error) {
      console.info("The exams can't be listed.", error.message);
    }
  }

  /** To the results of the exam that is chosen, for who may see them. */
  #linkResults() {
    const path = this.#results.get(this.values.exam_id);
    byId("review-results-part").hidden = !path;
    if (path) byId("review-results").href = addressOf(path);
  }

  #wire(onChange) {
    const asked = new URLSearchParams(location.search);
    for (const [name, id] of [["state", "filter-state"], ["exam_id", "filter-exam"], ["search", "filter-user"], ["kind", "filter-kind"], ["rank", "filter-rank"]]) {
      const field = byId(id);
      const wanted = asked.get(name);
      if (wanted !== null && (field.tagName !== "SELECT" || name === "exam_id" || [...field.options].some(({ value }) => value === wanted))) this.values[name] = wanted;
      field.value = this.values[name];
      const changed = () => {
        this.values[name] = field.value.trim();
        const given = Object.entries(this.values).filter(([, value]) => value);
        history.replaceState(null, "", `?${new URLSearchParams(given)}`);
        this.#linkResults();
        onChange();
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
