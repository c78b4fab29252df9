// What was sent and has not arrived, as the server tells it: in the page, in the system's sockets and in the network alike. A socket's
// `bufferedAmount` knows the first alone, and a narrow line fills the others with many seconds of pictures. Pure: time comes from the caller.

const RATE_MS = 2000; // what arrived in this time is what the network carries, while something waits for it
const RATE_LEAST_MS = 1000;
const TRIP_MOST_MS = 500; // a way that seems longer is a full one

const sumOf = (messages) => messages.reduce((sum, { bytes }) => sum + bytes, 0);

/** Of one connection. */
export class Backlog {
  #under = []; // {bytes, at, extra} of each message that has not arrived, in order
  #count = 0; // messages that have
  #came = []; // {bytes, at} of those of late
  #trip = Infinity;

  /** Bytes that have not arrived. */
  get bytes() {
    return sumOf(this.#under);
  }

  /** Those of them that are no extra. */
  get regular() {
    return sumOf(this.#under.filter(({ extra }) => !extra));
  }

  /** Least ms from the sending of a message to the word that it came: the way there and back, with the server's pause between two words. */
  get trip() {
    return Math.min(TRIP_MOST_MS, this.#trip);
  }

  /** `extra`: now and then, and large; what is sent all the time does not wait for it. */
  sent(now, bytes, { extra = false } = {}) {
    this.#under.push({ bytes, at: now, extra });
  }

  /** The server has `count` messages of this connection. */
  received(now, count) {
    const arrived = this.#under.splice(0, Math.max(0, count - this.#count));
    this.#count += arrived.length;
    if (!arrived.length) return;
    this.#trip = Math.min(this.#trip, now - arrived.at(-1).at);
    this.#came.push({ bytes: sumOf(arrived), at: now });
    while (now - this.#came[0].at > RATE_MS) this.#came.shift();
  }

  /** For how many ms the oldest message that has not arrived is under way; 0 where all have. */
  late(now) {
    return this.#under.length ? now - this.#under[0].at : 0;
  }

  /**
   * Bits a second that the network carries: from one arrival to another of late, as long as something was always under way; 0 where that can't be told.
   * What has arrived in part is not known, and its time not counted.
   */
  get rate() {
    const since = this.#under[0]?.at ?? Infinity;
    const came = this.#came.filter(({ at }) => at >= since);
    const span = came.length ? came.at(-1).at - came[0].at : 0;
    if (span < RATE_LEAST_MS) return 0;
    return (sumOf(came.slice(1)) * 8000) / span;
  }
}
