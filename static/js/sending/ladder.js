// How much the page sends: begins with what the network was seen to carry, steps down while it does not keep up, up again slowly. Pure: time and what
// is under way come from the caller.

/**
 * The steps. `fps` and `jpegFps` pictures a second (as JPEG they take more), `bitrate` of H.264 in bits a second, `quality` of JPEG 0..1,
 * `layers`: with two temporal layers; `opus` bits a second of sound, 0: as PCM (256 kbit/s). What a step takes in all, as H.264 with Opus:
 * 610, 220, 110, 60, 40, 1 kbit/s.
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
const OPUS_MORE = 1.15; // of speech it takes more than it was asked to
const MESSAGE_BITS = 600; // what a message takes beside its media, TLS and TCP included
const SOUND_MESSAGES = 5; // a second
const JPEG_BITS_PER_PIXEL = 1.1; // at quality 0.6 of a face; less at a lower one

const ROOM_S = 0.6; // seconds of sending that may be under way beyond the way itself; more would only arrive late
const LATE_MS = 2000; // under way for this long: the network carries less than is sent
const UNKNOWN = "fewer"; // the step to begin with where nothing is known of the network
const RISE_AFTER_MS = 3000; // from there, until a step up is too much
const DOWN_AFTER_MS = 1500; // tight for this long in all, a fifth of calm time counted against it: for a sixth of the time pictures may wait
const CALM_WEIGHT = 0.2;
const SETTLE_MS = 1000; // after a step, what was sent before it must drain
const SETTLE_MOST_MS = 10_000;
const FITS = 0.85; // share of what the network was seen to carry that a step may take
const UP_AFTER_MS = 15_000;
const UP_AFTER_MOST_MS = 240_000;
const REGRET_MS = 40_000; // a step up that is taken back this soon was wrong: the next one waits twice as long
const FORGIVE_MS = 300_000; // held for this long, a step up was right

/** Bits a second that `step` sends, with `{h264, opus}` saying what the page can. */
export function bitsOf(step, { h264 = true, opus = true } = {}) {
  const copied = h264 && step.bitrate > 0;
  const fps = copied ? step.fps : step.jpegFps;
  const pictures = (copied ? step.bitrate : jpegBits(step) * fps) + fps * MESSAGE_BITS;
  return pictures + soundBits(step, opus);
}

function jpegBits({ width, height, quality }) {
  return width * height * JPEG_BITS_PER_PIXEL * (quality / 0.6);
}

function soundBits({ sound, opus: bits }, can) {
  if (!sound) return 0;
  return bits && can ? bits * OPUS_MORE + SOUND_MESSAGES * MESSAGE_BITS : PCM_BITS;
}

/** Bits a second without which `step` is no use: stills wait until there is room, so half of them will do. */
function needOf(step, can) {
  const bits = bitsOf(step, can);
  return step.bitrate || !step.sound ? bits : (bits + soundBits(step, can.opus)) / 2;
}

export class Ladder {
  #index = 0;
  #tightMs = 0;
  #calmSince = 0;
  #changedAt = 0;
  #settled = false; // is what is under way the present step's?
  #settledBy = 0;
  #wentUpAt = null; // when the present step was reached from below
  #upAfter = UP_AFTER_MS;
  #rising = false; // from a step that was guessed, or of another connection
  #trip = 0;
  #last = null;

  /** `can`: `{h264, opus}`, what the page can encode; may be changed later. */
  constructor(can = { h264: false, opus: false }) {
    this.can = can;
  }

  /**
   * Choose the first step: what fits into `kbits` a second that the network was seen to carry, else the step that was `last` the right one or a
   * careful one, which soon gives way to higher ones.
   */
  begin({ kbits = 0, last = null } = {}) {
    const guess = STEPS.find(({ name }) => name === last) ?? STEPS.find(({ name }) => name === UNKNOWN);
    this.#rising = !kbits;
    this.#index = kbits ? this.#fitting(kbits * 1000) : STEPS.indexOf(guess);
  }

  get step() {
    return STEPS[this.#index];
  }

  /** Bytes that may be under way before pictures wait: always a JPEG, which is about a key picture of H.264 as well, and the sound beside it. */
  get room() {
    const sound = soundBits(this.step, this.can.opus);
    const span = ROOM_S + this.#trip / 1000;
    return (Math.max(jpegBits(this.step), (bitsOf(this.step, this.can) - sound) * span) + sound * span) / 8;
  }

  /**
   * Look at what is under way at `now` (ms), while connected: does a picture wait for `room` (`held`), how many bytes are under way, for how many ms
   * the oldest (`late`), how many bits a second the network carries meanwhile (`rate`, 0: not known), and how many ms the way takes there and back
   * (`trip`). True when the step changed.
   */
  observe(now, { held, bytes = 0, late = 0, rate = 0, trip = 0 }) {
    if (this.#last === null) this.#since(now); // what the check left under way
    const passed = Math.min(1000, now - (this.#last ?? now));
    this.#last = now;
    this.#trip = trip;
    const isLate = late > LATE_MS + trip;
    const tight = isLate || held;
    if (tight) this.#calmSince = now;
    const fitting = isLate && rate ? this.#fitting(rate) : 0;
    if (fitting > this.#index) return this.#down(now, fitting, (bytes * 8000) / (rate * FITS - soundBits(STEPS[fitting], this.can.opus)));
    this.#settled ||= (now - this.#changedAt > SETTLE_MS && !tight) || now > this.#settledBy;
    if (!this.#settled) return false;
    this.#tightMs = Math.max(0, this.#tightMs + (tight ? passed : -passed * CALM_WEIGHT));
    if (this.#tightMs >= DOWN_AFTER_MS) return this.#down(now, Math.min(this.#index + 1, STEPS.length - 1));
    if (this.#wentUpAt !== null && now - this.#wentUpAt > FORGIVE_MS) this.#upAfter = UP_AFTER_MS;
    return now - this.#calmSince >= (this.#rising ? RISE_AFTER_MS : this.#upAfter) && this.#up(now);
  }

  /** The highest step that a network of `bits` a second carries. */
  #fitting(bits) {
    const found = STEPS.findIndex((step) => needOf(step, this.can) <= bits * FITS);
    return found < 0 ? STEPS.length - 1 : found;
  }

  /** The connection was lost: what waited is gone and says nothing any more, and the next one may be a better one. */
  restart(now) {
    this.#rising = true;
    this.#last = now;
    this.#calm(now);
  }

  /** `drains`: ms until what is under way has arrived, where that is known. */
  #down(now, index, drains = 0) {
    if (this.#wentUpAt !== null && now - this.#wentUpAt < REGRET_MS) this.#upAfter = Math.min(UP_AFTER_MOST_MS, this.#upAfter * 2);
    this.#wentUpAt = null;
    this.#rising = false;
    return this.#go(now, index, drains);
  }

  #up(now) {
    if (this.#index > 0) this.#wentUpAt = now;
    return this.#go(now, Math.max(0, this.#index - 1));
  }

  #go(now, index, drains = 0) {
    const changes = index !== this.#index;
    this.#index = index;
    if (changes) this.#since(now, drains);
    else this.#calm(now);
    return changes;
  }

  /** The present step begins at `now`: what was sent before drains first. */
  #since(now, drains = 0) {
    this.#calm(now);
    this.#changedAt = now;
    this.#settled = false;
    this.#settledBy = now + Math.max(SETTLE_MOST_MS, drains);
  }

  #calm(now) {
    this.#tightMs = 0;
    this.#calmSince = now;
  }
}
