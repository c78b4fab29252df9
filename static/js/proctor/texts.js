// Every sentence that the scripts of the proctor's pages say, in one place, ready for translation; those of the larger pages have files of their own.

import { spellSeconds } from "../shared/clock.js";
import { plural, texts as shared } from "../shared/texts.js";
import { reviewTexts } from "./texts-review.js";
import { sessionTexts } from "./texts-session.js";
import { watchTexts } from "./texts-watch.js";

export const texts = {
  ...shared,
  ...watchTexts,
  ...reviewTexts,
  ...sessionTexts,

  nav: { left: (left) => plural(left, "flag left to review", "flags left to review") },

  alerts: {
    title: (user) => `Flag: ${user}`,
    refused: "Your browser does not let this page show notifications. Allow them in the browser’s settings for this address.",
    unsupported: "This browser shows no notifications.",
  },

  server: { connecting: "Connecting…", open: "Live", lost: "No connection to the server, trying again", refused: "Logged out" },

  analytics: {
    failed: (message) => `The figures can’t be read. ${message}`,
    wholeDay: "Choose whole days from the year 2000 on.",
    dayOrder: "The last day lies before the first.",
    months: "A bar is a month, as more than a year is shown.",
    sum: ({ sessions, intervals, flags }) =>
      `${plural(sessions, "session", "sessions")}, ${plural(intervals, "interval", "intervals")}, ${plural(flags, "flag", "flags")}`,
    noData: "Nothing to show for this choice yet.",
    columns: {
      day: "Day", sessions: "Sessions", flags: "Flags", exam: "Exam", highRisk: "High risk", perSession: "Flags a session", points: "Points", intervals: "Intervals",
      student: "Student", flagged: "Flagged intervals", total: "Total points", signal: "Signal", confirmed: "Confirmed", dismissed: "Dismissed", open: "Open", share: "Dismissed of decided",
    },
    axes: {
      day: "Day", month: "Month", count: "How many", times: "How often", flags: "Flags", perSession: "Flags a session", points: "Points of an interval",
      intervals: "Intervals (each step is ten times as many)", flagged: "Flagged intervals",
    },
    noExam: "No exam ID",
    percent: (share) => (share === null ? "–" : `${Math.round(100 * share)} %`),
    scores: ({ from, to }) => (to === null || to === undefined ? `${from} and more` : from === to ? String(from) : `${from}–${to}`),
  },

  exams: {
    failed: (message) => `The exams can’t be read. ${message}`,
    sessions: "Sessions",
    sessionsFailed: (message) => `The sessions can’t be read. ${message}`,
    sessionsLoading: "The sessions are being read.",
    sessionsShown: (count, more, chosen) => {
      if (count) return more ? `The latest ${plural(count, "session", "sessions")}; there are more.` : `${plural(count, "session", "sessions")}.`;
      return chosen ? "No session matches this choice." : "No session was ever started.";
    },
    sessionStates: { waiting: "Not begun yet", running: "Running", interrupted: "Interrupted" },
    accommodationsFailed: (message) => `The accommodations can’t be read. ${message}`,
    linkFailed: (message) => `No link was made. ${message}`,
    link: (user) => `The link for ${user}. Whoever has it can take this exam as ${user}: send it to that student only. A link made before it is over.`,
    already: "This student’s exam runs already. Its session is listed on the live page. If the student lost the page, or goes on at another computer, make a new link for it.",
    missing: "Enter the student’s ID.",
    everyExam: "Every exam",
    none: "No session was ever started.",
    noAccommodations: "Nobody has an accommodation.",
    added: (user) => `Saved for ${user}. It holds from the student’s next session on.`,
    addFailed: (message) => `Not saved. ${message}`,
    removeFailed: (message) => `Not removed. ${message}`,
    removeConfirm: (user, exam) => `The accommodation of ${user} for ${exam} is taken away. Sessions that run keep it.`,
    removed: "Removed.",
    remove: "Remove",
    change: "Change",
    save: "Save",
    replace: "Replace",
    replaces: ({ user_id: user, exam_id: exam, set_by: by, note }, words, time) =>
      `${user} has an accommodation for ${exam ?? "every exam"} already, set by ${by}, ${time}: ${[...words, note].filter(Boolean).join("; ")}. It is replaced by this one: press Replace, or Cancel to keep it.`,
    weights: (list) => list.map(([kind, points]) => `${kind}: ${plural(points, "point", "points")}`).join(", "),
    nothing: "Choose at least one: a signal, reading aloud or breaks.",
    live: "Live",
    review: "Review",
    csv: "CSV",
    csvOf: (exam) => `The sessions of ${exam} as CSV`,
    decisions: ({ confirmed = 0, dismissed = 0, disputed = 0, open = 0 }) =>
      [[confirmed, "confirmed"], [dismissed, "dismissed"], [disputed, "where opinions differ"], [open, "to decide"]].filter(([count]) => count).map(([count, word]) => `${count} ${word}`).join(", "),
    asUsual: (points) => `As usual (${points})`,
    off: "Off",
  },

  settings: {
    failed: (message) => `The server’s state can’t be read. ${message}`,
    uptime: (seconds) => `· Running for ${spellSeconds(seconds)}`,
    parts: {
      database: "Database",
      models: "Models",
      analysis: "Reading of pictures and sound",
      recorder: "Clips",
      stations: "This machine’s cameras and microphones",
      sessions: "Exams",
      disk: "Disk",
      disks: "Every disk",
      retention: "Deletion of old sessions",
      detectors: "Detectors",
    },
    states: { ok: "fine", starting: "starting", loading: "loading", limited: "limited", degraded: "needs a look", away: "away", low: "nearly full", failed: "does not work", error: "can’t be asked" },
    figures: {
      database: ({ queued, spooled }) => (queued + spooled ? `${queued + spooled} records wait to be stored` : "Nothing waits to be stored"),
      analysis: ({ workers, gaze_fps_least: least, gaze_fps_wanted: wanted, in_full: inFull }) =>
        [
          plural(workers, "worker reads", "workers read"),
          least != null && `the least served exam is read ${least} of ${wanted} times a second`,
          inFull == null ? "how many exams this machine reads in full shows once some run" : `this machine reads about ${plural(inFull, "exam", "exams")} in full; with more, each is read less often`,
        ].filter(Boolean).join("; "),
      recorder: ({ waiting }) => (waiting ? `${waiting} wait to be made` : "None waits to be made"),
      sessions: ({ active, limit }) => `${active} running; the server takes ${limit} at most, whatever this machine reads in full`,
      disk: ({ free_mb: free }) => (free == null ? "" : `${Math.round(free / 1024)} GB free`),
    },
    status: { ok: "Everything works", degraded: "A part needs a look" },
    themes: { system: "As the system", light: "Light", dark: "Dark" },
    saved: "Saved in this browser.",
    on: "On",
    off: "Off",
  },
};
