// What a flagged interval shows: its clip, playing in place with buttons that seek to its violations, and its reasons.

import { addressOf } from "../shared/base.js";
import { make } from "../shared/dom.js";
import { kindName } from "../shared/names.js";
import { evidenceWords } from "./evidence.js";
import { texts } from "./texts.js";

const LEAD_S = 1; // a moment before the violation shows how it began

/** Where a clip starts to play, in seconds: a moment before its first violation. `marks` are `[kind, from, to]`. */
export function startOf(marks) {
  const first = Math.min(...(marks ?? []).map(([, from]) => from));
  return Number.isFinite(first) ? Math.max(0, first - LEAD_S) : 0;
}

/** The sentence that says why there is nothing to play. */
export function noClip({ state, reason }) {
  const text = { pending: texts.clip.pending, failed: texts.clip.failed(reason), deleted: texts.clip.deleted(reason), away: texts.clip.away(reason) }[state] ?? texts.clip.none;
  return make("p", { class: "clip-missing muted", text });
}

/** The player of `interval` (as the REST calls give it), or the sentence that says why there is none. */
export function clipOf(interval, user) {
  const clip = interval.clip ?? { state: "none" };
  if (clip.state !== "ready") return noClip(clip);
  const label = texts.clip.label(user, interval.index + 1);
  const video = make("video", { controls: true, preload: "metadata", playsinline: true, src: addressOf(clip.url ?? `/api/video/${interval.video_id}`), "aria-label": label });
  const broken = make("p", { class: "field-error", role: "alert", hidden: true, text: texts.clip.broken });
  video.addEventListener("error", () => {
    broken.hidden = false;
  });
  const seek = (seconds) => {
    video.currentTime = Math.max(0, seconds);
    video.play().catch(() => {}); // the proctor may have paused it in the same moment
  };
  const marks = (clip.marks ?? []).map(([kind, from]) =>
    make("button", { type: "button", class: "quiet clip-mark", text: texts.clip.mark(kindName(kind), from), onclick: () => seek(from) }),
  );
  return make("div", { class: "clip" }, video, broken, marks.length ? make("div", { class: "clip-marks" }, ...marks) : null);
}

/** What was found in an interval, a list item each, the most points first. */
export function reasonsOf({ violations = [] }) {
  return [...violations].sort((a, b) => b.points - a.points).map(reasonOf);
}

/** A violation as a list item, with the numbers behind it. */
export function reasonOf(violation) {
  const numbers = evidenceWords(violation);
  return make("li", {}, make("span", { text: violation.text }), numbers.length ? make("span", { class: "numbers", text: numbers.join(" · ") }) : null);
}
