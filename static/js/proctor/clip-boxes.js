// Boxes and the direction of the gaze over a clip that plays: what was read is fetched once its pictures are there, and drawn with each of them.

import { call } from "../shared/api.js";
import { make } from "../shared/dom.js";
import { remember, remembered } from "../shared/storage.js";
import { seenAt } from "./clip-seen.js";
import { drawOverlay } from "./overlay.js";

const KEY = "review.boxes";
const KEPT = 4; // clips whose readings are remembered, for whoever goes back and forth

export class ClipBoxes {
  canvas = make("canvas", { class: "clip-boxes", "aria-hidden": "true" });
  #readings = new Map(); // video id → what was read
  #video = null;
  #id = null;

  /** `button` switches them off and on. */
  constructor({ stage, button }) {
    Object.assign(this, { stage, button });
    this.isOn = remembered(KEY) !== "off";
    button.addEventListener("click", () => this.toggle());
    this.#drawButton();
  }

  toggle() {
    this.isOn = !this.isOn;
    remember(KEY, this.isOn ? "on" : "off");
    this.#drawButton();
    this.#begin();
  }

  /** Draw over `video` (null: there is none) of `item` from now on. */
  show(item, video) {
    this.#video = video;
    this.#id = item?.video_id ?? null;
    drawOverlay(this.canvas, null);
    if (!video) return;
    this.stage.append(this.canvas);
    this.#begin();
  }

  async #begin() {
    const [video, id] = [this.#video, this.#id];
    if (!video) return;
    this.#draw();
    if (!this.isOn) return;
    // the clip first: its bytes and these would share the line
    if (video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) await new Promise((resolve) => video.addEventListener("loadeddata", resolve, { once: true }));
    if (id !== this.#id) return;
    if (!this.#readings.has(id)) {
      const readings = await call(`/api/review/${id}/readings`).catch((error) => {
        console.info("What was read of the clip can't be shown.", error.message);
        return null;
      });
      if (!readings) return;
      this.#readings.set(id, readings);
      if (this.#readings.size > KEPT) this.#readings.delete(this.#readings.keys().next().value);
    }
    if (!video.dataset.boxes) this.#follow(video);
    this.#draw();
  }

  /** Draw with each picture that `video` shows, as long as it is the one shown. */
  #follow(video) {
    video.dataset.boxes = "on";
    if (!video.requestVideoFrameCallback) {
      for (const event of ["timeupdate", "seeked"]) video.addEventListener(event, () => video === this.#video && this.#draw());
      return;
    }
    const drawn = (_, { mediaTime }) => {
      if (video === this.#video) this.#draw(mediaTime);
      if (video.hasAttribute("src")) video.requestVideoFrameCallback(drawn);
    };
    video.requestVideoFrameCallback(drawn);
  }

  #draw(at = this.#video.currentTime) {
    const readings = this.isOn ? this.#readings.get(this.#id) : null;
    const seen = readings ? seenAt(readings, at) : null;
    drawOverlay(this.canvas, seen?.overlay, seen?.gaze);
  }

  #drawButton() {
    this.button.setAttribute("aria-pressed", String(this.isOn));
  }
}
