// Every sentence that the script of the page Open edX says, ready for translation.

import { _ } from "../shared/translate.js";

export const texts = {
  failed: (message) => _("The registered Open edX can’t be read. %(message)s", { message }),
  on: _("On"),
  off: _("Off"),
  onboarding: _("Onboarding comes first"),
  oldSecret: (time) => _("The old secret is good until %(time)s", { time }),
  add: _("Register an Open edX"),
  change: _("Change"),
  changeOf: (name) => _("Change %(name)s", { name }),
  told: _("What it was told"),
  toldOf: (name) => _("What %(name)s was told", { name }),
  secret: (name) => _("Secret of %(name)s", { name }),
  secretText: _("For client_secret in its PROCTORING_BACKENDS, beside the client ID that stands in the list. It is shown this once."),
  sure: {
    secret: { title: (name) => _("Make a new secret for %(name)s?", { name }), text: _("It is good from now on; the one before beside it for 24 hours. Change it in Open edX in that time."), yes: _("Make it") },
    remove: { title: (name) => _("Remove %(name)s?", { name }), text: _("It may ask nothing more, and is told nothing of what people conclude. Its teachers’ logins end. Exams, accounts and sessions stay."), yes: _("Remove") },
  },
};
