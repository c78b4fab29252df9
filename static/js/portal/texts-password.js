// What is said of the password that the exam elsewhere asks for.

import { _ } from "../shared/translate.js";

export const passwordTexts = {
  offer: _("Your exam asks for a password. It is kept here for you."),
  show: _("Show the password"),
  shown: (password) => _("The password is: %(password)s. Type it where your exam asks for it, by hand: copying on this page is noted. It is for you alone.", { password }),
  shownSo: (password, text) => _("The password is: %(password)s. %(text)s", { password, text }),
  hide: _("Hide it"),
  failed: (message) => _("The password can’t be shown now. %(message)s", { message }),
  again: _("Try again"),
};
