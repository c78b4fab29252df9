// The results of an exam: a row for each session, in the order of whichever column, and the dialog to conclude one.

import { addressOf } from "../shared/base.js";
import { byId, make, setText } from "../shared/dom.js";
import { conclude } from "./conclude.js";
import { doneWords } from "./conclusion-words.js";
import { damagedLine } from "./damaged.js";
import { minuteTime } from "./dates.js";
import { socket } from "./desk.js";
import { ExamList } from "./exam-list.js";
import { labelled, readings } from "./phrases.js";
import { AtOnce } from "./results-at-once.js";
import { watchedText } from "./results-rows.js";
import { dressTable } from "./tables.js";
import { resultsTexts as t } from "./texts-results.js";
import { unreadLines } from "./unread.js";

const AGAIN_MS = 500; // several sessions are concluded one after the other
const LIVE = ["conclusion_changed", "interval_reviewed", "interval_flagged", "session_ended"];
const COUNTS = ["open", "confirmed", "dismissed", "disputed"];
const PAGE = 100;
const MOST = 900; // rows that are read anew at once

class ResultsPage extends ExamList {
  choice = { state: "all", sort: "student", down: false };
  atOnce = new AtOnce(document.body.dataset.examKey, async (said) => {
    this.told = said;
    await this.read();
  });
  #drawn = ""; // the rows as they are shown
  told = ""; // what came of the last act: it stays until something else is chosen

  constructor() {
    super("results", { page: PAGE, most: MOST, failed: t.failed });
  }

  start() {
    for (const option of byId("results-state").options) if (option.value !== "all") option.textContent = t.exam.sums[option.value];
    this.#takeAddress();
    byId("results-filters").addEventListener("submit", (event) => event.preventDefault());
    byId("results-state").addEventListener("change", () => this.#choose({ state: byId("results-state").value }));
    for (const head of this.#heads) head.querySelector("button").addEventListener("click", () => this.#sortBy(head));
    byId("results-more").addEventListener("click", () => {
      this.told = "";
      this.read({ more: true });
    });
    byId("results-package").addEventListener("click", () => {
      this.told = t.packing(this.exam.sums.sessions);
      setText(byId("results-said"), this.told);
    });
    addEventListener("popstate", () => {
      this.#takeAddress();
      this.read();
    });
    for (const event of LIVE) socket.on(event, (message) => this.#heard(event, message));
    socket.onConnect(() => this.read());
    this.read();
  }

  get #heads() {
    return [...byId("results").tHead.querySelectorAll("[data-sort]")];
  }

  get query() {
    const { state, sort, down } = this.choice;
    return new URLSearchParams({ ...(state !== "all" && { state }), ...(sort !== "student" && { sort }), ...(down && { down }) });
  }

  #takeAddress() {
    const given = new URLSearchParams(location.search);
    const state = given.get("state") ?? "all";
    this.choice = {
      state: [...byId("results-state").options].some(({ value }) => value === state) ? state : "all",
      sort: this.#heads.some(({ dataset }) => dataset.sort === given.get("sort")) ? given.get("sort") : "student",
      down: given.get("down") === "true",
    };
    byId("results-state").value = this.choice.state;
  }

  #choose(changed) {
    this.told = "";
    Object.assign(this.choice, changed);
    history.replaceState(null, "", `?${this.query}`);
    this.read();
  }

  /** Names from A on, counts from the greatest down, then the other way round. */
  #sortBy(head) {
    const { sort } = head.dataset;
    this.#choose({ sort, down: sort === this.choice.sort ? !this.choice.down : head.classList.contains("number") });
  }

  #heard(event, { session_id: id }) {
    if (event !== "session_ended" && event !== "interval_flagged" && !this.rows.some(({ session_id }) => session_id === id)) return;
    clearTimeout(this.soon);
    this.soon = setTimeout(() => this.read(), AGAIN_MS);
  }

  read(how) {
    byId("results-csv").href = addressOf(`/api/exams/${this.key}/results.csv?${this.query}`);
    return super.read(how);
  }

  rowsOf(answer) {
    return answer.results;
  }

  draw() {
    const { exam_id: exam, title, defined, four_eyes: fourEyes, sums } = this.exam;
    const name = title || exam;
    document.title = `${t.titleOf(name)} · ${document.title.split(" · ").at(-1)}`;
    setText(byId("results-heading"), t.titleOf(name));
    setText(byId("results-exam"), readings([title && exam, !defined && t.undefinedExam, fourEyes && t.fourEyes]));
    for (const link of document.querySelectorAll("[data-of-defined]")) link.hidden = !defined;
    this.#link("results-review", `/review?${new URLSearchParams({ exam_id: exam, state: "open" })}`);
    this.#link("results-package", `/api/package?${new URLSearchParams({ exam_id: exam })}`);
    setText(byId("results-sums"), t.sums(sums));
    this.atOnce.show(this.exam.at_once);
    const { sort, down } = this.choice;
    for (const head of this.#heads) {
      if (head.dataset.sort === sort) head.setAttribute("aria-sort", down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    }
    this.#drawRows(byId("results"));
    byId("results-table-part").hidden = !this.rows.length;
    byId("results-more").hidden = this.after === null;
    setText(byId("results-said"), this.told || t.shown(this.rows.length, this.after === null ? 0 : Infinity));
  }

  #drawRows(table) {
    const key = JSON.stringify(this.rows);
    if (key === this.#drawn) return; // a button that is just being pressed stays
    this.#drawn = key;
    const focused = document.activeElement?.closest?.("tr[data-session]")?.dataset.session;
    table.toggleAttribute("data-nameless", !this.rows.some(({ name: known }) => known));
    table.tBodies[0].replaceChildren(...this.rows.map((row) => this.#row(row)));
    dressTable(table);
    if (focused) table.querySelector(`tr[data-session="${focused}"] button`)?.focus();
  }

  #link(id, path) {
    byId(id).href = addressOf(path);
    byId(id).hidden = false;
  }

  #row(row) {
    const { session_id: id, user_id: user, name, state, begun, total_score: points, unread, flags, conclusion } = row;
    const runs = state === "running" ? (begun ? t.running : t.waiting) : "";
    const button = make("button", { type: "button", class: "link", "aria-haspopup": "dialog", text: conclusion ? t.change : t.conclude, "aria-label": conclusion ? labelled(t.change, user) : t.concludeOf(user), onclick: () => this.#conclude(row) });
    return make(
      "tr",
      { "data-session": id },
      make("th", { scope: "row" }, make("a", { href: addressOf(`/session/${id}`), text: user || id }), runs ? make("div", { class: "muted", text: runs }) : null, damagedLine(row)),
      make("td", { class: "of-name" }, make("bdi", { text: name })),
      make("td", { class: "unread" }, ...this.#watched(unread)),
      make("td", { class: "number", text: points }),
      ...COUNTS.map((count) => make("td", { class: "number", text: flags[count] })),
      make("td", {}, ...this.#concluded(conclusion)),
      make("td", { class: "row-links" }, make("a", { href: addressOf(`/session/${id}/report`), text: t.report, "aria-label": t.reportOf(user) }), state === "running" ? null : button),
    );
  }

  /** How much could be watched, and behind it why not all. */
  #watched(unread) {
    const text = watchedText(unread);
    const lines = unreadLines(unread);
    if (!lines.length) return [make("div", { text })];
    return [make("details", {}, make("summary", { text }), ...lines.map((line) => make("div", { class: "muted", text: line })))];
  }

  #concluded(conclusion) {
    if (!conclusion) return [make("div", { class: "muted", text: t.notConcluded })];
    const { by, at, reason, second } = conclusion;
    const lines = [t.byAt(by, minuteTime(at)), second && t.second(second, minuteTime(second.at)), reason].filter(Boolean);
    return [make("div", { class: "conclusion", "data-state": conclusion.state, text: t.stands(conclusion) }), ...lines.map((text) => make("div", { class: "muted", text }))];
  }

  async #conclude(row) {
    const before = row.conclusion?.revision ?? null; // a withdrawn one's isn't told here
    try {
      const after = await conclude({ ...row, exam_id: this.exam.exam_id });
      const said = before === after.conclusion?.revision || (before === null && !after.conclusion) ? "" : doneWords(-1, after);
      if (said) this.told = labelled(row.user_id, said);
      await this.read();
    } catch (error) {
      if (error.code === undefined) throw error;
      this.problem(t.notDone(error.message));
    }
  }
}

new ResultsPage().start();
