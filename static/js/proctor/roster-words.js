// What is different for a student of the list, in words. Pure.

import { rosterTexts as t } from "./texts-roster.js";

/** The lines about extra time and what the student needs. */
export function differences({ extra_percent: percent, extra_min: minutes, preset }) {
  return [percent ? t.percent(percent) : "", minutes ? t.minutes(minutes) : "", preset ? t.presets[preset] : ""].filter(Boolean);
}
