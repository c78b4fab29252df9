// The exams page: what exams there are, a link for a student, and the accommodations.

import { accommodationBody, accommodationWords } from "./accommodations.js";
import { call } from "./api.js";
import { wireCopyButtons } from "./copy.js";
import { fullTime } from "./dates.js";
import { byId, make, setText } from "./dom.js";
import { idProblem } from "./portal-ids.js";
import { reviewer } from "./reviewer.js";
import { texts } from "./texts.js";

const t = texts.exams;
const PAGE = 50;
const MOST_POINTS = 10;

class ExamsPage {
  after = null;

  start() {
    wireCopyButtons(document);
    byId("link-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.makeLink();
    });
    byId("acc-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.save();
    });
    byId("acc-more").addEventListener("click", () => this.readAccommodations());
    for (const label of document.querySelectorAll("[data-kind-label]")) setText(label, texts.kinds[label.dataset.kindLabel]);
    for (const select of document.querySelectorAll("select[data-kind]")) {
      const other = Array.from({ length: MOST_POINTS }, (_, index) => make("option", { value: index + 1, text: texts.session.points(index + 1) }));
      select.append(make("option", { value: "", text: t.asUsual(select.dataset.usual) }), make("option", { value: "0", text: t.off }), ...other);
    }
    byId("acc-by").value = reviewer();
    this.readExams();
    this.readAccommodations();
  }

  async readExams() {
    try {
      const { exams } = await call("/api/exams");
      byId("exams").tBodies[0].replaceChildren(...exams.map((exam) => this.examRow(exam)));
      byId("exam-names").replaceChildren(...exams.filter(({ exam_id }) => exam_id).map(({ exam_id }) => make("option", { value: exam_id })));
      byId("exams").hidden = exams.length === 0;
      byId("exams-none").hidden = exams.length > 0;
      setText(byId("exams-none"), t.none);
      byId("exams-error").hidden = true;
    } catch (error) {
      setText(byId("exams-error"), t.failed(error.message));
      byId("exams-error").hidden = false;
    }
  }

  examRow({ exam_id: exam, sessions, running, flags }) {
    const links = exam ? [make("a", { href: `/review?${new URLSearchParams({ exam_id: exam, state: "all" })}`, text: t.review, "aria-label": `${t.review} ${exam}` })] : [];
    if (running) links.unshift(make("a", { href: `/?${new URLSearchParams(exam ? { exam } : {})}`, text: t.live, "aria-label": `${t.live} ${exam ?? ""}` }));
    return make(
      "tr",
      {},
      make("th", { scope: "row", text: exam ?? texts.analytics.noExam }),
      ...[sessions, running, flags].map((count) => make("td", { class: "number", text: count })),
      make("td", { class: "row-links" }, ...links),
    );
  }

  async makeLink() {
    const user = byId("link-user").value.trim();
    const exam = byId("link-exam").value.trim();
    byId("link-made").hidden = true;
    if (this.wrongIds("link", user, exam)) return;
    try {
      const made = await call("/api/session/create", { method: "POST", body: { user_id: user, source: "browser", ...(exam && { exam_id: exam }) } });
      byId("link-error").hidden = true;
      byId("link-user").removeAttribute("aria-invalid");
      setText(byId("link-address"), made.portal_url);
      setText(byId("link-said"), t.link(made.user_id));
      byId("link-made").hidden = false;
      this.readExams();
    } catch (error) {
      const field = { user_id: "link-user", exam_id: "link-exam" }[error.field] ?? null;
      this.wrong("link-error", error.status === 409 ? t.already : t.linkFailed(error.message), field);
    }
  }

  async readAccommodations({ anew = false } = {}) {
    if (anew) this.after = null;
    const query = new URLSearchParams({ limit: PAGE, ...(this.after && { after: this.after }) });
    try {
      const { accommodations, next_after: next } = await call(`/api/accommodations?${query}`);
      const rows = accommodations.map((one) => this.accommodationRow(one));
      const body = byId("acc").tBodies[0];
      if (this.after === null) body.replaceChildren(...rows);
      else body.append(...rows);
      this.after = next ?? null;
      byId("acc-more").hidden = this.after === null;
      byId("acc").hidden = body.rows.length === 0;
      byId("acc-none").hidden = body.rows.length > 0;
      setText(byId("acc-none"), t.noAccommodations);
      byId("acc-error").hidden = true;
    } catch (error) {
      setText(byId("acc-error"), t.accommodationsFailed(error.message));
      byId("acc-error").hidden = false;
    }
  }

  accommodationRow(one) {
    const exam = one.exam_id ?? t.everyExam;
    const remove = make("button", { type: "button", class: "quiet", text: t.remove, "aria-label": `${t.remove}: ${one.user_id}, ${exam}`, onclick: () => this.remove(one, exam) });
    return make(
      "tr",
      {},
      make("th", { scope: "row", text: one.user_id }),
      make("td", { text: exam }),
      make("td", {}, make("ul", {}, ...accommodationWords(one).map((text) => make("li", { text }))), one.note ? make("p", { class: "muted", text: one.note }) : null),
      make("td", { class: "muted", text: [one.set_by, fullTime(one.at)].filter(Boolean).join(", ") }),
      make("td", { class: "row-links" }, remove),
    );
  }

  async save() {
    const points = {};
    for (const select of document.querySelectorAll("select[data-kind]")) if (select.value !== "") points[select.dataset.kind] = Number(select.value);
    const body = accommodationBody({
      user_id: byId("acc-user").value,
      exam_id: byId("acc-exam").value,
      points,
      reading_aloud: byId("acc-reading").checked,
      breaks_allowed: Number(byId("acc-breaks").value),
      break_minutes: Number(byId("acc-minutes").value),
      note: byId("acc-note").value,
      set_by: byId("acc-by").value,
    });
    if (this.wrongIds("acc", body.user_id, body.exam_id ?? "")) return;
    if (!accommodationWords(body).length) {
      this.wrong("acc-form-error", t.nothing);
      return;
    }
    try {
      await call("/api/accommodations", { method: "POST", body });
    } catch (error) {
      const field = { user_id: "acc-user", exam_id: "acc-exam", note: "acc-note", set_by: "acc-by", breaks_allowed: "acc-breaks", break_minutes: "acc-minutes" }[error.field] ?? null;
      this.wrong("acc-form-error", t.addFailed(error.message), field);
      return;
    }
    byId("acc-form-error").hidden = true;
    const by = byId("acc-by").value;
    byId("acc-form").reset();
    byId("acc-by").value = by;
    byId("acc-add").open = false;
    setText(byId("acc-said"), t.added(body.user_id));
    byId("acc-add").querySelector("summary").focus();
    await this.readAccommodations({ anew: true });
  }

  remove(one, exam) {
    const dialog = byId("remove-dialog");
    setText(byId("remove-text"), t.removeConfirm(one.user_id, exam));
    dialog.returnValue = "";
    dialog.addEventListener("close", () => dialog.returnValue === "remove" && this.reallyRemove(one), { once: true });
    dialog.showModal();
  }

  async reallyRemove({ id }) {
    try {
      await call(`/api/accommodations/${id}`, { method: "DELETE" });
      setText(byId("acc-said"), t.removed);
    } catch (error) {
      setText(byId("acc-said"), t.removeFailed(error.message));
    }
    await this.readAccommodations({ anew: true });
    byId("acc-add").querySelector("summary").focus();
  }

  /** Say what is wrong with the IDs of a form (`link` or `acc`), if anything is. */
  wrongIds(form, user, exam) {
    const place = form === "link" ? "link-error" : "acc-form-error";
    const [userWrong, examWrong] = [user ? idProblem(user) : t.missing, idProblem(exam)];
    if (userWrong) this.wrong(place, userWrong, `${form}-user`);
    else if (examWrong) this.wrong(place, examWrong, `${form}-exam`);
    return Boolean(userWrong || examWrong);
  }

  wrong(place, text, field = null) {
    for (const input of document.querySelectorAll("[aria-invalid]")) input.removeAttribute("aria-invalid");
    setText(byId(place), text);
    byId(place).hidden = false;
    if (!field) return;
    byId(field).setAttribute("aria-invalid", "true");
    byId(field).focus();
  }
}

new ExamsPage().start();
