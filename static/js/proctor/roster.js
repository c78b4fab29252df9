// The page of an exam's students: who is in it and how each stands; it follows what happens.

import { call } from "../shared/api.js";
import { addressOf } from "../shared/base.js";
import { byId, make, setText } from "../shared/dom.js";
import { itemName } from "../shared/names.js";
import { list } from "../shared/translate.js";
import { wireCopyButtons } from "./copy.js";
import { damagedLine } from "./damaged.js";
import { fullTime } from "./dates.js";
import { showRows } from "./exams-forms.js";
import { labelled } from "./phrases.js";
import { ProctorSocket } from "./proctor-socket.js";
import { rosterTexts as t } from "./texts-roster.js";
import { wireCourse } from "./roster-course.js";
import { ImportForm } from "./roster-import.js";
import { LinksPanel } from "./roster-links.js";
import { MailForm } from "./roster-mail.js";
import { StudentDialog } from "./roster-student.js";
import { differences } from "./roster-words.js";

const PAGE = 100;
const TYPING_MS = 400;
const GATHER_MS = 1500; // many students come in the same minute
const SEEN = ["session_started", "session_ended", "interval_reviewed", "interval_flagged", "conclusion_changed", "roster_changed"];

class RosterPage {
  after = null;
  asked = 0; // an answer to a question before the last is late
  shown = 0;
  saysFound = false;
  more = false; // happened since it was read
  key = document.body.dataset.examKey;
  address = `/api/exams/${document.body.dataset.examKey}/roster`;

  async start() {
    wireCopyButtons(document);
    this.dialog = new StudentDialog(this.address, () => this.read());
    new ImportForm(this.address, () => this.read()).start();
    wireCourse(this.address, () => this.read());
    new MailForm(this.address, () => this.read()).start();
    new LinksPanel(this.address, () => this.read()).start();
    byId("roster-filters").addEventListener("submit", (event) => event.preventDefault());
    byId("roster-state").append(make("option", { value: "", text: t.everyState }));
    for (const id of ["roster-state", "roster-sort"]) byId(id).addEventListener("change", () => this.read());
    byId("roster-search").addEventListener("input", () => {
      clearTimeout(this.typing);
      this.typing = setTimeout(() => this.read(), TYPING_MS);
    });
    byId("roster-more").addEventListener("click", () => this.read({ more: true }));
    const wanted = new URLSearchParams(location.search).get("state"); // as the live page links to it
    if (wanted === "not_come") byId("roster-state").append(make("option", { value: wanted, text: t.notCome, selected: true }));
    await this.read();
    delete byId("roster-parts").dataset.waits;
    const socket = new ProctorSocket();
    for (const event of SEEN) socket.on(event, () => this.#soon());
    socket.on("device_state", ({ device, state }) => device === "connection" && state === "ok" && this.#soon()); // a student begins when the page is there
    socket.joinExam(document.body.dataset.examId);
    socket.onConnect(() => this.#soon()); // what happened while it was away nobody tells again
  }

  /** Something happened: the rows that are there are read anew, at once, and once more when it is stored for certain, with all that happens meanwhile. */
  #soon() {
    this.more = true;
    if (this.waiting) return;
    this.read();
    this.#again();
  }

  #again() {
    this.more = false;
    this.waiting = setTimeout(() => {
      this.waiting = null;
      this.read();
      if (this.more) this.#again();
    }, GATHER_MS);
  }

  async read({ more = false } = {}) {
    const asked = ++this.asked;
    const limit = more ? PAGE : Math.min(900, Math.max(PAGE, this.shown));
    const [search, state, sort] = ["search", "state", "sort"].map((name) => byId(`roster-${name}`).value.trim());
    const query = new URLSearchParams({ limit, sort: sort || "user_id", ...(search && { search }), ...(state && { state }), ...(more && this.after && { after: this.after }) });
    try {
      const answer = await call(`${this.address}?${query}`);
      if (asked !== this.asked) return;
      this.#draw(answer, more, Boolean(search || state));
      byId("roster-error").hidden = true;
    } catch (error) {
      if (asked !== this.asked) return;
      setText(byId("roster-error"), t.failed(error.message));
      byId("roster-error").hidden = false;
    }
  }

  #draw({ students, total, found, states, can_mail: mails, next_after: next }, more, isChosen) {
    const focused = more ? null : document.activeElement?.closest("tr")?.dataset.row;
    const body = byId("roster").tBodies[0];
    showRows(body, students.map((one) => this.#row(one)), more);
    if (focused) body.querySelector(`tr[data-row="${focused}"] button`)?.focus();
    this.after = next;
    this.shown = body.rows.length;
    byId("roster-more").hidden = next === null;
    byId("roster-table").hidden = found === 0;
    byId("roster-none").hidden = total > 0;
    for (const id of ["links", "roster-to-links"]) byId(id).hidden = total === 0;
    byId("mail").hidden = total === 0 || !mails;
    byId("mail-off").hidden = total === 0 || mails;
    setText(byId("roster-sum"), t.sum(total));
    if (isChosen || this.saysFound) setText(byId("roster-said"), isChosen ? t.found(found) : ""); // what was said of an import stays
    this.saysFound = isChosen;
    this.#offerStates(states);
  }

  #offerStates(states) {
    const select = byId("roster-state");
    const wanted = [["", t.everyState], ["not_come", t.counted(t.notCome, states.awaited + states.late + states.absent)]];
    for (const [state, count] of Object.entries(states)) if (count || select.value === state) wanted.push([state, t.counted(t.states[state], count)]);
    const chosen = select.value;
    select.replaceChildren(...wanted.map(([value, text]) => make("option", { value, text })));
    select.value = chosen;
  }

  #row(one) {
    const lines = [
      one.in_course === "inactive" && t.course.left,
      one.rehearsed_at && !one.started_at && t.rehearsedAt(fullTime(one.rehearsed_at)),
      one.failed.length > 0 && !one.started_at && t.notReady(list(one.failed.map(itemName))),
      one.ended_at ? t.endedAt(fullTime(one.ended_at)) : one.started_at && t.begunAt(fullTime(one.started_at)),
    ].filter(Boolean);
    const given = one.revoked ? t.revoked : one.invited_at ? t.sent(fullTime(one.invited_at)) : one.shown_at ? t.givenOut(fullTime(one.shown_at)) : t.notGivenOut;
    const letter = one.mail === "failed" ? t.mail.failed(one.mail_error) : one.mail === "queued" ? t.mail.queued : "";
    const name = one.name || one.user_id;
    const links = [make("button", { type: "button", class: "quiet", text: t.open, "aria-label": labelled(t.open, name), onclick: () => this.dialog.open(one) })];
    if (one.sessions.length) links.unshift(make("a", { href: addressOf(`/session/${one.sessions[0]}`), text: t.session, "aria-label": labelled(t.session, name) }));
    const small = (text) => make("p", { class: "muted", text });
    return make(
      "tr",
      { "data-row": one.row_id },
      make("th", { scope: "row" }, make("bdi", { text: name }), one.name ? make("p", { class: "muted" }, make("bdi", { text: one.user_id })) : null, damagedLine(one)),
      make("td", {}, make("span", { class: "roster-state", "data-state": one.state, text: t.states[one.state] }), ...lines.map(small)),
      make("td", {}, ...differences(one).map((text) => make("p", { text })), one.note ? small(one.note) : null),
      make("td", { class: "muted" }, make("p", { text: given }), letter ? make("p", { text: letter }) : null),
      make("td", { class: "row-links" }, ...links),
    );
  }
}

await new RosterPage().start();
