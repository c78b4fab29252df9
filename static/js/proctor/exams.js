// The exams page: what exams and sessions there are, a link for a student, and the accommodations.

import { call } from "../shared/api.js";
import { answerOf, byId, make, oneWish, setText } from "../shared/dom.js";
import { idProblem } from "../shared/identifiers.js";
import { accommodationBody, accommodationWords } from "./accommodations.js";
import { wireCopyButtons } from "./copy.js";
import { fullTime } from "./dates.js";
import { reviewer } from "./reviewer.js";
import { texts } from "./texts.js";

const t = texts.exams;
const PAGE = 50;
const SESSIONS_PAGE = 20; // the page goes on below them
const MOST_OF_A_STUDENT = 960; // accommodations, one for each exam
const MOST_POINTS = 10;
const TYPING_MS = 400;
const NO_EXAM = "."; // among the choices; no ID begins with a dot

class ExamsPage {
  after = null;
  inTheWay = null; // the running session for which no second one is made
  sessionsAfter = null;
  asked = 0; // lists of sessions; an answer to one before the last is late
  saving = false;
  agreed = null; // the accommodation that may be replaced: the one being changed, or that the form has named

  start() {
    wireCopyButtons(document);
    this.wireSessions();
    byId("link-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.makeLink();
    });
    oneWish(byId("link-make"));
    oneWish(byId("link-again")).addEventListener("click", () => this.makeLinkAgain());
    byId("acc-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.save();
    });
    // a second press answers what the first one brought: a double click or a held key is no answer
    oneWish(byId("acc-save"));
    byId("acc-form").addEventListener("keydown", (event) => event.key === "Enter" && event.repeat && event.preventDefault());
    for (const id of ["acc-user", "acc-exam"]) byId(id).addEventListener("input", () => this.forget());
    byId("acc-cancel").addEventListener("click", () => this.closeForm(this.buttonOf(this.agreed)));
    byId("acc-more").addEventListener("click", () => this.readAccommodations());
    for (const label of document.querySelectorAll("[data-kind-label]")) setText(label, texts.kinds[label.dataset.kindLabel]);
    for (const select of document.querySelectorAll("select[data-kind]")) {
      const other = Array.from({ length: MOST_POINTS }, (_, index) => make("option", { value: index + 1, text: texts.session.points(index + 1) }));
      select.append(make("option", { value: "", text: t.asUsual(select.dataset.usual) }), make("option", { value: "0", text: t.off }), ...other);
    }
    byId("acc-by").value = reviewer();
    this.forget();
    this.readExams();
    this.readSessions();
    this.readAccommodations();
  }

  async readExams() {
    try {
      const { exams } = await call("/api/exams");
      byId("exams").tBodies[0].replaceChildren(...exams.map((exam) => this.examRow(exam)));
      byId("exam-names").replaceChildren(...exams.filter(({ exam_id }) => exam_id).map(({ exam_id }) => make("option", { value: exam_id })));
      for (const { exam_id } of exams) this.offerExam(exam_id ?? NO_EXAM);
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
    const name = exam ?? texts.analytics.noExam;
    const chosen = { exam: exam ?? NO_EXAM, search: "" };
    links.unshift(make("a", { href: `?${this.sessionsQuery(chosen)}`, text: t.sessions, "aria-label": `${t.sessions} ${name}`, onclick: (event) => this.chooseExam(event, chosen) }));
    if (running) links.unshift(make("a", { href: `/?${new URLSearchParams(exam ? { exam } : {})}`, text: t.live, "aria-label": `${t.live} ${name}` }));
    return make(
      "tr",
      {},
      make("th", { scope: "row", text: name }),
      ...[sessions, running, flags].map((count) => make("td", { class: "number", text: count })),
      make("td", { class: "row-links" }, ...links),
    );
  }

  // Sessions

  wireSessions() {
    byId("sessions-filters").addEventListener("submit", (event) => event.preventDefault());
    byId("sessions-exam").addEventListener("change", () => this.sessionsChosen());
    byId("sessions-search").addEventListener("input", () => {
      clearTimeout(this.typing);
      this.typing = setTimeout(() => this.sessionsChosen(), TYPING_MS);
    });
    byId("sessions-more").addEventListener("click", () => this.readSessions({ more: true }));
    addEventListener("popstate", () => {
      this.takeAddress();
      this.readSessions();
    });
    this.takeAddress();
  }

  get chosen() {
    return { exam: byId("sessions-exam").value, search: byId("sessions-search").value.trim() };
  }

  /** What is chosen, as the call and this page's own address have it. */
  sessionsQuery({ exam, search }) {
    return new URLSearchParams({ ...(exam === NO_EXAM ? { without_exam: true } : exam && { exam_id: exam }), ...(search && { search }) });
  }

  takeAddress() {
    const given = new URLSearchParams(location.search);
    const exam = given.has("without_exam") ? NO_EXAM : (given.get("exam_id") ?? "");
    if (exam) this.offerExam(exam);
    byId("sessions-exam").value = exam;
    byId("sessions-search").value = given.get("search") ?? "";
  }

  offerExam(exam) {
    const select = byId("sessions-exam");
    if ([...select.options].some(({ value }) => value === exam)) return;
    select.append(make("option", { value: exam, text: exam === NO_EXAM ? texts.analytics.noExam : exam }));
  }

  sessionsChosen() {
    history.replaceState(null, "", `?${this.sessionsQuery(this.chosen)}`);
    this.readSessions();
  }

  chooseExam(event, chosen) {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return; // in a tab of its own
    event.preventDefault();
    history.pushState(null, "", `?${this.sessionsQuery(chosen)}`);
    this.takeAddress();
    this.readSessions();
    byId("sessions-title").scrollIntoView();
    byId("sessions-title").focus({ preventScroll: true });
  }

  async readSessions({ more = false } = {}) {
    this.asked += 1;
    const mine = this.asked;
    const { chosen } = this;
    const body = byId("sessions").tBodies[0];
    const query = this.sessionsQuery(chosen);
    query.set("limit", SESSIONS_PAGE);
    if (more) query.set("after", this.sessionsAfter);
    byId("sessions-error").hidden = true;
    if (!more) byId("sessions-more").hidden = true; // it would go on with the list before
    if (body.rows.length === 0) setText(byId("sessions-said"), t.sessionsLoading);
    try {
      const { sessions, next_after: next } = await call(`/api/sessions?${query}`);
      if (mine !== this.asked) return;
      const rows = sessions.map((session) => this.sessionRow(session));
      this.sessionsAfter = next ?? null;
      showRows(body, rows, more);
      byId("sessions-more").hidden = this.sessionsAfter === null;
      setText(byId("sessions-said"), t.sessionsShown(body.rows.length, next, chosen.exam || chosen.search));
    } catch (error) {
      if (mine !== this.asked) return;
      if (!more) showRows(body, [], false);
      byId("sessions-more").hidden = !more;
      setText(byId("sessions-said"), "");
      setText(byId("sessions-error"), t.sessionsFailed(error.message));
      byId("sessions-error").hidden = false;
    }
    byId("sessions-table").hidden = body.rows.length === 0;
  }

  sessionRow(session) {
    const { session_id: id, user_id: user, exam_id: exam, state, begun, started_at: started, ended_at: ended, total_score: points, flagged_intervals: flags } = session;
    const began = fullTime(started);
    const how = [t.sessionStates[state === "running" && !begun ? "waiting" : state], texts.end(session)].filter(Boolean).join(": ");
    return make(
      "tr",
      {},
      make("th", { scope: "row" }, make("a", { href: `/session/${id}`, text: user })),
      make("td", { text: exam ?? texts.analytics.noExam }),
      make("td", { class: "when", text: began }),
      make("td", {}, ended ? make("div", { class: "when", text: fullTime(ended) }) : null, how ? make("div", { class: "muted", text: how }) : null),
      ...[points, flags].map((count) => make("td", { class: "number", text: count })),
      make("td", { class: "row-links" }, make("a", { href: `/session/${id}/report`, text: texts.report.title, "aria-label": `${texts.report.title}: ${[user, exam, began].filter(Boolean).join(", ")}` })),
    );
  }

  // A link

  async makeLink() {
    const user = byId("link-user").value.trim();
    const exam = byId("link-exam").value.trim();
    byId("link-made").hidden = true;
    byId("link-again").hidden = true;
    if (this.wrongIds("link", user, exam)) return;
    try {
      const made = await call("/api/session/create", { method: "POST", body: { user_id: user, source: "browser", ...(exam && { exam_id: exam }) } });
      this.showLink(made.portal_url, made.user_id);
      this.readExams();
      this.readSessions();
    } catch (error) {
      const field = { user_id: "link-user", exam_id: "link-exam" }[error.field] ?? null;
      this.inTheWay = { session_id: error.details?.session_id, user };
      byId("link-again").hidden = error.status !== 409;
      this.wrong("link-error", error.status === 409 ? t.already : t.linkFailed(error.message), field);
    }
  }

  /** For a student who lost the page, or goes on at another computer. */
  async makeLinkAgain() {
    const { session_id, user } = this.inTheWay;
    const by = reviewer();
    try {
      const made = await call(`/api/session/${session_id}/link`, { method: "POST", body: by ? { by } : {} });
      byId("link-again").hidden = true;
      this.showLink(made.portal_url, user);
      byId("link-made").querySelector("button").focus(); // the one that was pressed is gone
    } catch (error) {
      this.wrong("link-error", t.linkFailed(error.message));
    }
  }

  showLink(address, user) {
    byId("link-error").hidden = true;
    byId("link-user").removeAttribute("aria-invalid");
    setText(byId("link-address"), address);
    setText(byId("link-said"), t.link(user));
    byId("link-made").hidden = false;
  }

  // Accommodations

  async readAccommodations({ anew = false } = {}) {
    if (anew) this.after = null;
    const query = new URLSearchParams({ limit: PAGE, ...(this.after && { after: this.after }) });
    try {
      const { accommodations, next_after: next } = await call(`/api/accommodations?${query}`);
      const rows = accommodations.map((one) => this.accommodationRow(one));
      const body = byId("acc").tBodies[0];
      showRows(body, rows, this.after !== null);
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
    const button = (text, onclick, more = {}) => make("button", { type: "button", class: "quiet", text, "aria-label": `${text}: ${one.user_id}, ${exam}`, onclick, ...more });
    const change = button(t.change, () => this.change(one), { "data-change": one.id });
    const remove = button(t.remove, () => this.remove(one, exam));
    return make(
      "tr",
      {},
      make("th", { scope: "row", text: one.user_id }),
      make("td", { text: exam }),
      make("td", {}, make("ul", {}, ...accommodationWords(one).map((text) => make("li", { text }))), one.note ? make("p", { class: "muted", text: one.note }) : null),
      make("td", { class: "muted", text: [one.set_by, fullTime(one.at)].filter(Boolean).join(", ") }),
      make("td", { class: "row-links" }, change, remove),
    );
  }

  /** Open the form filled with an accommodation. Whose it is stays: another student's is another accommodation. */
  change(one) {
    this.closeForm();
    this.agreed = one;
    for (const [id, value] of [["user", one.user_id], ["exam", one.exam_id ?? ""], ["breaks", one.breaks_allowed], ["minutes", one.break_minutes], ["note", one.note]]) byId(`acc-${id}`).value = value;
    byId("acc-reading").checked = one.reading_aloud;
    for (const select of document.querySelectorAll("select[data-kind]")) {
      const points = String(one.points[select.dataset.kind] ?? "");
      if (![...select.options].some(({ value }) => value === points)) select.append(make("option", { value: points, text: texts.session.points(Number(points)) })); // a script may set more
      select.value = points;
    }
    this.fixStudent(true);
    byId("acc-add").open = true;
    byId("acc-user").focus();
  }

  fixStudent(fixed) {
    for (const id of ["acc-user", "acc-exam"]) byId(id).readOnly = fixed;
    byId("acc-adding").hidden = fixed;
    byId("acc-changing").hidden = !fixed;
  }

  closeForm(next = null) {
    const by = byId("acc-by").value;
    byId("acc-form").reset();
    byId("acc-by").value = by;
    byId("acc-form-error").hidden = true;
    for (const input of byId("acc-form").querySelectorAll("[aria-invalid]")) input.removeAttribute("aria-invalid");
    this.forget();
    this.fixStudent(false);
    if (!next) return;
    byId("acc-add").open = false;
    next.focus();
  }

  /** What was named as replaced is no longer what this form would replace. */
  forget() {
    this.agreed = null;
    byId("acc-replaces").hidden = true;
    setText(byId("acc-save"), t.save);
  }

  buttonOf(one) {
    return (one && document.querySelector(`[data-change="${one.id}"]`)) ?? byId("acc-add").querySelector("summary");
  }

  /** May `body` be saved? If it would replace what nobody has agreed to replace, name that and wait for the second press. */
  async mayReplace({ user_id: user, exam_id: exam = null }) {
    const { accommodations } = await call(`/api/accommodations?${new URLSearchParams({ user_id: user, limit: MOST_OF_A_STUDENT })}`);
    const earlier = accommodations.find(({ exam_id }) => exam_id === (exam?.normalize("NFC") ?? null));
    if (!earlier || (earlier.id === this.agreed?.id && earlier.at === this.agreed.at)) return true;
    this.agreed = earlier;
    setText(byId("acc-replaces"), t.replaces(earlier, accommodationWords(earlier), fullTime(earlier.at)));
    byId("acc-replaces").hidden = false;
    setText(byId("acc-save"), t.replace);
    return false;
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
    if (this.saving || this.wrongIds("acc", body.user_id, body.exam_id ?? "")) return;
    if (!accommodationWords(body).length) {
      this.wrong("acc-form-error", t.nothing);
      return;
    }
    byId("acc-form-error").hidden = true;
    this.saving = true;
    let stored;
    try {
      if (!(await this.mayReplace(body))) return;
      stored = await call("/api/accommodations", { method: "POST", body });
    } catch (error) {
      const field = { user_id: "acc-user", exam_id: "acc-exam", note: "acc-note", set_by: "acc-by", breaks_allowed: "acc-breaks", break_minutes: "acc-minutes" }[error.field] ?? null;
      this.wrong("acc-form-error", t.addFailed(error.message), field);
      return;
    } finally {
      this.saving = false;
    }
    const changed = byId("acc-user").readOnly;
    this.closeForm(this.buttonOf(null));
    setText(byId("acc-said"), t.added(body.user_id));
    await this.readAccommodations({ anew: true });
    if (changed) this.buttonOf(stored.accommodation).focus();
  }

  async remove(one, exam) {
    setText(byId("remove-text"), t.removeConfirm(one.user_id, exam));
    if ((await answerOf(byId("remove-dialog"))) === "remove") this.reallyRemove(one);
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

/** Rows in place of those there are, or (`more`) behind them; the first of more takes the focus, as the button that asked for them may go. */
function showRows(body, rows, more) {
  if (!more) body.replaceChildren();
  body.append(...rows);
  if (more) rows[0]?.querySelector("a, button").focus();
}

new ExamsPage().start();
