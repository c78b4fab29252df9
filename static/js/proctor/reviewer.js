// Who reviews: the name, kept in this browser.

import { remember, remembered } from "../shared/storage.js";

const KEY = "reviewer";
const LONGEST = 100; // characters

/** The name, or an empty text where nobody was asked yet. */
export function reviewer() {
  return remembered(KEY) ?? "";
}

/** Remember who reviews in this browser. */
export function setReviewer(name) {
  remember(KEY, name.slice(0, LONGEST));
}
