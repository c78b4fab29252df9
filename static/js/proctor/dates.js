// Dates and times in the viewer's own zone and language.

import { minuteTime, moment } from "../shared/moments.js";
import { locale } from "../shared/translate.js";

export { fullTime, minuteTime } from "../shared/moments.js";

/** The viewer's time zone, such as `Europe/Berlin`. */
export const ZONE = new Intl.DateTimeFormat(locale).resolvedOptions().timeZone;

const SHORT = new Intl.DateTimeFormat(locale, { timeStyle: "short" });
const TIME = new Intl.DateTimeFormat(locale, { timeStyle: "medium" });
const DAY = new Intl.DateTimeFormat(locale, { dateStyle: "short" });

/** When something ended that began at `began`: the time alone where it is the same day. */
export function endTime(iso, began) {
  const [end, begin] = [moment(iso), moment(began)];
  return end && begin && DAY.format(end) === DAY.format(begin) ? shortTime(iso) : minuteTime(iso);
}

/** Time of day to the minute. */
export function shortTime(iso) {
  const date = moment(iso);
  return date ? SHORT.format(date) : "";
}

/** Time of day alone. */
export function clockTime(iso) {
  const date = moment(iso);
  return date ? TIME.format(date) : "";
}
