// What is different for a student, in words. Pure.

import { kindName } from "./names.js";
import { texts } from "./texts.js";

/** A text for each thing that is different, as a student may read it; `more` is what only a proctor reads of the signals. */
export function accommodationWords({ signals_off: off = [], signals_weighed: weighed = [], reading_aloud: aloud, breaks_allowed: breaks = 0, break_minutes: minutes = 0, extra_percent: percent = 0, extra_min: extra = 0 }, more = []) {
  const t = texts.accommodation;
  const words = [];
  if (off.length) words.push(t.signalsOff(off.map(kindName)));
  if (weighed.length) words.push(t.weighed(weighed.map(kindName)));
  words.push(...more);
  if (aloud) words.push(t.readingAloud);
  if (percent > 0) words.push(t.extraPercent(percent));
  if (extra > 0) words.push(t.extraMinutes(Math.round(extra)));
  if (breaks > 0) words.push(t.breaks(breaks, minutes));
  return words;
}
