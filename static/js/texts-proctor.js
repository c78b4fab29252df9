// The sentences of the proctor's pages beyond live and session; texts.js takes them in, so that all are found in one place.

import { spellSeconds } from "./clock.js";

const plural = (count, one, many) => `${count} ${count === 1 ? one : many}`;

export const proctorTexts = {
  nav: { left: (left) => plural(left, "flag left to review", "flags left to review") },

  alerts: {
    title: (user) => `Flag: ${user}`,
    refused: "Your browser does not let this page show notifications. Allow them in the browser’s settings for this address.",
    unsupported: "This browser shows no notifications.",
  },

  review: {
    left: (left) => (left ? plural(left, "flag left", "flags left") : "None left"),
    disputed: (count) => `${plural(count, "flag", "flags")} with opinions that differ`,
    place: (at, count, more) => `${at} of ${count}${more ? "+" : ""}`,
    as: (name) => `Reviewing as ${name}`,
    askName: "Say who reviews",
    failed: (message) => `The queue can’t be read. ${message}`,
    notSaved: (user, message) => `The decision on ${user} was not saved. ${message}`,
    fresh: (count) => `Show ${plural(count, "new flag", "new flags")}`,
    none: {
      open: ["Nothing is left to review", "Every flag has been decided. New ones appear here by themselves."],
      other: ["No flag matches these filters", "Choose other filters to see more."],
    },
    interval: (number, from, to) => `Interval ${number}, ${spellSeconds(from)}–${spellSeconds(to)}`,
    points: (score) => plural(score, "point", "points"),
    states: { open: "Open", confirmed: "Confirmed", dismissed: "Dismissed", disputed: "Opinions differ" },
    decided: (review) => {
      const why = review.reason ? ` (${proctorTexts.review.reasons[review.reason] ?? review.reason})` : "";
      return `${proctorTexts.review.states[review.decision] ?? review.decision}${why} by ${review.by}`;
    },
    second: (second) => `Second opinion: ${proctorTexts.review.decided(second)}`,
    secondHint: (name) => `${name} has decided on this. Your decision is kept as a second opinion.`,
    reasons: {
      other_person_harmless: "Other person, harmless",
      glasses: "Glasses",
      light: "Light",
      reading_aloud: "Reading aloud",
      device: "Device",
      other: "Other",
    },
    chooseReason: "Why? Press a digit, or Esc to go back.",
    saved: { confirmed: "Confirmed", dismissed: "Dismissed", null: "Decision taken back" },
    nothingToUndo: "There is no decision of yours to take back.",
    undone: (user) => `Taken back: ${user}`,
    at: (seconds, length) => `${spellSeconds(seconds)} of ${spellSeconds(length)}`,
    play: "Play",
    pause: "Pause",
    mute: "Sound off",
    unmute: "Sound on",
    mark: (kind, at, to) => `${kind}, ${spellSeconds(at)}–${spellSeconds(to)}`,
    announce: (at, count, item) => `${at} of ${count}. ${item.user_id}${item.exam_id ? `, ${item.exam_id}` : ""}. ${item.reasons.join(". ")}`,
    loading: "The clip is loading.",
    history: (entry, time) => `${time}: ${entry.decision ? proctorTexts.review.decided(entry) : `taken back by ${entry.by}`}${entry.note ? ` – ${entry.note}` : ""}`,
    historyFailed: (message) => `Earlier decisions can’t be read. ${message}`,
  },

  evidence: {
    seconds: (seconds) => `${Number(seconds).toFixed(1)} s in all`,
    stretches: (stretches) => stretches.map(([from, to]) => `${spellSeconds(from)}–${spellSeconds(to)}`).join(", "),
    looks: (looks) => `${plural(looks, "look", "looks")} in a row`,
    directions: (counts) => Object.entries(counts).map(([direction, count]) => `${direction} in ${plural(count, "reading", "readings")}`).join(", "),
    level_dbfs: (level) => `sound level ${Math.round(level)} dB`,
    voices: (voices) => plural(voices, "voice", "voices"),
    persons: (persons) => plural(persons, "person", "persons"),
    confidence: (confidence) => `${Math.round(confidence * 100)} % sure`,
    boxes: (sures) => `${plural(sures.length, "box", "boxes")} of the last look, ${sures.map((sure) => `${Math.round(sure * 100)} %`).join(" and ")} sure`,
    acts: (acts) => acts.map(({ at, what }) => `${spellSeconds(at)} ${what}`).join(", "),
    numbers: {
      gaze_x_deg: (value) => `gaze ${Math.round(Math.abs(value))}° to the student’s ${value > 0 ? "left" : "right"} of the usual`,
      gaze_y_deg: (value) => `gaze ${Math.round(Math.abs(value))}° ${value > 0 ? "below" : "above"} the usual`,
      yaw_deg: (value) => `head turned ${Math.round(Math.abs(value))}°`,
      pitch_deg: (value) => `head tilted ${Math.round(Math.abs(value))}°`,
    },
    other: (name, value) => `${name.replaceAll("_", " ")} ${value}`,
  },

  act: {
    sent: "Sent.",
    where: ({ delivered, read }) => (read ? " · read" : delivered === false ? " · not delivered yet" : ""),
    kept: "The student’s page isn’t connected. It is delivered when it comes back.",
    failed: (message) => `Not sent. ${message}`,
    empty: "Write what the student should read.",
    levels: { message: "Message", warning: "Warning" },
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

  ends: {
    student: "ended by the student",
    proctor: (note) => `ended by the proctor${note ? `: ${note}` : ""}`,
    call: "ended by a call",
    away: "the student’s page was away for too long",
    restart: "the student’s page did not come back after the server’s restart",
    outage: (lasted) => `the server was away for ${lasted}`,
    unused: "never begun: its link was not used while it was good",
    unreadable: "its records can’t be read",
  },
  /** How a session ended, as it is stored; an old one has no code, only the sentence. */
  end: ({ end_code: code, end_note: note, end_reason: reason }) => {
    const said = proctorTexts.ends[code] ?? reason;
    return typeof said === "function" ? said(note) : said;
  },

  timeline: {
    connection: "Connection",
    pictures: "Pictures",
    sound: "Sound",
    screen: "Screen",
    unknown: "Can’t tell",
    breaks: "Breaks",
    messages: "Messages",
    lostFor: {
      connection: (seconds) => `Nothing arrived for ${Math.round(seconds)} s`,
      pictures: (seconds) => `No picture arrived for ${Math.round(seconds)} s`,
      sound: (seconds) => `No sound arrived for ${Math.round(seconds)} s`,
    },
    screenActs: { fullscreen_left: "Full screen left", second_display: "A second display", share_stopped: "Stopped sharing the screen" },
    unknownFor: (share) => `Can’t tell for ${Math.round(share)} s`,
    breakFor: ({ by, reason }) => `Break${by ? `, by ${by}` : ""}${reason ? `: ${reason}` : ""}`,
    message: ({ level, text }) => `${proctorTexts.act.levels[level] ?? level}: ${text}`,
    signs: { lost: "✕", screen: "▭", unknown: "?", break: "‖", message: "✉" },
  },

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
    link: (user) => `The link for ${user}. Whoever has it can take this exam as ${user}: send it to that student only.`,
    already: "This student’s exam runs already. Its session is listed on the live page. If the student lost the page, or goes on at another computer, make a new link for it.",
    missing: "Enter the student’s ID.",
    everyExam: "Every exam",
    none: "No session was ever started.",
    noAccommodations: "Nobody has an accommodation.",
    signalsOff: (kinds) => `Off: ${kinds.join(", ")}`,
    weighed: (kinds) => `Weighed differently: ${kinds.join(", ")}`,
    weights: (list) => list.map(([kind, points]) => `${kind}: ${plural(points, "point", "points")}`).join(", "),
    readingAloud: "Reading aloud allowed",
    breaks: (count, minutes) => `${plural(count, "break", "breaks")} of ${minutes} min`,
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
    nothing: "Choose at least one: a signal, reading aloud or breaks.",
    live: "Live",
    review: "Review",
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
    },
    states: { ok: "fine", starting: "starting", loading: "loading", limited: "limited", degraded: "needs a look", away: "away", low: "nearly full" },
    figures: {
      database: ({ queued, spooled }) => (queued + spooled ? `${queued + spooled} records wait to be stored` : "Nothing waits to be stored"),
      analysis: ({ workers, gaze_fps_least: least, gaze_fps_wanted: wanted }) =>
        `${workers} at work${least == null ? "" : `; the least served exam is read ${least} of ${wanted} times a second`}`,
      recorder: ({ waiting }) => (waiting ? `${waiting} wait to be made` : "None waits to be made"),
      sessions: ({ active, limit }) => `${active} running, room for ${limit - active} more`,
      disk: ({ free_mb: free }) => (free == null ? "" : `${Math.round(free / 1024)} GB free`),
    },
    status: { ok: "Everything works", degraded: "A part needs a look" },
    themes: { system: "As the system", light: "Light", dark: "Dark" },
    saved: "Saved in this browser.",
    on: "On",
    off: "Off",
  },

  report: {
    failed: (message) => `The report can’t be made. ${message}`,
    notThere: "There is no session with this address.",
    running: "This session is still running; the report shows it up to now.",
    noFlags: "No interval of this session was flagged.",
    noMessages: "No messages were sent.",
    noBreaks: "There were no breaks.",
    noChecks: "No check before the exam was stored.",
    noAccommodation: "None.",
    made: (time, zone, then, now) => `Made ${time}. Times are in ${zone} (${then === now ? now : `${then} when the session began, ${now} now`}).`,
    undecided: "Not decided",
    still: (user, interval) => `Still of ${user}, interval ${interval}`,
    title: "Report",
    calm: "No interval has points.",
    decision: "Decision",
    clip: ({ path, sha256, duration }) => `Clip ${path}, ${Math.round(duration)} s, SHA-256 ${sha256}`,
    setBy: (by, time) => [by && `Set by ${by}`, time].filter(Boolean).join(", "),
    sum: ({ total_score: total }, intervals, flags) => {
      const count = (state) => flags.filter(({ review }) => (review?.state ?? "open") === state).length;
      const states = [`${count("confirmed")} confirmed`, `${count("dismissed")} dismissed`, ...(count("disputed") ? [`opinions differ on ${count("disputed")}`] : []), `${count("open")} not decided`];
      return `${plural(intervals, "interval", "intervals")}, ${plural(total, "point", "points")} in all. ${plural(flags.length, "flag", "flags")}: ${states.join(", ")}.`;
    },
    facts: { student: "Student", exam: "Exam", began: "Began", ended: "Ended", lasted: "Lasted", how: "How it ended", source: "Watched by", id: "Session" },
    items: { camera: "Camera", microphone: "Microphone", light: "Light", face: "Face in view", network: "Network", browser: "Browser", screen: "Screen" },
    checkHead: ["What", "State", "Reason"],
    timelineHead: ["Interval", "Time", "Points", "What was found"],
    breakHead: ["From", "To", "Length", "By"],
    messageHead: ["Time", "Kind", "Text", "From"],
    pointsHead: ["Signal", "Points"],
    rulesHead: ["Rule", "Value"],
    intervalLine: (interval) => `Interval ${interval.index + 1}, ${spellSeconds(interval.start)}–${spellSeconds(interval.end)}`,
    rules: {
      flag_threshold: "Points that make a flag", interval_duration: "Seconds in an interval", gaze_min_s: "Seconds of looking away that count",
      absent_min_s: "Seconds of nobody in view that count", persons_min_s: "Seconds between two looks that show several people",
      speech_min_s: "Seconds of speech that count", voices_min_s: "Seconds of speech that several voices rest on", blink_max_s: "Seconds that are a blink",
      gaze_gap_s: "Seconds of looking back that end looking away", voices_gap_s: "Seconds between turns of one conversation",
      unknown_max_s: "Seconds of unknown that end anything", credit_max_s: "Seconds that one picture speaks for",
    },
  },
};
