// The sessions on the exams page: the latest first, of one exam or a student where that is chosen.

import { call } from "../shared/api.js";
import { addressOf } from "../shared/base.js";
import { byId, make, setText } from "../shared/dom.js";
import { list } from "../shared/translate.js";
import { damagedLine } from "./damaged.js";
import { ZONE, endTime, fullTime, minuteTime } from "./dates.js";
import { showRows } from "./exams-forms.js";
import { bracketed, labelled } from "./phrases.js";
import { sebNow } from "./seb-words.js";
import { texts } from "./texts.js";
import { readShare, unreadLines, unreadReasons } from "./unread.js";
import { who } from "./who.js";

const t = texts.exams;
const PAGE = 20; // the page goes on below them
const TYPING_MS = 400;
const NO_EXAM = "."; // among the choices; no ID begins with a dot

/** The share is that of the picture: of the sound it is said apart. */
function unreadHead(unread, share) {
  const { sound, ...picture } = unread;
  if (unreadLines(picture).length) return bracketed(share, list(unreadReasons(picture)));
  return list([share, bracketed(texts.soundUnknown(), list(unreadReasons({ sound })))]);
}

/** How much could be read and, where it isn't all, why not: in one line, with what stands behind it. */
function unreadCell(unread) {
  const share = texts.analytics.percent(readShare(unread));
  const lines = unreadLines(unread);
  if (!lines.length) return [make("div", { text: share })];
  const head = make("summary", {}, unreadHead(unread, share));
  return [make("details", {}, head, ...lines.map((text) => make("div", { class: "muted", text })))];
}

export class SessionsTable {
  after = null;
  asked = 0; // lists of sessions; an answer to one before the last is late

  start() {
    byId("sessions-filters").addEventListener("submit", (event) => event.preventDefault());
    for (const name of ["exam", "from", "to"]) byId(`sessions-${name}`).addEventListener("change", () => this.#changed());
    byId("sessions-search").addEventListener("input", () => {
      clearTimeout(this.typing);
      this.typing = setTimeout(() => this.#changed(), TYPING_MS);
    });
    byId("sessions-more").addEventListener("click", () => this.read({ more: true }));
    addEventListener("popstate", () => {
      this.#takeAddress();
      this.read();
    });
    this.#takeAddress();
  }

  get #chosen() {
    return { exam: byId("sessions-exam").value, search: byId("sessions-search").value.trim(), from: byId("sessions-from").value, to: byId("sessions-to").value };
  }

  /** What is chosen, as the call and this page's own address have it. */
  #query({ exam, search, from, to }) {
    const days = { ...(from && { from }), ...(to && { to }) };
    return new URLSearchParams({ ...(exam === NO_EXAM ? { without_exam: true } : exam && { exam_id: exam }), ...(search && { search }), ...days });
  }

  #takeAddress() {
    const given = new URLSearchParams(location.search);
    const exam = given.has("without_exam") ? NO_EXAM : (given.get("exam_id") ?? "");
    if (exam) this.offerExam(exam);
    byId("sessions-exam").value = exam;
    for (const name of ["search", "from", "to"]) byId(`sessions-${name}`).value = given.get(name) ?? "";
  }

  /** Let `exam` (null: sessions without one) be chosen. */
  offerExam(exam_id) {
    const exam = exam_id ?? NO_EXAM;
    const select = byId("sessions-exam");
    if ([...select.options].some(({ value }) => value === exam)) return;
    select.append(make("option", { value: exam, text: exam === NO_EXAM ? texts.analytics.noExam : exam }));
  }

  #changed() {
    if (!["from", "to"].every((name) => byId(`sessions-${name}`).validity.valid)) return; // a year that is half typed
    history.replaceState(null, "", `?${this.#query(this.#chosen)}`);
    this.read();
  }

  /** A link that chooses the sessions of `exam` (null: those without one), called `name`. */
  linkTo(exam, name) {
    const chosen = { exam: exam ?? NO_EXAM, search: "", from: "", to: "" };
    return make("a", { href: `?${this.#query(chosen)}`, text: t.sessions, "aria-label": t.sessionsOf(name), onclick: (event) => this.#choose(event, chosen) });
  }

  #choose(event, chosen) {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return; // in a tab of its own
    event.preventDefault();
    history.pushState(null, "", `?${this.#query(chosen)}`);
    this.#takeAddress();
    this.read();
    byId("sessions-title").scrollIntoView();
    byId("sessions-title").focus({ preventScroll: true });
  }

  async read({ more = false } = {}) {
    this.asked += 1;
    const mine = this.asked;
    const chosen = this.#chosen;
    const body = byId("sessions").tBodies[0];
    const query = this.#query(chosen);
    query.set("tz", ZONE);
    this.#drawDownload(chosen);
    query.set("limit", PAGE);
    if (more) query.set("after", this.after);
    byId("sessions-error").hidden = true;
    if (!more) byId("sessions-more").hidden = true; // it would go on with the list before
    if (body.rows.length === 0) setText(byId("sessions-said"), t.sessionsLoading);
    try {
      const { sessions, next_after: next } = await call(`/api/sessions?${query}`);
      if (mine !== this.asked) return;
      const rows = sessions.map((session) => this.#row(session));
      this.after = next ?? null;
      showRows(body, rows, more);
      byId("sessions-more").hidden = this.after === null;
      setText(byId("sessions-said"), t.sessionsShown(body.rows.length, next, Object.values(chosen).some(Boolean)));
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

  /** The same sessions as a table of their own, where the call for it can choose them. */
  #drawDownload({ exam, search, from, to }) {
    const link = byId("sessions-csv");
    link.hidden = Boolean(search) || exam === NO_EXAM;
    link.href = addressOf(`/api/analytics.csv?${new URLSearchParams({ table: "sessions", tz: ZONE, ...(exam && { exam_id: exam }), ...(from && { from }), ...(to && { to }) })}`);
  }

  #row(session) {
    const { session_id: id, user_id: user, exam_id: exam, state, begun, started_at: started, ended_at: ended, total_score: points, flagged_intervals: flags, unread, decisions = {} } = session;
    const undecided = (decisions.open ?? 0) + (decisions.disputed ?? 0);
    const began = fullTime(started);
    const [shown, end] = [t.sessionStates[state === "running" && !begun ? "waiting" : state], texts.end(session)];
    const how = shown && end ? labelled(shown, end) : shown || end;
    return make(
      "tr",
      {},
      make("th", { scope: "row" }, make("a", { href: addressOf(`/session/${id}`), text: who(session) || id }), sebNow(session.seb) ? make("div", { class: "muted", text: sebNow(session.seb) }) : null, damagedLine(session)),
      make("td", {}, make("bdi", { text: exam ?? texts.analytics.noExam })),
      make("td", { class: "when", text: minuteTime(started), "data-value": started ? Date.parse(started) : "" }),
      make("td", { class: "ended", "data-value": ended ? Date.parse(ended) : "" }, ended ? make("div", { class: "when", text: endTime(ended, started) }) : null, how ? make("div", { class: "muted", text: how }) : null),
      ...[points, flags].map((count) => make("td", { class: "number", text: count })),
      make("td", { class: "unread", "data-value": readShare(unread) ?? "" }, ...unreadCell(unread)),
      make("td", { "data-value": undecided, text: t.decisions(decisions) }),
      make("td", { class: "row-links" }, make("a", { href: addressOf(`/session/${id}/report`), text: texts.report.title, "aria-label": labelled(texts.report.title, list([user, exam, began].filter(Boolean))) })),
    );
  }
}
