// What the pages say that show an exam as it runs: live and session.

import { spellSeconds } from "../shared/clock.js";
import { _, leftToRight, list, ngettext, number, pgettext } from "../shared/translate.js";
import { bracketed, labelled, paragraph, readings, sentences, span } from "./phrases.js";

const because = (text, reason) => bracketed(text, reason && (watchTexts.reasons[reason] ?? reason));

export const watchTexts = {
  states: { fine: _("Fine"), look: _("Needs a look"), call: _("Asks for you"), flagged: _("Flagged"), unknown: _("Can’t tell"), lost: _("Lost"), waiting: _("Not here yet") },
  lost: { connection: _("No connection"), everything: _("Nothing arrives"), camera: _("No camera"), microphone: _("No sound"), screen: _("Screen not shared") },
  lostFor: {
    connection: (seconds) => _("No connection for %(time)s", { time: spellSeconds(seconds) }),
    everything: (seconds) => _("Nothing arrives for %(time)s", { time: spellSeconds(seconds) }),
    camera: (seconds) => _("No camera for %(time)s", { time: spellSeconds(seconds) }),
  },
  unwatchedFor: (seconds, reason) => because(_("Can’t tell for %(time)s", { time: spellSeconds(seconds) }), reason),
  gaze: {
    focused: _("Looking at the screen"),
    left: _("Looking left"),
    right: _("Looking right"),
    down: _("Looking down"),
    closed: _("Eyes closed"),
    none: _("No face in the picture"),
    unknown: _("Gaze: can’t tell"),
  },
  reasons: {
    dark: _("too dark"),
    blurred: _("blurred"),
    small: _("too far away"),
    hidden: _("face hidden"),
    frozen: _("picture frozen"),
    turned: _("picture turned, or head on its side"),
    covered: _("camera covered"),
    aside: _("looks to one side of the camera all the time"),
    unreadable: _("damaged pictures"),
    silent: _("silent"),
    clipped: _("too loud"),
    faint: _("too faint"),
    lost: _("nothing arrives"),
    break: _("on a break"),
    error: _("the detector failed"),
    bright: _("too bright"),
    flat: _("nothing to see"),
    starting: _("just started"),
    camera_off: _("camera off"),
    not_read: _("the server does not read it"),
    unknown: _("can’t tell"),
    other: _("other reasons"),
  },
  notices: { page_time: _("The times that the student’s page tells can’t be right: its pictures are read as they arrive") },
  unread: {
    parts: { picture: _("The picture"), gaze: _("Where the student looked"), people: _("How many people were in view"), sound: _("The sound") },
    line: (part, seconds, of, reasons) =>
      bracketed(_("%(part)s could not be read: %(seconds)s of %(of)s", { part, seconds: spellSeconds(seconds), of: spellSeconds(of) }), reasons.length ? list(reasons) : ""),
  },
  people: (count, reason = "") => {
    if (count === null || count === undefined) return because(_("People: can’t tell"), reason);
    return count === 0 ? _("Nobody in view") : ngettext("%(count)s person in view", "%(count)s people in view", count);
  },
  because,
  sounds: {
    cough: _("coughing"),
    sneeze: _("sneezing"),
    laughter: _("laughter"),
    crying: _("crying"),
    music: _("music"),
    animal: _("an animal"),
    typing: _("typing"),
    telephone: _("a telephone"),
    whisper: _("whispering"),
    loudspeaker: _("a television or radio"),
  },
  soundUnknown: (reason) => because(_("Sound: can’t tell"), reason),
  phone: _("Phone in view"),
  devices: { camera: _("Camera"), microphone: _("Microphone"), screen: _("Screen"), connection: _("Connection") },
  deviceStates: {
    starting: _("starting"),
    ok: _("fine"),
    missing: _("missing"),
    lost: _("lost"),
    frozen: _("frozen"),
    covered: _("covered"),
    denied: _("permission refused"),
    ended: _("ended"),
    off: pgettext("device", "off"),
  },
  /** Codes of the pages and of the server; what a local station says of its devices is for who runs the server, and a sentence already. */
  deviceReasons: {
    not_come: _("the student’s page has not connected yet"),
    getting_ready: _("the student’s page is open, and the exam hasn’t begun"),
    page_away: _("the student’s page is not connected; it tries again by itself"),
    nothing_comes: _("nothing arrives"),
    http: _("by HTTP, because WebSockets are blocked there: what happens is seen about a second later"),
    device_ended: _("the device ended"),
    not_asked: _("not asked"),
    turned_off: _("the system or the device turned it off"),
    not_whole: _("not the whole screen is shared"),
    share_stopped: _("the sharing stopped"),
    denied_by_system: _("by the system’s own settings"),
    insecure: _("the page’s address is insecure"),
    busy: _("another program holds it"),
    unsupported: _("the browser has no access to it"),
    failed: _("it could not be started"),
    denied: "",
    missing: "",
  },
  deviceLine: (name, { state, reason, label }) => {
    const cause = state === "ok" && reason !== "http" ? "" : (watchTexts.deviceReasons[reason] ?? reason);
    const said = bracketed(labelled(watchTexts.devices[name] ?? name, watchTexts.deviceStates[state] ?? state), cause);
    return list([said, label].filter(Boolean));
  },
  gazeWords: ({ gaze, gaze_reason: reason, eyes_shut_s: shut, eyes_lowered: lowered }) => {
    if (typeof shut === "number" && gaze === "closed") {
      const seconds = number(Math.round(shut));
      return lowered ? _("Looking down, lids lowered, for %(seconds)s s", { seconds }) : _("Eyes closed for %(seconds)s s", { seconds });
    }
    return gaze === "unknown" ? because(watchTexts.gaze.unknown, reason) : (watchTexts.gaze[gaze] ?? watchTexts.gaze.unknown);
  },
  /** Stretches of an interval in which the eyes were closed, `[from, to]` in seconds of the exam; they have no points. */
  eyesClosed: (stretches) => {
    const seconds = stretches.reduce((sum, [from, to]) => sum + to - from, 0);
    return _("Eyes closed for %(seconds)s s, without points", { seconds: number(Math.round(seconds)) });
  },
  reading: (status) => {
    const { gaze, gaze_reason: reason, faces, faces_reason: unseen, phone } = status;
    if (gaze === "unknown" && (faces ?? null) === null) return because(watchTexts.states.unknown, reason);
    const words = [watchTexts.gazeWords(status), watchTexts.people(faces, unseen)];
    if (phone) words.push(watchTexts.phone);
    return readings(words);
  },
  live: {
    count: (count, waiting) => {
      const running = ngettext("%(count)s exam running", "%(count)s exams running", count);
      const notBegun = ngettext("%(count)s not begun yet", "%(count)s not begun yet", waiting);
      if (waiting === 0) return running;
      return count === 0 ? notBegun : list([running, notBegun]);
    },
    calls: (user, text) => (text ? _("%(user)s asks for you: %(text)s", { user, text }) : _("%(user)s asks for you", { user })),
    shown: (shown, all) => _("%(shown)s of %(all)s shown", { shown, all }),
    far: (count) => ngettext("No pictures come from %(count)s group of students: there are too many at once. Choose an exam.", "No pictures come from %(count)s groups of students: there are too many at once. Choose an exam.", count),
    attention: (count) => ngettext("%(count)s needs a look", "%(count)s need a look", count),
    sortNow: (count) => ngettext("%(count)s more needs a look: show first", "%(count)s more need a look: show first", count),
    score: (score, threshold) =>
      ngettext("%(count)s point in this interval; %(threshold)s make a flag", "%(count)s points in this interval; %(threshold)s make a flag", score, { threshold }),
    scoreShort: (score, threshold) => `${score} / ${threshold}`,
    total: (total) => _("Total %(total)s", { total }),
    recent: (intervals) => {
      const scores = list(intervals.map(({ score, flagged }) => (flagged ? _("%(score)s flagged", { score }) : String(score))));
      return ngettext("Last %(count)s interval: %(scores)s", "Last %(count)s intervals: %(scores)s", intervals.length, { scores });
    },
    noRecent: _("No interval is complete yet"),
    age: (seconds) => _("last picture %(time)s ago", { time: spellSeconds(seconds) }),
    nothingComes: _("Nothing arrives at the moment"),
    notCome: _("Hasn’t opened the exam yet"),
    gettingReady: _("Has opened the exam, and gets ready"),
    over: _("The exam has ended"),
    onBreak: _("On a break"),
    noPicture: _("No picture yet"),
    elsewhere: (server) => _("Watched at the server %(server)s, to which this page finds no way. Its points and flags are shown.", { server }),
    cameraNotAsked: _("Camera not asked"),
    seen: _("Mark as seen"),
    seenFailed: (message) => _("The flag stays marked. %(message)s", { message }),
    flagAge: (seconds, count) =>
      count > 1
        ? ngettext("%(count)s flag, %(time)s ago", "%(count)s flags, %(time)s ago", count, { time: spellSeconds(seconds) })
        : _("Flagged %(time)s ago", { time: spellSeconds(seconds) }),
    call: (text) => (text ? _("Asks for you: %(text)s", { text }) : _("Asks for you")),
    ended: (user, flags) => ngettext("%(user)s: exam ended, %(count)s flag", "%(user)s: exam ended, %(count)s flags", flags, { user }),
    flagged: (user, exam, reasons) => _("Flag: %(who)s. %(reasons)s", { who: list([user, exam].filter(Boolean)), reasons: sentences(reasons) }),
    open: (user) => _("Open %(user)s", { user }),
    dismiss: (user) => _("Close: %(user)s", { user }),
    failed: (message) => _("The list of exams can’t be read. %(message)s", { message }),
    moreFlags: (count) => ngettext("%(count)s older flag under Review", "%(count)s older flags under Review", count),
    limited: (count) => ngettext("Some signals are limited on this server (%(count)s note)", "Some signals are limited on this server (%(count)s notes)", count),
    copied: _("Copied"),
  },
  clip: {
    pending: _("The clip is being made. It appears here by itself."),
    failed: (reason) => (reason ? _("There is no clip: %(reason)s.", { reason }) : _("There is no clip: it could not be made.")),
    deleted: (reason) => (reason ? _("The clip is deleted: %(reason)s.", { reason }) : _("The clip is deleted: its time was over.")),
    away: (reason) => _("The clip can’t be watched now: %(reason)s.", { reason }),
    none: _("There is no clip of this interval."),
    broken: _("The clip can’t be played. Reload the page; if that does not help, its file may be gone."),
    label: (user, interval) => _("Clip of %(user)s, interval %(interval)s", { user, interval }),
    mark: (kind, at) => _("%(kind)s at %(at)s", { kind, at: spellSeconds(at) }),
  },
  flagged: { score: (score, threshold) => ngettext("%(count)s point (%(threshold)s make a flag)", "%(count)s points (%(threshold)s make a flag)", score, { threshold }) },
  session: {
    notThere: _("There is no session with this address. It may have been removed, or the address is incomplete."),
    failed: (message) => _("The session can’t be read. %(message)s", { message }),
    running: _("Running"),
    waiting: _("Not begun yet"),
    ended: _("Ended"),
    interrupted: _("Interrupted"),
    away: _("Waiting for the student’s browser to come back"),
    since: (time) => _("since %(time)s", { time }),
    span: (from, to) => _("%(from)s to %(to)s", { from, to }),
    noPoints: _("Nothing in this interval so far."),
    range: (from, to) => span(spellSeconds(from), spellSeconds(to)),
    points: (points) => leftToRight(`+${points}`),
    sum: (score, threshold) => `${score} / ${threshold}`,
    plain: (score) => ngettext("%(count)s point", "%(count)s points", score),
    pointsRow: _("Points"),
    nothing: _("Nothing was found in this interval."),
    nothingRead: (why) => _("Nothing could be read from the picture in this interval (%(why)s), so nothing was found in it.", { why }),
    going: _("This interval is still going on."),
    cell: (kind, interval, points) => _("%(kind)s in interval %(interval)s: +%(points)s", { kind, interval, points }),
    over: (how, again) =>
      paragraph([
        how ? _("This session is over: %(how)s.", { how }) : _("This session is over."),
        again ? _("If its student was not done, reopen it within a day.") : "",
        _("Its timeline and clips are below."),
      ]),
    reopened: (user) =>
      _("The exam of %(user)s goes on. In a page that is still open, “Go on with my exam” leads back to it; else send this link, to that student only.", { user }),
    reopenFailed: (message) => _("The session does not go on. %(message)s", { message }),
    endFailed: (message) => _("The session was not ended. %(message)s", { message }),
    endConfirm: (user, exam) =>
      exam
        ? _("The exam of %(user)s (%(exam)s) ends now. The student can’t go on, and this can’t be undone.", { user, exam })
        : _("The exam of %(user)s ends now. The student can’t go on, and this can’t be undone.", { user }),
    held: (seconds, words, by) => {
      const time = spellSeconds(seconds);
      const what = words.length ? readings(words) : _("nothing different");
      return by ? _("From %(time)s: %(what)s (set by %(name)s)", { time, what, name: by }) : _("From %(time)s: %(what)s", { time, what });
    },
    accommodation: (words) => labelled(_("Accommodation"), readings(words)),
    rest: ({ gaze_x_deg: x, gaze_y_deg: y, learnt }) => {
      if (typeof x !== "number") return watchTexts.session.restUnknown;
      const sideways = x > 0 ? (degrees) => _("%(degrees)s° to the student’s left", { degrees }) : (degrees) => _("%(degrees)s° to the student’s right", { degrees });
      const upright = y > 0 ? (degrees) => _("%(degrees)s° below the camera", { degrees }) : (degrees) => _("%(degrees)s° above the camera", { degrees });
      const far = (degrees, words) => Math.round(degrees) !== 0 && words(number(Math.abs(Math.round(degrees))));
      const place = [far(x, sideways), far(y, upright)].filter(Boolean);
      const known = learnt < 0.3 ? _("a first guess") : learnt < 0.7 ? _("it is becoming clear") : _("well known by now");
      return bracketed(place.length ? list(place) : _("At the camera"), known);
    },
    restUnknown: _("Not known yet"),
    overlays: { face: _("face"), person: _("person"), phone: _("phone") },
    rate: { video_fps: _("Pictures"), gaze_fps: _("Gaze readings"), persons_per_s: _("Looks for people") },
    rateLine: (name, value) => labelled(watchTexts.session.rate[name], watchTexts.session.perSecond(value)),
    perSecond: (value) => _("%(times)s a second", { times: number(Number(value), 1) }),
    source: { local: _("Local station"), browser: _("Student’s browser") },
  },
  act: {
    sent: _("Sent."),
    where: ({ delivered, read }) => (read ? _("read") : delivered === false ? _("not delivered yet") : ""),
    kept: _("The student’s page isn’t connected. It is delivered when it comes back."),
    failed: (message) => _("Not sent. %(message)s", { message }),
    empty: _("Write what the student should read."),
    levels: { message: _("Message"), warning: _("Warning") },
    called: (text) => (text ? _("The student calls: %(text)s", { text }) : _("The student calls, without words")),
    from: (by, time) => list([by, time].filter(Boolean)),
    breakOn: _("Start a break"),
    breakOff: _("End the break"),
    breakFailed: (message) => _("The break was not changed. %(message)s", { message }),
    listen: _("Listen"),
    listening: _("Stop listening"),
    listenFailed: (message) => _("The sound can’t be played. %(message)s", { message }),
    noSound: _("No sound arrives at the moment."),
    screenAge: (seconds) => _("Shared screen, %(time)s ago", { time: spellSeconds(seconds) }),
  },
};
