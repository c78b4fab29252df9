// The form of an exam: its fields filled from what the server says, read again for it, and each number with its sentence.

import { byId, setText } from "../shared/dom.js";
import { minuteTime } from "../shared/moments.js";
import { kindName } from "../shared/names.js";
import { ZONE } from "./dates.js";
import { PeopleField, listPeople } from "./exam-people.js";
import { limitWords, pointsWords, uncounted, wallTime } from "./exam-words.js";
import { halfOf } from "./exams-forms.js";
import { texts } from "./texts.js";
import { examTexts as t } from "./texts-exam.js";

const form = byId("exam-form");
const all = (selector) => [...form.querySelectorAll(selector)];
const chosen = (name) => form.elements[name].value;
const numberOf = (input) => (input.value === "" ? null : Number(input.value));

const READ = {
  number: numberOf,
  yes: (input) => input.checked,
  choice: (input) => input.value || null,
  moment: (input) => (input.value ? `${input.value}:00` : null),
  lines: (input) => input.value.split("\n").map((line) => line.trim()).filter(Boolean),
};

export class ExamForm {
  #presets = {};
  #loaded = {}; // as the server has it: a moment that nobody touched is sent as it came
  #people = [];

  /** `onChange()` at every change by hand. */
  constructor({ onChange }) {
    this.#people = ["teachers", "proctors"].map((name) => new PeopleField(name, onChange));
    form.addEventListener("input", (event) => {
      if (event.target.name === "preset") this.#take(event.target.value);
      this.explain();
      onChange();
    });
    byId("exam-reset").addEventListener("click", () => {
      this.#numbers(this.#presets[chosen("preset")]);
      this.explain();
      onChange();
    });
  }

  /** What the presets are, in which bounds the limits, which zones there are, and which people. */
  offer({ presets, bounds, time_zones: zones }, people) {
    listPeople(people);
    for (const field of this.#people) field.offer(people);
    this.#presets = presets;
    for (const input of all("[data-limit]")) [input.min, input.max] = bounds[input.dataset.limit];
    for (const input of all("[data-points]")) [input.min, input.max] = [0, 100];
    byId("exam-zones").replaceChildren(...zones.map((zone) => Object.assign(document.createElement("option"), { value: zone })));
  }

  /** A new exam: the standard one, in the viewer's zone. */
  blank() {
    byId("exam-time_zone").value = ZONE;
    byId("exam-opens_in").value = "auto";
    this.#take("standard");
    this.explain();
  }

  /** Show an exam as it is in force. */
  fill(exam) {
    this.#loaded = exam;
    for (const input of all("[data-field]")) {
      const value = exam[input.dataset.field];
      if (input.dataset.kind === "yes") input.checked = value;
      else if (input.dataset.kind === "moment") input.value = wallTime(value, exam.time_zone);
      else if (input.dataset.kind === "lines") input.value = value.join("\n");
      else input.value = value ?? "";
    }
    for (const field of this.#people) field.show();
    form.elements.preset.value = exam.preset;
    form.elements.place.value = exam.place;
    for (const input of all("[data-allowed]")) input.checked = exam.allowed[input.dataset.allowed];
    for (const input of all("[data-keep]")) input.value = exam.keep_days[input.dataset.keep] ?? "";
    const preset = this.#presets[exam.preset];
    this.#numbers({ points: { ...preset.points, ...exam.points }, limits: { ...preset.limits, ...exam.limits } });
    byId("exam-notes").replaceChildren(...exam.notes.map((text) => Object.assign(document.createElement("li"), { textContent: text })));
    setText(byId("exam-framed"), exam.framed ? t.framed[exam.framed] : "");
    this.explain();
  }

  /** What a call takes. Of the numbers only those that are not the preset's. */
  read() {
    const fields = Object.fromEntries(all("[data-field]").map((input) => [input.dataset.field, READ[input.dataset.kind]?.(input) ?? (input.dataset.kind ? null : input.value.trim())]));
    for (const name of ["opens", "closes"]) {
      const untouched = fields.time_zone === this.#loaded.time_zone && byId(`exam-${name}`).value === wallTime(this.#loaded[name], fields.time_zone);
      if (untouched && this.#loaded[name]) fields[name] = this.#loaded[name];
    }
    const preset = this.#presets[chosen("preset")];
    const others = (group, usual) => Object.fromEntries(all(`[data-${group}]`).map((input) => [input.dataset[group], numberOf(input)]).filter(([name, value]) => value !== null && value !== usual[name]));
    return {
      ...fields,
      preset: chosen("preset"),
      place: chosen("place"),
      allowed: this.#allowed,
      points: others("points", preset.points),
      limits: others("limit", preset.limits),
      keep_days: Object.fromEntries(all("[data-keep]").map((input) => [input.dataset.keep, numberOf(input)]).filter(([, value]) => value !== null)),
    };
  }

  /** Each number's sentence, as the others stand. */
  explain() {
    const threshold = numberOf(byId("exam-limit-flag_threshold")) ?? 10;
    const free = uncounted(this.#allowed, chosen("place"), byId("exam-snippet_origins").value.trim() !== "");
    const alone = [];
    for (const input of all("[data-points]")) {
      const kind = input.dataset.points;
      const isAllowed = free.has(kind);
      setText(byId(`${input.id}-does`), pointsWords(kind, numberOf(input), threshold, { isAllowed }).join(" "));
      if (!isAllowed && numberOf(input) >= threshold) alone.push(kindName(kind));
    }
    for (const input of all("[data-limit]")) setText(byId(`${input.id}-does`), input.value === "" ? "" : limitWords(input.dataset.limit, numberOf(input), alone));
    this.#here();
  }

  /** Say what is wrong at the field that it is about; false where the form has none for it. */
  wrong(field, message) {
    const place = document.getElementById(`exam-${field}-error`);
    if (!place) return false;
    setText(place, message);
    place.hidden = false;
    const input = form.querySelector(`[data-field="${field}"]`);
    input?.setAttribute("aria-invalid", "true");
    (input?.type === "hidden" ? byId(`${input.id}-add`) : (input ?? place.closest("section").querySelector("input, select, textarea"))).focus();
    return true;
  }

  /** Is everybody chosen whose name was typed, and can every field be read? What can't is said there. */
  settle() {
    const half = halfOf(all("input"));
    if (half) {
      const { field, points, limit } = half.dataset;
      this.wrong(field ?? (points ? "points" : limit ? "limits" : "keep_days"), texts.exams.half);
      half.setAttribute("aria-invalid", "true");
      half.focus();
    }
    return !half && this.#people.every((field) => field.settle());
  }

  clear() {
    for (const place of all(".field-error")) place.hidden = true;
    for (const input of all("[aria-invalid]")) input.removeAttribute("aria-invalid");
  }

  get #allowed() {
    return Object.fromEntries(all("[data-allowed]").map((input) => [input.dataset.allowed, input.checked]));
  }

  #take(name) {
    const preset = this.#presets[name];
    if (!preset) return;
    for (const input of all("[data-allowed]")) input.checked = preset.allowed[input.dataset.allowed];
    if (name === "on_paper") form.elements.place.value = "paper";
    this.#numbers(preset);
  }

  #numbers({ points, limits }) {
    for (const input of all("[data-points]")) input.value = points[input.dataset.points];
    for (const input of all("[data-limit]")) input.value = limits[input.dataset.limit];
  }

  /** The times in the viewer's own zone, where the exam's is another. */
  #here() {
    const { opens, closes, time_zone: zone } = this.#loaded;
    const elsewhere = zone && zone !== ZONE && (opens || closes);
    setText(byId("exam-times-here"), elsewhere ? t.here(minuteTime(opens), minuteTime(closes)) : "");
  }
}
