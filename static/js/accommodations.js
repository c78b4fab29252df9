// Accommodations in words, and as the call takes them. Pure.

import { texts } from "./texts.js";

/** What is different, a text each; a student's view brings `signals_off` and `signals_weighed`, a proctor's `points`. */
export function accommodationWords({ points = {}, signals_off: off = [], signals_weighed: weighed = [], reading_aloud: aloud, breaks_allowed: breaks = 0, break_minutes: minutes = 0 }) {
  const t = texts.exams;
  const named = (kind) => texts.kinds[kind] ?? kind;
  const dark = [...off, ...Object.keys(points ?? {}).filter((kind) => points[kind] === 0)];
  const other = Object.entries(points ?? {}).filter(([, count]) => count > 0);
  const words = [];
  if (dark.length) words.push(t.signalsOff(dark.map(named)));
  if (weighed.length) words.push(t.weighed(weighed.map(named)));
  if (other.length) words.push(t.weights(other.map(([kind, count]) => [named(kind), count])));
  if (aloud) words.push(t.readingAloud);
  if (breaks > 0) words.push(t.breaks(breaks, minutes));
  return words;
}

/** The body of `POST /api/accommodations`, without what was left empty. */
export function accommodationBody(given) {
  const text = (value) => String(value ?? "").trim();
  const body = { user_id: text(given.user_id), points: given.points, reading_aloud: Boolean(given.reading_aloud), breaks_allowed: given.breaks_allowed || 0 };
  if (body.breaks_allowed > 0) body.break_minutes = given.break_minutes || 5;
  for (const name of ["exam_id", "note", "set_by"]) if (text(given[name])) body[name] = text(given[name]);
  return body;
}
