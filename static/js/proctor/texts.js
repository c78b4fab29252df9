// Every sentence that the scripts of the proctor's pages say, in one place, ready for translation; those of the larger pages have files of their own.

import { spellSeconds } from "../shared/clock.js";
import { texts as shared } from "../shared/texts.js";
import { _, list, ngettext, pgettext } from "../shared/translate.js";
import { items, labelled, percent, short, span } from "./phrases.js";
import { reviewTexts } from "./texts-review.js";
import { sessionTexts } from "./texts-session.js";
import { sideTexts } from "./texts-side.js";
import { watchTexts } from "./texts-watch.js";

// Fields of an accommodation, where one can't be read.
const FIELDS = {
  user_id: _("the student"),
  exam_id: _("the exam"),
  points: _("what signals count"),
  reading_aloud: _("reading aloud"),
  breaks_allowed: _("breaks"),
  break_minutes: _("length of breaks"),
  extra_percent: _("extra time in per cent"),
  extra_min: _("extra time in minutes"),
  note: _("note"),
  set_by: _("who set it"),
  at: _("when it was set"),
};

export const texts = {
  ...shared,
  ...watchTexts,
  ...reviewTexts,
  ...sessionTexts,
  ...sideTexts,

  nav: { left: (left) => ngettext("%(count)s flag left to review", "%(count)s flags left to review", left) },

  alerts: {
    title: (user) => _("Flag: %(user)s", { user }),
    refused: _("Your browser does not let this page show notifications. Allow them in the browser’s settings for this address."),
    unsupported: _("This browser shows no notifications."),
  },

  server: { connecting: _("Connecting…"), open: _("Live"), lost: _("No connection to the server, trying again"), refused: _("Logged out") },

  analytics: {
    failed: (message) => _("The figures can’t be read. %(message)s", { message }),
    wholeDay: _("Choose whole days from the year 2000 on."),
    dayOrder: _("The last day lies before the first."),
    months: _("A bar is a month, as more than a year is shown."),
    sum: ({ sessions, intervals, flags }) =>
      list([
        ngettext("%(count)s session", "%(count)s sessions", sessions),
        ngettext("%(count)s interval", "%(count)s intervals", intervals),
        ngettext("%(count)s flag", "%(count)s flags", flags),
      ]),
    noData: _("Nothing to show for this choice yet."),
    columns: {
      day: _("Day"), sessions: _("Sessions"), flags: _("Flags"), exam: _("Exam"), highRisk: _("High risk"), perSession: _("Flags a session"), points: _("Points"), intervals: _("Intervals"),
      student: _("Student"), flagged: _("Flagged intervals"), total: _("Total points"), signal: _("Signal"), confirmed: pgettext("flags", "Confirmed"), dismissed: pgettext("flags", "Dismissed"), open: pgettext("flags", "Open"), share: _("Dismissed of decided"),
    },
    axes: {
      day: _("Day"), month: _("Month"), count: _("How many"), times: _("How often"), flags: _("Flags"), perSession: _("Flags a session"), points: _("Points of an interval"),
      intervals: _("Intervals (each step is ten times as many)"), flagged: _("Flagged intervals"),
    },
    noExam: _("No exam ID"),
    percent: (share) => (share === null ? "–" : percent(share)),
    scores: ({ from, to }) => (to === null || to === undefined ? _("%(from)s and more", { from }) : from === to ? String(from) : span(from, to)),
  },

  exams: {
    failed: (message) => _("The exams can’t be read. %(message)s", { message }),
    students: _("Students"),
    studentsOf: (exam) => _("Students of %(exam)s", { exam }),
    sessions: _("Sessions"),
    sessionsOf: (exam) => _("Sessions %(exam)s", { exam }),
    sessionsFailed: (message) => _("The sessions can’t be read. %(message)s", { message }),
    sessionsLoading: _("The sessions are being read."),
    sessionsShown: (count, more, chosen) => {
      if (count && more) return ngettext("The latest %(count)s session; there are more.", "The latest %(count)s sessions; there are more.", count);
      if (count) return ngettext("%(count)s session.", "%(count)s sessions.", count);
      return chosen ? _("No session matches this choice.") : _("No session was ever started.");
    },
    sessionStates: { waiting: _("Not begun yet"), running: _("Running"), interrupted: _("Interrupted") },
    accommodationsFailed: (message) => _("The accommodations can’t be read. %(message)s", { message }),
    linkFailed: (message) => _("No link was made. %(message)s", { message }),
    link: (user) => _("The link for %(user)s. Whoever has it can take this exam as %(user)s: send it to that student only. A link made before it is over.", { user }),
    already: _("This student’s exam runs already. Its session is listed on the live page. If the student lost the page, or goes on at another computer, make a new link for it."),
    missing: _("Enter the student’s ID."),
    everyExam: _("Every exam"),
    noPreset: _("Choose, or set each by itself"),
    does: (words) => (words.length ? _("What is different: %(what)s.", { what: items(words) }) : _("Nothing is different so far.")),
    unreadable: (fields) => _("Can’t be read, and is as if never set: %(what)s. Set it anew.", { what: items(fields.map((name) => FIELDS[name] ?? name)) }),
    unknownStudent: _("Student not known"),
    setFrom: (by, time) => (by ? _("%(time)s, by %(name)s", { time, name: by }) : time),
    none: _("No session was ever started."),
    noAccommodations: _("Nobody has an accommodation."),
    added: (user, running) => (running ? ngettext("Saved for %(user)s. It holds from now on in %(count)s exam that runs.", "Saved for %(user)s. It holds from now on in %(count)s exams that run.", running, { user }) : _("Saved for %(user)s.", { user })),
    addFailed: (message) => _("Not saved. %(message)s", { message }),
    removeFailed: (message) => _("Not removed. %(message)s", { message }),
    removeConfirm: (user, exam) =>
      exam
        ? _("The accommodation of %(user)s for %(exam)s is taken away, from now on in an exam that runs, too.", { user, exam })
        : _("The accommodation of %(user)s for every exam is taken away, from now on in exams that run, too.", { user }),
    removed: _("Removed."),
    remove: _("Remove"),
    change: _("Change"),
    save: _("Save"),
    replace: _("Replace"),
    replaces: ({ user_id: user, exam_id: exam, set_by: by, note }, words, time) =>
      exam
        ? _("%(user)s has an accommodation for %(exam)s already, set by %(by)s, %(time)s: %(what)s. It is replaced by this one: press Replace, or Cancel to keep it.", { user, exam, by, time, what: items([...words, note]) })
        : _("%(user)s has an accommodation for every exam already, set by %(by)s, %(time)s: %(what)s. It is replaced by this one: press Replace, or Cancel to keep it.", { user, by, time, what: items([...words, note]) }),
    weights: (weights) => list(weights.map(([kind, points]) => labelled(kind, ngettext("%(count)s point", "%(count)s points", points)))),
    half: _("What stands here can’t be read, and was not saved. Write the whole of it, or leave it empty."),
    nothing: _("Choose at least one: a signal, reading aloud, extra time or breaks."),
    live: _("Live"),
    liveOf: (exam) => _("Live %(exam)s", { exam }),
    review: _("Review"),
    reviewOf: (exam) => _("Review %(exam)s", { exam }),
    csv: _("CSV"),
    csvOf: (exam) => _("The sessions of %(exam)s as CSV", { exam }),
    decisions: ({ confirmed = 0, dismissed = 0, disputed = 0, open = 0 }) =>
      list(
        [
          confirmed && ngettext("%(count)s confirmed", "%(count)s confirmed", confirmed),
          dismissed && ngettext("%(count)s dismissed", "%(count)s dismissed", dismissed),
          disputed && ngettext("%(count)s where opinions differ", "%(count)s where opinions differ", disputed),
          open && ngettext("%(count)s to decide", "%(count)s to decide", open),
        ].filter(Boolean),
      ),
    asUsual: (points) => _("As usual (%(points)s)", { points }),
    off: _("Off"),
  },

  settings: {
    failed: (message) => _("The server’s state can’t be read. %(message)s", { message }),
    uptime: (seconds) => _("· Running for %(time)s", { time: spellSeconds(seconds) }),
    parts: {
      database: _("Database"), instances: _("Servers that share the database"),
      models: _("Models"),
      analysis: _("Reading of pictures and sound"),
      recorder: _("Clips"), clip_store: _("Store of clips"),
      exam_page: _("The exam’s own page"), sign_in: _("Signing in through the institution"),
      stations: _("This machine’s cameras and microphones"),
      sessions: _("Exams"),
      disk: _("Disk"),
      disks: _("Every disk"),
      retention: _("Deletion of old sessions"), erased: _("What was erased"),
      detectors: _("Detectors"),
      mail: _("Letters to students"), links: _("Students’ connections"),
      audit: _("The audit, and who is told of it"), platforms: _("What learning platforms are asked for"),
    },
    states: { ok: _("fine"), off: pgettext("part", "off"), starting: _("starting"), loading: _("loading"), limited: _("limited"), degraded: _("needs a look"), away: _("away"), low: _("nearly full"), failed: _("does not work"), error: _("can’t be asked") },
    figures: {
      database: ({ queued, spooled }) =>
        queued + spooled ? ngettext("%(count)s record waits to be stored", "%(count)s records wait to be stored", queued + spooled) : _("Nothing waits to be stored"),
      analysis: ({ workers, gaze_fps_least: least, gaze_fps_wanted: wanted, in_full: inFull }) =>
        items([
          ngettext("%(count)s worker reads", "%(count)s workers read", workers),
          least != null && _("the least served exam is read %(least)s of %(wanted)s times a second", { least: short(least), wanted: short(wanted) }),
          inFull == null
            ? _("how many exams this machine reads in full shows once some run")
            : ngettext("this machine reads about %(count)s exam in full; with more, each is read less often", "this machine reads about %(count)s exams in full; with more, each is read less often", inFull),
        ]),
      recorder: ({ waiting }) => (waiting ? ngettext("%(count)s waits to be made", "%(count)s wait to be made", waiting) : _("None waits to be made")),
      sessions: ({ active, limit }) =>
        ngettext(
          "%(count)s running; the server takes %(limit)s at most, whatever this machine reads in full",
          "%(count)s running; the server takes %(limit)s at most, whatever this machine reads in full",
          active,
          { limit },
        ),
      disk: ({ free_mb: free }) => (free == null ? "" : _("%(size)s GB free", { size: short(Math.round(free / 1024)) })),
    },
    status: { ok: _("Everything works"), degraded: _("A part needs a look") },
    themes: { system: _("As the system"), light: _("Light colours"), dark: _("Dark colours") },
    saved: _("Saved in this browser."),
    on: _("On"),
    off: _("Off"),
  },
};
