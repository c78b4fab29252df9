// What a key means on a session's page: those of the review page where they mean the same, and some of its own. Pure.

import { keyAction } from "./review-keys.js";

const SHARED = new Set(["next", "previous", "confirm", "dismiss", "note", "undo", "cancel"]);

/** An action's name, `reason:<name>` for a digit while a dismissal waits for it, or null. */
export function sessionAction(event, { dismissing = false } = {}) {
  const { key, ctrlKey = false, metaKey = false, altKey = false, repeat = false } = event;
  if (ctrlKey || metaKey || altKey || repeat) return null;
  if (event.shiftKey && /^[jk]$/i.test(key)) return key.toLowerCase() === "j" ? "next_student" : "previous_student";
  if (key === "+" || key === "=") return "zoom_in";
  if (key === "-") return "zoom_out";
  if (/^m$/i.test(key)) return "mark";
  const action = keyAction(event, { dismissing });
  return SHARED.has(action) || action?.startsWith("reason:") ? action : null;
}
