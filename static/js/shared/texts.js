// The sentences that students and proctors both read.

import { _, list, ngettext, number } from "./translate.js";

export const texts = {
  api: {
    status: (status) => _("The server answered %(status)s.", { status }),
    unreachable: _("The server can't be reached."),
    unreadable: _("The server's answer can't be read."),
  },
  ids: {
    missing: _("Enter your user ID."),
    tooLong: _("That is too long: an ID has at most 128 characters."),
    dot: _("An ID does not begin with a dot."),
    character: (character) =>
      character === " "
        ? _("An ID has letters, digits and signs such as . _ @ - + : / only; this one has a space.")
        : _("An ID has letters, digits and signs such as . _ @ - + : / only; this one has “%(character)s”.", { character }),
  },
  checkStates: { ready: _("READY"), warning: _("WARNING"), not_ready: _("NOT READY"), waiting: _("WAIT") },
  browserOld: (missing) => _("This browser is too old for the exam (no %(missing)s). Use a current Chrome, Edge, Firefox or Safari.", { missing: list(missing) }),
  accommodation: {
    signalsOff: (kinds) => _("Not counted: %(signals)s", { signals: list(kinds) }),
    weighed: (kinds) => _("Weighed differently: %(signals)s", { signals: list(kinds) }),
    readingAloud: _("Reading aloud or a screen reader’s voice allowed"),
    extraPercent: (share) => _("%(share)s%% extra time", { share: number(share, Number.isInteger(share) ? 0 : 1) }),
    extraMinutes: (count) => ngettext("%(count)s minute of extra time", "%(count)s minutes of extra time", count),
    breaks: (count, minutes) => ngettext("%(count)s break of %(minutes)s min", "%(count)s breaks of %(minutes)s min", count, { minutes: number(minutes, Number.isInteger(minutes) ? 0 : 1) }),
  },
};
