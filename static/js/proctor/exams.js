// The exams page: what exams and sessions there are, a link for a student, and the accommodations.

import { call } from "../shared/api.js";
import { addressOf } from "../shared/base.js";
import { byId, make, setText } from "../shared/dom.js";
import { wireCopyButtons } from "./copy.js";
import { AccommodationsTable } from "./exams-accommodations.js";
import { LinkForm } from "./exams-link.js";
import { SessionsTable } from "./exams-sessions.js";
import { texts } from "./texts.js";

const t = texts.exams;

class ExamsPage {
  sessions = new SessionsTable();
  link = new LinkForm({ onMade: () => this.read() });
  accommodations = new AccommodationsTable();

  start() {
    wireCopyButtons(document);
    this.sessions.start();
    this.accommodations.start();
    this.read();
  }

  read() {
    this.readExams();
    this.sessions.read();
  }

  async readExams() {
    try {
      const { exams } = await call("/api/exams");
      byId("exams").tBodies[0].replaceChildren(...exams.map((exam) => this.examRow(exam)));
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

  examRow({ exam_id: exam, sessions, running, flags }) {
    const links = exam ? [make("a", { href: addressOf(`/review?${new URLSearchParams({ exam_id: exam, state: "all" })}`), text: t.review, "aria-label": `${t.review} ${exam}` })] : [];
    const name = exam ?? texts.analytics.noExam;
    links.unshift(this.sessions.linkTo(exam, name));
    if (running) links.unshift(make("a", { href: `/?${new URLSearchParams(exam ? { exam } : {})}`, text: t.live, "aria-label": `${t.live} ${name}` }));
    return make(
      "tr",
      {},
      make("th", { scope: "row", text: name }),
      ...[sessions, running, flags].map((count) => make("td", { class: "number", text: count })),
      make("td", { class: "row-links" }, ...links),
    );
  }
}

new ExamsPage().start();
