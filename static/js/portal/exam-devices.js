// Camera and microphone in an exam: what each of them does, what the student is told of it, and asking again for one that is lost.

import { openCamera, openMicrophone, stateOf, troubleOf, watchPermission, watchTrack } from "../sending/devices.js";
import { texts } from "./texts.js";

const REOPEN_MS = 3000;
const OPEN = { camera: openCamera, microphone: openMicrophone };

export class ExamDevices {
  #devices = { camera: { state: "starting", reason: "" }, microphone: { state: "starting", reason: "" } };
  #running = false;
  #reopenAt = 0;
  #opening = false;
  #again = new Set(); // devices to be tried again although they were refused
  #refuses = {}; // by device: does the browser refuse it, and tell of a change?
  #tracks = {};
  #unasked = new Set(); // devices without which the exam goes on as well

  /** `video` shows the camera; `notices` tell the student. */
  constructor(video, notices) {
    Object.assign(this, { video, notices });
    for (const name of ["camera", "microphone"]) this.#refuses[name] = watchPermission(name, () => this.#allowed(name));
  }

  /**
   * Go on with what the check opened. `sound` listens to the microphone; `tell(name, state, reason)` tells the server; `hold(asking)` is called
   * while the browser may ask the student, so that a lost focus is not held against anybody.
   */
  async open({ camera, microphone }, { sound, tell, hold }) {
    Object.assign(this, { sound, tell, hold });
    await this.#take("camera", camera);
    await this.#take("microphone", microphone, { listening: true });
    this.#running = true;
  }

  /** Another device as it is now: what the server is told after each connection. */
  set(name, device) {
    this.#devices[name] = device;
  }

  /** These are not asked for, all others are: nothing is said of what they lack, and nobody looks for them again. */
  unask(names) {
    this.#unasked = new Set(names);
    if (!this.#running) return;
    for (const name of Object.keys(OPEN)) this.#tellDevice(name);
    this.tellAll(); // the server knows those that are asked for again as nothing but off
  }

  tellAll() {
    for (const [name, { state, reason }] of Object.entries(this.#devices)) this.tell(name, state, reason);
  }

  /** Whether a device gives something: of a track that has ended the browser goes on giving silence, and a last picture. */
  gives(name) {
    const track = this.#tracks[name];
    return this.#devices[name].state === "ok" && track?.readyState === "live" && !track.muted;
  }

  /** The camera's name; empty where there is none. */
  get cameraName() {
    return this.#tracks.camera?.label ?? "";
  }

  /** The track of `name` that is used now; null where none is. */
  track(name) {
    return this.#tracks[name] ?? null;
  }

  /** The student has chosen another device: it takes the place of the one that is used, which stays where the other can't be had. */
  async change(name) {
    if (!this.#running || this.#opening) return;
    this.#opening = true;
    const before = this.#tracks[name];
    try {
      const opened = OPEN[name]();
      this.hold(opened); // the browser may ask
      const track = await opened;
      if (this.#running) {
        await this.#take(name, { track });
        before?.stop();
      } else track.stop();
    } catch (error) {
      console.info(`The other ${name} can't be had.`, error.name);
    }
    this.#opening = false;
  }

  /** At every tick: a track can end, or be muted, without a word. */
  look() {
    for (const [name, track] of Object.entries(this.#tracks)) {
      if (this.#devices[name].state !== "ok") continue;
      if (track.readyState === "ended") this.#deviceIs(name, "lost", "device_ended");
      else if (track.muted) this.#deviceIs(name, "off", "turned_off");
    }
  }

  /** Look again at once: something was plugged in or out. */
  hurry() {
    this.#reopenAt = 0;
  }

  close() {
    this.#running = false;
    for (const track of Object.values(this.#tracks)) track.stop();
    this.#tracks = {};
    this.video.srcObject = null;
  }

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
    const muted = track.muted ? ["off", "turned_off"] : ["ok", ""];
    this.#deviceIs(name, ...(track.readyState === "ended" ? ["lost", "device_ended"] : muted));
  }

  #deviceIs(name, state, reason) {
    const device = this.#devices[name];
    if (device.state === state && device.reason === reason) return;
    Object.assign(device, { state, reason });
    if (name === "camera" && !["ok", "off"].includes(state)) this.video.srcObject = null; // else its last picture would go on being sent
    this.tell(name, state, reason);
    this.#tellDevice(name);
    this.#reopenAt = performance.now() + REOPEN_MS;
  }

  /** A notice for a device that gives nothing, with a button where nobody but the student can know when to try again. */
  #tellDevice(name) {
    const { state, reason } = this.#devices[name];
    if (state === "starting") return;
    if (this.#unasked.has(name)) {
      this.notices.set(name, null);
      return;
    }
    const trouble = troubleOf(state, reason);
    const waits = state === "denied" && (trouble === "denied_by_system" || !this.#refuses[name]());
    const action = waits ? { text: texts.exam.tryAgain, does: () => this.#allowed(name) } : null;
    this.notices.set(name, state === "ok" ? null : texts.exam[name][trouble], action);
  }

  /** The student has allowed it, or says so. */
  #allowed(name) {
    if (!this.#running || this.#devices[name].state !== "denied") return;
    this.#again.add(name);
    this.#reopenAt = 0;
  }

  /** Lost devices are asked for again every few seconds; a refused one once the student has allowed it. */
  async tick() {
    if (this.#opening || performance.now() < this.#reopenAt) return;
    this.#reopenAt = performance.now() + REOPEN_MS;
    this.notices.set("sound", this.sound.waiting && this.#devices.microphone.state === "ok" ? texts.exam.soundWaits : null);
    this.#opening = true;
    for (const [name, open] of Object.entries(OPEN)) {
      this.#tellDevice(name);
      const again = this.#again.delete(name);
      if (!again && (this.#unasked.has(name) || !["lost", "missing"].includes(this.#devices[name].state))) continue;
      try {
        const opened = open();
        if (again) this.hold(opened); // the browser may ask
        const track = await opened;
        if (!this.#running) {
          track.stop();
          break;
        }
        await this.#take(name, { track });
      } catch (error) {
        this.#deviceIs(name, stateOf(error.failure), error.failure ?? "failed");
      }
    }
    this.#opening = false;
  }
}
