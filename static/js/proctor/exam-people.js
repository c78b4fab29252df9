// The people of an exam, each a field: chosen by a part of their name among those who have accounts, and kept as ids.

import { byId, make, setText } from "../shared/dom.js";
import { examTexts as t } from "./texts-exam.js";

const plain = (text) => text.trim().toLowerCase();
const words = ({ name, login }) => (plain(name) === plain(login) ? login : `${name} (${login})`);

/** Those of `people` whom `text` can mean: whose name, login name or id it is, or else has a part of. Pure. */
export function meant(text, people) {
  const sought = plain(text);
  if (!sought) return [];
  const same = people.filter((one) => [words(one), one.name, one.login, one.id].some((each) => plain(each) === sought));
  return same.length ? same : people.filter(({ name, login }) => plain(name).includes(sought) || plain(login).includes(sought));
}

export class PeopleField {
  #people = [];

  /** `name` is the exam's field; `onChange()` when somebody was chosen or removed. */
  constructor(name, onChange) {
    this.onChange = onChange;
    [this.kept, this.input, this.list, this.error] = ["", "-add", "-chosen", "-error"].map((part) => byId(`exam-${name}${part}`));
    this.input.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault(); // it would save the exam
      this.settle();
    });
    this.input.addEventListener("input", (event) => {
      event.stopPropagation(); // nothing of the exam has changed yet
      this.#said("");
      if (this.#people.some((one) => words(one) === this.input.value)) this.settle(); // chosen among those offered
    });
    this.input.addEventListener("change", () => this.settle({ focus: false }));
  }

  get #ids() {
    return this.kept.value.split("\n").filter(Boolean);
  }

  /** Who can be chosen: `{id, login, name}` of each. */
  offer(people) {
    this.#people = people;
    this.show();
  }

  /** Draw those whose ids are kept. */
  show() {
    const known = new Map(this.#people.map((one) => [one.id, one]));
    this.list.replaceChildren(...this.#ids.map((id) => this.#chosen(id, known.get(id))));
    this.list.hidden = !this.#ids.length;
  }

  /** Choose whom the text means; false where that is nobody, or several, which is said. */
  settle({ focus = true } = {}) {
    const text = this.input.value.trim();
    if (!text) return true;
    const found = meant(text, this.#people.filter(({ id }) => !this.#ids.includes(id)));
    const there = found.length ? [] : meant(text, this.#people);
    if (found.length !== 1 && there.length !== 1) {
      this.#said(found.length ? t.people.several(text, found.map(words).slice(0, 5)) : t.people.nobody(text));
      if (focus) this.input.focus();
      return false;
    }
    this.input.value = "";
    this.#said("");
    if (found.length) this.#keep([...this.#ids, found[0].id]);
    return true;
  }

  #keep(ids) {
    this.kept.value = ids.join("\n");
    this.show();
    this.onChange();
  }

  #chosen(id, person) {
    const name = person?.name ?? id;
    const remove = make("button", { type: "button", class: "quiet", text: t.people.remove, "aria-label": t.people.removeOf(name) });
    remove.addEventListener("click", () => {
      this.#keep(this.#ids.filter((one) => one !== id));
      this.input.focus();
    });
    return make("li", {}, make("bdi", { text: person ? words(person) : id }), remove);
  }

  #said(text) {
    setText(this.error, text);
    this.error.hidden = !text;
    if (text) this.input.setAttribute("aria-invalid", "true");
    else this.input.removeAttribute("aria-invalid");
  }
}

/** Offer `people` in the list that both fields open. */
export function listPeople(people) {
  byId("exam-people").replaceChildren(...people.map((one) => make("option", { value: words(one) })));
  byId("exam-people-none").hidden = people.length > 0;
}
