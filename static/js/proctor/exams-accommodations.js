// The accommodations on the exams page: the table, and the form that adds or changes one.

import { call } from "../shared/api.js";
import { answerOf, byId, make, oneWish, setText } from "../shared/dom.js";
import { personName } from "../shared/names.js";
import { list } from "../shared/translate.js";
import { accommodationBody, accommodationWords } from "./accommodations.js";
import { fullTime } from "./dates.js";
import { sayHalf, sayWrong, showRows, wrongIds } from "./exams-forms.js";
import { labelled } from "./phrases.js";
import { reviewer } from "./reviewer.js";
import { texts } from "./texts.js";
import { rosterTexts } from "./texts-roster.js";
import { who } from "./who.js";

const t = texts.exams;
const PAGE = 50;
const MOST_OF_A_STUDENT = 960; // accommodations, one for each exam
const MOST_POINTS = 10;
const NOTHING_DIFFERENT = { points: {}, reading_aloud: false, breaks_allowed: 0, break_minutes: 5, extra_percent: 0, extra_min: 0, note: "" };

export class AccommodationsTable {
  after = null;
  saving = false;
  agreed = null; // the accommodation that may be replaced: the one being changed, or that the form has named

  start() {
    byId("acc-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#save();
    });
    // a second press answers what the first one brought: a double click or a held key is no answer
    oneWish(byId("acc-save"));
    byId("acc-form").addEventListener("keydown", (event) => event.key === "Enter" && event.repeat && event.preventDefault());
    for (const id of ["acc-user", "acc-exam"]) byId(id).addEventListener("input", () => this.#forget());
    byId("acc-cancel").addEventListener("click", () => this.#close(this.#buttonOf(this.agreed)));
    byId("acc-more").addEventListener("click", () => this.read());
    for (const select of document.querySelectorAll("select[data-kind]")) {
      const other = Array.from({ length: MOST_POINTS }, (_, index) => make("option", { value: index + 1, text: texts.session.points(index + 1) }));
      select.append(make("option", { value: "", text: t.asUsual(select.dataset.usual) }), make("option", { value: "0", text: t.off }), ...other);
    }
    const preset = byId("acc-preset");
    this.presets = JSON.parse(preset.dataset.presets);
    preset.append(make("option", { value: "", text: t.noPreset }), ...Object.keys(this.presets).map((name) => make("option", { value: name, text: rosterTexts.presets[name] ?? name })));
    preset.addEventListener("change", () => this.#fillIn(this.presets[preset.value]));
    byId("acc-form").addEventListener("input", () => this.#drawDoes());
    byId("acc-by").value = reviewer();
    this.#forget();
    this.#drawDoes();
    return this.read();
  }

  /** Open the form for whom the address names, filled with what this student has: of that exam, else of every exam, which one for the exam replaces there. */
  async takeAddress() {
    const given = new URLSearchParams(location.search);
    const [user, exam] = [given.get("accommodate"), given.get("in") ?? ""];
    if (!user) return;
    let found = [];
    try {
      found = (await call(`/api/accommodations?${new URLSearchParams({ user_id: user, limit: MOST_OF_A_STUDENT })}`)).accommodations;
    } catch (error) {
      if (error.code === undefined) throw error;
      sayWrong("acc-form-error", t.accommodationsFailed(error.message)); // the form can be used all the same
    }
    const [own, every] = [exam || null, null].map((of) => found.find(({ exam_id }) => exam_id === of));
    this.#change(own ?? { ...(every ?? NOTHING_DIFFERENT), user_id: user, exam_id: exam || null });
    if (!own) {
      this.#forget();
      this.#fixStudent(false);
    }
    byId("acc-add").scrollIntoView();
  }

  async read({ anew = false } = {}) {
    if (anew) this.after = null;
    const query = new URLSearchParams({ limit: PAGE, ...(this.after && { after: this.after }) });
    try {
      const { accommodations, next_after: next } = await call(`/api/accommodations?${query}`);
      const rows = accommodations.map((one) => this.#row(one));
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

  #row(one) {
    const exam = one.exam_id ?? t.everyExam;
    const button = (text, onclick, more = {}) => make("button", { type: "button", class: "quiet", text, "aria-label": labelled(text, list([one.user_id, exam])), onclick, ...more });
    const change = button(t.change, () => this.#change(one), { "data-change": one.id });
    const remove = button(t.remove, () => this.#remove(one));
    return make(
      "tr",
      {},
      make("th", { scope: "row", text: one.user_id ? who(one) : t.unknownStudent }),
      make("td", {}, make("bdi", { text: exam })),
      make("td", {}, make("ul", {}, ...accommodationWords(one).map((text) => make("li", { text }))), one.note ? make("p", { class: "muted", text: one.note }) : null, one.unreadable.length ? make("p", { class: "error", text: t.unreadable(one.unreadable) }) : null),
      make("td", { class: "muted", text: one.at ? t.setFrom(personName(one.set_by), fullTime(one.at)) : personName(one.set_by) }),
      make("td", { class: "row-links" }, change, remove),
    );
  }

  /** Open the form filled with an accommodation. Whose it is stays: another student's is another accommodation. */
  #change(one) {
    this.#close();
    this.agreed = one;
    for (const [id, value] of [["user", one.user_id], ["exam", one.exam_id ?? ""], ["minutes", one.break_minutes], ["note", one.note], ["percent", one.extra_percent], ["extra", one.extra_min]]) byId(`acc-${id}`).value = value;
    this.#fillIn(one);
    this.#fixStudent(true);
    byId("acc-add").open = true;
    byId("acc-user").focus();
  }

  /** What an accommodation, or one that is ready made, says of signals, reading aloud and breaks. */
  #fillIn(given) {
    if (!given) return;
    for (const select of document.querySelectorAll("select[data-kind]")) {
      const points = String(given.points[select.dataset.kind] ?? "");
      if (![...select.options].some(({ value }) => value === points)) select.append(make("option", { value: points, text: texts.session.points(Number(points)) })); // a script may set more
      select.value = points;
    }
    byId("acc-reading").checked = given.reading_aloud;
    byId("acc-breaks").value = given.breaks_allowed;
    this.#drawDoes();
  }

  #drawDoes() {
    setText(byId("acc-says"), t.does(accommodationWords(this.#body())));
  }

  #fixStudent(fixed) {
    for (const id of ["acc-user", "acc-exam"]) byId(id).readOnly = fixed;
    byId("acc-adding").hidden = fixed;
    byId("acc-changing").hidden = !fixed;
  }

  #close(next = null) {
    const by = byId("acc-by").value;
    byId("acc-form").reset();
    byId("acc-by").value = by;
    byId("acc-form-error").hidden = true;
    for (const input of byId("acc-form").querySelectorAll("[aria-invalid]")) input.removeAttribute("aria-invalid");
    this.#forget();
    this.#drawDoes();
    this.#fixStudent(false);
    if (!next) return;
    byId("acc-add").open = false;
    next.focus();
  }

  /** What was named as replaced is no longer what this form would replace. */
  #forget() {
    this.agreed = null;
    byId("acc-replaces").hidden = true;
    setText(byId("acc-save"), t.save);
  }

  #buttonOf(one) {
    return (one && document.querySelector(`[data-change="${one.id}"]`)) ?? byId("acc-add").querySelector("summary");
  }

  /** May `body` be saved? If it would replace what nobody has agreed to replace, name that and wait for the second press. */
  async #mayReplace({ user_id: user, exam_id: exam = null }) {
    const { accommodations } = await call(`/api/accommodations?${new URLSearchParams({ user_id: user, limit: MOST_OF_A_STUDENT })}`);
    const earlier = accommodations.find(({ exam_id }) => exam_id === (exam?.normalize("NFC") ?? null));
    if (!earlier || (earlier.id === this.agreed?.id && earlier.at === this.agreed.at)) return true;
    this.agreed = earlier;
    setText(byId("acc-replaces"), t.replaces(earlier, accommodationWords(earlier), earlier.at ? fullTime(earlier.at) : ""));
    byId("acc-replaces").hidden = false;
    setText(byId("acc-save"), t.replace);
    return false;
  }

  /** What the form says, as the call takes it. */
  #body() {
    const points = {};
    for (const select of document.querySelectorAll("select[data-kind]")) if (select.value !== "") points[select.dataset.kind] = Number(select.value);
    return accommodationBody({
      user_id: byId("acc-user").value,
      exam_id: byId("acc-exam").value,
      points,
      reading_aloud: byId("acc-reading").checked,
      breaks_allowed: Number(byId("acc-breaks").value),
      break_minutes: Number(byId("acc-minutes").value),
      extra_percent: Number(byId("acc-percent").value),
      extra_min: Number(byId("acc-extra").value),
      note: byId("acc-note").value,
      set_by: byId("acc-by").value,
    });
  }

  async #save() {
    const body = this.#body();
    if (this.saving || wrongIds("acc", body.user_id, body.exam_id ?? "") || sayHalf("acc-form-error", byId("acc-form").elements)) return;
    if (!accommodationWords(body).length) {
      sayWrong("acc-form-error", t.nothing);
      return;
    }
    byId("acc-form-error").hidden = true;
    this.saving = true;
    let stored;
    try {
      if (!(await this.#mayReplace(body))) return;
      stored = await call("/api/accommodations", { method: "POST", body });
    } catch (error) {
      const field = { user_id: "acc-user", exam_id: "acc-exam", note: "acc-note", set_by: "acc-by", breaks_allowed: "acc-breaks", break_minutes: "acc-minutes", extra_percent: "acc-percent", extra_min: "acc-extra" }[error.field] ?? null;
      sayWrong("acc-form-error", t.addFailed(error.message), field);
      return;
    } finally {
      this.saving = false;
    }
    const changed = byId("acc-user").readOnly;
    this.#close(this.#buttonOf(null));
    setText(byId("acc-said"), t.added(body.user_id, stored.running));
    await this.read({ anew: true });
    if (changed) this.#buttonOf(stored.accommodation).focus();
  }

  async #remove(one) {
    setText(byId("remove-text"), t.removeConfirm(one.user_id, one.exam_id));
    if ((await answerOf(byId("remove-dialog"))) === "remove") this.#reallyRemove(one);
  }

  async #reallyRemove({ id }) {
    try {
      await call(`/api/accommodations/${id}`, { method: "DELETE" });
      setText(byId("acc-said"), t.removed);
    } catch (error) {
      setText(byId("acc-said"), t.removeFailed(error.message));
    }
    await this.read({ anew: true });
    byId("acc-add").querySelector("summary").focus();
  }
}
