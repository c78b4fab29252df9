// What each number of an exam does, as sentences. Pure.

import { locale } from "../shared/translate.js";
import { examTexts as t } from "./texts-exam.js";

const EACH_TIME = new Set(["tab_switch", "copy_paste", "proctor_mark"]);

/** What `points` for `kind` do where `threshold` makes a flag, and what a typical hour has of it: two sentences. */
export function pointsWords(kind, points, threshold, { isAllowed = false } = {}) {
  return [effect(kind, points, threshold, isAllowed), t.hour[kind]];
}

function effect(kind, points, threshold, isAllowed) {
  if (isAllowed) return t.effect.allowed;
  if (!(points > 0)) return t.effect[kind === "proctor_mark" ? "unweighed" : "off"];
  if (points >= threshold) return t.effect.alone;
  if (EACH_TIME.has(kind)) return t.effect.times(Math.ceil(threshold / points));
  return t.effect.adds(threshold - points);
}

/** What a limit does; `alone` are the names of the signals that make a flag by themselves. */
export const limitWords = (name, value, alone) => t.limit[name](name === "flag_threshold" ? alone : value);

/** The kinds that count nothing because of what is allowed and where the exam is taken; `told`: a page with the snippet tells when it is left. */
export function uncounted(allowed, place, told = false) {
  return new Set([
    ...(allowed.speaking_aloud ? ["speech"] : []),
    ...(allowed.phone ? ["prohibited_object"] : []),
    ...(allowed.other_tabs || (!told && (place === "tab" || place === "program")) ? ["tab_switch"] : []),
  ]);
}

/** A moment (ISO, in UTC) as the clocks of `zone` show it, for a field; an empty text where there is none. */
export function wallTime(iso, zone) {
  if (!iso) return "";
  const format = new Intl.DateTimeFormat(locale, { timeZone: zone, calendar: "gregory", numberingSystem: "latn", year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  const part = Object.fromEntries(format.formatToParts(new Date(iso)).map(({ type, value }) => [type, value]));
  return `${part.year}-${part.month}-${part.day}T${part.hour}:${part.minute}`;
}
