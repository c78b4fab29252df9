// What the pages say that show what was found in an exam: review, timeline and report.

import { spellSeconds } from "../shared/clock.js";
import { plural } from "../shared/texts.js";
import { watchTexts } from "./texts-watch.js";

export const reviewTexts = {
  review: {
    left: (left) => (left ? plural(left, "flag left", "flags left") : "None left"),
    disputed: (count) => `${plural(count, "flag", "flags")} with opinions that differ`,
    place: (at, count, more) => `${at} of ${count}${more ? "+" : ""}`,
    as: (name) => `Reviewing as ${name}`,
    askName: "Enter your name",
    failed: (message) => `The queue can’t be read. ${message}`,
    notSaved: (user, message) => `The decision on ${user} was not saved. ${message}`,
    fresh: (count) => `Show ${plural(count, "new flag", "new flags")}`,
    none: {
      open: ["Nothing is left to review", "New flags appear here by themselves."],
      other: ["No flag matches these filters", "Choose other filters to see more."],
    },
    interval: (number, from, to) => `Interval ${number}, ${spellSeconds(from)}–${spellSeconds(to)}`,
    points: (score) => plural(score, "point", "points"),
    states: { open: "Open", confirmed: "Confirmed", dismissed: "Dismissed", disputed: "Opinions differ" },
    decided: (review) => {
      const why = review.reason ? ` (${reviewTexts.review.reasons[review.reason] ?? review.reason})` : "";
      return `${reviewTexts.review.states[review.decision] ?? review.decision}${why} by ${review.by}`;
    },
    /** Where a flag stands, in one sentence: what most say where there are more than two, else the one who decided. */
    stands: (review) => {
      if (review.state === "disputed") return reviewTexts.review.states.disputed;
      return review.third ? reviewTexts.review.settled[review.state] : reviewTexts.review.decided(review);
    },
    second: (second) => `Second opinion: ${reviewTexts.review.decided(second)}`,
    third: (third) => `Third opinion: ${reviewTexts.review.decided(third)}`,
    settled: { confirmed: "Most confirm it: it stands as confirmed.", dismissed: "Most dismiss it: it stands as dismissed." },
    settles: "Opinions differ. One more person’s decision settles it.",
    settlesHint: "Opinions differ. Your decision settles it.",
    waitForClip: "The clip is still being made and appears here by itself. To decide without it, press once more.",
    same: (count, user) => `Decide all ${count} open flags of ${user} in this exam the same`,
    sameOn: (count) => `Your next decision is kept for each of the ${count}; Undo takes all of them back.`,
    sameCount: (count) => `all ${count}`,
    speed: (speed) => `×${speed}`,
    speedNext: (speed, next) => `Speed ×${speed}; press for ×${next}`,
    secondHint: (name) => `${name} has decided on this. Your decision is kept as a second opinion.`,
    reasons: {
      other_person_harmless: "Other person, harmless",
      glasses: "Glasses",
      light: "Light",
      reading_aloud: "Reading aloud",
      device: "Device",
      nothing_to_see: "Nothing to see",
      accommodation: "Allowed by accommodation",
      agreed: "Agreed with the proctor",
      connection: "Connection",
      other: "Other",
    },
    chooseReason: "Why? Press a digit, or Esc to go back.",
    saved: { confirmed: "Confirmed", dismissed: "Dismissed", null: "Decision taken back" },
    nothingToUndo: "There is no decision of yours to take back.",
    undone: (user, count) => (count > 1 ? `Taken back: ${count} decisions on ${user}` : `Taken back: ${user}`),
    at: (seconds, length) => `${spellSeconds(seconds)} of ${spellSeconds(length)}`,
    play: "Play",
    pause: "Pause",
    mute: "Mute",
    unmute: "Unmute",
    mark: (kind, at, to) => `${kind}, ${spellSeconds(at)}–${spellSeconds(to)}`,
    announce: (at, count, item) => `${at} of ${count}. ${item.user_id}${item.exam_id ? `, ${item.exam_id}` : ""}. ${item.reasons.join(". ")}`,
    loading: "The clip is loading.",
    history: (entry, time) => `${time}: ${entry.decision ? reviewTexts.review.decided(entry) : `taken back by ${entry.by}`}${entry.note ? ` – ${entry.note}` : ""}`,
    historyFailed: (message) => `Earlier decisions can’t be read. ${message}`,
  },

  evidence: {
    seconds: (seconds) => `${Number(seconds).toFixed(1)} s in all`,
    stretches: (stretches) => stretches.map(([from, to]) => `${spellSeconds(from)}–${spellSeconds(to)}`).join(", "),
    looks: (looks) => `seen ${looks} times running`,
    directions: (counts) => Object.entries(counts).map(([direction, count]) => `${direction} in ${plural(count, "reading", "readings")}`).join(", "),
    level_dbfs: (level) => `sound level ${Math.round(level)} dB`,
    voices: (voices) => plural(voices, "voice", "voices"),
    stranger: "a voice alone that is not the student’s",
    own: (likeness) => `likeness to the student’s own voice ${Number(likeness).toFixed(2)} of 1`,
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
    const said = reviewTexts.ends[code] ?? reason;
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
    message: ({ level, text, from }) => from === "student" ? watchTexts.act.called(text) : `${watchTexts.act.levels[level] ?? level}: ${text}`,
    signs: { lost: "✕", screen: "▭", unknown: "?", break: "‖", message: "✉" },
  },

  report: {
    failed: (message) => `The report can’t be made. ${message}`,
    notThere: "There is no session with this address.",
    waiting: "This session has not begun: its student has not come yet.",
    running: "This session is still running; the report shows it up to now.",
    noFlags: "No interval of this session was flagged, and none was marked.",
    noMessages: "No messages were sent.",
    noBreaks: "There were no breaks.",
    noDoubts: "Nothing was noted.",
    camera: (label) => `Camera: ${label}`,
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
    checkHead: ["What", "State", "Reason"],
    timelineHead: ["Interval", "Time", "Points", "What was found"],
    doubtHead: ["From", "Length", "What"],
    connectionHead: ["Time", "Connected from", "Browser"],
    breakHead: ["From", "To", "Length", "By"],
    messageHead: ["Time", "Kind", "Text", "From"],
    pointsHead: ["Signal", "Points"],
    rulesHead: ["Rule", "Value"],
    intervalLine: (interval) => `Interval ${interval.index + 1}, ${spellSeconds(interval.start)}–${spellSeconds(interval.end)}`,
    rules: {
      flag_threshold: "Points that make a flag", interval_duration: "Seconds in an interval", gaze_min_s: "Seconds of looking away that count",
      absent_min_s: "Seconds of nobody in view that count", persons_min_s: "Seconds between two looks that show several people",
      speech_min_s: "Seconds of speech that count", voices_min_s: "Seconds of speech that another voice rests on", blink_max_s: "Seconds that are a blink",
      gaze_gap_s: "Seconds of looking back that end looking away", voices_gap_s: "Seconds between turns of one conversation",
      unknown_max_s: "Seconds of unknown that end anything", credit_max_s: "Seconds that one picture speaks for",
    },
  },
};
