// What of a row was damaged in the database, and is left out of it.

import { make } from "../shared/dom.js";
import { sessionTexts } from "./texts-session.js";

/** A line that names it, null where nothing was. */
export function damagedLine({ unreadable = [] }) {
  return unreadable.length ? make("div", { class: "error", text: sessionTexts.damaged({ fields: unreadable, records: [] }) }) : null;
}
