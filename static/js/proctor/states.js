// The five states that a session can show, and in which order sessions are shown. Pure: a status in, a state out.

import { texts } from "./texts.js";

/** Most urgent first; the same names are used in texts, icons and the style sheet. */
export const ICONS = { flagged: "flag", look: "triangle", lost: "lost", unknown: "unknown", fine: "fine", waiting: "clock" };

const GONE = new Set(["missing", "lost", "denied", "ended"]);
const STOPPED = new Set(["lost", "ended"]); // it was there: an exam that began without a microphone is not lost for it
const BLIND = new Set(["frozen", "covered", "off"]);

/** Whether the last update of a session, at `heardAt` ms (null: none yet), is so long ago that what it said is old news: more than `most` seconds. */
export const isSilent = (heardAt, now, most) => heardAt !== null && now - heardAt > 1000 * most;

const hasWorked = (status, name) => status.devices?.[name]?.worked === true; // in this exam: since then it was taken away
const stateOfDevice = (status, name) => status.devices?.[name]?.state ?? "ok";

/**
 * The devices of `status` that are not well, as [name, state, reason]; one that just starts is given its time. Without a connection nothing
 * is known of the others, so it stands alone.
 */
export function deviceProblems(status) {
  const cut = GONE.has(stateOfDevice(status, "connection"));
  return Object.entries(status.devices ?? {})
    .filter(([name, device]) => (GONE.has(device.state) || BLIND.has(device.state)) && (!cut || name === "connection"))
    .map(([name, device]) => [name, device.state, device.reason ?? ""]);
}

/**
 * A session's state. `threshold` is the score that flags, `unseen` says that a flag was raised which nobody looked at, `silent` that no
 * update comes any more (`isSilent`).
 */
export function stateOfSession(status, { threshold, unseen = false, silent = false }) {
  if (unseen || (status.interval_score ?? 0) >= threshold) return "flagged";
  if (status.on_break && !silent) return "fine"; // nothing is asked for in a break, so nothing is missing
  if (stateOfDevice(status, "connection") === "starting") return "waiting"; // the student has not come yet
  if (lostDevice(status, silent)) return "lost";
  if (status.interval_score > 0 || noticeLines(status).length || doubted(status, "look")) return "look";
  const blind = BLIND.has(stateOfDevice(status, "camera")) || ["microphone", "screen"].some((name) => hasWorked(status, name) && stateOfDevice(status, name) === "off");
  const poor = (status.notices ?? []).some((code) => code !== "nobody" && !code.startsWith("mic_")); // what the student is told, because it lasts: dark, blurred, hidden, …
  if (blind || poor || doubted(status, "unknown") || (status.gaze === "unknown" && (status.faces ?? null) === null)) return "unknown";
  return "fine";
}

/** What is told of a session beside its devices, in words: it can have no innocent cause that mends itself. */
export function noticeLines(status) {
  return (status.notices ?? []).map((code) => texts.notices[code]).filter(Boolean);
}
const doubted = (status, weight) => (status.doubts ?? []).some((doubt) => doubt.weight === weight);

/** What is gone of a session: `connection`, `camera`, `microphone` or `screen`; null: all is there. */
export function lostDevice(status, silent = false) {
  if (silent) return "connection";
  const gone = ["connection", "camera"].find((name) => GONE.has(stateOfDevice(status, name)));
  const wasThere = (name) => STOPPED.has(stateOfDevice(status, name)) || (hasWorked(status, name) && GONE.has(stateOfDevice(status, name)));
  return gone ?? ["microphone", "screen"].find(wasThere) ?? null;
}

/** A state in words; of what is lost it names what. */
export function stateWords(state, status, silent = false) {
  return state === "lost" ? texts.lost[lostDevice(status, silent)] : texts.states[state];
}

/** True when the newest picture is not of now. */
export function isPictureOld(status, silent) {
  if (status.on_break) return true;
  const camera = stateOfDevice(status, "camera");
  return GONE.has(stateOfDevice(status, "connection")) || GONE.has(camera) || camera === "off" || silent;
}

// What can't be told comes and goes with every moved head: only what needs somebody takes a place of its own.
const RANKS = { flagged: 0, look: 1, lost: 2, unknown: 3, fine: 3, waiting: 4 };
const FALL_AFTER_S = 30; // about an interval: nobody loses sight of what just needed a look

/** A session's place among the others: it rises at once, and falls when it was calmer for so long. `before` is what this gave last. */
export function settle(before, state, now) {
  const rank = RANKS[state];
  if (!before || rank <= before.rank || now - before.at >= FALL_AFTER_S) return { rank, at: now };
  return before;
}

/** For sorting: urgent first, then by exam and name, so that equals keep their places. `entry` is {place, status}. */
export function compareEntries(a, b) {
  return (
    a.place.rank - b.place.rank ||
    (a.status.exam_id ?? "").localeCompare(b.status.exam_id ?? "") ||
    a.status.user_id.localeCompare(b.status.user_id) ||
    a.status.session_id.localeCompare(b.status.session_id)
  );
}

/** How many of `entries` (of {place}), in the order shown, need a look but stand behind one that doesn't. */
export function misplaced(entries) {
  let calm = false;
  let count = 0;
  for (const { place } of entries) {
    const urgent = place.rank <= RANKS.look;
    if (!urgent) calm = true;
    else if (calm) count += 1;
  }
  return count;
}
