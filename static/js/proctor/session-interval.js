// One interval of a session: its points, what was found, what was decided, its clip.

import { byId, icon, make } from "../shared/dom.js";
import { clipOf, reasonsOf } from "./clip.js";
import { items } from "./phrases.js";
import { studentWords } from "./student-words.js";
import { texts } from "./texts.js";
import { toDecide } from "./timeline-shape.js";
import { nameInterval } from "./timeline.js";

/**
 * Show `interval` of `user`; `threshold` is the score that flags, `beside` what is told of it that has no points, `unread` says why nothing could be
 * told in it, null: something could.
 */
export function drawInterval(interval, { user, threshold, beside = [], unread = null }) {
  const place = byId("chosen");
  const key = JSON.stringify([interval.index, interval.score, interval.flagged, interval.marked, interval.closed, interval.violations, interval.clip, interval.review, interval.answer, beside, unread]);
  if (place.dataset.key === key) return;
  // a playing clip is not torn down for a change beside it
  const keepClip = place.dataset.clip === JSON.stringify([interval.index, interval.clip]) ? place.querySelector(".chosen-clip") : null;
  place.dataset.key = key;
  place.dataset.clip = JSON.stringify([interval.index, interval.clip]);
  nameInterval(byId("chosen-title"), interval);
  const score = make("p", { class: toDecide(interval) ? "flag-score" : "muted" }, toDecide(interval) ? icon("flag") : null, make("strong", { text: interval.flagged ? texts.flagged.score(interval.score, threshold) : texts.session.plain(interval.score) }));
  const found = interval.violations.length ? make("ul", { class: "reasons" }, ...reasonsOf(interval)) : make("p", { class: "muted", text: unread ? texts.session.nothingRead(unread) : interval.closed ? texts.session.nothing : texts.session.noPoints });
  const decided = [interval.review, interval.review?.second, interval.review?.third].filter((review) => review?.decision).map((review) => texts.review.decided(review));
  const also = beside.length ? make("ul", { class: "reasons muted" }, ...beside.map((text) => make("li", { text }))) : null;
  const review = decided.length ? make("p", { class: "muted", text: items(decided) }) : null;
  const going = interval.closed ? null : make("p", { class: "muted", text: texts.session.going });
  const showClip = toDecide(interval) && (interval.clip?.state ?? "none") !== "none";
  const clip = keepClip ?? (showClip ? make("div", { class: "chosen-clip" }, clipOf(interval, user)) : null);
  const words = make("div", { class: "chosen-text" }, score, found, also, studentWords(interval), review, going);
  if (keepClip) {
    place.querySelector(".chosen-text").replaceWith(words);
    return;
  }
  place.replaceChildren(...[clip, words].filter(Boolean));
}
