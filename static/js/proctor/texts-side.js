// The sentences about a student's own report, answers and request for a new look, as people who decide read them.

import { _, ngettext } from "../shared/translate.js";

export const sideTexts = {
  side: {
    answered: (when) => _("The student says (%(when)s):", { when }),
    since: _("Answered after the decision."),
    answeredSince: _("Answered since the decision"),
    report: {
      open: _("The student may read the report of this session."),
      off: _("In this exam students read no report."),
      running: _("The student may read the report once the session has ended."),
      later: _("The student may read the report once the session is concluded."),
    },
    links: (count) => ngettext("%(count)s link to it is good.", "%(count)s links to it are good.", count),
    opened: (when) => _("It was opened first on %(when)s.", { when }),
    notOpened: _("It was not opened by a link yet."),
    answers: (answered, flags) => ngettext("%(answered)s of %(count)s flag is answered.", "%(answered)s of %(count)s flags are answered.", flags, { answered }),
    nothing: _("The student has nothing to add."),
    made: _("Give this link to the student. It is shown once; whoever has it can read the report."),
    ended: (count) => ngettext("%(count)s link was ended.", "%(count)s links were ended.", count),
    failed: (message) => _("That did not work. %(message)s", { message }),
    allMade: _("A link for each session that has ended is in the file. Links that were made before stay good."),
    asked: (when) => _("The student asked for a new look on %(when)s:", { when }),
    done: (name, when) => _("%(name)s answered on %(when)s:", { name, when }),
    sent: _("The answer is with the student’s report."),
    empty: _("Write what came of it."),
  },
};
