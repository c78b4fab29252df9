// What the window says that an exam's page of another site has opened.

import { _ } from "../shared/translate.js";

export const texts = {
  asking: _("Your exam’s page is asked who you are. This takes a moment."),
  waits: _("Many come at once, or the server is away: this window tries again by itself."),
  noOpener: _("Open this window from your exam’s page, by the button there. If you did, that page keeps us from hearing it: show this to whoever runs it."),
  noAnswer: _("Your exam’s page does not answer. Go back to it, load it again, and press the button there."),
  noToken: _("Your exam’s page could not find out who you are. Load it again; perhaps you have to log in there anew."),
  lost: _("Your exam’s page does not answer. Go back to it; if you closed it, open it again and do what stands at its top."),
};
