// Keys that lead to a server. After one was away pages stay where they are, and their exam's key leads back to it: who watches them needs another key.

import { call } from "../shared/api.js";
import { anyKey } from "../shared/route.js";

const TRIES = 60; // of 20 servers one is missed in 1 of 20 searches
const AGAIN_MS = 60_000; // after one in vain
const KEPT = 100; // servers

const ask = async (by) => (await call("/api/ready", { by })).instance;

export class Detours {
  #keys = new Map(); // a server's name → a key that led to it
  #missed = new Map(); // a server's name → when none was found
  #searches = new Map();

  /** `answered(key)` tells the name of the server to which a key leads. */
  constructor({ answered = ask, now = () => performance.now() } = {}) {
    Object.assign(this, { answered, now });
  }

  /** A key that leads to `server`, but `worn`, which does not any more; null where none is found. Never throws. */
  async find(server, worn = null) {
    if (!server) return null; // it is on its way to one
    if (this.#keys.get(server) === worn) this.#keys.delete(server);
    const known = this.#keys.get(server);
    if (known) return known;
    if (this.now() - (this.#missed.get(server) ?? -Infinity) < AGAIN_MS) return null;
    if (!this.#searches.has(server)) this.#searches.set(server, this.#search(server).finally(() => this.#searches.delete(server)));
    return this.#searches.get(server);
  }

  async #search(server) {
    for (let tried = 0; tried < TRIES && !this.#keys.has(server); tried += 1) {
      const key = anyKey();
      try {
        const found = await this.answered(key);
        if (found && this.#keys.size < KEPT) this.#keys.set(found, key);
      } catch (error) {
        console.info("A server does not answer.", error.message); // one that drains, as others do
      }
    }
    if (!this.#keys.has(server)) this.#missed.set(server, this.now());
    return this.#keys.get(server) ?? null;
  }
}

/** Has each tile of a wall watched at the server at which its session is. */
export class WallDetours {
  /** `tiles`: by session; `changed(session_id)`: another connection leads to it now. */
  constructor(tiles, changed, detours = new Detours()) {
    Object.assign(this, { tiles, changed, detours });
  }

  /** Is any watched elsewhere, and no way there known? */
  get lost() {
    return [...this.tiles.values()].some(({ status }) => status.elsewhere);
  }

  /** The server to which the tile's key leads says that its session runs at `server`. */
  async away(session_id, server) {
    const before = this.tiles.get(session_id)?.detour ?? null;
    const key = await this.detours.find(server, before);
    const tile = this.tiles.get(session_id);
    if (!tile || (tile.detour ?? null) !== before) return;
    tile.update({ elsewhere: key ? null : server || null });
    if (key === before) return;
    tile.detour = key;
    this.changed(session_id);
  }

  /** The session moves, to where its key leads as a rule. */
  home(session_id) {
    const tile = this.tiles.get(session_id);
    if (!tile?.detour) return;
    tile.detour = null;
    this.changed(session_id);
  }
}
