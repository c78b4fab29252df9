// Dates and times in the viewer's own zone and language.

import { locale } from "../shared/translate.js";

/** The viewer's time zone, such as `Europe/Berlin`. */
export const ZONE = new Intl.DateTimeFormat(locale).resolvedOptions().timeZone;

const FULL = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "medium" });
const SHORT = new Intl.DateTimeFormat(locale, { timeStyle: "short" });
const TIME = new Intl.DateTimeFormat(locale, { timeStyle: "medium" });

const MINUTE = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" });
const DAY = new Intl.DateTimeFormat(locale, { dateStyle: "short" });

const parse = (iso) => {
  const date = new Date(iso);
  return Number.isNaN(date.getTime()) ? null : date;
};

/** Date and time; an empty text where there is none. */
export function fullTime(iso) {
  const date = iso ? parse(iso) : null;
  return date ? FULL.format(date) : "";
}

/** Date and time to the minute, for a list; an empty text where there is none. */
export function minuteTime(iso) {
  const date = iso ? parse(iso) : null;
  return date ? MINUTE.format(date) : "";
}

/** When something ended that began at `began`: the time alone where it is the same day. */
export function endTime(iso, began) {
  const [end, begin] = [parse(iso), parse(began)];
  return end && begin && DAY.format(end) === DAY.format(begin) ? shortTime(iso) : minuteTime(iso);
}

/** Time of day to the minute. */
export function shortTime(iso) {
  const date = iso ? parse(iso) : null;
  return date ? SHORT.format(date) : "";
}

/** Time of day alone. */
export function clockTime(iso) {
  const date = iso ? parse(iso) : null;
  return date ? TIME.format(date) : "";
}
