// What a key means on the review page. Pure.

/** Why a flag is dismissed, by digit: 1 to 9, then 0. */
export const REASONS = ["other_person_harmless", "glasses", "light", "reading_aloud", "device", "nothing_to_see", "accommodation", "agreed", "connection", "other"];

/** The digit of the reason at `index`. */
export const digitOf = (index) => (index + 1) % 10;

const KEYS = new Map(
  Object.entries({
    j: "next",
    k: "previous",
    " ": "play",
    ArrowLeft: "back",
    ArrowRight: "forward",
    ",": "frame_back",
    ".": "frame_forward",
    c: "confirm",
    d: "dismiss",
    n: "note",
    u: "undo",
    m: "mute",
    s: "speed",
    b: "boxes",
    a: "same",
    "?": "keys",
  }),
);

const REPEATED = new Set(["ArrowLeft", "ArrowRight", ",", "."]); // seeking goes on while the key is held

/** What a key asks for: an action's name, `reason:<name>` for a digit while a dismissal waits for it, or null. */
export function keyAction({ key, ctrlKey = false, metaKey = false, altKey = false, repeat = false }, { dismissing = false } = {}) {
  if (ctrlKey || metaKey || altKey) return null;
  if (repeat && !REPEATED.has(key)) return null; // a key held too long must not decide on the whole queue
  if (dismissing) {
    if (key === "Escape") return "cancel";
    const reason = /^\d$/.test(key) ? REASONS[(Number(key) + 9) % 10] : undefined;
    if (reason) return `reason:${reason}`;
  }
  return KEYS.get(key.length === 1 ? key.toLowerCase() : key) ?? null;
}
