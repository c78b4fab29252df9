// The states that a session can show, and who is shown first: by what a person should do. Pure: a status in, a state and a rank out.

import { texts } from "./texts.js";

/** Most urgent first; the same names are used in texts, icons and the style sheet. */
export const ICONS = { flagged: "flag", look: "triangle", call: "hand", lost: "lost", unknown: "unknown", fine: "fine", waiting: "clock" };

export const UNWATCHED_S = 30; // so long nobody could watch, and somebody should go and see
const HALF = 0.5; // of the points that make a flag
const NOTHING = "nothing_comes";

const GONE = new Set(["missing", "lost", "denied", "ended"]);
const STOPPED = new Set(["lost", "ended"]); // it was there: an exam that began without a microphone is not lost for it
const PICTURE = new Set(["connection", "everything", "camera"]); // without them there is no picture
const BLIND = new Set(["frozen", "covered", "off"]);

/** Whether the last update of a session, at `heardAt` ms (null: none yet), is so long ago that what it said is old news: more than `most` seconds. */
export const isSilent = (heardAt, now, most) => heardAt !== null && now - heardAt > 1000 * most;

const hasWorked = (status, name) => status.devices?.[name]?.worked === true; // in this exam: since then it was taken away
const NOT_ASKED = "not_asked"; // why a device is off without which the exam goes on as well
const stateOfDevice = (status, name) => (status.devices?.[name]?.reason === NOT_ASKED ? "ok" : (status.devices?.[name]?.state ?? "ok"));

/** Does the exam ask for a device, as none of whose signals may count? */
export const isAsked = (status, name) => !(status.not_asked ?? []).includes(name);

/** Comes no picture, and is none asked for? */
export const needsNoPicture = (status) => !isAsked(status, "camera") && status.devices?.camera?.state !== "ok";

/**
 * The devices of `status` that are not well, as [name, state, reason]; one that just starts is given its time. Without a connection nothing
 * is known of the others, so it stands alone.
 */
export function deviceProblems(status) {
  const cut = GONE.has(stateOfDevice(status, "connection"));
  return Object.entries(status.devices ?? {})
    .filter(([name, device]) => device.reason !== NOT_ASKED && (GONE.has(device.state) || BLIND.has(device.state)) && (!cut || name === "connection"))
    .map(([name, device]) => [name, device.state, device.reason ?? ""]);
}

/**
 * A session's state. `threshold` is the score that flags, `unseen` says that a flag was raised which nobody looked at, `silent` that no
 * update comes any more (`isSilent`).
 */
export function stateOfSession(status, { threshold, unseen = false, silent = false }) {
  if (unseen || (status.interval_score ?? 0) >= threshold) return "flagged";
  if (status.on_break && !silent) return status.call ? "call" : "fine"; // nothing is asked for in a break, so nothing is missing
  if (isWaiting(status)) return "waiting"; // the student has not come yet
  const lost = lostDevice(status, silent);
  if (PICTURE.has(lost)) return "lost";
  if (unwatchedFor(status) >= UNWATCHED_S) return "unknown";
  if (lost) return "lost";
  if (hasCause(status, threshold)) return "look";
  if (status.call) return "call";
  const blind = BLIND.has(stateOfDevice(status, "camera")) || ["microphone", "screen"].some((name) => hasWorked(status, name) && stateOfDevice(status, name) === "off");
  const poor = (status.notices ?? []).some((code) => code !== "nobody" && !code.startsWith("mic_")); // what the student is told, because it lasts: dark, blurred, hidden, …
  const unread = isAsked(status, "camera") && status.gaze === "unknown" && (status.faces ?? null) === null;
  if (blind || poor || doubted(status, "unknown") || unread) return "unknown";
  return "fine";
}

/** What is said of a student who has not begun: nothing was heard of the page, or it is open and the student gets ready. */
export const waitingWords = (status) => (status.devices?.connection?.reason === "getting_ready" ? texts.live.gettingReady : texts.live.notCome);

const isWaiting = (status) => status.begun === false || stateOfDevice(status, "connection") === "starting";

/** Is there something to look at: half the points of a flag or more, times that can't be right, a doubt that asks for a look? */
function hasCause(status, threshold) {
  return (status.interval_score ?? 0) >= HALF * threshold || noticeLines(status).length > 0 || doubted(status, "look");
}

/** For how many seconds nobody could watch: 0 while one can. */
export function unwatchedFor({ unwatched, elapsed_s: elapsed, on_break: onBreak }) {
  return unwatched && !onBreak ? Math.max(0, (elapsed ?? 0) - unwatched.since_s) : 0;
}

/** What is told of a session beside its devices, in words: it can have no innocent cause that mends itself. */
export function noticeLines(status) {
  return (status.notices ?? []).map((code) => texts.notices[code]).filter(Boolean);
}
const doubted = (status, weight) => (status.doubts ?? []).some((doubt) => doubt.weight === weight);

/** What is gone of a session: `connection`, `everything` (no one says why), `camera`, `microphone` or `screen`; null: all is there. */
export function lostDevice(status, silent = false) {
  if (silent) return "connection";
  if (nothingComes(status)) return "everything";
  const gone = ["connection", "camera"].find((name) => GONE.has(stateOfDevice(status, name)));
  const wasThere = (name) => STOPPED.has(stateOfDevice(status, name)) || (hasWorked(status, name) && GONE.has(stateOfDevice(status, name)));
  return gone ?? ["microphone", "screen"].find(wasThere) ?? null;
}

/** Neither pictures nor sound, though their devices are said to be well: the line gives nothing, whatever it is called. */
function nothingComes({ devices = {} }) {
  const silent = (device) => device?.state === "lost" && device.reason === NOTHING;
  return !GONE.has(devices.connection?.state) && silent(devices.camera) && (silent(devices.microphone) || !devices.microphone?.worked);
}

/** A state in words; of what is lost it names what, and of what can't be watched for long, for how long and why. */
export function stateWords(state, status, silent = false) {
  const seconds = silent ? 0 : unwatchedFor(status);
  if (state === "lost") return seconds >= UNWATCHED_S && texts.lostFor[lostDevice(status)] ? texts.lostFor[lostDevice(status)](seconds) : texts.lost[lostDevice(status, silent)];
  return state === "unknown" && seconds >= UNWATCHED_S ? texts.unwatchedFor(seconds, status.unwatched.reason) : texts.states[state];
}

/** True when the newest picture is not of now. */
export function isPictureOld(status, silent) {
  if (status.on_break) return true;
  const camera = stateOfDevice(status, "camera");
  return GONE.has(stateOfDevice(status, "connection")) || GONE.has(camera) || camera === "off" || silent;
}

/** By what a person should do. What can't be told comes and goes with every moved head: only what needs somebody takes a place of its own. */
export const RANKS = { unseen: 0, unwatched: 1, look: 2, call: 3, rest: 4, waiting: 5 };
const FALL_AFTER_S = 30; // about an interval: nobody loses sight of what just needed a look

/** How urgent a session is: one of RANKS. Arguments as of `stateOfSession`. */
export function rankOf(status, { threshold, unseen = false }) {
  if (unseen) return RANKS.unseen;
  if (isWaiting(status) && !status.on_break) return RANKS.waiting;
  if (unwatchedFor(status) >= UNWATCHED_S) return RANKS.unwatched;
  if (!status.on_break && hasCause(status, threshold)) return RANKS.look;
  return status.call ? RANKS.call : RANKS.rest;
}

/** Does a session of this rank need somebody? */
export const needsSomebody = (rank) => rank <= RANKS.call;

/** A session's place among the others: it rises at once, and falls when it was calmer for so long. `before` is what this gave last. */
export function settle(before, rank, now) {
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
    if (!needsSomebody(place.rank)) calm = true;
    else if (calm) count += 1;
  }
  return count;
}
