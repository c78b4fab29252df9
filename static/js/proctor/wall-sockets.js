// The live page's connections where the exams that it shows are on several servers: one for each key that leads to a server, and the page's own.

const MOST = 8; // beside the page's own

export class WallSockets {
  alone = true; // no other server lives: the page's own connection serves all
  missing = 0; // keys of what is shown for which there is no connection
  #open = new Map(); // key → its connection
  #heard = [];

  /** `own` is the page's; `make(key)` opens another. */
  constructor(own, make, { most = MOST } = {}) {
    Object.assign(this, { own, make, most });
  }

  /** Hear an event of whichever server. One may be heard twice. */
  on(event, heard) {
    this.#heard.push([event, heard]);
    for (const socket of [this.own, ...this.#open.values()]) socket.on(event, heard);
  }

  /** The connection that leads to a session of this key; null where there are too many. */
  of(route) {
    return this.alone || !route ? this.own : (this.#open.get(route) ?? null);
  }

  /** Keep connections for the keys of what is shown, and for those of the `rest` that there is room for. True where any came or went. */
  want(shown, rest = []) {
    const keys = this.alone ? [] : [...new Set([...shown, ...rest])].filter(Boolean);
    const first = new Set(shown);
    const rank = (key) => (first.has(key) ? 0 : 2) + (this.#open.has(key) ? 0 : 1); // what is open stays open: nothing flickers
    const wanted = keys.sort((a, b) => rank(a) - rank(b)).slice(0, this.most);
    const gone = [...this.#open.keys()].filter((key) => !wanted.includes(key));
    const come = wanted.filter((key) => !this.#open.has(key));
    for (const key of gone) {
      this.#open.get(key).close();
      this.#open.delete(key);
    }
    for (const key of come) {
      const socket = this.make(key);
      for (const [event, heard] of this.#heard) socket.on(event, heard);
      this.#open.set(key, socket);
    }
    this.missing = keys.filter((key) => first.has(key) && !this.#open.has(key)).length;
    return gone.length + come.length > 0;
  }
}
