// The sentences of the page on which students wait for their turn to begin.

import { _, ngettext } from "../shared/translate.js";

export const waitingTexts = {
  /** `position` 1 is next; null: not known yet. */
  place(position) {
    if (position === null) return _("Very many students are starting just now.");
    if (position === 1) return _("You are next.");
    return ngettext("%(count)s student is before you.", "%(count)s students are before you.", position - 1);
  },
  /** About how long it takes; empty where nobody can tell. */
  time(seconds) {
    if (seconds === null) return "";
    const minutes = Math.ceil(seconds / 60);
    return ngettext("It takes about %(count)s minute.", "It takes about %(count)s minutes.", minutes);
  },
  away: _("The server does not answer just now. Your place is kept; this page tries again by itself."),
};
