// The page's clock and what is reckoned on it: when the next picture is due, what audio time is in page time, how long to wait.

/** Milliseconds on the page's clock: near the wall clock, never jumping. */
export function pageMs() {
  return performance.timeOrigin + performance.now();
}

const GAP_MS = 1500; // between two looks no clock drifts so far

/**
 * Names the page's clock: it has another name after a reload, and after each time at which it stood still (the computer slept) or the wall's was set.
 * Which of the two it was nobody here can tell; the server can, and takes what was noted under a name by what that clock was worth.
 */
export class ClockName {
  #name;
  #apart;

  constructor({ wall = Date.now, page = pageMs, make = () => crypto.randomUUID() } = {}) {
    Object.assign(this, { wall, page, make });
    this.#name = make();
    this.#apart = wall() - page();
  }

  /** The clock's name now. */
  get now() {
    const apart = this.wall() - this.page();
    if (Math.abs(apart - this.#apart) > GAP_MS) this.#name = this.make();
    this.#apart = apart; // one that is drawn slowly to the right time makes no new clock
    return this.#name;
  }

  /** By how many ms the time of day is ahead of it now. */
  get apart() {
    return this.wall() - this.page();
  }
}

/** Seconds spelt for people: `0:42`, `12:05`, `1:02:05`. */
export function spellSeconds(seconds) {
  const whole = Math.max(0, Math.floor(Number(seconds) || 0));
  const two = (number) => String(number).padStart(2, "0");
  const minutes = Math.floor(whole / 60) % 60;
  const hours = Math.floor(whole / 3600);
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

/** Says at each tick whether a picture is due, so that the rate is kept on average although ticks come late or early. */
export class Schedule {
  #next = null;

  constructor(perSecond) {
    this.rate = perSecond;
  }

  set rate(perSecond) {
    this.period = 1000 / Math.max(0.1, perSecond);
    this.#next = null;
  }

  /** Whether a picture is due at `now` (ms); half a tick early counts. */
  isDue(now) {
    return this.#next === null || now >= this.#next - Math.min(50, this.period / 2);
  }

  /** True when a picture is due at `now` (ms), and then it is taken; what was missed is not made up for. */
  due(now) {
    if (!this.isDue(now)) return false;
    const next = (this.#next ?? now) + this.period;
    this.#next = next < now ? now + this.period : next;
    return true;
  }
}

/**
 * Audio time in page time. Each message of sound says when it ended on the audio clock and when it arrived; the least
 * delay of the last minute is the mapping, since lateness only ever adds. A lasting shift (a stalled device) is taken over.
 */
export class AudioClock {
  #bins = [];
  #late = [];

  constructor({ binMs = 10_000, bins = 6, shiftMs = 150, shiftAfter = 10 } = {}) {
    Object.assign(this, { binMs, bins, shiftMs, shiftAfter });
  }

  /** Take in one arrival; give the offset (ms) to add to audio time. */
  observe(audioMs, arrivedMs) {
    const offset = arrivedMs - audioMs;
    if (this.#bins.length) {
      const shifted = offset - this.offset > this.shiftMs;
      this.#late = shifted ? [...this.#late, offset] : [];
      if (this.#late.length >= this.shiftAfter) {
        this.#bins = [];
        const least = Math.min(...this.#late);
        this.#late = [];
        this.#bins.push({ from: arrivedMs, least });
        return least;
      }
    }
    const last = this.#bins.at(-1);
    if (!last || arrivedMs - last.from >= this.binMs) {
      this.#bins.push({ from: arrivedMs, least: offset });
      if (this.#bins.length > this.bins) this.#bins.shift();
    } else if (offset < last.least) {
      last.least = offset;
    }
    return this.offset;
  }

  get offset() {
    return Math.min(...this.#bins.map((bin) => bin.least));
  }

  reset() {
    this.#bins = [];
    this.#late = [];
  }
}

/** Milliseconds to wait before attempt `attempt` (0, 1, …): 0.5 s doubling to 5 s, spread by a fifth so that a room does not come back at once. */
export function backOff(attempt, random = Math.random) {
  const wait = Math.min(5000, 500 * 2 ** Math.min(attempt, 10));
  return wait * (0.8 + 0.2 * random());
}
