// The sentences of a student's own report.

import { spellSeconds } from "../shared/clock.js";
import { _, list, ngettext, number } from "../shared/translate.js";

export const reportTexts = {
  noToken: _("This page is opened by a link. Open the whole link again, or ask your institution for one."),
  lead: (user, exam) => (exam ? _("%(student)s, %(exam)s", { student: user, exam }) : user),
  failed: (message) => _("Not sent. %(message)s", { message }),
  facts: { from: _("Begun"), to: _("Ended"), number: _("Session number") },
  conclusions: {
    none: _("Nobody has concluded anything yet."),
    no_finding: _("No finding: nothing is held against you."),
    finding: _("A finding was made."),
    passed_on: _("It was passed on to your institution, which decides."),
    retake: _("You are to take the exam again."),
  },
  concludedAt: (when) => _("Concluded on %(when)s by a person.", { when }),
  flagsNone: _("Nothing in your exam was marked for a person to look at."),
  flags: (count) => ngettext("%(count)s moment was marked. The program marks, and a person decides.", "%(count)s moments were marked. The program marks, and a person decides.", count),
  flagTitle: (place, start, end) => _("%(place)s. From %(start)s to %(end)s of your exam", { place: number(place), start: spellSeconds(start), end: spellSeconds(end) }),
  decisions: {
    open: _("Nobody has decided yet."),
    confirmed: _("A person confirmed it: what the program says did happen."),
    dismissed: _("A person dismissed it: it counts nothing."),
    disputed: _("Two people see it differently; a third decides."),
  },
  points: (count) => ngettext("%(count)s point", "%(count)s points", count),
  at: (when) => _("at %(when)s", { when }),
  joined: (parts) => list(parts),
  clip: (place) => _("Clip of moment %(place)s", { place: number(place) }),
  clipBroken: _("The clip can’t be played. Load the page again."),
  showClip: _("Show the clip"),
  yourAnswer: _("Your answer"),
  answerHint: (most) => _("At most %(count)s characters. The person who decides reads it.", { count: number(most) }),
  fixed: _("Somebody has decided, and your answer stays as it is."),
  save: _("Send the answer"),
  change: _("Send the changed answer"),
  empty: _("Write your answer first."),
  emptyReason: _("Write why first."),
  saved: (place) => _("Your answer to moment %(place)s was sent.", { place: number(place) }),
  sentAt: (when) => _("Sent on %(when)s", { when }),
  nothingSaved: _("It is noted that you have nothing to add."),
  askUntil: (when) => _("If you think the conclusion is wrong, you can ask once for a new look, until %(when)s.", { when }),
  asked: (when) => _("You asked for a new look on %(when)s.", { when }),
  askedOpen: _("Nobody has answered yet."),
  askedDone: (when) => _("It was answered on %(when)s:", { when }),
  askSaved: _("Your request was sent."),
  weights: (threshold, seconds) =>
    _("Your exam is looked at in parts of %(seconds)s s. Each thing that is found in a part has points; a part with %(threshold)s points or more is marked for a person. What could not be seen or heard counts nothing.", {
      seconds: number(seconds, Number.isInteger(seconds) ? 0 : 1),
      threshold: number(threshold),
    }),
};
