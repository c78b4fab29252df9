// What a student is told whose exam is taken in Safe Exam Browser.

import { _ } from "../shared/translate.js";

export const sebTexts = {
  outside: _("This exam is taken in Safe Exam Browser, which closes everything else on this computer while it lasts. In this browser you can’t begin it."),
  other: _("This is Safe Exam Browser, but it has not opened this exam’s own file, so you can’t begin here. Leave it, and open the exam as follows."),
  away: _("Whether this is Safe Exam Browser can’t be told just now: the server does not answer. Try again in a moment."),
  refused: _("This exam goes on in Safe Exam Browser only, and this page could not show that it is there. Call your proctor if this stays."),
};
