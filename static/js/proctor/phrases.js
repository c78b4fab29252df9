// How the parts of a line stand together in the page's language: a name and what is told of it, a note in brackets, a share.

import { _, inRow, leftToRight, number } from "../shared/translate.js";

/** What is told of `name`: `Camera: fine`. */
export const labelled = (name, text) => _("%(name)s: %(text)s", { name, text });

/** `text` with a note in brackets, where there is one: `Can’t tell (too dark)`. */
export const bracketed = (text, note) => (note ? _("%(text)s (%(note)s)", { text, note }) : text);

/** From one figure or time to another: `0:30–1:00`. */
export const span = (from, to) => _("%(from)s–%(to)s", { from, to });

/** A sentence of the server without the points at its end, ` (+8)`, between which a language may put marks of direction; null where it ends in none. */
export function withoutPoints(sentence, points) {
  const [tail, said] = sentence.match(/ \([\u200e\u200f\u2066-\u2069]*\+(\d+)[\u200e\u200f\u2066-\u2069]*\)$/u) ?? [];
  return Number(said) === points ? sentence.slice(0, -tail.length) : null;
}

/** A share 0..1 in whole percents: `91 %`. */
export const percent = (share) => _("%(number)s %%", { number: number(Math.round(100 * share)) });

/** A number with one decimal at most, and only where it has one. */
export const short = (value) => number(value, Number.isInteger(value) ? 0 : 1);

/** A number with all the decimals that it has. */
export const exact = (value) => number(value, (String(value).split(".")[1] ?? "").length);

/** A number that is at least so large: `200+`. */
export const orMore = (count) => leftToRight(_("%(count)s+", { count: number(count) }));

/** Things of one kind in a row, each of which may be long; what there isn't is left out: `ended by the student; 2 breaks`. */
export const items = (texts) => texts.filter(Boolean).join(_("; "));

/** Sentences in a row that bring no full stop of their own. */
export const sentences = (texts) => texts.filter(Boolean).join(_(". "));

/** Whole sentences in a row. */
export const paragraph = (texts) => texts.filter(Boolean).join(" ");

/** Short readings beside one another: `Looking at the screen · 1 person in view`. */
export const readings = (texts) => inRow(texts.filter(Boolean), " · ");
