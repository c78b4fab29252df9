// What is said where people compare students with their cards.

import { spellSeconds } from "../shared/clock.js";
import { personName } from "../shared/names.js";
import { _, list, ngettext } from "../shared/translate.js";
import { labelled } from "./phrases.js";

export const identityTexts = {
  title: _("Identity"),
  titleOf: (exam) => _("Identity: %(exam)s", { exam }),
  failed: (message) => _("The pictures can’t be read. %(message)s", { message }),
  notDone: (message) => _("That was not done. %(message)s", { message }),
  off: _("This exam asks for no pictures before it. Its definition says so."),
  anonymous: _("This exam is reviewed without names. A face says who somebody is: pictures are shown on this page only, and nowhere in the review."),
  kept: (days) => (days ? ngettext("Pictures are deleted %(count)s day after the exam.", "Pictures are deleted %(count)s days after the exam.", days) : _("Pictures are deleted with the records of the exam.")),
  sums: ({ all, open, accepted, queried }) =>
    list(
      [
        ngettext("%(count)s student", "%(count)s students", all),
        ngettext("%(count)s to decide", "%(count)s to decide", open),
        accepted && ngettext("%(count)s accepted", "%(count)s accepted", accepted),
        queried && ngettext("%(count)s queried", "%(count)s queried", queried),
      ].filter(Boolean),
    ),
  none: _("No student matches this choice."),
  nobody: _("Nobody has begun this exam yet."),
  stands: { open: _("To decide"), accepted: _("Accepted"), queried: _("Queried") },
  kinds: { face: _("Face, before the exam"), card: _("Card"), still: _("Face, in the exam"), room: _("Room") },
  asksFor: { face: _("the face"), card: _("the card"), room: _("the room") },
  ask: { face: _("Ask for the face"), card: _("Ask for the card"), room: _("Ask for the room") },
  at: (kind, time) => labelled(kind, time),
  inExam: (kind, seconds) => labelled(kind, spellSeconds(seconds)),
  missing: { face: _("No picture of the face"), card: _("No picture of a card") },
  deleted: (time) => _("The pictures were deleted %(time)s, as their time was over. What was decided stays.", { time }),
  said: {
    unknown: _("No picture could be taken before the exam: no camera, or none could be sent. It counts nothing."),
    nothing: _("Nothing came from the step before the exam. It counts nothing."),
    noCard: (words) => _("Has no card, and says: “%(words)s”", { words }),
  },
  asked: ({ what, by, answer, words }, time) => {
    const values = { what: identityTexts.asksFor[what], name: personName(by) || _("A proctor"), time, words };
    if (answer === "declined") return words ? _("%(time)s: %(name)s asked for %(what)s, and the student declined: “%(words)s”", values) : _("%(time)s: %(name)s asked for %(what)s, and the student declined. That counts nothing.", values);
    if (answer === "given") return words ? _("%(time)s: %(name)s asked for %(what)s, and it was sent: “%(words)s”", values) : _("%(time)s: %(name)s asked for %(what)s, and it was sent.", values);
    return _("%(time)s: %(name)s asked for %(what)s, and there is no answer yet.", values);
  },
  act: ({ decision, by, text }, time) => {
    const values = { name: by, time, text };
    if (decision === "accepted") return text ? _("%(time)s: %(name)s accepted: %(text)s", values) : _("%(time)s: %(name)s accepted", values);
    return _("%(time)s: %(name)s queried: %(text)s", values);
  },
  accept: _("Accept"),
  query: _("Query"),
  what: _("What is not clear?"),
  needed: _("Say in a sentence what is not clear."),
  cancel: _("Cancel"),
  noName: _("Nothing was decided: it is kept with a name, and none was given."),
  done: (user, stands) => (stands === "accepted" ? _("%(user)s is accepted.", { user }) : _("%(user)s is queried.", { user })),
  askedNow: (user) => _("%(user)s is asked, and may decline.", { user }),
  allDecided: _("There is nobody left to decide on here."),
  opens: (label) => _("%(picture)s, opens large", { picture: label }),
};
