// The exam: everything that runs while a student is recorded, and the slim bar that shows it.

import { ActQueue } from "../sending/act-queue.js";
import { openActStore } from "../sending/act-store.js";
import { ActWatch } from "../sending/acts.js";
import { linkAddress } from "../sending/link-address.js";
import { Link } from "../sending/link.js";
import { Sending } from "../sending/sending.js";
import { Way } from "../sending/way.js";
import { accommodationWords } from "../shared/accommodations.js";
import { call } from "../shared/api.js";
import { answerOf, byId } from "../shared/dom.js";
import { AskedPicture } from "./asked-picture.js";
import { BreakControl } from "./break.js";
import { Calls } from "./calls.js";
import { judgeSharing } from "./checks.js";
import { DeviceDialog } from "./device-dialog.js";
import { ExamBar } from "./exam-bar.js";
import { ExamDevices } from "./exam-devices.js";
import { ExamPage } from "./exam-page.js";
import { ExamPassword } from "./exam-password.js";
import { Messages } from "./messages.js";
import { Notices } from "./notices.js";
import { Outside } from "./outside.js";
import { Presence } from "./presence.js";
import { isFinal } from "./said.js";
import { SmallWindow } from "./small-window.js";
import { texts as outsideTexts } from "./texts-outside.js";
import { TimeLeft } from "./time-left.js";
import { texts } from "./texts.js";

const TICK_MS = 100;
const ENDING = "portal.ending"; // in the tab's storage: the session that its student has ended

export class ExamStep {
  #paused = false;
  #offline = false; // from the loss of a connection until it is open again
  #ending = false;
  #blind = false; // what makes the pictures could not be loaded
  #over = new AbortController();

  constructor({ onDone, onDifferent = () => {} }) {
    Object.assign(this, { onDone, onDifferent });
    this.video = byId("exam-video");
    this.bar = new ExamBar(this.video);
    byId("exam-end").addEventListener("click", () => this.#askEnd());
    this.notices = new Notices();
    this.time = new TimeLeft((code, text) => this.notices.set(code, text));
    this.devices = new ExamDevices(this.video, this.notices);
    this.page = new ExamPage((document) => this.acts.hear(document));
    this.asked = new AskedPicture();
    this.password = new ExamPassword(this.notices, () => call("/api/student/password", { token: this.token }));
    this.messages = new Messages((id) => this.link.read(id), (message) => this.#answerAsked(message));
    this.breaks = new BreakControl((on) => {
      const said = this.link.takeBreak(on);
      this.notices.set("break", said ? null : texts.exam.breakLater);
      return said;
    });
    this.calls = new Calls((text) => this.link.call(text), (text) => this.notices.set("call", text));
    this.dialog = new DeviceDialog(this.devices);
    this.small = new SmallWindow();
    this.outside = new Outside(window);
    document.getElementById("exam-share")?.addEventListener("click", () => this.acts.hold(this.screen.ask()));
    this.leaving = (event) => {
      event.preventDefault();
      this.acts.hold();
    };
  }

  /** Go: `devices` is what the check opened, `{camera, microphone, sound, screen, kbits, blocked}`, and where the page runs, `seb`. When it throws, nothing is left running. */
  async open(session, token, devices) {
    try {
      await this.#open(session, token, devices);
    } catch (error) {
      for (const { track } of [devices.camera, devices.microphone]) track?.stop();
      this.#close();
      throw error;
    }
  }

  async #open(session, token, { camera, microphone, sound, seb, screen = null, kbits = 0, blocked = false }) {
    Object.assign(this, { session, token, sound, screen });
    this.#over = new AbortController();
    const { signal } = this.#over;
    this.breaks.allow(session.breaks_left);
    this.bar.open(session);
    this.time.hear({ left_s: session.time_left_s ?? null });
    this.page.lead(session);
    this.queue = new ActQueue(await openActStore(), session.session_id);
    await this.queue.load().catch((error) => console.warn("Earlier acts can't be read.", error));
    const onStep = (step) => {
      this.notices.cut = step === "acts";
      this.notices.set("slow", texts.exam.slow[step]);
    };
    this.#blind = false;
    const onLoaded = (loaded) => {
      this.#blind = !loaded;
      this.notices.set("pictures", loaded ? null : texts.exam.picturesNotLoaded);
    };
    this.sending = new Sending(this.video, { onStep, onLoaded }, session.video ?? {}, kbits);
    this.way = new Way(token, { blocked, onWebSocket: () => this.link.hurry() });
    this.link = new Link(linkAddress(), this.queue, {
      state: (state, end) => this.#linkState(state, end),
      welcome: (message) => this.#welcome(message),
      rate: (message) => this.sending.rate(message),
      key: () => this.sending.key(),
      quality: ({ notices }) => this.notices.quality(notices ?? []),
      message: (message) => this.messages.hear(message),
      pause: (message) => this.#setPaused(message),
      call: (message) => this.calls.hear(message),
      time: (message) => this.time.hear(message),
      different: (message) => this.#setDifferent(message),
      seb: () => seb.kept(),
      error: (message) => this.#refused(message),
    }, { open: (address) => seb.open(address, this.way) });
    seb.onState = (text) => this.notices.set("seb", text);
    this.sending.link = this.link;
    sound.onSound = (heard) => this.#heard(heard); // before there is a link, what the check heard leads nowhere
    this.devices.unask(session.not_asked ?? []);
    const blurLeast = 1000 * document.body.dataset.blurMinS;
    const elsewhere = () => this.outside.isOn || this.page.mayHaveFocus;
    this.acts = new ActWatch(window, (act) => this.link.act(act), { blurLeast, elsewhere });
    this.outside.watch((act) => !this.#paused && this.link.act(act), (lost) => this.notices.set("outside", lost ? outsideTexts.lost : null));
    await this.devices.open({ camera, microphone }, { sound, tell: (...device) => this.link.device(...device), hold: (asking) => this.acts.hold(asking) });
    this.#watchScreen();
    this.presence = new Presence(document, () => this.devices.cameraName, (page) => this.link.page(page), { elsewhere: () => this.outside.isThere ?? (this.page.mayHaveFocus || null) });
    document.addEventListener("visibilitychange", () => this.presence.tell(), { signal });
    addEventListener("beforeunload", this.leaving, { signal });
    addEventListener("online", () => this.link.hurry(), { signal });
    navigator.mediaDevices?.addEventListener?.("devicechange", () => this.devices.hurry(), { signal });
    await this.#startTimer(Math.min(TICK_MS, 1000 / (session.video?.fps || 10)));
    this.page.tick();
    this.acts.start();
    if (sessionStorage.getItem(ENDING) === session.session_id) this.#end();
    this.link.connect();
  }

  /** Without its ticks the page would show a running exam in which nothing goes on: a line lost while they are loaded ends the start. */
  async #startTimer(period) {
    this.timer = new Worker(new URL("../sending/worker-timer.js", import.meta.url));
    await new Promise((resolve, reject) => {
      this.timer.onmessage = resolve;
      this.timer.onerror = () => reject(new Error(texts.who.unreachable));
      this.timer.postMessage({ period });
    });
    this.timer.onmessage = () => this.#tick();
  }

  #tick() {
    this.link.tick();
    this.way.tick();
    this.page.tick();
    this.acts.look();
    this.outside.tick();
    this.devices.look();
    this.presence.tick();
    this.sending.blind = !this.devices.gives("camera");
    this.sending.tick();
    const still = this.sending.screen;
    if (!this.#paused && this.link.isFree && still) this.screen?.tick(({ bytes, time }) => this.link.still(bytes, time), still);
    this.devices.tick();
    const gives = { camera: this.devices.gives("camera") && !this.#blind, microphone: this.devices.gives("microphone") };
    if (this.bar.set({ stalled: this.link.isStalled, ...gives })) this.#tellLine();
    if (!document.hidden) this.bar.drawTime();
    this.time.draw();
  }

  #heard({ samples, time, level }) {
    if (!this.devices.gives("microphone")) return;
    this.bar.level(level);
    this.sending.sound(samples, time);
  }

  // The link's messages

  #welcome({ elapsed_s: elapsed, video }) {
    this.bar.since(elapsed);
    this.calls.hear({ call: null }); // a call that waits is told after this
    this.notices.set("seb", null);
    if (video) {
      this.sending.welcome(video);
      this.timer?.postMessage({ period: Math.min(TICK_MS, 1000 / (video.fps || 10)) });
    }
    this.devices.tellAll();
    this.presence.tell();
    if (this.devices.gives("camera") && (this.sending.frozen || this.sending.gives)) this.sending.tellFrozen();
  }

  #linkState(state, end) {
    if (state === "waiting") this.#offline = true;
    else if (state !== "connecting") this.#offline = false;
    if (state === "open") this.way.opened();
    if (state === "open") this.page.begin();
    if (state === "open") this.password.look();
    this.bar.set({ link: state, offline: this.#offline, slower: this.way.isByHttp });
    this.#tellLine();
    if (state === "open") this.notices.set("break", null);
    else this.breaks.settle();
    if (state === "waiting") this.sending.lost();
    if (["ended", "replaced", "refused"].includes(state)) this.#stop(state, end);
    else if (state === "waiting") this.#askWhy();
  }

  /** What is to come of a lost line is the exam, or its end; never both. */
  #tellLine() {
    const { isOffline } = this.bar;
    this.page.line(isOffline);
    this.notices.set("offline", isOffline && !this.#ending ? texts.exam.offline : null);
    this.notices.set("ending", this.#ending ? texts.exam.ending[isOffline ? "waits" : "now"] : null);
  }

  /** A refused socket does not say why; the session does: it may have ended meanwhile, or the token with it. */
  async #askWhy() {
    try {
      const { state, end_code: code, end_note: note } = await call("/api/student/session", { token: this.token });
      if (state !== "running") this.link.close("ended", { code, note });
    } catch (error) {
      if (isFinal(error)) this.link.close("refused");
    }
  }

  #setPaused(message) {
    this.#paused = Boolean(message.paused);
    this.sending.paused = this.#paused;
    this.acts.pause(this.#paused);
    this.breaks.hear(message);
    this.notices.set("break", null);
    this.bar.set({ paused: this.#paused });
  }

  /** What is different for the student was changed: the page shows it from now on, and says so once, whatever connection brings it again. */
  #setDifferent({ accommodation, watched, not_asked: unasked = [], breaks_left: left }) {
    const words = accommodationWords(accommodation ?? {});
    const before = accommodationWords(this.session.accommodation ?? {});
    Object.assign(this.session, { accommodation, not_asked: unasked, rules: { ...this.session.rules, watched } });
    this.breaks.allow(left);
    this.devices.unask(unasked);
    if (words.join("\n") === before.join("\n")) return;
    this.onDifferent();
    this.notices.set("different", texts.exam.different(words), { text: texts.exam.understood, does: () => this.notices.set("different", null) });
  }

  #refused({ code, message, about }) {
    if (about === "break") {
      this.breaks.settle();
      this.notices.set("break", texts.exam.breakRefused(message));
    } else if (about === "call") this.calls.failed(message);
    else console.warn("The server says:", code, message);
  }

  /** The dialog is the page's own: while it is open the student has not left. */
  #answerAsked(message) {
    return this.asked.answer(message, { token: this.token, track: this.devices.gives("camera") ? this.devices.track("camera") : null });
  }

  // The shared screen

  #watchScreen() {
    if (!this.screen) return;
    const wanted = document.body.dataset.screenCapture;
    const { ok: began, whole } = judgeSharing(wanted, this.screen);
    const button = document.getElementById("exam-share"); // there only where the exam asks for a screen
    button.hidden = whole;
    this.bar.shared(began);
    const device = { state: began ? "ok" : "", reason: "" };
    if (began) this.devices.set("screen", device);
    this.screen.onChange = () => {
      const now = judgeSharing(wanted, this.screen);
      button.hidden = now.whole;
      this.bar.shared(now.ok);
      this.notices.set("screen", now.text);
      const state = now.ok ? "ok" : "ended";
      const reason = now.ok ? "" : this.screen.shared ? "not_whole" : "share_stopped";
      if ((state === device.state && reason === device.reason) || (!device.state && !now.ok)) return;
      if (device.state === "ok" && !now.ok) this.acts.told("share_stopped");
      this.devices.set("screen", Object.assign(device, { state, reason }));
      this.link.device("screen", state, reason);
    };
  }

  // The end

  async #askEnd() {
    if (!this.#ending && (await answerOf(byId("end-dialog"))) === "end") this.#end();
  }

  #end() {
    sessionStorage.setItem(ENDING, this.session.session_id);
    this.#ending = true;
    byId("exam-end").setAttribute("aria-disabled", "true");
    this.link.end();
    this.#tellLine();
  }

  #stop(state, end) {
    this.#close();
    sessionStorage.removeItem(ENDING);
    this.page.close();
    // Of an exam that broke off nothing is forgotten: it can go on, and takes what waits then.
    if (state === "ended" && ["student", "platform"].includes(end?.code)) this.queue.clear().catch((error) => console.warn("Old acts stay stored.", error));
    if (byId("end-dialog").open) byId("end-dialog").close();
    for (const part of [this.calls, this.dialog, this.asked, this.small, this.time]) part.close();
    this.onDone(state, end);
  }

  #close() {
    this.bar.set({ running: false });
    this.#over.abort();
    this.timer?.terminate();
    this.acts?.stop();
    this.outside.rest();
    this.sending?.close();
    this.devices.close();
    this.sound.close();
    this.screen?.close();
  }
}
