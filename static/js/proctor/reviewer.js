// Who reviews: the name of the account that is signed in; without one, a name that is kept in this browser.

import { remember, remembered } from "../shared/storage.js";

const KEY = "reviewer";
const LONGEST = 100; // characters

/** The name of the account that is signed in; an empty text where it is none. What it decides stands under this name in any case. */
export function ownName() {
  return globalThis.document?.querySelector("meta[name=own-name]")?.content ?? "";
}

/** The name, or an empty text where nobody was asked yet. */
export function reviewer() {
  return ownName() || (remembered(KEY) ?? "");
}

/** Remember who reviews in this browser. */
export function setReviewer(name) {
  remember(KEY, name.slice(0, LONGEST));
}
