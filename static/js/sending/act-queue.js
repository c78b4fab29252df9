// Screen acts that the server has not confirmed yet: in order, kept over reloads, each deleted only when acknowledged.

const MOST_PER_MESSAGE = 200;

export class ActQueue {
  #acts = new Map();

  /** `store` keeps records {id, session, …} (see act-store.js); `session` is the session's id. */
  constructor(store, session) {
    this.store = store;
    this.session = session;
  }

  /** Bring back what an earlier page of this session left. */
  async load() {
    const made = [...this.#acts.values()];
    const kept = (await this.store.all(this.session)).sort((a, b) => a.page_ms - b.page_ms);
    this.#acts = new Map(kept.map(({ session: _session, ...act }) => [act.id, act]));
    for (const act of made) this.#acts.set(act.id, act);
  }

  /** Queue an act; it is stored before the returned promise settles. */
  async add(act) {
    this.#acts.set(act.id, act);
    await this.store.put({ ...act, session: this.session });
  }

  /** Forget acts that the server has made durable. */
  async acknowledge(ids) {
    const known = ids.filter((id) => this.#acts.delete(id));
    if (known.length) await this.store.remove(known);
  }

  /** Forget everything: the session is over, and nobody takes it any more. */
  async clear() {
    await this.acknowledge([...this.#acts.keys()]);
  }

  /** What is to be sent, oldest first, in messages of bounded size, each with acts of one clock. */
  batches() {
    const batches = [];
    for (const act of this.#acts.values()) {
      const last = batches.at(-1);
      if (last && last.length < MOST_PER_MESSAGE && last[0].page === act.page) last.push(act);
      else batches.push([act]);
    }
    return batches;
  }

  get size() {
    return this.#acts.size;
  }
}
