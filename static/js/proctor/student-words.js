// What a student answered to a flag, beside its reasons. It is the student's own text, and shown as text.

import { make } from "../shared/dom.js";
import { fullTime } from "./dates.js";
import { texts } from "./texts.js";

/** The answer as an element, null where there is none. `review` says whether somebody decided before it came. */
export function studentWords({ answer, review }) {
  if (!answer?.text) return null;
  return make(
    "div",
    { class: "student-words" },
    make("p", { class: "muted", text: texts.side.answered(fullTime(answer.at)) }),
    make("blockquote", { dir: "auto", text: answer.text }),
    review?.answered_since ? make("p", { class: "student-since", text: texts.side.since }) : null,
  );
}
