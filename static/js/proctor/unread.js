// What could not be told of an exam, in words. Pure: `unread` of a session's record in, lines out. Sessions of before it was kept say nothing.

import { texts } from "./texts.js";

const LEAST_S = 5;
const LEAST_SHARE = 0.05; // less is every honest exam: a head turns, a hand is raised to the face
const ALIKE = 0.1; // gaze and people differ by less: it was the picture
const REASONS = 2;

const shareOf = ({ of_s: of, unread_s: lost }) => (of > 0 ? lost / of : 0);

/** A line for each part that could not be told for some while: how long, of how long, and why. */
export function unreadLines(unread) {
  if (!unread) return [];
  const parts = Object.entries(unread).filter(([, part]) => part && part.unread_s >= LEAST_S && shareOf(part) >= LEAST_SHARE);
  const names = parts.map(([name]) => name);
  const picture = names.includes("gaze") && names.includes("people") && Math.abs(shareOf(unread.gaze) - shareOf(unread.people)) < ALIKE;
  return parts.filter(([name]) => !(picture && name === "people")).map(([name, part]) => line(picture && name === "gaze" ? "picture" : name, part));
}

/** The reasons of most of what could not be told, the longest first. */
export function unreadReasons(unread) {
  const sums = new Map();
  for (const part of Object.values(unread ?? {})) for (const [why, seconds] of Object.entries(part?.reasons ?? {})) sums.set(why, (sums.get(why) ?? 0) + seconds);
  return [...sums].sort((a, b) => b[1] - a[1]).slice(0, REASONS).map(([why]) => texts.reasons[why] ?? why);
}

function line(name, { of_s: of, unread_s: lost, reasons }) {
  const most = Object.entries(reasons ?? {}).sort((a, b) => b[1] - a[1]).slice(0, REASONS);
  return texts.unread.line(texts.unread.parts[name] ?? name, lost, of, most.map(([why]) => texts.reasons[why] ?? why));
}

const NOTHING = 0.9; // of an interval; no more than a moment was seen

/**
 * Why nothing could be told of the picture from `start` to `end`, in seconds of the session; null where something could, or nobody knows.
 * Each of `checks` has the sums of the session up to its end.
 */
export function whyNothingRead(checks, start, end) {
  const last = checks.findLast((check) => check.start < end)?.unread;
  const before = checks.findLast((check) => check.end <= start + 1e-3);
  if (!last || (before && !before.unread)) return null;
  const grown = (part) => ({ of_s: last[part].of_s - (before?.unread[part].of_s ?? 0), unread_s: last[part].unread_s - (before?.unread[part].unread_s ?? 0) });
  if (["gaze", "people"].some((part) => shareOf(grown(part)) < NOTHING)) return null;
  const reasons = Object.entries(last.gaze.reasons).map(([why, seconds]) => [why, seconds - (before?.unread.gaze.reasons[why] ?? 0)]);
  const [most] = reasons.sort((a, b) => b[1] - a[1])[0] ?? ["unknown"];
  return texts.reasons[most] ?? most;
}

/** The share, 0..1, of an exam in which the gaze could be told; null where nothing is known of it. */
export function readShare(unread) {
  return unread?.gaze?.of_s > 0 ? 1 - shareOf(unread.gaze) : null;
}
