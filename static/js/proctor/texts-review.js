// What the pages say that show what was found in an exam: review, timeline and report.

import { spellSeconds } from "../shared/clock.js";
import { _, list, locale, ngettext, number, pgettext } from "../shared/translate.js";
import { bracketed, items, labelled, orMore, percent, sentences, span } from "./phrases.js";
import { watchTexts } from "./texts-watch.js";

/** A decision with its reason and who took it. */
function decidedBy({ decision, reason, by }) {
  const values = { reason: reviewTexts.review.reasons[reason] ?? reason, name: by };
  if (decision === "confirmed") return reason ? _("Confirmed (%(reason)s) by %(name)s", values) : _("Confirmed by %(name)s", values);
  return reason ? _("Dismissed (%(reason)s) by %(name)s", values) : _("Dismissed by %(name)s", values);
}

const together = new Intl.ListFormat(locale, { type: "conjunction" });

/** In how many readings the gaze went which way. */
function readings(direction, count) {
  if (direction === "left") return ngettext("left in %(count)s reading", "left in %(count)s readings", count);
  if (direction === "right") return ngettext("right in %(count)s reading", "right in %(count)s readings", count);
  if (direction === "down") return ngettext("down in %(count)s reading", "down in %(count)s readings", count);
  if (direction === "closed") return ngettext("eyes closed in %(count)s reading", "eyes closed in %(count)s readings", count);
  return ngettext("%(direction)s in %(count)s reading", "%(direction)s in %(count)s readings", count, { direction });
}

const numberOf = (value) => number(Math.round(Math.abs(value)));
const range = (from, to) => span(spellSeconds(from), spellSeconds(to));

export const reviewTexts = {
  review: {
    left: (left) => (left ? ngettext("%(count)s flag left", "%(count)s flags left", left) : _("None left")),
    disputed: (count) => ngettext("%(count)s flag with opinions that differ", "%(count)s flags with opinions that differ", count),
    place: (at, count, more) => _("%(at)s of %(count)s", { at, count: more ? orMore(count) : count }),
    as: (name) => _("Reviewing as %(name)s", { name }),
    askName: _("Enter your name"),
    failed: (message) => _("The queue can’t be read. %(message)s", { message }),
    notSaved: (user, message) => _("The decision on %(user)s was not saved. %(message)s", { user, message }),
    fresh: (count) => ngettext("Show %(count)s new flag", "Show %(count)s new flags", count),
    none: {
      open: [_("Nothing is left to review"), _("New flags appear here by themselves.")],
      other: [_("No flag matches these filters"), _("Choose other filters to see more.")],
    },
    interval: (number, from, to) => _("Interval %(number)s, %(from)s–%(to)s", { number, from: spellSeconds(from), to: spellSeconds(to) }),
    points: (score) => ngettext("%(count)s point", "%(count)s points", score),
    states: { open: _("Open"), confirmed: _("Confirmed"), dismissed: _("Dismissed"), disputed: _("Opinions differ") },
    decided: decidedBy,
    /** Where a flag stands, in one sentence: what most say where there are more than two, else the one who decided. */
    stands: (review) => {
      if (review.state === "disputed") return reviewTexts.review.states.disputed;
      return review.third ? reviewTexts.review.settled[review.state] : reviewTexts.review.decided(review);
    },
    second: (second) => labelled(_("Second opinion"), reviewTexts.review.decided(second)),
    third: (third) => labelled(_("Third opinion"), reviewTexts.review.decided(third)),
    settled: { confirmed: _("Most confirm it: it stands as confirmed."), dismissed: _("Most dismiss it: it stands as dismissed.") },
    settles: _("Opinions differ. One more person’s decision settles it."),
    settlesHint: _("Opinions differ. Your decision settles it."),
    waitForClip: _("The clip is still being made and appears here by itself. To decide without it, press once more."),
    same: (count, user) =>
      ngettext("Decide the %(count)s open flag of %(user)s in this exam the same", "Decide all %(count)s open flags of %(user)s in this exam the same", count, { user }),
    sameOn: (count) => ngettext("Your next decision is kept for it; Undo takes it back.", "Your next decision is kept for each of the %(count)s; Undo takes all of them back.", count),
    sameCount: (count) => ngettext("all %(count)s", "all %(count)s", count),
    speed: (speed) => `×${speed}`,
    speedNext: (speed, next) => _("Speed ×%(speed)s; press for ×%(next)s", { speed, next }),
    secondHint: (name) => _("%(name)s has decided on this. Your decision is kept as a second opinion.", { name }),
    reasons: {
      other_person_harmless: _("Other person, harmless"),
      glasses: _("Glasses"),
      light: _("Light"),
      reading_aloud: _("Reading aloud"),
      device: _("Device"),
      nothing_to_see: _("Nothing to see"),
      accommodation: _("Allowed by accommodation"),
      agreed: _("Agreed with the proctor"),
      connection: _("Connection"),
      other: _("Other"),
    },
    chooseReason: _("Why? Press a digit, or Esc to go back."),
    saved: { confirmed: _("Confirmed"), dismissed: _("Dismissed"), null: _("Decision taken back") },
    nothingToUndo: _("There is no decision of yours to take back."),
    savedThen: (saved, left) => _("%(saved)s. %(left)s", { saved, left }),
    undone: (user, count) =>
      count > 1 ? ngettext("Taken back: %(count)s decision on %(user)s", "Taken back: %(count)s decisions on %(user)s", count, { user }) : _("Taken back: %(user)s", { user }),
    at: (seconds, length) => _("%(time)s of %(length)s", { time: spellSeconds(seconds), length: spellSeconds(length) }),
    play: _("Play"),
    pause: _("Pause"),
    mute: _("Mute"),
    unmute: _("Unmute"),
    mark: (kind, at, to) => list([kind, range(at, to)]),
    announce: (at, count, item) =>
      _("%(at)s of %(count)s. %(who)s. %(reasons)s", { at, count, who: list([item.user_id, item.exam_id].filter(Boolean)), reasons: sentences(item.reasons) }),
    loading: _("The clip is loading."),
    history: (entry, time) =>
      items([labelled(time, entry.decision ? reviewTexts.review.decided(entry) : _("taken back by %(name)s", { name: entry.by })), entry.note]),
    historyFailed: (message) => _("Earlier decisions can’t be read. %(message)s", { message }),
  },

  evidence: {
    seconds: (seconds) => _("%(seconds)s s in all", { seconds: number(Number(seconds), 1) }),
    stretches: (stretches) => list(stretches.map(([from, to]) => range(from, to))),
    looks: (looks) => ngettext("seen %(count)s time running", "seen %(count)s times running", looks),
    directions: (counts) => list(Object.entries(counts).map(([direction, count]) => readings(direction, count))),
    lids: ({ from, seconds, bowed_deg: bowed, lids_open: open }) => {
      const words = [_("lids lowered from %(time)s for %(seconds)s s", { time: spellSeconds(from), seconds: number(seconds, 1) })];
      if (bowed >= 1) words.push(_("head %(degrees)s° lower than at rest", { degrees: numberOf(bowed) }));
      words.push(_("lids open %(share)s of their usual", { share: percent(Math.max(0, open)) }));
      return list(words);
    },
    level_dbfs: (level) => _("sound level %(level)s dB", { level: number(Math.round(level)) }),
    sounds: (sounds) => _("with it %(sounds)s", { sounds: list(sounds) }),
    voices: (voices) => ngettext("%(count)s voice", "%(count)s voices", voices),
    stranger: _("a voice alone that is not the student’s"),
    own: (likeness) => _("likeness to the student’s own voice %(likeness)s of 1", { likeness: number(Number(likeness), 2) }),
    persons: (persons) => ngettext("%(count)s person", "%(count)s persons", persons),
    faces: (faces, bodies) => _("%(faces)s faces, where bodies alone are %(bodies)s", { faces: number(faces), bodies: number(bodies) }),
    phone: (votes, least, instead) =>
      _("looks for a phone %(votes)s sure, a glass or book in its place %(instead)s, needed %(least)s", {
        votes: together.format(votes.map(percent)),
        instead: percent(instead),
        least: percent(least),
      }),
    at_face: _("held at the face, where a phone must be surer"),
    boxes: (sures) =>
      ngettext("%(count)s box of the last look, %(sures)s sure", "%(count)s boxes of the last look, %(sures)s sure", sures.length, { sures: together.format(sures.map(percent)) }),
    acts: (acts) => list(acts.map(({ at, what }) => `${spellSeconds(at)} ${what}`)),
    numbers: {
      gaze_x_deg: (value) =>
        value > 0
          ? _("gaze %(degrees)s° to the student’s left of the usual", { degrees: numberOf(value) })
          : _("gaze %(degrees)s° to the student’s right of the usual", { degrees: numberOf(value) }),
      gaze_y_deg: (value) =>
        value > 0 ? _("gaze %(degrees)s° below the usual", { degrees: numberOf(value) }) : _("gaze %(degrees)s° above the usual", { degrees: numberOf(value) }),
      yaw_deg: (value) => _("head turned %(degrees)s°", { degrees: numberOf(value) }),
      pitch_deg: (value) => _("head tilted %(degrees)s°", { degrees: numberOf(value) }),
    },
  },

  ends: {
    student: _("ended by the student"),
    proctor: (note) => (note ? _("ended by the proctor: %(note)s", { note }) : _("ended by the proctor")),
    call: _("ended by a call"),
    away: _("the student’s page was away for too long"),
    restart: _("the student’s page did not come back after the server’s restart"),
    outage: (lasted) => _("the server was away for %(lasted)s", { lasted }),
    unused: _("never begun: its link was not used while it was good"),
    unreadable: _("its records can’t be read"),
    time: _("the exam’s time was over"),
    closed: _("the exam closed before it was begun"),
    platform: (note) => (note ? _("ended by the learning platform: %(note)s", { note }) : _("ended by the learning platform")),
  },

  /** How a session ended, as it is stored; an old one has no code, only the sentence. */
  end: ({ end_code: code, end_note: note, end_reason: reason }) => {
    const said = reviewTexts.ends[code] ?? reason;
    return typeof said === "function" ? said(note) : said;
  },

  timeline: {
    connection: _("Connection"),
    pictures: _("Pictures"),
    sound: _("Sound"),
    screen: _("Screen"),
    unknown: _("Can’t tell"),
    eyes: _("Eyes closed"),
    breaks: _("Breaks"),
    messages: _("Messages"),
    lostFor: {
      connection: (seconds) => _("Nothing arrived for %(seconds)s s", { seconds: numberOf(seconds) }),
      pictures: (seconds) => _("No picture arrived for %(seconds)s s", { seconds: numberOf(seconds) }),
      sound: (seconds) => _("No sound arrived for %(seconds)s s", { seconds: numberOf(seconds) }),
    },
    screenActs: { fullscreen_left: _("Full screen left"), second_display: _("A second display"), share_stopped: _("Stopped sharing the screen") },
    unknownFor: (seconds) => _("Can’t tell for %(seconds)s s", { seconds: numberOf(seconds) }),
    breakFor: ({ by, reason }) => {
      const said = by ? _("Break, by %(name)s", { name: by }) : _("Break");
      return reason ? labelled(said, reason) : said;
    },
    message: ({ level, text, from }) => (from === "student" ? watchTexts.act.called(text) : labelled(watchTexts.act.levels[level] ?? level, text)),
    signs: { lost: "✕", screen: "▭", unknown: "?", eyes: "◡", break: "‖", message: "✉" },
  },

  report: {
    failed: (message) => _("The report can’t be made. %(message)s", { message }),
    notThere: _("There is no session with this address."),
    waiting: _("This session has not begun: its student has not come yet."),
    running: _("This session is still running; the report shows it up to now."),
    noFlags: _("No interval of this session was flagged, and none was marked."),
    noMessages: _("No messages were sent."),
    noBreaks: _("There were no breaks."),
    noDoubts: _("Nothing was noted."),
    camera: (label) => _("Camera: %(label)s", { label }),
    noChecks: _("No check before the exam was stored."),
    noAccommodation: _("None."),
    made: (time, zone, then, now) =>
      then === now
        ? _("Made %(time)s. Times are in %(zone)s (%(now)s).", { time, zone, now })
        : _("Made %(time)s. Times are in %(zone)s (%(then)s when the session began, %(now)s now).", { time, zone, then, now }),
    undecided: _("Not decided"),
    still: (user, interval) => _("Still of %(user)s, interval %(interval)s", { user, interval }),
    title: _("Report"),
    calm: _("No interval has points."),
    decision: _("Decision:"),
    clip: ({ path, sha256, duration }) => _("Clip %(path)s, %(seconds)s s, SHA-256 %(sha256)s", { path, seconds: numberOf(duration), sha256 }),
    setBy: (by, time) => list([by && _("Set by %(name)s", { name: by }), time].filter(Boolean)),
    sum: ({ total_score: total }, intervals, flags) => {
      const count = (state) => flags.filter(({ review }) => (review?.state ?? "open") === state).length;
      const confirmed = ngettext("%(count)s confirmed", "%(count)s confirmed", count("confirmed"));
      const dismissed = ngettext("%(count)s dismissed", "%(count)s dismissed", count("dismissed"));
      const differ = count("disputed") && ngettext("opinions differ on %(count)s", "opinions differ on %(count)s", count("disputed"));
      const open = ngettext("%(count)s not decided", "%(count)s not decided", count("open"));
      const all = ngettext("%(count)s interval", "%(count)s intervals", intervals);
      const points = ngettext("%(count)s point", "%(count)s points", total);
      const flagged = ngettext("%(count)s flag", "%(count)s flags", flags.length);
      return _("%(intervals)s, %(points)s in all. %(flags)s: %(decisions)s.", { intervals: all, points, flags: flagged, decisions: list([confirmed, dismissed, differ, open].filter(Boolean)) });
    },
    facts: { student: _("Student"), exam: _("Exam"), began: _("Began"), ended: pgettext("time", "Ended"), lasted: _("Lasted"), how: _("How it ended"), source: _("Watched by"), id: _("Session") },
    checkHead: [_("What"), _("State"), _("Reason")],
    timelineHead: [_("Interval"), _("Time"), _("Points"), _("What was found")],
    doubtHead: [_("From"), _("Length"), _("What")],
    connectionHead: [_("Time"), _("Connected from"), _("Browser")],
    breakHead: [_("From"), _("To"), _("Length"), _("By")],
    messageHead: [_("Time"), _("Kind"), _("Text"), pgettext("sender", "From")],
    pointsHead: [_("Signal"), _("Points")],
    rulesHead: [_("Rule"), _("Value")],
    intervalLine: (interval) => reviewTexts.review.interval(interval.index + 1, interval.start, interval.end),
    rules: {
      flag_threshold: _("Points that make a flag"), interval_duration: _("Seconds in an interval"), gaze_min_s: _("Seconds of looking away that count"),
      absent_min_s: _("Seconds of nobody in view that count"), persons_min_s: _("Seconds between two looks that show several people"),
      speech_min_s: _("Seconds of speech that count"), voices_min_s: _("Seconds of speech that another voice rests on"), blink_max_s: _("Seconds that are a blink"),
      eyes_closed_s: _("Seconds from which eyes that look shut are no blink"), eyes_lowered_deg: _("Degrees by which the head of lowered eyes is bowed"),
      gaze_gap_s: _("Seconds of looking back that end looking away"), voices_gap_s: _("Seconds between turns of one conversation"),
      unknown_max_s: _("Seconds of unknown that end anything"), credit_max_s: _("Seconds that one picture speaks for"),
    },
  },
};
