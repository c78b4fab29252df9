// The exams page: what exams and sessions there are, a link for a student, and the accommodations.

import { call } from "../shared/api.js";
import { addressOf } from "../shared/base.js";
import { byId, make, setText } from "../shared/dom.js";
import { minuteTime } from "../shared/moments.js";
import { wireCopyButtons } from "./copy.js";
import { examMessage } from "./exam-message.js";
import { AccommodationsTable } from "./exams-accommodations.js";
import { LinkForm } from "./exams-link.js";
import { SessionsTable } from "./exams-sessions.js";
import { dressTable, makeSortable } from "./tables.js";
import { examTexts } from "./texts-exam.js";
import { identityTexts } from "./texts-identity.js";
import { resultsTexts } from "./texts-results.js";
import { texts } from "./texts.js";

const WAIT_MS = 3000; // for the tables; then the page is shown as far as it is

const t = texts.exams;

class ExamsPage {
  // each where its part of the page is there: who may do less sees less
  sessions = document.getElementById("sessions") && new SessionsTable();
  link = document.getElementById("link-form") && new LinkForm({ onMade: () => this.read() });
  accommodations = document.getElementById("acc") && new AccommodationsTable();

  start() {
    wireCopyButtons(document);
    for (const table of document.querySelectorAll("#exams, #sessions, #acc")) makeSortable(table);
    this.sessions?.start();
    // what stands below a table must not jump when its rows come: all of it is shown at once
    const shown = () => delete byId("exams-parts").dataset.waits;
    Promise.allSettled([this.accommodations?.start(), this.read()]).then(shown).then(() => this.accommodations?.takeAddress());
    setTimeout(shown, WAIT_MS);
  }

  read() {
    return this.sessions ? Promise.allSettled([this.readExams(), this.sessions.read()]) : Promise.resolve();
  }

  async readExams() {
    try {
      const exams = [];
      for (let after = ""; after !== null; ) {
        const page = await call(`/api/exams${after && `?${new URLSearchParams({ after })}`}`);
        exams.push(...page.exams);
        after = page.next_after ?? null;
      }
      byId("exams").tBodies[0].replaceChildren(...exams.map((exam) => this.examRow(exam)));
      dressTable(byId("exams"));
      byId("exam-names").replaceChildren(...exams.filter(({ exam_id }) => exam_id).map(({ exam_id }) => make("option", { value: exam_id })));
      for (const { exam_id } of exams) this.sessions.offerExam(exam_id);
      byId("exams").hidden = exams.length === 0;
      byId("exams-none").hidden = exams.length > 0;
      setText(byId("exams-none"), t.none);
      byId("exams-error").hidden = true;
    } catch (error) {
      setText(byId("exams-error"), t.failed(error.message));
      byId("exams-error").hidden = false;
    }
  }

  /** What the exam is called: one that somebody defined by its title, with its ID and how it stands. */
  examName({ name, key, definition, title, state, isOpen, opens, zone }) {
    if (!key) return make("th", { scope: "row" }, make("bdi", { text: name }));
    const stands = state === "open" && !isOpen ? examTexts.opensAt(minuteTime(opens, zone), zone) : examTexts.states[state];
    return make("th", { scope: "row" }, definition ? make("a", { href: addressOf(definition), text: title }) : make("span", { text: title }), make("div", { class: "muted name-and-state" }, make("bdi", { text: name }), make("span", { text: stands })));
  }

  examRow({ exam_id: exam, exam_key: key, title, state, is_open: isOpen, opens, time_zone: zone, definition, roster, results, identity, sessions, running, flags, confirmed, dismissed, disputed, open }) {
    const links = exam ? [make("a", { href: addressOf(`/review?${new URLSearchParams({ exam_id: exam, state: "all" })}`), text: t.review, "aria-label": t.reviewOf(exam) })] : [];
    const name = exam ?? texts.analytics.noExam;
    if (results) links.unshift(make("a", { href: addressOf(results), text: resultsTexts.title, "aria-label": resultsTexts.titleOf(name) }));
    if (identity) links.unshift(make("a", { href: addressOf(identity), text: identityTexts.title, "aria-label": identityTexts.titleOf(name) }));
    links.unshift(this.sessions.linkTo(exam, name));
    if (exam) links.push(make("a", { href: addressOf(`/api/analytics.csv?${new URLSearchParams({ table: "sessions", exam_id: exam })}`), text: t.csv, download: true, "aria-label": t.csvOf(exam) }));
    if (running) links.push(make("button", { type: "button", class: "link", "aria-haspopup": "dialog", text: texts.toExam.short, "aria-label": texts.toExam.title(exam), onclick: () => examMessage.open(exam) }));
    if (roster) links.unshift(make("a", { href: addressOf(roster), text: t.students, "aria-label": t.studentsOf(exam) }));
    if (running) links.unshift(make("a", { href: addressOf(`/?${new URLSearchParams(exam ? { exam } : {})}`), text: t.live, "aria-label": t.liveOf(name) }));
    return make(
      "tr",
      {},
      this.examName({ name, key, definition, title, state, isOpen, opens, zone }),
      ...[sessions, running, flags, confirmed, dismissed, open + disputed].map((count) => make("td", { class: "number", text: count })),
      make("td", { class: "row-links" }, ...links),
    );
  }
}

new ExamsPage().start();
