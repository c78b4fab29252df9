// The five states that a session can show, and in which order sessions are shown. Pure: a status in, a state out.

/** Most urgent first; the same names are used in texts, icons and the style sheet. */
export const STATES = ["flagged", "look", "lost", "unknown", "fine"];
export const ICONS = { flagged: "flag", look: "triangle", lost: "lost", unknown: "unknown", fine: "fine" };

const GONE = new Set(["missing", "lost", "denied", "ended"]);
const BLIND = new Set(["frozen", "covered", "off"]);
const SILENT_S = 5; // an update comes every second; after five without one the picture is old news

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
 * A session's state. `threshold` is the score that flags, `unseen` says that a flag was raised which nobody looked at,
 * `silentS` are the seconds since the last update.
 */
export function stateOfSession(status, { threshold, unseen = false, silentS = 0 }) {
  if (unseen || (status.interval_score ?? 0) >= threshold) return "flagged";
  if (status.interval_score > 0) return "look";
  if (status.on_break && silentS <= SILENT_S) return "fine"; // nothing is asked for in a break, so nothing is missing
  const gone = GONE.has(stateOfDevice(status, "connection")) || GONE.has(stateOfDevice(status, "camera"));
  if (gone || silentS > SILENT_S) return "lost";
  const blind = BLIND.has(stateOfDevice(status, "camera"));
  const poor = (status.notices ?? []).some((code) => code !== "nobody"); // what the student is told, because it lasts: dark, blurred, hidden, …
  if (blind || poor || (status.gaze === "unknown" && (status.faces ?? null) === null)) return "unknown";
  return "fine";
}

/** True when the newest picture is not of now. */
export function isPictureOld(status, silentS) {
  if (status.on_break) return true;
  return GONE.has(stateOfDevice(status, "connection")) || GONE.has(stateOfDevice(status, "camera")) || silentS > SILENT_S;
}

/** For sorting: urgent first, then by exam and name, so that equals keep their places. `entry` is {state, status}. */
export function compareEntries(a, b) {
  return (
    STATES.indexOf(a.state) - STATES.indexOf(b.state) ||
    (a.status.exam_id ?? "").localeCompare(b.status.exam_id ?? "") ||
    a.status.user_id.localeCompare(b.status.user_id) ||
    a.status.session_id.localeCompare(b.status.session_id)
  );
}

/** How many of `entries`, in the order shown, need a look but stand behind one that doesn't. */
export function misplaced(entries) {
  let calm = false;
  let count = 0;
  for (const { state } of entries) {
    const urgent = state === "flagged" || state === "look";
    if (!urgent) calm = true;
    else if (calm) count += 1;
  }
  return count;
}
