// What a key means on the page on which people compare students with their cards, and which student comes next. Pure.

const KEYS = new Map(Object.entries({ j: "next", k: "previous", a: "accept", q: "query", n: "undecided" }));

/** An action's name, or null. */
export function identityAction({ key, ctrlKey = false, metaKey = false, altKey = false, shiftKey = false, repeat = false }) {
  if (ctrlKey || metaKey || altKey || shiftKey || repeat) return null; // a key held too long must not decide on everybody
  return KEYS.get(key.toLowerCase()) ?? null;
}

/** The place of the next row that nobody has decided on, behind the one at `from`, then from the beginning; -1: there is none. */
export function nextUndecided(rows, from) {
  const places = rows.map((row, place) => (row.stands === "open" ? place : -1)).filter((place) => place >= 0 && place !== from);
  return places.find((place) => place > from) ?? places[0] ?? -1;
}

/** The pictures in the order in which they are laid side by side: card, faces, stills, room; of cards and faces that were taken again the newest first. */
export function laidOut(pictures) {
  const order = ["card", "face", "still", "room"];
  const newestFirst = new Set(["card", "face"]);
  return order.flatMap((kind) => {
    const found = pictures.filter((picture) => picture.kind === kind);
    return newestFirst.has(kind) ? found.reverse() : found;
  });
}
