// Which flags this viewer has seen: how many of each session, kept in this browser, so that a tile stays marked until somebody looked.

import { remember, remembered } from "../shared/storage.js";

const KEY = "live.seen";

function all() {
  try {
    return JSON.parse(remembered(KEY)) ?? {};
  } catch {
    return {}; // not what was written here
  }
}

/** Has the session of this status more flags than were seen? */
export function hasUnseen({ session_id, flagged_intervals = 0 }) {
  return flagged_intervals > (all()[session_id] ?? 0);
}

/** The session's `flagged_intervals` flags were seen; pages hear it as `flags-seen`. */
export function markSeen({ session_id, flagged_intervals = 0 }) {
  const seen = all();
  remember(KEY, JSON.stringify({ ...seen, [session_id]: Math.max(flagged_intervals, seen[session_id] ?? 0) }));
  document.dispatchEvent(new CustomEvent("flags-seen", { detail: { session_id } }));
}

/** Forget every session that `isWanted(session_id)` does not name. */
export function forgetSeen(isWanted) {
  remember(KEY, JSON.stringify(Object.fromEntries(Object.entries(all()).filter(([id]) => isWanted(id)))));
}

/** Call `heard()` when flags were seen, on this page or in another tab. */
export function onSeen(heard) {
  document.addEventListener("flags-seen", heard);
  addEventListener("storage", ({ key }) => key === KEY && heard());
}
