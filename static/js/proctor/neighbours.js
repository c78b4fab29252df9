// Who stands before and after a student among those whose exam runs. Pure.

/** The sessions next to `own` of the same exam, by name: `{previous, next, at, count}`; `at` counts from 1. `running` may hold `own` or not. */
export function neighbours(running, own) {
  const same = running.filter((session) => (session.exam_id ?? null) === (own.exam_id ?? null) && session.session_id !== own.session_id);
  const all = [...same, own].sort((a, b) => a.user_id.localeCompare(b.user_id) || a.session_id.localeCompare(b.session_id));
  const at = all.indexOf(own);
  return { previous: all[at - 1] ?? null, next: all[at + 1] ?? null, at: at + 1, count: all.length };
}
