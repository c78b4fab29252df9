// What this browser remembers for its viewer; where storage is blocked, for this page alone.

const kept = new Map();

/** The text kept under `key`, or null. */
export function remembered(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return kept.get(key) ?? null;
  }
}

/** Keep `text` under `key`. */
export function remember(key, text) {
  try {
    localStorage.setItem(key, text);
  } catch (error) {
    kept.set(key, text);
    console.info("Remembered for this page only.", error.name);
  }
}
