// What a session's page says of its timeline, its decisions and what is told to the student.

import { spellSeconds } from "../shared/clock.js";
import { _, list, ngettext } from "../shared/translate.js";
import { bracketed, items, labelled, paragraph } from "./phrases.js";

const PARTS = {
  user_id: _("Student"), exam_id: _("Exam"), state: _("state"), started_at: _("start"), ended_at: _("end"), total_score: _("points"), unread: _("what could not be told"),
  accommodation: _("accommodation"), accommodations: _("accommodation"), breaks: _("breaks"), messages: _("messages"), marks: _("marked moments"), doubts: _("doubts"), connections: _("connections"), rules: _("rules"), checks_before: _("check before the exam"), rehearsal: _("rehearsal"), conclusion: _("conclusion"), pictures: _("pictures"), decision: _("decision"), extra_percent: _("extra time"), extra_min: _("extra time"), name: _("name"), email: _("e-mail"), note: _("note"),
};
const students = (count) => ngettext("%(count)s student", "%(count)s students", count);

export const sessionTexts = {
  /** What of a session's records was damaged; an empty text where nothing was. */
  damaged: ({ fields, records }) => {
    const count = records.length;
    const what = [...new Set(fields.map((name) => PARTS[name] ?? name)), count && ngettext("%(count)s interval or check", "%(count)s intervals or checks", count)].filter(Boolean);
    return what.length ? _("Damaged in the database, and left out here: %(what)s.", { what: items(what) }) : "";
  },
  strip: {
    interval: (number, count, from, to) => _("Interval %(number)s of %(count)s, %(from)s to %(to)s", { number, count, from: spellSeconds(from), to: spellSeconds(to) }),
    flagged: (decided) => (decided ? _("Flagged. %(decided)s", { decided }) : _("Flagged, not decided")),
    marked: (decided) => (decided ? _("Marked by a proctor. %(decided)s", { decided }) : _("Marked by a proctor, not decided")),
    beside: (name, text) => labelled(name, text),
    tableHead: [_("Interval"), _("Time"), _("Points"), _("What was found"), _("Decision")],
    undecided: _("Not decided"),
    flags: (flags, marks, open) =>
      list(
        [
          flags && ngettext("%(count)s flag", "%(count)s flags", flags),
          marks && ngettext("%(count)s marked moment", "%(count)s marked moments", marks),
          open ? ngettext("%(count)s to decide", "%(count)s to decide", open) : _("all decided"),
        ].filter(Boolean),
      ),
    noFlags: _("No flags"),
    noFurther: _("There is no further flag this way."),
  },
  absences: {
    nobody: (from, to) => (to === null ? _("Nobody in view from %(from)s on", { from: spellSeconds(from) }) : _("Nobody in view from %(from)s to %(to)s", { from: spellSeconds(from), to: spellSeconds(to) })),
    untold: (from, to) => (to === null ? _("Can’t tell who was there from %(from)s on", { from: spellSeconds(from) }) : _("Can’t tell who was there from %(from)s to %(to)s", { from: spellSeconds(from), to: spellSeconds(to) })),
    before: (at) => _("Before: %(at)s", { at: spellSeconds(at) }),
    after: (at) => _("After: %(at)s", { at: spellSeconds(at) }),
    opens: (what) => _("%(what)s, opens large", { what }),
    none: { before: _("Before: nobody had been seen"), after: _("After: nobody has been seen") },
    gone: _("Deleted: its time was over"),
  },
  calls: (text) => (text ? _("The student calls: “%(text)s” Writing answers it.", { text }) : _("The student calls, without words. Writing answers it.")),
  decide: {
    failed: (message) => _("The decision was not saved. %(message)s", { message }),
    noName: _("The decision was not saved: it is kept with a name, and none was given."),
    next: (said, number) => _("%(said)s. Interval %(number)s is next.", { said, number }),
    last: (said) => _("%(said)s. No flag of this session waits for a decision.", { said }),
  },
  mark: {
    done: _("Marked. The clip of this interval is kept."),
    failed: (message) => _("Not marked. %(message)s", { message }),
  },
  students: {
    place: (at, count) => _("%(at)s of %(count)s", { at, count }),
    previous: (user) => _("Previous student: %(user)s", { user }),
    next: (user) => _("Next student: %(user)s", { user }),
  },
  toExam: {
    short: _("Message to all"),
    title: (exam) => (exam ? _("Message to all of %(exam)s", { exam }) : _("Message to all of the exam without an ID")),
    noExam: (count) => bracketed(_("No ID"), students(count)),
    exam: (exam, count) => bracketed(exam, students(count)),
    none: _("No exam is running."),
    readFailed: (message) => _("The running exams can’t be read. %(message)s", { message }),
    failed: (message) => _("Not sent. %(message)s", { message }),
    empty: _("Write what the students should read."),
    sent: ({ sent, waiting, not_reached: missed }) =>
      paragraph([
        ngettext("Sent to %(count)s student.", "Sent to %(count)s students.", sent),
        waiting
          ? ngettext(
              "%(count)s page isn’t connected now; the message is delivered when they come back.",
              "%(count)s pages aren’t connected now; the message is delivered when they come back.",
              waiting,
            )
          : "",
        missed.length ? _("Not reached: %(users)s. Speak to them.", { users: list(missed.map(({ user_id: user }) => user)) }) : "",
      ]),
  },
};
