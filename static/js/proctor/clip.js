// A flagged interval's clip, playing in place, with buttons that seek to its violations.

import { make } from "../shared/dom.js";
import { texts } from "./texts.js";

/** The player of `interval` (as the REST calls give it), or the sentence that says why there is none. */
export function clipOf(interval, user) {
  const clip = interval.clip ?? { state: "none" };
  if (clip.state !== "ready") {
    const text = { pending: texts.clip.pending, failed: texts.clip.failed(clip.reason) }[clip.state] ?? texts.clip.none;
    return make("p", { class: "clip-missing muted", text });
  }
  const label = texts.clip.label(user, interval.index + 1);
  const video = make("video", { controls: true, preload: "metadata", playsinline: true, src: clip.url ?? `/api/video/${interval.video_id}`, "aria-label": label });
  const broken = make("p", { class: "field-error", role: "alert", hidden: true, text: texts.clip.broken });
  video.addEventListener("error", () => {
    broken.hidden = false;
  });
  const seek = (seconds) => {
    video.currentTime = Math.max(0, seconds);
    video.play().catch(() => {}); // the proctor may have paused it in the same moment
  };
  const marks = (clip.marks ?? []).map(([kind, from]) =>
    make("button", { type: "button", class: "quiet clip-mark", text: texts.clip.mark(texts.kinds[kind] ?? kind, from), onclick: () => seek(from) }),
  );
  return make("div", { class: "clip" }, video, broken, marks.length ? make("div", { class: "clip-marks" }, ...marks) : null);
}

/** The reasons of an interval as a list; `numbersOf(violation)` gives the numbers behind each. */
export function reasonsOf(interval, numbersOf = () => []) {
  const violations = [...(interval.violations ?? [])].sort((a, b) => b.points - a.points);
  const items = violations.map((violation) => {
    const numbers = numbersOf(violation);
    return make("li", {}, make("span", { text: violation.text }), numbers.length ? make("span", { class: "numbers", text: numbers.join(" · ") }) : null);
  });
  return make("ul", { class: "reasons" }, ...items);
}
