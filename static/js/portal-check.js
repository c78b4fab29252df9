// The check before the exam: opens the devices, judges each row again and again, says when the exam can start.

import { call } from "./api.js";
import { brightness, judgeBrowser, judgeDevice, judgeLevel, judgeLight, judgeNetwork, mayStart } from "./checks.js";
import { pageMs } from "./clock.js";
import { openBoth, watchTrack } from "./devices.js";
import { byId, levelShare, setShare, setText } from "./dom.js";
import { Sound } from "./sound.js";
import { texts } from "./texts.js";

const LOOK_MS = 400;
const LEVEL_MEMORY_MS = 5000;
const TRIPS = 5;

export class CheckStep {
  #timer = 0;
  #levels = [];
  #devices = null;
  #trips = null;
  #canvas = new OffscreenCanvas(64, 48);
  #run = 0;

  constructor({ onStart }) {
    this.onStart = onStart;
    this.sound = new Sound((heard) => this.#heard(heard));
    this.video = byId("check-video");
    byId("check-again").addEventListener("click", () => this.#begin());
    byId("check-start").addEventListener("click", () => {
      if (mayStart(this.rows) !== "no") onStart(this.handOver());
    });
    document.addEventListener("pointerdown", () => this.sound.resume());
    document.addEventListener("keydown", () => this.sound.resume());
  }

  /** Start checking; gives what was opened: `{camera: {track|failure}, microphone: {track|failure}}`. */
  async open(session, token, { resume = false } = {}) {
    Object.assign(this, { session, token, resuming: resume });
    clearInterval(this.#timer);
    this.#timer = setInterval(() => this.#judge(), LOOK_MS);
    return this.#begin();
  }

  /** Stop checking and pass devices and sound on to the exam. */
  handOver() {
    clearInterval(this.#timer);
    this.#run += 1;
    this.video.srcObject = null;
    return { ...this.#devices, sound: this.sound };
  }

  async #begin() {
    const run = ++this.#run;
    this.#close();
    this.#devices = { camera: {}, microphone: {} };
    this.#levels = [];
    this.#trips = null;
    this.#judge();
    const network = this.#measure();
    const devices = await openBoth();
    if (run !== this.#run) return devices;
    this.#devices = devices;
    for (const [name, device] of Object.entries(devices)) {
      if (device.track) watchTrack(device.track, (state) => this.#changed(run, name, state));
    }
    if (devices.camera.track) this.video.srcObject = new MediaStream([devices.camera.track]);
    if (devices.microphone.track) {
      await this.sound.listen(devices.microphone.track).catch((error) => {
        console.error(error);
        devices.microphone = { failure: "failed" };
      });
    }
    if (run === this.#run) this.#judge();
    if (!this.resuming) await network;
    return devices;
  }

  #changed(run, name, state) {
    if (run === this.#run && state === "lost") {
      this.#devices[name] = { failure: "lost" };
      this.#judge();
    }
  }

  #close() {
    for (const device of Object.values(this.#devices ?? {})) device.track?.stop();
  }

  async #measure() {
    const trips = [];
    for (let trip = 0; trip < TRIPS; trip += 1) {
      const from = performance.now();
      try {
        await call("/api/student/session", { token: this.token, signal: AbortSignal.timeout(5000) });
        trips.push(performance.now() - from);
      } catch {
        break;
      }
    }
    this.#trips = trips;
    this.#judge();
  }

  #heard({ level }) {
    const now = pageMs();
    this.#levels = [...this.#levels.filter((heard) => now - heard.at < LEVEL_MEMORY_MS), { at: now, level }];
    setShare(byId("check-meter"), levelShare(level));
  }

  #light() {
    const { video } = this;
    if (!this.#devices.camera.track || video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) return null;
    const context = this.#canvas.getContext("2d", { willReadFrequently: true });
    const { videoWidth: width, videoHeight: height } = video;
    // the middle, where the face is: a window behind the student must not pass for light
    context.drawImage(video, width * 0.25, height * 0.15, width * 0.5, height * 0.7, 0, 0, 64, 48);
    return brightness(context.getImageData(0, 0, 64, 48).data);
  }

  #microphone() {
    const row = judgeDevice("microphone", this.#devices.microphone);
    if (row.state !== "ready") return row;
    if (this.sound.waiting) return { state: "waiting", text: texts.check.microphone.blocked };
    const level = judgeLevel(this.#levels.length ? Math.max(...this.#levels.map((heard) => heard.level)) : null);
    return { ...level, text: `${row.text}. ${level.text}` };
  }

  #judge() {
    const { videoWidth, videoHeight } = this.video;
    const size = videoWidth ? `${videoWidth} × ${videoHeight}` : "";
    this.rows = {
      camera: judgeDevice("camera", { ...this.#devices.camera, size }),
      microphone: this.#microphone(),
      light: this.#devices.camera.failure ? { state: "waiting", text: texts.check.light.waiting } : judgeLight(this.#light()),
      network: judgeNetwork(this.#trips),
      browser: judgeBrowser(window),
    };
    for (const [name, row] of Object.entries(this.rows)) this.#draw(name, row);
    byId("check-placeholder").hidden = Boolean(videoWidth && this.#devices.camera.track);
    this.#drawStart();
  }

  #draw(name, { state, text }) {
    const row = byId(`check-${name}`);
    row.dataset.state = state;
    setText(row.querySelector(".check-state"), texts.check.states[state]);
    setText(row.querySelector(".check-text"), text);
  }

  #drawStart() {
    const { check } = texts;
    const may = mayStart(this.rows);
    const states = Object.values(this.rows).map((row) => row.state);
    const start = byId("check-start");
    start.toggleAttribute("aria-disabled", may === "no");
    if (may === "no") start.setAttribute("aria-disabled", "true");
    const usual = this.resuming ? check.resume : check.start;
    setText(start, may === "without_microphone" ? check.withoutMicrophone : usual);
    byId("check-again").hidden = !states.some((state) => state === "not_ready" || state === "warning");
    let hint = check.fine;
    if (may === "without_microphone") hint = check.microphoneGone;
    else if (may === "no") hint = states.includes("not_ready") ? check.blocked : check.wait;
    else if (states.includes("warning")) hint = check.warned;
    setText(byId("check-hint"), hint);
  }
}
