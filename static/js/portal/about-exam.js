// What a student is told of the exam before it: what it is, when, for how long, what is allowed, whom to call. Of an exam that somebody defined.

import { make, setText } from "../shared/dom.js";
import { minuteTime } from "../shared/moments.js";
import { list } from "../shared/translate.js";
import { texts } from "./texts.js";

/**
 * Open the page that is made for the exam of this key (null: nobody defined it), and for where it is (`at`, empty: as its definition says), where this
 * one is not. True where it is on its way.
 */
export function leadsTo(key, at = "", page = window) {
  const query = new URLSearchParams(page.location.search);
  const wanted = Object.entries({ exam: key, at }).filter(([, value]) => value);
  if (wanted.every(([name, value]) => query.get(name) === value)) return false;
  for (const [name, value] of wanted) query.set(name, value);
  page.location.replace(`${page.location.pathname}?${query}`);
  return true;
}

/** The lines about an exam, as pure text: `[[name, words]]`. */
export function aboutLines({ opens, closes, length_s: length, allowed = {}, sites = [], help_contact: help }) {
  const t = texts.about;
  const named = Object.entries(allowed).filter(([, yes]) => yes).map(([name]) => t.allowed[name]);
  return [
    opens && [t.opens, minuteTime(opens)],
    closes && [t.closes, minuteTime(closes)],
    length && [t.length, t.minutes(Math.round(length / 60))],
    [t.allowedName, named.length ? list(named) : t.nothing],
    sites.length > 0 && [t.sites, sites.join(" ")],
    help && [t.help, help],
  ].filter(Boolean);
}

export class AboutExam {
  place = document.getElementById("about-exam");

  /** Of nothing (null) there is nothing to say. */
  draw(exam) {
    this.place.hidden = !exam;
    if (!exam) return;
    setText(this.place.querySelector("h2"), exam.title);
    setText(this.place.querySelector("[data-course]"), exam.course);
    this.place.querySelector("[data-course]").hidden = !exam.course;
    this.place.querySelector("dl").replaceChildren(...aboutLines(exam).flatMap(([name, words]) => [make("dt", { text: name }), make("dd", { text: words })]));
    setText(this.place.querySelector("[data-instructions]"), exam.instructions);
    this.place.querySelector("[data-instructions]").hidden = !exam.instructions;
  }
}
