// Dates and times in the viewer's own zone and language.

import { locale } from "../shared/translate.js";

/** The viewer's time zone, such as `Europe/Berlin`. */
export const ZONE = new Intl.DateTimeFormat(locale).resolvedOptions().timeZone;

const FULL = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "medium" });
const TIME = new Intl.DateTimeFormat(locale, { timeStyle: "medium" });

const parse = (iso) => {
  const date = new Date(iso);
  return Number.isNaN(date.getTime()) ? null : date;
};

/** Date and time; an empty text where there is none. */
export function fullTime(iso) {
  const date = iso ? parse(iso) : null;
  return date ? FULL.format(date) : "";
}

/** Time of day alone. */
export function clockTime(iso) {
  const date = iso ? parse(iso) : null;
  return date ? TIME.format(date) : "";
}
