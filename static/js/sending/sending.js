// What leaves the page while an exam runs: pictures and sound, as many as the network takes.

import { Ladder } from "./ladder.js";
import { OpusEncoder } from "./opus-encoder.js";
import { Pictures } from "./pictures.js";

const SCREEN = { full: { widest: 1280, quality: 0.5 }, lower: { widest: 960, quality: 0.4 } }; // stills of the screen, by the ladder's step: 60 to 120 KB, 30 to 60 KB
const LAST = "portal.step"; // in the tab's storage: what a reloaded page goes on with

export class Sending {
  #ladder = new Ladder();
  #video = {}; // what the server asked for
  #fps = Infinity; // what it can read at the moment
  #opusOn = false;
  #held = null; // sound that waits until the last of the Opus before it is out
  #applied = "";

  /**
   * `video` plays the camera; `onStep(name)` is told how much is sent: a name of the ladder's steps; `onLoaded(loaded)` whether what makes the pictures
   * could be loaded. `asked` is the session's own answer, as `welcome`
   * takes it; `kbits` what the check saw the network carry, 0 where it saw none. `link` must be set before anything is sent.
   */
  constructor(video, { onStep, onLoaded }, asked = {}, kbits = 0) {
    this.onStep = onStep;
    this.link = null;
    this.paused = false;
    this.blind = false; // the camera gives nothing: its last picture is none of now
    this.frozen = false;
    this.gives = false; // the camera gives new pictures, whether they differ or not
    this.pictures = new Pictures(video, (picture) => this.#picture(picture), (frozen, gives) => {
      Object.assign(this, { frozen, gives });
      this.tellFrozen();
    }, onLoaded);
    this.opus = new OpusEncoder(
      (payload, time) => this.link.sound(payload, time, "opus"),
      () => {
        this.#ladder.can.opus = false;
        this.#opusOn = false;
      },
    );
    OpusEncoder.canEncode().then((can) => {
      this.#ladder.can.opus = can;
    });
    this.welcome(asked);
    this.#ladder.can = { h264: this.#mayH264, opus: "AudioEncoder" in globalThis }; // as likely; what fails says so
    this.#ladder.begin({ kbits, last: sessionStorage.getItem(LAST) });
    this.#stepped();
  }

  /** The server's welcome: `{fps, width, height, quality, codecs, bitrate, still_s}`. */
  welcome(video) {
    this.#video = video;
    this.#fps = video.fps ?? Infinity;
    this.pictures.needKey();
    this.#apply();
  }

  /** Say that the camera's picture stands still, or moves again, and whether new ones come: of H.264 the server can't tell. */
  tellFrozen() {
    this.link.device("camera", this.frozen ? "frozen" : "ok", "", { gives: this.gives });
  }

  /** The connection was lost. */
  lost() {
    this.#ladder.restart(performance.now());
  }

  /** The server asks for fewer pictures, or for more again. */
  rate({ fps }) {
    this.#fps = fps;
    this.#apply();
  }

  key() {
    this.pictures.needKey();
  }

  /** How stills of the shared screen are to be, `{widest, quality}`; undefined while there is no room for them. */
  get screen() {
    return SCREEN[this.#ladder.step.name];
  }

  /** At every tick. */
  tick() {
    this.#ladder.can.h264 = this.#mayH264;
    const held = !this.paused && !this.blind && !this.link.isFree && this.pictures.isDue;
    if (this.link.isOpen && this.#ladder.observe(performance.now(), { held, ...this.link.underWay })) this.#stepped();
    this.link.room = this.#ladder.room;
    this.#apply();
    if (!this.paused && !this.blind) this.pictures.tick(this.link.isFree);
    else this.pictures.needKey();
  }

  /** Int16 samples at 16 kHz, heard from `time` (page ms) on. */
  sound(samples, time) {
    if (this.paused) return;
    const { step } = this.#ladder;
    if (step.sound && step.opus && this.#ladder.can.opus && !this.#held) {
      this.#opusOn = true;
      this.opus.take(samples, time, step.opus);
      return;
    }
    if (this.#opusOn) this.#endOpus();
    if (!step.sound) return;
    if (this.#held) this.#held.push([samples, time]);
    else this.link.sound(samples, time);
  }

  close() {
    this.pictures.close();
    if (this.#opusOn) this.opus.finish();
  }

  #endOpus() {
    this.#opusOn = false;
    this.#held = [];
    this.opus.finish().finally(() => {
      for (const [samples, time] of this.#held) this.link.sound(samples, time);
      this.#held = null;
    });
  }

  #picture({ bytes, time, ...about }) {
    if (this.paused) this.pictures.needKey();
    else if (!this.link.picture(bytes, time, about)) this.pictures.needKey();
  }

  get #mayH264() {
    return this.pictures.mayH264 && Boolean(this.#video.codecs?.includes("h264"));
  }

  #stepped() {
    const { name } = this.#ladder.step;
    this.#apply();
    sessionStorage.setItem(LAST, name);
    this.onStep(name);
  }

  #apply() {
    const { step } = this.#ladder;
    const { width = 640, height = 480, quality = 0.6, bitrate = 0, codecs = ["jpeg"], still_s: stillS = 1.5 } = this.#video;
    const h264 = codecs.includes("h264");
    const wanted = {
      fps: Math.min(this.pictures.codec === "h264" && step.bitrate ? step.fps : step.jpegFps, this.#fps, this.#video.fps ?? Infinity),
      width: Math.min(width, step.width),
      height: Math.min(height, step.height),
      quality: Math.min(quality, step.quality),
      bitrate: h264 ? Math.min(bitrate, step.bitrate) : 0,
      layers: step.layers,
      stillMs: 1000 * stillS,
    };
    const now = JSON.stringify(wanted);
    if (now === this.#applied) return;
    this.#applied = now;
    this.pictures.want(wanted);
  }
}
