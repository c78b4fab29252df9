// A clip with our own seek bar: its violations are marked on it, it starts at the first one, and the next clip waits loaded beside it.

import { addressOf } from "../shared/base.js";
import { byId, icon, make, setText } from "../shared/dom.js";
import { kindName } from "../shared/names.js";
import { noClip, startOf } from "./clip.js";
import { texts } from "./texts.js";

export class ClipPlayer {
  #videos = new Map(); // video id → <video>, the one shown and the one that waits
  #item = null;
  #muted = false;

  /** `fps` pictures a second: the length of a frame for stepping. `onShow(item, video)` is told of each that is shown, without a video where none plays. */
  constructor({ fps, onShow = () => {} }) {
    this.frame = 1 / fps;
    this.onShow = onShow;
    this.stage = byId("stage");
    this.bar = byId("seek");
    this.marks = byId("seek-marks");
    this.bar.addEventListener("input", () => this.seek(Number(this.bar.value)));
    byId("play").addEventListener("click", () => this.toggle());
    byId("mute").addEventListener("click", () => this.mute());
    byId("frame-back").addEventListener("click", () => this.step(-1));
    byId("frame-forward").addEventListener("click", () => this.step(1));
  }

  get video() {
    return this.#videos.get(this.#item?.video_id) ?? null;
  }

  /** Show `item`'s clip from its first violation on; `next` is loaded behind it. */
  show(item, next) {
    const same = this.#item?.video_id === item?.video_id && this.video?.dataset.state === item?.clip?.state;
    this.video?.pause();
    this.#item = item;
    this.#keepOnly([item, next]);
    const ready = item?.clip?.state === "ready";
    byId("player-controls").hidden = !ready;
    if (!ready) {
      this.#place(noClip(item?.clip ?? { state: "none" }));
      this.onShow(item, null);
      return;
    }
    if (this.video?.error) this.#videos.delete(item.video_id); // it was loaded ahead, and failed: once more before that is said
    const video = this.#video(item);
    video.preload = "auto";
    video.muted = this.#muted;
    this.#place(video);
    this.onShow(item, video);
    this.#drawMarks(item.clip);
    if (!same || video.ended) video.currentTime = startOf(item.clip.marks);
    this.#play(video);
    this.#draw();
  }

  preload(item) {
    if (item?.clip?.state === "ready") this.#video(item);
  }

  toggle() {
    const { video } = this;
    if (!video) return;
    if (video.paused) this.#play(video);
    else video.pause();
  }

  seek(seconds) {
    const { video } = this;
    if (!video) return;
    video.currentTime = Math.max(0, Math.min(video.duration || Infinity, seconds));
    this.#draw();
  }

  seekBy(seconds) {
    if (this.video) this.seek(this.video.currentTime + seconds);
  }

  step(frames) {
    this.video?.pause();
    this.seekBy(frames * this.frame);
  }

  mute() {
    this.#muted = !this.#muted;
    if (this.video) this.video.muted = this.#muted;
    this.#drawSound();
  }

  #place(element) {
    if (this.stage.firstElementChild !== element) this.stage.replaceChildren(element);
  }

  #video(item) {
    const known = this.#videos.get(item.video_id);
    if (known) return known;
    const video = make("video", {
      playsinline: true,
      preload: "auto",
      src: addressOf(item.clip.url ?? item.url ?? `/api/video/${item.video_id}`),
      "data-state": "ready",
      "aria-label": texts.clip.label(item.user_id, item.index + 1),
    });
    video.currentTime = startOf(item.clip.marks); // before it is shown, so that the right part is fetched
    for (const event of ["timeupdate", "play", "pause", "seeked", "loadedmetadata", "ended"]) video.addEventListener(event, () => video === this.video && this.#draw());
    video.addEventListener("click", () => this.toggle());
    video.addEventListener("error", () => {
      if (video !== this.video) return;
      byId("player-controls").hidden = true;
      this.#place(make("p", { class: "clip-missing", role: "alert", text: texts.clip.broken }));
    });
    this.#videos.set(item.video_id, video);
    return video;
  }

  #keepOnly(items) {
    const wanted = new Set(items.map((item) => item?.video_id));
    for (const [id, video] of this.#videos) {
      if (wanted.has(id)) continue;
      video.removeAttribute("src");
      video.load(); // lets its connection go
      this.#videos.delete(id);
    }
  }

  async #play(video) {
    try {
      await video.play();
    } catch (error) {
      // without a click first a browser plays only what is silent
      if (error.name !== "NotAllowedError" || video.muted) return;
      video.muted = true;
      this.#drawSound();
      await video.play().catch(() => {});
    }
  }

  #draw() {
    const { video } = this;
    if (!video) return;
    const length = video.duration || this.#item.clip.duration || 0;
    this.bar.max = String(length);
    this.bar.value = String(video.currentTime);
    this.bar.setAttribute("aria-valuetext", texts.review.at(video.currentTime, length));
    setText(byId("play-time"), texts.review.at(video.currentTime, length));
    const playing = !video.paused && !video.ended;
    const button = byId("play");
    if (button.dataset.playing !== String(playing)) {
      button.dataset.playing = String(playing);
      button.replaceChildren(icon(playing ? "pause" : "play"), make("span", { text: playing ? texts.review.pause : texts.review.play }));
    }
    this.#drawSound();
  }

  #drawSound() {
    const silent = this.video?.muted ?? this.#muted;
    const button = byId("mute");
    if (button.dataset.muted === String(silent)) return;
    button.dataset.muted = String(silent);
    button.replaceChildren(icon(silent ? "mute" : "sound"), make("span", { text: silent ? texts.review.unmute : texts.review.mute }));
  }

  #drawMarks({ marks = [], duration = 0 }) {
    this.marks.replaceChildren(
      ...marks.map(([kind, from, to]) => {
        const mark = make("span", { class: "seek-mark", title: texts.review.mark(kindName(kind), from, to) });
        mark.style.setProperty("--from", String(duration ? from / duration : 0));
        mark.style.setProperty("--length", String(duration ? Math.max(0, to - from) / duration : 0));
        return mark;
      }),
    );
    byId("clip-marks").replaceChildren(
      ...[...marks].sort(([, one], [, other]) => one - other).map(([kind, from]) =>
        make("button", { type: "button", class: "quiet clip-mark", text: texts.clip.mark(kindName(kind), from), onclick: () => this.seek(Math.max(0, from - 0.2)) }),
      ),
    );
  }
}
