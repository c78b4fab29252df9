// Moments in the reader's own zone and language, or in another zone.

import { locale } from "./translate.js";

const FULL = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "medium" });
const MINUTE = { dateStyle: "medium", timeStyle: "short" };

/** The moment as a date; null where there is none. */
export function moment(iso) {
  const date = iso ? new Date(iso) : null;
  return date && !Number.isNaN(date.getTime()) ? date : null;
}

/** Date and time; an empty text where there is none. */
export function fullTime(iso) {
  const date = moment(iso);
  return date ? FULL.format(date) : "";
}

/** Date and time to the minute, in the reader's zone or the one named; an empty text where there is none. */
export function minuteTime(iso, timeZone = undefined) {
  const date = moment(iso);
  return date ? new Intl.DateTimeFormat(locale, { ...MINUTE, timeZone }).format(date) : "";
}
