// Where unconfirmed acts survive a reload: IndexedDB, or memory where the browser gives none (private windows).

const DATABASE = "exam-proctor";
const TABLE = "acts";

function done(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

export class MemoryStore {
  records = new Map();

  async all(session) {
    return [...this.records.values()].filter((record) => record.session === session);
  }

  async put(record) {
    this.records.set(record.id, record);
  }

  async remove(ids) {
    for (const id of ids) this.records.delete(id);
  }
}

class IndexedStore {
  constructor(database) {
    this.database = database;
  }

  #table(mode) {
    return this.database.transaction(TABLE, mode, { durability: "strict" }).objectStore(TABLE);
  }

  all(session) {
    return done(this.#table("readonly").index("session").getAll(session));
  }

  put(record) {
    return done(this.#table("readwrite").put(record));
  }

  async remove(ids) {
    const table = this.#table("readwrite");
    await Promise.all(ids.map((id) => done(table.delete(id))));
  }
}

/** The browser's store; memory when it can't be had. */
export async function openActStore(factory = globalThis.indexedDB) {
  if (!factory) return new MemoryStore();
  try {
    const request = factory.open(DATABASE, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore(TABLE, { keyPath: "id" }).createIndex("session", "session");
    };
    return new IndexedStore(await done(request));
  } catch (error) {
    console.warn("No IndexedDB here; acts are kept in memory only.", error);
    return new MemoryStore();
  }
}
