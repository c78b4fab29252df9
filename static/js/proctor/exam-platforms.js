// On an exam's page: which courses of learning platforms lead to it, each unlinked by its button; administrators let a whole platform launch it.

import { call } from "../shared/api.js";
import { answerOf, byId, make, oneWish, setText } from "../shared/dom.js";
import { minuteTime } from "../shared/moments.js";
import { dressTable } from "./tables.js";
import { examTexts } from "./texts-exam.js";

const { platforms: t } = examTexts;

/** What a line of the list says: of which platform, and which course of it or that it is every one. Pure. */
export function lineOf({ platform, title, whole_platform: whole }) {
  return { platform: platform || t.unnamed, course: whole ? t.every : title || t.untitled };
}

/** The platforms that an exam is not linked to as a whole yet. Pure. */
export function offered(platforms, courses) {
  const whole = new Set(courses.filter((one) => one.whole_platform).map(({ course }) => course));
  return platforms.filter((one) => !whole.has(one.registration_id));
}

class ExamPlatforms {
  #shown = { courses: [], platforms: [], any_registered: false };

  constructor(key) {
    this.path = `/api/exams/${key}/courses`;
    this.form = document.getElementById("exam-platform-form"); // administrators' alone
    this.form?.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#let();
    });
  }

  async read() {
    try {
      this.#draw(await call(this.path));
    } catch (error) {
      byId("exam-platforms").hidden = false;
      this.#said(t.failed(error.message), true);
    }
  }

  #draw(shown) {
    this.#shown = shown;
    const { courses, platforms, any_registered: any } = shown;
    byId("exam-platforms").hidden &&= !any && !courses.length; // what was said of the last one stays
    const table = byId("exam-platform-list");
    table.tBodies[0].replaceChildren(...courses.map((one) => this.#row(one)));
    dressTable(table);
    table.hidden = courses.length === 0;
    byId("exam-platforms-none").hidden = courses.length > 0;
    if (!this.form) return;
    const rest = offered(platforms, courses);
    byId("exam-platform").replaceChildren(...rest.map((one) => make("option", { value: one.registration_id, text: `${one.name} (${one.issuer})` })));
    this.form.hidden = rest.length === 0;
  }

  #row(one) {
    const { platform, course } = lineOf(one);
    const button = oneWish(make("button", { type: "button", class: "quiet", text: t.unlink, "aria-label": t.unlinkOf(course, platform), "aria-haspopup": "dialog" }));
    button.addEventListener("click", () => this.#unlink(one));
    return make(
      "tr",
      {},
      make("th", { scope: "row" }, make("bdi", { text: platform })),
      make("td", {}, make("bdi", { text: course })),
      make("td", { class: "muted", text: minuteTime(one.linked_at) }),
      make("td", { class: "row-links" }, button),
    );
  }

  async #let() {
    const { platforms } = this.#shown;
    const { registration_id: platform, name } = platforms.find((one) => one.registration_id === byId("exam-platform").value) ?? {};
    if (!platform || !(await isSure(t.sureLet(name)))) return;
    await this.#do(async () => {
      this.#draw(await call(this.path, { method: "POST", body: { platform } }));
      this.#said(t.letDone(name));
    });
  }

  async #unlink(one) {
    const { platform, course } = lineOf(one);
    if (!(await isSure(one.whole_platform ? t.sureWhole(platform) : t.sureCourse(course, platform)))) return;
    await this.#do(async () => {
      await call(`${this.path}/${one.course}`, { method: "DELETE" });
      const courses = this.#shown.courses.filter(({ course }) => course !== one.course);
      this.#draw({ ...this.#shown, courses }); // not read again: whoever came by this course may read it no more
      this.#said(t.unlinked(course, platform));
      byId("part-platforms").focus(); // the button that was pressed is gone
    });
  }

  async #do(act) {
    const part = byId("exam-platforms");
    if (part.ariaBusy === "true") return;
    part.ariaBusy = "true";
    try {
      await act();
    } catch (error) {
      this.#said(t.notDone(error.message), true);
    }
    part.ariaBusy = "false";
  }

  #said(text, wrong = false) {
    setText(byId("exam-platforms-said"), wrong ? "" : text);
    setText(byId("exam-platforms-error"), wrong ? text : "");
    byId("exam-platforms-error").hidden = !wrong;
  }
}

async function isSure([title, text, yes]) {
  setText(byId("exam-sure-title"), title);
  setText(byId("exam-sure-text"), text);
  setText(byId("exam-sure-yes"), yes);
  return (await answerOf(byId("exam-sure-dialog"))) === "yes";
}

/** Show the part, where there is something to show; `key` is the exam's. */
export const wirePlatforms = (key) => new ExamPlatforms(key).read();
