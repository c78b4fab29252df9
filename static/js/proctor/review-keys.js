// What a key means on the review page. Pure.

export const REASONS = ["other_person_harmless", "glasses", "light", "reading_aloud", "device", "other"];

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
    const reason = /^[1-9]$/.test(key) ? REASONS[Number(key) - 1] : undefined;
    if (reason) return `reason:${reason}`;
  }
  return KEYS.get(key.length === 1 ? key.toLowerCase() : key) ?? null;
}
