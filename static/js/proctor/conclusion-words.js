// What is said of a session's conclusion, and which acts there are for what stands. Pure.

import { minuteTime } from "./dates.js";
import { resultsTexts as t } from "./texts-results.js";

/** Which buttons there are for what stands; pure. */
export function actsFor({ conclusion, may_conclude: may }) {
  if (!may) return [];
  if (!conclusion) return ["conclude"];
  if (conclusion.state === "contested") return ["withdraw", "conclude"];
  return conclusion.state === "proposed" ? ["withdraw", "disagree", "agree"] : ["withdraw"];
}

/** What stands about a session, in sentences. */
export function standsLines(conclusion) {
  if (!conclusion) return [t.none];
  const { by, at, reason, second } = conclusion;
  return [t.withReason(t.stands(conclusion), reason), t.byAt(by, minuteTime(at)), second && t.withReason(t.second(second, minuteTime(second.at)), second.reason)].filter(Boolean);
}

/** One act of the history in a line. */
export const actLine = (one) => t.withReason(t.act(one, minuteTime(one.at)), one.reason);

/** What a closed dialog did, for a status line. */
export function doneWords(before, after) {
  if ((before ?? 0) === after.revision) return "";
  return after.conclusion ? t.done[after.conclusion.state] : t.done.withdrawn;
}

