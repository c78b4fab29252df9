// How much the page sends: steps down while the network does not keep up, up again slowly. Pure: time and what waits come from the caller.

/**
 * The steps. `fps` and `jpegFps` pictures a second (as JPEG they take more), `bitrate` of H.264 in bits a second, `quality` of JPEG 0..1,
 * `layers`: with two temporal layers; `opus` bits a second of sound, 0: as PCM (256 kbit/s). What a step takes in all, as H.264 with Opus:
 * 610, 210, 110, 60, 35, 1 kbit/s.
 */
export const STEPS = Object.freeze(
  [
    { name: "full", fps: 10, jpegFps: 10, width: 640, height: 480, bitrate: 350_000, quality: 0.6, layers: true, opus: 0, sound: true },
    { name: "lower", fps: 10, jpegFps: 5, width: 640, height: 480, bitrate: 180_000, quality: 0.4, layers: true, opus: 24_000, sound: true },
    { name: "fewer", fps: 5, jpegFps: 2, width: 480, height: 360, bitrate: 80_000, quality: 0.4, layers: false, opus: 20_000, sound: true },
    { name: "small", fps: 2, jpegFps: 1, width: 320, height: 240, bitrate: 35_000, quality: 0.35, layers: false, opus: 16_000, sound: true },
    { name: "stills", fps: 1 / 3, jpegFps: 1 / 3, width: 320, height: 240, bitrate: 0, quality: 0.35, layers: false, opus: 16_000, sound: true },
    { name: "acts", fps: 0, jpegFps: 0, width: 320, height: 240, bitrate: 0, quality: 0.35, layers: false, opus: 0, sound: false },
  ].map(Object.freeze),
);

const PCM_BITS = 262_000; // with headers
const MESSAGE_BITS = 600; // what a message takes beside its media, TLS and TCP included
const JPEG_BITS_PER_PIXEL = 1.1; // at quality 0.6 of a face; less at a lower one

const ROOM_S = 0.6; // seconds of sending that may wait in the page; more would only arrive late
const ROOM_LEAST_BYTES = 12 * 1024;
const DOWN_AFTER_MS = 1500; // tight for this long in all, a fifth of calm time counted against it: a sixth of the pictures may be skipped
const CALM_WEIGHT = 0.2;
const SETTLE_MS = 1000; // after a step, what was sent before it must drain
const SETTLE_MOST_MS = 10_000;
const LATE_MARGIN_MS = 3000;
const HOLD_MOST_MS = 10_000;
const FITS = 0.85; // share of what the network was seen to carry that a step may take
const UP_AFTER_MS = 15_000;
const UP_AFTER_MOST_MS = 240_000;
const REGRET_MS = 40_000; // a step up that is taken back this soon was wrong: the next one waits twice as long
const FORGIVE_MS = 300_000; // held for this long, a step up was right

/** Bits a second that `step` sends, with `{h264, opus}` saying what the page can. */
export function bitsOf(step, { h264 = true, opus = true } = {}) {
  const still = step.width * step.height * JPEG_BITS_PER_PIXEL * (step.quality / 0.6);
  const copied = h264 && step.bitrate > 0;
  const fps = copied ? step.fps : step.jpegFps;
  const pictures = (copied ? step.bitrate : still * fps) + fps * MESSAGE_BITS;
  const sound = step.sound ? (step.opus && opus ? step.opus + 2 * MESSAGE_BITS * 2 : PCM_BITS) : 0;
  return pictures + sound;
}

export class Ladder {
  #index = 0;
  #tightMs = 0;
  #calmSince = null;
  #changedAt = -Infinity;
  #settled = false;
  #wentUpAt = null; // when the present step was reached from below
  #upAfter = UP_AFTER_MS;
  #holdUntil = -Infinity; // no pictures before this: what is under way already takes so long
  #deafUntil = -Infinity; // late messages before this are of what an earlier step sent
  #last = null;

  /** `can`: `{h264, opus}`, what the page can encode; may be changed later. */
  constructor(can = { h264: false, opus: false }) {
    this.can = can;
  }

  get step() {
    return STEPS[this.#index];
  }

  /** Bytes that may wait to leave before pictures are skipped. */
  get room() {
    return Math.max(ROOM_LEAST_BYTES, (bitsOf(this.step, this.can) / 8) * ROOM_S);
  }

  /** Look at how much waits (bytes) at `now` (ms), while connected. True when the step changed. */
  observe(now, waiting) {
    const passed = this.#last === null ? 0 : Math.min(1000, now - this.#last);
    this.#last = now;
    const tight = waiting > this.room;
    if (tight || this.#calmSince === null) this.#calmSince = now;
    const since = now - this.#changedAt;
    this.#settled ||= (since > SETTLE_MS && !tight) || since > SETTLE_MOST_MS;
    if (!this.#settled) return false;
    this.#tightMs = Math.max(0, this.#tightMs + (tight ? passed : -passed * CALM_WEIGHT));
    if (this.#tightMs >= DOWN_AFTER_MS) return this.#down(now);
    if (this.#wentUpAt !== null && now - this.#wentUpAt > FORGIVE_MS) this.#upAfter = UP_AFTER_MS;
    return now - this.#calmSince >= this.#upAfter && this.#up(now);
  }

  /**
   * The server says that what comes was taken `ms` ago, and how many bits a second came of late (0: not known): the network carries no more.
   * Pictures are held back until what is under way has arrived. True when the step changed.
   */
  late(now, ms, bits = 0) {
    this.#calmSince = now;
    if (now < this.#deafUntil) return false;
    const drains = bits ? Math.max(1, bitsOf(this.step, this.can) / bits) * ms : ms; // what was sent meanwhile is under way, too
    this.#deafUntil = now + drains * 1.3 + LATE_MARGIN_MS;
    this.#holdUntil = now + Math.min(HOLD_MOST_MS, drains);
    const fitting = bits ? STEPS.findIndex((step) => bitsOf(step, this.can) <= bits * FITS) : 0;
    return this.#down(now, Math.max(0, fitting - this.#index - 1));
  }

  /** Are pictures held back at `now`? */
  holds(now) {
    return now < this.#holdUntil;
  }

  /** The connection was lost: what waited is gone, and says nothing any more. */
  restart(now) {
    this.#tightMs = 0;
    this.#calmSince = now;
    this.#last = now;
    this.#holdUntil = -Infinity;
  }

  #down(now, further = 0) {
    if (this.#wentUpAt !== null && now - this.#wentUpAt < REGRET_MS) this.#upAfter = Math.min(UP_AFTER_MOST_MS, this.#upAfter * 2);
    this.#wentUpAt = null;
    return this.#go(now, Math.min(this.#index + 1 + further, STEPS.length - 1));
  }

  #up(now) {
    if (this.#index > 0) this.#wentUpAt = now;
    return this.#go(now, this.#index - 1);
  }

  #go(now, index) {
    this.#tightMs = 0;
    this.#calmSince = now;
    if (index < 0 || index === this.#index) return false;
    this.#index = index;
    this.#changedAt = now;
    this.#settled = false;
    return true;
  }
}
