// The exam: everything that runs while a student is recorded, and the slim bar that shows it.

import { ActQueue } from "./act-queue.js";
import { openActStore } from "./act-store.js";
import { ActWatch } from "./acts.js";
import { call } from "./api.js";
import { spellSeconds } from "./clock.js";
import { openCamera, openMicrophone, stateOf, watchPermission, watchTrack } from "./devices.js";
import { byId, levelShare, make, setShare, setText } from "./dom.js";
import { Link } from "./link.js";
import { BreakControl } from "./portal-break.js";
import { Sending } from "./sending.js";
import { texts } from "./texts.js";

const TICK_MS = 100;
const REOPEN_MS = 3000;
const NOTICE_OWN = ["camera", "microphone", "sound", "offline", "slow"];

export class ExamStep {
  #devices = { camera: { state: "starting", reason: "" }, microphone: { state: "starting", reason: "" } };
  #elapsed = null; // {seconds, at}: the session's age when the page's clock stood at `at`
  #notices = new Map();
  #paused = false;
  #recording = false;
  #wantsEnd = false;
  #reopenAt = 0;
  #opening = false;
  #tracks = {};

  constructor({ onDone }) {
    this.onDone = onDone;
    this.video = byId("exam-video");
    byId("exam-self").addEventListener("click", () => this.#toggleSelf());
    byId("exam-end").addEventListener("click", () => byId("end-dialog").showModal());
    byId("end-dialog").addEventListener("close", () => {
      if (byId("end-dialog").returnValue === "end") this.#end();
    });
    this.breaks = new BreakControl((on) => this.link.takeBreak(on) || this.#notice("offline", texts.exam.offline));
    document.getElementById("exam-share")?.addEventListener("click", () => this.screen.ask());
    this.leaving = (event) => {
      event.preventDefault();
      this.acts.hold();
    };
  }

  /** Go: `devices` is what the check opened, `{camera, microphone, sound}`. */
  async open(session, token, { camera, microphone, sound, screen = null }) {
    Object.assign(this, { session, token, screen });
    this.breaks.allow(session.breaks_left);
    this.sound = sound;
    this.queue = new ActQueue(await openActStore(), session.session_id);
    await this.queue.load().catch((error) => console.warn("Earlier acts can't be read.", error));
    this.sending = new Sending(this.video, (step) => this.#notice("slow", texts.exam.slow[step]));
    this.sending.welcome(session.video ?? {});
    this.link = new Link(linkAddress(token), this.queue, {
      state: (state) => this.#linkState(state),
      welcome: (message) => this.#welcome(message),
      rate: (message) => this.sending.rate(message),
      key: () => this.sending.key(),
      late: (message) => this.sending.late(message),
      quality: ({ notices }) => this.#serverNotices(notices ?? []),
      message: (message) => this.#message(message),
      pause: (message) => this.#setPaused(message),
      error: (message) => this.#refused(message),
    });
    this.sending.link = this.link;
    sound.onSound = (heard) => this.#heard(heard); // before there is a link, what the check heard leads nowhere
    this.acts = new ActWatch(window, (act) => !this.#paused && this.link.act(act));
    await this.#take("camera", camera);
    await this.#take("microphone", microphone, { listening: true });
    this.#watchScreen();
    this.#recording = true;
    addEventListener("beforeunload", this.leaving);
    addEventListener("online", () => this.link.drop());
    navigator.mediaDevices?.addEventListener?.("devicechange", () => {
      this.#reopenAt = 0;
    });
    for (const name of Object.keys(this.#devices)) watchPermission(name, () => this.#allowed(name));
    this.#watchFrame();
    this.acts.start();
    this.link.connect();
    this.timer = new Worker(new URL("./worker-timer.js", import.meta.url));
    this.timer.onmessage = () => this.#tick();
    this.timer.postMessage({ period: Math.min(TICK_MS, 1000 / (session.video?.fps || 10)) });
  }

  #tick() {
    this.link.tick();
    this.acts.look();
    this.sending.tick();
    if (!this.#paused && this.link.isFree && this.sending.roomy) this.screen?.tick(({ bytes, time }) => this.link.still(bytes, time));
    this.#reopen();
    if (!document.hidden) this.#drawTime();
  }

  #heard({ samples, time, level }) {
    setShare(byId("exam-meter"), levelShare(level));
    this.sending.sound(samples, time);
  }

  // Devices

  async #take(name, { track, failure }, { listening = false } = {}) {
    if (!track) {
      this.#deviceIs(name, stateOf(failure), failure ?? "failed");
      return;
    }
    this.#tracks[name] = track;
    watchTrack(track, (state, reason) => track === this.#tracks[name] && this.#deviceIs(name, state, reason));
    if (name === "camera") {
      this.video.srcObject = new MediaStream([track]);
      await this.video.play().catch((error) => console.warn("The self view does not play.", error));
    } else if (!listening) {
      await this.sound.listen(track);
    }
    this.#deviceIs(name, track.readyState === "ended" ? "lost" : "ok", "");
  }

  #deviceIs(name, state, reason) {
    const device = this.#devices[name];
    if (device.state === state && device.reason === reason) return;
    Object.assign(device, { state, reason });
    this.link?.device(name, state, reason);
    const failure = { denied: "denied", missing: "missing", busy: "busy" }[reason] ?? { denied: "denied", missing: "missing" }[state] ?? "lost";
    this.#notice(name, state === "ok" ? null : texts.exam[name] + texts.check[name][failure]);
    this.#reopenAt = performance.now() + REOPEN_MS;
  }

  #allowed(name) {
    if (!this.#recording || this.#devices[name].state !== "denied") return;
    this.#deviceIs(name, "lost", "allowed, and being opened");
    this.#reopenAt = 0;
  }

  /** Lost devices are asked for again every few seconds; a refused one once the student has allowed it. */
  async #reopen() {
    if (this.#opening || performance.now() < this.#reopenAt) return;
    this.#reopenAt = performance.now() + REOPEN_MS;
    this.#notice("sound", this.sound.waiting && this.#devices.microphone.state === "ok" ? texts.exam.soundWaits : null);
    this.#opening = true;
    for (const [name, open] of [["camera", openCamera], ["microphone", openMicrophone]]) {
      if (!["lost", "missing"].includes(this.#devices[name].state)) continue;
      try {
        await this.#take(name, { track: await open() });
      } catch (error) {
        this.#deviceIs(name, stateOf(error.failure), error.failure ?? "failed");
      }
    }
    this.#opening = false;
  }

  // The link's messages

  #welcome({ elapsed_s: elapsed, video }) {
    if (typeof elapsed === "number") this.#elapsed = { seconds: elapsed, at: performance.now() };
    if (video) {
      this.sending.welcome(video);
      this.timer?.postMessage({ period: Math.min(TICK_MS, 1000 / (video.fps || 10)) });
    }
    for (const [name, { state, reason }] of Object.entries(this.#devices)) this.link.device(name, state, reason);
    if (this.sending.frozen) this.sending.tellFrozen();
    if (this.#wantsEnd) this.link.end();
  }

  #linkState(state) {
    byId("exam-bar").dataset.link = state;
    setText(byId("exam-connection"), texts.exam.connection[state]);
    this.#notice("offline", state === "waiting" ? texts.exam.offline : null);
    if (state === "waiting") this.sending.lost();
    this.#drawRecording();
    if (["ended", "replaced", "refused"].includes(state)) this.#stop(state);
    else if (state === "waiting") this.#askWhy();
  }

  /** A refused socket does not say why; the session does: it may have ended meanwhile, or the token with it. */
  async #askWhy() {
    try {
      const { state } = await call("/api/student/session", { token: this.token });
      if (state !== "running") this.link.close("ended");
    } catch (error) {
      if ([401, 403, 404].includes(error.status)) this.link.close("refused");
    }
  }

  #serverNotices(notices) {
    for (const code of [...this.#notices.keys()]) if (code.startsWith("server:")) this.#notices.delete(code);
    for (const notice of notices) {
      const code = notice.code ?? notice; // a plain code, or one with its text
      const text = notice.text ?? texts.exam.quality[code];
      if (text) this.#notices.set(`server:${code}`, text);
    }
    this.#drawNotices();
  }

  #message({ id, text, from, level }) {
    const list = byId("exam-messages");
    if (id && [...list.children].some(({ dataset }) => dataset.id === id)) return; // it is said again after a break of the connection
    const warning = level === "warning";
    const item = make(
      "li",
      { class: "message", "data-level": level, "data-id": id },
      make("p", { class: "message-from", text: (warning ? texts.exam.warningFrom : texts.exam.from)(from === "proctor" ? "" : from) }),
      make("p", { text }),
      make("button", { type: "button", class: "quiet", text: texts.exam.read, onclick: () => item.remove() }),
    );
    list.append(item);
  }

  #setPaused(message) {
    this.#paused = Boolean(message.paused);
    this.sending.paused = this.#paused;
    this.breaks.hear(message);
    this.#notice("break", null);
    this.#drawRecording();
  }

  #refused({ code, message, about }) {
    if (about === "break") this.#notice("break", texts.exam.breakRefused(message));
    else console.warn("The server says:", code, message);
  }

  // The shared screen

  #watchScreen() {
    if (!this.screen) return;
    const button = document.getElementById("exam-share");
    const is = (state, reason) => {
      this.#devices.screen = { state, reason };
      this.link.device("screen", state, reason);
    };
    let shared = Boolean(this.screen.shared);
    if (shared) is("ok", "");
    button.hidden = shared;
    this.screen.onChange = () => {
      const now = Boolean(this.screen.shared);
      button.hidden = now;
      this.#notice("screen", now || document.body.dataset.screenCapture !== "required" ? null : texts.exam.screenStopped);
      if (now !== shared) is(now ? "ok" : "ended", now ? "" : "the sharing stopped");
      if (shared && !now) this.acts.told("share_stopped");
      shared = now;
    };
  }

  // The end

  #end() {
    if (this.link.end()) return;
    this.#wantsEnd = true;
    this.#notice("offline", texts.exam.endWaits);
  }

  #stop(state) {
    this.#recording = false;
    removeEventListener("beforeunload", this.leaving);
    this.timer?.terminate();
    this.acts.stop();
    this.sending.close();
    for (const track of Object.values(this.#tracks)) track.stop();
    this.#tracks = {};
    this.video.srcObject = null;
    this.sound.close();
    this.screen?.close();
    if (state === "ended") this.queue.clear().catch((error) => console.warn("Old acts stay stored.", error));
    if (byId("end-dialog").open) byId("end-dialog").close();
    this.onDone(state);
  }

  // What is shown

  #notice(code, text) {
    if (text) this.#notices.set(code, text);
    else this.#notices.delete(code);
    this.#drawNotices();
  }

  #drawNotices() {
    const list = byId("exam-notices");
    const shown = new Map([...list.children].map((item) => [item.dataset.code, item]));
    for (const [code, item] of shown) if (!this.#notices.has(code)) item.remove();
    for (const [code, text] of this.#notices) {
      const item = shown.get(code) ?? list.appendChild(make("li", { "data-code": code, "data-own": NOTICE_OWN.includes(code) }));
      setText(item, text);
    }
  }

  #drawRecording() {
    const live = this.#recording && this.link.isOpen && !this.#paused;
    byId("exam-bar").toggleAttribute("data-recording", live);
    let words = texts.exam.notRecording;
    if (this.#paused) words = texts.exam.paused;
    else if (live) words = texts.exam.recording;
    setText(byId("exam-recording"), words);
  }

  #drawTime() {
    if (!this.#elapsed) return;
    setText(byId("exam-time"), spellSeconds(this.#elapsed.seconds + (performance.now() - this.#elapsed.at) / 1000));
  }

  #toggleSelf() {
    const hidden = this.video.classList.toggle("is-tucked");
    byId("exam-self").setAttribute("aria-expanded", String(!hidden));
    setText(byId("exam-self").querySelector("span"), hidden ? texts.exam.showSelf : texts.exam.hideSelf);
  }

  /** The exam in its frame: copy and paste are heard there too where it is of our own address; elsewhere the browser keeps them to itself. */
  #watchFrame() {
    const frame = document.getElementById("exam-frame");
    frame?.addEventListener("load", () => {
      if (frame.contentDocument) this.acts.hear(frame.contentDocument);
    });
  }
}

function linkAddress(token) {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  return `${scheme}//${location.host}/student/link?token=${encodeURIComponent(token)}`;
}
