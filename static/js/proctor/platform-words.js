// How a session stands at the learning platform that has it proctored, and what came of what people asked of that, in words. Pure.

import { minuteTime } from "./dates.js";
import { platformTexts as t } from "./texts-platform.js";

const UNSURE = new Set(["unsure", "page"]); // it may have been taken

/** How the attempt stands at the platform, a sentence each. */
export function factsOf({ platform, attempt, started_at: started, ended_at: ended, problem, problem_log: log, actions }) {
  return [
    attempt ? t.attempt(platform, attempt) : "",
    started ? t.started(minuteTime(started)) : t.notStarted,
    ended ? t.ended(minuteTime(ended)) : "",
    problem || log ? t.problem([problem, log].filter(Boolean).join(" · ")) : "",
    actions.length ? "" : t.takesNothing,
  ].filter(Boolean);
}

/** What came of an act, in words. */
export function stateWords({ state, why, said, status, attempt_state: stands, extra_min: extra }) {
  if (state === "taken") return [t.taken, stands ? t.stands[stands] : "", extra === null ? "" : t.extra(extra), said].filter(Boolean).join(" · ");
  if (state === "waiting") return why ? t.waitsAgain(said) : t.waits;
  if (UNSURE.has(why)) return t.why[why];
  const more = why === "refused" ? t.refused(status, said) : (t.why[why] ?? "");
  return `${t.notTaken} ${more}`.trim();
}
