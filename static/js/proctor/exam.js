// The page on which an exam is set up: read, saved by one person at a time, opened and closed, duplicated, ended and deleted.

import { call } from "../shared/api.js";
import { addressOf } from "../shared/base.js";
import { answerOf, byId, oneWish, setText } from "../shared/dom.js";
import { minuteTime } from "../shared/moments.js";
import { ExamForm } from "./exam-form.js";
import { wirePassword } from "./exam-password.js";
import { wirePlatforms } from "./exam-platforms.js";
import { drawReports, wireReports } from "./exam-reports.js";
import { drawSeb, wireSeb } from "./exam-seb.js";
import { drawSnippet, wireSnippet } from "./exam-snippet.js";
import { reviewer } from "./reviewer.js";
import { examTexts as t } from "./texts-exam.js";

const NEXT = { draft: ["open", "archived"], open: ["closed", "draft"], closed: ["open", "archived"], archived: ["closed"] }; // as the server has it

const by = () => reviewer() || "proctor";

class ExamPage {
  key = document.body.dataset.examKey;
  exam = null;
  revision = 0; // that the form was filled from
  running = 0;
  dirty = false;
  form = new ExamForm({ onChange: () => this.changed() });

  async start() {
    byId("exam-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.save();
    });
    oneWish(byId("exam-save"));
    for (const button of document.querySelectorAll("[data-state]")) oneWish(button).addEventListener("click", () => this.put(button.dataset.state));
    oneWish(byId("exam-duplicate")).addEventListener("click", () => this.duplicate());
    oneWish(byId("exam-end-all")).addEventListener("click", () => this.endAll());
    oneWish(byId("exam-delete")).addEventListener("click", () => this.remove());
    for (const button of document.querySelectorAll("[data-stay]")) button.addEventListener("click", () => button.closest("dialog").close()); // no submit button: Enter would choose the first of these
    byId("exam-take-theirs").addEventListener("click", () => this.takeTheirs());
    byId("exam-keep-mine").addEventListener("click", () => this.save());
    wireReports(this.key, by);
    if (this.key) wirePassword(this.key);
    if (this.key) wireSnippet(this.key);
    if (this.key) wirePlatforms(this.key);
    wireSeb(() => this.changed());
    addEventListener("beforeunload", (event) => this.dirty && event.preventDefault());
    try {
      const people = call("/api/people/choices").then((answer) => answer.people, () => []); // without it they stand there by their ids
      const presets = call("/api/exams/presets");
      await Promise.all([presets, this.key && call(`/api/exams/${this.key}`).then((answer) => this.draw(answer))]); // what can be done with it first
      this.form.offer(await presets, await people);
      if (this.key) this.fill();
      else this.form.blank();
      delete byId("exam-form").dataset.waits;
    } catch (error) {
      setText(byId("exam-failed"), t.failed(error.message));
      byId("exam-failed").hidden = false;
      byId("exam-form").hidden = true;
    }
  }

  async read() {
    this.draw(await call(`/api/exams/${this.key}`));
    this.fill();
  }

  fill() {
    this.revision = this.exam.revision;
    this.form.fill(this.exam);
  }

  changed() {
    this.dirty = true;
    setText(byId("exam-saved"), t.unsaved);
  }

  async save() {
    this.form.clear();
    byId("exam-form-error").hidden = true;
    byId("exam-changed").hidden = true;
    if (!this.form.settle()) return;
    const body = { ...this.form.read(), by: by(), ...(this.key && { revision: this.revision }) };
    try {
      const answer = await call(this.key ? `/api/exams/${this.key}` : "/api/exams", { method: this.key ? "PUT" : "POST", body });
      this.dirty = false;
      if (!this.key) {
        location.replace(addressOf(`/exams/${answer.exam.exam_key}`));
        return;
      }
      this.draw(answer);
      this.fill();
      setText(byId("exam-saved"), t.saved(answer.running));
    } catch (error) {
      this.refused(error);
    }
  }

  /** Said at the field; where somebody else was first, what they changed, with what was written here left as it is. */
  refused(error) {
    if (error.status === 409 && error.details.differs) {
      this.revision = error.details.revision;
      setText(byId("exam-changed-text"), t.changed(error.details.changed_by, error.details.differs.map((name) => t.fields[name] ?? name)));
      byId("exam-changed").hidden = false;
      byId("exam-changed").focus();
      return;
    }
    const told = error.field && this.form.wrong(error.field, error.message);
    setText(byId("exam-form-error"), told ? t.lookAbove : t.notSaved(error.message));
    byId("exam-form-error").hidden = false;
  }

  async takeTheirs() {
    await this.read();
    this.dirty = false;
    byId("exam-changed").hidden = true;
    setText(byId("exam-saved"), t.theirs);
    byId("exam-save").focus();
  }

  draw({ exam, running }) {
    Object.assign(this, { exam, running });
    setText(byId("exam-heading"), exam.title);
    const stands = exam.state === "open" && !exam.is_open ? t.opensAt(minuteTime(exam.opens, exam.time_zone), exam.time_zone) : t.states[exam.state];
    setText(byId("exam-state"), stands);
    byId("exam-state").dataset.state = exam.state;
    byId("exam-state").hidden = false;
    byId("exam-actions").hidden = false;
    for (const button of document.querySelectorAll("#exam-actions [data-state]")) button.hidden = !NEXT[exam.state].includes(button.dataset.state);
    byId("exam-end-all").hidden = exam.state === "draft" && !running;
    drawReports(exam);
    drawSeb(exam);
    drawSnippet(exam);
    const query = new URLSearchParams({ exam_id: exam.exam_id });
    byId("exam-live").href = addressOf(`/?${new URLSearchParams({ exam: exam.exam_id })}`);
    byId("exam-sessions").href = addressOf(`/exams?${query}`);
    byId("exam-review").href = addressOf(`/review?${new URLSearchParams({ exam_id: exam.exam_id, state: "all" })}`);
    setText(byId("exam-said"), running ? t.runs(running) : exam.state === "draft" ? t.made : "");
  }

  /** Do something with the exam, and say what came of it. */
  async act(path, { method = "POST", body = {} } = {}) {
    try {
      return await call(`/api/exams/${this.key}${path}`, { method, body: { ...body, by: by() } });
    } catch (error) {
      if (error.details?.reason === "meanwhile") await this.#lookAgain().catch(() => {}); // what was seen before stays
      setText(byId("exam-said"), t.notDone(error.message));
      return null;
    }
  }

  /** Show what is in force, but for what is written here. */
  async #lookAgain() {
    this.draw(await call(`/api/exams/${this.key}`));
    if (!this.dirty) this.fill();
  }

  async put(state) {
    const answer = await this.act("/state", { body: { state, ...(state === "open" && { revision: this.exam.revision }) } }); // what is opened is what was seen
    if (!answer) return;
    this.draw(answer);
    if (this.exam.revision === this.revision + 1) this.revision += 1; // else somebody has changed it since, which is told when this form is saved
    else if (!this.dirty) this.fill();
    setText(byId("exam-said"), t.done[state]);
    byId("exam-heading").focus(); // the button that was pressed may be gone
  }

  async endAll() {
    setText(byId("exam-end-text"), t.endText(this.running));
    if ((await answerOf(byId("exam-end-dialog"))) !== "end") return;
    const wasOpen = this.exam.state === "open";
    const answer = await this.act("/end", { body: { reason: byId("exam-end-reason").value.trim(), close: true } });
    if (!answer) return;
    await this.#lookAgain().catch(() => {});
    if (this.dirty && wasOpen && answer.closed && this.exam.revision === this.revision + 1) this.revision += 1; // by nobody else
    setText(byId("exam-said"), answer.closed ? t.ended(answer.ended) : t.endedOpen(answer.ended));
  }

  async duplicate() {
    byId("exam-copy-name").value = this.exam.title;
    if ((await answerOf(byId("exam-copy-dialog"))) !== "copy") return;
    const answer = await this.act("/duplicate", { body: { exam_id: byId("exam-copy-id").value.trim(), title: byId("exam-copy-name").value.trim() } });
    if (answer) location.assign(addressOf(`/exams/${answer.exam.exam_key}`));
  }

  async remove() {
    byId("exam-delete-typed").value = "";
    if ((await answerOf(byId("exam-delete-dialog"))) !== "delete") return;
    const body = { title: byId("exam-delete-typed").value.trim() };
    for (;;) {
      const answer = await this.act("", { method: "DELETE", body });
      if (!answer) return;
      if (answer.done) break;
      setText(byId("exam-said"), t.deleting(answer.left));
    }
    this.dirty = false;
    location.assign(addressOf("/exams"));
  }
}

new ExamPage().start();
