// What the pages say that show an exam as it runs: live and session.

import { spellSeconds } from "../shared/clock.js";
import { plural } from "../shared/texts.js";

const why = (reason) => (reason ? ` (${watchTexts.reasons[reason] ?? reason})` : "");

export const watchTexts = {
  states: { fine: "Fine", look: "Needs a look", call: "Asks for you", flagged: "Flagged", unknown: "Can’t tell", lost: "Lost", waiting: "Not here yet" },
  lost: { connection: "No connection", everything: "Nothing arrives", camera: "No camera", microphone: "No sound", screen: "Screen not shared" },
  lostFor: {
    connection: (seconds) => `No connection for ${spellSeconds(seconds)}`,
    everything: (seconds) => `Nothing arrives for ${spellSeconds(seconds)}`,
    camera: (seconds) => `No camera for ${spellSeconds(seconds)}`,
  },
  unwatchedFor: (seconds, reason) => `Can’t tell for ${spellSeconds(seconds)}${why(reason)}`,
  gaze: {
    focused: "Looking at the screen",
    left: "Looking left",
    right: "Looking right",
    down: "Looking down",
    closed: "Eyes closed",
    none: "No face in the picture",
    unknown: "Gaze: can’t tell",
  },
  reasons: {
    dark: "too dark",
    blurred: "blurred",
    small: "too far away",
    hidden: "face hidden",
    frozen: "picture frozen",
    covered: "camera covered",
    aside: "looks to one side of the camera all the time",
    unreadable: "damaged pictures",
    silent: "silent",
    clipped: "too loud",
    faint: "too faint",
    lost: "nothing arrives",
    break: "on a break",
    error: "the detector failed",
    bright: "too bright",
    flat: "nothing to see",
    starting: "just started",
    camera_off: "camera off",
    not_read: "the server does not read it",
    unknown: "can’t tell",
    other: "other reasons",
  },
  notices: { page_time: "The times that the student’s page tells can’t be right: its pictures are read as they arrive" },
  unread: {
    parts: { picture: "The picture", gaze: "Where the student looked", people: "How many people were in view", sound: "The sound" },
    line: (part, seconds, of, reasons) => `${part} could not be read: ${spellSeconds(seconds)} of ${spellSeconds(of)}${reasons.length ? ` (${reasons.join(", ")})` : ""}`,
  },
  people: (count, reason = "") => {
    if (count === null || count === undefined) return `People: can’t tell${why(reason)}`;
    return count === 0 ? "Nobody in view" : plural(count, "person in view", "people in view");
  },
  why,
  soundUnknown: (reason) => `Sound: can’t tell${why(reason)}`,
  phone: "Phone in view",
  devices: { camera: "Camera", microphone: "Microphone", screen: "Screen", connection: "Connection" },
  deviceStates: {
    starting: "starting",
    ok: "fine",
    missing: "missing",
    lost: "lost",
    frozen: "frozen",
    covered: "covered",
    denied: "permission refused",
    ended: "ended",
    off: "off",
  },
  /** Codes of the pages and of the server; what a local station says of its devices is for who runs the server, and a sentence already. */
  deviceReasons: {
    not_come: "the student’s page has not connected yet",
    page_away: "the student’s page is not connected; it tries again by itself",
    nothing_comes: "nothing arrives",
    http: "by HTTP, because WebSockets are blocked there: what happens is seen about a second later",
    device_ended: "the device ended",
    turned_off: "the system or the device turned it off",
    not_whole: "not the whole screen is shared",
    share_stopped: "the sharing stopped",
    denied_by_system: "by the system’s own settings",
    insecure: "the page’s address is insecure",
    busy: "another program holds it",
    unsupported: "the browser has no access to it",
    failed: "it could not be started",
    denied: "",
    missing: "",
  },
  deviceLine: (name, { state, reason, label }) => {
    const cause = state === "ok" && reason !== "http" ? "" : (watchTexts.deviceReasons[reason] ?? reason);
    return `${watchTexts.devices[name] ?? name}: ${watchTexts.deviceStates[state] ?? state}${cause ? ` (${cause})` : ""}${label ? `, ${label}` : ""}`;
  },
  gazeWords: ({ gaze, gaze_reason: reason }) => {
    return (watchTexts.gaze[gaze] ?? watchTexts.gaze.unknown) + (gaze === "unknown" ? why(reason) : "");
  },
  reading: ({ gaze, gaze_reason: reason, faces, faces_reason: unseen, phone }) => {
    if (gaze === "unknown" && (faces ?? null) === null) return watchTexts.states.unknown + why(reason);
    const words = [watchTexts.gazeWords({ gaze, gaze_reason: reason }), watchTexts.people(faces, unseen)];
    if (phone) words.push(watchTexts.phone);
    return words.join(" · ");
  },
  live: {
    count: (count, waiting) => {
      if (waiting === 0) return plural(count, "exam running", "exams running");
      return count === 0 ? `${waiting} not begun yet` : `${plural(count, "exam running", "exams running")}, ${waiting} not begun yet`;
    },
    calls: (user, text) => (text ? `${user} asks for you: ${text}` : `${user} asks for you`),
    shown: (shown, all) => `${shown} of ${all} shown`,
    attention: (count) => (count === 1 ? "1 needs a look" : `${count} need a look`),
    sortNow: (count) => (count === 1 ? "1 more needs a look: show first" : `${count} more need a look: show first`),
    score: (score, threshold) => `${score} points in this interval; ${threshold} make a flag`,
    scoreShort: (score, threshold) => `${score} / ${threshold}`,
    total: (total) => `Total ${total}`,
    recent: (intervals) => `Last ${plural(intervals.length, "interval", "intervals")}: ${intervals.map(({ score, flagged }) => (flagged ? `${score} flagged` : score)).join(", ")}`,
    noRecent: "No interval is complete yet",
    age: (seconds) => `last picture ${spellSeconds(seconds)} ago`,
    nothingComes: "Nothing arrives at the moment",
    notCome: "Hasn’t opened the exam yet",
    over: "The exam has ended",
    onBreak: "On a break",
    noPicture: "No picture yet",
    seen: "Mark as seen",
    seenFailed: (message) => `The flag stays marked. ${message}`,
    flagAge: (seconds, count) => (count > 1 ? `${count} flags, ${spellSeconds(seconds)} ago` : `Flagged ${spellSeconds(seconds)} ago`),
    call: (text) => (text ? `Asks for you: ${text}` : "Asks for you"),
    ended: (user, flags) => `${user}: exam ended, ${plural(flags, "flag", "flags")}`,
    flagged: (user, exam, reasons) => `Flag: ${user}${exam ? `, ${exam}` : ""}. ${reasons.join(". ")}`,
    open: "Open",
    dismiss: "Close",
    failed: (message) => `The list of exams can’t be read. ${message}`,
    moreFlags: (count) => `${plural(count, "older flag", "older flags")} under Review`,
    limited: (count) => `Some signals are limited on this server (${plural(count, "note", "notes")})`,
    copied: "Copied",
  },
  clip: {
    pending: "The clip is being made. It appears here by itself.",
    failed: (reason) => `There is no clip: ${reason || "it could not be made"}.`,
    none: "There is no clip of this interval.",
    broken: "The clip can’t be played. Reload the page; if that does not help, its file may be gone.",
    label: (user, interval) => `Clip of ${user}, interval ${interval}`,
    mark: (kind, at) => `${kind} at ${spellSeconds(at)}`,
  },
  flagged: { score: (score, threshold) => `${score} points (${threshold} make a flag)` },
  session: {
    notThere: "There is no session with this address. It may have been removed, or the address is incomplete.",
    failed: (message) => `The session can’t be read. ${message}`,
    running: "Running",
    waiting: "Not begun yet",
    ended: "Ended",
    interrupted: "Interrupted",
    away: "Waiting for the student’s browser to come back",
    since: (time) => `since ${time}`,
    span: (from, to) => `${from} to ${to}`,
    noPoints: "Nothing in this interval so far.",
    interval: (number) => `Interval ${number}`,
    range: (from, to) => `${spellSeconds(from)}–${spellSeconds(to)}`,
    points: (points) => `+${points}`,
    sum: (score, threshold) => `${score} / ${threshold}`,
    plain: (score) => plural(score, "point", "points"),
    pointsRow: "Points",
    nothing: "Nothing was found in this interval.",
    nothingRead: (why) => `Nothing could be read from the picture in this interval (${why}), so nothing was found in it.`,
    going: "This interval is still going on.",
    cell: (kind, interval, points) => `${kind} in interval ${interval}: +${points}`,
    over: (how, again) =>
      `This session is over${how ? `: ${how}` : ""}. ${again ? "If its student was not done, reopen it within a day. " : ""}Its timeline and clips are below.`,
    reopened: (user) =>
      `The exam of ${user} goes on. In a page that is still open, “Go on with my exam” leads back to it; else send this link, to that student only.`,
    reopenFailed: (message) => `The session does not go on. ${message}`,
    endFailed: (message) => `The session was not ended. ${message}`,
    endConfirm: (user, exam) => `The exam of ${user}${exam ? ` (${exam})` : ""} ends now. The student can’t go on, and this can’t be undone.`,
    accommodation: (words) => `Accommodation: ${words.join(" · ")}`,
    rest: ({ gaze_x_deg: x, gaze_y_deg: y, learnt }) => {
      if (typeof x !== "number") return watchTexts.session.restUnknown;
      const far = (degrees, words) => Math.round(degrees) !== 0 && `${Math.round(Math.abs(degrees))}° ${words}`;
      const place = [far(x, x > 0 ? "to the student’s left" : "to the student’s right"), far(y, y > 0 ? "below the camera" : "above the camera")].filter(Boolean);
      const known = learnt < 0.3 ? "a first guess" : learnt < 0.7 ? "it is becoming clear" : "well known by now";
      return `${place.join(", ") || "At the camera"} (${known})`;
    },
    restUnknown: "Not known yet",
    overlays: { face: "face", person: "person", phone: "phone" },
    rate: { video_fps: "Pictures", gaze_fps: "Gaze readings", persons_per_s: "Looks for people" },
    perSecond: (value) => `${Number(value).toFixed(1)} a second`,
    source: { local: "Local station", browser: "Student’s browser" },
  },
  act: {
    sent: "Sent.",
    where: ({ delivered, read }) => (read ? " · read" : delivered === false ? " · not delivered yet" : ""),
    kept: "The student’s page isn’t connected. It is delivered when it comes back.",
    failed: (message) => `Not sent. ${message}`,
    empty: "Write what the student should read.",
    levels: { message: "Message", warning: "Warning" },
    called: (text) => (text ? `The student calls: ${text}` : "The student calls, without words"),
    from: (by, time) => [by, time].filter(Boolean).join(", "),
    breakOn: "Start a break",
    breakOff: "End the break",
    breakFailed: (message) => `The break was not changed. ${message}`,
    listen: "Listen",
    listening: "Stop listening",
    listenFailed: (message) => `The sound can’t be played. ${message}`,
    noSound: "No sound arrives at the moment.",
    screenAge: (seconds) => `Shared screen, ${spellSeconds(seconds)} ago`,
  },
};
