// Who stands before and after a student among those whose exam runs. Pure.

/**
 * The sessions next to `own`: `{previous, next, at, count}`; `at` counts from 1. Who came from the live page (`order`: its sessions as they stood)
 * goes on as its tiles stood; else they are those of the same exam, by name. `running` may hold `own` or not.
 */
export function neighbours(running, own, order = []) {
  const others = running.filter(({ session_id: id }) => id !== own.session_id);
  const all = order.includes(own.session_id) ? asOrdered([...others, own], order) : byName([...others.filter((other) => sameExam(other, own)), own]);
  const at = all.indexOf(own);
  return { previous: all[at - 1] ?? null, next: all[at + 1] ?? null, at: at + 1, count: all.length };
}

const sameExam = (one, other) => (one.exam_id ?? null) === (other.exam_id ?? null);
const byName = (sessions) => sessions.sort((a, b) => a.user_id.localeCompare(b.user_id) || a.session_id.localeCompare(b.session_id));

function asOrdered(sessions, order) {
  const places = new Map(order.map((id, place) => [id, place]));
  const placeOf = ({ session_id: id }) => places.get(id);
  return sessions.filter((session) => places.has(session.session_id)).sort((a, b) => placeOf(a) - placeOf(b));
}
