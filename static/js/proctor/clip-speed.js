// How fast clips play; it holds for every clip, and in this browser.

import { setText } from "../shared/dom.js";
import { remember, remembered } from "../shared/storage.js";
import { texts } from "./texts.js";

export const SPEEDS = [1, 1.5, 2];
const KEY = "review.speed";

/** The speed after `speed`, round to the first. */
export function nextSpeed(speed) {
  return SPEEDS[(SPEEDS.indexOf(speed) + 1) % SPEEDS.length];
}

export class ClipSpeed {
  #video = null;

  /** `button` goes on to the next speed. */
  constructor(button) {
    this.button = button;
    this.speed = SPEEDS.includes(Number(remembered(KEY))) ? Number(remembered(KEY)) : SPEEDS[0];
    button.addEventListener("click", () => this.next());
    this.#draw();
  }

  next() {
    this.speed = nextSpeed(this.speed);
    remember(KEY, String(this.speed));
    this.#draw();
    this.show(this.#video);
  }

  /** Play `video` (null: there is none) so. */
  show(video) {
    this.#video = video;
    if (video) video.defaultPlaybackRate = video.playbackRate = this.speed;
  }

  #draw() {
    setText(this.button, texts.review.speed(this.speed));
    this.button.setAttribute("aria-label", texts.review.speedNext(this.speed, nextSpeed(this.speed)));
  }
}
