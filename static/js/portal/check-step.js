// The check before the exam: opens the devices, judges each row again and again, says when the exam can start.

import { openBoth, watchPermission, watchTrack } from "../sending/devices.js";
import { canLoad } from "../sending/pictures.js";
import { Sound } from "../sending/sound.js";
import { letsWebSocketsThrough } from "../sending/way.js";
import { call } from "../shared/api.js";
import { addressOf } from "../shared/base.js";
import { pageMs } from "../shared/clock.js";
import { byId, levelShare, oneWish, setShare, setText } from "../shared/dom.js";
import { drawAllow, isRefused } from "./check-allow.js";
import { Hearing, asAsked, brightness, hintOf, judgeBrowser, judgeDevice, judgeFace, judgeLight, judgeNetwork, judgeScreen, mayStart, nextOf, oneCause, resultsOf, speedOf } from "./checks.js";
import { DevicePicker } from "./device-pickers.js";
import { scrambles } from "./scrambled.js";
import { ScreenShare } from "./screen.js";
import { texts } from "./texts.js";

const LOOK_MS = 400;
const TRIPS = 5;
const SPEED_FIRST_BYTES = 10_000; // a narrow line needs seconds for more
const SPEED_BYTES = 60_000; // the server takes 64 KB in one call
const SPEED_TRIES = 5;
const SPEED_ENOUGH_MS = 1500;
const FACE_MS = 3000; // between looks while the face can't be seen well
const FACE_FINE_MS = 12_000; // and once it can
const FACE_WIDTH = 480;
const FACE_WIDTH_NARROW = 320; // as the exam's own pictures are over such a line
const NARROW_KBPS = 100;
const FACE_QUALITY = 0.7;
const LONGEST_AGENT = 300; // characters that the server keeps

/** What this browser calls itself. */
export function agent() {
  return navigator.userAgent.slice(0, LONGEST_AGENT);
}

export class CheckStep {
  #timer = 0;
  #hearing = new Hearing();
  #devices = null;
  #trips = null;
  #kbps = null;
  #sockets = null; // does the network let WebSockets through?
  #face = null;
  #faceDue = 0;
  #looking = false;
  #timing = false; // the network is measured: a look meanwhile would share the line
  #loaded = null; // could what makes the exam's pictures be loaded?
  #scrambled = null; // does the browser change what is read from a canvas?
  #canvas = null; // not before the browser is known to have one
  #faceCanvas = null;
  #run = 0;
  #over = new AbortController(); // what is under way for a check that is over would take the exam's room
  #watching = false;
  unasked = []; // devices without which the exam can start

  constructor({ onStart }) {
    this.onStart = onStart;
    this.sound = new Sound((heard) => this.#heard(heard));
    this.video = byId("check-video");
    byId("check-again").addEventListener("click", () => this.#begin());
    oneWish(byId("check-start")).addEventListener("click", () => {
      if (byId("check-start").getAttribute("aria-disabled") !== "true") onStart();
    });
    this.capture = document.body.dataset.screenCapture;
    this.screen = this.capture === "off" ? null : new ScreenShare(() => this.#judge());
    this.share = document.getElementById("check-share"); // there only where the exam asks for a screen
    this.share?.addEventListener("click", () => this.screen.ask());
    for (const name of ["camera", "microphone"]) {
      watchPermission(name, () => this.#watching && this.#devices[name].failure === "denied" && this.#begin());
    }
    this.pickers = ["camera", "microphone"].map((name) => new DevicePicker(`check-${name}-choice`, name, () => this.#begin()));
    document.addEventListener("pointerdown", () => this.sound.resume());
    document.addEventListener("keydown", () => this.sound.resume());
  }

  /**
   * Start checking; gives what was opened: `{camera: {track|failure}, microphone: {track|failure}}`. `token` is the student's, null
   * while no session has begun; `rehearsal` is a check that no exam follows; `pictures`: the exam asks for some before it; `unasked` are devices
   * without which it can start.
   */
  async open(token, { resume = false, rehearsal = false, pictures = false, trial = token, unasked = [] } = {}) {
    Object.assign(this, { token, trial: token ?? trial, resuming: resume, rehearsal, pictures, unasked });
    this.#watching = true;
    if (unasked.includes("camera")) setText(byId("check-placeholder").querySelector("span"), texts.check.notAsked);
    this.sound.onSound = (heard) => this.#heard(heard); // an exam that didn't come about had it
    if (this.screen) this.screen.onChange = () => this.#judge();
    clearInterval(this.#timer);
    this.#timer = setInterval(() => this.#judge(), LOOK_MS);
    return this.#begin();
  }

  /** Stop checking and pass devices and sound on to the exam. */
  handOver() {
    clearInterval(this.#timer);
    this.#watching = false;
    this.#run += 1;
    this.#over.abort();
    this.video.srcObject = null;
    return { ...this.#devices, sound: this.sound, screen: this.screen, kbits: this.#kbps ?? 0, blocked: this.#sockets === false };
  }

  /** Stop checking and let the devices go. */
  close() {
    clearInterval(this.#timer);
    this.#watching = false;
    this.#run += 1;
    this.#over.abort();
    this.#close();
    this.video.srcObject = null;
    this.screen?.close();
    this.sound.close();
  }

  /** The camera's track; null where none gives a picture. */
  get camera() {
    const track = this.#devices?.camera.track;
    return track?.readyState === "live" ? track : null;
  }

  /** What was found, as the server takes it. */
  get results() {
    return resultsOf(this.rows);
  }

  /** Have it kept with the session of `token`; the exam does not wait for that. */
  keep(token, { seb, query }) {
    const body = { results: this.results, user_agent: agent(), ...(seb && { seb }) };
    call(`/api/student/check${query}`, { method: "POST", token, body }).catch((error) => console.info("The check was not stored.", error.message));
  }

  async #begin() {
    const run = ++this.#run;
    this.#over.abort();
    this.#over = new AbortController();
    this.#close();
    this.#devices = { camera: {}, microphone: {} };
    this.#hearing = new Hearing();
    this.#trips = null;
    this.#kbps = null;
    this.#sockets = null;
    this.#loaded = null;
    this.#face = null;
    this.#faceDue = 0;
    this.#timing = true;
    this.#judge();
    const network = this.#measure(run);
    this.#load(run);
    const devices = await openBoth();
    if (run !== this.#run) {
      for (const { track } of Object.values(devices)) track?.stop(); // nobody else knows of them
      return { camera: {}, microphone: {} };
    }
    this.#devices = devices;
    for (const picker of this.pickers) picker.draw(devices[picker.name].track);
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

  async #load(run) {
    const loaded = "Worker" in window ? await canLoad() : null;
    if (run !== this.#run) return;
    this.#loaded = loaded;
    this.#judge();
  }

  async #measure(run) {
    const trips = [];
    for (let trip = 0; trip < TRIPS; trip += 1) {
      const from = performance.now();
      try {
        await call(this.token ? "/api/student/session" : "/api/health", { token: this.token, signal: AbortSignal.timeout(5000) });
        trips.push(performance.now() - from);
      } catch {
        break;
      }
    }
    if (run !== this.#run) return;
    this.#trips = trips;
    this.#judge();
    // The exam's own way to send, opened as the exam opens it: what a network lets through of calls says nothing of it.
    const sockets = !trips.length || this.resuming || (await letsWebSocketsThrough(this.trial));
    if (run !== this.#run) return;
    this.#sockets = sockets;
    const kbps = trips.length && !this.resuming ? await this.#measureSpeed(run) : undefined; // an exam that goes on needs the line itself
    if (run !== this.#run) return;
    this.#kbps = kbps;
    this.#timing = false;
    this.#judge();
  }

  /** How fast the page can send, in kbit/s; undefined where it can't be measured. */
  async #measureSpeed(run) {
    const random = crypto.getRandomValues(new Uint8Array(SPEED_BYTES)); // what no proxy can make smaller
    const begun = performance.now();
    const sent = [];
    let size = SPEED_FIRST_BYTES;
    for (let attempt = 0; attempt < SPEED_TRIES && performance.now() - begun < SPEED_ENOUGH_MS && run === this.#run; attempt += 1) {
      const from = performance.now();
      let failed = null;
      await this.#send("/api/student/speed", random.subarray(0, size), "application/octet-stream").catch((error) => {
        failed = error;
        console.info("The speed can't be measured.", error.message);
      });
      const ms = performance.now() - from;
      if (!failed || failed.name === "TimeoutError") sent.push({ bytes: size, ms }); // not even so much went through
      if (failed) break;
      size = Math.round(Math.min(SPEED_BYTES, Math.max(SPEED_FIRST_BYTES, (size / ms) * SPEED_ENOUGH_MS)));
    }
    return speedOf(sent) ?? undefined;
  }

  async #send(path, body, type) {
    const headers = { "Content-Type": type, ...(this.trial && { Authorization: `Bearer ${this.trial}` }) };
    const late = AbortSignal.timeout(20_000);
    const signal = AbortSignal.any?.([this.#over.signal, late]) ?? late;
    const answer = await fetch(addressOf(path), { method: "POST", headers, body, signal });
    if (!answer.ok) throw Object.assign(new Error(`${path} answered ${answer.status}`), { status: answer.status });
    return answer.json();
  }

  /** Let the server's own detectors look at one picture: the same that will read the exam's. */
  async #look() {
    const { video } = this;
    const now = performance.now();
    if (this.#looking || this.#timing || now < this.#faceDue || document.hidden || document.body.dataset.step === "waiting" || !this.#devices.camera.track || video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) return;
    const run = this.#run;
    this.#looking = true;
    try {
      const width = this.#kbps < NARROW_KBPS ? FACE_WIDTH_NARROW : FACE_WIDTH;
      const height = Math.round((width * video.videoHeight) / video.videoWidth);
      if (this.#faceCanvas?.width !== width || this.#faceCanvas.height !== height) this.#faceCanvas = new OffscreenCanvas(width, height);
      this.#faceCanvas.getContext("2d").drawImage(video, 0, 0, width, height);
      const blob = await this.#faceCanvas.convertToBlob({ type: "image/jpeg", quality: FACE_QUALITY });
      const look = await this.#send("/api/student/look", blob, "image/jpeg");
      if (run === this.#run) this.#face = look;
    } catch (error) {
      if (run === this.#run && error.status !== 429) this.#face = { state: "unavailable" };
    }
    this.#looking = false;
    this.#faceDue = performance.now() + (judgeFace(this.#face).state === "ready" ? FACE_FINE_MS : FACE_MS);
  }

  #heard({ level }) {
    this.#hearing.take(level, pageMs());
    setShare(byId("check-meter"), levelShare(level));
  }

  #light() {
    const { video } = this;
    if (!this.#devices.camera.track || video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA || !("OffscreenCanvas" in window)) return null;
    this.#canvas ??= new OffscreenCanvas(64, 48);
    const context = this.#canvas.getContext("2d", { willReadFrequently: true });
    const { videoWidth: width, videoHeight: height } = video;
    // the middle, where the face is: a window behind the student must not pass for light
    context.drawImage(video, width * 0.25, height * 0.15, width * 0.5, height * 0.7, 0, 0, 64, 48);
    return brightness(context.getImageData(0, 0, 64, 48).data);
  }

  /** Looked at once: what is wrong with the picture then has one cause, and no lamp mends it. */
  #scrambles() {
    if (!("OffscreenCanvas" in window)) return false;
    this.#scrambled ??= scrambles();
    return this.#scrambled;
  }

  /** The devices that are asked for; of the others nothing need be allowed. */
  get #asked() {
    return { ...this.#devices, ...Object.fromEntries(this.unasked.map((name) => [name, {}])) };
  }

  #microphone() {
    const row = judgeDevice("microphone", this.#devices.microphone);
    if (row.state !== "ready") return row;
    if (this.sound.waiting) return { state: "waiting", text: texts.check.microphone.blocked };
    const level = this.#hearing.row;
    return { ...level, text: texts.check.microphone.named(row.text, level.text) };
  }

  #judge() {
    this.#look();
    const { videoWidth, videoHeight } = this.video;
    const scrambled = this.#scrambles();
    const size = videoWidth ? `${videoWidth} × ${videoHeight}` : "";
    this.rows = asAsked(oneCause({
      camera: judgeDevice("camera", { ...this.#devices.camera, size }),
      microphone: this.#microphone(),
      light: judgeLight(scrambled ? null : this.#light()),
      face: judgeFace(scrambled ? null : this.#face),
      network: judgeNetwork(this.#trips, this.#kbps, this.#sockets),
      browser: judgeBrowser(window, scrambled, this.#loaded),
    }, { unseen: scrambled }), this.unasked, this.#devices);
    if (this.screen) this.rows.screen = judgeScreen(this.capture, this.screen);
    if (this.share) this.share.hidden = !this.screen.supported || this.rows.screen.detail === "shared";
    for (const [name, row] of Object.entries(this.rows)) this.#draw(name, row);
    drawAllow(this.#asked);
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
    const usual = this.resuming ? check.resume : this.pictures ? check.toPictures : check.start;
    setText(start, may === "without_microphone" && !this.pictures ? check.withoutMicrophone : usual);
    if (this.rehearsal) {
      setText(start, check.rehearse);
      const waiting = states.includes("waiting") && this.#trips === null;
      if (waiting) start.setAttribute("aria-disabled", "true");
      else start.removeAttribute("aria-disabled");
    }
    byId("check-again").hidden = !states.some((state) => state === "not_ready" || state === "warning");
    setText(byId("check-hint"), hintOf(may, this.rows));
    const next = nextOf(may, this.rows, { refused: isRefused(this.#asked), canShare: this.screen?.supported });
    for (const [name, button] of Object.entries({ start, again: byId("check-again"), share: this.share })) button?.classList.toggle("primary", name === next);
  }
}
