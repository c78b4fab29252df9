// Accommodations as a proctor reads them, with their points, and as the call takes them. Pure.

import { accommodationWords as sharedWords } from "../shared/accommodations.js";
import { kindName, personName } from "../shared/names.js";
import { texts } from "./texts.js";

/** What is different, a text each: a student's view brings `signals_off` and `signals_weighed`, a proctor's `points`. */
export function accommodationWords({ points, signals_off: off = [], ...rest }) {
  const weights = Object.entries(points ?? {});
  const dark = weights.filter(([, count]) => count === 0).map(([kind]) => kind);
  const other = weights.filter(([, count]) => count > 0).map(([kind, count]) => [kindName(kind), count]);
  return sharedWords({ ...rest, signals_off: [...off, ...dark] }, other.length ? [texts.exams.weights(other)] : []);
}

/** The same for a whole session: where it changed while the exam ran, a text for each time from which on it held. */
export function heldWords({ accommodation, accommodations = [], accommodation_note: note = "" }) {
  const { held } = texts.session;
  const words = accommodations.length
    ? accommodations.map(({ at_s: at, by, accommodation: own }) => held(at, own ? accommodationWords(own) : [], personName(by)))
    : accommodationWords(accommodation ?? {});
  return words.length && note ? [...words, note] : words; // told to those who may set it alone
}

/** The body of `POST /api/accommodations`, without what was left empty. */
export function accommodationBody(given) {
  const text = (value) => String(value ?? "").trim();
  const body = { user_id: text(given.user_id), points: given.points, reading_aloud: Boolean(given.reading_aloud), breaks_allowed: given.breaks_allowed || 0 };
  if (body.breaks_allowed > 0) body.break_minutes = given.break_minutes || 5;
  for (const name of ["extra_percent", "extra_min"]) if (given[name]) body[name] = given[name];
  for (const name of ["exam_id", "note", "set_by"]) if (text(given[name])) body[name] = text(given[name]);
  return body;
}
