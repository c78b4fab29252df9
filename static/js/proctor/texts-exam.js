// What the page on which an exam is set up says.

import { _, pgettext, list, ngettext, number } from "../shared/translate.js";

const seconds = (value) => number(value, Number.isInteger(value) ? 0 : 1);

export const examTexts = {
  states: { draft: _("Draft"), open: pgettext("exam", "Open"), closed: _("Closed"), archived: _("Archived") },
  opensAt: (time, zone) => _("Opens %(time)s (%(zone)s)", { time, zone }),
  failed: (message) => _("The exam can’t be read. %(message)s", { message }),
  notSaved: (message) => _("It was not saved. %(message)s", { message }),
  notDone: (message) => _("That was not done. %(message)s", { message }),
  lookAbove: _("It was not saved: look at what is marked above."),
  saved: (running) =>
    running
      ? ngettext("Saved. %(count)s session runs and keeps what it began with.", "Saved. %(count)s sessions run and keep what they began with.", running)
      : _("Saved. It holds for every session that starts from now on."),
  passwordSet: _("Saved. Students see it the next time they have it shown."),
  passwordGone: _("Students are shown no password."),
  unsaved: _("There are changes that are not saved."),
  made: _("The exam is a draft: no student can begin it until you open it."),
  done: { open: _("The exam is open."), closed: _("The exam is closed: nobody begins it any more."), draft: _("The exam is a draft again."), archived: _("The exam is archived.") },
  runs: (running) => ngettext("%(count)s session of it runs now.", "%(count)s sessions of it run now.", running),
  ended: (count) => ngettext("%(count)s session has ended.", "%(count)s sessions have ended.", count),
  endedOpen: (count) => ngettext("%(count)s session has ended. The exam could not be closed: close it, else students begin it still.", "%(count)s sessions have ended. The exam could not be closed: close it, else students begin it still.", count),
  endText: (running) =>
    running
      ? ngettext("%(count)s student takes it now. Recording stops for this student at once.", "%(count)s students take it now. Recording stops for all of them at once.", running)
      : _("Nobody takes it now. Links that nobody has used yet end."),
  deleting: (left) => ngettext("Deleting; %(count)s session is left.", "Deleting; %(count)s sessions are left.", left),
  changed: (by, fields) => _("%(name)s has changed this exam since you opened it. What you wrote is still here. It differs in: %(fields)s.", { name: by, fields: list(fields) }),
  theirs: _("This is what is in force now."),
  fields: {
    state: _("its state"),
    title: _("title"),
    course: _("course"),
    opens: _("when it opens"),
    closes: _("when it closes"),
    time_zone: _("time zone"),
    length_min: _("minutes for each student"),
    instructions: _("instructions"),
    place: _("where it is taken"),
    address: _("its address"),
    opens_in: _("how it opens"),
    sites: _("addresses that may be visited"),
    snippet_origins: _("sites whose pages start it"),
    allowed: _("what is allowed"),
    preset: _("the kind of exam"),
    points: _("points"),
    limits: _("limits"),
    screen_capture: _("pictures of the screen"),
    breaks_allowed: _("breaks"),
    break_minutes: _("minutes a break"),
    identity_step: _("identity"),
    room_view: _("pictures of the room"),
    seb: _("Safe Exam Browser"),
    seb_own_file: _("its own file"),
    seb_config_keys: _("Config Keys"),
    seb_browser_exam_keys: _("Browser Exam Keys"),
    language: _("language"),
    help_contact: _("whom students call"),
    teachers: _("teachers"),
    proctors: _("proctors"),
    keep_days: _("how long things are kept"),
    four_eyes: _("a second person"),
    student_report: _("the students’ report"),
    anonymous_review: _("names"),
    answer_first: _("answers of students"),
    student_clips: _("clips for students"),
  },
  seb: {
    added: (file, begins) =>
      begins ? _("The key of %(file)s is added; the file begins at %(address)s. Save the exam.", { file, address: begins }) : _("The key of %(file)s is added. Save the exam.", { file }),
    notRead: (file, message) => _("%(file)s was not taken. %(message)s", { file, message }),
    own: (key) => _("Its Config Key: %(key)s", { key }),
    ownNot: _("It is not allowed as the exam is saved: whoever begins by it is not known to be in Safe Exam Browser."),
  },
  snippet: {
    without: _("It has no secret yet: no page can start it."),
    made: (time) => _("Its secret was made %(time)s. It can’t be shown again.", { time }),
    renewed: _("This is the secret from now on. Copy it now: it can’t be shown again."),
    failed: (message) => _("No secret was made. %(message)s", { message }),
  },
  platforms: {
    every: _("Every course of the platform"),
    untitled: _("A course without a known title"),
    unnamed: _("A platform that is not registered any more"),
    unlink: _("Unlink"),
    unlinkOf: (course, platform) => _("Unlink %(course)s (%(platform)s)", { course, platform }),
    sureCourse: (course, platform) => [
      _("Unlink %(course)s (%(platform)s)?", { course, platform }),
      _("Its teachers lose this exam at once, its list of people is asked no more, and its links lead here no more. Students that are in the list stay."),
      _("Unlink"),
    ],
    sureWhole: (platform) => [
      _("Unlink every course of %(platform)s?", { platform }),
      _("Its students come here no more, but by courses that are linked by themselves. Students that are in the list stay, and no teacher loses anything."),
      _("Unlink"),
    ],
    sureLet: (platform) => [
      _("Let every course of %(platform)s launch this exam?", { platform }),
      _("Whoever runs the platform decides who comes: students of any of its courses take the exam by a link with its ID. Nobody there becomes a teacher of it."),
      _("Allow"),
    ],
    letDone: (platform) => _("Every course of %(platform)s may launch this exam.", { platform }),
    unlinked: (course, platform) => _("%(course)s (%(platform)s) is unlinked.", { course, platform }),
    failed: (message) => _("Which courses lead here can’t be read. %(message)s", { message }),
    notDone: (message) => _("That was not done. %(message)s", { message }),
  },
  people: {
    remove: _("Remove"),
    removeOf: (name) => _("Remove %(name)s", { name }),
    nobody: (text) => _("Nobody who teaches or proctors here is called “%(text)s”.", { text }),
    several: (text, names) => _("“%(text)s” can be one of these: %(names)s. Write more of the name.", { text, names: list(names) }),
  },
  here: (opens, closes) => {
    if (opens && closes) return _("Where you are: from %(opens)s to %(closes)s.", { opens, closes });
    return opens ? _("Where you are it opens %(opens)s.", { opens }) : _("Where you are it closes %(closes)s.", { closes });
  },
  framed: {
    frame: _("This address lets itself be shown in our page."),
    window: _("This address opens in a window of its own: in it, leaving the exam can’t be noticed."),
    either: _("Whether this address lets itself be shown in our page is not known yet. Students have a button that opens it in a window."),
  },
  /** What points do, by how they stand to the flag. */
  effect: {
    allowed: _("Counts nothing, because it is allowed above."),
    off: _("Counts nothing, and is not looked for."),
    unweighed: _("Counts nothing."),
    alone: _("Makes a flag by itself."),
    times: (count) => ngettext("Each time counts; %(count)s within an interval makes a flag.", "Each time counts; %(count)s within an interval make a flag.", count),
    adds: (missing) => ngettext("Counts once an interval; with %(count)s point of other signs it makes a flag.", "Counts once an interval; with %(count)s points of other signs it makes a flag.", missing),
  },
  /** What a typical hour has of it. */
  hour: {
    gaze_distracted: _("In a typical hour everybody looks away now and then: who thinks does."),
    no_face: _("In a typical hour it happens once or twice: a pen falls, somebody bends down."),
    multiple_faces: _("In a typical hour alone in a room it does not happen."),
    speech: _("In a typical hour some students read or think aloud."),
    multiple_voices: _("In a typical hour alone in a room it does not happen; a loudspeaker next door can be heard."),
    tab_switch: _("In a typical hour one or two slips happen: a notification, a wrong key."),
    copy_paste: _("In a typical hour one or two happen: a student moves own words."),
    prohibited_object: _("In a typical hour it does not happen; a calculator may be taken for one."),
    proctor_mark: _("Proctors mark moments by hand; their clips are kept in any case."),
  },
  limit: {
    flag_threshold: (alone) => (alone.length ? _("By themselves make a flag: %(signals)s. With less, more of a typical hour is to be looked at.", { signals: list(alone) }) : _("Nothing makes a flag by itself. With less, more of a typical hour is to be looked at.")),
    interval_duration: (value) => ngettext("A typical hour has %(count)s interval, each counted by itself.", "A typical hour has %(count)s intervals, each counted by itself.", Math.max(1, Math.round(3600 / value))),
    gaze_min_s: (value) => _("A glance of less than %(seconds)s s counts nothing; with less, much of a typical hour would.", { seconds: seconds(value) }),
    absent_min_s: (value) => _("Who bends down for less than %(seconds)s s is not away.", { seconds: seconds(value) }),
    persons_min_s: (value) => _("Who walks past behind the student within %(seconds)s s counts nothing.", { seconds: seconds(value) }),
    speech_min_s: (value) => _("A word or a cough of less than %(seconds)s s in an interval counts nothing.", { seconds: seconds(value) }),
    voices_min_s: (value) => _("A call from the next room of less than %(seconds)s s counts nothing.", { seconds: seconds(value) }),
  },
};
