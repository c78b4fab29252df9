// A list of an exam's sessions that is read page by page, and anew where something in it changes: of two answers the one asked for last counts.

import { call } from "../shared/api.js";
import { byId, setText } from "../shared/dom.js";

/** `name` is that of the call and of the page's parts (`NAME-part`, `NAME-error`). Who extends it has `query` (which rows), `rowsOf` and `draw`. */
export class ExamList {
  key = document.body.dataset.examKey;
  rows = [];
  after = null;
  exam = null; // the newest answer
  asked = 0;

  constructor(name, { page, most, failed }) {
    Object.assign(this, { name, page, most, failed });
  }

  /** Read the rows that are shown anew (`most` at once), or a `page` more behind them. */
  async read({ more = false } = {}) {
    this.asked += 1;
    const mine = this.asked;
    const query = new URLSearchParams(this.query);
    query.set("limit", String(more ? this.page : Math.min(this.most, Math.max(this.page, this.rows.length))));
    if (more && this.after) query.set("after", this.after);
    try {
      const answer = await call(`/api/exams/${this.key}/${this.name}?${query}`);
      if (mine !== this.asked) return;
      this.rows = more ? [...this.rows, ...this.rowsOf(answer)] : this.rowsOf(answer);
      this.after = answer.next_after;
      this.exam = answer;
      this.draw();
      this.problem("");
    } catch (error) {
      if (error.code === undefined) throw error;
      if (mine === this.asked) this.problem(this.failed(error.message));
    } finally {
      delete byId(`${this.name}-part`).dataset.waits;
    }
  }

  /** Say what went wrong, or with an empty text that nothing does; what was read before stays. */
  problem(text) {
    setText(byId(`${this.name}-error`), text);
    byId(`${this.name}-error`).hidden = !text;
    byId(`${this.name}-part`).hidden = Boolean(text) && !this.exam;
  }
}
